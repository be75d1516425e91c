"""Markdown with front matter: a document a memory, its fields above, what was said below. What is written comes back the same.

    ---
    id: "0199…"
    created: 2026-11-21T10:13:20.25Z
    ---

    what was said, verbatim
    <!-- end 0199… -->

The last line tells a whole document from one that was cut off, and lets several stand in one file. A note without an id needs no such line: it is
the file, and a draft. Times are ISO 8601 with as many digits as they have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from ...records import Anchor, Memory, plain
from .entries import Entry, collected, refuse
from .front_matter import dumped, loaded
from .own import FIELDS, record
from .texts import lines

__all__ = ["file_name", "is_own", "read", "write"]

_TIMES = ("created", "updated", "used", "valid_from", "valid_to", "expires", "forgotten")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,30})?Z", re.ASCII)
_ANCHOR = re.compile(r"([^# ]+)(?:#([^ ]*))?(?: blob=([0-9a-f]+))?(?: commit=([0-9a-f]+))?")
_FENCE = "---"


def file_name(m: Memory) -> str:
    """What the memory's document is called in a folder."""
    return f"{m.id}.md"


def is_own(text: str) -> bool:
    """Does it begin with front matter of fields that groma knows? Raises nothing."""
    head = []
    for number, line in lines(text[:20_000]):
        if number == 1 and line.rstrip() != _FENCE:
            return False
        if number > 1 and line.rstrip() == _FENCE:
            break
        head.append(line)
    keys = [line.partition(":")[0] for line in head[1:] if line[:1].isalpha()]
    return bool(keys) and all(key in FIELDS or key == "end" for key in keys)


def read(text: str, file: str = "") -> list[Entry]:
    """An Entry a document. Raises UsageError naming the first line that cannot be read."""
    return collected(_documents(text), file)


def write(memories: Iterable[Memory]) -> Iterator[str]:
    """A document a memory, with a line feed after it. Empty fields are left out."""
    for m in memories:
        said = {name: v for name, v in plain(m).items() if name != "content" and v not in (None, "", [])}
        for name in _TIMES:
            if name in said:
                said[name] = _stamp(said[name])
        if m.anchors:
            said["anchors"] = [_anchor_text(a) for a in m.anchors]
        end, n = _end(m.id), 0
        within = {line.rstrip(" \t\r") for line in m.content.split("\n")}
        while end in within:
            n += 1
            end = said["end"] = f"<!-- end {m.id} {n} -->"
        yield "".join((_FENCE, "\n", *dumped(said), _FENCE, "\n\n", m.content, "\n", end, "\n"))


def _documents(text: str) -> Iterator[Entry]:
    left = lines(text)
    for start, line in left:
        if not line.strip():
            continue
        if line.rstrip(" \t\r") != _FENCE:
            refuse(start, "a document with front matter begins with a line of three hyphens.")
        head, ended = [], False
        for number, within in left:
            if within.rstrip(" \t\r") == _FENCE:
                ended = True
                break
            head.append((number, within))
        if not ended:
            refuse(start, "the front matter that begins here does not end: is the file cut off?")
        said = loaded(head)
        end = said.pop("end", None) or (_end(said["id"]) if said.get("id") is not None else None)
        body = _body(left, end, start, crlf=line.endswith("\r"))
        yield record(_fields(said, body, start), start)


def _body(left: Iterator[tuple[int, str]], end: object, start: int, crlf: bool) -> str:
    """The lines until the one that is `end`, which is not part of it; all that are left if `end` is None."""
    found: list[str] = []
    ended = end is None
    for _, line in left:
        if end is not None and line.rstrip(" \t\r") == end:
            ended = True
            break
        found.append(line.removesuffix("\r") if crlf else line)
    if not ended:
        refuse(start, "the document that begins here has no last line `<!-- end id -->`: is the file cut off?")
    if end is None:
        return "\n".join(found).strip()
    return "\n".join(found[1:] if found and not found[0].strip() else found)


def _fields(said: dict[str, Any], body: str, line: int) -> dict[str, Any]:
    if "content" in said:
        refuse(line, "what is remembered stands below the front matter, not in a field content.", field="content")
    for name in _TIMES:
        if isinstance(v := said.get(name), str) and (stamp := _STAMP.fullmatch(v)):
            said[name] = _seconds(stamp, name, line)
    if isinstance(anchors := said.get("anchors"), list):
        said["anchors"] = [_anchor(a, line) for a in anchors]
    return {**said, "content": body}


def _end(id: object) -> str:
    return f"<!-- end {id} -->"


def _stamp(at: float) -> str | float:
    """ISO 8601 with exactly the digits that the number has, if it can be said so."""
    whole, _, fraction = repr(float(at)).partition(".")
    if at < 0 or not fraction.isdigit():
        return at
    digits = "" if fraction == "0" else f".{fraction}"
    return f"{datetime.fromtimestamp(int(whole), UTC):%Y-%m-%dT%H:%M:%S}{digits}Z"


def _seconds(stamp: re.Match[str], name: str, line: int) -> float:
    try:
        whole = int(datetime.fromisoformat(f"{stamp[1]}+00:00").timestamp())
    except ValueError:
        refuse(line, f"the field {name} is no time that ever is.", field=name)
    return float(f"{whole}{stamp[2] or ''}") if whole >= 0 else whole + float(stamp[2] or 0)


def _anchor_text(a: Anchor) -> str:
    path = re.sub("[%# ]", _percent, a.path)
    symbol = f"#{re.sub('[% ]', _percent, a.symbol)}" if a.symbol else ""
    return path + symbol + (f" blob={a.blob}" if a.blob else "") + (f" commit={a.commit}" if a.commit else "")


def _anchor(text: object, line: int) -> dict[str, str]:
    found = _ANCHOR.fullmatch(text) if isinstance(text, str) else None
    if not found:
        refuse(line, "an anchor is `path#symbol blob=… commit=…`, with %20 for a space, %23 for # and %25 for %.", field="anchors")
    path, symbol, blob, commit = found.groups(default="")
    return {"path": unquote(path), "symbol": unquote(symbol), "blob": blob, "commit": commit}


def _percent(c: re.Match[str]) -> str:
    return f"%{ord(c[0]):02X}"
