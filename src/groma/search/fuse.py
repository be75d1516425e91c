"""Fuse the legs into one text score and one meaning score a file. Scores are fused, not ranks: a weak leg must not outvote a strong one."""

from __future__ import annotations

import numpy as np

from .. import core
from ..types import Fused
from .retrieve import Legs

__all__ = ["fuse"]

DECAYS = 0.7 ** np.arange(5.0)
"""What a file's best returned passages count for its text score; the sixth and later count nothing (DESIGN §7)."""
LEAN = 0.2
"""What meaning counts beside text when the files are chosen that ranking looks at."""


def fuse(legs: Legs, most: int) -> Fused:
    """The `most` best files of the legs; the formulas are told in the core."""
    return core.fuse(legs.sparse, legs.dense, DECAYS, LEAN, most)
