"""From ranked chunks to hits: prove the few that are shown, join neighbours, fetch them, say why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from ..ports import Store
from ..types import Contribution, Hit, Passage
from .prove import Proof, Prover
from .rank import Item, Ranked

__all__ = ["present"]

AHEAD = 3
"""Among the best chunks, this many times as many as are asked for, neighbours of what is shown are looked for."""
JOINED_LINES = 60
"""Chunks of one file that follow one another are shown as one hit, up to so many lines (bench: lines +0.03, questions +0.001)."""


@dataclass(slots=True)
class _Shown:
    """A hit while neighbours may still join it: its lines grow, and `pieces` with them, the ids of its passages from top to bottom; `best` is the
    one that made it a hit."""

    file: Ranked
    score: float
    stale: bool
    best: int
    first: int
    last: int
    pieces: list[int]

    def join(self, piece: int, first: int, last: int) -> bool:
        """Take in a piece whose lines end right before this one's or begin right after them."""
        if first == self.last + 1:
            if last - self.first >= JOINED_LINES:
                return False
            self.pieces.append(piece)
            self.last = last
            return True
        if last + 1 == self.first:
            if self.last - first >= JOINED_LINES:
                return False
            self.pieces.insert(0, piece)
            self.first = first
            return True
        return False


def present(found: Sequence[Item], store: Store, prover: Prover, k: int, *, explain: bool) -> list[Hit]:
    """The first `k` hits whose lines can be proven, best first; a hit keeps the id and symbol of its best chunk."""
    gone: set[int] = set()
    while True:
        shown, passages = _chosen(found, prover, k, gone)
        wanted = [piece for one in shown for piece in one.pieces if piece not in passages]
        for passage in store.fetch(wanted):
            passages[passage.id] = passage
        lost = [piece for piece in wanted if piece not in passages]
        if not lost:
            break
        gone.update(lost)  # swept by another process meanwhile: others take their places
    reasons = shown[0].file.tally.reasons(np.array([one.file.at for one in shown])) if shown else []
    return [_hit(one, passages, prover.roots[one.file.scope], why, explain=explain) for one, why in zip(shown, reasons, strict=True)]


def _chosen(found: Sequence[Item], prover: Prover, k: int, gone: AbstractSet[int]) -> tuple[list[_Shown], dict[int, Passage]]:
    """What is shown of `found`, but for the passages that are `gone`. Of a file that changed since it was indexed its own new passages are, in
    place of the old ones; these have their texts with them, under ids below zero."""
    shown: list[_Shown] = []
    files: dict[int, tuple[Proof, list[_Shown]]] = {}
    taken: dict[int, int] = {}
    anew: dict[int, Passage] = {}
    for n, (piece, score, file, first, last) in enumerate(found):
        here = files.get(file.at)
        if len(shown) == k:  # only what joins them is still wanted
            if n >= AHEAD * k:
                break
            if here is None:
                continue
        if here is None:
            here = files[file.at] = prover.prove(file), []
        proof, neighbours = here
        state = proof.state
        if state == "changed":
            nth = taken.get(file.at, 0)
            if nth >= len(proof.passages):
                continue
            taken[file.at] = nth + 1
            piece = -1 - len(anew)
            passage = anew[piece] = proof.passages[nth]
            first, last = passage.first, passage.last
        elif piece in gone or not last or state in ("gone", "closed"):
            continue
        for one in neighbours:
            if one.join(piece, first, last):
                break
        else:
            if len(shown) < k:
                one = _Shown(file, score, state == "stale", piece, first, last, [piece])
                shown.append(one)
                neighbours.append(one)
    return shown, anew


def _hit(one: _Shown, passages: Mapping[int, Passage], root: str, why: str, *, explain: bool) -> Hit:
    best = passages[one.best]
    pieces = [passages[piece] for piece in one.pieces] if len(one.pieces) > 1 else (best,)
    return Hit(
        id=f"{best.hit_id:016x}",
        scope=root,
        path=best.path,
        start_line=one.first,
        end_line=one.last,
        symbol=best.symbol,
        kind=best.kind,
        language=best.language,
        score=round(one.score, 6),
        why=why,
        text="\n".join([piece.text for piece in pieces]),
        masked=any(piece.masked for piece in pieces),
        stale=one.stale,
        enclosing=best.enclosing,
        explain=_lines(one) if explain else (),
    )


def _lines(one: _Shown) -> tuple[Contribution, ...]:
    """The lines that add up to the score of a hit: those of its file, and what a passage after the file's best one loses."""
    of_file, score = one.file.lines(), one.file.score
    if one.score != score:
        of_file.append(Contribution("passage", one.score / score - 1.0, score, "not the best passage of the file"))
    return tuple(of_file)
