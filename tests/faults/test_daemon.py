"""A daemon under load, killed again and again, or for a long time: nothing acknowledged is lost, nothing grows."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from groma.catalogue import memories
from groma.catalogue.database import Database
from groma.serve import sockets
from tests.processes import Place, children, gone, repository, write

from .corpus import QUERIES, module, modules
from .sessions import Load, run

__all__ = ["daemon_of", "kills", "soak", "started"]

WITH = {"GROMA_DAEMON": "auto"}


def started(place: Place) -> tuple[int, Path]:
    """A daemon of this place that answers: its process and its socket."""
    place.groma("start", env=WITH)
    return daemon_of(place)["pid"], Path(sockets.path_of(str(place.data), place.environment()))


def daemon_of(place: Place) -> dict[str, Any]:
    """What the daemon says of itself."""
    told: dict[str, Any] = place.groma("status", "--json", env=WITH, code=None).json["daemon"]
    return told


@contextmanager
def _ended(place: Place) -> Iterator[None]:
    try:
        yield
    finally:
        place.groma("stop", env=WITH)


def _questioned(into: dict[str, Load], *given: Any, **more: Any) -> threading.Thread:
    def work() -> None:
        into["load"] = run(*given, **more)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def kills(folder: Path, times: int, seed: int, clients: int = 8) -> dict[str, Any]:
    """Kill the daemon (-9) so many times under load and edits, start it again, and look at what is left: the store opens, every acknowledged
    write is there once, and no passage without its rows (`groma verify`)."""
    random = Random(seed)
    place = Place(folder)
    root = repository(folder / "repo", modules(40, seed))
    with _ended(place):
        pid, socket = started(place)
        place.groma("index", root, env=WITH)
        said: dict[str, Load] = {}
        seconds = 3600.0
        stop = threading.Event()
        asking = threading.Thread(target=lambda: said.update(load=run(socket, root, QUERIES, clients=clients, seconds=seconds, seed=seed,
                                                                      pause_s=0.01, through_death=True, writes=0.4, stop=stop)))  # fmt: skip
        asking.start()
        begun = time.monotonic()
        healed: list[float] = []
        try:
            for n in range(times):
                for _ in range(random.randrange(4)):
                    write(root / f"src/part{random.randrange(2):02}/unit{random.randrange(40):04}.py", module(random))
                time.sleep(random.choice((0.02, 0.1, 0.3, 0.6)) * (1 + random.random()))
                parsers = children(pid)
                os.kill(pid, signal.SIGKILL)
                killed = time.monotonic()
                pid, _ = started(place)
                healed.append(time.monotonic() - killed)
                assert all(gone(parser) for parser in parsers), "a child outlived its daemon"
                if n % 10 == 9:
                    place.groma("verify", env=WITH)
        finally:
            stop.set()
            asking.join()
        load = said["load"]
        assert not load.errors, load.errors[:5]
        place.groma("search", "--repo", root, QUERIES[0], env=WITH)
        place.groma("verify", env=WITH)
    place.groma("verify")
    with closing(Database.connect(place.data / "catalogue.db")) as db:
        kept = memories.select(db, memories.EVERY, time.time(), limit=10**6)
        assert memories.problems(db) == db.verify() == []
    by_id = {m.id: m.content for m in kept}
    lost = [text for text, id in load.kept.items() if by_id.get(id) != text]
    twice = len(kept) - len({m.content for m in kept})
    assert not lost and not twice, (lost[:3], twice)
    assert load.lost and load.kept
    return {
        "killed": times,
        "sessions": clients,
        "seconds": round(time.monotonic() - begun, 1),
        "calls answered": load.calls,
        "connections lost": load.lost,
        "writes acknowledged": len(load.kept),
        "lost": len(lost),
        "twice": twice,
        "kill to the next answer, ms, p50": round(1e3 * statistics.median(healed)),
        "kill to the next answer, ms, most": round(1e3 * max(healed)),
    }


def _held(pid: int) -> dict[str, int]:
    """Memory (kB), descriptors and inotify watches of a process."""
    folder = Path(f"/proc/{pid}")
    rss = next(int(line.split()[1]) for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS:"))
    descriptors = os.listdir(folder / "fd")
    watches = 0
    for name in descriptors:
        with suppress(OSError):
            watches += (folder / "fdinfo" / name).read_text().count("inotify wd:")
    threads = len(os.listdir(folder / "task"))
    return {"rss kB": rss, "descriptors": len(descriptors), "watches": watches, "threads": threads}


def soak(folder: Path, seconds: float, seed: int, clients: int = 10) -> dict[str, Any]:
    """Ask, remember (the same again and again), edit, connect and leave for so long, and look every while at what the daemon holds."""
    random = Random(seed)
    place = Place(folder)
    paths = modules(200, seed)
    root = repository(folder / "repo", paths)
    some = sorted(paths)  # always these, or it is the repository that grows
    samples: list[Mapping[str, int]] = []
    calls = errors = edits = 0
    with _ended(place):
        pid, socket = started(place)
        place.groma("index", root, env=WITH)
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            part = max(1.0, min(10.0, seconds / 12))
            said: dict[str, Load] = {}
            asking = _questioned(said, socket, root, QUERIES, clients=clients, seconds=part, seed=seed, pause_s=0.1, writes=0.1, distinct=20)
            while asking.is_alive():
                write(root / random.choice(some), module(random))
                edits += 1
                asking.join(0.25)
            errors += len(said["load"].errors)
            assert not errors, said["load"].errors[:3]
            calls += said["load"].calls
            held = _held(pid)
            held["disk kB"] = sum(f.stat().st_size for f in place.data.rglob("*") if f.is_file()) // 1024
            held["sessions"] = daemon_of(place)["sessions"]
            samples.append(held)
        place.groma("verify", env=WITH)
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    grown = {name: [statistics.median(s[name] for s in part) for part in (early, late)] for name in samples[0]}
    assert all(s["sessions"] <= 1 for s in samples), samples  # the one that asks
    for name, slack in (("rss kB", 20_000), ("descriptors", 8), ("watches", 8), ("threads", 16), ("disk kB", 20_000)):
        before, after = grown[name]
        assert after <= 1.2 * before + slack, (name, before, after)
    return {"seconds": seconds, "calls": calls, "edits": edits, "errors": errors, "second quarter, last quarter": grown, "samples": samples}


def test_a_daemon_that_is_killed_under_load_loses_nothing(tmp_path: Path) -> None:
    counts = kills(tmp_path, 6, seed=6)
    assert counts["writes acknowledged"] and counts["connections lost"]


def test_a_daemon_that_is_asked_for_long_does_not_grow(tmp_path: Path) -> None:
    counts = soak(tmp_path, float(os.environ.get("GROMA_SOAK_S", "20")), seed=7)
    assert counts["calls"]
