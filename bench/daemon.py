"""One daemon for all sessions: what it adds to a call, how it bears fifty clients, what it holds, and what kills and hours do to it.

    python -m bench.daemon --checkouts DIR [--only overhead,memory,load,kills,soak] [--seconds 300] [--chunks 100000] [--kills 200] [--soak 1800]

- overhead: the same questions in turns, one call each way at a time, over a folder of 10,000 chunks that nobody edits: the engine's verb in this
  process, the same verb through the daemon's client, the tool `search_code` in this process, and through the front `groma-mcp` (where it is built);
  and `groma search` as whole processes with a warm daemon, and without one. Each of the ways looks for changes first
- memory: what the daemon holds with 10,000 chunks indexed and ten sessions that asked 100 questions each; its parser's process is counted
- load: fifty sessions at once, without a pause, for --seconds on --chunks chunks: seven of ten calls search, two recall, one remembers; alone, and
  while a full index of a second folder runs as a job; both also at half the pace, by clients that think between their questions
- kills, soak: the drills of `tests/faults/test_daemon.py` in full

Folders are made of real files (`bench.sources`). Those who ask live in one process beside the daemon, on the same cores. Milliseconds by the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import groma
from groma.config import load as settings_of
from groma.engine import Engine
from groma.serve.client import connect
from groma.serve.freshness import Freshness
from groma.serve.tools import Surface
from groma.types import LOCAL, Request
from tests.faults.sessions import Load, run
from tests.faults.test_daemon import daemon_of, kills, soak, started
from tests.processes import Place, children

from .record import header, result_path, write
from .retrieval import select
from .scale import _questions, made
from .sources import sources, spread

__all__ = ["main"]

ON = {"GROMA_DAEMON": "auto"}
PARTS = ("overhead", "memory", "load", "kills", "soak")


def _p(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        name: round(1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


@contextmanager
def _front(place: Place, root: Path) -> Iterator[Callable[[str], Any] | None]:
    """`search_code` through the front; None where it is not built."""
    folders = (Path(groma.__file__).parent, Path(sys.executable).parent)
    binary = next((folder / "groma-mcp" for folder in folders if (folder / "groma-mcp").is_file()), None)
    if binary is None:
        yield None
        return
    process = subprocess.Popen(
        [binary, "--python", sys.executable], env=place.environment(**ON), cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    number = 0

    def call(method: str, params: dict[str, Any]) -> Any:
        nonlocal number
        number += 1
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n")
        process.stdin.flush()
        while (said := json.loads(process.stdout.readline())).get("id") != number:
            pass
        return said["result"]

    call("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}})
    process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    def ask(query: str) -> Any:
        result = call("tools/call", {"name": "search_code", "arguments": {"query": query}})
        assert not result.get("isError"), result
        return result

    yield ask
    process.stdin.close()
    process.wait(10)


def overhead(place: Place, root: Path, rounds: int) -> dict[str, Any]:
    """The ways in turns, and whole processes."""
    questions = _questions(40)
    environment = place.environment(**ON)
    settings = settings_of(environment, data_dir=place.data, config_file=place.home / "none")
    place.groma("index", root, env=ON)
    took: dict[str, list[float]] = {}
    os.chdir(root)
    with Engine(settings) as engine, Freshness(engine) as freshness, _front(place, root) as front:
        surface = Surface(engine, freshness, cwd=str(root), environment={})
        remote = connect(settings, environment, client="cli", start=True, inside=lambda: engine)
        assert remote is not None

        def verb(of: Any) -> Callable[[str], Any]:
            return lambda query: of.search(LOCAL, [str(root)], Request(query, 10))

        ways = {
            "the engine's verb, in process": verb(engine),
            "the engine's verb, through the daemon": verb(remote),
            "search_code, in process": lambda query: surface.tool("search_code", {"query": query}),
        }
        if front is not None:
            ways["search_code, through groma-mcp and the daemon"] = front
        for way in ways.values():
            for query in questions[:10]:
                way(query)
        time.sleep(3)  # watches are being put up
        for _ in range(rounds):
            for query in questions:
                for name, way in ways.items():
                    begun = time.perf_counter()
                    way(query)
                    took.setdefault(name, []).append(time.perf_counter() - begun)
        remote.close()
    for name, env in (
        ("`groma search`, whole process, warm daemon", ON),
        ("`groma search`, whole process, GROMA_DAEMON=off", {"GROMA_DAEMON": "off"}),
    ):
        for query in questions[:20]:
            begun = time.perf_counter()
            place.groma("search", "--json", query, cwd=root, env=env)
            took.setdefault(name, []).append(time.perf_counter() - begun)
    return {name: _p(values) | {"n": len(values)} for name, values in took.items()}


def memory(place: Place, root: Path) -> dict[str, Any]:
    """What the daemon and its children hold after ten sessions asked 100 questions each."""
    place.groma("index", root, env=ON)
    pid, socket = started(place)
    load = run(socket, root, _questions(40), clients=10, seconds=20, seed=1, pause_s=0.02, writes=0.05)
    assert not load.errors, load.errors[:3]
    told = daemon_of(place)
    parts = [_rss(pid), *map(_rss, children(pid))]
    return {"calls": load.calls, "daemon, MB": parts[0], "its children, MB": parts[1:], "sum, MB": round(sum(parts), 1), "status": told["rss_mb"]}


def _rss(pid: int) -> float:
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return round(int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def bearing(place: Place, root: Path, other: Path, seconds: float, clients: int) -> dict[str, Any]:
    """The load alone, and beside a full index of another folder that runs as a job for as long."""
    place.groma("index", root, env=ON, patience=3600)
    status = next(one for one in place.groma("status", "--json", env=ON).json["scopes"] if one["root"] == os.path.realpath(root))
    pid, socket = started(place)
    questions = _questions(200)
    run(socket, root, questions, clients=4, seconds=5, seed=3)
    alone = run(socket, root, questions, clients=clients, seconds=seconds, seed=1)
    rows = {"alone": _told(alone, pid)}
    # At a pace the machine can bear: what full speed does to p95 when a third of a core is gone says more of queues than of jobs.
    pace = 2 * clients / max(1.0, alone.calls / alone.took)
    rows["at half that pace, alone"] = _told(run(socket, root, questions, clients=clients, seconds=seconds / 3, seed=2, pause_s=pace), pid)
    indexed: list[float] = []

    def beside(pause_s: float, seed: int) -> dict[str, Any]:
        """What is asked while the index runs; that it is forgotten before the next time is no part of it."""
        load = Load()
        while load.took < seconds / 3:
            stop = threading.Event()
            index = threading.Thread(target=_index, args=(place, other, stop, indexed))
            index.start()
            load.add(run(socket, root, questions, clients=clients, seconds=3600, seed=seed + len(indexed), pause_s=pause_s, stop=stop))
            index.join()
            place.groma("forget", other, env=ON, patience=3600)
        return _told(load, pid)

    rows["at half that pace, beside a full index"] = beside(pace, 20)
    rows["beside a full index"] = beside(0.0, 1_020)
    return {"chunks": status["chunks"], "clients": clients, **rows, "full indexes meanwhile, s": indexed}


def _index(place: Place, root: Path, stop: threading.Event, took: list[float]) -> None:
    begun = time.monotonic()
    try:
        place.groma("index", root, env=ON, patience=3600)
        took.append(round(time.monotonic() - begun, 1))
    finally:
        stop.set()


def _told(load: Load, pid: int) -> dict[str, Any]:
    return load.row() | {"first errors": load.errors[:3], "daemon, MB": _rss(pid)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the folders, measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench.daemon", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--checkouts", type=Path, required=True, help="the folder that bench.checkouts filled")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, comma-separated")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--soak", type=float, default=1800)
    parser.add_argument("--work", type=Path, help="where the folders are made (default: the system's place for such)")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-daemon.json)")
    given = parser.parse_args(arguments)
    wanted = given.only.split(",")
    path = given.out.absolute() if given.out else result_path("daemon")  # before anybody changes folders
    result = header("groma.bench.daemon/1")
    with tempfile.TemporaryDirectory(dir=given.work) as top:
        place = Place(Path(top, "place"))
        try:
            if {"overhead", "memory", "load"} & set(wanted):
                found = spread(sources([(repository.name, folder) for repository, folder in select(given.checkouts, None)]))
                small = Path(top, "small")
                made(found, 10_000, small)
            if "overhead" in wanted:
                result["overhead"] = overhead(place, small, 10)
                _print("overhead, ms", result["overhead"])
            place.groma("restart", env=ON)
            if "memory" in wanted:
                result["memory"] = memory(place, small)
                print(result["memory"], flush=True)
            if "load" in wanted:
                large = Path(top, "large")
                made(found, given.chunks, large)
                other = Path(top, "other")
                made(found, given.chunks // 3, other, first=1_000)  # nothing of it is known: other words
                result["load"] = bearing(place, large, other, given.seconds, given.clients)
                for name, row in result["load"].items():
                    print(f"load, {name}: {row}", flush=True)
        finally:
            place.groma("stop", env=ON)
        if "kills" in wanted:
            result["kills"] = kills(Path(top, "kills"), given.kills, seed=11)
            print(result["kills"], flush=True)
        if "soak" in wanted:
            result["soak"] = soak(Path(top, "soak"), given.soak, seed=12)
            print({name: value for name, value in result["soak"].items() if name != "samples"}, flush=True)
    write(path, result)
    print(f"\nRaw result: {path.name}")


def _print(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"| {title} | p50 | p95 | p99 | n |\n|---|---:|---:|---:|---:|")
    for name, row in rows.items():
        print(f"| {name} | {row['p50']} | {row['p95']} | {row['p99']} | {row['n']} |")
    print(flush=True)


if __name__ == "__main__":
    main()
