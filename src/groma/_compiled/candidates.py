"""Compiled twin of `groma._pure.candidates`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _rs
from ..types import Floats64, Fused, Ints, Leg, Named
from .segment import Part

__all__ = ["best_passages", "fuse", "match_names"]


def fuse(sparse: Leg, dense: Leg | None, decays: Floats64, lean: float, most: int) -> Fused:
    """The `most` best files of the legs, by text + `lean` · meaning; ties by id. The formulas are told in the twin."""
    other = None if dense is None else (dense.ids, dense.files, dense.scores)
    return Fused(*_rs.fuse((sparse.ids, sparse.files, sparse.scores), other, decays, lean, most))


def match_names(
    parts: Sequence[Part],
    weights: Sequence[Floats64],
    rare: float,
    files: Ints,
    words: Sequence[str],
    terms: np.ndarray,
    named: Sequence[str],
    flat: Sequence[str],
) -> Named:
    """How well the names in some files match a query's words, each with its term id. What is given and the formulas are told in the twin."""
    places, scores, symbols = _rs.match_names([part.handle for part in parts], weights, rare, files, words, terms, named, flat)
    share, cover, best, defines, called = scores
    return Named(*places, share, cover, best, defines, called, *symbols)


def best_passages(
    fused: Fused, named: Named, at: Ints, scores: Floats64, begin: Ints, end: Ints, best: float, lean: float, decays: Floats64
) -> tuple[Ints, Ints, Floats64]:
    """Of some files, the best passages in the order they are shown: place, file, score. What is given and how they are scored is told in the twin."""
    passages, symbols = (fused.start, fused.ids, fused.scores), (named.start, named.symbols, named.overlaps)
    return _rs.best_passages(passages, symbols, at, scores, begin, end, best, lean, decays)
