"""The records most like some texts that are not there yet: one pass over the index for all of them, before any is settled.

Likeness is the cosine of the vectors plus the share of the new text's terms, by rarity, that a record has: the order in which `settle` looks at
them. Only texts that stand alone are compared, with those of the same project that nothing has superseded. What a call itself keeps, its later
texts are compared with, too, though no index has it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from .. import core
from ..records import Memory
from ..types import Floats64
from ..values import value
from .index import Index
from .question import asked
from .score import rarity

__all__ = ["Kin", "Near", "parts"]

LEAST = 0.9
"""Below so much likeness nothing is compared. No pair of `tests.memory.test_settle` has less than 1; of the 1,300 decisions that the rule made
over 8,500 sentences, changed ones among them, the 22 that had less were wrong."""
AT_ONCE = 128
"""So many texts at most are compared in one pass,"""
CELLS = 4_000_000
"""and as many as have so many likenesses (32 MB) with the rows there are."""


@value
class Near:
    """A record that is like a text: `cosine` of their vectors, `covered` the share of the text's terms, by rarity, that it has."""

    memory: Memory
    cosine: float
    covered: float


def parts(many: int, rows: int) -> Iterator[slice]:
    """How to cut `many` texts so that each part can be compared with `rows` rows in one pass."""
    step = max(1, min(AT_ONCE, CELLS // max(1, rows)))
    return (slice(begin, begin + step) for begin in range(0, many, step))


class Kin:
    """Some texts, compared with what an index holds now, and with what is said to be `kept` of them. For one transaction."""

    def __init__(
        self, index: Index, texts: Sequence[str], allowed: Callable[[str], np.ndarray], read: Callable[[list[str]], Mapping[str, Memory]]
    ) -> None:
        """`allowed` gives the rows (bool) that a text of a project is compared with; `read` the records of ids."""
        self._index, self._allowed, self._read = index, allowed, read
        self._vectors = core.embed_texts(list(texts))
        self._cosines = index.dots(self._vectors)
        self._terms = [asked(text, vector=False).terms for text in texts]
        self._lives = max(1, len(index))
        self._found: dict[int, tuple[np.ndarray, float]] = {}
        self._masks: dict[str, np.ndarray] = {}
        self._kept: dict[int, Memory] = {}
        self._gone: set[str] = set()

    def kept(self, place: int, m: Memory) -> None:
        """The text at this place became a record."""
        self._kept[place] = m

    def gone(self, id: str) -> None:
        """This record was superseded: nothing more is compared with it."""
        self._gone.add(id)

    def nearest(self, place: int, like: Memory, k: int) -> list[Near]:
        """The `k` records most like the text at this place, the likest first."""
        covered, total = self._covered(place)
        if like.project not in self._masks:
            self._masks[like.project] = self._allowed(like.project)
        cosine = self._cosines[place]
        likeness = np.where(self._masks[like.project], cosine + covered, 0.0)
        rows = _highest(likeness, k + len(self._gone))
        ids = [self._index.ids[row] for row in rows]
        there = self._read([id for id in ids if id not in self._gone])
        found = [Near(there[id], float(cosine[row]), float(covered[row])) for id, row in zip(ids, rows, strict=True) if id in there]
        found += self._beside(place, like, total)
        return sorted(found, key=lambda near: (-(near.cosine + near.covered), near.memory.id))[:k]

    def _covered(self, place: int) -> tuple[Floats64, float]:
        """The share of a text's terms that each row has, and the weight of all of them."""
        found = [(*self._having(term), times) for term, times in self._terms[place].items()]
        total = float(sum(idf * times for _, idf, times in found))
        if not found or not self._index.size:
            return np.zeros(self._index.size), total
        rows = np.concatenate([rows for rows, _, _ in found])
        weights = np.repeat([idf * times / (total or 1.0) for _, idf, times in found], [len(rows) for rows, _, _ in found])
        return np.bincount(rows, weights, self._index.size).astype(np.float64, copy=False), total

    def _having(self, term: int) -> tuple[np.ndarray, float]:
        """The rows with a term, and how rare it is."""
        if (found := self._found.get(term)) is None:
            rows, _ = self._index.postings.of(term)
            rows = rows[self._index.alive[rows]]
            found = self._found[term] = rows, rarity(len(rows), self._lives)
        return found

    def _beside(self, place: int, like: Memory, total: float) -> list[Near]:
        """Of the texts of the same call, those that were kept and are like this one."""
        others = [other for other, m in self._kept.items() if m.project == like.project and m.state == "active" and m.id not in self._gone]
        if not others:
            return []
        terms = self._terms[place]
        cosines = (self._vectors[others] @ self._vectors[place]).tolist()
        found = []
        for other, cosine in zip(others, cosines, strict=True):
            shared = terms.keys() & self._terms[other].keys()
            covered = sum(self._having(term)[1] * terms[term] for term in shared) / (total or 1.0)
            if cosine + covered >= LEAST:
                found.append(Near(self._kept[other], cosine, covered))
        return found


def _highest(likeness: Floats64, k: int) -> list[int]:
    """Rows of the k highest values that are not below `LEAST`."""
    rows = np.flatnonzero(likeness >= LEAST)
    if len(rows) > k:
        rows = rows[np.argpartition(likeness[rows], len(rows) - k)[len(rows) - k :]]
    return [int(row) for row in rows]
