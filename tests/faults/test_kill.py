"""A groma that is killed at any moment leaves data that a second one finds clean, and the next run ends where a clean one does."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tests.faults.corpus import QUERIES, module, modules
from tests.processes import Place, children, gone, repository


def answers(place: Place, root: Path) -> list[object]:
    """All that a user can see of an index: what status counts of it, and a hundred hits."""
    scope = next(s for s in place.groma("status", "--json").json["scopes"] if s["root"] == str(root))
    hits = place.groma("search", "--repo", root, "--no-index", "--json", "-k", "100", " ".join(QUERIES)).json["hits"]
    counted = [scope[name] for name in ("files", "chunks", "languages", "skipped", "stale_files")]
    return [*counted, [(h["path"], h["start_line"], h["text"], h["score"]) for h in hits]]


def kills(folder: Path, count: int, seed: int, files: int = 500) -> dict[str, object]:
    """Kill `count` runs over one data directory, each after some files changed, and compare the end with a clean index.

    A run that had started a parser must not leave it behind.
    """
    random = Random(seed)
    place = Place(folder / "killed")
    root = repository(folder / "repo", modules(files, seed))
    paths = sorted(root.glob("src/**/*.py"))
    killed = moments = parsers = 0
    length = 4.0
    while killed < count:
        moments += 1
        for path in random.sample(paths, files // 3):
            path.write_text(module(random))
        verb = ("rebuild",) if random.random() < 0.2 and (place.data / "catalogue.db").exists() else ("index",)
        begun = time.monotonic()
        process = place.start(*verb, root)
        time.sleep(random.uniform(0.1, length))
        started = children(process.pid)
        process.send_signal(signal.SIGKILL)
        ran = place.end(process, code=None)
        assert all(gone(pid) for pid in started), started
        parsers += len(started)
        if ran.code == 0:  # it was done before: from now on sooner
            length = max(0.5, 0.9 * (time.monotonic() - begun))
            continue
        assert ran.code == -signal.SIGKILL, ran
        killed += 1
        checked = place.groma("verify", code=None)
        assert checked.code in (0, 6), (killed, checked)
    place.groma("index", root)
    place.groma("verify")
    clean = Place(folder / "clean")
    clean.groma("index", root)
    assert answers(place, root) == answers(clean, root)
    assert not list(place.data.rglob("*.damaged*")) and not list(place.data.rglob("*.tmp"))
    return {"killed": killed, "runs": moments, "parsers that ended with them": parsers, "files": files}


def parsers_killed(folder: Path, count: int, seed: int, files: int = 500) -> dict[str, object]:
    """Kill the parser of `count` runs at some moment of its work: each run goes on with another one, and nothing tells of it in the index."""
    random = Random(seed)
    place, root = Place(folder / "place"), repository(folder / "repo", modules(files, seed))
    clean = Place(folder / "clean")
    clean.groma("index", root)
    wanted = answers(clean, root)
    killed = runs = 0
    while killed < count:
        runs += 1
        assert runs <= 4 * count, "the parser is never met"
        shutil.rmtree(place.data, ignore_errors=True)
        process = place.start("index", root)
        while not (found := children(process.pid)) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.4) if killed else 0)  # once before it has even begun
        with suppress(ProcessLookupError, IndexError):  # it was done before
            os.kill(found[0], signal.SIGKILL)
            killed += found[0] not in children(process.pid) or gone(found[0])
        place.end(process)
        assert answers(place, root) == wanted
        place.groma("verify")
    return {"parsers killed": killed, "runs": runs, "files": files}


def test_killed_runs_leave_clean_data_and_converge(tmp_path: Path) -> None:
    kills(tmp_path, 5, seed=1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes the Linux way")
def test_a_killed_parser_costs_nothing(tmp_path: Path) -> None:
    parsers_killed(tmp_path, 3, seed=2)


def test_an_interrupt_ends_with_130_and_a_sentence_and_the_next_run_goes_on(place: Place) -> None:
    root = repository(place.folder / "repo", modules(2500))
    process = place.start("index", root)
    while not list(place.data.glob("store-*.db")):  # it has begun to write
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    ran = place.end(process, code=130)
    assert ran.out == "" and ran.err.strip().splitlines()[-1].startswith("groma: stopped; ")
    place.groma("verify")
    place.groma("index", root)
    assert place.groma("status", "--json").json["scopes"][0]["files"] == 2500
    place.groma("verify")
