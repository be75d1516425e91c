"""The golden ranking files: `python -m tests.golden.ranking.run [--write]`.

For each corpus that `tools/corpora.py` fetches: the benchmark's queries on that project (see bench/data), the rank of the first file that
answers, and totals. A ranking change is a diff of these files, to be read before it is committed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from groma.config import load
from groma.engine import Engine
from groma.types import LOCAL, Request
from tools.corpora import CORPORA, root

HERE = Path(__file__).parent
QUERIES = HERE.parents[2] / "bench" / "data" / "queries-dev.jsonl"


def queries(name: str) -> list[tuple[str, list[str]]]:
    """(query, paths that answer) for one corpus; a label that its pinned version no longer has is left out."""
    rows = []
    for line in QUERIES.read_text("utf-8").splitlines():
        row = json.loads(line)
        paths = [t["path"] for t in row["targets"] if (root(name) / t["path"]).is_file()]
        if row["repo"] == name and paths:
            rows.append((row["query"], paths))
    return rows


def ranks(name: str, data: Path) -> list[tuple[str, list[str], int | None]]:
    """(query, targets, rank of the first right file among ten files) for one corpus."""
    settings = load({}, data_dir=data, config_file=data / "none")
    found = []
    with Engine(settings) as engine:
        engine.index(LOCAL, str(root(name)), consent=True)
        for query, targets in queries(name):
            answer = engine.search(LOCAL, [str(root(name))], Request(query, 10))
            files = list(dict.fromkeys(hit.path for hit in answer.hits))
            found.append((query, targets, next((i for i, path in enumerate(files, 1) if path in targets), None)))
    return found


def render(name: str, data: Path) -> str:
    """The golden file of one corpus."""
    rows = ranks(name, data)
    n = len(rows)
    first = sum(rank == 1 for _, _, rank in rows)
    five = sum(rank is not None and rank <= 5 for _, _, rank in rows)
    mrr = sum(1 / rank for _, _, rank in rows if rank) / n
    lines = [f"# {CORPORA[name][1]} {CORPORA[name][2]} ({CORPORA[name][0]}): {n} queries"]
    lines += [f"{rank or '-':>3}  {query}  ->  {', '.join(targets)}" for query, targets, rank in rows]
    lines += [f"# recall@1 {first / n:.3f}  recall@5 {five / n:.3f}  MRR {mrr:.3f}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for corpus in CORPORA:
        if root(corpus).is_dir():
            with tempfile.TemporaryDirectory() as folder:
                text = render(corpus, Path(folder))
            if "--write" in sys.argv:
                (HERE / f"{corpus}.txt").write_text(text, "utf-8")
            sys.stdout.write(text)
