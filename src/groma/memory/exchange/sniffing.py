"""Which format a text is in: by what it holds, then by what the file is called."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError
from . import lancedb, mem0
from .instructions import FILE_NAMES
from .markdown import is_own
from .own import FIELDS
from .rows import rows
from .texts import lines

__all__ = ["sniff"]

_MARKDOWN = (".md", ".mdc", ".markdown", ".txt")
_VECTORS = {"vector", "embedding"}
_OF_MEM0 = {"user_id", "agent_id", "run_id", "app_id", "hash", "expiration_date", "categories", "category_ids", "state", "app"}


def sniff(text: str, name: str = "") -> str:
    """The format's name. Raises UsageError if neither content nor name tells."""
    base = name.replace("\\", "/").rpartition("/")[2].lower()
    prose = base in FILE_NAMES or base.endswith(_MARKDOWN)
    first = text.lstrip()[:1]
    if first in ("{", "["):
        try:
            return _of_json(text)
        except UsageError:
            if not prose:  # in prose, [ may begin a link
                raise
    if text.startswith("---") and is_own(text):
        return "markdown"
    if prose or (first and _looks_like_prose(text)):
        return "instructions"
    what = "is empty" if not first else "begins neither like JSON nor like Markdown"
    raise UsageError(f"The format cannot be told: the text {what}. Name the format, or the file by its kind (.md, .jsonl, .json).")


def _of_json(text: str) -> str:
    around: dict[str, Any] = {}
    found = next(rows(text, around), None)
    if found is None:
        raise UsageError("The format cannot be told: the list in it is empty.")
    row = found[1]
    keys = set(row)
    if row.get("type") in ("entity", "relation") and keys & {"name", "from"}:
        return "memory-server"
    if "content" in keys and keys <= set(FIELDS) and ("id" not in keys or {"level", "source"} <= keys):
        return "jsonl"
    of_lancedb = keys & _VECTORS or "timestamp" in keys or "lancedb" in str(around.get("sourcePlugin"))
    if not of_lancedb and ("memory" in keys or (keys & _OF_MEM0 and keys & set(mem0.CONTENT))):
        return "mem0"
    if keys & set(lancedb.CONTENT):
        return "lancedb"
    shown = ", ".join(sorted(k[:40] for k in list(keys)[:8])) or "none"
    raise UsageError(f"Line {found[0]}: this is JSON, but no format that is known holds objects of these fields: {shown!a}.", line=found[0])


def _looks_like_prose(text: str) -> bool:
    return any(line.startswith(("# ", "## ", "- ", "* ")) for _, line in lines(text[:20_000]))
