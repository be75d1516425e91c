"""Compiled twin of `groma._pure.arrays`. Sorting is NumPy's in both: it has instructions for it that are hard to beat."""

from __future__ import annotations

import numpy as np

from .. import _rs
from .._pure import arrays as plain
from .._pure.arrays import distinct

__all__ = ["distinct", "member"]


def member(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    """One bool a value: is it among `of` (ascending)?"""
    if values.dtype == of.dtype == np.int64:
        found: np.ndarray = _rs.member_i64(np.ascontiguousarray(values), np.ascontiguousarray(of))
        return found
    if values.dtype == of.dtype == np.uint32:
        found = _rs.member_u32(np.ascontiguousarray(values), np.ascontiguousarray(of))
        return found
    return plain.member(values, of)
