"""The tables of the catalogue, a revision at a time: the one place where their SQL is written.

A fresh catalogue runs these statements directly, and Alembic's version files run the same ones; so the first `groma index` of a data
directory pays for no import of Alembic, and both ways lead to the same tables. A revision that was released is never changed: add one,
here and in `migrations/versions`. What changes rows rather than tables belongs into the version file only; a fresh catalogue has no rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Literal

__all__ = ["HEAD", "REVISIONS", "VERSION_TABLE", "DialectName", "by_table", "columns", "creation", "statements"]

DialectName = Literal["sqlite", "postgresql"]

VERSION_TABLE = "groma_schema"
"""Not Alembic's own `alembic_version`: a team may keep groma in a database that another program migrates with Alembic too."""

# As Alembic would write it.
_VERSION_TABLE_SQL = f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"

REVISIONS: dict[str, tuple[str, ...]] = {
    "0001": (
        """
        CREATE TABLE scopes (
            id TEXT NOT NULL PRIMARY KEY,
            root TEXT {bytewise} NOT NULL UNIQUE,
            created_at DOUBLE PRECISION NOT NULL,
            started_at DOUBLE PRECISION,
            indexed_at DOUBLE PRECISION,
            known_files BIGINT NOT NULL,
            indexed_files BIGINT NOT NULL
        )
        """,
        # Clustered by path: a manifest is read whole, in order, far more often than it is written.
        """
        CREATE TABLE manifests (
            scope_id TEXT NOT NULL REFERENCES scopes (id) ON DELETE CASCADE,
            path TEXT {bytewise} NOT NULL,
            size BIGINT NOT NULL,
            mtime_ns BIGINT NOT NULL,
            ctime_ns BIGINT NOT NULL,
            inode BIGINT NOT NULL,
            blob {bytes} CHECK (length(blob) = 20),
            checked_ns BIGINT NOT NULL,
            reason TEXT {bytewise},
            PRIMARY KEY (scope_id, path)
        ) {clustered}
        """,
        # Every answer counts what was left out, by reason; few files are, so this index is small.
        "CREATE INDEX manifests_reason ON manifests (scope_id, reason) WHERE reason IS NOT NULL",
        """
        CREATE TABLE generations (
            scope_id TEXT NOT NULL REFERENCES scopes (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            profile TEXT NOT NULL,
            number BIGINT NOT NULL,
            created_at DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (scope_id, kind)
        )
        """,
    ),
    "0002": (
        # `tags` are lines, with a line break before the first and after the last, so that one can be found whole without a table of its own.
        """
        CREATE TABLE memories (
            id TEXT {bytewise} NOT NULL PRIMARY KEY,
            hash {bytes} NOT NULL CHECK (length(hash) = 16),
            content TEXT {bytewise} NOT NULL,
            level TEXT {bytewise} NOT NULL,
            kind TEXT {bytewise} NOT NULL,
            category TEXT {bytewise} NOT NULL,
            scope TEXT {bytewise} NOT NULL,
            project TEXT {bytewise} NOT NULL,
            tags TEXT {bytewise} NOT NULL,
            importance DOUBLE PRECISION NOT NULL,
            source TEXT {bytewise} NOT NULL,
            trust DOUBLE PRECISION NOT NULL,
            session TEXT {bytewise} NOT NULL,
            agent TEXT {bytewise} NOT NULL,
            state TEXT {bytewise} NOT NULL,
            reason TEXT {bytewise} NOT NULL,
            masked BIGINT NOT NULL,
            created DOUBLE PRECISION NOT NULL,
            updated DOUBLE PRECISION NOT NULL,
            used DOUBLE PRECISION,
            uses BIGINT NOT NULL,
            valid_from DOUBLE PRECISION,
            valid_to DOUBLE PRECISION,
            expires DOUBLE PRECISION,
            supersedes TEXT {bytewise},
            superseded_by TEXT {bytewise},
            refines TEXT {bytewise},
            forgotten DOUBLE PRECISION,
            parent TEXT {bytewise} NOT NULL,
            position BIGINT NOT NULL,
            role TEXT {bytewise} NOT NULL,
            model TEXT {bytewise} NOT NULL
        )
        """,
        # Of what stands, no text twice: whichever of two processes comes second finds the first one's record.
        "CREATE UNIQUE INDEX memories_live ON memories (hash) WHERE superseded_by IS NULL AND forgotten IS NULL",
        "CREATE INDEX memories_created ON memories (created, id)",
        "CREATE INDEX memories_expires ON memories (expires) WHERE expires IS NOT NULL AND forgotten IS NULL",
        "CREATE INDEX memories_superseded ON memories (superseded_by) WHERE superseded_by IS NOT NULL",
        """
        CREATE TABLE memory_anchors (
            memory_id TEXT {bytewise} NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
            place BIGINT NOT NULL,
            path TEXT {bytewise} NOT NULL,
            symbol TEXT {bytewise} NOT NULL,
            blob_id TEXT {bytewise} NOT NULL,
            commit_id TEXT {bytewise} NOT NULL,
            PRIMARY KEY (memory_id, place)
        ) {clustered}
        """,
        "CREATE INDEX memory_anchors_path ON memory_anchors (path)",
        # One row for each change of one record; `previous` is the record before, as JSON. It refers to no row: a purge leaves its mark here.
        """
        CREATE TABLE memory_events (
            seq BIGINT NOT NULL PRIMARY KEY,
            memory_id TEXT {bytewise} NOT NULL,
            batch TEXT {bytewise} NOT NULL,
            verb TEXT {bytewise} NOT NULL,
            at DOUBLE PRECISION NOT NULL,
            actor TEXT {bytewise} NOT NULL,
            previous TEXT {bytewise}
        )
        """,
        "CREATE INDEX memory_events_memory ON memory_events (memory_id, seq)",
        "CREATE INDEX memory_events_batch ON memory_events (batch, seq)",
        "CREATE INDEX memory_events_actor ON memory_events (actor, at)",
        # The number of the last change. Who writes holds its row until the end, so that numbers appear in the order they count.
        "CREATE TABLE memory_clock (one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1), seq BIGINT NOT NULL)",
        "INSERT INTO memory_clock (one, seq) VALUES (1, 0)",
    ),
    "0003": (
        # `digest` is of kind, root and arguments: of what is not over there is one of each. `again`: it was asked for while it ran.
        """
        CREATE TABLE jobs (
            id TEXT {bytewise} NOT NULL PRIMARY KEY,
            kind TEXT {bytewise} NOT NULL,
            root TEXT {bytewise} NOT NULL,
            arguments TEXT {bytewise} NOT NULL,
            digest TEXT {bytewise} NOT NULL,
            caller TEXT {bytewise} NOT NULL,
            priority BIGINT NOT NULL,
            state TEXT {bytewise} NOT NULL,
            asked TEXT {bytewise} NOT NULL,
            again BIGINT NOT NULL,
            stage TEXT {bytewise} NOT NULL,
            step TEXT {bytewise} NOT NULL,
            done BIGINT NOT NULL,
            total BIGINT NOT NULL,
            rate DOUBLE PRECISION NOT NULL,
            created DOUBLE PRECISION NOT NULL,
            started DOUBLE PRECISION,
            finished DOUBLE PRECISION,
            owner TEXT {bytewise} NOT NULL,
            deaths BIGINT NOT NULL,
            fault TEXT {bytewise} NOT NULL,
            error TEXT {bytewise} NOT NULL,
            result TEXT {bytewise} NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX jobs_wanted ON jobs (digest) WHERE state IN ('queued', 'running', 'paused')",
        "CREATE INDEX jobs_state ON jobs (state, created)",
    ),
    # Of the last run: NULL, where it was one of before.
    "0004": ("ALTER TABLE scopes ADD COLUMN max_file_bytes BIGINT",),
}
"""Revision → its statements, oldest first. `{bytewise}`, `{bytes}` and `{clustered}` are what SQLite and Postgres spell differently."""

HEAD = next(reversed(REVISIONS))

_SPELLING: dict[DialectName, dict[str, str]] = {
    "sqlite": {"bytewise": "COLLATE BINARY", "bytes": "BLOB", "clustered": "WITHOUT ROWID"},
    "postgresql": {"bytewise": 'COLLATE "C"', "bytes": "BYTEA", "clustered": ""},
}


def statements(revision: str, dialect: DialectName) -> list[str]:
    """The statements of one revision as `dialect` spells them."""
    return [statement.format(**_SPELLING[dialect]) for statement in REVISIONS[revision]]


def creation(dialect: DialectName) -> list[str]:
    """All statements that make a fresh catalogue, its version row included."""
    tables = [statement for revision in REVISIONS for statement in statements(revision, dialect)]
    return [*tables, _VERSION_TABLE_SQL, f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{HEAD}')"]


def columns() -> dict[str, frozenset[str]]:
    """Table → names of its columns, as a whole catalogue has them; read from SQLite itself, so that they are not written twice."""
    memory = sqlite3.connect(":memory:")
    try:
        for statement in creation("sqlite"):
            memory.execute(statement)
        rows = memory.execute("SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'").fetchall()
    finally:
        memory.close()
    return by_table(rows)


def by_table(rows: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Table → its columns, of pairs of both."""
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return {table: frozenset(columns) for table, columns in found.items()}
