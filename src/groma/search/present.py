"""From ranked chunks to hits: fetch the few that are shown, prove them, say why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..ports import Store
from ..types import Hit, Passage
from .prove import Prover
from .rank import Item, Ranked

__all__ = ["present"]

AHEAD = 2
"""Chunks are fetched this many times as many as are asked for, because some may be gone."""


def present(found: Sequence[Item], store: Store, prover: Prover, k: int, *, explain: bool) -> list[Hit]:
    """The first `k` items whose lines can be proven, best first."""
    hits: list[Hit] = []
    taken: dict[tuple[str, str], int] = {}
    for i in range(0, len(found), AHEAD * k):
        some = found[i : i + AHEAD * k]
        passages = {p.id: p for p in store.fetch([item.chunk for item in some])}
        for item in some:
            if len(hits) == k:
                return hits
            passage = passages.get(item.chunk)
            if passage is None:  # swept by another process meanwhile
                continue
            scope = item.file.evidence.scope
            proof = prover.prove(scope, passage)
            if proof.state == "gone":
                continue
            if proof.state == "changed":
                nth = taken.get((scope, passage.path), 0)
                taken[scope, passage.path] = nth + 1
                if nth >= len(proof.passages):
                    continue
                passage = proof.passages[nth]
            hits.append(_hit(item, passage, prover.roots[scope], stale=proof.state == "stale", explain=explain))
    return hits


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
        explain=item.file.lines if explain else (),
    )


def why(file: Ranked) -> str:
    """The three lines that added most, and what was taken away, in words."""
    added = sorted((c for c in file.lines if c.value * c.weight > 0), key=lambda c: -c.value * c.weight)[:3]
    taken = [c for c in file.lines if c.value < 0]
    return ", ".join(_words((c.detail or f"{c.factor} {c.value:.2f}" for c in added), (f"less: {c.detail}" for c in taken)))


def _words(*groups: Iterable[str]) -> list[str]:
    return [word for group in groups for word in group]
