"""SQLite files that are not, or no longer, what groma wrote: never a foreign exception, never another program's file changed."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from groma.catalogue import generations, manifests, memories, memory_events, memory_writes, scopes
from groma.catalogue.database import Database
from groma.errors import CatalogueDamaged, GromaError
from groma.records import Anchor, Memory
from tests.catalogue.samples import columns, rows

ROWS = columns(f"src/some/folder/{i % 7}/file_{i}.py" for i in range(400))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A catalogue with some pages in it, closed."""
    path = tmp_path / "whole.db"
    with Database.connect(path) as db:
        scope = scopes.ensure(db, "/x")
        manifests.record(db, scope.id, ROWS)
        manifests.record(db, scope.id, columns(["left.out"], reason="binary"))
        generations.flip(db, scope.id, "code", "p")
        kept = [Memory(id=f"m{n}", content=f"Remember {n}: " + "some words " * 9, anchors=(Anchor("a.py"),)) for n in range(60)]
        memory_writes.add_all(db, memory_events.call("me"), kept)
        memory_writes.forget(db, memory_events.call("me"), ["m1"])
    assert path.stat().st_size > 50_000
    return path


def use(path: Path) -> tuple[list, list[str]]:
    """Read everything, write a little; what was read and what verify says."""
    with Database.connect(path) as db:
        problems = db.verify()
        read = []
        for scope in scopes.all(db):
            read += rows(manifests.load(db, scope.id))
            manifests.skipped(db, scope.id)
            generations.current(db, scope.id, "code")
        scope = scopes.ensure(db, "/y")
        manifests.record(db, scope.id, columns(["a.py"]))
        scopes.delete(db, scope.id)
        problems += memories.problems(db)
        for m in memories.select(db, memories.EVERY, 0.0):
            memory_events.history(db, m.id)
        memory_events.timeline(db, 0.0)
        memory_writes.touch(db, memory_events.call("me"), ["m2"])
        memory_writes.purge(db, memory_events.call("me"), [memory_writes.add(db, memory_events.call("me"), Memory("m", "for a moment")).memory.id])
    return read, problems


@pytest.mark.parametrize("length", [2, 15, 16, 50, 99, 100, 511, 512, 4095, 4096, 4097, 8192, 0.3, 0.5, 0.9, -4096, -1])
def test_a_truncated_file_is_damaged(whole: Path, length: float) -> None:
    size = whole.stat().st_size
    with open(whole, "r+b") as f:
        f.truncate(int(length * size) if 0 < length < 1 else int(length) if length > 0 else size + int(length))
    before = whole.read_bytes()
    with pytest.raises(CatalogueDamaged) as caught:
        use(whole)
    assert str(whole) in caught.value.message
    assert caught.value.exit_code == 7
    assert whole.read_bytes() == before


def test_flipped_bits_of_the_header_are_found_or_harmless(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    expected = use(whole)[0]
    found = 0
    every = range(16 * 8, 24 * 8)  # page size, format versions, fractions
    for bit in (*every, *(8 * byte + bit for byte in range(100) for bit in (0, 7) if 8 * byte + bit not in every)):
        path = tmp_path / "flipped.db"
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            read, problems = use(path)
            assert problems or read == expected
        except CatalogueDamaged:
            found += 1
        for left in tmp_path.glob("flipped.db*"):
            left.unlink()
    assert found > 60


def test_flipped_bits_anywhere_raise_nothing_foreign(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    chance = random.Random(1)
    noticed = 0
    for _ in range(250):
        path = tmp_path / "flipped.db"
        flipped = bytearray(data)
        for _ in range(chance.choice((1, 1, 8, 64))):
            flipped[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        try:
            noticed += bool(use(path)[1])
        except GromaError:
            noticed += 1
        for left in tmp_path.glob("flipped.db*"):
            left.unlink()
    assert noticed > 50


@pytest.mark.parametrize("table", ["manifests", "memories", "memory_events"])
def test_a_damaged_page_is_found_by_verify_and_by_reading(whole: Path, table: str) -> None:
    raw = sqlite3.connect(whole)
    ((page,),) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchall()
    raw.close()
    with open(whole, "r+b") as f:
        f.seek(4096 * (page - 1))
        f.write(b"\xa5" * 4096)
    with Database.connect(whole) as db:
        problems = db.verify()
        assert problems
        assert all(p.startswith("catalogue: ") for p in problems)
        reads = {
            "manifests": lambda: [manifests.load(db, scope.id) for scope in scopes.all(db)],
            "memories": lambda: memories.select(db, memories.EVERY, 0.0),
            "memory_events": lambda: memory_events.timeline(db, 0.0),
        }
        with pytest.raises(CatalogueDamaged):
            reads[table]()


def test_a_text_where_a_number_belongs_is_damage(whole: Path) -> None:
    raw = sqlite3.connect(whole)
    raw.execute("UPDATE manifests SET size = 'many' WHERE path = 'left.out'")
    raw.commit()
    raw.close()
    with Database.connect(whole) as db, pytest.raises(CatalogueDamaged, match="number"):
        manifests.load(db, scopes.all(db)[0].id)


@pytest.mark.parametrize("content", [b"hello, world\n", b"\0" * 4096, b"\x7fELF" + b"\0" * 9000, b"SQLite format 3\0", b"x" * 100_000])
def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalogue.db"
    path.write_bytes(content)
    with pytest.raises(CatalogueDamaged):
        Database.connect(path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["catalogue.db"]


def test_another_programs_sqlite_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE bookmarks (url TEXT)")
    raw.commit()
    raw.close()
    before = path.read_bytes()
    with pytest.raises(CatalogueDamaged, match="another program"):
        Database.connect(path)
    assert path.read_bytes() == before


def test_a_folder_in_its_place_is_damage(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").mkdir()
    with pytest.raises(CatalogueDamaged, match="a folder is in its place"):
        Database.connect(tmp_path / "catalogue.db")


@pytest.mark.parametrize("content", [b"", b"S"])
def test_an_empty_file_is_a_catalogue_not_made_yet(tmp_path: Path, content: bytes) -> None:
    """As a process leaves it that was killed between making the file and the tables. (SQLite takes a single byte for nothing, too.)"""
    path = tmp_path / "catalogue.db"
    path.write_bytes(content)
    with Database.connect(path) as db:
        assert scopes.all(db) == []
        assert db.verify() == []


def test_a_file_that_is_set_aside_while_it_is_open_is_not_written_any_more(whole: Path) -> None:
    def set_aside(stamp: int) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{whole}{suffix}").rename(f"{whole}.damaged-{stamp}{suffix}")

    with Database.connect(whole) as old:
        set_aside(1)
        with Database.connect(whole) as new:
            scopes.ensure(new, "/new")
            assert [s.root for s in scopes.all(old)] == ["/new"]
            with old.transaction():
                scopes.ensure(old, "/other")
            assert [s.root for s in scopes.all(new)] == ["/new", "/other"]
        set_aside(2)
        scopes.ensure(old, "/again")
        assert [s.root for s in scopes.all(old)] == ["/again"]


def test_a_copy_taken_with_its_log_is_whole(whole: Path, tmp_path: Path) -> None:
    """What a crash of the machine leaves: the file, and a log that was never moved into it."""
    with Database.connect(whole) as db:
        scopes.ensure(db, "/in the log only")
        copy = tmp_path / "copy.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{whole}{suffix}", f"{copy}{suffix}")
    with Database.connect(copy) as db:
        assert scopes.find(db, "/in the log only") is not None
        assert db.verify() == []


def test_a_damaged_log_is_cut_where_it_stops_making_sense(whole: Path, tmp_path: Path) -> None:
    with Database.connect(whole) as db:
        scopes.ensure(db, "/first")
        good = Path(f"{whole}-wal").stat().st_size
        scopes.ensure(db, "/second")
        copy = tmp_path / "copy.db"
        shutil.copy(whole, copy)
        log = bytearray(Path(f"{whole}-wal").read_bytes())
        log[good + 100] ^= 1
        Path(f"{copy}-wal").write_bytes(log)
    with Database.connect(copy) as db:
        assert [s.root for s in scopes.all(db)] == ["/first", "/x"]
        assert db.verify() == []
