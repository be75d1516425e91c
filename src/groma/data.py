"""The data directory: what is open in it, who may write it now, and how a damaged part of it is healed.

It holds the catalogue (truth) and the stores (projections) with their segments, one store a profile. Locks are files in it. A damaged store
is kept as a copy and made anew from the files; a damaged catalogue is set aside only when a user says `rebuild`. Knows no verbs and no callers.
"""

from __future__ import annotations

import errno
import os
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from .catalogue import scopes
from .catalogue.database import Database
from .errors import DiskFull, GromaError, NotIndexed, ReadOnly, Refused, StoreDamaged, StoreUnreachable
from .locks import exclusive
from .stores.local import LocalStore, open_local
from .types import Scope

__all__ = ["ATTEMPTS", "DataDirectory"]

T = TypeVar("T")

ATTEMPTS = 10
"""How often a store that another process replaces meanwhile is opened anew."""
UNUSED_S = 30 * 86_400
"""A store that answers for nothing is kept for so long after it was last written: one may go back to it."""


class DataDirectory:
    """What is open of one data directory. Threads may share it."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Opens nothing yet."""
        self.folder = folder
        self.read_only = read_only
        self._lock = threading.RLock()
        self._local = threading.local()
        self._opened: list[Database] = []
        self._stores: dict[str, LocalStore] = {}
        self._used: dict[str, float] = {}
        self.healed: list[str] = []
        """What was healed since the last look, a sentence each."""

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            for store in self._stores.values():
                store.close()
            for db in self._opened:
                db.close()
            self._stores.clear()
            self._opened.clear()
            self._local = threading.local()

    def slim(self, *, keep: int) -> None:
        """Let go of stores, least recently used first, until `keep` are open, and of what those keep only to be quick.

        A store that is closed must not be in use; its caches may be.
        """
        with self._lock:
            for name in sorted(self._stores, key=lambda name: self._used.get(name, 0.0))[: max(0, len(self._stores) - keep)]:
                self._let_go(name)
            for store in self._stores.values():
                store.slim()

    @property
    def writable(self) -> bool:
        """May and can anything be written?"""
        return not self.read_only and os.access(self.folder, os.W_OK)

    @property
    def db(self) -> Database:
        """The catalogue, one connection a thread."""
        db: Database | None = getattr(self._local, "db", None)
        if db is None:
            self._make_folder()
            db = self._local.db = Database.connect(self.folder / "catalogue.db", read_only=self.read_only)
            with self._lock:
                self._opened.append(db)
        return db

    def _make_folder(self) -> None:
        if self.read_only:
            if not self.folder.is_dir():
                raise NotIndexed(f"Nothing has been indexed: there is no {self.folder}, and groma is read-only here.")
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except (FileExistsError, NotADirectoryError):
            raise Refused(f"The data directory {self.folder} is a file; set GROMA_DATA_DIR to a folder.") from None
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _not_written(self.folder, e) from e
            raise ReadOnly(f"The data directory {self.folder} cannot be made ({e.strerror}); set GROMA_DATA_DIR to a folder you may write.") from e
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            with suppress(OSError):  # it may lie within a folder that is indexed or committed, where it would change with every run
                ignore.write_text("*\n")

    def store(self, name: str) -> LocalStore:
        """The store of a profile; opened anew if another process replaced it. Raises StoreDamaged, ReadOnly, StoreUnreachable."""
        with self._lock:
            if (store := self._stores.get(name)) is not None and store.replaced:
                self._let_go(name)
            if name not in self._stores:
                self._make_folder()
                # Not while another process moves or removes the same files: SQLite's log must not be taken from under a new store.
                with self.locked(f"store-{name}") if self.writable else nullcontext():
                    self._stores[name] = open_local(self.folder, name, read_only=self.read_only)
            self._used[name] = time.monotonic()
            return self._stores[name]

    def _let_go(self, name: str) -> None:
        if store := self._stores.pop(name, None):
            self.healed += store.notes
            store.close()

    def heal(self, name: str, why: StoreDamaged, before: int) -> int:
        """Keep a copy of a damaged store and make room for a new one, unless another process replaced it meanwhile.

        `before` is how often this was done on the way; returns how often it now was. Raises `why` where nothing can be moved.
        """
        if not self.writable:
            raise why
        with self._lock, self.locked(f"store-{name}"):
            if self._replaced(name):
                return before
            if before:
                raise StoreDamaged(f"The index in {self.folder} was damaged again right after it was rebuilt; check the disk.") from why
            self._unfinish()
            stamp = _stamp()
            moved = []
            try:
                for path in (*self.folder.glob(f"store-{name}.db*"), self.folder / f"segment-{name}"):
                    if path.exists() and ".damaged-" not in path.name:
                        os.replace(path, path.with_name(f"{path.name}.damaged-{stamp}"))
                        moved.append(path.name)
            except OSError as e:
                raise _not_written(self.folder, e) from e
            self._unfinish()  # a run that came to its end meanwhile wrote into what is gone
            self.healed.append(f"{why.message}: {', '.join(moved)} set aside as *.damaged-{stamp}; the index is rebuilt from the files")
        return before + 1

    def _replaced(self, name: str) -> bool:
        """Lets go of a store; was the file it is in, or could not be opened from, replaced by another process?"""
        if name in self._stores:
            replaced = self._stores[name].replaced
            self._let_go(name)
            return replaced
        try:
            self._stores[name] = open_local(self.folder, name, read_only=self.read_only)
        except StoreDamaged:
            return False
        return True

    def _unfinish(self) -> None:
        """What the scopes had is gone with the store, or will be: until its next run, each of them is unfinished rather than damaged."""
        for scope in scopes.all(self.db):
            with suppress(NotIndexed):  # forgotten meanwhile
                scopes.begin_run(self.db, scope.id)

    def on_store(self, name: str, work: Callable[[LocalStore], T]) -> T:
        """`work` on a store; again from its start if the store was damaged and is healed, or another process replaced it."""
        healed = 0
        for _ in range(ATTEMPTS):
            try:
                return work(self.store(name))
            except StoreDamaged as e:
                healed = self.heal(name, e, healed)
        raise StoreUnreachable(f"The index in {self.folder} is replaced by other processes again and again; try again later.")

    @contextmanager
    def locked(self, name: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold a lock of this data directory, against other processes and other threads of this one."""
        with ExitStack() as held:
            try:
                held.enter_context(exclusive(self.folder / "locks" / f"{name}.lock", waiting=waiting))
            except OSError as e:
                raise _not_written(self.folder, e) from e
            yield

    @contextmanager
    def claimed(self, root: str, waiting: Callable[[], None] | None) -> Iterator[Scope]:
        """The scope of a root, made if it is new, for us alone; made again if another process forgot it while we waited."""
        while True:
            row = scopes.ensure(self.db, root)
            with self.locked(row.id, waiting):
                now = scopes.find(self.db, root)
                if now is not None and now.id == row.id:
                    yield Scope(row.id, row.root)
                    return

    def empty(self, name: str, rows: Sequence[scopes.Scope], *, whole: bool) -> None:
        """Take some scopes out of a store, or all that is in it. From here on they are unfinished, so that no crash makes this a damage."""
        with ExitStack() as held:
            for row in sorted(rows, key=lambda row: row.id):  # all in one order, so that no two processes wait for one another
                held.enter_context(self.locked(row.id))
                scopes.begin_run(self.db, row.id)
            if whole:
                held.enter_context(self._lock)
                held.enter_context(self.locked(f"store-{name}"))
                self._let_go(name)
                self._unfinish()
                try:
                    _remove_store(self.folder, name)
                except OSError as e:
                    raise _not_written(self.folder, e) from e
                self._unfinish()
                return
            for row in rows:
                self.on_store(name, partial(LocalStore.detach, scope=row.id))

    def sweep(self, used: Collection[str]) -> list[str]:
        """Remove the stores of other profiles than `used` that nobody has written for long; which."""
        gone = []
        for path in self.folder.glob("store-*.db"):
            name = path.stem.removeprefix("store-")
            if name in used:
                continue
            with self._lock, self.locked(f"store-{name}"):
                files = [one for one in (path, path.with_name(f"{path.name}-wal")) if one.exists()]
                if not files or time.time() - max(one.stat().st_mtime for one in files) < UNUSED_S:
                    continue
                self._let_go(name)
                try:
                    _remove_store(self.folder, name)
                except OSError as e:
                    raise _not_written(self.folder, e) from e
                gone.append(name)
        return gone

    def set_aside_catalogue(self, why: str) -> str:
        """Keep a copy of a damaged catalogue and make a new one with the memories that can still be read; returns what happened, in words."""
        from .catalogue import salvage  # not on the way to a search

        self.close()
        aside = f"catalogue.db.damaged-{_stamp()}"
        try:
            for path in self.folder.glob("catalogue.db*"):
                if ".damaged-" not in path.name:
                    os.replace(path, path.with_name(path.name.replace("catalogue.db", aside, 1)))
        except OSError as e:
            raise _not_written(self.folder, e) from e
        saved, lost = salvage.save(self.folder / aside, self.db)
        told = f"; {saved} memories were saved from it" if saved or lost else ""
        more = f", {lost} could not be read" if lost else ""
        return f"the catalogue was damaged ({why}) and set aside as {aside}{told}{more}"

    def told(self) -> list[str]:
        """What was healed since the last look, a sentence each."""
        with self._lock:
            said = [*self.healed, *(note for store in self._stores.values() for note in store.notes)]
            self.healed.clear()
            for store in self._stores.values():
                store.notes.clear()
        return said

    def disk_bytes(self) -> int:
        """The size of everything in the data directory."""
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(FileNotFoundError):  # another process merges and sweeps while we look
                total += path.stat().st_size if path.is_file() else 0
        return total


def _remove_store(folder: Path, name: str) -> None:
    """Delete a store's files; it is a projection."""
    for path in (folder / f"store-{name}.db", folder / f"store-{name}.db-wal", folder / f"store-{name}.db-shm"):
        path.unlink(missing_ok=True)
    segment = folder / f"segment-{name}"
    if segment.is_dir():
        for path in segment.iterdir():
            if ".damaged-" not in path.name:
                path.unlink()


def _stamp() -> str:
    """A name for a damaged copy: when, and something that no other one of the same second has."""
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:6]}"


def _not_written(folder: Path, e: OSError) -> GromaError:
    if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"No room left in {folder}; free some space and run the same command again.")
    if e.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
        return ReadOnly(f"The data directory {folder} cannot be written; change its permissions or set GROMA_DATA_DIR.")
    return StoreUnreachable(f"The data directory {folder} cannot be used: {e.strerror}.")
