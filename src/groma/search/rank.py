"""Rank: files by the table of factors, then the chunks of the best files. Over at most a few hundred candidates, a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..ports import FileRecord, Place
from ..types import Contribution, Fused
from ..values import value
from .factors import FACTORS, Evidence, Factor, Tally, penalties

__all__ = ["Item", "Ranked", "items", "rank"]

CHUNKS_A_FILE = 5
CHUNK_DECAY = 0.6
SYMBOL_IN_CHUNK = 0.5


@value
class Ranked:
    """A file with its score; `passages` are those that came back with their sparse score, best first, and `overlaps` is how well its symbols
    match the query, those that do at all."""

    scope: str
    record: FileRecord
    score: float
    passages: Sequence[tuple[int, float]]
    overlaps: Mapping[int, float]
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
    """A chunk that is to be shown, with its own score."""

    chunk: int
    score: float
    file: Ranked


def rank(e: Evidence, fused: Fused, most: int) -> list[Ranked]:
    """The `most` best of the candidates' files, best first; ties by path, then scope."""
    tally = Tally(len(e.records))
    for factor in FACTORS:
        factor.function(e, _adder(tally, factor, e.query.intent))
    penalties(e, tally)
    scores = tally.scores.tolist()
    order = np.argsort(-tally.scores, kind="stable").tolist()
    if len(order) > most:
        least = scores[order[most - 1]]
        order = [i for i in order if scores[i] >= least]  # all that tie for the last place
    best = sorted(order, key=lambda i: (-scores[i], e.records[i].path, e.scopes[i]))[:most]
    return [Ranked(e.scopes[i], e.records[i], scores[i], fused.passages(e.at.item(i)), e.overlaps_of(i), tally, i) for i in best]


def _adder(tally: Tally, factor: Factor, intent: str) -> Callable[..., None]:
    weight = factor.weights[intent]

    def add(column: Callable[[], np.ndarray], part: str | float, detail: Callable[[int], str] | str = "") -> None:
        share = factor.parts[part][intent] if isinstance(part, str) else part
        tally.add(factor.name, column, weight * share, detail)

    return add


def items(files: Sequence[Ranked], places: Mapping[int, Place], best: float) -> list[Item]:
    """The chunks of `files` (best first) in the order they are shown.

    Within a file chunks go by their sparse score over the best one of all (`best`), plus half the best overlap of a symbol that begins in
    them; item j of a file scores `s(file) · 0.6^j · c_j / c_0`, so that a file's second chunk competes with the next file's first.
    """
    result: list[Item] = []
    best = best or 1.0
    for file in files:
        overlaps, total = file.overlaps, file.score
        if overlaps:
            scored = []
            for chunk, score in file.passages:
                named = 0.0
                for symbol in places[chunk].symbols if chunk in places else ():
                    if symbol in overlaps and overlaps[symbol] > named:
                        named = overlaps[symbol]
                scored.append((-score / best - SYMBOL_IN_CHUNK * named, chunk))
            scored.sort()
        else:
            scored = [(-score / best, chunk) for chunk, score in file.passages[:CHUNKS_A_FILE]]
        first = max(-scored[0][0], 1e-6)
        for j, (score, chunk) in enumerate(scored[:CHUNKS_A_FILE]):
            result.append(Item(chunk, total * (CHUNK_DECAY**j * (-score / first) if j else 1.0), file))
    result.sort(key=_better)  # stable: ties stay in order of their files
    return result


def _better(item: Item) -> float:
    return -item.score
