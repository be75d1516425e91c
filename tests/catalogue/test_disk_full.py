"""No room left: what was acknowledged stays, and with room again everything goes on."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from groma.catalogue import manifests, schema, scopes
from groma.catalogue.database import Database
from groma.errors import DiskFull
from tests.catalogue.samples import columns, unprivileged
from tests.services import Postgres


@contextmanager
def small_disk(folder: Path, size: str, owner: int = 0) -> Iterator[Path]:
    """A tmpfs of its own; skips where mounting is not allowed."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755,uid={owner}", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        disk.rmdir()
        pytest.skip(f"no small disk to fill: {mounted.stderr.decode().strip() or 'mount failed'}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill(db: Database, scope: str, limit: int = 10_000) -> int:
    """Record batches until there is no room; how many were acknowledged."""
    for batch in range(limit):
        try:
            manifests.record(db, scope, columns(f"{batch}/{i}-{'x' * 100}.py" for i in range(50)))
        except DiskFull:
            return batch
    raise AssertionError("the disk is larger than it should be")


def check(db: Database, scope: str, batches: int) -> None:
    assert len(manifests.load(db, scope).paths) == 50 * batches
    assert db.verify() == []


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path, "2m") as disk:
        filler = disk / "filler"
        filler.write_bytes(b"x" * 1_000_000)
        with Database.connect(disk / "catalogue.db") as db:
            scope = scopes.ensure(db, "/x").id
            acknowledged = fill(db, scope)
            assert acknowledged > 3
            check(db, scope, acknowledged)
            with pytest.raises(DiskFull, match="free some space"):
                manifests.record(db, scope, columns(f"{'y' * 500}{i}" for i in range(2000)))
            filler.unlink()
            manifests.record(db, scope, columns(f"{acknowledged}/{i}-{'x' * 100}.py" for i in range(50)))
            check(db, scope, acknowledged + 1)
        with Database.connect(disk / "catalogue.db") as db:
            check(db, scope, acknowledged + 1)


def test_on_a_disk_that_is_full_already_it_is_not_made_and_later_is(tmp_path: Path) -> None:
    with small_disk(tmp_path, "1m") as disk:
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as f, pytest.raises(OSError, match="No space"):  # noqa: PT012
            while True:
                f.write(b"x" * 4096)
        with pytest.raises(DiskFull):
            Database.connect(disk / "catalogue.db")
        filler.unlink()
        with Database.connect(disk / "catalogue.db") as db:
            scopes.ensure(db, "/x")
            assert db.verify() == []


def limited(function: Callable[[], object]) -> object:
    """In a child that may write no file larger than 300 kB, which is how a quota looks, too."""

    def child() -> object:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        return function()

    return unprivileged(child)


def test_a_limit_on_the_size_of_files(open_folder: Path) -> None:
    open_folder.chmod(0o777)
    path = open_folder / "catalogue.db"

    def attempt() -> tuple[str, int]:
        with Database.connect(path) as db:
            scope = scopes.ensure(db, "/x").id
            acknowledged = fill(db, scope)
            check(db, scope, acknowledged)
            return scope, acknowledged

    scope, acknowledged = limited(attempt)  # type: ignore[misc]
    assert acknowledged > 3
    with Database.connect(path) as db:
        check(db, scope, acknowledged)
        manifests.record(db, scope, columns(f"{acknowledged}/{i}" for i in range(50)))
        check(db, scope, acknowledged + 1)


def test_a_full_disk_under_postgres(server: Postgres, tmp_path: Path) -> None:
    with small_disk(server.folder, "32m", owner=server.uid) as disk:
        space = f"small_{os.getpid()}"
        server.run(f"CREATE TABLESPACE {space} LOCATION '{disk}'")
        where = f"{server.empty_schema()}%20-cdefault_tablespace%3D{space}"
        try:
            with Database.connect(where) as db:
                scope = scopes.ensure(db, "/x").id
                filler = disk / "filler"
                filler.write_bytes(b"x" * 30_000_000)
                acknowledged = fill(db, scope)
                assert acknowledged > 3
                check(db, scope, acknowledged)
                filler.unlink()
                manifests.record(db, scope, columns(f"{acknowledged}/{i}" for i in range(50)))
                check(db, scope, acknowledged + 1)
                for table in reversed(schema.columns()):
                    db.execute(f"DROP TABLE {table}")
        finally:
            server.run(f"DROP TABLESPACE {space}")
