"""The way out of memory, on one page: what may be seen, score, trust, succession, anchors. Nothing is written here.

What is superseded is never above what superseded it: whatever finds the old record finds its successor at least as well, and each step back
halves a score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from ..records import Anchor, Memory, Recalled, Remembered, is_valid
from ..values import value
from .facts import Seen, Sight
from .projection import Found, Projection
from .score import Unit
from .when import Span, named_span

__all__ = ["Question", "recall"]

AHEAD = 4
"""So many times as many records as are asked for are scored: some of them give way to their successors."""
STEP_BACK = 0.5
"""What a score loses with each successor a record has, and if it does not hold at the time asked for."""
IN_SPAN = 0.1
"""What a record gains, of the best score, that was made (or begins to hold) in the time a question names."""


@value
class Question:
    """What is asked: the `k` best of what may be seen, or with `unit` "parent" the best of each of the `k` best conversations or documents.
    `sight.as_of` is a time at which it should have held, `sight.now` when it is asked."""

    text: str
    k: int
    sight: Sight
    unit: Unit = "turn"


def recall(asked: Question, known: Projection, compared: Callable[[Memory], Sequence[tuple[Anchor, str]]]) -> Remembered:
    """The best records for a question. `compared` tells what a record's anchors are now."""
    span = named_span(asked.text, datetime.fromtimestamp(asked.sight.now, UTC))
    seen = known.seen(asked.sight)
    found, useful = known.search(asked.text, seen, AHEAD * asked.k, asked.unit)
    there = known.records.read(one.id for one in found)  # but for what another process has destroyed since
    scores = _weighed([one for one in found if one.id in there], there, span)
    scores = _succeeded(scores, known.records, asked, seen)
    best = sorted(scores, key=lambda id: (-scores[id], id))
    if asked.unit == "parent":  # a successor may be of a parent that was found by another unit, too
        firsts: dict[str, str] = {}
        for id in best:
            firsts.setdefault(known.records[id].parent or id, id)
        best = list(firsts.values())
    best = best[: asked.k]
    why = {one.id: one.why for one in found}
    memories = tuple(
        Recalled(m, min(1.0, scores[m.id]), _holds(m, asked), tuple(compared(m)), why.get(m.id) or "supersedes what was found")
        for m in (known.records[id] for id in best)
    )
    return Remembered(asked.text, memories, not useful)


def _weighed(found: Sequence[Found], records: Mapping[str, Memory], span: Span | None) -> dict[str, float]:
    """Scores with trust and importance (neutral at 1 and ½), and with the time that the question names, over the best one."""
    scores = {}
    for one in found:
        m = records[one.id]
        at = m.created if m.valid_from is None else m.valid_from  # what is imported is as old as it was where it comes from
        within = span is not None and (span.since or -math.inf) <= at < (span.until or math.inf)
        scores[one.id] = (one.score + IN_SPAN * within) * (0.6 + 0.4 * m.trust) * (0.75 + 0.5 * m.importance)
    top = max(scores.values(), default=1.0) or 1.0
    return {id: score / top for id, score in scores.items()}


def _succeeded(scores: Mapping[str, float], records: Mapping[str, Memory], asked: Question, seen: Seen) -> dict[str, float]:
    """Every record below those that superseded it, and these found wherever it was."""
    result = dict(scores)
    steps: dict[str, int] = {}
    for id, score in scores.items():
        heirs = _heirs(records[id], records, seen)
        for n, heir in enumerate(heirs):
            result[heir] = max(result.get(heir, 0.0), score)
            steps[heir] = len(heirs) - 1 - n
        steps[id] = len(heirs)
    return {id: score * STEP_BACK ** (steps[id] + (not steps[id] and not _holds(records[id], asked))) for id, score in result.items()}


def _heirs(m: Memory, records: Mapping[str, Memory], seen: Seen) -> list[str]:
    """Those that superseded a record, one after the other, as far as the question may see them."""
    heirs: list[str] = []
    while m.superseded_by is not None and m.superseded_by not in heirs and (heir := records.get(m.superseded_by)) is not None:
        if heir.id not in seen:
            break
        heirs.append(heir.id)
        m = heir
    return heirs


def _holds(m: Memory, asked: Question) -> bool:
    """Does it hold at the time asked for, and has nothing that held then superseded it?"""
    at = asked.sight.now if asked.sight.as_of is None else asked.sight.as_of
    return is_valid(m, at) and (m.superseded_by is None or asked.sight.as_of is not None)
