"""Texts for a model: short, and what was remembered fenced as data with its source and trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...memories import fence
from ...records import TRUST
from ...shapes import MemoryShape, RecalledShape

__all__ = ["LINE", "cut", "fenced", "memory_line", "recalled_text", "remembered"]

LONGEST = 2_000
"""So many characters of one memory are in a text; the structured content and `groma://memory/ID` have all of it."""
LINE = 160


def cut(text: str, most: int) -> str:
    """The text, or as much of its beginning."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"


def fenced(text: str, source: str, some: Sequence[Any]) -> str:
    """Lines of several memories in one fence, trusted as the least trusted of them is; as little as anything where they are not at hand."""
    return fence(text, source, min((one["trust"] for one in some), default=min(TRUST.values())))


def remembered(m: RecalledShape | MemoryShape, *, whole: bool = False) -> str:
    """What one memory says, in a fence of its own."""
    return fence(m["content"] if whole else cut(m["content"], LONGEST), f"{m['source']} {m['agent']}".strip(), m["trust"])


def recalled_text(some: Iterable[RecalledShape], nothing_useful: bool) -> str:
    """Memories that answer, best first."""
    said = []
    for m in some:
        notes = [m["level"], str(m["created"])[:10]]
        if m["superseded_by"]:
            notes.append(f"superseded by {m['superseded_by']}")
        elif not m["valid"]:
            notes.append("not valid now")
        notes += [f"{a['path']}{'#' * bool(a['symbol'])}{a['symbol']} {a['state']}" for a in m["anchors"]]
        said += [f"{m['score']:.2f} {m['id']} ({', '.join(notes)})", remembered(m)]
    if nothing_useful:
        said.append("Nothing useful is remembered about this.")
    return "\n".join(said)


def memory_line(m: MemoryShape) -> str:
    """A memory on one line."""
    notes = [m["level"], m["source"], *(["forgotten"] if m["forgotten"] else []), *(["superseded"] if m["superseded_by"] else [])]
    notes += [m["state"]] if m["state"] != "active" else []
    return f"{m['id']}  {str(m['created'])[:10]}  {cut(' '.join(m['content'].split()), LINE)}  ({', '.join(notes)})"
