"""The history of memories: numbered changes, timelines, undo, and what a purge leaves, on SQLite and on Postgres."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from groma.catalogue import memories, memory_events, memory_writes, sqlite
from groma.catalogue.database import Database
from groma.errors import CatalogueDamaged, GromaError, UsageError
from groma.records import Anchor, Memory, Selection
from tests.catalogue.test_memories import FULL, NOW, at, ids, keep, some


def verbs(db: Database, id: str) -> list[str]:
    return [event.verb for event in memory_events.history(db, id)]


def test_every_change_is_numbered_and_holds_the_record_before(db: Database) -> None:
    keep(db, FULL)
    updated = memory_writes.update(db, at(NOW + 1, "ann"), FULL.id, {"content": "new", "anchors": ()})
    memory_writes.forget(db, at(NOW + 2, "bob"), [FULL.id])
    events = memory_events.history(db, FULL.id)
    assert [(e.seq, e.verb, e.at, e.actor, e.previous) for e in events] == [
        (1, "add", NOW, "me", None),
        (2, "update", NOW + 1, "ann", FULL),
        (3, "forget", NOW + 2, "bob", updated),
    ]
    assert len({e.batch for e in events}) == 3
    assert memory_events.batch_of(db, events[1].batch) == events[1:2]
    assert memory_events.history(db, "none") == []


def test_changes_after_a_number(db: Database) -> None:
    assert memory_events.changes(db, 0) == memory_events.Changes(0, [], [])
    one, two = keep(db, some("one"), some("two"))
    assert memory_events.changes(db, 0) == memory_events.Changes(2, [one, two], [])
    memory_writes.purge(db, at(), [one.id])
    gone = memory_writes.forget(db, at(), [two.id])
    assert memory_events.changes(db, 2) == memory_events.Changes(4, gone, [one.id])
    assert memory_events.changes(db, 4) == memory_events.Changes(4, [], [])


def test_a_timeline_is_bounded_by_time_project_and_number(db: Database) -> None:
    a = memory_writes.add(db, at(NOW), some("a", project="/p", scope="project")).memory
    b = memory_writes.add(db, at(NOW + 1), some("b")).memory
    memory_writes.update(db, at(NOW + 2), a.id, {"importance": 1.0})

    def told(*bounds: float, **more: object) -> list[tuple[str, str]]:
        return [(e.id, e.verb) for e in memory_events.timeline(db, *bounds, **more)]  # type: ignore[arg-type]

    assert told(NOW) == [(a.id, "add"), (b.id, "add"), (a.id, "update")]
    assert told(NOW + 1) == [(b.id, "add"), (a.id, "update")]
    assert told(NOW, NOW + 2) == [(a.id, "add"), (b.id, "add")]
    assert told(NOW, projects=["/p", "/q"]) == [(a.id, "add"), (a.id, "update")]
    assert told(NOW, projects=[""], limit=1) == [(b.id, "add")]
    assert told(NOW, after=1, limit=1) == [(b.id, "add")]


def test_one_call_is_undone_at_once_and_the_undo_too(db: Database) -> None:
    old = keep(db, replace(some("port 8080"), anchors=(Anchor("a.py"),)))[0]
    of = at(NOW + 10)
    with db.transaction():
        new = memory_writes.add(db, of, some("port 9090", created=NOW + 10)).memory
        memory_writes.supersede(db, of, old.id, new.id)
    after = memories.get_all(db, [old.id, new.id])
    back = at(NOW + 20)
    memory_writes.touch(db, at(NOW + 15), [new.id])
    memory_writes.undo(db, back, of.batch)
    assert memories.get(db, old.id) == old
    assert memories.get(db, new.id) == replace(new, forgotten=NOW + 20, used=NOW + 15, uses=1)
    assert memory_writes.undo(db, at(NOW + 30), back.batch) != []
    assert memories.get_all(db, [old.id, new.id]) == after | {new.id: replace(after[new.id], used=NOW + 15, uses=1)}
    assert verbs(db, old.id) == ["add", "supersede", "undo", "undo"]


def test_calls_are_taken_back_one_after_the_other(db: Database) -> None:
    of = at()
    m = memory_writes.add(db, of, some("one")).memory
    calls = [at(NOW + n) for n in (1, 2, 3)]
    for n, call in enumerate(calls, 1):
        memory_writes.update(db, call, m.id, {"importance": n / 10})
    for n, call in reversed(list(enumerate(calls))):
        memory_writes.undo(db, at(), call.batch)
        assert memories.required(db, m.id).importance == (n / 10 if n else m.importance)
    assert memories.get(db, m.id) == m
    memory_writes.undo(db, at(), of.batch)
    assert memories.required(db, m.id).forgotten
    with pytest.raises(UsageError, match=r"changed since \(undo\)"):
        memory_writes.undo(db, at(), calls[2].batch)


def test_an_undo_says_what_stands_in_its_way(db: Database) -> None:
    of = at()
    m = memory_writes.add(db, of, some("one")).memory
    later = at(NOW + 1)
    memory_writes.update(db, later, m.id, {"importance": 1.0})
    with pytest.raises(UsageError, match=f"changed since .update.: take that back first .call {later.batch}"):
        memory_writes.undo(db, at(), of.batch)
    with pytest.raises(UsageError, match="no call nonsense"):
        memory_writes.undo(db, at(), "nonsense")
    memory_writes.undo(db, at(), later.batch)
    assert memories.get(db, m.id) == m
    memory_writes.purge(db, purging := at(), [m.id])
    with pytest.raises(UsageError, match="purged"):
        memory_writes.undo(db, at(), purging.batch)
    with pytest.raises(UsageError, match="no call"):
        memory_writes.undo(db, at(), of.batch)


def test_an_undo_does_not_make_a_text_stand_twice(db: Database) -> None:
    m = keep(db, some("one"))[0]
    of = at()
    memory_writes.forget(db, of, [m.id])
    keep(db, some("one"))
    with pytest.raises(UsageError, match="says the same"):
        memory_writes.undo(db, at(), of.batch)
    assert memories.required(db, m.id).forgotten is not None


def test_a_purge_leaves_nothing_but_the_mark(db: Database) -> None:
    keep(db, FULL)
    memory_writes.update(db, at(), FULL.id, {"content": "new"})
    assert memory_writes.purge(db, at(NOW + 9), [FULL.id, "none"]) == [FULL.id]
    assert memories.get(db, FULL.id) is None
    assert db.query("SELECT count(*) FROM memory_anchors") == [(0,)]
    assert [(e.verb, e.previous, e.at) for e in memory_events.history(db, FULL.id)] == [("purge", None, NOW + 9)]
    assert memory_writes.purge(db, at(), [FULL.id]) == []
    assert db.verify() == []


def bytes_of(where: str, db: Database) -> bytes:
    """All that the database's files hold of memories."""
    if "://" not in where:
        return b"".join(path.read_bytes() for path in Path(where).parent.glob(f"{Path(where).name}*"))
    db.execute("CHECKPOINT")
    (folder,) = db.query("SELECT current_setting('data_directory')")[0]
    names = [
        name
        for (name,) in db.query(
            "SELECT pg_relation_filepath(c.oid) FROM pg_class c WHERE relname LIKE 'memor%' AND relkind IN ('r', 'i') "
            "AND relnamespace = current_schema()::regnamespace"
        )
    ]
    return b"".join((Path(folder) / name).read_bytes() for name in names)


def test_after_a_purge_and_a_scrub_not_a_byte_is_left(db: Database, where: str) -> None:
    keep(db, some("it stays"), replace(FULL, content="the secret hunter2", tags=("hunter2",), anchors=(Anchor("hunter2.py"),)))
    memory_writes.update(db, at(), FULL.id, {"content": "the secret hunter2, again"})
    assert b"hunter2" in bytes_of(where, db)
    memory_writes.purge(db, at(), [FULL.id])
    assert db.scrub()
    assert b"hunter2" not in bytes_of(where, db)
    assert b"it stays" in bytes_of(where, db)
    assert memories.count(db, memories.EVERY, NOW) == 1
    assert db.verify() == memories.problems(db) == []
    with pytest.raises(GromaError, match="Within a transaction"), db.transaction():
        db.scrub()


def test_a_scrub_tells_when_a_reader_holds_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    where = tmp_path / "catalogue.db"
    with Database.connect(where) as db:
        keep(db, some("hunter2"))
        reader = sqlite3.connect(where, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM memories").fetchall()
        memory_writes.purge(db, at(), ids(list(memories.every(db))))
        assert not db.scrub()
        reader.close()
        assert db.scrub()
        assert b"hunter2" not in bytes_of(str(where), db)


def chain(db: Database, *texts: str) -> list[Memory]:
    """Records of which each replaces the one before."""
    kept = keep(db, *(some(text) for text in texts))
    for old, new in pairwise(kept):
        memory_writes.supersede(db, at(), old.id, new.id)
    return [memories.required(db, m.id) for m in kept]


def test_links_to_what_is_purged_lead_on(db: Database) -> None:
    a, b, c = chain(db, "a", "b", "c")
    memory_writes.purge(db, at(), [b.id])
    assert memories.required(db, a.id).superseded_by == c.id
    assert memories.required(db, c.id).supersedes is None
    memory_writes.purge(db, at(), [c.id])
    assert ids(memories.select(db, Selection(), NOW)) == [a.id]
    assert memories.problems(db) == []


def test_links_past_several_that_are_purged_at_once(db: Database) -> None:
    a, b, c, d = chain(db, "a", "b", "c", "d")
    memory_writes.purge(db, at(), [c.id, b.id])
    assert memories.required(db, a.id).superseded_by == d.id
    memory_writes.purge(db, at(), [a.id, d.id])
    assert memories.count(db, memories.EVERY, NOW) == 0


def test_what_stands_again_after_a_purge_is_not_there_twice(db: Database) -> None:
    a, b = chain(db, "a", "b")
    again = keep(db, some("a"))[0]
    memory_writes.purge(db, at(), [b.id])
    assert memories.required(db, a.id).superseded_by == again.id
    memory_writes.purge(db, at(), [again.id])
    assert memories.required(db, a.id).superseded_by is None


def test_a_history_that_cannot_be_read_is_damage(db: Database) -> None:
    keep(db, FULL)
    memory_writes.forget(db, at(), [FULL.id])
    for text in ("{", "{}", "[1]", '"x"'):
        db.execute("UPDATE memory_events SET previous = ? WHERE verb = 'forget'", (text,))
        with pytest.raises(CatalogueDamaged, match="history of a memory"):
            memory_events.history(db, FULL.id)
