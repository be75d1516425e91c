"""Cut a text into chunks along its definitions (DESIGN §7 "Chunks").

A chunk begins at the first line of a definition, moved up over its comments, attributes and decorators. Long ones are split, small ones
merged. Sizes are characters, newlines included. The cuts are pure functions of the text and its outline; `VERSION` names them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from ..values import value
from .parse import FUNCTIONS, SYMBOLS_ONLY, Definition

__all__ = ["VERSION", "Chunk", "chunks"]

VERSION = 1

SPLIT_OVER = 1800
"""A piece longer than this is split …"""
SPLIT_NEAR = 1440
"""… near this size, at a blank line if there is one after the third line."""
MERGE_UNDER = 350
"""A piece joins the one before it while that one is smaller than this, or itself is smaller than half of this …"""
MERGE_TO = 1080
"""… and the two together are not longer than this."""
COMMENT_LINES = 40

_COMMENT = re.compile(r"""^\s*(#|//|/\*|\*|--|;|@|\[|\"""|%|!|\{-|-\}|"(?![^"]*"\s*:)|'''|pub use)""")
# A line that begins with a quoted key is JSON, not a comment.


@value
class Chunk:
    """Lines `first`..`last` (from 0, inclusive) with the definitions that begin in them and the innermost type around their first line."""

    first: int
    last: int
    definitions: tuple[Definition, ...]
    enclosing: str | None


def chunks(lines: Sequence[str], definitions: Sequence[Definition]) -> list[Chunk]:
    """The chunks of a text given as `lines` (no newlines) with its definitions in source order. Blank chunks are left out."""
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    pieces = _merge(_split(_cuts(lines, definitions), lines, offsets), offsets)
    starts = [first for first, _ in pieces]
    inside: list[list[Definition]] = [[] for _ in pieces]
    for definition in definitions:
        at = bisect_right(starts, definition.first) - 1
        if at >= 0:
            inside[at].append(definition)
    holders = [d for d in definitions if d.kind not in SYMBOLS_ONLY and d.kind not in FUNCTIONS and d.last > d.first]
    around: list[Definition] = []  # nested, outermost first; `holders` come in source order
    at = 0
    result = []
    for (first, end), own in zip(pieces, inside, strict=True):
        while at < len(holders) and holders[at].first < first:
            around.append(holders[at])
            at += 1
        around = [d for d in around if d.last >= first]
        if any(line and not line.isspace() for line in lines[first:end]):
            result.append(Chunk(first, end - 1, tuple(own), around[-1].name.split("<")[0] if around else None))
    return result


def _cuts(lines: Sequence[str], definitions: Sequence[Definition]) -> list[int]:
    cuts = {0}
    for definition in definitions:
        if definition.kind in SYMBOLS_ONLY:
            continue
        line = definition.first
        while line > 0 and definition.first - line < COMMENT_LINES and lines[line - 1].strip() and _COMMENT.match(lines[line - 1]):
            line -= 1
        cuts.add(line)
    return [*sorted(cut for cut in cuts if cut < len(lines)), len(lines)]


def _split(cuts: list[int], lines: Sequence[str], offsets: list[int]) -> list[tuple[int, int]]:
    pieces = []
    for first, end in pairwise(cuts):
        if offsets[end] - offsets[first] <= SPLIT_OVER:
            pieces.append((first, end))
            continue
        start, blank = first, -1
        for i in range(first, end):
            if not lines[i].strip():
                blank = i
            if offsets[i + 1] - offsets[start] > SPLIT_NEAR:
                cut = blank + 1 if blank + 1 > start + 3 else i + 1
                pieces.append((start, cut))
                start, blank = cut, -1
        if start < end:
            pieces.append((start, end))
    return pieces


def _merge(pieces: list[tuple[int, int]], offsets: list[int]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, end in pieces:
        if merged:
            before = merged[-1][0]
            small = offsets[first] - offsets[before] < MERGE_UNDER or offsets[end] - offsets[first] < MERGE_UNDER / 2
            if small and offsets[end] - offsets[before] <= MERGE_TO:
                merged[-1] = (before, end)
                continue
        merged.append((first, end))
    return merged
