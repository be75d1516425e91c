"""Compiled twin of `groma._pure.tokens`."""

from __future__ import annotations

from collections import Counter

from .. import _rs
from .._shared import STOP_WORDS, term_id, word_hash
from .._shared import TOKENS_VERSION as VERSION

__all__ = ["STOP_WORDS", "VERSION", "count_terms", "identifiers", "query_tokens", "split", "term_id", "terms_of", "tokens", "word_hash"]


def identifiers(text: str) -> list[str]:
    """The identifiers, words and digit runs of a text, in order."""
    found: list[str] = _rs.identifiers(text)
    return found


def split(identifier: str) -> tuple[str, ...]:
    """The tokens of one identifier: its stemmed parts, then the joined token if there are two parts or more."""
    return tuple(_rs.split(identifier))


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order, joined ones included."""
    found: list[str] = _rs.tokens(text)
    return found


def query_tokens(text: str) -> list[str]:
    """The tokens of a query: stop words are dropped, unless the query is one word."""
    words = identifiers(text)
    return [t for word in words if len(words) == 1 or word.lower() not in STOP_WORDS for t in _rs.split(word)]


def terms_of(identifier: str) -> tuple[int, ...]:
    """The term ids of one identifier."""
    return tuple(map(term_id, split(identifier)))


def count_terms(text: str) -> tuple[Counter[int], int]:
    """How often each term occurs in a text, and the number of tokens in all."""
    counts, total = _rs.count_terms(text)
    return Counter(dict(counts)), total
