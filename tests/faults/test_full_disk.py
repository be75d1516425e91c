"""A full disk: one clear sentence, exit code 1, nothing lost that was acknowledged, and all is well once there is room again."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.faults.corpus import modules
from tests.faults.test_failpoints import SCENES, Scene, fresh, run
from tests.faults.test_kill import answers
from tests.processes import Place, Ran, limited, repository

SHARED_MEMORY = 100_000
"""What SQLite takes beside its two files as soon as one is opened."""


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, mounted at `folder`. Skips where this user may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Fill a disk with one file, but for `leave` bytes."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(65_536))
        except OSError:
            f.truncate(max(0, f.tell() - leave))
    return path


def refused(ran: Ran) -> None:
    """It said why, in one sentence."""
    assert ran.code == 1 and ran.out == "", ran
    assert len([line for line in ran.err.splitlines() if "No room left" in line]) == 1, ran


def fills(folder: Path, leaves: list[int]) -> dict[str, object]:
    """With one repository indexed, let a disk run full while another one is, with so many bytes to go; then make room."""
    small = repository(folder / "small", modules(20, seed=1))
    large = repository(folder / "large", modules(500, seed=2))
    query = ("search", "--json", "--repo", small, "validate_ledger")
    full = 0
    for number, leave in enumerate(leaves):
        with small_disk(folder / f"disk{number}", "6m") as disk:
            place = Place(disk)
            place.groma("index", small)
            before = place.groma(*query, "--no-index").hits
            filler = fill(disk, leave)
            ran = place.groma("index", large, code=None)
            if ran.code:
                refused(ran)
                full += 1
            searched = place.groma(*query, code=None)  # wants to bring its folder up to date first, and cannot
            if searched.code and leave < SHARED_MEMORY:
                refused(searched)  # not even SQLite's file of shared memory has room
            else:
                assert searched.code == 0 and searched.hits == before
            filler.unlink()
            place.groma("verify")
            place.groma("index", large)
            place.groma("verify")
            assert [s["files"] for s in place.groma("status", "--json").json["scopes"]] == [500, 20]
            assert place.groma(*query, "--no-index").hits == before
    assert full > len(leaves) // 2
    return {"disks": len(leaves), "ran full": full}


def full_steps(folder: Path, seed: int, names: Collection[str] = SCENES, per_scene: int | None = None) -> dict[str, object]:
    """Let every durable step of these scenes find the disk full (or `per_scene` of them, by chance), once or from there on; then make room."""
    random = Random(seed)
    counts = {"steps": 0, "refused": 0, "done all the same": 0}
    for name in names:
        scene = SCENES[name](folder / name, seed)
        place = Place(folder / name / "full")
        fresh(place, scene)
        _, steps = run(place, scene, "never")
        numbers = [n for n, step in enumerate(steps, 1) if not step.startswith(("unlink", "rmdir"))]
        for n in numbers if per_scene is None else random.sample(numbers, per_scene):
            for when in ("full", "full-from"):
                counts["refused" if full_at(place, scene, f"{when}:{n}") else "done all the same"] += 1
            counts["steps"] += 1
    return {**counts, "scenes": len(names)}


def full_at(place: Place, scene: Scene, moment: str) -> bool:
    """Was the verb refused? If so in one sentence; and once there is room, nothing is lost and the next run makes all well."""
    fresh(place, scene)
    ran, steps = run(place, scene, moment)
    if ran.code:
        refused(ran)
    told = (moment, steps, ran)
    assert place.groma("verify", code=None).code in ((0, 6, 7) if scene.is_damaged else (0, 6)), told
    assert not list(place.data.rglob("*.tmp")), told
    if scene.other is not None:
        assert answers(place, scene.other[0]) == scene.other[1], told
    if scene.is_damaged:
        place.groma("search", "--repo", scene.root, "validate")
    place.groma("index", scene.root)
    assert answers(place, scene.root) == scene.wanted, told
    place.groma("verify")
    return ran.code != 0


def test_a_disk_that_is_full_at_a_step(tmp_path: Path) -> None:
    assert full_steps(tmp_path, seed=2, names=("switched", "one of two forgotten", "damaged part"), per_scene=1)["steps"] == 3


def test_a_disk_that_is_full_where_a_damaged_store_is_healed(tmp_path: Path) -> None:
    """When it is opened, set aside, and made anew: the full disk is the reason that is given, not the damage nor a lock of our own."""
    scene, place = SCENES["damaged store"](tmp_path, 2), Place(tmp_path / "full")
    fresh(place, scene)
    _, steps = run(place, scene, "never")
    for n in (1, steps.index("replace store") + 1, steps.index("store: COMMIT") + 1):
        assert full_at(place, scene, f"full-from:{n}")
        assert not full_at(place, scene, f"full:{n}")  # there was room again when the search healed it


def test_a_disk_that_runs_full_at_several_moments(tmp_path: Path) -> None:
    fills(tmp_path, [0, 400_000])


def test_a_limit_on_the_size_of_files_reads_like_a_full_disk(place: Place) -> None:
    """What a quota looks like to a program; needs no privilege."""
    root = repository(place.folder / "repo", modules(300))
    refused(place.groma("index", root, code=None, before=limited(resource.RLIMIT_FSIZE, 300_000)))
    place.groma("verify")
    place.groma("index", root)
    place.groma("verify")
    assert place.groma("search", "--no-index", "--json", "--repo", root, "validate_ledger").hits
