"""Where the time of a cold index goes on the compiled core, beside the parse floor measured alone.

    python -m bench.stages --checkouts DIR [--only NAME,NAME] [--rounds N]

Each repository and round is a process of its own, which does three things, tools and modules being imported before:

- a real cold index (`Engine.index`, fresh data directory, the scan in its child process). The functions of the way are wrapped in a clock: what
  the parent spends in each, by processor and by wall, without what is called within; the child's processor time is the system's figure
- the scan once more, on one thread and in this process, then each of the core's functions alone over the same files, by
  `rust/py/examples/stages.rs`, which this module builds with cargo: the same crate and profile, so the same code. What the child's processor time
  is more than that scan is its start, memory it touches for the first time, its threads, the pipe, and what busy cores take from one another
- tree-sitter alone over the same texts with the same grammars, on one thread and on all: nothing that indexes with these parsers is faster

Files are in the page cache, as they are behind a checkout or an agent's edit.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from groma import core, data
from groma.catalogue import generations, manifests, scopes
from groma.cli.shared import settings
from groma.data import Database
from groma.engine import Engine
from groma.stores.local import store as local
from groma.stores.local.parts import Segment
from groma.types import LOCAL

from .languages import MAX_FILE_BYTES
from .record import header, result_path, write
from .retrieval import select
from .worker import children

__all__ = ["built", "one", "table"]

ROOT = Path(__file__).parents[1]
SCAN = ("read", "hash", "language", "decode", "mask", "parse", "queries", "chunk", "tokens", "vectors", "rest of the scan")
"""The child's work, a file at a time."""
READY = ("grammars and queries", "model")
"""What it makes ready once a process."""
PARENT = ("walk", "columns", "SQLite", "segment", "mentions", "catalogue", "rest of the parent")
"""The parent's; "columns" is taking in what the child sends, and by the clock waiting for it."""
WHAT = {
    "read": "read the files",
    "hash": "blob ids",
    "language": "which language",
    "decode": "bytes to text",
    "mask": "mask credentials",
    "parse": "tree-sitter",
    "queries": "the outline's rest: queries, signatures, docs, sections",
    "chunk": "lines and chunks",
    "tokens": "tokens, weights, names",
    "vectors": "static vectors",
    "rest of the scan": "generated or binary?, ids, columns",
    "grammars and queries": "load grammars, make queries (once)",
    "model": "load the static model (once)",
    "rest of the child": "start, first touch of memory, threads, pipe",
    "walk": "walk, ignore rules, git's index",
    "columns": "columns from the pipe to Python",
    "SQLite": "rows of files and chunks",
    "segment": "parts: build, write, merge",
    "mentions": "who mentions whom",
    "catalogue": "scopes, manifest, generations",
    "rest of the parent": "plan, locks, what is between",
}


# ------------------------------------------------------------------------------------------------------------------------- the parent


class _Watch:
    """Gives the time since it was last asked to whatever is innermost: seconds by the clock and by the processor (of all of our threads)."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)
        self._within = ["rest of the parent"]
        self._at = time.perf_counter(), time.process_time()

    def _lap(self) -> None:
        now = time.perf_counter(), time.process_time()
        self.wall[self._within[-1]] += now[0] - self._at[0]
        self.cpu[self._within[-1]] += now[1] - self._at[1]
        self._at = now

    def enter(self, stage: str) -> None:
        self._lap()
        self._within.append(stage)

    def leave(self) -> None:
        self._lap()
        self._within.pop()

    def around(self, stage: str, owner: Any, names: str) -> None:
        """Wrap functions of a module or class."""
        for name in names.split():
            setattr(owner, name, self._timed(stage, getattr(owner, name)))

    def _timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self.enter(stage)
            try:
                return work(*args, **kwargs)
            finally:
                self.leave()

        return timed

    def batches(self, scan: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """A scan whose every batch is waited for on the clock."""

        def timed(*args: Any, **kwargs: Any) -> Iterator[Any]:
            batches = scan(*args, **kwargs)
            while True:
                self.enter("columns")
                batch = next(batches, None)
                self.leave()
                if batch is None:
                    return
                yield batch

        return timed


def _index(root: str) -> dict[str, Any]:
    """A cold index into the data directory of this process, with the parent's functions on the clock."""
    core.static_id()  # imports what the scan needs, as a running server has it
    watch = _Watch()
    watch.around("walk", core, "walk")
    watch.around("catalogue", manifests, "load judged record remove")
    watch.around("catalogue", scopes, "ensure find begin_run finish_run")
    watch.around("catalogue", generations, "current flip")
    watch.around("catalogue", Database, "connect")
    watch.around("SQLite", data, "open_local")
    watch.around("SQLite", local.LocalStore, "attach apply settled maintain")
    watch.around("mentions", local, "indegree")
    watch.around("segment", Segment, "project rewrite tidy")
    core.scan = watch.batches(core.scan)  # type: ignore[assignment]
    with Engine(settings()) as engine:
        watch.enter("rest of the parent")
        watch.wall.clear()
        watch.cpu.clear()
        begun = time.perf_counter()
        engine.index(LOCAL, root)
        watch.leave()
        wall = time.perf_counter() - begun
        spent = dict(watch.wall), dict(watch.cpu)
        child = sum(ticks for _, ticks in children()) / os.sysconf("SC_CLK_TCK")
        (status,) = engine.status(LOCAL, root)
    return {"wall": wall, "files": status.files, "chunks": status.chunks, "parent wall": spent[0], "parent cpu": spent[1], "child cpu": child}


# -------------------------------------------------------------------------------------------------------------------------- the child


def built() -> Path:
    """Build the example with cargo; the library. Exits with cargo's words if that fails."""
    if shutil.which("cargo") is None:
        sys.exit("cargo is needed: the core's functions are measured from Rust")
    env = dict(os.environ)
    if "PYO3_PYTHON" not in env:  # as make does, or all would be built anew
        env |= {"PYO3_BUILD_EXTENSION_MODULE": "1", "PYO3_NO_PYTHON": "1"}
    command = ["cargo", "build", "--profile", "fast", "--locked", "-p", "groma-py", "--example", "stages", "--message-format", "json"]
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit("the example does not build")
    made = [json.loads(line) for line in done.stdout.splitlines()]
    (library,) = [row["filenames"][0] for row in made if row["reason"] == "compiler-artifact" and row["target"]["name"] == "stages"]
    return Path(library)


def _loaded(library: Path) -> ModuleType:
    loader = ExtensionFileLoader("stages", str(library))
    module = loader.create_module(ModuleSpec("stages", loader, origin=str(library)))
    loader.exec_module(module)
    return module


def _scan(root: str, library: Path) -> dict[str, Any]:
    """Seconds of the child's kinds of work on one thread, and of the parser alone on one and on all."""
    from groma._compiled.languages import by_name, detect
    from groma._compiled.worker import MODEL

    paths = core.walk(root, None, max_file_bytes=MAX_FILE_BYTES).paths
    names = set()
    for path in paths:
        with open(os.path.join(root, path), "rb") as f:
            names.add(detect(path, f.read(4096)))
    begun = time.process_time()
    stages = _loaded(library).Stages(MODEL)
    seconds = {"model": time.process_time() - begun}
    begun = time.process_time()
    for name in sorted(name for name in names if name):
        grammar = by_name(name).grammar
        if grammar is not None:
            module, _, function = grammar.partition(":")
            stages.make_ready(name, getattr(import_module(module), function or "language")())
    seconds["grammars and queries"] = time.process_time() - begun
    stages.scan(root, paths, MAX_FILE_BYTES)  # the first pass also pays for memory that is touched for the first time: "rest of the child"
    found = dict(stages.scan(root, paths, MAX_FILE_BYTES))
    outline, whole = found.pop("outline"), found.pop("whole")
    seconds |= found | {"queries": outline - found["parse"]}
    seconds["rest of the scan"] = whole - sum(seconds[name] for name in SCAN if name in seconds)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    files, size = stages.parsed()
    wall, cpu = stages.parse(1)
    floor = {"files": files, "bytes": size, "one thread": wall, "one thread cpu": cpu, "all threads": stages.parse(cores)[0], "threads": cores}
    return {"scan": whole, "seconds": seconds, "floor": floor}


def one(root: str, library: Path) -> dict[str, Any]:
    """One round over one folder, all of it in this process; processor seconds by stage among it."""
    row = _index(root)
    row |= _scan(root, library)
    cpu = {name: row["seconds"][name] for name in (*SCAN, *READY)}
    cpu["rest of the child"] = row["child cpu"] - sum(cpu.values())
    cpu |= {name: row["parent cpu"].get(name, 0.0) for name in PARENT}
    return row | {"cpu": cpu}


# -------------------------------------------------------------------------------------------------------------------------- the table


def _median(rounds: Sequence[Mapping[str, Any]], *keys: str) -> float:
    return statistics.median(functools.reduce(lambda value, key: value.get(key, 0.0), keys, one) for one in rounds)  # type: ignore[arg-type, return-value]


def table(repositories: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Processor milliseconds by stage, medians over rounds, then what the clock says, and the floor."""
    names = list(repositories)
    sides = "|---|" + "---:|" * (len(names) + 2)
    lines = [f"| processor ms | {' | '.join(names)} | all | share |", sides]
    stages = (*SCAN, *READY, "rest of the child", *PARENT)
    cpu = {stage: [1e3 * _median(rounds, "cpu", stage) for rounds in repositories.values()] for stage in stages}
    whole = sum(map(sum, cpu.values()))
    for stage, values in cpu.items():
        lines.append(_row(f"{stage}: {WHAT[stage]}", [*values, sum(values)]) + f" {100 * sum(values) / whole:.1f} % |")
    sums = [sum(column) for column in zip(*cpu.values(), strict=True)]
    lines.append(_row("**all**", [*sums, whole]) + " |")
    lines += ["", f"| by the clock, ms | {' | '.join(names)} | all |", sides[:-5]]
    clock = {
        "cold index": ("wall",),
        **{f"… {stage}": ("parent wall", stage) for stage in PARENT},
        "parse alone, one thread": ("floor", "one thread"),
        "parse alone, all threads": ("floor", "all threads"),
    }
    clock_ms = {label: [1e3 * _median(rounds, *keys) for rounds in repositories.values()] for label, keys in clock.items()}
    clock_ms = {label: [*values, sum(values)] for label, values in clock_ms.items()}
    clock_ms["… columns and waiting for the child"] = clock_ms.pop("… columns")
    order = ["cold index", *(label for label in clock_ms if label.startswith("…")), "parse alone, one thread", "parse alone, all threads"]
    lines += [_row(label, clock_ms[label]) for label in order]
    floor = [1e3 * _median(rounds, "floor", "one thread cpu") for rounds in repositories.values()]
    floor.append(sum(floor))
    for label, over, under in (
        ("cold index / parse alone on all threads", clock_ms["cold index"], clock_ms["parse alone, all threads"]),
        ("processor time / parse alone, both by the processor", [*sums, whole], floor),
    ):
        lines.append(f"| {label} | " + " | ".join(f"{a / b:.2f}" if b else "" for a, b in zip(over, under, strict=True)) + " |")
    counts = [f"{name} {rounds[0]['files']} files, {rounds[0]['chunks']} chunks" for name, rounds in repositories.items()]
    return "\n".join(lines) + "\n\n" + "; ".join(counts) + "."


def _row(label: str, values: Sequence[float]) -> str:
    return f"| {label} | " + " | ".join(f"{v:.0f}" if v >= 100 else f"{v:.1f}" for v in values) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--checkouts", type=Path, help="the folder that bench.checkouts filled")
    parser.add_argument("--only", default="abseil-cpp,laravel-framework,redis,tokio,aiohttp,zod", help="repository names, comma-separated")
    parser.add_argument("--rounds", type=int, default=5, help="processes a repository (default: 5)")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-stages.json)")
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "LIBRARY"), help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.one:
        print(json.dumps(one(args.one[0], Path(args.one[1]))))
        return
    if not args.checkouts:
        parser.error("--checkouts is needed")
    if core.NAME != "rust":
        parser.error("the compiled core is measured; it is not in use here")
    library = built()
    begun = header("groma.bench-stages/1")
    measured: dict[str, list[dict[str, Any]]] = defaultdict(list)
    chosen = select(args.checkouts, args.only)
    for turn in range(args.rounds):
        for repository, folder in chosen:
            with tempfile.TemporaryDirectory() as scratch:
                command = [sys.executable, "-m", "bench.stages", "--one", os.path.realpath(folder), str(library)]
                env = os.environ | {"GROMA_DATA_DIR": scratch}
                done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
            measured[repository.name].append(json.loads(done.stdout))
            print(f"{turn + 1}/{args.rounds} {repository.name}: index {measured[repository.name][-1]['wall']:.2f} s", file=sys.stderr)
    out = args.out or result_path("stages")
    write(out, begun | {"rounds": args.rounds, "repositories": measured})
    print(table(measured))
    print(f"raw result: {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
