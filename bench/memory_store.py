"""What remembering and recalling cost, and what many processes at once lose: the engine's verbs over real sentences, as they ship.

    python -m bench.memory_store [--count 10000] [--out FILE]

Texts are sentences of the docstrings, comments and descriptions of the Python packages in the running environment, those with the smallest hashes
(`bench.guard` draws them); one that the guard refuses is left out and counted. A write is timed until its receipt is back, which is after the disk
has it (`synchronous = FULL`). Questions are sentences cut to their first words. Times are milliseconds, wall and processor. The processes that
are killed are those of `tests/faults/test_memories.py`, in the full count.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groma.catalogue import memories as records
from groma.config import load
from groma.engine import Engine
from groma.memories import Memories
from groma.records import KNOWLEDGE
from groma.types import LOCAL
from tests.faults.test_memories import crowd

from .guard import texts_of
from .record import header, result_path, write

__all__ = ["costs", "knowledge", "main"]

AT_ONCE = 100


@contextmanager
def _opened(folder: Path) -> Iterator[Memories]:
    with Engine(load({"GROMA_MEMORIES_PER_HOUR": "1000000"}, data_dir=folder, config_file=folder / "none")) as engine:
        yield engine.memories


class Clock:
    """Times by what was done: wall and processor milliseconds."""

    def __init__(self) -> None:
        self.took: dict[str, list[tuple[float, float]]] = {}

    def timed(self, what: str, do: Callable[[], Any]) -> Any:
        wall, work = time.perf_counter(), time.process_time()
        result = do()
        self.took.setdefault(what, []).append((1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - work)))
        return result

    def table(self) -> dict[str, dict[str, float]]:
        """Median and 95th percentile of wall time, median of processor time, and how often."""
        found = {}
        for what, took in self.took.items():
            wall, work = sorted(t for t, _ in took), [t for _, t in took]
            figures = {"p50": statistics.median(wall), "p95": wall[int(0.95 * (len(wall) - 1))], "work p50": statistics.median(work)}
            found[what] = {name: round(ms, 2) for name, ms in figures.items()} | {"n": len(took)}
        return found


def costs(folder: Path, texts: list[str], count: int) -> dict[str, Any]:
    """One write, a batch of `AT_ONCE`, one recall, with `count` records there; a new process that recalls."""
    clock, outcomes = Clock(), Counter[str]()
    with _opened(folder) as memories:
        rest = iter(texts)
        while memories.count(LOCAL) < count:
            batch = [{"content": text} for _, text in zip(range(AT_ONCE), rest, strict=False)]
            outcomes.update(
                r.outcome for r in clock.timed("remember 100, while it fills", lambda batch=batch: memories.remember(LOCAL, batch, here=""))
            )
        for _ in range(10):
            batch = [{"content": text} for _, text in zip(range(AT_ONCE), rest, strict=False)]
            clock.timed("remember 100", lambda batch=batch: memories.remember(LOCAL, batch, here=""))
        for _, text in zip(range(200), rest, strict=False):
            clock.timed("remember one", lambda text=text: memories.remember(LOCAL, [{"content": text}], here=""))
        for text in texts[: 3 * 500 : 3]:
            question = " ".join(text.split()[:8])
            clock.timed("recall", lambda question=question: memories.recall(LOCAL, question, here=""))
        clock.timed("recall, a new engine", lambda: _cold(folder, texts[0]))
        kept = memories.count(LOCAL)
    for what, args in (("groma recall, a new process", ["recall", "--json", "--", texts[1]]), ("groma remember, a new process", None)):
        for text in texts[-11:-10]:
            _process(folder, args or ["remember", "--json", text])  # which writes the bytecode
        for text in texts[-10:]:
            said = args or ["remember", "--json", "--", f"{text} (said again)"]
            clock.timed(what, lambda said=said: _process(folder, said))
    return {"records": kept, "outcomes while it filled": dict(outcomes), "ms": clock.table()}


def _cold(folder: Path, text: str) -> None:
    with _opened(folder) as memories:
        memories.recall(LOCAL, text, here="")


def _process(folder: Path, args: list[str]) -> None:
    environment = {**os.environ, "GROMA_DAEMON": "off", "GROMA_DATA_DIR": str(folder), "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed groma has its bytecode
    subprocess.run([sys.executable, "-m", "groma", *args], env=environment, cwd=folder, check=True, capture_output=True)


def knowledge(folder: Path, texts: list[str]) -> dict[str, Any]:
    """1,000 entries in one batch, then all operations of the knowledge store: every count must be exact."""
    entries = [
        {"content": text, "type": KNOWLEDGE[n % len(KNOWLEDGE)], "project": f"p{n % 3}", "agent": f"a{n % 5}"} for n, text in enumerate(texts[:1000])
    ]
    clock = Clock()
    with _opened(folder) as memories:
        receipts = clock.timed("store_batch of 1,000", lambda: memories.store_batch(LOCAL, entries, here=""))
        outcomes = Counter(r.outcome for r in receipts)
        kept = [e for e, r in zip(entries, receipts, strict=True) if r.outcome in ("stored", "refines", "supersedes", "quarantined")]
        active = [e for e, r in zip(entries, receipts, strict=True) if r.outcome in ("stored", "refines", "supersedes")]
        counted = clock.timed("statistics", lambda: memories.statistics(LOCAL))
        assert counted.total == len(kept) == memories.count(LOCAL)
        for column, field in (("kind", "type"), ("project", "project"), ("agent", "agent")):
            assert counted.by[column] == Counter(e[field] for e in kept), column
        for kind in KNOWLEDGE:
            page = clock.timed("query", lambda kind=kind: memories.query(LOCAL, types=[kind], project="p1", limit=1000))
            assert len(page.entries) == sum(e["type"] == kind and e["project"] == "p1" for e in active), kind
        firsts = 0
        for entry in active[::10]:
            found = clock.timed("search", lambda entry=entry: memories.search(LOCAL, entry["content"], limit=5)).memories
            firsts += found[0].memory.content == entry["content"] or found[0].memory.supersedes is not None
        would = clock.timed("cleanup, dry run", lambda: memories.cleanup(LOCAL, older_than=0.0, dry_run=True))
        assert len(would.ids) == len(kept) == memories.statistics(LOCAL).total
        done = clock.timed("cleanup of all", lambda: memories.cleanup(LOCAL, older_than=0.0))
        assert done.ids == would.ids and memories.statistics(LOCAL).total == 0
        assert records.count(memories._data.db, records.EVERY, time.time()) == len(kept)  # forgotten, not destroyed
    counts = {"entries": len(entries), "outcomes": dict(outcomes), "counted": counted.total, "cleaned": len(done.ids)}
    return counts | {"its own text first, percent": round(100 * firsts / len(active[::10]), 1), "ms": clock.table()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory_store", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="so many records are there when it is timed (default: 10000)")
    parser.add_argument("--out", type=Path, default=None, help="where the raw result goes (default: bench/results)")
    given = parser.parse_args()
    texts = texts_of([Path(sysconfig.get_path("purelib"))], given.count * 2 + 3_000)
    result = header("groma.bench.memory_store/1")
    with tempfile.TemporaryDirectory() as folder:
        result["costs"] = costs(Path(folder, "costs"), texts, given.count)
        result["knowledge"] = knowledge(Path(folder, "knowledge"), texts)
        result["crowd"] = crowd(Path(folder, "crowd"), processes=10, writes=100, seed=11)
    path = given.out or result_path("memory-store")
    write(path, result)
    for part in ("costs", "knowledge"):
        print(f"| {part} | p50 ms | p95 ms | processor p50 | n |\n|---|---|---|---|---|")
        for what, row in result[part].pop("ms").items():
            print(f"| {what} | {row['p50']} | {row['p95']} | {row['work p50']} | {row['n']} |")
        print(f"\n{result[part]}\n")
    print(f"crowd: {result['crowd']}\n\nRaw result: {path.name}")


if __name__ == "__main__":
    main()
