"""Killed before or after any durable step of any verb, groma loses nothing that was acknowledged and heals with the next run."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tests.faults.corpus import module, modules
from tests.faults.test_damage import parts, store, truncate
from tests.faults.test_kill import answers
from tests.processes import Place, Ran, repository

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


def run(place: Place, scene: Scene, moment: str) -> tuple[Ran, list[str]]:
    """The verb, with what happens at `moment`: how it ended, and the steps it began."""
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
    steps = log.read_text().splitlines() if log.exists() else []
    return Ran(scene.verb, ran.returncode, ran.stdout.decode(), ran.stderr.decode()), steps


def fresh(place: Place, scene: Scene) -> None:
    """Put the data directory back to what it was before the verb."""
    shutil.rmtree(place.data, ignore_errors=True)
    if scene.before is not None:
        shutil.copytree(scene.before, place.data)


def _scene(folder: Path, seed: int, verb: tuple[str, ...], change: Callable[[Path, Random, Place], None] | None) -> Scene:
    """A verb on one repository, which was indexed before it changed; without `change` it never was."""
    root = repository(folder / "repo", modules(FILES, seed))
    place, clean = Place(folder / "before"), Place(folder / "clean")
    if change is not None:
        place.groma("index", root)
        change(root, Random(seed), place)
    clean.groma("index", root)
    words = (*verb, "--repo", str(root), "validate") if verb == ("search",) else verb
    return Scene(words, root, place.data if change is not None else None, answers(clean, root))


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


def _edited(root: Path, random: Random, place: Place) -> None:
    for path in random.sample(sorted(root.glob("src/**/*.py")), FILES // 3):
        path.write_text(module(random))


def _switched(root: Path, random: Random, place: Place) -> None:
    _edited(root, random, place)
    for path in sorted(root.glob("src/part01/*.py"))[:10]:
        path.unlink()
    (root / "new.py").write_text(module(random))


def _in_many_parts(root: Path, random: Random, place: Place) -> None:
    for _ in range(3):
        for path in random.sample(sorted(root.glob("src/**/*.py")), 5):
            path.write_text(module(random))
        place.groma("index", root)
    _edited(root, random, place)


def _damaged(folder: Path, seed: int, harmed: Callable[[Place], Path]) -> Scene:
    def change(root: Path, random: Random, place: Place) -> None:
        _edited(root, random, place)
        truncate(harmed(place), 0.5)

    return replace(_scene(folder, seed, ("search",), change), is_damaged=True)


SCENES: dict[str, Callable[[Path, int], Scene]] = {
    "first": lambda folder, seed: _scene(folder, seed, ("index",), None),
    "changed": lambda folder, seed: _scene(folder, seed, ("index",), _edited),
    "switched": lambda folder, seed: _scene(folder, seed, ("index",), _switched),
    "merged": lambda folder, seed: _scene(folder, seed, ("index",), _in_many_parts),
    "rebuilt": lambda folder, seed: _scene(folder, seed, ("rebuild",), _edited),
    "searched": lambda folder, seed: _scene(folder, seed, ("search",), _edited),
    "forgotten": lambda folder, seed: _scene(folder, seed, ("forget",), _edited),
    "second checkout": lambda folder, _: _beside(folder, ("index",), modules(FILES, seed=1)),
    "one of two forgotten": lambda folder, seed: _beside(folder, ("forget",), modules(FILES, seed + 1, folder="lib")),
    "damaged part": lambda folder, seed: _damaged(folder, seed, lambda place: parts(place)[0]),
    "damaged store": lambda folder, seed: _damaged(folder, seed, store),
}
"""What is cut short: the verbs that write, on what they find; the last two heal damage."""


def failpoints(folder: Path, seed: int, names: Collection[str] = SCENES, per_scene: int | None = None) -> dict[str, object]:
    """Kill at every step of these scenes, before and after it (or at `per_scene` of these moments, by chance)."""
    random = Random(seed)
    kinds: set[str] = set()
    killed = 0
    counts: dict[str, int] = {}
    for name in names:
        scene = SCENES[name](folder / name, seed)
        place = Place(folder / name / "killed")
        fresh(place, scene)
        ran, steps = run(place, scene, "never")
        assert ran.code == 0
        kinds |= set(steps)
        counts[name] = len(steps)
        moments = [f"{when}:{n + 1}" for n in range(len(steps)) for when in ("before", "after")]
        for moment in moments if per_scene is None else random.sample(moments, min(per_scene, len(moments))):
            fresh(place, scene)
            ran, steps = run(place, scene, moment)
            assert ran.code == -signal.SIGKILL, (name, moment, ran)
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
    return {"killed": killed, "lost": 0, "steps": counts, "kinds of step": len(kinds)}


def test_killed_at_durable_steps(tmp_path: Path) -> None:
    found = failpoints(tmp_path, seed=3, names=("changed", "merged", "second checkout", "damaged store"), per_scene=1)
    assert found["killed"] == 4
