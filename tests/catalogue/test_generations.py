"""Generations: which profile answers."""

from __future__ import annotations

import time

from groma.catalogue import generations, scopes
from groma.catalogue.database import Database
from groma.catalogue.generations import Generation


def test_flipping_counts_up_and_back_is_forward(db: Database) -> None:
    scope = scopes.ensure(db, "/x").id
    assert generations.current(db, scope, "code") is None
    before = time.time()
    first = generations.flip(db, scope, "code", "p1")
    assert first == Generation("p1", 1, first.created_at)
    assert before <= first.created_at <= time.time()
    assert generations.current(db, scope, "code") == first
    assert [generations.flip(db, scope, "code", p).number for p in ("p2", "p1", "p1")] == [2, 3, 4]
    current = generations.current(db, scope, "code")
    assert current is not None
    assert (current.profile, current.number) == ("p1", 4)


def test_scopes_and_kinds_flip_apart(db: Database) -> None:
    a, b = (scopes.ensure(db, root).id for root in ("/a", "/b"))
    assert generations.in_use(db) == set()
    generations.flip(db, a, "code", "p1")
    generations.flip(db, a, "memory", "m1")
    assert generations.flip(db, b, "code", "p1").number == 1
    generations.flip(db, b, "code", "p2")
    assert generations.in_use(db) == {"p1", "p2", "m1"}
    scopes.delete(db, a)
    assert generations.in_use(db) == {"p2"}
