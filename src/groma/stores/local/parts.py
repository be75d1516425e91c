"""The segment of a store: immutable parts in a folder, named by a table of the store's file and merged like a log-structured tree.

Rows that no part covers yet are read as one more part in memory, so that a reader of any process sees every acknowledged write at once. A part
that is damaged is set aside and made anew from the rows.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ... import core
from ...errors import StoreDamaged
from .file import StoreFile
from .rows import ORDINAL_BITS, meta, orphan, part_of

__all__ = ["Segment"]


class Segment:
    """`parts` are what the last snapshot saw, oldest first; `version` changes whenever they, or the rows, did.

    Rows that no part covers yet are one more part, in memory, once a view needs them (`include`): while another process fills its own folder, those
    who ask about others need not read what it has just written.
    """

    def __init__(self, file: StoreFile, folder: Path) -> None:
        self.folder = folder
        self.parts: list[core.Part] = []
        self.version = 0
        self._seen = -1
        self.notes: list[str] = []
        """What was healed since the last look, a sentence each."""
        self._file = file
        self._open: dict[str, core.Part] = {}
        self._at = (-1, -1)
        self._delta: tuple[tuple[int, int], core.Part | None] = ((-1, -1), None)

    def close(self) -> None:
        """Let go of the parts; their maps go with them."""
        with self._file.lock:
            self._open.clear()
            self.parts = []

    def project(self, made: Callable[[int, int], core.Part | None] = lambda _after, _upto: None) -> None:
        """Write the rows that no part covers as a part, and merge neighbours of like size, so that there are about log n parts.

        `made` may know what is in the rows after one id up to another without reading them again.
        """
        if not self._file.writable:
            return
        with self._file.writing() as db:
            self.folder.mkdir(exist_ok=True)
            covered = meta(db, "covered")
            top = db.execute("SELECT max(id) FROM chunks").fetchone()[0] or 0
            if top <= covered:
                return
            part = made(covered, top) or part_of(db, covered, top)
            rows = self.named(db)
            merged = []
            chunks = len(part.ids)
            while rows and rows[-1][2] < 2 * chunks:
                try:
                    merged.append(self._part(rows[-1][0]))
                except StoreDamaged as e:
                    self._set_aside(rows[-1][0], e)
                    break
                chunks += rows.pop()[2]
            whole = self._merged(db, [*reversed(merged), part]) if merged else part
            self._replace(db, whole, top, keep=[name for name, _, _ in rows])

    def rewrite(self) -> None:
        """Build the whole segment anew from the rows, as one part."""
        with self._file.writing() as db:
            self.folder.mkdir(exist_ok=True)
            top = db.execute("SELECT max(id) FROM chunks").fetchone()[0] or 0
            self._replace(db, part_of(db, 0, top) if top else None, max(top, meta(db, "covered")), keep=[])
        self.tidy()

    def compact(self) -> None:
        """Make one part of all, without what is gone from the rows."""
        try:
            with self._file.writing() as db:
                parts = [self._part(name) for name, _, _ in self.named(db)]
                self._replace(db, self._merged(db, parts), meta(db, "covered"), keep=[])
        except StoreDamaged as e:
            if (name := _named_by(e)).endswith(".part"):
                self._set_aside(name, e)
            self.rewrite()
        self.tidy()

    def _merged(self, db: sqlite3.Connection, parts: Sequence[core.Part]) -> core.Part | None:
        alive = np.array([i for (i,) in db.execute("SELECT id FROM files ORDER BY id")], dtype=np.int64)
        masks = [core.member(p.files, alive) for p in parts]
        return core.merge(parts, masks) if any(mask.any() for mask in masks) else None

    def forget(self) -> None:
        """Keep nothing of what is gone from the rows: neither in a part, nor in a damaged one that was set aside."""
        with self._file.reading() as db:
            chunks = sum(n for _, _, n in self.named(db))
            (kept,) = db.execute("SELECT total(chunks) FROM files WHERE id <= ?", (meta(db, "covered") >> ORDINAL_BITS,)).fetchone()
        if chunks != kept:
            self.compact()
        else:  # one that was killed may have come so far
            self.tidy()
        for path in self.folder.glob("*.damaged-*"):
            path.unlink(missing_ok=True)

    def _replace(self, db: sqlite3.Connection, part: core.Part | None, upto: int, keep: list[str]) -> None:
        db.execute(f"DELETE FROM parts WHERE name NOT IN ({','.join('?' * len(keep))})", keep)
        self._let_go(keep)
        if part is not None:
            name = f"{uuid.uuid4().hex}.part"
            core.write_part(self.folder / name, part)
            db.execute("INSERT INTO parts VALUES (?, ?, ?)", (name, upto, len(part.ids)))
        db.execute("UPDATE meta SET value = ? WHERE key = 'covered'", (upto,))

    def _part(self, name: str) -> core.Part:
        part = self._open.get(name)
        if part is None:
            part = self._open[name] = core.open_part(self.folder / name)
        return part

    def _let_go(self, keep: Collection[str]) -> None:
        """Of the other parts whoever still reads them holds maps and files, and nobody for longer: a run makes hundreds."""
        self._open = {name: part for name, part in self._open.items() if name in keep}

    def _set_aside(self, name: str, e: StoreDamaged) -> None:
        """Keep a copy of a damaged part for whoever wants to know why; it is rebuilt from the rows."""
        path = self.folder / name
        aside = path.with_name(f"{name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        if path.exists():
            os.replace(path, aside)
            self.notes.append(f"a part of the index was damaged ({e.message}); it was set aside as {aside.name} and rebuilt")
        else:
            self.notes.append(f"a part of the index was gone ({name}); it was rebuilt")

    def tidy(self) -> None:
        """Remove files of the segment that no row names: old parts, and what a killed writer left."""
        with self._file.reading() as db:
            db.execute("BEGIN IMMEDIATE")  # a part that another process has written and not yet named must not be taken for an old one
            try:
                named = {name for (name,) in db.execute("SELECT name FROM parts")}
                for path in self.folder.glob("*"):
                    if (path.suffix == ".part" and path.name not in named) or (path.suffix == ".tmp" and orphan(path)):
                        path.unlink(missing_ok=True)
                        self._open.pop(path.name, None)
            finally:
                db.execute("ROLLBACK")

    def _refresh(self, db: sqlite3.Connection) -> None:
        """Bring parts, views and the part in memory to the state that this read transaction sees."""
        seq = meta(db, "seq")
        covered = meta(db, "covered")
        if seq == self._seen and self._at[0] == covered:
            return
        named = self.named(db)
        if named and named[-1][1] != covered:
            raise StoreDamaged(f"{self._file.path.name} contradicts itself about its parts", path=str(self._file.path))
        parts = [self._part(name) for name, _, _ in named]
        self._let_go([name for name, _, _ in named])
        top = db.execute("SELECT max(id) FROM chunks").fetchone()[0] or 0
        self._at = covered, top
        self.parts = parts
        self._joined()
        self._seen = seq
        self.version += 1

    def _joined(self) -> None:
        at, delta = self._delta
        if at == self._at and delta is not None:
            self.parts = [*self.parts, delta]

    def include(self, db: sqlite3.Connection, file: int) -> None:
        """Have the rows of all files up to this one among the parts. Within a snapshot."""
        covered, top = self._at
        if top > covered and file > covered >> ORDINAL_BITS and self._delta[0] != self._at:
            self._delta = self._at, part_of(db, covered, top)
            self._joined()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """One read transaction over rows and segment. Parts that are damaged are set aside and the segment rebuilt, once."""
        with self._file.lock, self._file.translated():
            rebuilt = False
            while True:
                self._file.db.execute("BEGIN")
                try:
                    self._refresh(self._file.db)
                    break
                except StoreDamaged as e:
                    self._file.db.execute("ROLLBACK")
                    name = _named_by(e)
                    if not name.endswith(".part"):
                        raise
                    self._open.pop(name, None)
                    if not self._file.db.execute("SELECT 1 FROM parts WHERE name = ?", (name,)).fetchone():
                        continue  # another process merged it away while we were looking
                    if rebuilt or not self._file.writable:
                        raise
                    self._set_aside(name, e)
                    self.rewrite()
                    rebuilt = True
                except BaseException:
                    self._file.db.execute("ROLLBACK")
                    raise
            try:
                yield self._file.db
            finally:
                self._file.db.execute("ROLLBACK")

    @staticmethod
    def named(db: sqlite3.Connection) -> list[tuple[str, int, int]]:
        return db.execute("SELECT name, upto, chunks FROM parts ORDER BY upto").fetchall()


def _named_by(e: StoreDamaged) -> str:
    return Path(str(e.context.get("path", ""))).name
