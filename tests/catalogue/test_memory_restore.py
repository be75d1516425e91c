"""Whole records put back, on SQLite and on Postgres: exact, all or none, nothing that stands twice, no link to what is nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from groma.catalogue import memories, memory_events, memory_writes
from groma.catalogue.database import Database
from groma.catalogue.memory_events import changes, last
from groma.catalogue.memory_restore import restore
from groma.errors import UsageError
from groma.records import Memory
from tests.catalogue.test_memories import DAY, FULL, NOW, at, keep, some


def whole(db: Database) -> dict[str, Memory]:
    """All that is there, which must be sound."""
    assert db.verify() == memories.problems(db) == []
    return {m.id: m for m in memories.every(db)}


def back(db: Database, *records: Memory, when: float = NOW + DAY) -> list[tuple[Memory, bool]]:
    return [(added.memory, added.new) for added in restore(db, at(when), records)]


@pytest.fixture
def row() -> list[Memory]:
    """A record that two others superseded one after the other, one that refines the last, one forgotten, one with every field."""
    a, b, c, d, e = (some(text, valid_to=NOW + n) for n, text in enumerate(("port 1", "port 2", "port 3", "port 3 is for tests", "gone")))
    a, b = replace(a, superseded_by=b.id), replace(b, supersedes=a.id, superseded_by=c.id)
    return [a, b, replace(c, supersedes=b.id), replace(d, refines=c.id), replace(e, forgotten=NOW + 5), replace(FULL, refines=None)]


def test_records_come_back_exactly_once_and_in_any_order(db: Database, row: list[Memory]) -> None:
    assert back(db, *reversed(row)) == [(m, True) for m in reversed(row)]
    assert whole(db) == {m.id: m for m in row}
    assert back(db, *row) == [(m, False) for m in row]
    assert whole(db) == {m.id: m for m in row}


def test_what_is_put_back_is_a_call_that_can_be_taken_back(db: Database, row: list[Memory]) -> None:
    seq = last(db)
    of = at()
    restore(db, of, row)
    assert sorted(m.id for m in changes(db, seq).records) == sorted(m.id for m in row)
    assert {event.verb for m in row for event in memory_events.history(db, m.id)} == {"add"}
    memory_writes.undo(db, at(NOW + 9), of.batch)
    assert {m.forgotten for m in whole(db).values()} == {NOW + 9}


def test_what_is_here_already_is_left_as_it_is(db: Database) -> None:
    (mine,) = keep(db, some("the bell rings at nine", importance=0.9))
    assert back(db, replace(mine, importance=0.1)) == [(mine, False)]
    other = some(" the bell rings  at nine ")
    assert back(db, other) == [(mine, False)]
    assert whole(db) == {mine.id: mine}


def test_links_lead_to_the_record_that_says_the_same_here(db: Database) -> None:
    (mine,) = keep(db, some("the bell rings at ten"))
    theirs = some("the bell rings at ten")
    old = some("the bell rings at nine", superseded_by=theirs.id, valid_to=NOW)
    more = some("the bell rings at ten, twice", refines=theirs.id)
    back(db, old, replace(theirs, supersedes=old.id), more)
    kept = whole(db)
    assert set(kept) == {mine.id, old.id, more.id}
    assert (kept[old.id].superseded_by, kept[more.id].refines) == (mine.id, mine.id)


def test_of_two_that_say_the_same_the_first_is_put_back(db: Database) -> None:
    one, two = some("twice"), some("twice")
    past = some("twice", superseded_by=one.id)
    assert [(m.id, new) for m, new in back(db, one, two, past)] == [(one.id, True), (one.id, False), (past.id, True)]
    assert set(whole(db)) == {one.id, past.id}


def test_links_to_what_is_nowhere_are_cut(db: Database) -> None:
    lost = some("lost").id
    m = some("left", supersedes=lost, superseded_by=lost, refines=lost)
    assert back(db, m) == [(replace(m, supersedes=None, superseded_by=None, refines=None), True)]


def test_a_turn_that_was_said_twice_is_put_back_twice(db: Database) -> None:
    turns = [some("yes", parent="talk", position=n, role="Ann") for n in range(3)]
    back(db, *turns)
    assert set(whole(db)) == {m.id for m in turns}


@pytest.mark.parametrize("many", [1, 2, 3])
def test_a_circle_of_successors_puts_nothing_back(db: Database, many: int) -> None:
    row = [some(f"round {n}") for n in range(many)]
    circle = [replace(m, superseded_by=row[(n + 1) % many].id) for n, m in enumerate(row)]
    with pytest.raises(UsageError, match="superseded itself"):
        back(db, some("innocent"), *circle)
    assert whole(db) == {}
    assert back(db, some("after it")) and len(whole(db)) == 1


def test_a_circle_that_only_what_is_here_closes(db: Database) -> None:
    old, new = keep(db, some("a"), some("b"))
    memory_writes.supersede(db, at(), old.id, new.id)
    between = some("c", superseded_by=old.id)
    back(db, between)
    assert whole(db)[between.id].superseded_by == old.id


def test_more_records_than_one_statement_reads(db: Database) -> None:
    many = [some(f"number {n}") for n in range(memories.AT_ONCE + 3)]
    linked = [replace(m, refines=many[n - 1].id if n else None) for n, m in enumerate(many)]
    back(db, *linked)
    assert whole(db) == {m.id: m for m in linked}


def test_two_processes_that_put_back_the_same_keep_it_once(db: Database, where: str, row: list[Memory]) -> None:
    with Database.connect(where) as other:
        assert all(new for _, new in back(db, *row))
        assert not any(new for _, new in back(other, *row))
        assert whole(other) == whole(db)
