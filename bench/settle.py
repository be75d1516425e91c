"""How well the rule settles what others wrote: pairs of lines from the histories of public repositories, labelled by reading.

    python -m bench.settle CLONES [--show] [--record]

`data/supersedes.jsonl` names lines, it does not quote them: a line that one commit put in the place of another (`kind` replaced: commit^ and
commit), or two lines of a file that are alike and stand side by side (`kind` beside). CLONES holds the repositories with their histories, as in
`bench.checkouts`. The rule was written with the pairs of some repositories (`split` dev) at hand; those of the others (test) were labelled before
it first saw them, and after its first score was kept, their false alarms were looked at, too. A label is supersedes (the old line no longer holds
as it stands), refines, duplicate (the same in other words) or new.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from groma import core
from groma.memory.settle import relation

from .checkouts import find_clone
from .evaluate import Repository
from .record import header, result_path, write

__all__ = ["LABELS", "Pair", "check", "judge", "load", "plain", "scores"]

DATA = Path(__file__).parent / "data" / "supersedes.jsonl"
LABELS = ("supersedes", "refines", "duplicate", "new")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements in the words of others. `where` names their lines."""

    where: str
    split: str
    kind: str
    label: str
    old: str
    new: str


def plain(line: str) -> str:
    """A line of Markdown or reStructuredText as a statement: without marks of lists, headings, emphasis and links."""
    line = re.sub(r"^\s*(?:[-*+>]|\d+[.)]|#+)\s+", "", line.strip())
    line = re.sub(r"^\[[ x]\]\s+", "", line)
    line = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", line)
    line = re.sub(r"\*\*|__|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", "", line)
    return line.strip()


def check(old: str, new: str) -> str:
    """Eight hexadecimal digits that tell whether two statements are those that were labelled."""
    return blake2b(f"{old}\n{new}".encode(), digest_size=4).hexdigest()


def load(clones: Path, data: Path = DATA) -> tuple[list[Pair], list[str]]:
    """The pairs whose repositories are below `clones`, and the names of those that are not. Raises ValueError for a line that is another one."""

    @cache
    def place(name: str) -> Path | None:
        return find_clone(clones, Repository(name.split("/")[1], "", name, "", "", ""))

    @cache
    def lines(name: str, revision: str, path: str) -> Sequence[str]:
        shown = subprocess.run(["git", f"--git-dir={place(name)}", "show", f"{revision}:{path}"], capture_output=True, check=True)
        return shown.stdout.decode("utf-8", "replace").split("\n")

    pairs, missing = [], set()
    for row in map(json.loads, data.read_text("utf-8").splitlines()):
        if place(row["repo"]) is None:
            missing.add(row["repo"])
            continue
        before = f"{row['commit']}^" if row["kind"] == "replaced" else row["commit"]
        old = plain(lines(row["repo"], before, row["path"])[row["old"] - 1])
        new = plain(lines(row["repo"], row["commit"], row["path"])[row["new"] - 1])
        where = f"{row['repo']}@{row['commit'][:12]}:{row['path']}:{row['old']}:{row['new']}"
        if check(old, new) != row["check"]:
            raise ValueError(f"{where} are not the lines that were labelled")
        pairs.append(Pair(where, row["split"], row["kind"], row["label"], old, new))
    return pairs, sorted(missing)


def judge(pairs: Iterable[Pair]) -> list[tuple[Pair, str, str]]:
    """What the rule says of each pair, and why; likeness is that of the static vectors, as in use."""
    found = []
    for pair in pairs:
        cosine = float(np.dot(core.embed_query(pair.old), core.embed_query(pair.new)))
        found.append((pair, *relation(pair.old, pair.new, cosine)))
    return found


def scores(judged: Sequence[tuple[Pair, str, str]]) -> dict[str, Any]:
    """For each label: how many pairs have it, and of the pairs that were said to be so, how many are (precision), of those that are, how many
    were said to be (recall); None where there are none."""
    table = Counter((pair.label, outcome) for pair, outcome, _ in judged)
    result: dict[str, Any] = {}
    for label in LABELS:
        right = table[label, label]
        said = sum(table[other, label] for other in LABELS)
        there = sum(table[label, other] for other in LABELS)
        result[label] = {"pairs": there, "precision": round(right / said, 3) if said else None, "recall": round(right / there, 3) if there else None}
    result["said"] = {f"{label} as {outcome}": n for (label, outcome), n in sorted(table.items()) if label != outcome}
    return result


def main() -> None:
    """Print the scores of both halves; with --record, keep them and every miss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("--show", action="store_true", help="print every miss with its texts")
    parser.add_argument("--record", action="store_true", help="keep the result in results/")
    args = parser.parse_args()
    pairs, missing = load(args.clones)
    for name in missing:
        print(f"missing: git clone https://github.com/{name} {args.clones / name.replace('/', '+')}", file=sys.stderr)
    judged = judge(pairs)
    result = header("groma.bench.settle/1") | {"pairs": len(pairs), "missing": missing}
    for split in ("dev", "test"):
        result[split] = scores([one for one in judged if one[0].split == split])
        print(split, json.dumps(result[split], indent=1))
    misses = [one for one in judged if one[0].label != one[1]]
    if args.show:
        for pair, outcome, reason in misses:
            print(f"\n{pair.split} {pair.where}\n  {pair.label} as {outcome}: {reason}\n  - {pair.old}\n  + {pair.new}")
    if args.record:
        result["misses"] = [f"{pair.split} {pair.where} {pair.label} as {outcome}" for pair, outcome, _ in misses]
        path = result_path("settle")
        write(path, result)
        print(path)


if __name__ == "__main__":
    main()
