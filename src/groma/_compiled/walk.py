"""The walk, done in the core, all folders of a level at once. Twin of `groma._pure.walk`, which says what is listed and why."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import _rs
from .._shared import SETTLED_COARSE_NS, SETTLED_NS, Known, Listing
from .._shared import WALK_REASONS as REASONS
from ..types import Ints

__all__ = ["REASONS", "SETTLED_COARSE_NS", "SETTLED_NS", "Known", "Listing", "secrets_file", "settled", "walk"]

secrets_file = _rs.secrets_file


def settled(mtimes_ns: Ints, ctimes_ns: Ints, checked_ns: Ints) -> npt.NDArray[np.bool_]:
    """See the twin."""
    proven: npt.NDArray[np.bool_] = _rs.settled(_column(mtimes_ns), _column(ctimes_ns), _column(checked_ns))
    return proven


def walk(root: str, known: Known | None, *, max_file_bytes: int) -> Listing:
    """See the twin."""
    if known is None:
        return Listing(*_rs.walk(root, None, max_file_bytes))
    stats = (_column(known.sizes), _column(known.mtimes_ns), _column(known.ctimes_ns), _column(known.inodes))
    columns = (list(known.paths), *stats, list(known.blobs), _column(known.checked_ns))
    return Listing(*_rs.walk(root, columns, max_file_bytes))


def _column(values: Ints) -> Ints:
    return np.ascontiguousarray(values, np.int64)
