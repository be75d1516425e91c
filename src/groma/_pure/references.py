"""Who mentions what: the in-degree of files, a sign of quality."""

from __future__ import annotations

import numpy as np

from .arrays import distinct

__all__ = ["references"]


def references(mention_start: np.ndarray, mentions: np.ndarray, define_start: np.ndarray, defines: np.ndarray) -> np.ndarray:
    """For each file, how many other files mention an identifier that only it defines (int64).

    The hashes (uint32) of file i are `mentions[mention_start[i]:mention_start[i + 1]]`; likewise what it defines. Starts are int64, from 0.
    """
    n = len(define_start) - 1
    counts = np.zeros(n, dtype=np.int64)
    names, first, times = np.unique(defines, return_index=True, return_counts=True)
    only, owner = names[times == 1], np.repeat(np.arange(n), np.diff(define_start))[first[times == 1]]
    if not len(only):
        return counts
    who = np.repeat(np.arange(n), np.diff(mention_start))
    at = np.minimum(np.searchsorted(only, mentions), len(only) - 1)
    hit = only[at] == mentions
    pairs = distinct(owner[at[hit]] * n + who[hit])
    target, source = pairs // n, pairs % n
    np.add.at(counts, target[target != source], 1)
    return counts
