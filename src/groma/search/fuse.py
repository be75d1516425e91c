"""Fuse the legs into one text score and one meaning score a file. Scores are fused, not ranks: a weak leg must not outvote a strong one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import core
from ..types import Ints, Leg
from .retrieve import Legs

__all__ = ["Candidates", "fuse"]

DECAY = 0.7
BEST = 5
_DECAYS = np.array([DECAY**j for j in range(BEST)])


@dataclass(frozen=True, slots=True)
class _ByFile:
    """A leg in order of its files, within a file best first; file `files[g]` has the rows `start[g]:start[g+1]`."""

    files: Ints
    start: Ints
    ids: Ints
    scores: npt.NDArray[np.float64]

    def of(self, file: int) -> tuple[list[int], list[float]]:
        """The passages of one file and their scores."""
        at = int(np.searchsorted(self.files, file))
        if at == len(self.files) or self.files[at] != file:
            return [], []
        run = slice(self.start[at], self.start[at + 1])
        return self.ids[run].tolist(), self.scores[run].tolist()


@dataclass(frozen=True, slots=True)
class Candidates:
    """The files that came back, as columns, best first: their ids, their `text` score B and `meaning` D, both 0..1."""

    files: Ints
    text: npt.NDArray[np.float64]
    meaning: npt.NDArray[np.float64]
    sparse: _ByFile
    dense: _ByFile | None

    def chunks(self, file: int) -> dict[int, float]:
        """The passages of one file that came back, with their raw sparse score (0: dense only)."""
        found = dict.fromkeys(self.dense.of(file)[0], 0.0) if self.dense is not None else {}
        found.update(zip(*self.sparse.of(file), strict=True))
        return found


def fuse(legs: Legs, most: int) -> Candidates:
    """The `most` best files of the legs, by text and a little meaning; ties by id.

    B = Σ over a file's five best returned chunks of 0.7^j · score, over the best file's. D = clip((x - median) / (max - median), 0, 1), where x is
    the file's best returned cosine, median and max over the files in the dense list (DESIGN §7).
    """
    sparse = _by_file(legs.sparse)
    dense = None if legs.dense is None else _by_file(legs.dense)
    n = np.diff(sparse.start)
    group = np.repeat(np.arange(len(n)), n)
    nth = np.arange(len(sparse.ids)) - sparse.start[group]
    best = nth < BEST
    text = np.bincount(group[best], sparse.scores[best] * _DECAYS[nth[best]], len(n))
    if dense is None:
        files = sparse.files
        meaning = np.zeros(len(files))
    else:
        files = core.distinct(np.concatenate((sparse.files, dense.files)))
        cosines = dense.scores[dense.start[:-1]]
        text = _spread(text, sparse.files, files, 0.0)
        meaning = _meaning(cosines, _spread(cosines, dense.files, files, -1.0))
    text = text / (float(text.max(initial=0.0)) or 1.0)
    order = np.lexsort((files, -text - 0.2 * meaning))[:most]
    return Candidates(files[order], text[order], meaning[order], sparse, dense)


def _by_file(leg: Leg) -> _ByFile:
    order = np.argsort(leg.files, kind="stable")
    files = leg.files[order]
    change = np.ones(len(files) + 1, dtype=np.bool_)  # where a file begins, and the end
    np.not_equal(files[1:], files[:-1], out=change[1:-1])
    start = np.flatnonzero(change)
    return _ByFile(files[start[:-1]], start, leg.ids[order], leg.scores[order].astype(np.float64))


def _spread(values: npt.NDArray[np.float64], files: Ints, over: Ints, missing: float) -> npt.NDArray[np.float64]:
    """`values` of `files`, at their places in `over` (both ascending)."""
    result = np.full(len(over), missing)
    result[np.searchsorted(over, files)] = values
    return result


def _meaning(known: npt.NDArray[np.float64], cosines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not len(known):
        return np.zeros(len(cosines))
    ordered = np.sort(known)
    half = len(ordered) // 2
    low = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    spread = ordered[-1] - low
    if not spread > 0:
        return np.zeros(len(cosines))
    clipped: npt.NDArray[np.float64] = np.minimum(1.0, np.maximum(0.0, (cosines - low) / spread))
    return clipped
