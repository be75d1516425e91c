"""Rank: files by the table of factors, then the chunks of the best files. Over at most a few hundred candidates, a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from .. import core
from ..ports import Facts
from ..types import Contribution, Fused
from ..values import value
from .factors import FACTORS, Evidence, Factor, Tally, penalties

__all__ = ["Item", "Ranked", "items", "rank"]

CHUNKS_A_FILE = 5
_DECAYS = tuple(0.6**j for j in range(CHUNKS_A_FILE))
SYMBOL_IN_CHUNK = 0.5


@value
class Ranked:
    """A file with its score: number `at` of the candidates."""

    scope: str
    path: str
    score: float
    tally: Tally
    at: int

    def lines(self) -> list[Contribution]:
        """The lines that explain the score."""
        return [
            Contribution(factor, value, weight, detail if isinstance(detail, str) else detail(self.at))
            for factor, value, weight, detail in self.tally.lines(self.at)
        ]

    def why(self) -> str:
        """The three lines that added most, and what was taken away, in words."""
        lines = self.tally.lines(self.at)
        added = sorted([line for line in lines if line[1] * line[2] > 0], key=lambda line: -line[1] * line[2])[:3]
        said = [((detail if isinstance(detail, str) else detail(self.at)) or f"{factor} {value:.2f}") for factor, value, _, detail in added]
        return ", ".join(said + [f"less: {detail}" for _, value, _, detail in lines if value < 0])


class Item(NamedTuple):
    """A passage that is to be shown, with its own score, and its lines in the file as it was indexed (0: it is gone)."""

    passage: int
    score: float
    file: Ranked
    first: int
    last: int


def rank(e: Evidence, most: int) -> list[Ranked]:
    """The `most` best of the candidates' files, best first; ties by path, then scope."""
    tally = Tally(len(e.text))
    for factor in FACTORS:
        factor.function(e, _adder(tally, factor, e.query.intent))
    penalties(e, tally)
    scores = tally.scores.tolist()
    order = np.flatnonzero(e.there)[np.argsort(-tally.scores[e.there], kind="stable")].tolist()
    if len(order) > most:
        least = scores[order[most - 1]]
        order = [i for i in order if scores[i] >= least]  # all that tie for the last place
    best = sorted(order, key=lambda i: (-scores[i], e.card(i).path, e.scope(i)))[:most]
    return [Ranked(e.scope(i), e.card(i).path, scores[i], tally, i) for i in best]


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
    at = np.array([file.at for file in files])
    begins = fused.start.tolist()
    every = np.concatenate([fused.ids[begins[file.at] : begins[file.at + 1]] for file in files])
    places = facts.places(scopes, every)
    start, chosen, points = core.best_passages(fused, e.named, at, places.begin, places.end, best or 1.0, SYMBOL_IN_CHUNK, CHUNKS_A_FILE)
    scores = points.tolist()
    shown = list(zip(*(column[chosen].tolist() for column in (every, places.first, places.last)), strict=True))
    result: list[Item] = []
    for file, (begin, end) in zip(files, pairwise(start.tolist()), strict=True):
        passage, first, last = shown[begin]
        result.append(Item(passage, file.score, file, first, last))
        best_score = max(scores[begin], 1e-6)
        for j in range(1, end - begin):
            passage, first, last = shown[begin + j]
            result.append(Item(passage, file.score * (_DECAYS[j] * (scores[begin + j] / best_score)), file, first, last))
    result.sort(key=attrgetter("score"), reverse=True)  # stable: ties stay in order of their files
    return result
