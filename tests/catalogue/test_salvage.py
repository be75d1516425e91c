"""Memories from a damaged catalogue: whatever can still be read is saved, nothing else, and it can be told."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from groma.catalogue import memories, memory_events, memory_writes, salvage, scopes
from groma.catalogue.database import Database
from groma.data import DataDirectory
from groma.errors import CatalogueDamaged
from groma.records import Memory
from tests.catalogue.test_memories import FULL, NOW, at, keep, some

COUNT = 300


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A catalogue with many records, one of which has every field, and one that supersedes another."""
    path = tmp_path / "old.db"
    with Database.connect(path) as db:
        scopes.ensure(db, "/x")
        kept = keep(db, *(some(f"Remember {n}: " + "some words that fill a page " * 8) for n in range(COUNT)), replace(FULL, refines=None))
        memory_writes.supersede(db, at(), kept[0].id, kept[1].id)
        memory_writes.forget(db, at(), [kept[2].id])
    return path


def content(path: Path) -> dict[str, Memory]:
    with Database.connect(path) as db:
        assert db.verify() == memories.problems(db) == []
        return {m.id: m for m in memories.every(db)}


def saved(old: Path, new: Path) -> tuple[int, int]:
    with Database.connect(new) as db:
        return salvage.save(old, db)


def test_a_whole_catalogue_is_saved_whole_and_once(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    assert saved(old, new) == (COUNT + 1, 0)
    assert content(new) == content(old)
    assert saved(old, new) == (0, 0)


def test_they_are_saved_into_whatever_catalogue_takes_its_place(old: Path, db: Database) -> None:
    assert salvage.save(old, db) == (COUNT + 1, 0)
    assert db.verify() == memories.problems(db) == []
    assert {m.id: m for m in memories.every(db)} == content(old)
    seq = memory_events.last(db)
    assert salvage.save(old, db) == (0, 0)
    assert memory_events.last(db) == seq


def test_a_damaged_page_costs_what_was_on_it(old: Path, tmp_path: Path) -> None:
    expected = content(old)
    pages = old.stat().st_size // 4096
    data = old.read_bytes()
    losses = []
    for n in random.Random(5).sample(range(1, pages), 25):
        old.write_bytes(data[: 4096 * n] + b"\xa5" * 4096 + data[4096 * (n + 1) :])
        new = tmp_path / f"new{n}.db"
        number, _ = saved(old, new)
        found = content(new)
        assert len(found) == number
        for id, m in found.items():
            before = expected[id]
            links = {"supersedes": m.supersedes, "superseded_by": m.superseded_by, "anchors": m.anchors}
            assert m == replace(before, **links)
            assert m.superseded_by in (before.superseded_by, None)
        losses.append(len(expected) - len(found))
    assert sorted(losses)[len(losses) // 2] <= 12  # a page has about as many; only the root of the table has all


def test_half_a_file_saves_what_is_in_that_half(old: Path, tmp_path: Path) -> None:
    with open(old, "r+b") as f:
        f.truncate(old.stat().st_size // 2 // 4096 * 4096)
    number, _ = saved(old, tmp_path / "new.db")
    assert 20 < number < COUNT
    assert len(content(tmp_path / "new.db")) == number


def test_a_text_that_is_not_the_one_that_was_kept_is_not_saved(old: Path, tmp_path: Path) -> None:
    raw = sqlite3.connect(old)
    raw.execute("UPDATE memories SET content = 'something else' WHERE content LIKE 'Remember 7:%'")
    raw.execute("UPDATE memories SET importance = 'high' WHERE content LIKE 'Remember 8:%'")
    raw.commit()
    raw.close()
    assert saved(old, tmp_path / "new.db") == (COUNT - 1, 2)


@pytest.mark.parametrize("data", [b"", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 8000])
def test_what_is_no_catalogue_saves_nothing(tmp_path: Path, data: bytes) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(data)
    assert saved(other, tmp_path / "new.db") == (0, 0)
    assert saved(tmp_path, tmp_path / "new.db") == (0, 0)
    assert saved(tmp_path / "nothing", tmp_path / "new.db") == (0, 0)


def test_what_stands_already_is_not_brought_back_twice(old: Path, tmp_path: Path) -> None:
    with Database.connect(tmp_path / "new.db") as db:
        keep(db, replace(FULL, id=some("").id, refines=None))
        assert salvage.save(old, db) == (COUNT, 0)


def test_a_catalogue_that_is_set_aside_leaves_its_memories(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    keep(data.db, some("one"), some("two"))
    data.db.execute("CREATE TABLE filler AS SELECT randomblob(100000) AS x")
    data.close()
    with open(tmp_path / "catalogue.db", "r+b") as f:
        f.seek(-4096, 2)
        f.truncate()
    with pytest.raises(CatalogueDamaged):
        data.db.query("SELECT sum(length(x)) FROM filler")
    told = data.set_aside_catalogue("it was cut")
    assert told.startswith("the catalogue was damaged (it was cut) and set aside as catalogue.db.damaged-")
    assert told.endswith("; 2 memories were saved from it")
    assert sorted(m.content for m in memories.select(data.db, memories.EVERY, NOW)) == ["one", "two"]
    data.close()
