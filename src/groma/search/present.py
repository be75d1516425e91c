"""From ranked chunks to hits: fetch the few that are shown, prove them, say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..ports import Facts, Store
from ..types import Contribution, Hit, Passage
from .prove import Prover
from .rank import Item

__all__ = ["present"]

AHEAD = 3
"""Among the best chunks, this many times as many as are asked for, neighbours of what is shown are looked for."""
JOINED_LINES = 60
"""Chunks of one file that follow one another are shown as one hit, up to so many lines (bench: lines +0.03, questions +0.001)."""


@dataclass(slots=True)
class _Shown:
    """A hit while neighbours may still join it; `passage` grows."""

    item: Item
    scope: str
    passage: Passage
    stale: bool

    def touches(self, first: int, last: int) -> bool:
        """Do these lines end right before the hit's or begin right after them?"""
        return first == self.passage.last + 1 or last + 1 == self.passage.first

    def join(self, other: Passage) -> bool:
        """Take in a passage that ends right before this one or begins right after it."""
        mine = self.passage
        if max(mine.last, other.last) - min(mine.first, other.first) >= JOINED_LINES or other.blob != mine.blob:
            return False
        if other.first == mine.last + 1:
            text = mine.text + "\n" + other.text
        elif other.last + 1 == mine.first:
            text = other.text + "\n" + mine.text
        else:
            return False
        first, last = min(mine.first, other.first), max(mine.last, other.last)
        self.passage = replace(mine, first=first, last=last, text=text, masked=mine.masked or other.masked)
        return True


def present(found: Sequence[Item], store: Store, facts: Facts, prover: Prover, k: int, *, explain: bool) -> list[Hit]:
    """The first `k` hits whose lines can be proven, best first; a hit keeps the id and symbol of its best chunk."""
    shown: list[_Shown] = []
    by_file: dict[int, list[_Shown]] = {}
    taken: dict[int, int] = {}
    passages: dict[int, Passage] = {}
    lines: dict[int, tuple[int, int]] | None = None
    fetched = 0
    for n, item in enumerate(found):
        file = item.file
        key = file.row
        neighbours = by_file.get(key, ())
        if len(shown) == k:  # only what joins them is still wanted
            if n >= AHEAD * k:
                break
            if not neighbours:
                continue
            if lines is None:
                rest = [i for i in found[n : AHEAD * k] if i.file.row in by_file]
                lines = _lines_of(rest, facts)
                passages |= _fetched(store, [i.chunk for i in rest if _touched(by_file[i.file.row], lines[i.chunk])])
            if not taken.get(key) and not _touched(neighbours, lines[item.chunk]):
                continue
        elif n >= fetched:
            fetched = n + k - len(shown)
            passages |= _fetched(store, [i.chunk for i in found[n:fetched]])
        if item.chunk not in passages:  # a neighbour of one that joined meanwhile, or swept by another process
            passages |= _fetched(store, [item.chunk])
        passage = passages.get(item.chunk)
        if passage is None:
            continue
        proof = prover.prove(file.scope, passage)
        if proof.state in ("gone", "closed"):
            continue
        if proof.state == "changed":
            nth = taken.get(key, 0)
            taken[key] = nth + 1
            if nth >= len(proof.passages):
                continue
            passage = proof.passages[nth]
        if not any(s.join(passage) for s in neighbours) and len(shown) < k:
            shown.append(_Shown(item, file.scope, passage, proof.state == "stale"))
            by_file.setdefault(key, []).append(shown[-1])
    return [_hit(s.item, s.passage, prover.roots[s.scope], stale=s.stale, explain=explain) for s in shown]


def _touched(hits: Sequence[_Shown], lines: tuple[int, int]) -> bool:
    return any(hit.touches(*lines) for hit in hits)


def _lines_of(items: Sequence[Item], facts: Facts) -> dict[int, tuple[int, int]]:
    ids = [item.chunk for item in items]
    places = facts.places(np.array(ids, dtype=np.int64))
    return dict(zip(ids, zip(places.first.tolist(), places.last.tolist(), strict=True), strict=True))


def _fetched(store: Store, ids: Sequence[int]) -> dict[int, Passage]:
    return {passage.id: passage for passage in store.fetch(ids)}


def _hit(item: Item, passage: Passage, root: str, *, stale: bool, explain: bool) -> Hit:
    return Hit(
        id=f"{passage.hit_id:016x}",
        scope=root,
        path=passage.path,
        start_line=passage.first,
        end_line=passage.last,
        symbol=passage.symbol,
        kind=passage.kind,
        language=passage.language,
        score=round(item.score, 6),
        why=item.file.why(),
        text=passage.text,
        masked=passage.masked,
        stale=stale,
        enclosing=passage.enclosing,
        explain=_lines(item) if explain else (),
    )


def _lines(item: Item) -> tuple[Contribution, ...]:
    """The lines that add up to the item's score: those of its file, and what a passage after the file's best one loses."""
    of_file, score = item.file.lines(), item.file.score
    if item.score != score:
        of_file.append(Contribution("passage", item.score / score - 1.0, score, "not the best passage of the file"))
    return tuple(of_file)
