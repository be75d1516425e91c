"""The score of a unit of memory for a question: nine signals, each between 0 and 1, and their weighted sum.

A unit (a turn of a conversation, a paragraph, a memory of its own) is short, and what it is about often stands beside it. So its text is matched
alone, with its neighbours (±1, ±2) and as part of its parent, whose text has its date; its meaning alone and with its neighbours. Scores are
fused, each over its own best. Who spoke and whether a time is told count where the question asks for them; how much a unit can tell counts always.

BM25 with k1 = 0.9, b = 0.4 (units are short: repeated words and length say little). Meaning is the cosine of static vectors, clip((x - median) /
(max - median), 0, 1); of a unit alone after the mean of all vectors was taken from both, which takes away what all that is remembered has in
common; of a window it is that of the sum of its vectors. `bench.memory` measures all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from ..types import Floats64, Ints
from ..values import value
from .question import Question, names_in

if TYPE_CHECKING:
    from .index import Index

__all__ = ["UNITS", "WEIGHTS", "Best", "Unit", "best", "rarity", "standing", "useful"]

K1, B = 0.9, 0.4
WEIGHTS = {
    "text": 0.5,
    "near": 0.3,
    "around": 0.8,
    "parent": 1.0,
    "meaning": 1.0,
    "context": 0.5,
    "speaker": 1.0,
    "time": 1.0,
    "standing": 2.0,
}
"""Signals: BM25 of the unit, with ±1, with ±2, of its parent; cosine of the unit, of ±2; the question names who speaks; it asks when, and
the unit tells; how much a unit can tell at all (`standing`)."""

TELLING = 60
"""Tokens of a unit; more of them tell no more."""
ASKS, ANSWERS = 0.15, 0.1
"""What a question tells less, and what follows one tells more."""

MEAN, SAME = 1e-5, 1e-4
"""Products of squared distances from the mean, and differences of cosines, below which there is only rounding."""

USEFUL, USEFUL_WORDS, JUDGED = 0.72, 0.22, 10
"""Below so much, of the best `covered` plus the best `cosine` (of `covered` alone where there are no vectors) of the ten best, nothing found is of
use. Set so that one in a hundred right answers of LoCoMo is lost."""

Unit = Literal["turn", "parent"]
UNITS: tuple[Unit, ...] = get_args(Unit)


@value
class Best:
    """The best units, or parents with their best units; columns of equal length, best first.

    `rows` are the units' places in the index; `scores` the sums; `signals` each signal before it is weighted. What does not depend on the
    others that were found: `cosine` of unit and question (0 without vectors), and `covered`, the share of the question's terms, weighted by
    rarity, that the unit has within ±2.
    """

    ids: list[str]
    rows: Ints
    scores: Floats64
    signals: dict[str, Floats64]
    cosine: Floats64
    covered: Floats64


def useful(found: Best) -> bool:
    """Whether anything of the best that was found is likely to answer: its words or its meaning are near enough to the question."""
    covered, cosine = found.covered[:JUDGED], found.cosine[:JUDGED]
    words, meaning = float(covered.max(initial=0.0)), float(cosine.max(initial=0.0))
    return words + meaning >= USEFUL if cosine.any() else words >= USEFUL_WORDS


def standing(lengths: np.ndarray, asks: np.ndarray, follows: np.ndarray, alone: np.ndarray) -> np.ndarray:
    """How much units can tell (n,), from their lengths in tokens: a turn of few words is small talk. What is remembered alone was worth it: 1."""
    found = np.log1p(np.minimum(lengths, TELLING)) / np.log1p(TELLING) - ASKS * asks + ANSWERS * follows
    return np.where(alone, 1.0, found).astype(np.float32)


def best(index: Index, question: Question, k: int, *, unit: Unit = "turn", mask: np.ndarray | None = None) -> Best:
    """The `k` best units (or parents) of those that live and that `mask` (bool, a row each) allows; ties by age, the older first."""
    allowed = index.alive if mask is None else index.alive & mask
    signals, covered = _texts(index, question)
    signals["meaning"], signals["context"], cosine = _meanings(index, question, allowed)
    named = np.array([names_in(name, question.words) for name in index.roles] or [False])
    signals["speaker"] = named[index.role].astype(np.float64)
    signals["time"] = index.tells_time.astype(np.float64) if question.when else np.zeros(index.size)
    signals["standing"] = index.standing.astype(np.float64)
    for name in ("text", "near", "around", "parent"):
        signals[name] = _over_best(signals[name], allowed)
    scores = np.where(allowed, 0.0, -np.inf)
    for name, weight in WEIGHTS.items():
        scores += weight * signals[name]
    rows = _best_of_parents(index, scores, k) if unit == "parent" else _top(scores, k)
    ids = index.parents_of(rows) if unit == "parent" else [index.ids[row] for row in rows.tolist()]
    return Best(ids, rows, scores[rows], {name: signals[name][rows] for name in WEIGHTS}, cosine[rows], covered[rows])


def _texts(index: Index, question: Question) -> tuple[dict[str, Floats64], Floats64]:
    """BM25 of units, windows and parents, and the share of the question that each ±2 window covers."""
    n, parents = index.size, len(index.parent_length)
    text, near, around, parent, covered = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(parents), np.zeros(n)
    lives, whole = max(1, int(index.alive.sum())), int(np.count_nonzero(index.parent_units))
    of_text, of_near, of_around = (_norm(column, lives) for column in (index.length, index.length_near, index.length_around))
    of_parent = _norm(index.parent_length, max(1, whole))
    total = 0.0
    for term, times in question.terms.items():
        rows, counts = index.postings.of(term)
        living = index.alive[rows]
        rows, counts = rows[living], counts[living].astype(np.float64)
        idf = times * rarity(len(rows), lives)
        total += idf
        text[rows] += idf * _saturated(counts, of_text[rows])
        beside = index.near.take(rows, axis=0).T + 1  # 0 where there is none
        close = np.bincount(beside[1:4].ravel(), np.tile(counts, 3), n + 1)
        wide = (close + np.bincount(beside[::4].ravel(), np.tile(counts, 2), n + 1))[1:]
        close = close[1:]
        hit = np.flatnonzero(wide > 0)  # of truths it is found ten times as fast as of numbers
        around[hit] += idf * _saturated(wide[hit], of_around[hit])
        near[hit] += idf * _saturated(close[hit], of_near[hit])
        covered[hit] += idf
        held = np.bincount(index.parent[rows], counts, parents)
        if len(days := index.days_with(term)):
            held += np.isin(index.parent_day, days)
        hit = np.flatnonzero(held > 0)
        parent[hit] += times * rarity(len(hit), whole) * _saturated(held[hit], of_parent[hit])
    signals = {"text": text, "near": near, "around": around, "parent": parent[index.parent] if n else text}
    return signals, covered / (total or 1.0)


def rarity(having: int, of: int) -> float:
    """What a term weighs that so many have, of so many."""
    return float(np.log(1 + (of - having + 0.5) / (having + 0.5)))


def _norm(lengths: np.ndarray, many: int) -> Floats64:
    mean = float(lengths.sum()) / many or 1.0
    norm: Floats64 = K1 * (1 - B) + (K1 * B / mean) * lengths
    return norm


def _saturated(counts: np.ndarray, norm: Floats64) -> Floats64:
    return counts * (K1 + 1) / (counts + norm)


def _meanings(index: Index, question: Question, allowed: np.ndarray) -> tuple[Floats64, Floats64, Floats64]:
    """Meaning of units and of their windows, between 0 and 1, and the plain cosine of the units."""
    nothing = np.zeros(index.size)
    if question.vector is None or not question.vector.any() or not allowed.any():
        return nothing, nothing, nothing
    mean = index.mean_vector()
    away = question.vector - mean
    found, toward = index.dot_and_toward_mean(question.vector)
    cosine = found.astype(np.float64)
    # (v - mean) · away / |v - mean| / |away|, out of products that are there already.
    inner = cosine - toward - float(mean @ away)
    squares = float(away @ away) * (index.squared - 2 * toward + float(mean @ mean))
    own = np.divide(inner, np.sqrt(np.maximum(squares, MEAN)), out=np.zeros(index.size), where=squares > MEAN)
    own[index.squared == 0] = -1.0
    window = np.einsum("ij->i", np.append(cosine, 0.0).take(index.near)) / np.maximum(index.window_norm, 1e-9)  # -1 is the last: none
    return _above_median(own, allowed), _above_median(window, allowed), cosine


def _above_median(values: Floats64, allowed: np.ndarray) -> Floats64:
    known = values[allowed]
    middle = len(known) // 2
    known.partition(middle)
    low, high = float(known[middle]), float(known[middle:].max())
    return np.clip((values - low) / (high - low), 0.0, 1.0) if high - low > SAME else np.zeros(len(values))


def _over_best(values: Floats64, allowed: np.ndarray) -> Floats64:
    return values / (float(values.max(initial=0.0, where=allowed)) or 1.0)


def _top(scores: Floats64, k: int) -> Ints:
    """Rows of the k highest finite scores, highest first, ties by row."""
    k = max(0, min(k, len(scores)))
    if k == 0:
        return np.empty(0, np.int64)
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    rows = np.flatnonzero((scores >= least) & (scores > -np.inf))
    return rows[np.lexsort((rows, -scores[rows]))][:k].astype(np.int64)


def _best_of_parents(index: Index, scores: Floats64, k: int) -> Ints:
    """Of each parent its best row; of these the k best. (A parent is as good as its best unit: its own text is in each unit's score.)"""
    order = np.lexsort((np.arange(len(scores)), -scores, index.parent))
    order = order[scores[order] > -np.inf]
    parents = index.parent[order]
    first = order[np.r_[True, parents[1:] != parents[:-1]]] if len(order) else order
    return first[np.lexsort((first, -scores[first]))][: max(0, k)].astype(np.int64)
