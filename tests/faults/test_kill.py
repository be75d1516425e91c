"""A groma that is killed at any moment leaves data that a second one finds clean, and the next run ends where a clean one does."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from random import Random

from tests.faults.corpus import QUERIES, module, modules
from tests.processes import Place, repository


def answers(place: Place, root: Path) -> list[object]:
    """All that a user can see of an index: what status counts of it, and a hundred hits."""
    scope = next(s for s in place.groma("status", "--json").json["scopes"] if s["root"] == str(root))
    hits = place.groma("search", "--repo", root, "--no-index", "--json", "-k", "100", " ".join(QUERIES)).json["hits"]
    counted = [scope[name] for name in ("files", "chunks", "languages", "skipped", "stale_files")]
    return [*counted, [(h["path"], h["start_line"], h["text"], h["score"]) for h in hits]]


def kills(folder: Path, count: int, seed: int, files: int = 500) -> dict[str, object]:
    """Kill `count` runs over one data directory, each after some files changed, and compare the end with a clean index."""
    random = Random(seed)
    place = Place(folder / "killed")
    root = repository(folder / "repo", modules(files, seed))
    paths = sorted(root.glob("src/**/*.py"))
    killed = moments = 0
    length = 4.0
    while killed < count:
        moments += 1
        for path in random.sample(paths, files // 3):
            path.write_text(module(random))
        verb = ("rebuild",) if random.random() < 0.2 and (place.data / "catalogue.db").exists() else ("index",)
        begun = time.monotonic()
        process = place.start(*verb, root)
        time.sleep(random.uniform(0.1, length))
        process.send_signal(signal.SIGKILL)
        ran = place.end(process, code=None)
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
    return {"killed": killed, "runs": moments, "files": files}


def test_killed_runs_leave_clean_data_and_converge(tmp_path: Path) -> None:
    kills(tmp_path, 5, seed=1)


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
