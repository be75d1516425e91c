"""The catalogue in one SQLite file: how it is opened (also where nothing may be written), and what SQLite's errors mean to a user."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from ..errors import DiskFull, GromaError, NotIndexed, ReadOnly, StoreUnreachable
from .database import damaged
from .schema import DialectName, by_table

__all__ = ["SqliteDialect"]

BUSY_SECONDS = 10.0

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
# Out of quota or beyond a size limit, SQLite reports a failed write, not a full disk.
_NO_ROOM = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_UNREAD = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ}
# What SQLite calls a plain error, and only damaged pages lead to: groma's own statements name only tables and columns that it made.
_SIGNS_OF_DAMAGE = ("no such ", "malformed", "unsupported file format", "Could not decode", "text encoding")


class SqliteDialect:
    """A file in WAL mode with full sync: a transaction that returned survives a loss of power, readers and the writer do not wait."""

    name: DialectName = "sqlite"
    shared = False
    foreign: type[Exception] = sqlite3.DatabaseError
    begin: tuple[str, ...] = ("BEGIN IMMEDIATE",)
    alone: tuple[str, ...] = begin

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._asked = read_only
        self.path = path.absolute()
        self.where = str(self.path)
        self.read_only = False
        self._frozen = False
        self._seen: tuple[int, ...] = ()

    # ------------------------------------------------------------------------------------------------------------------ opening

    def open(self) -> sqlite3.Connection:
        there = os.path.exists(self.path)
        if not there and not self._asked:
            self._make_folder()
        self._frozen = False
        self.read_only = self._asked or not (_may_write(self.path.parent) and (not there or _may_write(self.path)))
        if self._asked and not there:
            raise NotIndexed(f"Nothing has been indexed: there is no {self.where}, and groma is read-only here.", path=self.where)
        if self.read_only and not there:
            raise ReadOnly(f"The catalogue {self.where} cannot be made: its folder cannot be written.", path=self.where)
        connection = self._open_read_only() if self.read_only else self._connect("rwc")
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            self._check_size(connection)
            if not self._frozen:
                self._seen = self._stamp()
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._full() from e
            raise ReadOnly(f"The folder {self.path.parent} cannot be made ({e.strerror}).", path=self.where) from e

    def _open_read_only(self) -> sqlite3.Connection:
        """Readers of a WAL file share memory through a second file beside it. Where that can neither be opened nor made, the file is taken
        as it is, which is right as long as nobody writes: `outdated` sees it when somebody did."""
        connection = self._connect("ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            return connection
        except sqlite3.OperationalError as e:
            connection.close()
            if _primary(e) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        except BaseException:
            connection.close()
            raise
        self._frozen, self._seen = True, self._stamp()
        if self._seen[-1] > 0:
            # Pages may be half moved from the log into the file: without the log it is not even consistent.
            raise ReadOnly(
                f"The catalogue {self.where} was left with an open log by a crash; use it once as a user who may write there.", path=self.where
            )
        return self._connect("ro&immutable=1")

    def _check_size(self, connection: sqlite3.Connection) -> None:
        """SQLite reads zeros where the last page was cut. (A log that is not empty explains part of a page: a full disk stopped its move.)"""
        _, inode, size, _, log = self._stamp()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        if inode and size > 1 and not log and size % page:
            raise damaged(self.where, f"its {size} bytes are not whole pages")

    def _connect(self, mode: str) -> sqlite3.Connection:
        # Not bound to a thread: who opens a connection for each thread also closes them all.
        return sqlite3.connect(f"{self.path.as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _stamp(self) -> tuple[int, ...]:
        """Which file it is (device and inode), its size and time, the size of its log; zeros for what is not there."""
        numbers = [0, 0, 0, 0, 0]
        with suppress(OSError):
            stat = os.stat(self.path)
            numbers[:4] = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
            numbers[4] = os.stat(f"{self.path}-wal").st_size
        return tuple(numbers)

    def outdated(self) -> bool:
        """Was the file set aside or removed, so that what is written now would be lost with it? Or, if it is taken as it is, changed?"""
        return self._stamp() != self._seen if self._frozen else _identity(self.where) != self._seen[:2]

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Switch the file to WAL, which it then stays in. While another process does the same, SQLite says so without waiting."""
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as e:
                if _primary(e) not in _BUSY or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    # ----------------------------------------------------------------------------------------------------------------- speaking

    def spelled(self, sql: str) -> str:
        return sql

    def active(self, connection: sqlite3.Connection) -> bool:
        return connection.in_transaction

    def tables(self, connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
        rows = connection.execute(
            "SELECT t.name, c.name FROM sqlite_master t LEFT JOIN pragma_table_info(t.name) c "
            "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        ).fetchall()
        return by_table(rows)

    def state(self, connection: sqlite3.Connection) -> tuple[int, int]:
        ((others,),) = connection.execute("PRAGMA data_version").fetchall()
        return others, connection.total_changes

    def scrub(self, connection: sqlite3.Connection) -> bool:
        connection.execute("VACUUM")
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return not busy

    def problems(self, connection: sqlite3.Connection) -> list[str]:
        found = [str(text) for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        return found + [f"a row of {table} refers to a row of {parent} that is not there" for table, _, parent, _ in orphans]

    # ------------------------------------------------------------------------------------------------------------------- errors

    def error(self, e: Exception) -> GromaError | None:
        text = str(e)
        full = getattr(e, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # what Python's module itself raises has none
        code = full & 0xFF
        if code == sqlite3.SQLITE_FULL or full in _NO_ROOM:
            return self._full()
        if code in _BUSY:
            return StoreUnreachable(f"The catalogue {self.where} was locked by another process for {BUSY_SECONDS:.0f} s; try again.", path=self.where)
        if full == sqlite3.SQLITE_READONLY and not self.read_only and _may_write(self.path) and _may_write(self.path.parent):
            return damaged(self.where, "its header forbids writing, which groma never does")
        if code in _UNWRITABLE:
            return ReadOnly(f"The catalogue {self.where} cannot be written ({text}); check permissions.", path=self.where)
        if code == sqlite3.SQLITE_CANTOPEN:
            if self.path.is_dir():
                return damaged(self.where, "a folder is in its place")
            return ReadOnly(f"The catalogue {self.where} cannot be opened; check permissions.", path=self.where)
        plain = code == sqlite3.SQLITE_ERROR and any(sign in text for sign in _SIGNS_OF_DAMAGE)
        # What is written was checked before: a rule of the table that it breaks is not the rule that was made.
        if code in _DAMAGED or full in _UNREAD or plain or full == sqlite3.SQLITE_CONSTRAINT_CHECK:
            return damaged(self.where, text)
        if code == sqlite3.SQLITE_IOERR:
            return StoreUnreachable(f"The catalogue {self.where} cannot be used: {text}.", path=self.where)
        return None

    def _full(self) -> DiskFull:
        return DiskFull(f"No room left for the catalogue {self.where}; free some space and run the same command again.", path=self.where)


def _primary(e: sqlite3.Error) -> int:
    return e.sqlite_errorcode & 0xFF


def _identity(path: str) -> tuple[int, ...]:
    try:
        stat = os.stat(path)
    except OSError:
        return ()
    return stat.st_dev, stat.st_ino


def _may_write(path: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=effective)
