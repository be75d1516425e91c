"""What the daemon costs and gives: a verb in this process and through the socket, the whole process of `groma search`, many clients at once.

    python -m bench.daemon [FOLDER] [--clients 50] [--seconds 10]

A data directory and a runtime directory of its own, made anew; the daemon is ended. Prints one JSON object; times in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groma.cli.shared import settings
from groma.engine import Engine
from groma.serve.client import connect, own_status, stop
from groma.types import LOCAL, Request

QUERIES = (
    "where are locks held",
    "parse the configuration",
    "ignore rules",
    "retry after an error",
    "read a file",
    "Engine.search",
    "tokens of a query",
)


def shown(times: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile, best, in milliseconds."""
    ordered = sorted(times)
    at = lambda share: round(1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)  # noqa: E731
    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "best": round(1e3 * ordered[0], 3), "n": len(ordered)}


def timed(work: Callable[[int], Any], n: int) -> dict[str, float]:
    """`work(i)` n times, after ten that do not count."""
    times = []
    for i in range(n + 10):
        begun = time.perf_counter()
        work(i)
        times.append(time.perf_counter() - begun)
    return shown(times[10:])


def processes(command: list[str], environment: dict[str, str], n: int) -> dict[str, Any]:
    """Whole processes: wall time, and what they took of a processor, which a busy machine does not change as much."""
    cpu = []

    def work(i: int) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*command, *([QUERIES[i % len(QUERIES)]] if command[-1] != "pass" else [])], env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    return {**timed(work, n), "cpu": shown(cpu[10:])}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", default=".")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=300)
    said = parser.parse_args()
    root = os.path.realpath(said.folder)
    place = Path(tempfile.mkdtemp(prefix="gb"))
    os.environ.update(GROMA_DATA_DIR=str(place / "data"), XDG_RUNTIME_DIR=str(place), GROMA_DAEMON="auto")
    held = settings()
    found: dict[str, Any] = {}
    try:
        with Engine(held) as engine:
            engine.index(LOCAL, root)
            found["chunks"] = engine.extent(LOCAL, root)[0]
            ask = lambda of: lambda i: of.search(LOCAL, [root], Request(QUERIES[i % len(QUERIES)]))  # noqa: E731
            found["search in this process"] = timed(ask(engine), said.runs)

        def inside() -> Engine:
            raise AssertionError("the daemon ended")

        def remote() -> Any:
            one = connect(held, os.environ, client="bench", start=True, inside=inside)
            assert one is not None
            return one

        with remote() as one:
            one.freshen(LOCAL, root)
            found["search through the daemon"] = timed(ask(one), said.runs)
            found["up to date? through the daemon"] = timed(lambda _: one.freshen(LOCAL, root), said.runs)
        found["connect, ask, close"] = timed(lambda i: ask(one := remote())(i) and one.close(), said.runs)
        command = [sys.executable, "-m", "groma", "search", "--json", "--repo", root]
        found["groma search, whole process, through the daemon"] = processes(command, dict(os.environ), 40)
        found["groma search, whole process, without it"] = processes(command, os.environ | {"GROMA_DAEMON": "off"}, 40)
        found["python -c pass"] = processes([sys.executable, "-c", "pass"], dict(os.environ), 40)
        found[f"{said.clients} clients"] = crowd(remote, root, said.clients, said.seconds)
        found["daemon"] = own_status(held, os.environ)
    finally:
        stop(held, os.environ)
        shutil.rmtree(place)
    print(json.dumps(found, indent=1))


def crowd(remote: Callable[[], Any], root: str, clients: int, seconds: float) -> dict[str, Any]:
    """Clients that search, recall and (one time in twenty) remember without a pause; this process pays for all of them, on the same cores."""
    times: list[float] = []
    wrong: list[str] = []
    end = time.monotonic() + seconds

    def work(n: int) -> None:
        with remote() as one:
            i = n
            while time.monotonic() < end:
                i += 1
                begun = time.perf_counter()
                try:
                    if i % 20 == 0:
                        one.memories.remember(LOCAL, [{"content": f"Client {n} found out at step {i} that {QUERIES[i % len(QUERIES)]}"}], here=root)
                    elif i % 3 == 0:
                        one.memories.recall(LOCAL, QUERIES[i % len(QUERIES)], here=root)
                    else:
                        one.search(LOCAL, [root], Request(QUERIES[i % len(QUERIES)]))
                except Exception as e:  # noqa: BLE001 - counted
                    wrong.append(str(e))
                times.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
    begun = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return {**shown(times), "per_s": round(len(times) / (time.monotonic() - begun), 1), "errors": len(wrong), "first": wrong[:1]}


if __name__ == "__main__":
    main()
