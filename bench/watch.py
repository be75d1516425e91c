"""What it costs to be fresh: a question about an unchanged project, an edited one, and storms; watched beside walked.

    python -m bench.watch --repository GIT [--files N] [--storm N]

GIT is any git repository of some 10,000 files; it is cloned into a folder of its own, where nothing but this changes it. Everything is done in one
process with the real engine and `Freshness`, as `groma mcp` uses them:

- unchanged: `freshen` when nothing happened, watched (not one run) and without a watch (`watch = off`: a walk each time)
- edited, asked: a file gets a function of a new name; from the end of the write until a search has shown it, with the question asked at once
- edited, unasked: the same, nobody asks; from the end of the write until the run that covers it has ended, less the debounce
- switch: `git checkout` of a branch in which N files are others; from git's end until the index is exactly the tree, asked at once and unasked
- storm: N files in N/100 folders are written and removed; the same
- edited once more: by then as many old versions lie in the store as are kept there (N of 13,000 should be over 7,000)

That the index is the tree is judged by a walk that knows of no watch (`groma status`: stale files), that a text is found by a search.
"""

from __future__ import annotations

import argparse
import itertools
import queue
import random
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groma.config import load
from groma.engine import Engine
from groma.serve.freshness import Freshness
from groma.types import LOCAL, Request
from groma.watching import Watch

from .record import header, result_path, write

__all__ = ["main"]

PATIENCE_S = 600.0
UNCHANGED = {"watched": 5_000, "walked": 30}
EDITS = 20


class Project:
    """A folder that is indexed, and the ends of the runs over it."""

    def __init__(self, root: Path, data: Path, *, watch: bool) -> None:
        self.root = str(root)
        settings = load({} if watch else {"GROMA_WATCH": "off"}, data_dir=data, config_file=data / "none")
        self.debounce_s = settings.watch_debounce_ms / 1000
        self.engine = Engine(settings)
        self.threads = ThreadPoolExecutor()
        self.ends: queue.Queue[float] = queue.Queue()
        self.runs = 0
        self.freshness = Freshness(self.engine, self.run)

    def run(self, root: str) -> Future[Any]:
        self.runs += 1
        future = self.threads.submit(self.engine.index, LOCAL, root)
        future.add_done_callback(lambda _: self.ends.put(time.perf_counter()))
        return future

    def freshen(self) -> float:
        """Milliseconds of a question's wait."""
        begun = time.perf_counter()
        said = self.freshness.freshen(self.root, PATIENCE_S)
        assert said == [], said
        return 1e3 * (time.perf_counter() - begun)

    def settle(self) -> None:
        """Until a question needs no run."""
        before = -1
        while before != self.runs or self.root not in self.freshness.watched():
            before = self.runs
            self.freshen()
        while not self.ends.empty():
            self.ends.get()

    def finds(self, name: str) -> bool:
        return any(name in hit.text for hit in self.engine.search(LOCAL, [self.root], Request(name)).hits)

    @property
    def stale(self) -> int:
        return self.engine.status(LOCAL, self.root)[0].stale_files

    def until_exact(self) -> float:
        """When the run ended that left the index as the tree is; nobody asks."""
        while True:
            end = self.ends.get(timeout=PATIENCE_S)
            if self.ends.empty() and self.stale == 0:
                return end

    def indexes(self, root: Path, path: str) -> bool:
        """Is a file searchable code?"""
        if not (root / path).is_file() or (root / path).is_symlink():
            return False
        why = self.engine.why(LOCAL, self.root, path)
        return why.indexed and len(why.symbols) > 1

    def close(self) -> None:
        self.freshness.close()
        self.threads.shutdown()
        self.engine.close()


@contextmanager
def memory() -> Iterator[dict[str, float]]:
    """RSS in MB before, after and at its peak, sampled."""
    seen = {"before": _rss(), "peak": 0.0}
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.01):
            seen["peak"] = max(seen["peak"], _rss())

    thread = threading.Thread(target=sample)
    thread.start()
    yield seen
    over.set()
    thread.join()
    seen["after"] = _rss()


def _rss() -> float:
    return round(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6, 1)


def _marked(root: Path, paths: list[str], number: int, chance: random.Random) -> str:
    """Puts a definition of a new name into a file; the name."""
    name = "".join(chance.choices("bcdfghjklmnpqrstvwxz", k=14))  # one word that is nowhere else
    with (root / chance.choice(paths)).open("a") as f:
        f.write(f"\nfunction {name}() {{ return {number}; }}\n")
    return name


def _watch(root: Path) -> dict[str, float]:
    """What it takes to watch a root, and to watch it anew as after an overflow."""
    took = []
    with memory() as used:
        for _ in range(5):
            watch = Watch(str(root))
            begun = time.perf_counter()
            watch.arm(10**9)
            took.append(1e3 * (time.perf_counter() - begun))
            watches = watch.folders
            watch.close()
    return {
        "watches": watches,
        "arm_ms_p50": round(statistics.median(took), 1),
        "arm_ms_max": round(max(took), 1),
        "rss_mb": round(used["after"] - used["before"], 1),
    }


def _unchanged(project: Project, times: int) -> dict[str, float]:
    cpu = time.process_time()
    took = sorted(project.freshen() for _ in range(times))
    return {
        "times": times,
        "cpu_us": round(1e6 * (time.process_time() - cpu) / times, 1),
        "p50_us": round(1e3 * statistics.median(took), 1),
        "p99_us": round(1e3 * took[int(0.99 * len(took))], 1),
    }


def _edited(project: Project, root: Path, paths: list[str], chance: random.Random, numbers: Iterator[int]) -> dict[str, float]:
    waits, answers, used = [], [], []
    for _ in range(EDITS):
        name = _marked(root, paths, next(numbers), chance)
        begun, cpu = time.perf_counter(), time.process_time()
        waits.append(project.freshen())
        used.append(1e3 * (time.process_time() - cpu))
        assert project.finds(name), name
        answers.append(1e3 * (time.perf_counter() - begun))
    return {
        "edits": EDITS,
        "cpu_ms_p50": round(statistics.median(used), 1),
        "wait_ms_p50": round(statistics.median(waits), 1),
        "answer_ms_p50": round(statistics.median(answers), 1),
        "answer_ms_max": round(max(answers), 1),
    }


def _unasked(project: Project, root: Path, paths: list[str], chance: random.Random, numbers: Iterator[int]) -> dict[str, float]:
    took, used = [], []
    for _ in range(EDITS):
        project.settle()
        name = _marked(root, paths, next(numbers), chance)
        begun, cpu = time.perf_counter(), time.process_time()
        took.append(1e3 * (project.ends.get(timeout=PATIENCE_S) - begun - project.debounce_s))
        used.append(1e3 * (time.process_time() - cpu))
        assert project.finds(name) and project.stale == 0, name
    return {
        "edits": EDITS,
        "cpu_ms_p50": round(statistics.median(used), 1),
        "after_debounce_ms_p50": round(statistics.median(took), 1),
        "after_debounce_ms_max": round(max(took), 1),
    }


def _storm(project: Project, do: Callable[[], None], *, asked: bool) -> dict[str, Any]:
    project.settle()
    before = project.runs
    with memory() as used:
        begun = time.perf_counter()
        do()
        end = time.perf_counter()
        if asked:
            took = project.freshen() / 1e3
            stale = project.stale
        else:
            took = project.until_exact() - end
            stale = 0
    assert stale == 0, stale
    return {"storm_s": round(end - begun, 2), "exact_after_s": round(took, 2), "runs": project.runs - before, "stale": stale, "rss_mb": used,
            "watches": project.freshness.watched()[project.root]}  # fmt: skip


def _git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def _switch(root: Path, branch: str) -> None:
    _git(root, "checkout", "-q", branch)


def _files_and_gone(root: Path, count: int) -> None:
    for i in range(count):
        folder = root / "storm" / str(i // 100)
        if i % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"file{i}.php").write_text(f"<?php function storm_{i}() {{ return {i}; }}\n")
    shutil.rmtree(root / "storm")


def main() -> None:
    """Measure, print a table, keep the raw result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repository", type=Path, required=True, help="a git repository, bare or not")
    parser.add_argument("--files", type=int, default=10_000, help="how many files another branch has otherwise")
    parser.add_argument("--storm", type=int, default=100_000, help="how many files are written and removed")
    parser.add_argument("--out", type=Path, default=None, help="where the raw result goes")
    arguments = parser.parse_args()
    chance, numbers = random.Random(1), itertools.count()
    result = header("groma.bench.watch/1")
    out = arguments.out or result_path("watch")
    print("| what | measured |\n|---|---|")

    def note(name: str, row: dict[str, Any]) -> None:
        result[name] = row
        print(f"| {name} | {', '.join(f'{k} {v}' for k, v in row.items())} |", flush=True)
        write(out, result)  # after each, so that a run that is ended keeps what it has

    with tempfile.TemporaryDirectory(prefix="groma-watch-") as place:
        root = Path(place) / "repo"
        subprocess.run(["git", "clone", "-q", "--shared", arguments.repository, root], check=True)
        tracked = _git(root, "ls-files").splitlines()
        main_branch = _git(root, "branch", "--show-current").strip()
        _git(root, "checkout", "-qb", "other")
        changed = [p for p in tracked if (root / p).is_file() and not (root / p).is_symlink()][: arguments.files]
        for path in changed:
            (root / path).write_bytes((root / path).read_bytes() + b"\n// the other branch\n")
        _git(root, "commit", "-qam", "other")
        _git(root, "checkout", "-q", main_branch)
        note("repository", {"commit": _git(root, "rev-parse", "HEAD").strip(), "files": len(tracked), "other in the branch": len(changed)})

        walked = Project(root, Path(place) / "data", watch=False)
        walked.freshen()
        walked.freshen()
        texts = [p for p in chance.sample(tracked, min(400, len(tracked))) if walked.indexes(root, p)]
        note("unchanged, walked", _unchanged(walked, UNCHANGED["walked"]))
        note("edited, asked, walked", _edited(walked, root, texts, chance, numbers))
        walked.close()

        project = Project(root, Path(place) / "data", watch=True)
        note("watch", _watch(root))
        project.settle()
        runs = project.runs
        note("unchanged, watched", _unchanged(project, UNCHANGED["watched"]))
        assert project.runs == runs
        note("edited, asked, watched", _edited(project, root, texts, chance, numbers))
        note("edited, unasked", _unasked(project, root, texts, chance, numbers))
        _git(root, "checkout", "-q", "--", ".")
        note("switch, asked at once", _storm(project, lambda: _switch(root, "other"), asked=True))
        note("switch, unasked", _storm(project, lambda: _switch(root, main_branch), asked=False))
        note("storm, asked at once", _storm(project, lambda: _files_and_gone(root, arguments.storm), asked=True))
        note("storm, unasked", _storm(project, lambda: _files_and_gone(root, arguments.storm), asked=False))
        project.settle()
        note("edited, asked, watched, with as many old versions as are kept", _edited(project, root, texts, chance, numbers))
        project.close()


if __name__ == "__main__":
    main()
