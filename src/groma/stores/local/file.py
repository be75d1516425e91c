"""The SQLite file of a store: opening it, transactions that raise its sequence number, and its errors in our words."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ...errors import DiskFull, GromaError, ReadOnly, StoreDamaged, StoreUnreachable
from .rows import BUSY_SECONDS, FORMAT, SCHEMA, quoted

__all__ = ["StoreFile"]

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
# Out of quota or beyond a size limit, SQLite reports a failed write, not a full disk.
_NO_ROOM = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_UNREAD = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ}


class StoreFile:
    """One open file, for all threads of this process. `lock` is held in every transaction."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open it; unless it is to be only read, create it if it is not there.

        Raises StoreDamaged if it is not a whole store, ReadOnly, StoreUnreachable.
        """
        self.path = path
        self._name = str(path)
        self.lock = threading.RLock()
        self.writable = not read_only
        self._inode = _inode(path)
        with self.translated():
            self.db = self._open()
            self._inode = _inode(self.path)

    def close(self) -> None:
        """Close it."""
        with self.lock:
            self.db.close()

    def _open(self) -> sqlite3.Connection:
        if not self.writable:
            return self._ready(self._open_to_read())
        try:
            db = self._connect(f"file:{quoted(self.path)}?mode=rwc")
            with _closed_on_error(db):
                self._switch_to_wal(db)
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or not self.path.is_file():
                raise
            self.writable = False
            db = self._open_to_read()
        if self.writable and not os.access(self.path, os.W_OK):
            self.writable = False
        return self._ready(db)

    def _open_to_read(self) -> sqlite3.Connection:
        """In a data directory that cannot be written, a file without a log beside it is taken as it is."""
        if not self.path.is_file():
            raise ReadOnly(f"{self.path.name} is not there, and groma is read-only here.")
        log = self.path.with_name(self.path.name + "-wal")
        still = not os.access(self.path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
        return self._connect(f"file:{quoted(self.path)}?mode=ro{'&immutable=1' if still else ''}")

    def _ready(self, db: sqlite3.Connection) -> sqlite3.Connection:
        with _closed_on_error(db):
            db.execute("PRAGMA synchronous=NORMAL")
            self._ensure_tables(db)
        return db

    def _ensure_tables(self, db: sqlite3.Connection) -> None:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables and self.writable:
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
    def translated(self) -> Iterator[None]:
        """SQLite's and the file system's exceptions become ours."""
        try:
            yield
        except sqlite3.Error as e:
            raise self._error(e) from e
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise DiskFull(f"No room left for the index at {self.path.parent}; free some space and run the same command again.") from e
            if e.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
                raise ReadOnly(f"The data directory {self.path.parent} cannot be written; change its permissions or set GROMA_DATA_DIR.") from e
            if e.errno == errno.ENOENT and self.replaced:
                raise self._lost() from e
            raise GromaError(f"The index at {self.path.parent} cannot be used: {e}") from e

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

    def state(self) -> tuple[int, int]:
        """Another value whenever anything in the file may have changed, whoever wrote it; costs two microseconds. Under `lock` only."""
        ((others,),) = self.db.execute("PRAGMA data_version").fetchall()
        return others, self.db.total_changes

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self.lock, self.translated():
            yield self.db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; its end raises the sequence number that every reader compares. One that changed nothing leaves no trace."""
        with self.lock, self.translated():
            if not self.writable:
                raise ReadOnly(f"The data directory {self.path.parent} cannot be written; change its permissions or set GROMA_DATA_DIR.")
            self.db.execute("BEGIN IMMEDIATE")
            try:
                if self.replaced:
                    raise self._lost()
                before = self.db.total_changes
                yield self.db
                if self.db.total_changes == before:
                    self.db.execute("ROLLBACK")
                    return
                self.db.execute("UPDATE meta SET value = value + 1 WHERE key = 'seq'")
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def shrink(self) -> None:
        """Give back the room of what was deleted; nothing of it stays in the file or its log. On a connection of its own: nobody here waits."""
        with self.translated(), closing(self._connect(f"file:{quoted(self.path)}?mode=rw")) as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _lost(self) -> StoreDamaged:
        return StoreDamaged(f"{self.path.name} was replaced by another process", path=str(self.path))

    @property
    def replaced(self) -> bool:
        """Has the file at `path` become another one since it was opened here (rebuilt, or set aside)? What is written now nobody would see."""
        return _inode(self._name) != self._inode


@contextmanager
def _closed_on_error(db: sqlite3.Connection) -> Iterator[None]:
    """A connection that cannot be made ready is closed at once: a transaction left open in it, on a full disk, would lock out even this process."""
    try:
        yield
    except BaseException:
        db.close()
        raise


def _inode(path: str | Path) -> int | None:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None
