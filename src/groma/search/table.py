"""What ranking reads of files, as columns that grow by every file that a query meets: what a record says is worked out once, not a query."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import log1p

import numpy as np

from .. import core
from ..ports import Facts, FileRecord
from ..types import Floats64, Ints, Names
from ..values import value
from .retrieve import idf

__all__ = ["FileTable", "Rows"]

MOST = 60_000
"""When so much is in a table it begins anew: 8 a file and 1 a symbol, about 300 bytes each."""


@value
class Rows:
    """Files as columns, by row. `quality` is ln(1 + in-degree), `marks` what `FileTable` was told to note of a record."""

    scopes: Sequence[str]
    records: Sequence[FileRecord]
    quality: Floats64
    marks: Ints
    names: Names


class FileTable:
    """The files that queries over some scopes have met. It holds as long as `Facts.kept` hands it out. Threads may share it: rows are only added,
    so that what one was given before stays as it is."""

    def __init__(self, mark: Callable[[FileRecord], int]) -> None:
        """`mark` notes something of a record, once."""
        self._mark = mark
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._row: dict[int, int] = {}
        self._scopes: list[str] = []
        self._records: list[FileRecord] = []
        self._quality = _Column(np.float64)
        self._marks = _Column(np.int64)
        self._stem_start = _Column(np.int64, [0])
        self._stem_text = _Column(np.uint8)
        self._symbol_start = _Column(np.int64, [0])
        self._term_start = _Column(np.int64, [0])
        self._terms = _Column(np.uint32)
        self._weights = _Column(np.float64)
        self._snapshot()

    def find(self, files: Ints, facts: Facts, scopes: Sequence[str]) -> tuple[list[int | None], Rows]:
        """The row of each file, None for one that is gone, and the rows."""
        wanted = files.tolist()
        with self._lock:
            rows = list(map(self._row.get, wanted))
            if None in rows:
                if 8 * len(self._records) + len(self._weights) > MOST:
                    self._clear()
                    rows = [None] * len(wanted)
                missing = np.array([file for file, row in zip(wanted, rows, strict=True) if row is None], dtype=np.int64)
                self._add(facts.files(scopes, missing), facts, scopes)
                rows = list(map(self._row.get, wanted))
            return rows, self._rows

    def _add(self, found: dict[int, tuple[str, FileRecord]], facts: Facts, scopes: Sequence[str]) -> None:
        if not found:
            return
        records = [record for _, record in found.values()]
        for file, (scope, record) in found.items():
            self._row[file] = len(self._records)
            self._scopes.append(scope)
            self._records.append(record)
        self._quality.extend([log1p(record.indegree) for record in records])
        self._marks.extend(list(map(self._mark, records)))
        stems = ["".join(f"{stem}\n" for stem in record.stems).encode("utf-8", "surrogatepass") for record in records]
        self._stem_start.follow(list(map(len, stems)))
        self._stem_text.extend(np.frombuffer(b"".join(stems), np.uint8))
        self._symbol_start.follow([len(record.symbols) for record in records])
        sizes = np.concatenate([np.diff(record.symbol_start) for record in records])
        self._term_start.follow(sizes)
        terms = np.concatenate([record.symbol_terms for record in records])
        self._terms.extend(terms)
        distinct = core.distinct(terms)
        weights = idf(*facts.name_frequencies(scopes, distinct))[np.searchsorted(distinct, terms)]
        self._weights.extend(np.bincount(np.repeat(np.arange(len(sizes)), sizes), weights, len(sizes)))
        self._snapshot()

    def _snapshot(self) -> None:
        names = Names(*(c.values for c in (self._stem_start, self._stem_text, self._symbol_start, self._term_start, self._terms, self._weights)))
        self._rows = Rows(self._scopes, self._records, self._quality.values, self._marks.values, names)


class _Column:
    """An array that grows at its end; `values` is what it holds now, and what it held before is never moved."""

    def __init__(self, kind: type, values: Sequence[int] = ()) -> None:
        self._space: np.ndarray = np.array(values, dtype=kind)
        self.values = self._space

    def __len__(self) -> int:
        return len(self.values)

    def extend(self, values: Sequence[float] | np.ndarray) -> None:
        before, after = len(self.values), len(self.values) + len(values)
        if after > len(self._space):
            space = np.empty(max(after, 2 * len(self._space)), dtype=self._space.dtype)
            space[:before] = self.values
            self._space = space
        self._space[before:after] = values
        self.values = self._space[:after]

    def follow(self, sizes: Sequence[int] | np.ndarray) -> None:
        """Extend a column of bounds by runs of these sizes."""
        self.extend(np.cumsum(sizes) + self.values[-1])
