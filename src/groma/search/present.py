"""From ranked chunks to hits: fetch the few that are shown, prove them, say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ports import Store
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
    """A hit while neighbours may still join it: its lines grow, and `texts` with them, from top to bottom."""

    item: Item
    passage: Passage
    stale: bool
    first: int
    last: int
    texts: list[str]
    masked: bool

    def touches(self, first: int, last: int) -> bool:
        """Do these lines end right before the hit's or begin right after them?"""
        return first == self.last + 1 or last + 1 == self.first

    def join(self, other: Passage) -> bool:
        """Take in a passage that ends right before this one or begins right after it."""
        if not self.touches(other.first, other.last) or other.blob != self.passage.blob:
            return False
        first, last = min(self.first, other.first), max(self.last, other.last)
        if last - first >= JOINED_LINES:
            return False
        self.texts.insert(0 if first < self.first else len(self.texts), other.text)
        self.first, self.last, self.masked = first, last, self.masked or other.masked
        return True


def present(found: Sequence[Item], store: Store, prover: Prover, k: int, *, explain: bool) -> list[Hit]:
    """The first `k` hits whose lines can be proven, best first; a hit keeps the id and symbol of its best chunk."""
    shown: list[_Shown] = []
    by_file: dict[int, list[_Shown]] = {}
    taken: dict[int, int] = {}
    passages: dict[int, Passage] = {}
    fetched = 0
    for n, item in enumerate(found):
        file = item.file
        key = file.at
        neighbours = by_file.get(key, ())
        if len(shown) == k:  # only what joins them is still wanted
            if n >= AHEAD * k:
                break
            if not neighbours or (not taken.get(key) and not _touched(neighbours, item)):
                continue
        elif n >= fetched:
            fetched = n + k - len(shown)
            passages |= _fetched(store, [i.passage for i in (*found[n:fetched], *_joining(found[n : AHEAD * k], fetched - n))])
        if item.passage not in passages:  # of a file that changed, or swept by another process
            passages |= _fetched(store, [item.passage])
        passage = passages.get(item.passage)
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
            shown.append(_Shown(item, passage, proof.state == "stale", passage.first, passage.last, [passage.text], passage.masked))
            by_file.setdefault(key, []).append(shown[-1])
    return [_hit(one, prover.roots[one.item.file.scope], explain=explain) for one in shown]


def _joining(items: Sequence[Item], after: int) -> list[Item]:
    """Those of `items` from number `after` on whose lines touch those of another one in their file, and so may join a hit."""
    ends = {(item.file.at, item.last + 1) for item in items}
    begins = {(item.file.at, item.first) for item in items}
    return [item for item in items[after:] if (item.file.at, item.first) in ends or (item.file.at, item.last + 1) in begins]


def _touched(hits: Sequence[_Shown], item: Item) -> bool:
    for hit in hits:  # noqa: SIM110 - this runs for every passage that is looked at
        if hit.touches(item.first, item.last):
            return True
    return False


def _fetched(store: Store, ids: Sequence[int]) -> dict[int, Passage]:
    return {passage.id: passage for passage in store.fetch(ids)}


def _hit(one: _Shown, root: str, *, explain: bool) -> Hit:
    item, passage = one.item, one.passage
    return Hit(
        id=f"{passage.hit_id:016x}",
        scope=root,
        path=passage.path,
        start_line=one.first,
        end_line=one.last,
        symbol=passage.symbol,
        kind=passage.kind,
        language=passage.language,
        score=round(item.score, 6),
        why=item.file.why(),
        text="\n".join(one.texts),
        masked=one.masked,
        stale=one.stale,
        enclosing=passage.enclosing,
        explain=_lines(item) if explain else (),
    )


def _lines(item: Item) -> tuple[Contribution, ...]:
    """The lines that add up to the item's score: those of its file, and what a passage after the file's best one loses."""
    of_file, score = item.file.lines(), item.file.score
    if item.score != score:
        of_file.append(Contribution("passage", item.score / score - 1.0, score, "not the best passage of the file"))
    return tuple(of_file)
