"""Fuse the legs into one text score and one meaning score a file. Scores are fused, not ranks: a weak leg must not outvote a strong one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import core
from ..types import Ints, Leg
from ..values import value
from .retrieve import Legs

__all__ = ["Candidates", "fuse"]

DECAY = 0.7
BEST = 5
_DECAYS = np.array([*(DECAY**j for j in range(BEST)), 0.0])


@value
class _ByFile:
    """A leg in order of its files, within a file best first; file `files[g]` has the rows `start[g]:start[g+1]`."""

    files: Ints
    start: Ints
    ids: Ints
    scores: npt.NDArray[np.float64]

    def of(self, files: Ints) -> list[tuple[list[int], list[float]]]:
        """The passages of each of some files, and their scores."""
        ids, scores, start = self.ids.tolist(), self.scores.tolist(), self.start.tolist()
        at = np.minimum(np.searchsorted(self.files, files), len(self.files) - 1)
        runs = [(start[g], start[g + 1]) if there else (0, 0) for g, there in zip(at.tolist(), (self.files[at] == files).tolist(), strict=True)]
        return [(ids[first:end], scores[first:end]) for first, end in runs]


@value
class Candidates:
    """The files that came back, as columns, best first: their ids, their `text` score B and `meaning` D, both 0..1."""

    files: Ints
    text: npt.NDArray[np.float64]
    meaning: npt.NDArray[np.float64]
    sparse: _ByFile
    dense: _ByFile | None

    def chunks(self, files: Ints) -> list[dict[int, float]]:
        """Of each of some files, its passages that came back, with their raw sparse score (0: dense only)."""
        found: list[dict[int, float]] = [{} for _ in files]
        if self.dense is not None and len(self.dense.files):
            found = [dict.fromkeys(ids, 0.0) for ids, _ in self.dense.of(files)]
        if len(self.sparse.files):
            for chunks, (ids, scores) in zip(found, self.sparse.of(files), strict=True):
                chunks.update(zip(ids, scores, strict=True))
        return found


def fuse(legs: Legs, most: int) -> Candidates:
    """The `most` best files of the legs, by text and a little meaning; ties by id.

    B = Σ over a file's five best returned chunks of 0.7^j · score, over the best file's. D = clip((x - median) / (max - median), 0, 1), where x is
    the file's best returned cosine, median and max over the files in the dense list (DESIGN §7).
    """
    sparse = _by_file(legs.sparse)
    dense = None if legs.dense is None else _by_file(legs.dense)
    n = len(sparse.ids)
    group = np.repeat(np.arange(len(sparse.files)), np.diff(sparse.start))
    nth = np.minimum(np.arange(n) - sparse.start[group], BEST)
    text = np.bincount(group, sparse.scores * _DECAYS[nth], len(sparse.files)).astype(np.float64, copy=False)
    if dense is None:
        files = sparse.files
        meaning: npt.NDArray[np.float64] = np.zeros(len(files))
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
