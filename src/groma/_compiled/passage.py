"""Compiled twin of `groma._pure.passage`, with its two large functions for whole batches as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _rs
from .._shared import PASSAGE_VERSION as VERSION

__all__ = ["VERSION", "comment_lines", "dense_text", "dense_text_batch", "path_terms", "sparse", "sparse_batch", "stem_tokens", "symbol_terms"]


def comment_lines(text: str) -> str:
    """The lines of a chunk that look like comments or docstrings, without their markers."""
    found: str = _rs.comment_lines(text)
    return found


def path_terms(path: str) -> tuple[tuple[int, int], ...]:
    """(term, count) of a path: the stem counts twice, each folder once."""
    return tuple(_rs.path_terms(path))


def sparse(text: str, symbols: Sequence[str], enclosing: str, path: str) -> list[tuple[int, int]]:
    """The sparse vector of a chunk: (term id, impact 1..255), ascending by term id, at most 1,000."""
    _, terms, impacts = sparse_batch([text], [symbols], [enclosing], [path])
    return list(zip(terms.tolist(), impacts.tolist(), strict=True))


def sparse_batch(
    texts: Sequence[str], symbols: Sequence[Sequence[str]], enclosing: Sequence[str], paths: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sparse vectors of n chunks: where each one's terms start (int64, n + 1), their ids (uint32), their impacts (uint8)."""
    start, terms, impacts = _rs.sparse_batch(texts, symbols, enclosing, paths)
    return start, terms, impacts


def dense_text(text: str, symbols: Sequence[str], enclosing: str, path: str) -> str:
    """The text a dense model reads: a header of words (last three path parts, enclosing type, six symbols), then the start of the body.

    A lone surrogate becomes U+FFFD.
    """
    return dense_text_batch([text], [symbols], [enclosing], [path])[0]


def dense_text_batch(texts: Sequence[str], symbols: Sequence[Sequence[str]], enclosing: Sequence[str], paths: Sequence[str]) -> list[str]:
    """The same for n chunks."""
    found: list[str] = _rs.dense_text_batch(texts, symbols, enclosing, paths)
    return found


def stem_tokens(path: str) -> tuple[str, ...]:
    """The distinct tokens of a file's stem, joined ones left out."""
    return tuple(_rs.stem_tokens(path))


def symbol_terms(name: str) -> tuple[int, ...]:
    """The distinct term ids of a symbol's name, joined tokens left out."""
    return tuple(_rs.symbol_terms(name))
