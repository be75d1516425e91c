"""Addresses of resources: `groma://file/PATH?start=1&end=9`, `groma://memory/ID`, `groma://status`. A path is relative to the project or absolute."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote

from ...errors import UsageError
from ...values import value

__all__ = ["STATUS", "Address", "address", "file_uri", "memory_uri"]

STATUS = "groma://status"
_LONGEST = 8_000
_WHOLE = re.compile(r"groma://(file|memory)/(.+?)(?:\?([^#]*))?", re.DOTALL)


@value
class Address:
    """`kind` is status, file or memory; `name` the path or id; `lines` are first and last, from 1, None where they are not said."""

    kind: str
    name: str
    lines: tuple[int | None, int | None] = (None, None)


def file_uri(path: str) -> str:
    """The address of a file."""
    return f"groma://file/{quote(path, safe='/', errors='surrogateescape')}"


def memory_uri(id: str) -> str:
    """The address of a memory."""
    return f"groma://memory/{quote(id)}"


def address(uri: str) -> Address:
    """What an address names. Raises UsageError for anything else."""
    if uri.rstrip("/") == STATUS:
        return Address("status", "")
    found = _WHOLE.fullmatch(uri) if len(uri) <= _LONGEST else None
    if found is None:
        raise UsageError(f"There is no resource {uri[:200]!r}; there are {STATUS}, groma://file/PATH?start=N&end=N and groma://memory/ID.")
    kind, name, query = found.groups()
    asked = dict(parse_qsl(query or "", keep_blank_values=True))
    if (kind == "memory" and asked) or set(asked) - {"start", "end"}:
        raise UsageError(f"Of {uri[:200]!r} only the lines of a file can be asked for: ?start=N&end=N.")
    lines = tuple(_number(asked[name]) if name in asked else None for name in ("start", "end"))
    return Address(kind, unquote(name, errors="surrogateescape"), (lines[0], lines[1]))


def _number(said: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", said):
        raise UsageError(f"A line is a number from 1, not {said[:40]!r}.")
    return int(said)
