"""Rank: files by the table of factors, then the chunks of the best files. Over at most a few hundred candidates, a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .. import core
from ..ports import Facts
from ..types import Card, Contribution, Fused
from ..values import value
from .factors import FACTORS, Evidence, Factor, Tally, penalties

__all__ = ["Item", "Ranked", "items", "rank"]

DECAYS = np.array([0.6**j for j in range(5)])
"""What the passages of a file count beside its best one, as many as are shown of it at most."""
SYMBOL_IN_CHUNK = 0.5


@value
class Ranked:
    """A file with its score: number `at` of the candidates."""

    scope: str
    card: Card
    score: float
    tally: Tally
    at: int

    def lines(self) -> list[Contribution]:
        """The lines that explain the score."""
        return [
            Contribution(factor, value, weight, detail if isinstance(detail, str) else detail(self.at))
            for factor, value, weight, detail in self.tally.lines(self.at)
        ]


Item = tuple[int, float, Ranked, int, int]
"""A passage that is to be shown: its id, its own score, its file, and its first and last line in the file as it was indexed (0: it is gone)."""


def rank(e: Evidence, most: int) -> list[Ranked]:
    """The `most` best of the candidates' files, best first; ties by path, then scope."""
    tally = Tally(len(e.text))
    for factor in FACTORS:
        factor.function(e, _adder(tally, factor, e.query.intent))
    penalties(e, tally)
    (order,) = e.there.nonzero()
    order = order[(-tally.scores[order]).argsort(kind="stable")]
    scores = tally.scores[order]
    if len(order) > most:
        order = order[: np.count_nonzero(scores >= scores[most - 1])]  # with all that tie for the last place
    best = [Ranked(e.scope(i), e.card(i), score, tally, i) for i, score in zip(order.tolist(), scores.tolist(), strict=False)]
    best.sort(key=lambda file: (-file.score, file.card.path, file.scope))
    return best[:most]


def _adder(tally: Tally, factor: Factor, intent: str) -> Callable[..., None]:
    weight = factor.weights[intent]

    def add(column: Callable[[], np.ndarray], part: str | float, detail: Callable[[int], str] | str = "") -> None:
        share = factor.parts[part][intent] if isinstance(part, str) else part
        tally.add(factor.name, column, weight * share, detail)

    return add


def items(files: Sequence[Ranked], e: Evidence, fused: Fused, facts: Facts, scopes: Sequence[str], best: float) -> list[Item]:
    """The passages of `files` (best first) in the order they are shown.

    Within a file they go by their sparse score over the best one of all (`best`), plus half the best overlap of a symbol that begins in
    them; item j of a file scores `s(file) · 0.6^j · c_j / c_0`, so that a file's second passage competes with the next file's first.
    """
    if not files:
        return []
    at, scores = np.array([file.at for file in files]), np.array([file.score for file in files])
    begins = fused.start.tolist()
    every = np.concatenate([fused.ids[begins[file.at] : begins[file.at + 1]] for file in files])
    places = facts.places(scopes, every)
    chosen, owners, points = core.best_passages(fused, e.named, at, scores, places.begin, places.end, best or 1.0, SYMBOL_IN_CHUNK, DECAYS)
    ids, first, last = (column.take(chosen).tolist() for column in (every, places.first, places.last))
    return list(zip(ids, points.tolist(), [files[i] for i in owners.tolist()], first, last, strict=True))
