"""The questions and the metric: what a ranked list of places is worth against the right ones, and what changed between two runs.

The definition is that of the semble project's benchmark (MIT licence, see `data/README.md`), written anew: NDCG over the first ten items with
binary relevance. A target's rank is the place of the first item that covers it (same path, and lines that overlap where both have lines);
several items of one file take a place each; the ideal list has min(10, targets) right items. `file` is the same after keeping only the first
item of each file, `mrr`, `r5` and `r10` are taken from that shorter list. A repository's figure is the mean over its questions, a table's the
mean over repositories.

This module knows no tool and imports nothing of groma. `python -m bench.evaluate BEFORE.json AFTER.json` compares two raw results of
`bench.retrieval`, in pairs and per repository.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "GATES",
    "METRICS",
    "Comparison",
    "Gate",
    "Item",
    "Question",
    "Repository",
    "Target",
    "compare",
    "comparison_tables",
    "covers",
    "load_questions",
    "load_repositories",
    "mean_over_repositories",
    "measure",
    "ndcg",
]

DATA = Path(__file__).parent / "data"
K = 10
METRICS = ("ndcg", "file", "mrr", "r5", "r10")
RESAMPLES = 10_000

Item = tuple[str, int | None, int | None]
"""A place: path (POSIX, relative to the root that is searched), first and last line, or None for the whole file."""


@dataclass(frozen=True, slots=True)
class Target:
    """A right answer: a file, or lines of it (from 1, both ends inclusive)."""

    path: str
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One query and all its right answers."""

    repository: str
    id: str
    text: str
    category: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository of the benchmark: `slug` is owner/name, `revision` what is searched (`pinned` is what the peers' labels were made on,
    which could not be had everywhere), `root` the folder of it that is indexed ("" for all)."""

    name: str
    language: str
    slug: str
    pinned: str
    root: str
    revision: str


@dataclass(frozen=True, slots=True)
class Gate:
    """One set of questions, and the metric that is its figure."""

    name: str
    file: str
    metric: str
    what: str


GATES = {
    gate.name: gate
    for gate in (
        Gate("questions", "queries-dev.jsonl", "ndcg", "questions, NDCG@10"),
        Gate("commits", "commits-dev.jsonl", "file", "commit subjects, the files they touched, NDCG@10 by file"),
        Gate("lines", "lines-dev.jsonl", "ndcg", "commit subjects, the lines they wrote, NDCG@10"),
    )
}


def load_questions(gate: Gate) -> list[Question]:
    """The questions of a gate, in the order of its file."""
    found = []
    for line in (DATA / gate.file).read_text("utf-8").splitlines():
        row = json.loads(line)
        targets = tuple(Target(t["path"], t.get("start_line"), t.get("end_line")) for t in row["targets"])
        found.append(Question(row["repo"], row["id"], row["query"], row["category"], targets))
    return found


def load_repositories() -> dict[str, Repository]:
    """The benchmark's repositories by name."""
    rows = [line.split("\t") for line in (DATA / "repos.tsv").read_text("utf-8").splitlines()[1:]]
    return {name: Repository(name, language, slug, pinned, "" if root == "-" else root, used) for name, language, slug, pinned, root, used in rows}


# -------------------------------------------------------------------------------------------------------------------------- metric


def covers(item: Item, target: Target) -> bool:
    """Does an item answer a target? Where either has no lines, the path decides."""
    path, first, last = item
    if path.replace("\\", "/") != target.path:
        return False
    if not (first and last and target.first and target.last):
        return True
    return first <= target.last and target.first <= last


def ndcg(ranks: Iterable[int], targets: int, k: int = K) -> float:
    """The gain of the right answers at these ranks (from 1; targets that share a rank count once) over that of an ideal list."""
    gain = sum(1 / math.log2(rank + 1) for rank in set(ranks) if rank <= k)
    return gain / sum(1 / math.log2(place + 2) for place in range(min(k, targets)))


def measure(items: Sequence[Item], targets: Sequence[Target], k: int = K) -> dict[str, float]:
    """Every metric of one answer, best item first."""
    by_file = _ranks([(path, None, None) for path in dict.fromkeys(path for path, _, _ in items)][:k], targets)
    return {
        "ndcg": ndcg(_ranks(items[:k], targets), len(targets), k),
        "file": ndcg(by_file, len(targets), k),
        "mrr": 1 / min(by_file) if by_file else 0.0,
        "r5": sum(rank <= 5 for rank in by_file) / len(targets),
        "r10": len(by_file) / len(targets),
    }


def _ranks(items: Sequence[Item], targets: Sequence[Target]) -> list[int]:
    found = (next((place for place, item in enumerate(items, 1) if covers(item, target)), None) for target in targets)
    return [rank for rank in found if rank is not None]


def mean_over_repositories(values: Iterable[tuple[str, float]]) -> float:
    """The mean of the repositories' means of (repository, value) pairs; 0 of none."""
    groups: dict[str, list[float]] = {}
    for repository, value in values:
        groups.setdefault(repository, []).append(value)
    return statistics.fmean(statistics.fmean(group) for group in groups.values()) if groups else 0.0


# ---------------------------------------------------------------------------------------------------------------------- comparison


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs over the same questions. `rows` are (repository, questions, before, after, questions that got better, that got worse);
    `mean` is the difference of the means over repositories, `low` and `high` its 95 % interval when repositories are drawn anew."""

    rows: tuple[tuple[str, int, float, float, int, int], ...]
    before: float
    after: float
    mean: float
    low: float
    high: float


def compare(before: Mapping[str, tuple[str, float]], after: Mapping[str, tuple[str, float]]) -> Comparison:
    """Compare figures by question id, each with its repository; questions that only one side has are left out. Raises ValueError if none is left."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for id_, (repository, value) in after.items():
        if id_ in before:
            pairs.setdefault(repository, []).append((before[id_][1], value))
    if not pairs:
        raise ValueError("the two runs have no question in common")
    rows = tuple(
        (
            name,
            len(group),
            statistics.fmean(a for a, _ in group),
            statistics.fmean(b for _, b in group),
            sum(b > a for a, b in group),
            sum(b < a for a, b in group),
        )
        for name, group in sorted(pairs.items())
    )
    deltas = [b - a for _, _, a, b, _, _ in rows]
    dice = random.Random(0)
    drawn = sorted(statistics.fmean(dice.choices(deltas, k=len(deltas))) for _ in range(RESAMPLES))
    return Comparison(
        rows,
        statistics.fmean(row[2] for row in rows),
        statistics.fmean(row[3] for row in rows),
        statistics.fmean(deltas),
        drawn[int(0.025 * RESAMPLES)],
        drawn[int(0.975 * RESAMPLES) - 1],
    )


def comparison_tables(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The paired tables of two raw results of `bench.retrieval`, one for each gate and way of searching that both have."""
    out = []
    for gate in GATES.values():
        for way, new in after["answers"].get(gate.name, {}).items():
            old = before["answers"].get(gate.name, {}).get(way)
            if old is None:
                continue
            at = after["columns"].index(gate.metric)
            was = before["columns"].index(gate.metric)
            found = compare({row[0]: (row[1], row[was]) for row in old}, {row[0]: (row[1], row[at]) for row in new})
            out.append(_comparison_table(f"{gate.what}, {way}", found))
    return "\n\n".join(out) if out else "The two runs have no gate in common."


def _comparison_table(title: str, found: Comparison) -> str:
    lines = [
        f"| {title} | questions | before | after | difference | better | worse |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(f"| {name} | {n} | {a:.4f} | {b:.4f} | {b - a:+.4f} | {up} | {down} |" for name, n, a, b, up, down in found.rows),
        f"| **all {len(found.rows)}** | {sum(r[1] for r in found.rows)} | {found.before:.4f} | {found.after:.4f} | **{found.mean:+.4f}** "
        f"| {sum(r[4] for r in found.rows)} | {sum(r[5] for r in found.rows)} |",
        "",
        f"Repositories better {sum(b > a for _, _, a, b, _, _ in found.rows)}, worse {sum(b < a for _, _, a, b, _, _ in found.rows)}; "
        f"difference {found.mean:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f} (repositories drawn anew {RESAMPLES} times). "
        "A difference under 0.004 is noise.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Compare two raw results."""
    parser = argparse.ArgumentParser(description="Compare two raw results of bench.retrieval, in pairs and per repository.")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    args = parser.parse_args()
    print(comparison_tables(json.loads(args.before.read_text("utf-8")), json.loads(args.after.read_text("utf-8"))))


if __name__ == "__main__":
    main()
