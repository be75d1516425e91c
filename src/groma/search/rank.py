"""Rank: files by the table of factors, then the chunks of the best files. Over at most a few hundred candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..types import Contribution
from .factors import FACTORS, Evidence, Factor, Tally, penalty
from .understand import Query

__all__ = ["Item", "Ranked", "items", "rank"]

CHUNKS_A_FILE = 5
CHUNK_DECAY = 0.6
SYMBOL_IN_CHUNK = 0.5


@dataclass(frozen=True, slots=True)
class Ranked:
    """A file with its score and the lines that explain it."""

    evidence: Evidence
    score: float
    lines: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A chunk that is to be shown, with its own score."""

    chunk: int
    score: float
    file: Ranked


def rank(query: Query, found: Sequence[Evidence]) -> list[Ranked]:
    """The candidates' files, best first; ties by path, then scope."""
    ranked = []
    for e in found:
        tally = Tally()
        for factor in FACTORS:
            factor.function(e, _adder(tally, factor, query.intent))
        penalty(query, e.record, tally)
        ranked.append(Ranked(e, tally.score, tuple(tally.lines)))
    return sorted(ranked, key=lambda r: (-r.score, r.evidence.record.path, r.evidence.scope))


def _adder(tally: Tally, factor: Factor, intent: str) -> Callable[..., None]:
    weight = factor.weights[intent]

    def add(value: float, part: str | float, detail: str = "") -> None:
        share = factor.parts[part][intent] if isinstance(part, str) else part
        tally.add(factor.name, value, weight * share, detail)

    return add


def items(files: Sequence[Ranked], symbols: Mapping[int, tuple[int, ...]], best: float) -> list[Item]:
    """The chunks of `files` (best first) in the order they are shown.

    Within a file chunks go by their sparse score over the best one of all (`best`), plus half the best overlap of a symbol that begins in
    them; item j of a file scores `s(file) · 0.6^j · c_j / c_0`, so that a file's second chunk competes with the next file's first.
    """
    result: list[tuple[float, int, Item]] = []
    for file in files:
        overlaps = file.evidence.overlaps
        scored = []
        for chunk, score in file.evidence.candidate.chunks.items():
            named = max((overlaps[i] for i in symbols.get(chunk, ()) if i < len(overlaps)), default=0.0)
            scored.append((score / (best or 1.0) + SYMBOL_IN_CHUNK * named, chunk))
        scored.sort(key=lambda c: (-c[0], c[1]))
        for j, (score, chunk) in enumerate(scored[:CHUNKS_A_FILE]):
            share = CHUNK_DECAY**j * (score / max(scored[0][0], 1e-6)) if j else 1.0
            result.append((-file.score * share, len(result), Item(chunk, file.score * share, file)))
    return [item for _, _, item in sorted(result, key=lambda r: r[:2])]
