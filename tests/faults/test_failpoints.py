"""Killed before or after any durable step of any verb, groma loses nothing that was acknowledged and heals with the next run."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tests.faults.corpus import module, modules
from tests.faults.test_damage import parts, store, truncate
from tests.faults.test_kill import answers
from tests.processes import Place, repository

FILES = 40
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Scene:
    """A data directory before a verb, and the repository it speaks of."""

    verb: tuple[str, ...]
    root: Path
    before: Path | None
    wanted: list[object]
    other: tuple[Path, list[object]] | None = None
    """A repository that was indexed before, and its answers, which must stay what they are."""
    is_damaged: bool = False
    """It is the healing of damage that is cut short."""


def run(place: Place, scene: Scene, moment: str) -> tuple[int, list[str]]:
    """The verb, killed at `moment`: how it ended, and the steps it began."""
    log = place.folder / "steps.log"
    log.unlink(missing_ok=True)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.steps", log, moment, *scene.verb, *([scene.root] if scene.verb[0] != "search" else [])],
        cwd=REPOSITORY,
        env=place.environment(),
        capture_output=True,
        timeout=120,
    )
    assert b"Traceback" not in ran.stderr, ran.stderr.decode()
    return ran.returncode, log.read_text().splitlines() if log.exists() else []


def scenes(folder: Path, seed: int) -> dict[str, Scene]:
    """The first run, a run after changes, one after a branch switch removed files, a rebuild, a search that must index first, a forget.

    And: the run of a second checkout of the same files, a run that merges parts, the forgetting of one of two repositories, and searches that
    find a part, or the store, damaged.
    """
    random = Random(seed)
    made: dict[str, Scene] = {}

    def scene(name: str, verb: tuple[str, ...], change: Callable[[Path], None] | None) -> None:
        root = repository(folder / name / "repo", modules(FILES, seed))
        before = None
        if change is not None:
            place = Place(folder / name / "before")
            place.groma("index", root)
            change(root)
            before = place.data
        clean = Place(folder / name / "clean")
        clean.groma("index", root)
        made[name] = Scene(verb if verb[0] != "search" else (*verb, "--repo", str(root), "validate"), root, before, answers(clean, root))

    def edit(root: Path) -> None:
        for path in random.sample(sorted(root.glob("src/**/*.py")), FILES // 3):
            path.write_text(module(random))

    def switch(root: Path) -> None:
        edit(root)
        for path in sorted(root.glob("src/part01/*.py"))[:10]:
            path.unlink()
        (root / "new.py").write_text(module(random))

    scene("first", ("index",), None)
    scene("changed", ("index",), edit)
    scene("switched", ("index",), switch)
    scene("rebuilt", ("rebuild",), edit)
    scene("searched", ("search",), edit)
    scene("forgotten", ("forget",), edit)
    made["second checkout"] = _beside(folder / "second", ("index",), modules(FILES, seed=1))
    made["one of two forgotten"] = _beside(folder / "two", ("forget",), modules(FILES, seed + 1, folder="lib"))

    def many_parts(root: Path) -> None:
        for _ in range(3):
            for path in random.sample(sorted(root.glob("src/**/*.py")), 5):
                path.write_text(module(random))
            Place(folder / "merged" / "before").groma("index", root)
        edit(root)

    scene("merged", ("index",), many_parts)
    for name, harmed in (("damaged part", parts), ("damaged store", lambda place: [store(place)])):
        scene(name, ("search",), edit)
        before = Place(folder / name / "before")
        truncate(harmed(before)[0], 0.5)
        made[name] = replace(made[name], is_damaged=True)
    return made


def _beside(folder: Path, verb: tuple[str, ...], files: dict[str, str]) -> Scene:
    """A verb on one of two repositories in a data directory; `forget` finds it indexed, `index` does not."""
    first = repository(folder / "first", modules(FILES, seed=1))
    root = repository(folder / "repo", files)
    place, clean = Place(folder / "before"), Place(folder / "clean")
    place.groma("index", first)
    clean.groma("index", root)
    if verb == ("forget",):
        place.groma("index", root)
    return Scene(verb, root, place.data, answers(clean, root), (first, answers(place, first)))


def failpoints(folder: Path, seed: int, per_scene: int | None = None) -> dict[str, object]:
    """Kill at every step of every scene, before and after it (or at `per_scene` of these moments, by chance)."""
    random = Random(seed)
    names: set[str] = set()
    killed = 0
    counts: dict[str, int] = {}
    for name, scene in scenes(folder, seed).items():
        place = Place(folder / name / "killed")

        def fresh(scene: Scene = scene, place: Place = place) -> None:
            shutil.rmtree(place.data, ignore_errors=True)
            if scene.before is not None:
                shutil.copytree(scene.before, place.data)

        fresh()
        code, steps = run(place, scene, "never")
        assert code == 0
        names |= set(steps)
        counts[name] = len(steps)
        moments = [f"{when}:{n + 1}" for n in range(len(steps)) for when in ("before", "after")]
        for moment in moments if per_scene is None else random.sample(moments, min(per_scene, len(moments))):
            fresh()
            code, steps = run(place, scene, moment)
            assert code == -signal.SIGKILL, (name, moment, code)
            killed += 1
            told = (name, moment, steps[-1])
            assert place.groma("verify", code=None).code in ((0, 6, 7) if scene.is_damaged else (0, 6)), told
            if scene.other is not None:
                assert answers(place, scene.other[0]) == scene.other[1], told
            if name in ("changed", "searched"):
                (scope,) = place.groma("status", "--json").json["scopes"]
                assert scope["files"] == FILES, told  # what was searchable stays so
            if scene.verb == ("forget",):
                assert place.groma("forget", scene.root, code=None).code in (0, 6), told
                assert place.groma("search", "--repo", scene.root, "--no-index", "validate", code=6).out == "", told
            if scene.is_damaged:
                place.groma("search", "--repo", scene.root, "validate")
            place.groma("index", scene.root)
            assert answers(place, scene.root) == scene.wanted, told
            place.groma("verify")
            assert scene.is_damaged or not list(place.data.rglob("*.damaged*")), told
            assert not list(place.data.rglob("*.tmp")), told
            if scene.other is not None:
                assert answers(place, scene.other[0]) == scene.other[1], told
    return {"killed": killed, "lost": 0, "steps": counts, "kinds of step": len(names)}


def test_killed_at_durable_steps(tmp_path: Path) -> None:
    found = failpoints(tmp_path, seed=3, per_scene=1)
    assert found["killed"] == len(found["steps"])  # type: ignore[arg-type]
