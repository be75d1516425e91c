"""Fuse the legs into one text score and one meaning score a file. Scores are fused, not ranks: a weak leg must not outvote a strong one."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from .retrieve import Legs

__all__ = ["Candidate", "fuse"]

DECAY = 0.7
BEST = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that came back: its `text` score B and `meaning` D, both 0..1, and its chunks with their raw sparse score (0: dense only)."""

    file: int
    text: float
    meaning: float
    chunks: dict[int, float]


def fuse(legs: Legs) -> list[Candidate]:
    """One candidate a file.

    B = Σ over its five best returned chunks of 0.7^j · score, over the best file's. D = clip((x - median) / (max - median), 0, 1), where x is the
    file's best returned cosine, median and max over the files in the dense list (DESIGN §7).
    """
    scores: dict[int, list[float]] = {}
    chunks: dict[int, dict[int, float]] = {}
    for chunk, file, score in zip(legs.sparse.ids.tolist(), legs.sparse.files.tolist(), legs.sparse.scores.tolist(), strict=True):
        scores.setdefault(file, []).append(score)
        chunks.setdefault(file, {})[chunk] = score
    text = {file: sum(score * DECAY**j for j, score in enumerate(best[:BEST])) for file, best in scores.items()}
    cosines: dict[int, float] = {}
    if legs.dense is not None:
        for chunk, file, cosine in zip(legs.dense.ids.tolist(), legs.dense.files.tolist(), legs.dense.scores.tolist(), strict=True):
            cosines.setdefault(file, cosine)
            chunks.setdefault(file, {}).setdefault(chunk, 0.0)
    top = max(text.values(), default=0.0) or 1.0
    high = max(cosines.values(), default=0.0)
    low = statistics.median(cosines.values()) if cosines else 0.0
    spread = high - low

    def meaning(file: int) -> float:
        return min(1.0, max(0.0, (cosines.get(file, -1.0) - low) / spread)) if spread > 0 else 0.0

    return [Candidate(file, text.get(file, 0.0) / top, meaning(file), of) for file, of in chunks.items()]
