"""Anchors: the code that a memory speaks of, as it was when it was said and as it is now.

An anchor is *fresh* while its file has the same content, *changed* when the file (and the symbol, if one is named) is still there with other
content, *moved* when the same content or the symbol is found at another path, else *gone*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from .. import core
from ..records import Anchor
from ..values import value

__all__ = ["Elsewhere", "anchored", "compared"]

READ_BYTES = 20_000_000
"""Of a file beyond this size it is only known that it is there."""


@value
class Elsewhere:
    """What the index knows of other files: the paths of files with this blob id (20 bytes), and of those that define a symbol. Either may be a
    little behind the files: what it finds is looked at."""

    with_blob: Callable[[bytes], Iterable[str]]
    with_symbol: Callable[[str], Iterable[str]]


NOWHERE = Elsewhere(lambda _: (), lambda _: ())


def anchored(anchor: Anchor, root: str) -> Anchor:
    """The anchor with the blob id that its file has now, if it has none yet; as it is where there is no such file (yet)."""
    data = None if anchor.blob else _read(root, anchor.path)
    return anchor if data is None else replace(anchor, blob=core.blob_id(data).hex())


def compared(anchor: Anchor, root: str, elsewhere: Elsewhere = NOWHERE) -> tuple[Anchor, str]:
    """What the anchor is now: "fresh", "changed", "moved" (the anchor returned names the new path) or "gone"."""
    data = _read(root, anchor.path)
    if data is not None:
        if anchor.blob and core.blob_id(data).hex() == anchor.blob:
            return anchor, "fresh"
        if not anchor.symbol or _defines(anchor.path, data, anchor.symbol):
            return anchor, "changed" if anchor.blob else "fresh"
    for path in elsewhere.with_blob(bytes.fromhex(anchor.blob)) if anchor.blob else ():
        there = _read(root, path)
        if there is not None and core.blob_id(there).hex() == anchor.blob:
            return replace(anchor, path=path), "moved"
    for path in elsewhere.with_symbol(anchor.symbol) if anchor.symbol else ():
        there = _read(root, path)
        if there is not None and path != anchor.path and _defines(path, there, anchor.symbol):
            return replace(anchor, path=path), "moved"
    return anchor, "gone"


def _read(root: str, path: str) -> bytes | None:
    try:
        return core.read_now(root, path, READ_BYTES)
    except OSError:
        return None


def _defines(path: str, data: bytes, symbol: str) -> bool:
    """Does this file define a symbol of this name? What it is in is not compared: a method may have got another class."""
    bare = core.bare_name(symbol)
    return any(core.bare_name(name) == bare for name in core.scan_texts([(path, data)]).symbols.names)
