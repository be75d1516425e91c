"""A catalogue that may be read and not written. Root may write anywhere, so all of this runs in children that are not root."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from groma.catalogue import manifests, scopes
from groma.catalogue.database import Database
from groma.errors import CatalogueDamaged, ReadOnly
from tests.catalogue.samples import REPOSITORY, columns, unprivileged


@pytest.fixture
def closed(open_folder: Path) -> Path:
    """A catalogue in a folder that only root (or, for others, nobody) may write."""
    path = open_folder / "catalogue.db"
    with Database.connect(path) as db:
        manifests.record(db, scopes.ensure(db, "/x").id, columns(["a.py"]))
    lock(path)
    return path


def lock(path: Path) -> None:
    for file in path.parent.iterdir():
        file.chmod(0o444)
    path.parent.chmod(0o555)


def unlock(path: Path) -> None:
    path.parent.chmod(0o755)
    for file in path.parent.iterdir():
        file.chmod(0o644)


def read(path: Path) -> dict[str, list[str]]:
    with Database.connect(path) as db:
        assert db.verify() == []
        return {s.root: list(manifests.load(db, s.id).paths) for s in scopes.all(db)}


def test_it_is_read(closed: Path) -> None:
    assert unprivileged(lambda: read(closed)) == {"/x": ["a.py"]}
    assert os.listdir(closed.parent) == ["catalogue.db"]


def writes() -> dict[str, Callable[[Database], Any]]:
    def in_transaction(db: Database) -> None:
        with db.transaction():
            scopes.begin_run(db, scopes.ensure(db, "/x").id)

    return {
        "ensure": lambda db: scopes.ensure(db, "/new"),
        "begin": lambda db: scopes.begin_run(db, scopes.ensure(db, "/x").id),
        "record": lambda db: manifests.record(db, scopes.ensure(db, "/x").id, columns(["b.py"])),
        "transaction": in_transaction,
    }


@pytest.mark.parametrize("name", writes())
def test_a_write_raises_read_only_and_reading_goes_on(closed: Path, name: str) -> None:
    def attempt() -> tuple[bool, str, dict[str, list[str]]]:
        with Database.connect(closed) as db:
            with pytest.raises(ReadOnly) as caught:
                writes()[name](db)
            assert scopes.find(db, "/x") is not None
            return db.read_only, caught.value.message, read(closed)

    flag, message, after = unprivileged(attempt)
    assert flag
    assert str(closed) in message
    assert after == {"/x": ["a.py"]}


@pytest.mark.parametrize(("file", "folder"), [(0o644, 0o555), (0o444, 0o755), (0o444, 0o555), (0o644, 0o755)])
def test_whatever_of_file_and_folder_may_not_be_written(closed: Path, file: int, folder: int) -> None:
    if os.geteuid() != 0 and (file, folder) == (0o644, 0o755):
        pytest.skip("both may be written by who is not root and owns them")
    closed.parent.chmod(folder)
    closed.chmod(file)

    def attempt() -> dict[str, list[str]]:
        with Database.connect(closed) as db, pytest.raises(ReadOnly):
            scopes.ensure(db, "/new")
        return read(closed)

    assert unprivileged(attempt) == {"/x": ["a.py"]}


def test_while_somebody_else_writes_new_rows_are_seen(closed: Path) -> None:
    """The writer, who may, has the log open; its files may be read by everybody."""
    unlock(closed)
    with Database.connect(closed) as db:
        scope = scopes.ensure(db, "/x")
        manifests.record(db, scope.id, columns(["b.py"]))
        closed.parent.chmod(0o555)
        assert unprivileged(lambda: read(closed)) == {"/x": ["a.py", "b.py"]}
        closed.parent.chmod(0o755)


def test_what_somebody_else_writes_later_is_seen_by_an_open_connection(closed: Path) -> None:
    fork = get_context("fork")
    (reader, ours), (written, told) = fork.Pipe(), fork.Pipe(duplex=False)

    def child() -> list[list[str]]:
        with Database.connect(closed) as db:
            seen = [[s.root for s in scopes.all(db)]]
            reader.send("opened")
            written.recv()
            seen.append([s.root for s in scopes.all(db)])
            return seen

    def write_meanwhile() -> None:
        assert ours.recv() == "opened"
        unlock(closed)
        with Database.connect(closed) as db:
            scopes.ensure(db, "/y")
        lock(closed)
        told.send("written")

    from threading import Thread

    writer = Thread(target=write_meanwhile)
    writer.start()
    try:
        assert unprivileged(child) == [["/x"], ["/x", "/y"]]
    finally:
        writer.join(30)


def test_after_a_crash_of_the_writer_the_rows_of_its_log_are_read_or_it_says_why_not(closed: Path) -> None:
    unlock(closed)
    script = (
        "import os, sys; from groma.catalogue import scopes; from groma.catalogue.database import Database\n"
        "db = Database.connect(sys.argv[1]); scopes.ensure(db, '/in the log'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(closed)], cwd=REPOSITORY, check=False)
    assert Path(f"{closed}-wal").stat().st_size > 0
    lock(closed)
    assert unprivileged(lambda: read(closed)) == {"/in the log": [], "/x": ["a.py"]}
    unlock(closed)
    Path(f"{closed}-shm").unlink()
    lock(closed)
    with pytest.raises(ReadOnly, match="open log"):
        unprivileged(lambda: read(closed))


def test_one_that_is_not_there_cannot_be_made(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    for path in (open_folder / "catalogue.db", open_folder / "sub" / "catalogue.db"):
        with pytest.raises(ReadOnly, match="cannot be made"):
            unprivileged(lambda path=path: Database.connect(path))
    assert list(open_folder.iterdir()) == []


def test_an_empty_one_cannot_be_filled(open_folder: Path) -> None:
    path = open_folder / "catalogue.db"
    path.touch()
    lock(path)
    with pytest.raises(ReadOnly, match="must be made"):
        unprivileged(lambda: Database.connect(path))


def test_one_that_may_not_be_read(closed: Path) -> None:
    closed.chmod(0)
    with pytest.raises(ReadOnly, match="cannot be opened"):
        unprivileged(lambda: Database.connect(closed))


def test_a_damaged_one_is_damaged_and_not_read_only(closed: Path) -> None:
    unlock(closed)
    closed.write_bytes(b"x" * 9000)
    lock(closed)
    with pytest.raises(CatalogueDamaged):
        unprivileged(lambda: Database.connect(closed))
