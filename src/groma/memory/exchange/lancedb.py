"""Rows of a LanceDB table of memories, as agents' memory plug-ins and `to_pandas().to_json()` export them: a list, a wrapped list, or one a line.

    {"id", "text" | "content" | …, "vector" | "embedding", "timestamp" | "created_at" | "createdAt", "category", "importance", "scope", "tags",
     "agentId" | "agent_id", "sessionId" | "session_id", "metadata"}

(github.com/openclaw/openclaw, extensions/memory-lancedb; CortexReach/memory-lancedb-pro.) Vectors are left: they are made anew with the model in
use. `metadata` is an object or a text that holds one; where a field is missing it may stand there. Times are ISO 8601, seconds or a finer unit.
An importance beyond 0 to 1 is on another scale and is left. Of scopes, `global`, `project:<name>` and `agent:<name>` mean what they say; any
other becomes a tag.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .entries import Entry, collected, entry, label, labels, name_of, original, refuse, when
from .rows import rows

__all__ = ["CONTENT", "read"]

CONTENT = ("text", "content", "memory", "document", "page_content", "pageContent")
"""The fields that may hold what was remembered, the first that is there."""

_CREATED = ("timestamp", "created_at", "createdAt", "created")
_SCHEMA_ROW = "__schema__"
"""The row by which plug-ins make a table, which remembers nothing."""


def read(text: str, file: str = "") -> list[Entry]:
    """An Entry a row. Raises UsageError naming the line of the first that cannot be read."""
    return collected((_entry(row, line) for line, row in rows(text) if row.get("id") != _SCHEMA_ROW), file)


def _entry(row: Mapping[str, Any], line: int) -> Entry:
    beside = _metadata(row.get("metadata"), line)

    def said(*names: str) -> Any:
        return next((of[name] for of in (row, beside) for name in names if of.get(name) is not None), None)

    content = next((row[name] for name in CONTENT if row.get(name) is not None), None)
    if content is None:
        refuse(line, f"this row has none of the fields {', '.join(CONTENT)}.")
    importance = said("importance")
    scope, place = _scope(said("scope"))
    fields = {
        "content": content,
        "category": label(said("category", "type")),
        "importance": importance if _is_share(importance) else None,
        "tags": labels(said("tags"), said("keywords"), place.pop("tag", None)),
        "agent": place.pop("agent", "") or name_of(said("agentId", "agent_id")),
        "session": name_of(said("sessionId", "session_id", "sessionKey")),
        "scope": scope,
        **place,
    }
    created = when("timestamp", said(*_CREATED), line)
    return entry(fields, line, id=original("id", row.get("id"), line), created=created)


def _metadata(v: object, line: int) -> dict[str, Any]:
    if isinstance(v, str) and v.lstrip().startswith("{"):
        try:
            v = json.loads(v)
        except (ValueError, RecursionError):
            refuse(line, "the field metadata holds a text that begins like JSON and is none.", field="metadata")
    return v if isinstance(v, dict) else {}


def _scope(v: object) -> tuple[str | None, dict[str, str]]:
    """The scope a draft takes, and what else the row's scope says: a project, an agent, or a tag."""
    if not isinstance(v, str) or not v:
        return None, {}
    kind, _, name = v.partition(":")
    if v == "global":
        return "global", {}
    if kind == "agent" and name_of(name):
        return None, {"agent": name_of(name)}
    if kind == "project" and label(name) and not label(name).startswith((".", "~", "-")):
        return "project", {"project": label(name)}
    return None, {"tag": v}


def _is_share(v: object) -> bool:
    return isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1
