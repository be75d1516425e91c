"""What recall knows of all records before it reads one, made of a catalogue on SQLite and on Postgres: columns, projects, and answers over them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from groma.catalogue import memories, memory_writes
from groma.catalogue.database import Database
from groma.errors import CatalogueDamaged
from groma.memory.facts import Facts, Records, Sight
from groma.memory.projection import Projection
from groma.memory.recall import Question, recall
from groma.records import KINDS, LEVELS, Memory
from tests.catalogue.conftest import db, server, where
from tests.catalogue.test_memories import DAY, FULL, NOW, at, keep, some

__all__ = ["db", "server", "where"]

SIGHTS = (
    Sight(NOW),
    Sight(NOW, ""),
    Sight(NOW, "/p"),
    Sight(NOW, "/nowhere"),
    Sight(NOW, levels=frozenset({LEVELS[0], LEVELS[2]})),
    Sight(NOW, kinds=frozenset({"decision"})),
    Sight(NOW, tags=frozenset({"x"})),
    Sight(NOW, tags=frozenset({"x", "y z"})),
    Sight(NOW + DAY),
    Sight(NOW, as_of=NOW - DAY),
    Sight(NOW, "/q", as_of=NOW - DAY, levels=frozenset({LEVELS[1]})),
)


def drawn(count: int, seed: int) -> list[Memory]:
    """Records of all sorts."""
    draw = random.Random(seed)
    return [
        some(
            f"record {n} of {seed}",
            level=draw.choice(LEVELS),
            kind=draw.choice(KINDS),
            project=draw.choice(("", "/p", "/q", "größe")),
            state=draw.choice(("active", "active", "active", "proposed", "quarantined")),
            tags=draw.choice(((), ("x",), ("x", "y z"), ("xy",))),
            created=NOW - draw.choice((0, 1, 2)) * DAY,
            valid_from=draw.choice((None, NOW - 3 * DAY, NOW + DAY)),
            expires=draw.choice((None, None, NOW, NOW + DAY)),
        )
        for n in range(count)
    ]


def may_be_seen(m: Memory, of: Sight) -> bool:
    """The same, said of one record."""
    began = m.created if m.valid_from is None else m.valid_from
    return (
        m.forgotten is None
        and m.state == "active"
        and (m.expires is None or m.expires > of.now)
        and (of.project is None or m.project in ("", of.project))
        and (not of.levels or m.level in of.levels)
        and (not of.kinds or m.kind in of.kinds)
        and of.tags <= set(m.tags)
        and (of.as_of is None or began <= of.as_of)
    )


def check(known: Facts, records: Sequence[Memory]) -> None:
    for sight in SIGHTS:
        seen = known.seen(sight)
        assert {m.id for m in records if m.id in seen} == {m.id for m in records if may_be_seen(m, sight)}, sight
    for project in ("", "/p", "/q", "größe", "/nowhere"):
        peers = known.peers(project)
        assert {m.id for m in records if m.id in peers} == {
            m.id for m in records if m.forgotten is None and m.state == "active" and m.superseded_by is None and m.project == project
        }
    assert known.standing() == {m.id for m in records if m.forgotten is None and m.state == "active"}


def test_columns_say_of_every_record_what_it_says_itself(db: Database) -> None:
    keep(db, *drawn(200, 1), FULL)
    some_ids = [m.id for m in memories.every(db)]
    memory_writes.forget(db, at(), some_ids[:20])
    for old, new in zip(some_ids[20:40], some_ids[40:60], strict=True):
        memory_writes.supersede(db, at(), old, new)
    memory_writes.promote(db, at(), some_ids[60:90])
    memory_writes.purge(db, at(), some_ids[90:95])
    records = list(memories.every(db))
    check(Facts(db), records)


def test_columns_that_are_kept_up_to_date_are_those_that_are_made_anew(db: Database, tmp_path: Path) -> None:
    known = Projection(tmp_path)
    known.refresh(db)
    for seed in range(4):
        keep(db, *drawn(30, seed))
        ids = [m.id for m in memories.every(db)]
        random.Random(seed).shuffle(ids)
        memory_writes.forget(db, at(), ids[:4])
        memory_writes.promote(db, at(), ids[4:8])
        memory_writes.update(db, at(), ids[8], {"project": f"/new{seed}", "tags": ("x",)})
        memory_writes.purge(db, at(), ids[9:11])
        known.refresh(db)
        records = list(memories.every(db))
        for facts in (known._facts, Facts(db)):
            check(facts, records)
        assert set(known.records) == {m.id for m in records if m.forgotten is None}
        assert {m.id: m for m in known.records.values()} == {m.id: m for m in records if m.forgotten is None}


def test_records_are_read_when_they_are_asked_for(db: Database) -> None:
    kept = keep(db, *(replace(m, forgotten=None) for m in drawn(memories.AT_ONCE + 10, 7)))
    records = Records(Facts(db))
    records.db = db
    assert records[kept[3].id] == kept[3] and len(records) == len(kept)
    assert list(records.read([kept[9].id, "none", kept[3].id]).values()) == [kept[9], kept[3]]
    assert {m.id: m for m in records.values()} == {m.id: m for m in kept}
    with pytest.raises(KeyError):
        records["none"]


def test_no_records_have_no_columns(db: Database) -> None:
    known = Facts(db)
    assert (len(known), known.standing(), list(known.seen(Sight(NOW)).marks)) == (0, set(), [])
    assert memories.projects(db) == []


def test_a_column_that_holds_something_else_is_damage(db: Database) -> None:
    keep(db, some("one"))
    db.execute("UPDATE memories SET level = 'LOUD'")
    with pytest.raises(CatalogueDamaged, match="something else"):
        Facts(db)


def test_projects_are_those_that_have_records_in_the_order_of_their_bytes(db: Database) -> None:
    names = ["/p", "", "Zebra", "größe", "a b", "_", "🦀"]
    (gone, *_) = keep(db, *(some("said", project=name, scope="project" if name else "global") for name in names))
    keep(db, some("said again", project="/p", scope="project"))
    memory_writes.forget(db, at(), [gone.id])
    assert memories.projects(db) == sorted(names, key=str.encode)


def test_a_question_is_answered_from_either_catalogue(db: Database, tmp_path: Path) -> None:
    old, new, other = keep(
        db,
        some("The pump is serviced on Mondays", valid_from=NOW - 9 * DAY),
        some("The pump is serviced on Fridays by the new crew", valid_from=NOW - 2 * DAY, source="agent", trust=0.6),
        some("The kitchen closes at nine", project="/p", scope="project"),
    )
    memory_writes.supersede(db, at(), old.id, new.id)
    known = Projection(tmp_path)
    known.refresh(db)
    answered = recall(Question("when is the pump serviced, Mondays?", 5, Sight(NOW, "")), known, lambda m: ())
    assert [(r.memory.id, r.valid) for r in answered.memories] == [(new.id, True), (old.id, False)]
    then = recall(Question("when is the pump serviced", 5, Sight(NOW, "", as_of=NOW - 5 * DAY)), known, lambda m: ())
    assert [(r.memory.id, r.valid) for r in then.memories] == [(old.id, True)]
    assert [r.memory.id for r in recall(Question("when does the kitchen close", 5, Sight(NOW, "/p")), known, lambda m: ()).memories][:1] == [other.id]
    like = some("The pump is serviced on Sundays")
    assert [n.memory.id for n in known.kin([like.content]).nearest(0, like, 3)] == [new.id]
    known.keep(db)
    again = Projection(tmp_path)
    again.refresh(db)
    assert again._index.stamp == known.seq
    assert recall(answered_as := Question("pump", 5, Sight(NOW)), again, lambda m: ()) == recall(answered_as, known, lambda m: ())
