"""Killed before or after any durable step of any verb, groma loses nothing that was acknowledged and heals with the next run."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.corpus import module, modules
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
    """The first run, a run after changes, one after a branch switch removed files, a rebuild, a search that must index first, a forget."""
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
    return made


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
            assert place.groma("verify", code=None).code in (0, 6), told
            if name in ("changed", "searched"):
                (scope,) = place.groma("status", "--json").json["scopes"]
                assert scope["files"] == FILES, told  # what was searchable stays so
            if name == "forgotten":
                assert place.groma("forget", scene.root, code=None).code in (0, 6), told
                assert place.groma("search", "--repo", scene.root, "--no-index", "validate", code=6).out == "", told
            place.groma("index", scene.root)
            assert answers(place, scene.root) == scene.wanted, told
            place.groma("verify")
            assert not list(place.data.rglob("*.damaged*")) and not list(place.data.rglob("*.tmp")), told
    return {"killed": killed, "lost": 0, "steps": counts, "kinds of step": len(names)}


def test_killed_at_durable_steps(tmp_path: Path) -> None:
    found = failpoints(tmp_path, seed=3, per_scene=1)
    assert found["killed"] == 6
