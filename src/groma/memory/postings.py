"""Postings that grow: in which rows a term occurs, and how often.

Most lie in arrays sorted by term (they may be mapped from a file); what came since lies in a table by term, and is sorted in when there is as
much of it as of the rest. So a row costs what it has of terms, and a term is found at once.
"""

from __future__ import annotations

import numpy as np

from ..types import Ints

__all__ = ["Postings"]

_MOST_LOOSE = 20_000
"""So many postings outside the arrays are always borne."""


class Postings:
    """Columns `terms` (uint32, ascending), `start` (int64, one more), `rows` (int32, ascending within a term) and `counts` (int32)."""

    __slots__ = ("_loose", "_many", "counts", "rows", "start", "terms")

    def __init__(self, terms: np.ndarray, start: np.ndarray, rows: np.ndarray, counts: np.ndarray) -> None:
        self.terms, self.start, self.rows, self.counts = terms, start, rows, counts
        self._loose: dict[int, tuple[list[int], list[int]]] = {}
        self._many = 0

    @classmethod
    def none(cls) -> Postings:
        return cls(np.empty(0, np.uint32), np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.int32))

    def add(self, rows: np.ndarray, terms: np.ndarray, counts: np.ndarray) -> None:
        """Take in postings of rows that are higher than all before; ascending rows, a term once a row."""
        if self._many + len(rows) > max(_MOST_LOOSE, len(self.rows)):
            self._settle(rows, terms, counts)
            return
        for row, term, count in zip(rows.tolist(), terms.tolist(), counts.tolist(), strict=True):
            if (found := self._loose.get(term)) is None:
                found = self._loose[term] = ([], [])
            found[0].append(row)
            found[1].append(count)
        self._many += len(rows)

    def of(self, term: int) -> tuple[Ints, Ints]:
        """The rows with a term, ascending, and how often each has it."""
        at = int(self.terms.searchsorted(term))
        begin, end = (self.start[at], self.start[at + 1]) if at < len(self.terms) and self.terms[at] == term else (0, 0)
        rows, counts = self.rows[begin:end].astype(np.int64), self.counts[begin:end].astype(np.int64)
        if (loose := self._loose.get(term)) is not None:
            rows, counts = np.concatenate((rows, np.array(loose[0]))), np.concatenate((counts, np.array(loose[1])))
        return rows, counts

    def settle(self) -> None:
        """Put all into the arrays."""
        if self._loose:
            nothing = np.empty(0, np.int32)
            self._settle(nothing, nothing.astype(np.uint32), nothing)

    def keep(self, kept: np.ndarray) -> None:
        """Only the rows where `kept` is true, numbered anew in their order."""
        self.settle()
        new = np.cumsum(kept) - 1
        some = kept[self.rows]
        terms = np.repeat(self.terms, np.diff(self.start))[some]
        self._sort(terms, new[self.rows[some]], self.counts[some])

    def _settle(self, rows: np.ndarray, terms: np.ndarray, counts: np.ndarray) -> None:
        loose = self._loose.items()
        of = np.repeat(np.fromiter((term for term, _ in loose), np.uint32), np.array([len(found[0]) for _, found in loose], np.int64))
        columns = [np.fromiter((x for _, found in loose for x in found[i]), np.int32, self._many) for i in (0, 1)]
        self._sort(
            np.concatenate((np.repeat(self.terms, np.diff(self.start)), of, terms)),
            np.concatenate((self.rows, columns[0], rows)),
            np.concatenate((self.counts, columns[1], counts)),
        )

    def _sort(self, terms: np.ndarray, rows: np.ndarray, counts: np.ndarray) -> None:
        order = np.argsort(terms, kind="stable")  # rows ascend in each of the pieces, and from one to the next
        terms = terms[order]
        first = np.flatnonzero(np.r_[True, terms[1:] != terms[:-1]]) if len(terms) else np.empty(0, np.int64)
        self.terms, self.start = terms[first].astype(np.uint32), np.r_[first, len(terms)].astype(np.int64)
        self.rows, self.counts = rows[order].astype(np.int32), counts[order].astype(np.int32)
        self._loose, self._many = {}, 0
