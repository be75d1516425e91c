"""A file's card: what ranking asks about names in one file, in bytes that both cores read where they lie in a segment.

Six little-endian uint32 (roles, bytes of the path, of the stem, of the symbols, number of symbols, number of terms), then for each symbol where
its terms end (uint32), the terms (uint32), the path, the words of its stem, the symbols, each word and symbol ended by a line feed (UTF-8, lone
surrogates kept), filled up with zeros to a multiple of 4. It has no compiled twin; `rust/core/src/cards.rs` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import numpy as np

from ..types import Card, Ints

__all__ = ["card", "read_card"]

_HEAD = Struct("<6I")


def card(path: str, roles: int, stems: Sequence[str], symbols: Sequence[str], term_start: Ints, terms: np.ndarray) -> bytes:
    """The card of a file; symbol i has the terms `terms[term_start[i]:term_start[i+1]]`, where `term_start[0]` is 0."""
    texts = [path.encode("utf-8", "surrogatepass"), _lines(stems), _lines(symbols)]
    head = _HEAD.pack(roles, *map(len, texts), len(symbols), len(terms))
    body = b"".join((head, term_start[1:].astype("<u4").tobytes(), terms.astype("<u4", copy=False).tobytes(), *texts))
    return body + b"\0" * (-len(body) % 4)


def _lines(words: Sequence[str]) -> bytes:
    return "".join([word.replace("\n", " ") + "\n" for word in words]).encode("utf-8", "surrogatepass")


EMPTY = Card("", 0, b"", b"", np.empty(0, np.uint32), np.empty(0, np.uint32))


def read_card(data: np.ndarray) -> Card:
    """Read a card (uint8); one that is not whole reads as an empty one, never as part of another."""
    text = data.tobytes()
    if len(text) < _HEAD.size:
        return EMPTY
    roles, path, stems, names, symbols, terms = _HEAD.unpack_from(text)
    begin = _HEAD.size + 4 * (symbols + terms)
    first, second, end = begin + path, begin + path + stems, begin + path + stems + names
    if end > len(text):
        return EMPTY
    numbers = np.frombuffer(text, "<u4", symbols + terms, _HEAD.size)
    if symbols and (numbers[symbols - 1] != terms or (numbers[1:symbols] < numbers[: symbols - 1]).any()):
        return EMPTY
    return Card(text[begin:first].decode("utf-8", "surrogatepass"), roles, text[first:second], text[second:end], numbers[:symbols], numbers[symbols:])
