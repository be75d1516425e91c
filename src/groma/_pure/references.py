"""Who mentions what: the in-degree of files, a sign of quality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import distinct

__all__ = ["references"]


def references(mentions: Sequence[np.ndarray], defines: Sequence[np.ndarray]) -> np.ndarray:
    """For each file, how many other files mention an identifier that only it defines; both lists hold the hashes, one array a file (int64 out)."""
    n = len(defines)
    counts = np.zeros(n, dtype=np.int64)
    names = np.concatenate(defines) if n else np.empty(0, np.uint32)
    if not len(names):
        return counts
    owners = np.repeat(np.arange(n), [len(d) for d in defines])
    names_once, first, times = np.unique(names, return_index=True, return_counts=True)
    only, owner = names_once[times == 1], owners[first[times == 1]]
    if not len(only):
        return counts
    words = np.concatenate(mentions)
    who = np.repeat(np.arange(n), [len(m) for m in mentions])
    at = np.minimum(np.searchsorted(only, words), len(only) - 1)
    hit = only[at] == words
    pairs = distinct(owner[at[hit]] * n + who[hit])
    target, source = pairs // n, pairs % n
    np.add.at(counts, target[target != source], 1)
    return counts
