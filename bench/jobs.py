"""What searches feel of a full index that a job makes beside them.

    python -m bench.jobs --searched DIR --indexed DIR [--rounds 3] [--out FILE]

Two real checkouts in one data directory. This process is the one that answers (as a daemon is): it asks subjects of the first one's commits, one
after the other with a pause of `--pause` ms, through `Engine.search`. In each round it does so

- quiet: for as long as an index run takes, with nothing beside it
- job: while a job indexes the second checkout from nothing (it is forgotten before), as `Jobs.run_pending` starts it
- foreground: while `groma index` does the same at its own priority and with all cores, for comparison

The order changes from round to round. Times are milliseconds by the clock, of all rounds together; `ratio` is to quiet. Of the process of a job the
peak of its memory (the sum with the parser it starts) is read while it runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from groma.config import load
from groma.engine import Engine
from groma.types import LOCAL, Request

from .record import header, result_path, write

__all__ = ["Round", "main", "measure"]

KINDS = ("quiet", "job", "foreground")
QUERIES = 300


def subjects(folder: Path) -> list[str]:
    """The subjects of the last commits; without a history, the names of files as words."""
    said = subprocess.run(["git", "log", f"-{QUERIES}", "--no-merges", "--format=%s"], cwd=folder, capture_output=True, text=True, check=False).stdout
    found = list(dict.fromkeys(line for line in said.splitlines() if len(line.split()) > 2))
    if len(found) < 20:
        names = sorted(path.stem.replace("_", " ").replace("-", " ") for path in folder.rglob("*.*") if ".git" not in path.parts)
        found += [" ".join(names[at : at + 3]) for at in range(0, min(len(names), 3 * QUERIES), 3)]
    return found


class Round:
    """Searches until something is over."""

    def __init__(self, engine: Engine, root: str, questions: Sequence[str], pause_s: float) -> None:
        self.engine, self.root, self.questions, self.pause_s = engine, root, questions, pause_s
        self.asked = 0

    def ask(self) -> float:
        """One search; its milliseconds."""
        question = self.questions[self.asked % len(self.questions)]
        self.asked += 1
        begun = time.perf_counter()
        self.engine.search(LOCAL, [self.root], Request(question, 10))
        return 1e3 * (time.perf_counter() - begun)

    def until(self, over: Callable[[], bool]) -> list[float]:
        """The milliseconds of each search until then."""
        took = []
        while not over():
            took.append(self.ask())
            time.sleep(self.pause_s)
        return took


@contextmanager
def _runner(engine: Engine) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=engine.jobs.run_pending, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        engine.jobs.wake()
        thread.join()


def _family_mb(pid: int) -> float:
    """The resident memory of a process and its children, in MB."""
    total = 0.0
    family = {pid}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError, IndexError):
            if int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1]) == pid:
                family.add(int(entry))
    for one in family:
        with suppress(OSError, IndexError):
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return total


def _job(engine: Engine, round: Round, root: str) -> tuple[list[float], dict[str, float]]:
    begun = time.monotonic()
    peak, looked = 0.0, 0.0
    with _runner(engine):
        id = engine.jobs.submit(LOCAL, "index", root)
        future = engine.jobs.future(id)

        def over() -> bool:
            nonlocal peak, looked
            if time.monotonic() - looked > 0.5:
                looked = time.monotonic()
                owner = engine.jobs.show(LOCAL, id).owner
                peak = max(peak, _family_mb(int(owner.partition("-")[0])) if owner else 0.0)
            return future.done()

        took = round.until(over)
        read = future.result().result["read"]
    return took, {"seconds": time.monotonic() - begun, "peak_mb": peak, "read": read}


def _foreground(engine: Engine, round: Round, root: str) -> tuple[list[float], dict[str, float]]:
    begun = time.monotonic()
    environment = {**os.environ, "GROMA_DATA_DIR": str(engine.folder)}
    with subprocess.Popen(
        [sys.executable, "-m", "groma", "index", root], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        took = round.until(lambda: process.poll() is not None)
    return took, {"seconds": time.monotonic() - begun}


def _figures(took: Sequence[float]) -> dict[str, float]:
    ordered = sorted(took)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]  # noqa: E731
    return {
        "n": len(ordered),
        "mean": round(statistics.fmean(ordered), 3),
        "p50": round(at(0.5), 3),
        "p95": round(at(0.95), 3),
        "p99": round(at(0.99), 3),
        "max": round(ordered[-1], 3),
    }


def measure(searched: Path, indexed: Path, data: Path, *, rounds: int, pause_s: float) -> dict[str, Any]:
    """All of it."""
    root, other = (os.path.realpath(folder) for folder in (searched, indexed))
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    told: list[dict[str, Any]] = []
    with Engine(load({}, data_dir=data, config_file=data / "none")) as engine:
        engine.index(LOCAL, root)
        round = Round(engine, root, subjects(searched), pause_s)
        for _ in range(200):
            round.ask()
        seconds = 5.0
        for n in range(rounds):
            for kind in (*KINDS[n % 3 :], *KINDS[: n % 3]):
                load_then = os.getloadavg()[0]
                if kind == "quiet":
                    end = time.monotonic() + seconds
                    these, more = round.until(lambda end=end: time.monotonic() > end), {}
                else:
                    with suppress(Exception):
                        engine.forget(LOCAL, other)
                    for _ in range(50):
                        round.ask()
                    these, more = (_job if kind == "job" else _foreground)(engine, round, other)
                    seconds = more["seconds"]
                took[kind] += these
                told.append({"kind": kind, "load": round_(load_then), **{k: round_(v) for k, v in more.items()}, "ms": _figures(these)})
        size = {"searched": engine.status(LOCAL, root)[0], "indexed": engine.status(LOCAL, other)[0]}
    figures = {kind: _figures(some) for kind, some in took.items()}
    for kind in KINDS[1:]:
        figures[kind] |= {f"{p} ratio": round_(figures[kind][p] / figures["quiet"][p]) for p in ("p50", "p95", "p99")}
    return {
        "searched": {"name": searched.name, "files": size["searched"].files, "chunks": size["searched"].chunks},
        "indexed": {"name": indexed.name, "files": size["indexed"].files, "chunks": size["indexed"].chunks},
        "pause_ms": 1e3 * pause_s,
        "ms": figures,
        "rounds": told,
    }


def round_(number: float) -> float:
    """To two digits."""
    return round(number, 2)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searched", type=Path, required=True)
    parser.add_argument("--indexed", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pause", type=float, default=10.0, metavar="MS")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.searched, given.indexed, Path(folder), rounds=given.rounds, pause_s=given.pause / 1e3)
    result = {**header("groma.bench.jobs/1"), **found}
    for kind, figures in found["ms"].items():
        print(kind, figures)
    path = given.out or result_path("jobs")
    write(path, result)
    print(path.name)


if __name__ == "__main__":
    main()
