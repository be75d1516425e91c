"""The default store: one SQLite file of rows (chunks, facts, views) and, beside it, the disposable segment that is built from them.

`store-<profile>.db` holds every file once per (blob, path), its chunks with text, impacts and vectors, and one row a scope: the view, as arrays.
Every row carries a CRC-32, because SQLite does not notice a flipped bit in a value. The folder `segment-<profile>/` holds the parts that the
table `parts` names; rows that no part covers yet are read as one more part in memory, so that a reader of any process sees every
acknowledged write at once. Chunk ids are `file id << 20 | ordinal`, and file ids are never used twice.

FORMAT log: 1 - first. 2 - two checksums a chunk, one over what is shown of it and one over what the segment is built from. 3 - a file
has a card, and tells where its chunks lie.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from ... import core
from ...errors import StoreDamaged
from ...filters import expand_kinds, file_matches
from ...ports import Asked, Capabilities, FileDetail, FileNames, FileRecord, Places
from ...types import Batch, Card, Filter, Floats, Floats64, Ints, Leg, Passage
from ...values import value
from .file import StoreFile
from .parts import Segment
from .rows import (
    ORDINAL_BITS,
    RECORD_COLUMNS,
    REST_COLUMNS,
    SCANNED_COLUMNS,
    SHOWN_COLUMNS,
    SPARE,
    delete_files,
    detail_of,
    file_key,
    files_named,
    indegree,
    meta,
    part_of_batch,
    passage_of,
    put_files,
    put_view,
    record_of,
    rows_by_id,
    sound,
    source_of,
    stored,
    view_of,
)

__all__ = ["LocalStore", "open_local"]

T = TypeVar("T")
Weigh = Callable[[int, Ints], Floats64]

RECORDS = 8_000_000
"""So many bytes of file records are kept in memory, twice at most."""
CARDS = 2_000
"""So many cards are kept, twice at most, about 600 bytes each; they point into the parts."""
SIGHTS = 8
"""So many sets of scopes, and filters of each, have their masks kept: one byte a chunk of the store each."""


@value
class _View:
    """A scope's files: ids ascending, how many files of the scope mention what each alone defines (empty: not counted yet), and the digest
    of what the view was attached to."""

    files: Ints
    indegree: Ints
    source: bytes


@value
class _Sight:
    """What a set of scopes sees: their views, the parts, one bool a file and a chunk of each part, how many are true. Kept until the store
    changes; `narrowed` keeps the chunk masks of the last few filters, `weights` what the name terms of each part
    weigh, and one that no file has."""

    views: dict[str, _View]
    parts: list[core.Part]
    files: list[np.ndarray]
    chunks: list[np.ndarray]
    count_files: int
    count_chunks: int
    narrowed: dict[Filter, list[np.ndarray]]
    weights: dict[Weigh, tuple[list[Floats64], float]]


class _Kept(Generic[T]):
    """What was read lately, by id: as much as weighs `most`, and as much again that was used less lately. For what never changes under its id."""

    def __init__(self, most: int, weigh: Callable[[T], int]) -> None:
        self._most = most
        self._weigh = weigh
        self._weight = 0
        self._young: dict[int, T] = {}
        self._old: dict[int, T] = {}

    def get(self, i: int) -> T | None:
        """What is kept of one."""
        value = self._young.get(i)
        if value is None and (value := self._old.get(i)) is not None:
            self.put(i, value)
        return value

    def of(self, ids: Iterable[int]) -> dict[int, T]:
        """What is kept of these."""
        young = self._young
        found = {i: young[i] for i in ids if i in young}
        if self._old and (again := {i: self._old[i] for i in ids if i not in young and i in self._old}):
            for i, value in again.items():
                self.put(i, value)
            found |= again
        return found

    def put(self, i: int, value: T) -> None:
        if self._weight >= self._most:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[i] = value
        self._weight += self._weigh(value)


def _weight(record: FileRecord) -> int:
    return 1000 + record.card.data.nbytes


def _files(views: Sequence[_View]) -> Ints:
    """The files of the views, one view after another."""
    return np.concatenate([np.empty(0, np.int64), *(view.files for view in views)])


def _same(one: _View, other: _View) -> bool:
    return np.array_equal(one.files, other.files) and np.array_equal(one.indegree, other.indegree)


def open_local(folder: Path, profile: str, *, read_only: bool = False) -> LocalStore:
    """Open the store of `profile` in the data directory `folder`; unless it is to be only read, create it if it is not there.

    Raises StoreDamaged (with `path` in its context) if the file is not a whole store, ReadOnly if it would have to be created in a
    folder that cannot be written, StoreUnreachable if it stays locked.
    """
    return LocalStore(folder / f"store-{profile}.db", folder / f"segment-{profile}", read_only=read_only)


class LocalStore:
    """The Store and Facts ports over one SQLite file and its segment. Threads may share it; processes may too."""

    def __init__(self, path: Path, segment: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.capabilities = Capabilities(sparse=True, vectors=frozenset({"static"}), durable=True)
        self._file = StoreFile(path, read_only=read_only)
        self._segment = Segment(self._file, segment)
        self._state = (-1, -1)
        self._version = -1
        self._held = threading.local()
        self._sights: dict[tuple[str, ...], _Sight] = {}
        self._before: dict[tuple[str, ...], _Sight] = {}
        """Sights of an older state, of parts that are all still there: what the scopes see may be the same."""
        self._records: _Kept[FileRecord] = _Kept(RECORDS, _weight)
        self._known_cards: _Kept[Card] = _Kept(CARDS, lambda _: 1)

    @property
    def notes(self) -> list[str]:
        """What was healed since the last look, a sentence each (a damaged part that was set aside, say)."""
        return self._segment.notes

    @property
    def replaced(self) -> bool:
        """See `StoreFile.replaced`."""
        return self._file.replaced

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """One read transaction over rows and segment; what was kept of an older one is forgotten, as far as it may be another now."""
        with self._segment.snapshot() as db:
            if self._segment.version != self._version:
                here = {id(part) for part in self._segment.parts}
                self._before = {key: sight for key, sight in self._sights.items() if all(id(part) in here for part in sight.parts)}
                self._sights = {}
                self._known_cards = _Kept(CARDS, lambda _: 1)  # they hold the maps of parts that may be gone now
                self._version = self._segment.version
            yield db

    def close(self) -> None:
        """Close the file; the segment's maps go with the object."""
        self._segment.close()
        self._file.close()
        self._sights.clear()
        self._before.clear()

    def slim(self) -> None:
        """Forget what is only kept to be quick. What is asked meanwhile is answered from what it holds already."""
        with self._file.lock:
            self._sights.clear()
            self._before.clear()
            self._records = _Kept(RECORDS, _weight)
            self._known_cards = _Kept(CARDS, lambda _: 1)

    # ------------------------------------------------------------------------------------------------------------------ writing

    def attach(self, scope: str, paths: Sequence[str], blobs: Sequence[bytes], sizes: Ints) -> list[int]:
        """See `ports.Store.attach`."""
        source = source_of(paths, blobs, sizes)
        with self._file.writing() as db:
            view = self._view(db, scope)
            if view.source == source:
                return []
            seen = {row[:3]: row[3] for row in rows_by_id(db, "files", "path, blob, size, id", view.files.tolist())}
            here = [seen.get(version) for version in zip(paths, blobs, sizes.tolist(), strict=True)]
            ids = [i for i in here if i is not None]
            others = {n: file_key(paths[n], blobs[n]) for n, i in enumerate(here) if i is None}
            known = stored(db, list(others.values()))
            older = {path: i for (path, _, _), i in seen.items()} if others else {}
            missing = []
            for n, key in others.items():
                file, *what = known.get(key, (0, "", -1))
                if what == [paths[n], sizes[n]]:
                    ids.append(file)
                else:
                    missing.append(n)
                    if paths[n] in older:
                        ids.append(older[paths[n]])
            before, after = view.files, core.distinct(np.array(ids, dtype=np.int64))
            same = np.array_equal(before, after)
            if not same or (len(after) and not missing):
                put_view(db, scope, after, view.indegree if same else None, b"" if missing else source)
        return missing

    def apply(self, scope: str, batch: Batch) -> None:
        """See `ports.Store.apply`; the new rows also become a part of the segment."""
        with self._file.writing() as db:
            view = self._view(db, scope).files
            ids, added = put_files(db, batch)
            put = set(ids)
            old = [i for i, _ in files_named(db, batch.files.paths) if i not in put]
            stay = view[~core.member(view, np.array(sorted(old), dtype=np.int64))]
            after = core.distinct(np.r_[stay, np.array(ids, dtype=np.int64)])
            if not np.array_equal(view, after):
                put_view(db, scope, after)
        self._segment.project(lambda after, upto: part_of_batch(batch, added, after, upto))

    def detach(self, scope: str) -> None:
        """See `ports.Store.detach`."""
        with self._file.writing() as db:
            db.execute("DELETE FROM views WHERE scope = ?", (scope,))
            db.execute("PRAGMA secure_delete=ON")
            unused = self._unused(db, _files(self._views(db)))
            delete_files(db, unused)
        self._segment.forget()
        if unused:
            self._file.shrink()

    def settled(self, scope: str) -> bool:
        """See `ports.Store.settled`."""
        with self._file.reading() as db:
            view = self._view(db, scope)
            return len(view.indegree) == len(view.files)

    def maintain(self, scope: str) -> None:
        """Count who mentions whom, sweep what no view has needed for long, checkpoint the log."""
        with self._file.writing() as db:
            view, views = self._view(db, scope), self._views(db)
            if len(view.indegree) != len(view.files):
                same = (v.indegree for v in views if len(v.indegree) and np.array_equal(v.files, view.files))  # another worktree's
                counts = next(same, None)
                put_view(db, scope, view.files, indegree(db, view.files) if counts is None else counts, view.source)
            used = _files(views)
            (files,) = db.execute("SELECT count(*) FROM files").fetchone()
            spare = len(used) // 2 + SPARE
            sweep = self._unused(db, used)[: -(spare // 2)] if files - len(core.distinct(used)) > spare else []
            delete_files(db, sweep)
        if sweep:
            self._segment.compact()
        else:
            self._segment.tidy()
        with self._file.lock, self._file.translated():
            self._file.db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _views(self, db: sqlite3.Connection) -> list[_View]:
        return [self._view(db, scope) for (scope,) in db.execute("SELECT scope FROM views").fetchall()]

    def _unused(self, db: sqlite3.Connection, used: Ints) -> list[int]:
        return sorted({i for (i,) in db.execute("SELECT id FROM files")} - set(used.tolist()))

    # ------------------------------------------------------------------------------------------------------------------ views

    def _view(self, db: sqlite3.Connection, scope: str) -> _View:
        return _View(*view_of(db, scope))

    @contextmanager
    def steady(self) -> Iterator[None]:
        """While it is open, what this thread asks of scopes is answered as of one moment, whoever writes meanwhile. For reading only."""
        self._held.sights = {}
        try:
            yield
        finally:
            self._held.sights = None

    def _look(self, scopes: Sequence[str]) -> _Sight:
        """What the scopes see now, or saw first since `steady` was entered."""
        key = tuple(scopes)
        held: dict[tuple[str, ...], _Sight] | None = getattr(self._held, "sights", None)
        if held is None:
            return self._look_anew(key)
        sight = held.get(key)
        if sight is None:
            sight = held[key] = self._look_anew(key)
        return sight

    def _look_anew(self, key: tuple[str, ...]) -> _Sight:
        """What the scopes see now: what was kept, as long as nobody wrote since, which costs one question to the file."""
        with self._file.lock:
            try:
                state = self._file.state()
            except sqlite3.Error:
                state = (-1, -1)  # the snapshot says what is wrong
            sight = self._sights.get(key) if state == self._state else None
            if sight is None:
                with self._snapshot() as db:
                    sight = self._sights.get(key) or self._see(db, key)
                self._state = state
            return sight

    def _see(self, db: sqlite3.Connection, key: tuple[str, ...]) -> _Sight:
        views = {scope: self._view(db, scope) for scope in key}
        if (before := self._before.pop(key, None)) is not None and all(_same(view, before.views[scope]) for scope, view in views.items()):
            self._sights[key] = before
            return before
        seen = core.distinct(np.concatenate([view.files for view in views.values()] or [np.empty(0, np.int64)]))
        if len(seen):
            self._segment.include(db, int(seen[-1]))
        masks = [(part, core.member(part.files, seen)) for part in self._segment.parts]
        parts = [part for part, mask in masks if mask.any()]
        files = [mask for _, mask in masks if mask.any()]
        chunks = [f[part.file_of] for f, part in zip(files, parts, strict=True)]
        while len(self._sights) >= SIGHTS:
            del self._sights[next(iter(self._sights))]
        sight = _Sight(views, parts, files, chunks, sum(int(m.sum()) for m in files), sum(int(m.sum()) for m in chunks), {}, {})
        self._sights[key] = sight
        return sight

    def _narrowed(self, sight: _Sight, filter: Filter) -> list[np.ndarray]:
        """The chunk masks of a sight, less what the filter leaves out."""
        if not filter:
            return sight.chunks
        masks = sight.narrowed.get(filter)
        if masks is None:
            masks = self._narrow(sight, filter)
            while len(sight.narrowed) >= SIGHTS:
                sight.narrowed.pop(next(iter(sight.narrowed)), None)
            sight.narrowed[filter] = masks
        return masks

    def _narrow(self, sight: _Sight, filter: Filter) -> list[np.ndarray]:
        kinds = expand_kinds(filter.kinds)
        masks = []
        for part, files in zip(sight.parts, sight.files, strict=True):
            if filter.languages or filter.paths:
                with self._file.reading() as db:
                    rows = list(rows_by_id(db, "files", "id, path, language", part.files[files].tolist()))
                passed = np.array([i for i, path, language in rows if file_matches(filter, path, language)], dtype=np.int64)
                files = core.member(part.files, core.distinct(passed))
            mask = files[part.file_of]
            if kinds:
                mask = mask & np.array([kind in kinds for kind in part.kinds], dtype=np.bool_)[part.kind_of]
            masks.append(mask)
        return masks

    # ------------------------------------------------------------------------------------------------------------------ reading

    def search(
        self,
        scopes: Sequence[str],
        k: int,
        *,
        filter: Filter,
        sparse: tuple[np.ndarray, Floats] | None = None,
        vector: tuple[str, Floats] | None = None,
    ) -> Leg:
        """See `ports.Store.search`."""
        sight = self._look(scopes)
        masks = self._narrowed(sight, filter)
        if sparse is not None:
            return core.sparse_top(sight.parts, masks, *sparse, k)
        assert vector is not None
        return core.dense_top(sight.parts, masks, *vector, k)

    def chunk_frequencies(self, scopes: Sequence[str], terms: np.ndarray) -> tuple[int, Ints]:
        """See `ports.Facts.chunk_frequencies`."""
        sight = self._look(scopes)
        return sight.count_chunks, core.chunk_frequencies(sight.parts, sight.chunks, terms)

    def match_names(self, scopes: Sequence[str], files: Ints, asked: Asked, weigh: Weigh) -> FileNames:
        """See `ports.Facts.match_names`."""
        sight = self._look(scopes)
        if weigh not in sight.weights:
            table = weigh(sight.count_files, np.arange(sight.count_files + 1))
            counts = core.name_frequencies(sight.parts, sight.files)
            sight.weights[weigh] = [table[count] for count in counts], table.item(0)
        named = core.match_names(sight.parts, *sight.weights[weigh], files, asked.words, asked.terms, asked.named, asked.flat)
        scope, indegree = np.full(len(files), -1, np.int64), np.zeros(len(files), np.int64)
        for n, view in reversed(list(enumerate(sight.views.values()))):
            if not len(view.files):
                continue
            at = view.files.searchsorted(files)
            here = view.files.take(at, mode="clip") == files
            scope[here] = n
            indegree[here] = view.indegree[at[here]] if len(view.indegree) else 0
        scope[named.part < 0] = -1

        def card(i: int) -> Card:
            file = files.item(i)
            return self._known_cards.get(file) or self._read_card(sight.parts[named.part.item(i)], file, named.row.item(i))

        return FileNames(scope, indegree, named, card)

    def _read_card(self, part: core.Part, file: int, row: int) -> Card:
        card = core.read_card(part.cards[part.card_start[row] : part.card_start[row + 1]])
        self._known_cards.put(file, card)
        return card

    def fetch(self, ids: Sequence[int]) -> list[Passage]:
        """See `ports.Store.fetch`. Read from the parts where these are as new as the rows; what no part has, or not whole, from the rows."""
        make = Passage._make
        with self._file.reading() as db:
            still = getattr(self._held, "sights", None) is not None or self._file.state() == self._state
            shown = core.shown(self._segment.parts if still else (), ids)
            missing = [] if all(shown) else [i for i, one in zip(ids, shown, strict=True) if one is None]
            rows = {row[0]: row for row in rows_by_id(db, "chunks", SHOWN_COLUMNS, missing)}
            cards = self._cards(db, {i >> ORDINAL_BITS for i in ids}, mapped=still)
        found = []
        for i, one in zip(ids, shown, strict=True):
            file = i >> ORDINAL_BITS
            card = cards.get(file)
            if card is not None and one is not None:
                first, last, kind, hit, symbol, enclosing, masked, text = one
                found.append(make((i, hit, file, card.path, card.blob, first, last, kind, symbol, enclosing, card.language, text, masked)))
            elif card is not None and i in rows:
                found.append(passage_of(rows[i], card))
        return found

    def _cards(self, db: sqlite3.Connection, files: AbstractSet[int], *, mapped: bool) -> dict[int, Card]:
        """The cards of these files: from the parts where these are as new as the rows (`mapped`), else from the rows."""
        found = self._known_cards.of(files) if mapped else {}
        if len(found) == len(files):
            return found
        wanted = np.array([file for file in files if file not in found], dtype=np.int64)
        for part in self._segment.parts if mapped and len(wanted) else ():
            rows = np.minimum(part.files.searchsorted(wanted), len(part.files) - 1)
            here = part.files[rows] == wanted
            for file, row in zip(wanted[here].tolist(), rows[here].tolist(), strict=True):
                found[file] = self._read_card(part, file, row)
        if missing := [file for file in files if file not in found]:
            found |= {row[0]: record_of(row, 0).card for row in rows_by_id(db, "files", RECORD_COLUMNS, missing)}
        return found

    def find(self, scopes: Sequence[str], hit_id: int) -> Passage | None:
        """See `ports.Store.find`."""
        with self._file.reading() as db:
            ids = [i for (i,) in db.execute("SELECT id FROM chunks WHERE hit = ? ORDER BY id DESC", (hit_id,))]
            for scope in scopes:
                files = self._view(db, scope).files
                for i in ids:
                    if core.member(np.array([i >> ORDINAL_BITS]), files)[0]:
                        return next(iter(self.fetch([i])), None)
        return None

    def files(self, scopes: Sequence[str], ids: Ints) -> dict[int, tuple[str, FileRecord]]:
        """See `ports.Facts.files`."""
        sight = self._look(scopes)
        found: dict[int, tuple[str, FileRecord]] = {}
        left = ids
        for scope, view in sight.views.items():
            if not len(left):
                break
            here = core.member(left, view.files)
            wanted = left[here]
            counts = view.indegree[view.files.searchsorted(wanted)].tolist() if len(view.indegree) else [0] * len(wanted)
            records = self._records.of(wanted.tolist())
            if missing := [i for i in wanted.tolist() if i not in records]:
                records |= self._read_records(missing)
            for i, n in zip(wanted.tolist(), counts, strict=True):
                if i in records:
                    found[i] = (scope, replace(records[i], indegree=n))
            left = left[~here]
        return found

    def _read_records(self, ids: Iterable[int]) -> dict[int, FileRecord]:
        with self._file.reading() as db:
            records = {row[0]: record_of(row, 0) for row in rows_by_id(db, "files", RECORD_COLUMNS, ids)}
        for i, record in records.items():
            self._records.put(i, record)
        return records

    def file(self, scope: str, path: str) -> FileRecord | None:
        """See `ports.Facts.file`."""
        with self._file.reading() as db:
            ids = np.array([i for (i,) in db.execute("SELECT id FROM files WHERE path = ?", (path,))], dtype=np.int64)
            return next((record for _, record in self.files([scope], ids).values()), None)

    def detail(self, scope: str, path: str) -> FileDetail | None:
        """See `ports.Facts.detail`."""
        with self._file.reading() as db:
            record = self.file(scope, path)
            if record is None:
                return None
            (row,) = rows_by_id(db, "files", REST_COLUMNS, [record.id])
            return detail_of(record, row)

    def places(self, scopes: Sequence[str], ids: Ints) -> Places:
        """See `ports.Facts.places`."""
        return Places(*core.places(self._look(scopes).parts, ids))

    def count_chunks(self, scope: str) -> int:
        """How many chunks the files of the view of `scope` have."""
        with self._file.reading() as db:
            return sum(n for (_, n) in rows_by_id(db, "files", "id, chunks", self._view(db, scope).files.tolist()))

    def count_files(self, scope: str) -> int:
        """How many files the view of `scope` holds."""
        return len(self._look([scope]).views[scope].files)

    def scan(self, scope: str) -> Iterator[tuple[str, bytes, str | None, int]]:
        """See `ports.Store.scan`."""
        with self._file.reading() as db:
            rows = list(rows_by_id(db, "files", "path, blob, language, chunks", self._view(db, scope).files.tolist()))
        yield from sorted(rows, key=lambda row: row[0].encode("utf-8"))

    # ------------------------------------------------------------------------------------------------------------------ checking

    def verify(self) -> list[str]:
        """See `ports.Store.verify`: SQLite's own check, every row's checksum, every view's files, every part."""
        while True:
            with self._file.reading() as db:
                db.execute("BEGIN")
                try:
                    parts = self._segment.named(db)
                    problems = self._problems(db)
                finally:
                    db.execute("ROLLBACK")
                if not problems or parts == self._segment.named(db):  # else another process swapped parts under our eyes
                    return problems

    def _problems(self, db: sqlite3.Connection) -> list[str]:
        problems = [f"{self.path.name}: {text}" for (text,) in db.execute("PRAGMA integrity_check(20)") if text != "ok"]
        if problems:
            return problems
        files = set()
        width = RECORD_COLUMNS.count(",") + 1
        for row in db.execute(f"SELECT {RECORD_COLUMNS}, {REST_COLUMNS} FROM files"):
            files.add(row[0])
            if not (sound(row[:width], RECORD_COLUMNS) and sound(row[width:], REST_COLUMNS)):
                problems.append(f"{self.path.name}: the facts of {row[2]} are damaged")
        counts: dict[int, int] = {}
        here: list[int] = []
        width = SHOWN_COLUMNS.count(",") + 1
        for row in db.execute(f"SELECT {SHOWN_COLUMNS}, {SCANNED_COLUMNS} FROM chunks ORDER BY id"):
            here.append(row[0])
            counts[row[0] >> ORDINAL_BITS] = counts.get(row[0] >> ORDINAL_BITS, 0) + 1
            if not (sound(row[:width], SHOWN_COLUMNS) and sound(row[width:], SCANNED_COLUMNS)):
                problems.append(f"{self.path.name}: chunk {row[0]} is damaged")
        for file, path, chunks in db.execute("SELECT id, path, chunks FROM files"):
            if counts.pop(file, 0) != chunks:
                problems.append(f"{self.path.name}: {path} should have {chunks} chunks")
        problems += [f"{self.path.name}: chunks of a file that is gone ({file})" for file in counts]
        for (scope,) in db.execute("SELECT scope FROM views").fetchall():
            try:
                if gone := set(self._view(db, scope).files.tolist()) - files:
                    problems.append(f"{self.path.name}: the view of {scope} names {len(gone)} files that are gone")
            except StoreDamaged as e:
                problems.append(e.message)
        return problems + self._verify_parts(db, np.array(here, dtype=np.int64))

    def _verify_parts(self, db: sqlite3.Connection, chunks: Ints) -> list[str]:
        """Every part is whole, and every one of `chunks` (ids ascending) up to the one that they cover is in one of them."""
        problems = []
        ids = [np.empty(0, np.int64)]
        for name, _, expected in self._segment.named(db):
            try:
                part = core.open_part(self._segment.folder / name)
                ids.append(part.ids)
                if len(part.ids) != expected:
                    problems.append(f"{name} should have {expected} chunks")
                if damaged := sum(core.shown([part], part.ids[i : i + 1000].tolist()).count(None) for i in range(0, len(part.ids), 1000)):
                    problems.append(f"{name}: the texts of {damaged} chunks are damaged")
            except StoreDamaged as e:
                problems.append(e.message)
        covered = chunks[chunks <= meta(db, "covered")]
        if not problems and (lost := len(covered) - int(core.member(covered, np.sort(np.concatenate(ids))).sum())):
            problems.append(f"{self.path.name}: {lost} chunks are in no part")
        return problems
