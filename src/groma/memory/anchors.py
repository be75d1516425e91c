"""Anchors: the code that a memory speaks of, as it was when it was said and as it is now.

An anchor of a file is *fresh* while the file has the same content, *changed* when it is there with other content, *moved* when that content is
found at another path, else *gone*. One of a symbol is judged by the symbol's own text, whatever happens around it: *fresh* while it stands in the
file as it did, *changed* when the symbol is there with another text, *moved* when its text is found in another file, else *gone*. (If it moved
and changed, and just one other file defines a symbol of this name, it is *changed*, and the anchor names that file.)

The text of a symbol is the line at which it is defined and what is indented beneath it, with closing brackets, less the indentation that it has
itself: so it is found again in another class or folder without parsing anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from .. import core
from ..records import Anchor
from ..values import value

__all__ = ["Elsewhere", "anchored", "anchored_all", "compared"]

READ_BYTES = 20_000_000
"""Of a file beyond this size it is only known that it is there."""
MOST_PLACES = 10
"""So many other files are looked at."""
_CLOSES = re.compile(r"[)\]}{]|end\b")


@value
class Elsewhere:
    """What the index knows of other files: the paths of files with this blob id (20 bytes), and of those that define a symbol. Either may be a
    little behind the files: what it finds is looked at."""

    with_blob: Callable[[bytes], Iterable[str]]
    with_symbol: Callable[[str], Iterable[str]]


NOWHERE = Elsewhere(lambda _: (), lambda _: ())


def anchored(anchor: Anchor, root: str, commit: str = "") -> Anchor:
    """The anchor with the blob id that its symbol's text (or file) has now, and the commit that is checked out, where it has none yet; as it is
    where there is no such file (yet)."""
    data = None if anchor.blob and anchor.commit else _read(root, anchor.path)
    if data is None:
        return anchor
    blob = anchor.blob or next(iter(_blobs(anchor.path, data, anchor.symbol)), "") or core.blob_id(data).hex()
    return replace(anchor, blob=blob, commit=anchor.commit or commit)


def anchored_all(anchors: tuple[Anchor, ...], project: str) -> tuple[Anchor, ...]:
    """`anchored`, of what is said of a project; as they are where that is no folder."""
    if not anchors or not os.path.isabs(project):
        return anchors
    commit = core.commit_id(project) or ""
    return tuple(anchored(anchor, project, commit) for anchor in anchors)


def compared(anchor: Anchor, root: str, elsewhere: Elsewhere = NOWHERE) -> tuple[Anchor, str]:
    """What the anchor is now: "fresh", "changed", "moved" (the anchor returned names the new path) or "gone"."""
    data = _read(root, anchor.path)
    if data is not None:
        if anchor.blob and (core.blob_id(data).hex() == anchor.blob or _stands(data, anchor)):
            return anchor, "fresh"
        if not anchor.symbol or _blobs(anchor.path, data, anchor.symbol):
            return anchor, "changed" if anchor.blob else "fresh"
    for path, there in _others(root, anchor, elsewhere.with_blob(bytes.fromhex(anchor.blob)) if anchor.blob else ()):
        if core.blob_id(there).hex() == anchor.blob:
            return replace(anchor, path=path), "moved"
    others = list(_others(root, anchor, elsewhere.with_symbol(anchor.symbol) if anchor.symbol else ()))
    for path, there in others:
        if _stands(there, anchor):
            return replace(anchor, path=path), "moved"
    defining = [path for path, there in others if _blobs(path, there, anchor.symbol)]
    return (replace(anchor, path=defining[0]), "changed") if len(defining) == 1 else (anchor, "gone")


def _others(root: str, anchor: Anchor, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Other files, with what is in them."""
    for path in islice((path for path in paths if path != anchor.path), MOST_PLACES):
        if (data := _read(root, path)) is not None:
            yield path, data


def _read(root: str, path: str) -> bytes | None:
    try:
        return core.read_now(root, path, READ_BYTES)
    except OSError:
        return None


# ---------------------------------------------------------------------------------------------------------------------- symbols


def _stands(data: bytes, anchor: Anchor) -> bool:
    """Does the symbol's text stand in a file as it did? Only lines that name it are looked at."""
    if not (anchor.symbol and anchor.blob):
        return False
    bare = core.bare_name(anchor.symbol)
    lines = _lines(data)
    return any(bare in line and _blob(lines, n) == anchor.blob for n, line in enumerate(lines))


def _blobs(path: str, data: bytes, symbol: str) -> list[str]:
    """The blob ids of the texts of what a file defines under a name. Of "Ledger.close", those within a Ledger come first, but a method may have got
    another class."""
    if not symbol or not (bare := core.bare_name(symbol)) or bare.encode() not in data:
        return []
    found = core.scan_texts([(path, data)]).symbols
    places = [(core.bare_name(name), int(line) - 1) for name, line in zip(found.names, found.lines, strict=True)]
    starts = [start for name, start in places if name == bare]
    lines = _lines(data)
    if not starts or (outer := core.bare_name(symbol[: symbol.rfind(bare)].rstrip(".:#/"))) in ("", bare):
        return [_blob(lines, start) for start in starts]
    around = [(start, _end(lines, start)) for name, start in places if name == outer]
    within = [start for start in starts if any(begin < start < end for begin, end in around)]
    return [_blob(lines, start) for start in (*within, *(start for start in starts if start not in within))]


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").split("\n")


def _blob(lines: list[str], start: int) -> str:
    own = _indent(lines[start])
    text = "\n".join(line[own:].rstrip() for line in lines[start : _end(lines, start)])
    return core.blob_id(text.encode("utf-8", "surrogatepass")).hex()


def _end(lines: list[str], start: int) -> int:
    """The line after the last one of what is defined at `start`."""
    own, end = _indent(lines[start]), start + 1
    for n in range(start + 1, len(lines)):
        line = lines[n]
        if not line.strip():
            continue
        if _indent(line) <= own and not (_indent(line) == own and _CLOSES.match(line, own)):
            break
        end = n + 1
    return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
