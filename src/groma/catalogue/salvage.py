"""Saves memories from a damaged SQLite catalogue that was set aside: they alone are in no file, so each one that can still be read is kept.

Rows are asked for one at a time, by their number, so that a damaged page costs only what was on it. What comes out is believed only if it is
what was put in: a record must have the hash of its text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..records import Anchor, Memory
from . import memories
from .database import Database
from .memory_events import call, writing

__all__ = ["save"]

GAP = 10_000
"""After so many rows in a row that cannot be read, there are no more."""


def save(old: Path, db: Database) -> tuple[int, int]:
    """Bring what can be read of the memories in the file `old` into the catalogue `db`: how many records, and how many more were there once.

    Links to what is lost are cut, the history begins anew; a text that stands in `db` already is not put there again.
    """
    try:
        connection = sqlite3.connect(f"{old.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error:
        return 0, 0
    try:
        connection.execute("PRAGMA writable_schema = ON")  # else a file that was cut short is not read at all
        found = {m.id: m for m in _records(connection)}
        there = _count(connection)
    finally:
        connection.close()
    saved = 0
    with writing(db, call("groma"), "add") as writer:
        for m in found.values():
            supersedes, superseded_by, refines = (link if link in found else None for link in (m.supersedes, m.superseded_by, m.refines))
            kept = replace(m, supersedes=supersedes, superseded_by=superseded_by, refines=refines)
            stands = kept.superseded_by is None and kept.forgotten is None
            if memories.get(db, m.id) is None and not (stands and memories.live(db, kept.hash)):
                writer.insert(kept)
                saved += 1
    return saved, max(0, there - len(found))


def _records(connection: sqlite3.Connection) -> Iterator[Memory]:
    columns = ", ".join(("hash", *memories.COLUMNS))
    for row in _rows(connection, f"SELECT {columns} FROM memories WHERE rowid = ?"):
        try:
            m = memories.made(row[1:], _anchors(connection, row[1]))
            whole = m is not None and m.hash == bytes(row[0])
        except (TypeError, ValueError, AttributeError):
            continue
        if m is not None and whole:
            yield m


def _rows(connection: sqlite3.Connection, sql: str) -> Iterator[tuple[Any, ...]]:
    number = missed = 0
    while missed < GAP:
        number += 1
        try:
            row = connection.execute(sql, (number,)).fetchone()
        except (sqlite3.Error, UnicodeDecodeError):
            row = None
        if row is None:
            missed += 1
        else:
            missed = 0
            yield row


def _anchors(connection: sqlite3.Connection, id: str) -> tuple[Anchor, ...]:
    sql = "SELECT path, symbol, blob_id, commit_id FROM memory_anchors WHERE memory_id = ? ORDER BY place"
    try:
        rows = connection.execute(sql, (id,)).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return ()
    return tuple(Anchor(*row) for row in rows if all(isinstance(v, str) for v in row))


def _count(connection: sqlite3.Connection) -> int:
    """How many records there were, as far as an index still tells."""
    for index in ("memories_created", "sqlite_autoindex_memories_1"):
        try:
            return int(connection.execute(f"SELECT count(*) FROM memories INDEXED BY {index}").fetchone()[0])
        except sqlite3.Error:
            continue
    return 0
