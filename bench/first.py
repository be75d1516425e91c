"""From nothing to the first correct answer, in a repository of 1,000 files, and in a second worktree of one of 5,000.

    python -m bench.first --checkouts DIR [--rounds N] [--cores rust,pure]

The repositories are made from real files (`bench.sources`): every checkout that has so many is cut to its first 1,000 files, and all checkouts
together, each with its share, to 5,000. Each is a git repository with one commit. The question is the name of a function that no other file
defines; an answer is correct if one of its hits holds the function's first line and shows exactly the lines of the file that it names. An answer
that is not ends the run; at which place the hit was is kept. Each round has a data directory of its own, and everything is a process that starts
and ends on the clock:

- first answer: `groma search` where nothing was ever indexed
- index, then search: `groma index`, and when it has ended `groma search`; the time from the start of the one to the end of the other
- again: the same search once more
- second worktree: `git worktree add` (off the clock) of the 5,000 files that were indexed, then `groma search` there, once in each worktree
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .record import header, result_path, write
from .retrieval import select
from .sources import Definition, Source, lay, only_definitions, sources, spread
from .speed import CORES, Cost, Tool, git_repository, timed, tools, worktree

__all__ = ["first_answer", "place", "second_worktree", "table"]

FILES, MANY = 1_000, 5_000


def place(said: str, folder: Path, path: str, function: Definition) -> int:
    """At which place (from 1) of an answer the function is, its lines shown as the file has them; 0 if it is not there, or shown otherwise."""
    lines = (folder / path).read_text("utf-8", errors="replace").split("\n")
    for n, hit in enumerate(json.loads(said)["hits"], 1):
        first, last = hit["start_line"], hit["end_line"]
        if hit["path"] == path and first <= function.line <= last:
            return n if hit["masked"] or hit["text"] == "\n".join(lines[first - 1 : last]) else 0
    return 0


def _ask(tool: Tool, folder: Path, asked: tuple[Source, Definition], data: Path) -> tuple[Cost, int]:
    source, function = asked
    path = f"{source.repository}/{source.path}"
    cost, said = timed(tool.search(folder, function.name), tool.env(data))
    at = place(said, folder, path, function)
    if not at:
        sys.exit(f"{tool.name} did not find {function.name} in {path}:{function.line}")
    return cost, at


def _index(tool: Tool, folder: Path, data: Path) -> tuple[Cost, dict[str, Any]]:
    cost, said = timed([tool.python, "-m", "groma", "index", str(folder), "--json"], tool.env(data))
    return cost, json.loads(said)


def first_answer(tool: Tool, folder: Path, asked: tuple[Source, Definition]) -> dict[str, Any]:
    """One round in a repository that groma has never seen."""
    with tempfile.TemporaryDirectory() as scratch:
        alone, at = _ask(tool, folder, asked, Path(scratch, "one"))
        indexed, said = _index(tool, folder, Path(scratch, "two"))
        then, _ = _ask(tool, folder, asked, Path(scratch, "two"))
        again, _ = _ask(tool, folder, asked, Path(scratch, "two"))
    return {
        "files": said["indexed"],
        "chunks": said["chunks"],
        "place": at,
        "first answer": alone.row(),
        "index": indexed.row(),
        "search after it": then.row(),
        "index, then search": {"ms": round(1e3 * (indexed.wall_s + then.wall_s), 1), "cpu_ms": round(1e3 * (indexed.cpu_s + then.cpu_s), 1)},
        "again": again.row(),
    }


def second_worktree(tool: Tool, folder: Path, asked: Sequence[tuple[Source, Definition]]) -> list[dict[str, Any]]:
    """Index a repository; then a new worktree and a search in it, for each of `asked`."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch)
        indexed, said = _index(tool, folder, data)
        for n, one in enumerate(asked):
            other = worktree(folder, f"{folder.name}-{tool.environment['GROMA_CORE']}-{n}")
            cost, at = _ask(tool, other, one, data)
            again, _ = _ask(tool, other, one, data)
            _, after = _index(tool, worktree(folder, other.name + "-told"), data)  # how many files a worktree makes it read: a search does not tell
            rows.append(
                {
                    "files": said["indexed"],
                    "chunks": said["chunks"],
                    "place": at,
                    "index of the first": indexed.row(),
                    "second worktree": cost.row(),
                    "again": again.row(),
                    "read": after["read"],
                }
            )
    return rows


def table(result: dict[str, Any]) -> str:
    """Medians over rounds, milliseconds by the clock and of the processor."""
    lines = ["| repository | files | chunks | core | what | ms | processor ms | slowest ms |", "|---|---:|---:|---|---|---:|---:|---:|"]
    for name, by_tool in result["measured"].items():
        for tool, rows in by_tool.items():
            for what in (key for key, value in rows[0].items() if isinstance(value, dict)):
                ms, cpu = ([row[what][key] for row in rows] for key in ("ms", "cpu_ms"))
                told = f"{statistics.median(ms):.0f} | {statistics.median(cpu):.0f} | {max(ms):.0f} |"
                lines.append(f"| {name} | {rows[0]['files']} | {rows[0]['chunks']} | {tool} | {what} | {told}")
    every = [row for by_tool in result["measured"].values() for rows in by_tool.values() for row in rows]
    first = sum(row["place"] == 1 for row in every)
    read = max(row["read"] for row in every if "read" in row)
    told = f"The function was the first hit of {first} of {len(every)} answers. A second worktree made groma read {read} files at most."
    return "\n".join([*lines, "", told])


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the repositories, measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench.first", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--checkouts", required=True, type=Path, help="the folder that bench.checkouts filled")
    parser.add_argument("--cores", choices=["rust,pure", "rust", "pure"], default="rust", help="groma's cores (default: rust)")
    parser.add_argument("--only", help="repository names, comma-separated")
    parser.add_argument("--files", type=int, default=FILES, help="files of the smaller repositories")
    parser.add_argument("--many", type=int, default=MANY, help="files of the larger one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-first.json)")
    args = parser.parse_args(arguments)
    begun = header("groma.bench-first/1")
    found = sources([(repository.name, folder) for repository, folder in select(args.checkouts, args.only)])
    sides = tools(None, None, args.cores.split(","))
    dice = random.Random(0)
    measured: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch).resolve()
        for name in dict.fromkeys(source.repository for source in found):
            some = [source for source in found if source.repository == name][: args.files]
            if len(some) == args.files:
                folder, asked = _made(some, top / name, args.rounds, dice)
                here = measured[name] = {tool.name: [] for tool in sides}
                for one in asked:
                    for tool in sides:
                        here[tool.name].append(first_answer(tool, folder, one))
                        print(f"{name} {tool.name}: {here[tool.name][-1]['first answer']['ms']:.0f} ms", file=sys.stderr)
        many = spread(found)[: args.many]
        folder, asked = _made(many, top / "many", args.rounds, dice)
        measured["many"] = {tool.name: second_worktree(tool, folder, asked) for tool in sides}
    result = begun | {"rounds": args.rounds, "cores": [CORES[core] for core in args.cores.split(",")], "measured": measured}
    out = args.out or result_path("first")
    write(out, result)
    print(table(result))
    print(f"raw result: {out}", file=sys.stderr)


def _made(some: Sequence[Source], folder: Path, rounds: int, dice: random.Random) -> tuple[Path, list[tuple[Source, Definition]]]:
    """A git repository of these files, and as many questions as rounds."""
    lay(some, folder)
    git_repository(folder)
    candidates = only_definitions(some)
    if len(candidates) < rounds:
        sys.exit(f"{folder.name} has {len(candidates)} functions that can be asked for")
    return folder, dice.sample(candidates, rounds)


if __name__ == "__main__":
    main()
