"""Manifests: what each file of a scope was when it was last looked at, so that the next run reads only what changed.

Whole columns go in and out: a manifest is read and written in thousands of rows, never file by file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import core
from ..types import Ints
from ..values import value
from . import scopes
from .database import Database, damaged

__all__ = ["ManifestColumns", "Stat", "find", "judged", "load", "paths_of", "record", "remove", "searchable", "skipped", "stats"]

KEPT = 4096
"""Of so many files of a scope, what `stats` says is remembered while nobody writes."""

_COLUMNS = "path, size, mtime_ns, ctime_ns, inode, blob, checked_ns, reason"

_UPSERT = f"""
    INSERT INTO manifests (scope_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (scope_id, path) DO UPDATE SET
        size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, inode = excluded.inode,
        blob = excluded.blob, checked_ns = excluded.checked_ns, reason = excluded.reason
"""


@value
class ManifestColumns:
    """n files: paths are POSIX and relative to the scope's root, the numeric columns int64 (n,), sizes in bytes, times in ns since the epoch.

    `blobs` are git blob ids (20 bytes), None where the file's content was not read; `checked_ns` is when stat and blob were last seen to
    agree; `reasons` is why a file was left out, None for a file that may be searched.
    """

    paths: Sequence[str]
    sizes: Ints
    mtimes_ns: Ints
    ctimes_ns: Ints
    inodes: Ints
    blobs: Sequence[bytes | None]
    checked_ns: Ints
    reasons: Sequence[str | None]


class Stat(NamedTuple):
    """One file as in `ManifestColumns`. `settled`: if its stat still is this one, it did not change (`core.settled`)."""

    blob: bytes | None
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    settled: bool


def load(db: Database, scope_id: str) -> ManifestColumns:
    """The whole manifest, ordered by the bytes of the path; empty for a scope that is not there."""
    return _columns(db, db.query(f"SELECT {_COLUMNS} FROM manifests WHERE scope_id = ? ORDER BY path", (scope_id,)))


def find(db: Database, scope_id: str, path: str) -> ManifestColumns | None:
    """The row of one file, as columns of length one."""
    rows = db.query(f"SELECT {_COLUMNS} FROM manifests WHERE scope_id = ? AND path = ?", (scope_id, path))
    return _columns(db, rows) if rows else None


def paths_of(db: Database, scope_id: str, blob: bytes) -> list[str]:
    """Where the files with this content were when the scope was last looked at, by path."""
    return [path for (path,) in db.query("SELECT path FROM manifests WHERE scope_id = ? AND blob = ? ORDER BY path", (scope_id, blob))]


def searchable(db: Database, scope_id: str, *, beginning: str = "", containing: str = "", after: str = "", limit: int = 1_000) -> list[str]:
    """Paths of files that may be searched, by their bytes: those after a path that begin so and hold a text."""
    clause, given = "scope_id = ? AND reason IS NULL AND path > ?", [scope_id, after]
    if beginning:
        clause, given = f"{clause} AND path >= ? AND path < ?", [*given, beginning, f"{beginning}\U0010ffff"]
    if containing:
        clause, given = f"{clause} AND replace(path, ?, '') <> path", [*given, containing]
    return [path for (path,) in db.query(f"SELECT path FROM manifests WHERE {clause} ORDER BY path LIMIT ?", (*given, limit))]


def _settled(rows: Sequence[Sequence[Any]]) -> list[bool]:
    try:
        times = np.array([(row[3], row[4], row[6]) for row in rows], np.int64).reshape(-1, 3)
    except (TypeError, ValueError, OverflowError):  # a damaged row: what is no number proves nothing, so all are read
        return [False] * len(rows)
    proven: list[bool] = core.settled(times[:, 0], times[:, 1], times[:, 2]).tolist()
    return proven


AT_ONCE = 10
"""So many paths are asked for in one statement: what a search shows."""
_STATS = f"SELECT path, blob, size, mtime_ns, ctime_ns, inode, checked_ns FROM manifests WHERE scope_id = ? AND path IN ({','.join('?' * AT_ONCE)})"


def stats(db: Database, scope_id: str, paths: Sequence[str]) -> dict[str, Stat]:
    """Of the files that the manifest holds of `paths`, what they were when they were looked at; perhaps not the last time, if others write."""
    kept: dict[str, Stat | None] = db.recalled(("stats", scope_id), dict)
    if missing := [path for path in paths if path not in kept]:
        if len(kept) > KEPT:
            kept.clear()
        kept |= dict.fromkeys(missing)
        for i in range(0, len(missing), AT_ONCE):
            some = missing[i : i + AT_ONCE]
            some += some[-1:] * (AT_ONCE - len(some))  # so that the statement stays the same, and prepared
            rows = db.query(_STATS, (scope_id, *some))
            for (path, blob, size, mtime_ns, ctime_ns, inode, _), settled in zip(rows, _settled(rows), strict=True):
                kept[path] = Stat(blob, size, mtime_ns, ctime_ns, inode, settled)
    return {path: found for path in paths if (found := kept.get(path)) is not None}


def record(db: Database, scope_id: str, columns: ManifestColumns) -> None:
    """Add or replace the rows of these files, all or none. Raises NotIndexed if the scope was forgotten meanwhile."""
    if not columns.paths:
        return
    numbers = (columns.sizes, columns.mtimes_ns, columns.ctimes_ns, columns.inodes)
    rows = zip(
        (scope_id,) * len(columns.paths),
        columns.paths,
        *(column.tolist() for column in numbers),
        columns.blobs,
        columns.checked_ns.tolist(),
        columns.reasons,
        strict=True,
    )
    with db.transaction():
        scopes.claim(db, scope_id)
        db.executemany(_UPSERT, rows)


def remove(db: Database, scope_id: str, paths: Iterable[str]) -> None:
    """Forget files; those that are not there are no error. Raises NotIndexed if the scope was forgotten meanwhile."""
    if rows := [(scope_id, path) for path in paths]:
        with db.transaction():
            scopes.claim(db, scope_id)
            db.executemany("DELETE FROM manifests WHERE scope_id = ? AND path = ?", rows)


def skipped(db: Database, scope_id: str) -> dict[str, int]:
    """How many files were left out, by reason, ordered by reason."""
    sql = "SELECT reason, count(*) FROM manifests WHERE scope_id = ? AND reason IS NOT NULL GROUP BY reason ORDER BY reason"
    return dict(db.query(sql, (scope_id,)))


def judged(db: Database) -> dict[tuple[str, bytes, int], str]:
    """Why files were left out after they were read, in any scope: (path, blob id, size) -> reason. They need not be read to know it again."""
    sql = "SELECT path, blob, size, reason FROM manifests WHERE reason IS NOT NULL AND blob IS NOT NULL"
    return {(path, bytes(blob), size): reason for path, blob, size, reason in db.query(sql)}


def _columns(db: Database, rows: list[tuple[Any, ...]]) -> ManifestColumns:
    paths, sizes, mtimes, ctimes, inodes, blobs, checked, reasons = (list(c) for c in zip(*rows, strict=True)) if rows else ([] for _ in range(8))
    try:
        return ManifestColumns(
            paths=paths,
            sizes=np.array(sizes, dtype=np.int64),
            mtimes_ns=np.array(mtimes, dtype=np.int64),
            ctimes_ns=np.array(ctimes, dtype=np.int64),
            inodes=np.array(inodes, dtype=np.int64),
            blobs=blobs,
            checked_ns=np.array(checked, dtype=np.int64),
            reasons=reasons,
        )
    except (TypeError, ValueError) as e:
        # SQLite keeps the type with each value: a flipped bit makes a text of a number, and nobody has noticed so far.
        raise damaged(db.where, "a manifest holds something else where a number belongs") from e
