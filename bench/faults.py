"""The fault drills of `tests/faults` in their full counts; the tests run short forms of the same functions.

    python -m bench.faults [--only NAME,NAME] [--seed N]

Every drill starts the real `groma` in processes of their own (those of freshness work within one, for the number of rounds), asserts as the tests
do, and returns what it counted. A drill that fails ends the run: there is no half result of "nothing was lost". Takes about an hour.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_bombs import LANGUAGES, LARGE, SMALL, bomb_files, exploded, generated_code, large_texts, long_lines
from tests.faults.test_concurrent import melee, together
from tests.faults.test_cut_files import cut_files
from tests.faults.test_damage import flips
from tests.faults.test_failpoints import failpoints
from tests.faults.test_freshness import proofs
from tests.faults.test_full_disk import fills, full_steps
from tests.faults.test_kill import kills, parsers_killed
from tests.faults.test_memories import crowd
from tests.faults.test_moving_files import hammered
from tests.faults.test_swap import swapped
from tests.faults.test_watched import watched_rounds

from .record import header, result_path, write

__all__ = ["DRILLS", "main"]

Counts = dict[str, Any]


def _kills(folder: Path, seed: int) -> Counts:
    chains = [kills(folder / f"chain{i}", 5, seed + i) for i in range(5)]
    summed = {name: sum(c[name] for c in chains) for name in ("killed", "runs", "parsers that ended with them")}  # type: ignore[misc]
    return {**summed, "lost": 0, "data directories": len(chains)}


def _bombs(folder: Path, seed: int) -> Counts:
    """Every bomb in every language, a language a run: seconds are for all of its bombs, MB the most that groma and its parser had."""
    bombs = {**SMALL, **LARGE}
    cost = {}
    for name in LANGUAGES:
        counts = exploded(folder / name, dict(bomb_files(bombs, [name])))
        cost[name] = [counts["seconds"], counts["peak MB"], counts["peak MB of the parser"]]
        shutil.rmtree(folder / name)
    most = {f"most {what}": max(row[i] for row in cost.values()) for i, what in enumerate(("seconds", "MB", "MB of the parser"))}  # type: ignore[type-var]
    return {"bombs": len(bombs), "languages": len(LANGUAGES), **most, "seconds, MB, MB of the parser": cost}


DRILLS: dict[str, Callable[[Path, int], Counts]] = {
    "kill": _kills,
    "parser killed": lambda folder, seed: parsers_killed(folder, 20, seed),
    "durable steps": failpoints,
    "together": lambda folder, seed: together(folder, runs=3, repositories=3, seed=seed),
    "any verbs at once": lambda folder, seed: melee(folder, 120, seed),
    "swapped parts": lambda folder, seed: swapped(folder, 60, seed),
    "full disk": lambda folder, _: fills(folder, [0, 60_000, 150_000, 300_000, 500_000, 800_000, 1_100_000, 1_500_000, 1_800_000]),
    "full at a step": full_steps,
    "flipped bits": lambda folder, seed: flips(folder, 60, seed),
    "memories": lambda folder, seed: crowd(folder, processes=10, writes=100, seed=seed),
    "moving files": lambda folder, seed: hammered(folder, runs=8, seed=seed),
    "freshness with a watcher": lambda folder, seed: watched_rounds(folder, rounds=1_000, seed=seed),
    "freshness": lambda folder, seed: proofs(folder, rounds=400, seed=seed),
    "cut files": lambda folder, seed: cut_files(folder, 100, seed),
    "large texts": lambda folder, _: large_texts(folder, 19),
    "lines of 50 MB": lambda folder, _: long_lines(folder, 50),
    "200 MB of code": lambda folder, _: generated_code(folder, 200),
    "bombs": _bombs,
}
"""Name → what is done in a folder of its own with a seed, and what it counted."""


def main() -> None:
    """Run the drills, print a line each, keep the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(DRILLS), help=f"drills, by comma: {', '.join(DRILLS)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=None, help="where the raw result goes")
    arguments = parser.parse_args()
    result = header("groma.bench.faults/1") | {"seed": arguments.seed}
    out = arguments.out or result_path("faults")
    print("| drill | seconds | counted |\n|---|---|---|")
    for name in arguments.only.split(","):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="groma-faults-") as folder:
            try:
                counts = DRILLS[name](Path(folder), arguments.seed)
            except pytest.skip.Exception as e:
                counts = {"skipped": str(e)}
        seconds = round(time.monotonic() - begun, 1)
        result[name] = {"seconds": seconds, **counts}
        print(f"| {name} | {seconds} | {', '.join(f'{v} {k}' for k, v in counts.items() if not isinstance(v, dict))} |", flush=True)
        assert counts.get("mismatches", 0) == 0, counts
        write(out, result)  # after each, so that a run that is ended keeps what it has


if __name__ == "__main__":
    main()
