"""A data directory that cannot be written: exit code 3 and a sentence for who wants to write, an answer for who only searches."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.corpus import modules
from tests.faults.test_full_disk import small_disk
from tests.processes import Place, repository, unprivileged


@contextmanager
def sealed(folder: Path) -> Iterator[None]:
    """Nothing below `folder` may be written; permissions are restored at the end, so that pytest can clean up."""
    everything = [folder, *folder.rglob("*")]
    before = [(path, path.stat().st_mode) for path in everything]
    for path, mode in before:
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in before:
            path.chmod(mode)


def test_what_is_indexed_is_searched_and_nothing_else_is_pretended(place: Place) -> None:
    root = repository(place.folder / "repo", modules(30))
    other = repository(place.folder / "other", modules(1))
    place.groma("index", root)
    query = ("search", "--json", "--repo", root, "validate_ledger")
    before = place.groma(*query).hits
    changed = root / before[0][0]
    with sealed(place.data):
        ran = place.groma("index", root, code=3, before=unprivileged)
        assert ran.out == "" and len(ran.err.splitlines()) == 1 and "cannot be written" in ran.err
        assert place.groma(*query, "--no-index", before=unprivileged).hits == before
        ran = place.groma(*query, before=unprivileged)
        assert ran.hits == before and "Searching what is indexed." in ran.err
        changed.write_text("# something new\n" + changed.read_text())
        found = place.groma(*query, before=unprivileged)
        for path, first, last, text in found.hits:
            assert (root / path).read_text().split("\n")[first - 1 : last] == text.split("\n")
        assert "1 file changed since indexed: read anew" in found.json["degraded"]
        assert place.groma("status", "--json", before=unprivileged).json["scopes"][0]["stale_files"] == 1
        place.groma("verify", before=unprivileged)
        for verb in (("index", other), ("search", "--repo", other, "x"), ("forget", root), ("rebuild",), ("rebuild", root)):
            ran = place.groma(*verb, code=3, before=unprivileged)
            assert "cannot be written" in ran.err, ran
        place.groma("search", "--no-index", "--repo", other, "x", code=6, before=unprivileged)
    place.groma("verify")
    assert not list(place.data.glob("*.damaged*"))


def test_a_log_left_by_a_kill_does_not_hide_what_is_indexed(place: Place) -> None:
    """SQLite's log cannot be taken in by who may not write; then groma answers from it, or says who has to."""
    root = repository(place.folder / "repo", modules(400))
    place.groma("index", root)
    for path in root.glob("src/**/*.py"):
        path.write_text(path.read_text() + "\n# touched\n")
    process = place.start("index", root)
    while process.poll() is None and not any(log.stat().st_size for log in place.data.glob("store-*.db-wal")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with sealed(place.data):
        ran = place.groma("search", "--json", "--no-index", "--repo", root, "validate_ledger", code=None, before=unprivileged)
        assert ran.code in (0, 3), ran
        if ran.code == 0:
            for path, first, last, text in ran.hits:
                assert (root / path).read_text().split("\n")[first - 1 : last] == text.split("\n")
        else:
            assert ran.out == "" and len(ran.err.splitlines()) == 1 and "use it once as a user who may write there" in ran.err
    assert place.groma("search", "--json", "--no-index", "--repo", root, "validate_ledger").hits
    place.groma("verify")


def test_a_file_system_mounted_read_only(tmp_path: Path) -> None:
    root = repository(tmp_path / "repo", modules(10))
    with small_disk(tmp_path / "disk", "8m") as disk:
        place = Place(disk)
        place.groma("index", root)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert "cannot be written" in place.groma("index", root, code=3).err
        assert place.groma("search", "--json", "--repo", root, "validate_ledger").hits
        place.groma("verify")


@pytest.mark.parametrize("verb", ["index", "search"])
def test_a_data_directory_that_cannot_be_made(place: Place, verb: str) -> None:
    root = repository(place.folder / "repo", modules(1))
    args = (verb, root) if verb == "index" else (verb, "--repo", root, "x")
    with sealed(place.home):
        ran = place.groma(*args, code=3, env={"GROMA_DATA_DIR": str(place.home / "below" / "data")}, before=unprivileged)
    assert ran.err.count("\n") == 1 and "cannot be made" in ran.err and "GROMA_DATA_DIR" in ran.err
    ran = place.groma(*args, code=3, env={"GROMA_DATA_DIR": str(root / "src/part00/unit0000.py")})
    assert ran.err.count("\n") == 1 and "is a file" in ran.err
    assert os.listdir(place.home) == []
