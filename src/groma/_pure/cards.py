"""A file's card: what a search asks about one file, and ranking about the names in it, in bytes that both cores read where they lie in a segment.

Seven little-endian uint32 (roles, bytes of the path, of the language, of the stem, of the symbols, number of symbols, number of terms), the blob id
(20 bytes), then for each symbol where its terms end (uint32), the terms (uint32), the path, the language, the words of its stem, the symbols, each
word and symbol ended by a line feed (UTF-8, lone surrogates kept), filled up with zeros to a multiple of 4. It has no compiled twin;
`rust/core/src/cards.rs` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import numpy as np

from ..types import Card, Ints

__all__ = ["card", "read_card"]

_HEAD = Struct("<7I20s")


def card(
    path: str, language: str | None, blob: bytes, roles: int, stems: Sequence[str], symbols: Sequence[str], term_start: Ints, terms: np.ndarray
) -> bytes:
    """The card of a file; symbol i has the terms `terms[term_start[i]:term_start[i+1]]`, where `term_start[0]` is 0."""
    texts = [path.encode("utf-8", "surrogatepass"), (language or "").encode(), _lines(stems), _lines(symbols)]
    head = _HEAD.pack(roles, *map(len, texts), len(symbols), len(terms), blob)
    body = b"".join((head, term_start[1:].astype("<u4").tobytes(), terms.astype("<u4", copy=False).tobytes(), *texts))
    return body + b"\0" * (-len(body) % 4)


def _lines(words: Sequence[str]) -> bytes:
    return "".join([word.replace("\n", " ") + "\n" for word in words]).encode("utf-8", "surrogatepass")


EMPTY = Card("", None, b"", 0, np.empty(0, np.uint8), (0, 0, 0, 0, 0, 0))


def read_card(data: np.ndarray) -> Card:
    """Read a card (uint8); one whose lengths do not fit reads as an empty one, never as part of another."""
    if len(data) < _HEAD.size:
        return EMPTY
    roles, path, language, stems, names, symbols, terms, blob = _HEAD.unpack_from(data.data)
    first = _HEAD.size + 4 * symbols
    begin = first + 4 * terms
    stem = begin + path + language
    end = stem + stems + names
    if end > len(data) or (symbols and data[first - 4 : first].view("<u4").item() != terms):
        return EMPTY
    text = data[begin:stem].tobytes()
    cuts = (_HEAD.size, first, begin, stem, stem + stems, end)
    return Card(text[:path].decode("utf-8", "surrogatepass"), text[path:].decode() or None, blob, roles, data, cuts)
