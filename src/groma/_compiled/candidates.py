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


def best_passages(fused: Fused, named: Named, at: Ints, begin: Ints, end: Ints, best: float, lean: float, most: int) -> tuple[Ints, Ints, Floats64]:
    """Of some files, their `most` best passages: start, places, scores. What is given and how they are scored is told in the twin."""
    return _rs.best_passages((fused.start, fused.ids, fused.scores), (named.start, named.symbols, named.overlaps), at, begin, end, best, lean, most)
