"""Generations: which profile (chunker, sparse version, embeddings, store) answers for a scope and kind of passage, and its number.

To flip is one statement: the old profile's store stays as it is, and flipping back is the rollback.
"""

from __future__ import annotations

import time

from ..values import value
from . import scopes
from .database import Database

__all__ = ["Generation", "current", "flip", "in_use"]


@value
class Generation:
    """`number` counts the flips of one scope and kind from 1; `created_at` is the time of the last, in seconds since the epoch."""

    profile: str
    number: int
    created_at: float


def current(db: Database, scope_id: str, kind: str) -> Generation | None:
    """The generation that answers; None before the first flip."""
    rows = db.query("SELECT profile, number, created_at FROM generations WHERE scope_id = ? AND kind = ?", (scope_id, kind))
    return Generation(*rows[0]) if rows else None


def flip(db: Database, scope_id: str, kind: str, profile: str) -> Generation:
    """Let `profile` answer from now on. Raises NotIndexed if the scope was forgotten."""
    with db.transaction():
        scopes.claim(db, scope_id)
        db.execute(
            "INSERT INTO generations (scope_id, kind, profile, number, created_at) VALUES (?, ?, ?, 1, ?) "
            "ON CONFLICT (scope_id, kind) DO UPDATE SET "
            "profile = excluded.profile, number = generations.number + 1, created_at = excluded.created_at",
            (scope_id, kind, profile, time.time()),
        )
        generation = current(db, scope_id, kind)
    assert generation is not None  # the row was written in this transaction
    return generation


def in_use(db: Database) -> set[str]:
    """The profiles that answer for some scope: their stores must stay."""
    return {profile for (profile,) in db.query("SELECT DISTINCT profile FROM generations")}
