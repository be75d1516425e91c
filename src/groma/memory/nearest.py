"""The records most like some texts that are not there yet: one pass over the index for all of them, before any is settled.

Likeness is the cosine of the vectors plus the share of the new text's terms, by rarity, that a record has: the order in which `settle` looks at
them. Only texts that stand alone are compared, with those of the same project that nothing has superseded. What a call itself keeps, its later
texts are compared with, too, though no index has it yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

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
        self._lives = len(index)
        self._rows: dict[int, np.ndarray] = {}
        self._masks: dict[str, np.ndarray] = {}
        self._kept: dict[int, tuple[Memory, Set[int]]] = {}
        self._often = Counter[int]()
        self._gone: set[str] = set()

    def kept(self, place: int, m: Memory) -> None:
        """The text at this place became a record."""
        if m.state == "active":
            terms = core.count_terms(m.content)[0].keys()
            self._kept[place] = m, terms
            self._often.update(terms)

    def gone(self, id: str) -> None:
        """This record was superseded: nothing more is compared with it."""
        self._gone.add(id)

    def nearest(self, place: int, like: Memory, k: int) -> list[Near]:
        """The `k` records most like the text at this place, the likest first."""
        shares = self._shares(place)
        covered = self._covered(shares)
        if like.project not in self._masks:
            self._masks[like.project] = self._allowed(like.project)
        cosine = self._cosines[place]
        likeness = np.where(self._masks[like.project], cosine + covered, 0.0)
        rows = _highest(likeness, k + len(self._gone))
        ids = [self._index.ids[row] for row in rows]
        there = self._read([id for id in ids if id not in self._gone])
        found = [Near(there[id], float(cosine[row]), float(covered[row])) for id, row in zip(ids, rows, strict=True) if id in there]
        found += self._beside(place, like, shares)
        return sorted(found, key=lambda near: (-(near.cosine + near.covered), near.memory.id))[:k]

    def _covered(self, shares: Mapping[int, float]) -> Floats64:
        """How much of a text's terms each row has."""
        found = [self._having(term) for term in shares]
        if not found or not self._index.size:
            return np.zeros(self._index.size)
        weights = np.repeat(list(shares.values()), [len(rows) for rows in found])
        return np.bincount(np.concatenate(found), weights, self._index.size).astype(np.float64, copy=False)

    def _shares(self, place: int) -> dict[int, float]:
        """The terms of a text, by rarity, in shares of 1."""
        lives = max(1, self._lives + len(self._kept))
        weights = {term: times * rarity(len(self._having(term)) + self._often[term], lives) for term, times in self._terms[place].items()}
        total = sum(weights.values()) or 1.0
        return {term: weight / total for term, weight in weights.items()}

    def _having(self, term: int) -> np.ndarray:
        """The rows with a term."""
        if (rows := self._rows.get(term)) is None:
            rows, _ = self._index.postings.of(term)
            rows = self._rows[term] = rows[self._index.alive[rows]]
        return rows

    def _beside(self, place: int, like: Memory, shares: Mapping[int, float]) -> list[Near]:
        """Of the texts of the same call, those that were kept and are like this one."""
        others = [other for other, (m, _) in self._kept.items() if m.project == like.project and not m.parent and m.id not in self._gone]
        if not others:
            return []
        cosines = (self._vectors[others] @ self._vectors[place]).tolist()
        found = []
        for other, cosine in zip(others, cosines, strict=True):
            m, terms = self._kept[other]
            covered = sum(share for term, share in shares.items() if term in terms)
            if cosine + covered >= LEAST:
                found.append(Near(m, cosine, covered))
        return found


def _highest(likeness: Floats64, k: int) -> list[int]:
    """Rows of the k highest values that are not below `LEAST`."""
    rows = np.flatnonzero(likeness >= LEAST)
    if len(rows) > k:
        rows = rows[np.argpartition(likeness[rows], len(rows) - k)[len(rows) - k :]]
    return [int(row) for row in rows]
