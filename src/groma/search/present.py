"""From ranked chunks to hits: fetch the few that are shown, prove them, say why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..ports import Store
from ..types import Contribution, Hit, Passage
from .prove import Prover
from .rank import Item, Ranked

__all__ = ["present"]

AHEAD = 3
"""Chunks are fetched this many times as many as are asked for: some may be gone, and neighbours join."""
JOINED_LINES = 60
"""Chunks of one file that follow one another are shown as one hit, up to so many lines (bench: lines +0.03, questions +0.001)."""


@dataclass(slots=True)
class _Shown:
    """A hit while neighbours may still join it; `passage` grows."""

    item: Item
    scope: str
    passage: Passage
    stale: bool

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


def present(found: Sequence[Item], store: Store, prover: Prover, k: int, *, explain: bool) -> list[Hit]:
    """The first `k` hits whose lines can be proven, best first; a hit keeps the id and symbol of its best chunk."""
    shown: list[_Shown] = []
    by_file: dict[tuple[str, str], list[_Shown]] = {}
    taken: dict[tuple[str, str], int] = {}
    passages: dict[int, Passage] = {}
    fetched = 0
    for n, item in enumerate(found):
        scope, key = item.file.scope, (item.file.scope, item.file.record.path)
        neighbours = by_file.get(key, ())
        if len(shown) == k and (n >= AHEAD * k or not neighbours):
            continue
        if n >= fetched:  # as many as are still to be shown; then the rest of what may join them
            fetched = AHEAD * k if len(shown) == k else n + k - len(shown)
            ahead = found[n:fetched] if len(shown) < k else [i for i in found[n:fetched] if (i.file.scope, i.file.record.path) in by_file]
            passages |= {p.id: p for p in store.fetch([i.chunk for i in ahead])}
        passage = passages.get(item.chunk)
        if passage is None:  # swept by another process meanwhile
            continue
        proof = prover.prove(scope, passage)
        if proof.state in ("gone", "closed"):
            continue
        if proof.state == "changed":
            nth = taken.get(key, 0)
            taken[key] = nth + 1
            if nth >= len(proof.passages):
                continue
            passage = proof.passages[nth]
        if not any(s.join(passage) for s in neighbours) and len(shown) < k:
            shown.append(_Shown(item, scope, passage, proof.state == "stale"))
            by_file.setdefault(key, []).append(shown[-1])
    return [_hit(s.item, s.passage, prover.roots[s.scope], stale=s.stale, explain=explain) for s in shown]


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
        why=why(item.file),
        text=passage.text,
        masked=passage.masked,
        stale=stale,
        enclosing=passage.enclosing,
        explain=_lines(item) if explain else (),
    )


def _lines(item: Item) -> tuple[Contribution, ...]:
    """The lines that add up to the item's score: those of its file, and what a passage after the file's best one loses."""
    of_file, score = item.file.lines(), item.file.score
    if item.score == score:
        return of_file
    return (*of_file, Contribution("passage", item.score / score - 1.0, score, "not the best passage of the file"))


def why(file: Ranked) -> str:
    """The three lines that added most, and what was taken away, in words."""
    lines = file.lines()
    added = sorted((c for c in lines if c.value * c.weight > 0), key=lambda c: -c.value * c.weight)[:3]
    taken = [c for c in lines if c.value < 0]
    return ", ".join(_words((c.detail or f"{c.factor} {c.value:.2f}" for c in added), (f"less: {c.detail}" for c in taken)))


def _words(*groups: Iterable[str]) -> list[str]:
    return [word for group in groups for word in group]
