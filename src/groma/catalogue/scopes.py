"""Scopes: the folders that are indexed, and how far the last run over each of them came."""

from __future__ import annotations

import time

from ..errors import NotIndexed
from ..values import value
from .database import Database
from .identity import uuid7

__all__ = ["Scope", "all", "begin_run", "claim", "delete", "ensure", "find", "finish_run"]

_COLUMNS = "id, root, created_at, indexed_at, started_at, known_files, indexed_files, max_file_bytes"


@value
class Scope:
    """A scope as the catalogue holds it. `root` is an absolute path; times are seconds since the epoch.

    `indexed_at` is the end of the last finished run, None before the first; `started_at` the begin of a run that has not finished, else None.
    `known` files were seen by the last finished run, `indexed` of them are searchable; larger ones than `max_file_bytes` were left out.
    """

    id: str
    root: str
    created_at: float
    indexed_at: float | None
    started_at: float | None
    known: int
    indexed: int
    max_file_bytes: int | None


def ensure(db: Database, root: str) -> Scope:
    """The scope of a root, made if it is new; two processes that ask at once get the same one."""
    if (scope := find(db, root)) is not None:
        return scope
    with db.transaction():
        db.execute(
            "INSERT INTO scopes (id, root, created_at, known_files, indexed_files) VALUES (?, ?, ?, 0, 0) ON CONFLICT (root) DO NOTHING",
            (uuid7(), root, time.time()),
        )
        scope = find(db, root)
    if scope is None:
        raise NotIndexed(f"{root} was forgotten by another process at the same moment; try again.", root=root)
    return scope


def find(db: Database, root: str) -> Scope | None:
    """The scope of exactly this root."""
    rows = db.query(f"SELECT {_COLUMNS} FROM scopes WHERE root = ?", (root,))
    return Scope(*rows[0]) if rows else None


def all(db: Database) -> list[Scope]:
    """Every scope, ordered by root."""
    return [Scope(*row) for row in db.query(f"SELECT {_COLUMNS} FROM scopes ORDER BY root")]


def begin_run(db: Database, scope_id: str) -> None:
    """Note that a run began: until `finish_run`, what is indexed may be partial."""
    _update(db, "started_at = ?", (time.time(),), scope_id)


def finish_run(db: Database, scope_id: str, *, known: int, indexed: int, max_file_bytes: int) -> None:
    """Note that a run came to its end, with how many files, and how large a file it took."""
    values = (time.time(), known, indexed, max_file_bytes)
    _update(db, "indexed_at = ?, started_at = NULL, known_files = ?, indexed_files = ?, max_file_bytes = ?", values, scope_id)


def claim(db: Database, scope_id: str) -> None:
    """Within a transaction: hold the scope's row until its end, so that what is written under the scope comes one after another."""
    _update(db, "root = root", (), scope_id)


def delete(db: Database, scope_id: str) -> None:
    """Forget a scope with its manifest and generations; one that is not there is no error."""
    db.execute("DELETE FROM scopes WHERE id = ?", (scope_id,))


def _update(db: Database, assignments: str, values: tuple[object, ...], scope_id: str) -> None:
    if not db.execute(f"UPDATE scopes SET {assignments} WHERE id = ?", (*values, scope_id)):
        raise NotIndexed(f"The scope {scope_id} is not in the catalogue (any more); index its folder again.", scope=scope_id)
