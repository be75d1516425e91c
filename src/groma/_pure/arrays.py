"""Small array tools. NumPy's own `unique` and what is built on it load `numpy.ma` at the first call, which costs a command 15 ms."""

from __future__ import annotations

import numpy as np

__all__ = ["distinct", "member"]


def distinct(values: np.ndarray) -> np.ndarray:
    """The distinct values of a one-dimensional array, ascending."""
    ordered = np.sort(values)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def member(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    """One bool a value: is it among `of` (ascending)?"""
    if not len(of):
        return np.zeros(len(values), dtype=np.bool_)
    found: np.ndarray = of[np.minimum(np.searchsorted(of, values), len(of) - 1)] == values
    return found
