"""The contracts of the adapters: `Store` and `Facts`. A method appears with its first caller.

A store holds projections only: everything in it can be rebuilt from files and the catalogue. Plain data goes in and out; ids are the
store's own and mean nothing elsewhere. A *view* is the set of files that a scope sees; files are shared between views by (blob, path).
Errors: `StoreDamaged` where bytes are not what was written, `StoreUnreachable`, `ReadOnly`, `DiskFull`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .types import Batch, Card, Filter, Floats, Floats64, Ints, Leg, Named, Passage
from .values import value

__all__ = ["Asked", "Capabilities", "Facts", "FileDetail", "FileNames", "FileRecord", "Places", "Store"]


@value
class Capabilities:
    """What an adapter can do: whether it keeps sparse vectors itself, which vector names, whether data outlives `close`."""

    sparse: bool
    vectors: frozenset[str]
    durable: bool


@value
class FileRecord:
    """What is known of one file, but for its outline. `indegree` counts the files of the scope that mention an identifier defined only here."""

    id: int
    path: str
    blob: bytes
    size: int
    language: str | None
    kind: str
    lines: int
    chunks: int
    card: Card
    imports: tuple[str, ...]
    note: str | None
    indegree: int


@value
class Asked:
    """What is asked of names: a query's words with the term id of each, the symbols it names, and these without case and underscores."""

    words: Sequence[str]
    terms: npt.NDArray[np.uint32]
    named: Sequence[str] = ()
    flat: Sequence[str] = ()


@value
class FileNames:
    """What `Facts.match_names` tells of some files, a row each: which of the scopes is the first that sees it (-1: it is gone), how many files of
    that scope mention an identifier defined only in it, and how well its names match. `card(i)` has its names."""

    scope: Ints
    indegree: Ints
    named: Named
    card: Callable[[int], Card]


@value
class Places:
    """Where passages lie, a column each: the first and last line, and which symbols of its file's record begin in it, `begin:end`. All is 0 for
    one that is gone."""

    first: Ints
    last: Ints
    begin: Ints
    end: Ints


@value
class FileDetail:
    """What a person asks of one file: its record, (kind, line, signature, doc) of each of its symbols, and what it calls."""

    record: FileRecord
    outline: tuple[tuple[str, int, str, str], ...]
    calls: tuple[str, ...]


class Store(Protocol):
    """Passages and the views of them. Writes are atomic and durable when they return, and the same write twice is one."""

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can do."""
        ...

    def attach(self, scope: str, paths: Sequence[str], blobs: Sequence[bytes], sizes: Ints) -> list[int]:
        """Make the view of `scope` these files; returns the indexes of those that are not here yet.

        A file counts as here only if its size in bytes is the given one too (a checkout filter can make one blob two texts). Where a path is
        missing in its new version, its old version stays in the view until `apply` brings the new one: a file is never half there.
        """
        ...

    def apply(self, scope: str, batch: Batch) -> None:
        """Add the files of a batch that have chunks, and swap each into the view of `scope` in place of what was at its path."""
        ...

    def detach(self, scope: str) -> None:
        """Forget the view of `scope`, and wipe what no other view needs."""
        ...

    def settled(self, scope: str) -> bool:
        """Has `maintain` seen the view as it is now? A run that was killed, or overtaken by another process, leaves it undone."""
        ...

    def maintain(self, scope: str) -> None:
        """What is done once after a run: references between files, merging, sweeping. Safe to leave out."""
        ...

    def search(
        self,
        scopes: Sequence[str],
        k: int,
        *,
        filter: Filter,
        sparse: tuple[npt.NDArray[np.uint32], Floats] | None = None,
        vector: tuple[str, Floats] | None = None,
    ) -> Leg:
        """One leg: the k best passages the scopes see and the filter allows, ties by hit id.

        `sparse` is (distinct term ids ascending, weights); `vector` is (name, unit vector). The filter holds before the cut.
        """
        ...

    def fetch(self, ids: Sequence[int]) -> list[Passage]:
        """The passages of these ids, in their order; an id that is gone is left out."""
        ...

    def find(self, scopes: Sequence[str], hit_id: int) -> Passage | None:
        """The passage a view of `scopes` shows under a hit id."""
        ...

    def scan(self, scope: str) -> Iterator[tuple[str, bytes, str | None, int]]:
        """(path, blob, language, number of chunks) of each file in the view, by path."""
        ...

    def verify(self) -> list[str]:
        """Read everything and say, a sentence each, what is not as it was written."""
        ...

    def close(self) -> None: ...


class Facts(Protocol):
    """What ranking needs beside the legs; over the same views."""

    def chunk_frequencies(self, scopes: Sequence[str], terms: npt.NDArray[np.uint32]) -> tuple[int, Ints]:
        """How many chunks the scopes see, and in how many of them each term (ascending, distinct) occurs in any field."""
        ...

    def match_names(self, scopes: Sequence[str], files: Ints, asked: Asked, weigh: Callable[[int, Ints], Floats64]) -> FileNames:
        """How well the names in some files match a query. `weigh(n, df)` is what terms weigh that df of n files have in a name, an array of them;
        the weights are kept, so it must always be the same function."""
        ...

    def files(self, scopes: Sequence[str], ids: Ints) -> dict[int, tuple[str, FileRecord]]:
        """By file id, the first of the scopes that sees the file, and its record."""
        ...

    def file(self, scope: str, path: str) -> FileRecord | None:
        """The record of the file that the scope sees at `path`."""
        ...

    def detail(self, scope: str, path: str) -> FileDetail | None:
        """The record of that file with its outline and calls."""
        ...

    def places(self, scopes: Sequence[str], ids: Ints) -> Places:
        """Where these passages of the scopes lie."""
        ...
