"""Several gromas at once on one data directory: each ends well, and what is left is what one alone would have left."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from subprocess import Popen

from tests.faults.corpus import QUERIES, module, modules
from tests.faults.test_kill import answers
from tests.processes import Place, repository


def together(folder: Path, runs: int, repositories: int, seed: int, files: int = 300) -> dict[str, object]:
    """`runs` index runs a repository, all at once on a data directory that does not exist yet; then again after edits."""
    random = Random(seed)
    place = Place(folder / "shared")
    roots = [repository(folder / f"repo{i}", modules(files, seed + i)) for i in range(repositories)]
    for _ in range(2):
        started = [place.start("index", "--json", root) for root in roots for _ in range(runs)]
        for process in started:
            assert place.end(process).json["indexed"] == files
        assert f"clean: {repositories} indexed folder" in place.groma("verify").out
        for root in roots:
            for path in random.sample(sorted(root.glob("src/**/*.py")), files // 10):
                path.write_text(module(random))
    started = [place.start("search", "--json", "--repo", root, random.choice(QUERIES)) for root in roots for _ in range(runs)]
    for process in started:
        assert place.end(process).json["hits"]
    place.groma("verify")
    for i, root in enumerate(roots):
        clean = Place(folder / f"clean{i}")
        clean.groma("index", root)
        assert answers(place, root) == answers(clean, root)
    return {"processes": 3 * runs * repositories, "repositories": repositories}


VERBS: list[tuple[str, ...]] = [
    ("index", "ROOT"), ("index", "ROOT"), ("rebuild", "ROOT"), ("rebuild",), ("forget", "ROOT"), ("verify",), ("status", "--json"),
    ("search", "--json", "--repo", "ROOT", "validate_ledger"), ("search", "--json", "--no-index", "--repo", "ROOT", "validate_ledger"),
]  # fmt: skip


def melee(folder: Path, seconds: float, seed: int, files: int = 120, at_once: int = 8) -> dict[str, object]:
    """Any verbs on two repositories, `at_once` at a time, while files change; at the end it is as if there had been one run alone."""
    random = Random(seed)
    place = Place(folder / "shared")
    roots = [repository(folder / f"repo{i}", modules(files, seed + i)) for i in range(2)]
    for root in roots:
        place.groma("index", root)
    until = time.monotonic() + seconds
    started: list[Popen[bytes]] = []
    count = 0
    while started or time.monotonic() < until:
        while len(started) < at_once and time.monotonic() < until:
            root = random.choice(roots)
            for path in random.sample(sorted(root.glob("src/**/*.py")), 3):
                path.write_text(module(random))
            started.append(place.start(*(str(root) if word == "ROOT" else word for word in random.choice(VERBS))))
        for process in [p for p in started if p.poll() is not None]:
            started.remove(process)
            ran = place.end(process, code=None)
            assert ran.code in (0, 6) and "damaged" not in ran.out + ran.err, ran
            count += 1
        time.sleep(0.02)
    for i, root in enumerate(roots):
        place.groma("index", root)
        clean = Place(folder / f"clean{i}")
        clean.groma("index", root)
        assert answers(place, root) == answers(clean, root)
    place.groma("verify")
    assert not list(place.data.rglob("*.damaged*"))
    return {"processes": count, "at once": at_once, "repositories": 2}


def test_any_verbs_at_once(tmp_path: Path) -> None:
    melee(tmp_path, 3, seed=6)


def test_two_runs_on_each_of_two_new_repositories(tmp_path: Path) -> None:
    together(tmp_path, runs=2, repositories=2, seed=3)


def test_searches_during_an_index_run_answer_from_what_is_there(place: Place) -> None:
    root = repository(place.folder / "repo", modules(600))
    running = place.start("index", root)
    answered = 0
    while running.poll() is None:
        ran = place.groma("search", "--json", "--no-index", "--repo", root, "validate_ledger", code=None)
        assert ran.code in (0, 6)
        if ran.code == 0:
            answered += 1
            for path, first, last, text in ran.hits:
                assert (root / path).read_text().split("\n")[first - 1 : last] == text.split("\n")
            (scope,) = ran.json["scopes"]
            assert scope["indexed"] == 600 or any("searchable" in said for said in ran.json["degraded"])
    place.end(running)
    assert answered
    waited = [place.start("search", "--json", "--repo", root, "validate_ledger") for _ in range(2)]
    assert len({str(place.end(process).hits) for process in waited}) == 1
