"""The default store: one SQLite file of rows (chunks, facts, views) and, beside it, the disposable segment that is built from them.

`store-<profile>.db` holds every file once per (blob, path), its chunks with text, impacts and vectors, and one row a scope: the view, as arrays.
Every row carries a CRC-32, because SQLite does not notice a flipped bit in a value. The folder `segment-<profile>/` holds the parts that the
table `parts` names; rows that no part covers yet are read as one more part in memory, so that a reader of any process sees every
acknowledged write at once. Chunk ids are `file id << 20 | ordinal`, and file ids are never used twice.

FORMAT log: 1 - first.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import core
from ...errors import DiskFull, GromaError, ReadOnly, StoreDamaged, StoreUnreachable
from ...filters import expand_kinds, file_matches
from ...ports import Capabilities, FileDetail, FileRecord
from ...types import Batch, Filter, Floats, Ints, Leg, Passage
from .rows import (
    BUSY_SECONDS,
    CHUNK_COLUMNS,
    FORMAT,
    ORDINAL_BITS,
    RECORD_COLUMNS,
    REST_COLUMNS,
    SCHEMA,
    SPARE,
    checksum,
    delete_files,
    detail_of,
    file_key,
    files_named,
    indegree,
    meta,
    orphan,
    part_of,
    passage_of,
    paths_of,
    put_file,
    put_view,
    quoted,
    record_of,
    rows_by_id,
    stored,
)

__all__ = ["LocalStore", "open_local"]

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
# Out of quota or beyond a size limit, SQLite reports a failed write, not a full disk.
_NO_ROOM = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_UNREAD = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ}


@dataclass(frozen=True, slots=True)
class _View:
    """A scope's files: ids ascending, and how many files of the scope mention what each alone defines (empty: not counted yet)."""

    files: Ints
    indegree: Ints


@dataclass(slots=True)
class _Sight:
    """What a set of scopes sees of the current parts: one bool a file and a chunk, per part. Kept until the store changes."""

    files: list[np.ndarray]
    chunks: list[np.ndarray]


def open_local(folder: Path, profile: str) -> LocalStore:
    """Open or create the store of `profile` in the data directory `folder`.

    Raises StoreDamaged (with `path` in its context) if the file is not a whole store, ReadOnly if it would have to be created in a
    folder that cannot be written, StoreUnreachable if it stays locked.
    """
    return LocalStore(folder / f"store-{profile}.db", folder / f"segment-{profile}")


def _inode(path: Path) -> int | None:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


class LocalStore:
    """The Store and Facts ports over one SQLite file and its segment. Threads may share it; processes may too."""

    def __init__(self, path: Path, segment: Path) -> None:
        self.path = path
        self.segment = segment
        self.capabilities = Capabilities(sparse=True, vectors=frozenset({"static"}), durable=True)
        self.notes: list[str] = []
        """What was healed since the last look, a sentence each (a damaged part that was set aside, say)."""
        self._lock = threading.RLock()
        self._parts: dict[str, core.Part] = {}
        self._delta: tuple[int, int, core.Part | None] = (-1, -1, None)
        self._views: dict[str, _View] = {}
        self._sights: dict[tuple[str, ...], _Sight] = {}
        self._names: dict[tuple[str, ...], tuple[int, dict[int, int]]] = {}
        self._seen = -1
        self._current: list[core.Part] = []
        self.writable = True
        self._inode = _inode(path)
        with self._translated():
            self._db = self._open()
            self._inode = _inode(self.path)

    # ------------------------------------------------------------------------------------------------------------------ opening

    def _open(self) -> sqlite3.Connection:
        try:
            db = self._connect(f"file:{quoted(self.path)}?mode=rwc")
            self._switch_to_wal(db)
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or not self.path.is_file():
                raise
            # A data directory that cannot be written is still read; without a log beside it the file is taken as it is.
            self.writable = False
            log = self.path.with_name(self.path.name + "-wal")
            still = "" if log.exists() and log.stat().st_size else "&immutable=1"
            db = self._connect(f"file:{quoted(self.path)}?mode=ro{still}")
        if self.writable and not os.access(self.path, os.W_OK):
            self.writable = False
        db.execute("PRAGMA synchronous=NORMAL")
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            db.execute("BEGIN IMMEDIATE")
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                for statement in SCHEMA.split(";\n"):
                    if statement.strip():
                        db.execute(statement)
            db.execute("COMMIT")
        elif "meta" not in tables:
            raise StoreDamaged(f"{self.path.name} is not a store of groma", path=str(self.path))
        row = db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        if row is None or row[0] != FORMAT:
            found = "none" if row is None else row[0]
            raise StoreDamaged(f"{self.path.name} has store format {found}, this groma reads {FORMAT}", path=str(self.path))
        return db

    def _switch_to_wal(self, db: sqlite3.Connection) -> None:
        """While another process makes the same file, SQLite says "locked" here without waiting."""
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as e:
                if e.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > until or not os.access(self.path.parent, os.W_OK):
                    raise
                time.sleep(0.02)

    def _connect(self, uri: str) -> sqlite3.Connection:
        patience = BUSY_SECONDS if os.access(self.path.parent, os.W_OK) else 1
        return sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's and the file system's exceptions become ours."""
        try:
            yield
        except sqlite3.Error as e:
            raise self._error(e) from e
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise DiskFull(f"No room left for the index at {self.segment.parent}; free some space and run the same command again.") from e
            if e.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
                raise ReadOnly(f"The data directory {self.segment.parent} cannot be written; change its permissions or set GROMA_DATA_DIR.") from e
            if e.errno == errno.ENOENT and self.replaced:
                raise self._lost() from e
            raise GromaError(f"The index at {self.segment.parent} cannot be used: {e}") from e

    def _error(self, e: sqlite3.Error) -> GromaError:
        text = str(e)
        full = getattr(e, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # what Python's module itself raises has none
        code = full & 0xFF
        if code == sqlite3.SQLITE_FULL or full in _NO_ROOM:
            return DiskFull(f"No room left for the index at {self.path.parent}; free some space and run the same command again.")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM) or (code == sqlite3.SQLITE_CANTOPEN and not self.path.is_dir()):
            return ReadOnly(f"The data directory {self.path.parent} cannot be written ({text}); change its permissions or set GROMA_DATA_DIR.")
        if code in _BUSY and not os.access(self.path.parent, os.W_OK):  # SQLite wants to take in the log first, and may not
            return ReadOnly(f"{self.path.name} was left with an open log by a crash; use it once as a user who may write there.")
        if code in _BUSY:
            return StoreUnreachable(f"{self.path.name} has been locked by another process for {BUSY_SECONDS} s; try again.")
        if code == sqlite3.SQLITE_IOERR and full not in _UNREAD:
            return StoreUnreachable(f"The index at {self.path.parent} cannot be used ({text}).")
        if isinstance(e, sqlite3.ProgrammingError | sqlite3.InterfaceError):
            return GromaError(f"{self.path.name} refused a statement ({text}); this is a fault of groma")
        return StoreDamaged(f"{self.path.name} is damaged ({text})", path=str(self.path))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; its end raises the sequence number that every reader compares."""
        with self._lock, self._translated():
            if not self.writable:
                raise ReadOnly(f"The data directory {self.path.parent} cannot be written; change its permissions or set GROMA_DATA_DIR.")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                if self.replaced:
                    raise self._lost()
                yield self._db
                self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'seq'")
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _lost(self) -> StoreDamaged:
        return StoreDamaged(f"{self.path.name} was replaced by another process", path=str(self.path))

    @property
    def replaced(self) -> bool:
        """Has the file at `path` become another one since it was opened here (rebuilt, or set aside)? What is written now nobody would see."""
        return _inode(self.path) != self._inode

    def close(self) -> None:
        """Close the file; the segment's maps go with the object."""
        with self._lock:
            self._db.close()
            self._parts.clear()
            self._current = []
            self._sights.clear()

    # ------------------------------------------------------------------------------------------------------------------ writing

    def attach(self, scope: str, paths: Sequence[str], blobs: Sequence[bytes], sizes: Ints) -> list[int]:
        """See `ports.Store.attach`."""
        keys = [file_key(path, blob) for path, blob in zip(paths, blobs, strict=True)]
        with self._writing() as db:
            known = stored(db, keys)
            missing = [
                i
                for i, (key, path, size) in enumerate(zip(keys, paths, sizes.tolist(), strict=True))
                if known.get(key, (0, "", -1))[1:] != (path, size)
            ]
            gone = set(missing)
            ids = [known[key][0] for i, key in enumerate(keys) if i not in gone]
            before = self._view(db, scope).files
            if gone and len(before):
                waiting = {paths[i] for i in missing}
                stay = set(ids)
                ids += [i for i, path in paths_of(db, before) if path in waiting and i not in stay]
            after = core.distinct(np.array(ids, dtype=np.int64))
            if not np.array_equal(before, after):
                put_view(db, scope, after)
        return missing

    def apply(self, scope: str, batch: Batch) -> None:
        """See `ports.Store.apply`; the new rows also become a part of the segment."""
        with self._writing() as db:
            view = self._view(db, scope).files
            added: list[int] = []
            replaced: set[str] = set()
            for f, path in enumerate(batch.files.paths):
                replaced.add(path)
                if batch.files.reasons[f] is None:
                    added.append(put_file(db, batch, f))
            old = [i for i, path in files_named(db, replaced) if i not in added]
            stay = view[~core.member(view, np.array(sorted(old), dtype=np.int64))]
            after = core.distinct(np.r_[stay, np.array(added, dtype=np.int64)])
            if not np.array_equal(view, after):
                put_view(db, scope, after)
        self._project()

    def detach(self, scope: str) -> None:
        """See `ports.Store.detach`."""
        with self._writing() as db:
            db.execute("DELETE FROM views WHERE scope = ?", (scope,))
            db.execute("PRAGMA secure_delete=ON")
            unused = sorted(self._unused(db))
            delete_files(db, unused)
        if unused:
            self._rewrite()
            with self._lock, self._translated():
                self._db.execute("VACUUM")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def settled(self, scope: str) -> bool:
        """See `ports.Store.settled`."""
        with self._reading() as db:
            view = self._view(db, scope)
            return len(view.indegree) == len(view.files)

    def maintain(self, scope: str) -> None:
        """Count who mentions whom, sweep what no view has needed for long, checkpoint the log."""
        with self._writing() as db:
            view = self._view(db, scope)
            if len(view.indegree) != len(view.files):
                put_view(db, scope, view.files, indegree(db, view.files))
            unused = sorted(self._unused(db))
            used = sum(len(self._view(db, s).files) for (s,) in db.execute("SELECT scope FROM views").fetchall())
            sweep = unused[: max(0, len(unused) - used // 2 - SPARE)]
            delete_files(db, sweep)
        if sweep:
            self._rewrite()
        self._tidy()
        with self._lock, self._translated():
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _unused(self, db: sqlite3.Connection) -> set[int]:
        used = [self._view(db, scope).files for (scope,) in db.execute("SELECT scope FROM views").fetchall()]
        here = {i for (i,) in db.execute("SELECT id FROM files")}
        return here - set(np.concatenate(used).tolist()) if used else here

    # ------------------------------------------------------------------------------------------------------------------ segment

    def _project(self) -> None:
        """Write the rows that no part covers as a part, and merge neighbours of like size, so that there are about log n parts."""
        with self._lock, self._translated():
            if not self.writable:
                return
            self.segment.mkdir(exist_ok=True)
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                covered = meta(db, "covered")
                top = db.execute("SELECT max(id) FROM chunks").fetchone()[0] or 0
                if top > covered:
                    part = part_of(db, covered, top)
                    rows = self._named(db)
                    merged = []
                    chunks = len(part.ids)
                    while rows and rows[-1][2] < 2 * chunks:
                        try:
                            merged.append(self._part(rows[-1][0]))
                        except StoreDamaged as e:
                            self._set_aside(rows[-1][0], e)
                            break
                        chunks += rows.pop()[2]
                    if merged:
                        alive = np.array([i for (i,) in db.execute("SELECT id FROM files ORDER BY id")], dtype=np.int64)
                        parts = [*reversed(merged), part]
                        part = core.merge(parts, [core.member(p.files, alive) for p in parts])
                    self._replace(db, part, top, keep=[name for name, _, _ in rows])
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _rewrite(self) -> None:
        """Build the whole segment anew from the rows, as one part."""
        with self._lock, self._translated():
            self.segment.mkdir(exist_ok=True)
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                top = db.execute("SELECT max(id) FROM chunks").fetchone()[0] or 0
                self._replace(db, part_of(db, 0, top) if top else None, max(top, meta(db, "covered")), keep=[])
                db.execute("UPDATE meta SET value = value + 1 WHERE key = 'seq'")
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        self._tidy()

    def _replace(self, db: sqlite3.Connection, part: core.Part | None, upto: int, keep: list[str]) -> None:
        db.execute(f"DELETE FROM parts WHERE name NOT IN ({','.join('?' * len(keep))})", keep)
        if part is not None:
            name = f"{uuid.uuid4().hex}.part"
            core.write_part(self.segment / name, part)
            db.execute("INSERT INTO parts VALUES (?, ?, ?)", (name, upto, len(part.ids)))
        db.execute("UPDATE meta SET value = ? WHERE key = 'covered'", (upto,))

    def _part(self, name: str) -> core.Part:
        part = self._parts.get(name)
        if part is None:
            part = self._parts[name] = core.open_part(self.segment / name)
        return part

    def _set_aside(self, name: str, e: StoreDamaged) -> None:
        """Keep a copy of a damaged part for whoever wants to know why; it is rebuilt from the rows."""
        path = self.segment / name
        aside = path.with_name(f"{name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        if path.exists():
            os.replace(path, aside)
            self.notes.append(f"a part of the index was damaged ({e.message}); it was set aside as {aside.name} and rebuilt")
        else:
            self.notes.append(f"a part of the index was gone ({name}); it was rebuilt")

    def _tidy(self) -> None:
        """Remove files of the segment that no row names: old parts, and what a killed writer left."""
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")  # a part that another process has written and not yet named must not be taken for an old one
            try:
                named = {name for (name,) in db.execute("SELECT name FROM parts")}
                for path in self.segment.glob("*"):
                    if (path.suffix == ".part" and path.name not in named) or (path.suffix == ".tmp" and orphan(path)):
                        path.unlink(missing_ok=True)
                        self._parts.pop(path.name, None)
            finally:
                db.execute("ROLLBACK")

    def _refresh(self, db: sqlite3.Connection) -> None:
        """Bring parts, views and the part in memory to the state that this read transaction sees."""
        seq = meta(db, "seq")
        covered = meta(db, "covered")
        if seq == self._seen and self._delta[0] == covered:
            return
        named = self._named(db)
        if named and named[-1][1] != covered:
            raise StoreDamaged(f"{self.path.name} contradicts itself about its parts", path=str(self.path))
        parts = [self._part(name) for name, _, _ in named]
        top = db.execute("SELECT max(id) FROM chunks").fetchone()[0] or 0
        delta = self._delta[2] if self._delta[:2] == (covered, top) else (part_of(db, covered, top) if top > covered else None)
        self._delta = (covered, top, delta)
        self._current = [*parts, *([delta] if delta is not None else [])]
        self._views.clear()
        self._sights.clear()
        self._names.clear()
        self._seen = seq

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """One read transaction over rows and segment. Parts that are damaged are set aside and the segment rebuilt, once."""
        with self._lock, self._translated():
            rebuilt = False
            while True:
                self._db.execute("BEGIN")
                try:
                    self._refresh(self._db)
                    break
                except StoreDamaged as e:
                    self._db.execute("ROLLBACK")
                    name = Path(str(e.context.get("path", ""))).name
                    if not name.endswith(".part"):
                        raise
                    self._parts.pop(name, None)
                    if not self._db.execute("SELECT 1 FROM parts WHERE name = ?", (name,)).fetchone():
                        continue  # another process merged it away while we were looking
                    if rebuilt or not self.writable:
                        raise
                    self._set_aside(name, e)
                    self._rewrite()
                    rebuilt = True
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
            try:
                yield self._db
            finally:
                self._db.execute("ROLLBACK")

    # ------------------------------------------------------------------------------------------------------------------ views

    def _view(self, db: sqlite3.Connection, scope: str) -> _View:
        row = db.execute("SELECT files, indegree, crc FROM views WHERE scope = ?", (scope,)).fetchone()
        if row is None:
            return _View(np.empty(0, np.int64), np.empty(0, np.int64))
        if checksum(row[:2]) != row[2]:
            raise StoreDamaged(f"the view of a scope in {self.path.name} is damaged", path=str(self.path))
        return _View(np.frombuffer(row[0], "<i8"), np.frombuffer(row[1], "<i8"))

    def _sight(self, db: sqlite3.Connection, scopes: Sequence[str]) -> _Sight:
        key = tuple(scopes)
        if key not in self._sights:
            for scope in scopes:
                if scope not in self._views:
                    self._views[scope] = self._view(db, scope)
            seen = core.distinct(np.concatenate([self._views[s].files for s in scopes] or [np.empty(0, np.int64)]))
            files = [core.member(part.files, seen) for part in self._current]
            self._sights[key] = _Sight(files, [f[part.file_of] for f, part in zip(files, self._current, strict=True)])
        return self._sights[key]

    def _narrowed(self, db: sqlite3.Connection, sight: _Sight, filter: Filter) -> list[np.ndarray]:
        if not filter:
            return sight.chunks
        kinds = expand_kinds(filter.kinds)
        masks = []
        for part, files in zip(self._current, sight.files, strict=True):
            if filter.languages or filter.paths:
                ids = part.files[files].tolist()
                passed = np.array(
                    [i for i, path, language in rows_by_id(db, "files", "id, path, language", ids) if file_matches(filter, path, language)],
                    dtype=np.int64,
                )
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
        with self._snapshot() as db:
            masks = self._narrowed(db, self._sight(db, scopes), filter)
            if sparse is not None:
                return core.sparse_top(self._current, masks, *sparse, k)
            assert vector is not None
            return core.dense_top(self._current, masks, *vector, k)

    def chunk_frequencies(self, scopes: Sequence[str], terms: np.ndarray) -> tuple[int, Ints]:
        """See `ports.Facts.chunk_frequencies`."""
        with self._snapshot() as db:
            sight = self._sight(db, scopes)
            return sum(int(m.sum()) for m in sight.chunks), core.chunk_frequencies(self._current, sight.chunks, terms)

    def name_frequencies(self, scopes: Sequence[str], terms: np.ndarray) -> tuple[int, Ints]:
        """See `ports.Facts.name_frequencies`."""
        with self._snapshot() as db:
            sight = self._sight(db, scopes)
            return sum(int(m.sum()) for m in sight.files), core.name_frequencies(self._current, sight.files, terms)

    def fetch(self, ids: Sequence[int]) -> list[Passage]:
        """See `ports.Store.fetch`."""
        with self._reading() as db:
            rows = {row[0]: row for row in rows_by_id(db, "chunks", CHUNK_COLUMNS, ids)}
            files = {r[0]: r for r in rows_by_id(db, "files", "id, path, blob, language", {i >> ORDINAL_BITS for i in rows})}
            found = []
            for i in ids:
                row, file = rows.get(i), files.get(i >> ORDINAL_BITS)
                if row is not None and file is not None:
                    found.append(passage_of(row, file))
            return found

    def find(self, scopes: Sequence[str], hit_id: int) -> Passage | None:
        """See `ports.Store.find`."""
        with self._reading() as db:
            ids = [i for (i,) in db.execute("SELECT id FROM chunks WHERE hit = ? ORDER BY id DESC", (hit_id,))]
            for scope in scopes:
                files = self._view(db, scope).files
                for i in ids:
                    if core.member(np.array([i >> ORDINAL_BITS]), files)[0]:
                        return next(iter(self.fetch([i])), None)
        return None

    def files(self, scopes: Sequence[str], ids: Ints) -> dict[int, tuple[str, FileRecord]]:
        """See `ports.Facts.files`."""
        with self._reading() as db:
            views = {scope: self._view(db, scope) for scope in scopes}
            found: dict[int, tuple[str, FileRecord]] = {}
            for row in rows_by_id(db, "files", RECORD_COLUMNS, ids.tolist()):
                for scope, view in views.items():
                    at = int(np.searchsorted(view.files, row[0]))
                    if at < len(view.files) and view.files[at] == row[0]:
                        found[row[0]] = (scope, record_of(row, int(view.indegree[at]) if len(view.indegree) else 0))
                        break
            return found

    def file(self, scope: str, path: str) -> FileRecord | None:
        """See `ports.Facts.file`."""
        with self._reading() as db:
            ids = np.array([i for (i,) in db.execute("SELECT id FROM files WHERE path = ?", (path,))], dtype=np.int64)
            return next((record for _, record in self.files([scope], ids).values()), None)

    def detail(self, scope: str, path: str) -> FileDetail | None:
        """See `ports.Facts.detail`."""
        with self._reading() as db:
            record = self.file(scope, path)
            if record is None:
                return None
            (row,) = rows_by_id(db, "files", REST_COLUMNS, [record.id])
            return detail_of(record, row)

    def chunk_symbols(self, ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """See `ports.Facts.chunk_symbols`."""
        with self._reading() as db:
            return {i: tuple(np.frombuffer(blob, "<u4").tolist()) for i, blob in rows_by_id(db, "chunks", "id, symbols", ids)}

    def count_files(self, scope: str) -> int:
        """How many files the view of `scope` holds."""
        with self._reading() as db:
            return len(self._view(db, scope).files)

    def scan(self, scope: str) -> Iterator[tuple[str, bytes, str | None, int]]:
        """See `ports.Store.scan`."""
        with self._reading() as db:
            rows = list(rows_by_id(db, "files", "path, blob, language, chunks", self._view(db, scope).files.tolist()))
        yield from sorted(rows, key=lambda row: row[0].encode("utf-8"))

    # ------------------------------------------------------------------------------------------------------------------ checking

    def verify(self) -> list[str]:
        """See `ports.Store.verify`: SQLite's own check, every row's checksum, every view's files, every part."""
        while True:
            with self._reading() as db:
                db.execute("BEGIN")
                try:
                    parts = self._named(db)
                    problems = self._problems(db)
                finally:
                    db.execute("ROLLBACK")
                if not problems or parts == self._named(db):  # else another process swapped parts under our eyes
                    return problems

    @staticmethod
    def _named(db: sqlite3.Connection) -> list[tuple[str, int, int]]:
        return db.execute("SELECT name, upto, chunks FROM parts ORDER BY upto").fetchall()

    def _problems(self, db: sqlite3.Connection) -> list[str]:
        problems = [f"{self.path.name}: {text}" for (text,) in db.execute("PRAGMA integrity_check(20)") if text != "ok"]
        if problems:
            return problems
        files = set()
        width = RECORD_COLUMNS.count(",") + 1
        for row in db.execute(f"SELECT {RECORD_COLUMNS}, {REST_COLUMNS} FROM files"):
            files.add(row[0])
            if checksum(row[1 : width - 1]) != row[width - 1] or checksum(row[width:-1]) != row[-1]:
                problems.append(f"{self.path.name}: the facts of {row[2]} are damaged")
        counts: dict[int, int] = {}
        here: list[int] = []
        for row in db.execute(f"SELECT {CHUNK_COLUMNS} FROM chunks ORDER BY id"):
            here.append(row[0])
            counts[row[0] >> ORDINAL_BITS] = counts.get(row[0] >> ORDINAL_BITS, 0) + 1
            if checksum(row[:-1]) != row[-1]:
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
        for name, _, expected in self._named(db):
            try:
                ids.append(core.open_part(self.segment / name).ids)
                if len(ids[-1]) != expected:
                    problems.append(f"{name} should have {expected} chunks")
            except StoreDamaged as e:
                problems.append(e.message)
        covered = chunks[chunks <= meta(db, "covered")]
        if not problems and (lost := len(covered) - int(core.member(covered, np.sort(np.concatenate(ids))).sum())):
            problems.append(f"{self.path.name}: {lost} chunks are in no part")
        return problems
