"""The file of the official memory server of the Model Context Protocol: a graph, an entity or a relation a line.

    {"type": "entity", "name": "Alice", "entityType": "person", "observations": ["Works at Acme"]}
    {"type": "relation", "from": "Alice", "to": "Bob", "relationType": "manages"}

(github.com/modelcontextprotocol/servers, src/memory.) Each observation is a memory whose parent and tag is its entity and whose category is the
entity's type; a relation is a sentence, with its beginning as parent and both ends as tags. An entity of which nothing is observed is told by its
name and type. What comes from such a file goes back into one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Container, Iterable, Iterator
from typing import Any

from ...drafts import MAX_TEXT
from ...records import USER_PREFERENCE, Memory
from .entries import Entry, collected, entry, label, labels, name_of, present, refuse
from .rows import json_lines

__all__ = ["read", "sentence", "write"]

RELATION = "relation"
"""The category of a relation's sentence."""

_TEXTS = {"entity": ("name", "entityType"), "relation": ("from", "to", "relationType")}


def read(text: str, file: str = "") -> list[Entry]:
    """An Entry an observation and relation. Raises UsageError naming the line that is neither; the server itself would skip it silently."""
    return collected(_entries(text), file)


def write(memories: Iterable[Memory], now: float | None = None) -> Iterator[str]:
    """What holds at `now` (default: the present) as lines of the graph, entities first, as the server writes them.

    A memory is an observation of its parent, else of its project or of the user; what it is tagged with beside that does not fit the format.
    """
    held = list(present(memories, time.time() if now is None else now))
    entities: dict[str, dict[str, Any]] = {}
    for m in held:
        name = _entity(m)
        entities.setdefault(name, {"type": "entity", "name": name, "entityType": "", "observations": []})
    relations = []
    for m in sorted(held, key=lambda m: (m.parent, m.position, m.created, m.id)):
        at = entities[_entity(m)]
        if m.category == RELATION and (relation := _relation(m, entities)):
            relations.append(relation)
            continue
        at["entityType"] = at["entityType"] or m.category or m.kind
        if m.content != _nothing_observed(at["name"], m.category) and m.content not in at["observations"]:
            at["observations"].append(m.content)
    for one in (*entities.values(), *relations):
        if one.get("entityType") == "":
            one["entityType"] = "memory"
        yield json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n"


def sentence(source: str, relation: str, target: str, line: int) -> Entry:
    """The Entry of a relation between two things."""
    fields = {"content": f"{source} {relation} {target}", "category": RELATION, "tags": labels(source, target)}
    return entry(fields, line, engine={"parent": name_of(source)})


def _entries(text: str) -> Iterator[Entry]:
    for line, said in json_lines(text):
        if (kind := said.get("type")) not in ("entity", "relation"):
            refuse(line, 'this is neither "type": "entity" nor "type": "relation".')
        for field in _TEXTS[kind]:
            if not isinstance(said.get(field), str) or not said[field].strip():
                refuse(line, f"the field {field} must be a text that is not empty.", field=field)
        yield from _observations(said, line) if kind == "entity" else [sentence(said["from"], said["relationType"], said["to"], line)]


def _observations(said: dict[str, Any], line: int) -> Iterator[Entry]:
    observed = said.get("observations")
    if not isinstance(observed, list):
        refuse(line, "the field observations must be a list of texts.", field="observations")
    name, category = name_of(said["name"]), label(said["entityType"])
    for position, content in enumerate(observed or [_nothing_observed(said["name"], category)]):
        fields = {"content": content, "category": category, "tags": labels(name)}
        yield entry(fields, line, engine={"parent": name, "position": position})


def _nothing_observed(name: str, category: str) -> str:
    return f"{name} ({category})"


def _entity(m: Memory) -> str:
    if m.parent:
        return m.parent
    return m.project.rpartition("/")[2] or ("user" if m.level == USER_PREFERENCE else "general")


def _relation(m: Memory, entities: Container[str]) -> dict[str, str] | None:
    """The relation that the sentence was made of: the longest known name that it ends in is what it leads to."""
    if not m.parent or not m.content.startswith(f"{m.parent} "):
        return None
    rest = m.content[len(m.parent) + 1 :]
    for at in range(max(1, len(rest) - MAX_TEXT - 1), len(rest)):
        if rest[at] == " " and rest[at + 1 :] in entities:
            return {"type": "relation", "from": m.parent, "to": rest[at + 1 :], "relationType": rest[:at]}
    return None
