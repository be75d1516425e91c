"""One Unicode for every Python and both cores: which characters make words, and their normal form (DESIGN §9 "stemmer").

A Python carries the Unicode of its year, and so does every library a compiled core would use. Here one version is fixed: the classes of
characters come from `languages/characters.txt`, and a character not assigned in that version separates words. What was assigned then is
normalised alike by every later Unicode, so the normaliser at hand serves, once the others are blanked.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import cache
from pathlib import Path

__all__ = ["FILE", "VERSION", "is_assigned", "nfkc", "ranges", "whole"]

VERSION = "14.0.0"
"""The Unicode of Python 3.11, the oldest this runs on."""

FILE = Path(__file__).parents[1] / "languages" / "characters.txt"


@cache
def _rows() -> list[tuple[int, int, str]]:
    """(first, last, class) of the table, ascending; foldings left out: `str.casefold` never changes for what is assigned."""
    lines = (line.split(" ") for line in FILE.read_text("utf-8").splitlines() if line[0] != "#")
    return [(int(row[0], 16), int(row[1], 16), row[2]) for row in lines if row[2] != "fold"]


def ranges(*names: str) -> str:
    """The characters beyond ASCII of the classes `names` (upper, lower, letter, digit, mark, other), to stand in brackets of a pattern."""
    found: list[list[int]] = []
    for first, last, name in _rows():
        if name != "cased":
            spans = [(first, last)] if name in names else []
        elif "upper" in names and "lower" in names:
            spans = [(first, last)]
        else:
            spans = [(c, c) for c in range(first + ("lower" in names), last + 1, 2)] if "upper" in names or "lower" in names else []
        for start, end in spans:
            if found and found[-1][1] == start - 1:
                found[-1][1] = end
            else:
                found.append([start, end])
    return "".join(chr(a) if a == b else f"{chr(a)}-{chr(b)}" for a, b in found)


@cache
def _assigned() -> list[int]:
    """Where a run of assigned characters starts, and where one ends, in turn."""
    borders = [0]
    end = 0x80
    for first, last, _ in _rows():
        if first != end:
            borders += [end, first]
        end = last + 1
    return [*borders, end]


def is_assigned(character: str) -> bool:
    """Whether the table's Unicode knows the character."""
    return bisect_right(_assigned(), ord(character)) % 2 == 1


def nfkc(text: str) -> str:
    """The text with a space for each character not assigned, in normal form KC."""
    unknown = {ord(c): " " for c in set(text) if c > "\x7f" and not is_assigned(c)}
    return unicodedata.normalize("NFKC", text.translate(unknown) if unknown else text)


def whole(text: str) -> str:
    """The text with U+FFFD for each lone surrogate (a byte of a file's name that is no UTF-8): text that can be encoded."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


_SURROGATE = re.compile("[\ud800-\udfff]")
