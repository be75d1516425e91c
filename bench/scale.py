"""How groma grows: 10,000, 100,000 and 1,000,000 chunks in one data directory, made from real files and indexed through the real way.

    python -m bench.scale --checkouts DIR [--sizes 10000,100000,1000000] [--work DIR]

Every size is a folder of its own (`bench.sources`: all checkouts, each with its share; beyond them, repetitions with other words), indexed into a
fresh data directory by a process that then asks questions of the benchmark and says what it holds of memory; the parser's process is counted.

- index: seconds by the clock and of all processors; bytes of the folder and of the index, by kind
- memory: what the process holds after indexing and 100 queries, and the most it ever held
- query: each of `--queries` questions, `--rounds` times after a first that warms: the whole `Engine.search`, and within it, by a clock around the
  core's functions, the vector scan, the sparse search and the counting of document frequencies; the steps as the answer itself tells them
- `groma search` as whole processes on that index: with its look at the folder for changes, as it is by default, and without (`--no-index`)

1,000,000 chunks want about 6 GB of disk under --work and some minutes. The core in use is measured (`GROMA_CORE`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from groma import core
from groma.cli.shared import settings
from groma.engine import Engine
from groma.types import LOCAL, Request

from .evaluate import GATES, load_questions
from .record import header, result_path, write
from .retrieval import select
from .sources import Source, lay, sources, spread
from .speed import size, timed
from .worker import cpu_s, peak_mb, rss_mb

__all__ = ["made", "one", "table"]

ROOT = Path(__file__).parents[1]
SEARCHES = 5
"""Whole processes a size, each way."""
LEGS = {"dense_top": "vector scan", "sparse_top": "sparse search", "chunk_frequencies": "document frequencies"}
"""The core's functions that touch every posting or vector, and what they are."""


def made(found: Sequence[Source], chunks: int, folder: Path, first: int = 0) -> int:
    """Lay real files below `folder` until they make about so many chunks; how many files these are. `first` is the repetition to begin with."""
    files = left = 0
    for repetition in range(first, 10_000):
        some = []
        for source in found:
            if left >= chunks:
                break
            some.append(source)
            left += source.chunks
        files += len(lay(some, folder, repetition))
        if left >= chunks:
            break
    return files


def _questions(most: int) -> list[str]:
    questions = [q.text for q in load_questions(GATES["questions"])]
    return questions[:: max(1, len(questions) // most)][:most]


def one(root: str, queries: int, rounds: int) -> dict[str, Any]:
    """Index a folder into this process's data directory and ask; all figures of this process."""
    seconds: dict[str, list[float]] = defaultdict(list)

    def clocked(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            begun = time.perf_counter()
            result = work(*args)
            seconds[name].append(time.perf_counter() - begun)
            return result

        return timed

    with Engine(settings()) as engine:
        begun, cpu = time.perf_counter(), cpu_s()
        engine.index(LOCAL, root)
        row: dict[str, Any] = {"index_s": round(time.perf_counter() - begun, 3), "index_cpu_s": round(cpu_s() - cpu, 3)}
        (status,) = engine.status(LOCAL, root)
        row |= {"files": status.files, "chunks": status.chunks, "peak_index_mb": round(peak_mb(), 1)}
        for query in _questions(100):
            engine.search(LOCAL, [root], Request(query, 10))
        row |= {"rss_mb": round(rss_mb(), 1), "peak_mb": round(peak_mb(), 1)}
        for function, name in LEGS.items():
            setattr(core, function, clocked(name, getattr(core, function)))
        for _ in range(rounds):
            for query in _questions(queries):
                begun = time.perf_counter()
                answer = engine.search(LOCAL, [root], Request(query, 10))
                seconds["whole query"].append(time.perf_counter() - begun)
                for step, ms in answer.timings.items():
                    seconds[f"step {step}"].append(1e-3 * ms)
    return row | {"ms": {name: [round(1e3 * s, 3) for s in values] for name, values in seconds.items()}}


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(result: dict[str, Any]) -> str:
    """A column a size."""
    rows = result["measured"]
    lines = [f"| {result['groma']['core']} core | " + " | ".join(f"{row['chunks']:,} chunks" for row in rows) + " |", "|---|" + "---:|" * len(rows)]

    def put(label: str, values: Sequence[str]) -> None:
        lines.append(f"| {label} | " + " | ".join(values) + " |")

    put("files", [f"{row['files']:,}" for row in rows])
    put("cold index, s by the clock / of the processor", [f"{row['index_s']:.2f} / {row['index_cpu_s']:.2f}" for row in rows])
    for name in ("whole query", *LEGS.values(), *(name for name in rows[0]["ms"] if name.startswith("step "))):
        cells = [[_quantile(row["ms"][name], share) for share in (0.05, 0.5, 0.95)] for row in rows]
        put(f"{name}, ms p5 / p50 / p95", [" / ".join(f"{x:.3g}" for x in cell) for cell in cells])
    for name in ("groma search", "groma search --no-index"):
        for what, key in (("by the clock", "ms"), ("of the processor", "cpu_ms")):
            put(f"`{name}`, whole process, ms {what}", [f"{statistics.median(one[key] for one in row[name]):.0f}" for row in rows])
    put("RSS after the index and 100 queries, MB", [f"{row['rss_mb']:.0f}" for row in rows])
    put("the most it ever held, MB", [f"{row['peak_mb']:.0f}" for row in rows])
    put("index on disk, MB (for 10,000 chunks)", [f"{sum(row['disk'].values()) / 1e6:.1f} ({_each(row):.1f})" for row in rows])
    put(
        "… store / segment / catalogue, MB",
        [" / ".join(f"{row['disk'][kind] / 1e6:.1f}" for kind in ("store", "segment", "catalogue")) for row in rows],
    )
    put("the folder itself, MB", [f"{row['source_bytes'] / 1e6:.1f}" for row in rows])
    return "\n".join(lines)


def _each(row: dict[str, Any]) -> float:
    return float(sum(row["disk"].values()) / row["chunks"] * 1e4 / 1e6)


def _disk(data: Path) -> dict[str, int]:
    """Bytes by what begins a file's or folder's name; the logs of SQLite are with their file."""
    kinds = {"store": 0, "segment": 0, "catalogue": 0, "other": 0}
    for entry in data.iterdir():
        kind = next((kind for kind in kinds if entry.name.startswith(kind)), "other")
        kinds[kind] += size(entry) if entry.is_dir() else entry.stat().st_size
    return kinds


def _measure(found: Sequence[Source], chunks: int, top: Path, queries: int, rounds: int) -> dict[str, Any]:
    folder, data = top / f"{chunks}", top / f"{chunks}-data"
    begun = time.perf_counter()
    files = made(found, chunks, folder)
    print(f"{chunks:,} chunks: {files:,} files laid in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    env = os.environ | {"GROMA_DATA_DIR": str(data)}
    command = [sys.executable, "-m", "bench.scale", "--one", str(folder), "--queries", str(queries), "--rounds", str(rounds)]
    row = json.loads(subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout)
    print(f"{chunks:,} chunks: index {row['index_s']:.1f} s", file=sys.stderr)
    row |= {"asked for": chunks, "source_bytes": size(folder), "disk": _disk(data)}
    for name, more in (("groma search", ()), ("groma search --no-index", ("--no-index",))):
        search = [sys.executable, "-m", "groma", "search", "--repo", str(folder), *more, "--json"]
        row[name] = [timed([*search, query], env)[0].row() for query in _questions(SEARCHES)]
    shutil.rmtree(folder)
    shutil.rmtree(data)
    return dict(row)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the folders, measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--checkouts", type=Path, help="the folder that bench.checkouts filled")
    parser.add_argument("--only", help="repository names, comma-separated")
    parser.add_argument("--sizes", default="10000,100000,1000000", help="chunks")
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, help="where the folders are made for the time of the run (default: the system's place for such)")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-scale.json)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.one:
        print(json.dumps(one(args.one, args.queries, args.rounds)))
        return
    if not args.checkouts:
        parser.error("--checkouts is needed")
    begun = header("groma.bench-scale/1")
    found = spread(sources([(repository.name, folder) for repository, folder in select(args.checkouts, args.only)]))
    measured = []
    with tempfile.TemporaryDirectory(dir=args.work) as scratch:
        for chunks in map(int, args.sizes.split(",")):
            measured.append(_measure(found, chunks, Path(scratch).resolve(), args.queries, args.rounds))
    real = sum(source.chunks for source in found)
    result = begun | {"real chunks": real, "queries": args.queries, "rounds": args.rounds, "measured": measured}
    out = args.out or result_path("scale")
    write(out, result)
    print(table(result))
    print(f"raw result: {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
