"""groma under the code-retrieval benchmark, with default settings.

`make(root)` and `make_lexical(root)` give a searcher as the benchmark's evaluators expect it: `search(query, k) -> [(path, first, last), …]`,
best first, and `close()`. The folder is brought up to date once, when the searcher is made; the index lies where `GROMA_DATA_DIR` says.

As a program it scores the three gates (questions, commit subjects by file, the lines of commits), with and without vectors, prints a table
per repository, keeps the raw result, and compares it with an earlier one:

    python -m bench.retrieval --checkouts DIR [--against bench/results/EARLIER.json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from groma import core
from groma.cli.shared import settings
from groma.engine import Engine
from groma.places import project_root
from groma.types import LOCAL, Request

from .evaluate import GATES, METRICS, Question, Repository, comparison_tables, load_questions, load_repositories, mean_over_repositories, measure
from .record import header, result_path, write

__all__ = ["Searcher", "make", "make_lexical", "select"]

WAYS: Mapping[str, Callable[[str], Searcher]]
COLUMNS = ("id", "repository", "category", *METRICS, "ms")
BARS = {("questions", "vectors"): 0.892, ("questions", "lexical"): 0.889, ("commits", "vectors"): 0.733, ("lines", "vectors"): 0.47}
"""What a change must not fall below."""


class Searcher:
    """One folder, searched with or without vectors."""

    def __init__(self, root: str, *, dense: bool) -> None:
        """Index `root`, if it is not. Raises what `Engine.index` raises."""
        self._root = project_root(root)
        self._dense = dense
        self._engine = Engine(settings())
        self._engine.index(LOCAL, self._root)

    def search(self, query: str, k: int) -> list[tuple[str, int, int]]:
        """The `k` best places: path relative to the root, first and last line."""
        answer = self._engine.search(LOCAL, [self._root], Request(query, k, dense=self._dense))
        return [(hit.path, hit.start_line, hit.end_line) for hit in answer.hits]

    def close(self) -> None:
        """Close the index."""
        self._engine.close()


def make(root: str) -> Searcher:
    """A searcher with default settings."""
    return Searcher(root, dense=True)


def make_lexical(root: str) -> Searcher:
    """A searcher that uses no vectors."""
    return Searcher(root, dense=False)


WAYS = {"lexical": make_lexical, "vectors": make}


def select(checkouts: Path, only: str | None) -> list[tuple[Repository, Path]]:
    """The repositories to run on with the folders that are indexed. Exits with a sentence where a name is unknown or none is there."""
    known = load_repositories()
    names = only.split(",") if only else list(known)
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no such repository in the benchmark: {', '.join(unknown)}; there are {', '.join(known)}")
    here = [(known[name], checkouts / name / known[name].root) for name in names]
    if missing := [repository.name for repository, folder in here if not folder.is_dir()]:
        print(f"NOT MEASURED, no checkout: {', '.join(missing)}", file=sys.stderr)
    if len(missing) == len(here):
        sys.exit(f"{checkouts} holds none of the repositories; see bench/README.md for how to lay them out")
    return [(repository, folder) for repository, folder in here if folder.is_dir()]


def _score(searcher: Searcher, questions: Sequence[Question]) -> list[list[Any]]:
    rows = []
    for q in questions:
        begun = time.perf_counter()
        items = searcher.search(q.text, 10)
        took = 1e3 * (time.perf_counter() - begun)
        found = measure(items, q.targets)
        rows.append([q.id, q.repository, q.category, *(round(found[m], 5) for m in METRICS), round(took, 2)])
    return rows


def _run(repositories: Sequence[tuple[Repository, Path]]) -> dict[str, Any]:
    questions = {name: load_questions(gate) for name, gate in GATES.items()}
    answers: dict[str, dict[str, list[list[Any]]]] = {name: {way: [] for way in WAYS} for name in GATES}
    index_s: dict[str, float] = {}
    for repository, folder in repositories:
        begun = time.perf_counter()
        searchers = {}
        for way, made in WAYS.items():
            searchers[way] = made(str(folder))
            index_s.setdefault(repository.name, round(time.perf_counter() - begun, 3))
        for name in GATES:
            mine = [q for q in questions[name] if q.repository == repository.name]
            for way, searcher in searchers.items():
                answers[name][way] += _score(searcher, mine)
        for searcher in searchers.values():
            searcher.close()
        print(f"{repository.name}: indexed in {index_s[repository.name]:.1f} s, {time.perf_counter() - begun:.1f} s in all", file=sys.stderr)
    return header("groma.bench-retrieval/1") | {
        "profile": {"chunker": core.CHUNKER_VERSION, "tokens": core.TOKENS_VERSION, "passage": core.PASSAGE_VERSION},
        "index_s": index_s,
        "columns": COLUMNS,
        "answers": answers,
    }


def table(result: Mapping[str, Any]) -> str:
    """The figures of a raw result: each gate's own metric per repository and over all, and the bars where nothing was left out."""
    languages = {repository.name: repository.language for repository in load_repositories().values()}
    heads = [(gate, way) for gate in GATES.values() for way in WAYS]
    values = {(gate.name, way): _by_repository(result["answers"][gate.name][way], gate.metric) for gate, way in heads}
    lines = [
        "| repository | language | " + " | ".join(f"{gate.name} {way}" for gate, way in heads) + " |",
        "|---|---|" + "---:|" * len(heads),
    ]
    for name in result["index_s"]:
        cells = (values[gate.name, way].get(name) for gate, way in heads)
        lines.append(f"| {name} | {languages[name]} | " + " | ".join("" if v is None else f"{v:.4f}" for v in cells) + " |")
    means = (statistics.fmean(values[gate.name, way].values()) if values[gate.name, way] else 0.0 for gate, way in heads)
    lines.append(f"| **all {len(result['index_s'])}** | | " + " | ".join(f"**{v:.4f}**" for v in means) + " |")
    if set(result["index_s"]) != set(languages):
        return "\n".join(lines)
    bars = (BARS.get((gate.name, way)) for gate, way in heads)
    lines.append("| bar | | " + " | ".join("" if bar is None else f"{bar:.4f}" for bar in bars) + " |")
    return "\n".join(lines)


def _by_repository(rows: Sequence[Sequence[Any]], metric: str) -> dict[str, float]:
    at = COLUMNS.index(metric)
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row[1], []).append(row[at])
    return {name: statistics.fmean(group) for name, group in groups.items()}


def details(result: Mapping[str, Any]) -> str:
    """Every metric of each gate and way, the questions by category, and the times."""
    lines = ["| gate | questions | " + " | ".join(METRICS) + " | ms p50 | ms p95 |", "|---|---:|" + "---:|" * (len(METRICS) + 2)]
    for name in GATES:
        for way, rows in result["answers"][name].items():
            groups = [(f"{name}, {way}", rows)]
            categories = sorted({row[2] for row in rows})
            if len(categories) > 1:
                groups += [(f"{name}, {way}: {category}", [row for row in rows if row[2] == category]) for category in categories]
            for label, some in groups:
                means = (mean_over_repositories((row[1], row[COLUMNS.index(m)]) for row in some) for m in METRICS)
                ms = sorted(row[-1] for row in some) or [0.0]
                cells = [*(f"{v:.4f}" for v in means), f"{statistics.median(ms):.1f}", f"{ms[int(0.95 * (len(ms) - 1))]:.1f}"]
                lines.append(f"| {label} | {len(some)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Score, print, keep, compare."""
    parser = argparse.ArgumentParser(description="Score groma on the three gates of the code-retrieval benchmark.")
    parser.add_argument("--checkouts", required=True, type=Path, help="the folder that bench.checkouts filled")
    parser.add_argument("--only", help="repository names, comma-separated")
    parser.add_argument("--against", type=Path, help="an earlier raw result to compare with, in pairs and per repository")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-retrieval.json)")
    args = parser.parse_args()
    earlier = json.loads(args.against.read_text("utf-8")) if args.against else None
    chosen = select(args.checkouts, args.only)
    with TemporaryDirectory() as folder:
        # An index of its own, unless one was named: a run must not fill the user's data directory with checkouts.
        os.environ.setdefault("GROMA_DATA_DIR", folder)
        result = _run(chosen)
    out = args.out or result_path("retrieval")
    write(out, result)
    print(table(result), details(result), sep="\n\n")
    if earlier is not None:
        print("", comparison_tables(earlier, result), sep="\n")
    print(f"raw result: {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
