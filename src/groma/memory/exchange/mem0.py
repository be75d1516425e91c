"""Exports of mem0: what `get_all`, `search` and `get_memory_export` answer, and the two files of an OpenMemory backup.

(github.com/mem0ai/mem0: mem0/memory/main.py, openmemory/api/app/routers/backup.py; docs.mem0.ai, API reference.) A list of memories, alone or
under `results`, `memories` or `items`, or one a line:

    {"id", "memory" | "content" | "text" | "data", "user_id", "agent_id", "run_id", "app_id" | "app", "actor_id", "role", "categories",
     "metadata", "created_at", "updated_at", "expiration_date", "state"}

The TypeScript library says createdAt, userId, agentId and runId. The first category becomes the category, all of them tags, beside `user:`,
`app:` and the tags in the metadata. `relations` of graph memory, {"source", "relationship", "target" | "destination"}, become sentences. What
its owner deleted there stays deleted; what was paused or archived is tagged so. Hashes, scores and other metadata are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .entries import Entry, collected, entry, label, labels, name_of, original, refuse, when
from .memory_server import sentence
from .rows import rows

__all__ = ["CONTENT", "read"]

CONTENT = ("memory", "content", "text", "data")
"""The fields that may hold what was remembered, the first that is there."""

_OWNERS = (("user", "user_id"), ("user", "userId"), ("app", "app_id"), ("app", "app"))


def read(text: str, file: str = "") -> list[Entry]:
    """An Entry a memory that was not deleted. Raises UsageError naming the line of the first that cannot be read."""
    return collected(_entries(text), file)


def _entries(text: str) -> Iterator[Entry]:
    around: dict[str, Any] = {}
    names: dict[str, str] | None = None
    line = 1
    for line, row in rows(text, around):
        if names is None and "category_ids" in row:
            names = _category_names(around)
        if row.get("state") != "deleted" and not row.get("deleted_at"):
            yield _entry(row, names or {}, line)
    for said in _listed(around.get("relations")):
        yield _relation(said, line)


def _relation(said: object, line: int) -> Entry:
    of = said if isinstance(said, dict) else {}
    parts = [of.get("source"), of.get("relationship"), of.get("target") or of.get("destination")]
    if not all(isinstance(part, str) and part.strip() for part in parts):
        refuse(line, "the list relations after it holds one without source, relationship and target.", field="relations")
    source, relation, target = parts
    return sentence(str(source), str(relation), str(target), line)


def _entry(row: Mapping[str, Any], names: Mapping[str, str], line: int) -> Entry:
    metadata = row.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    listed = row.get("categories") or [names.get(str(one)) for one in _listed(row.get("category_ids"))]
    categories = labels(metadata.get("category"), listed)
    owners = [f"{what}:{owner}" for what, of in _OWNERS if (owner := label(row.get(of)))]
    state = row.get("state") if row.get("state") in ("paused", "archived") else None
    fields = {
        "content": next((row[name] for name in CONTENT if row.get(name) is not None), None),
        "category": categories[0] if categories else "",
        "tags": labels(categories, metadata.get("tags"), state, owners),
        "agent": name_of(row.get("agent_id") or row.get("agentId")),
        "session": name_of(row.get("run_id") or row.get("runId")),
    }
    if fields["content"] is None:
        refuse(line, f"this memory has none of the fields {', '.join(CONTENT)}.")
    return entry(
        fields,
        line,
        engine={"role": name_of(row.get("actor_id")) or name_of(row.get("role"))},
        id=original("id", row.get("id"), line),
        created=when("created_at", row.get("created_at") or row.get("createdAt"), line),
        expires=when("expiration_date", row.get("expiration_date"), line),
    )


def _category_names(around: Mapping[str, Any]) -> dict[str, str]:
    """The names of the categories by id, which a backup lists before the memories."""
    listed = [one for one in _listed(around.get("categories")) if isinstance(one, dict)]
    return {str(one["id"]): one["name"] for one in listed if isinstance(one.get("name"), str) and "id" in one}


def _listed(v: object) -> list[Any]:
    return v if isinstance(v, list) else []
