"""How fast both cores scan a segment, beside what memory allows and beside NumPy's product of floats.

    python -m bench.segment --checkouts DIR [--sizes 10000,100000,1000000]

The chunks are real: files of every repository in turn, until there are enough or no more (`--base` at most, because chunking is not what is
measured). A larger segment repeats them under new ids and files; so terms, impacts and vectors are real at every size, document frequencies grow
with it, and what is repeated are ties. The queries are the benchmark's questions. All run over the same file, opened by each core; for every
query both must give the same list, to the last bit, or the run ends.

Sides take turns query by query. `compiled` and `pure` are the cores: the vector scan, the sparse search, both after one another, and document
frequencies. `floats` is NumPy's product of the same vectors, widened to float32 beforehand (four times the memory), and the choice of the same
number of best; `read` is one pass over the bytes of the vectors that finds their largest word: as fast as memory gives them to one core here.
Everything is done on one core first, then on all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from groma import core
from groma._compiled import segment as compiled
from groma._pure import segment as pure
from groma.search.retrieve import K, idf
from groma.types import Leg, Vectors

from .evaluate import GATES, load_questions
from .languages import MAX_FILE_BYTES
from .record import header, result_path, write
from .retrieval import select

__all__ = ["build", "compare", "real_chunks", "table"]

SIDES = ("compiled", "pure", "floats", "read")
LEGS = ("vectors", "sparse", "both", "frequencies")


# ------------------------------------------------------------------------------------------------------------------------- chunks


def real_chunks(folders: Sequence[tuple[str, str]], most: int) -> dict[str, Any]:
    """About `most` chunks of the (repository, folder) pairs, a batch of each in turn, as the columns that a part is built from."""
    batches: list[Iterator[Any]] = []
    for _, folder in folders:
        listing = core.walk(folder, None, max_file_bytes=MAX_FILE_BYTES)
        shares = [listing.paths[i : i + 20] for i in range(0, len(listing.paths), 20)]
        batches.append(_scanned(folder, shares))
    taken: list[Any] = []
    chunks = 0
    while batches and chunks < most:
        for source in list(batches):
            batch = next(source, None)
            if batch is None:
                batches.remove(source)
            elif len(batch.hit_ids) and chunks < most:
                taken.append(batch)
                chunks += len(batch.hit_ids)
    joined = lambda name: np.concatenate([getattr(b, name) for b in taken])  # noqa: E731
    starts = lambda name: np.r_[0, np.cumsum(np.concatenate([np.diff(getattr(b, name)) for b in taken]))]  # noqa: E731
    per_file = np.diff(starts("chunk_start"))
    return {
        "file_of": np.repeat(np.arange(len(per_file)), per_file), "hits": joined("hit_ids"), "kinds": [k for b in taken for k in b.kinds],
        "term_start": starts("term_start"), "terms": joined("terms"), "impacts": joined("impacts"), "files": len(per_file),
        "name_start": starts("name_start"), "name_terms": joined("name_terms"),
        "rows": np.concatenate([b.vectors["static"].rows for b in taken]), "scales": np.concatenate([b.vectors["static"].scales for b in taken]),
    }  # fmt: skip


def _scanned(folder: str, shares: Sequence[Sequence[str]]) -> Iterator[Any]:
    for share in shares:
        yield from core.scan(folder, share, max_file_bytes=MAX_FILE_BYTES)


def build(base: dict[str, Any], chunks: int) -> compiled.Part:
    """A part of so many chunks: the base, cut or repeated."""
    parts = []
    n, files = len(base["hits"]), base["files"]
    for copy in range(-(-chunks // n)):
        rows = min(n, chunks - copy * n)
        terms = base["term_start"][rows]
        first = 1 + copy * files
        parts.append(
            compiled.build(
                ids=np.arange(copy * n, copy * n + rows), hits=base["hits"][:rows] ^ copy, chunk_files=base["file_of"][:rows] + first,
                kinds=base["kinds"][:rows], term_start=base["term_start"][: rows + 1], terms=base["terms"][:terms], impacts=base["impacts"][:terms],
                files=np.arange(first, first + files), name_start=base["name_start"], name_terms=base["name_terms"], cards=[b""] * files,
                places=np.zeros((rows, 4), np.uint32), texts=[b""] * rows,
                vectors={"static": Vectors(base["rows"][:rows], base["scales"][:rows])},
            )
        )  # fmt: skip
    return compiled.merge(parts, [np.ones(len(p.files), np.bool_) for p in parts])


# ------------------------------------------------------------------------------------------------------------------------- measuring


def compare(path: Path, queries: Sequence[str], rounds: int) -> dict[str, Any]:
    """Every side over the part at `path`: milliseconds by side and leg, over queries and rounds the 5th, 50th and 95th of a hundred."""
    parts = {"compiled": [compiled.open_part(path)], "pure": [pure.open_part(path)]}
    cores: dict[str, Any] = {"compiled": compiled, "pure": pure}
    part = parts["pure"][0]
    n = len(part.ids)
    mask = [np.ones(n, dtype=np.bool_)]
    rows, scales = part.vectors["static"].rows, part.vectors["static"].scales
    words = np.ascontiguousarray(rows).reshape(-1).view(np.int64)
    wide = rows.astype(np.float32) * scales[:, None]

    def floats(vector: np.ndarray) -> np.ndarray:
        scores = wide @ vector
        best = np.argpartition(scores, -K)[-K:] if n > K else np.arange(n)
        return best[np.argsort(-scores[best])]

    asked = []
    for query in queries:
        terms = core.distinct(np.array([core.term_id(t) for t in core.query_tokens(query)], dtype=np.uint32))
        df = compiled.chunk_frequencies(parts["compiled"], mask, terms)
        asked.append((terms, idf(n, df).astype(np.float32), core.embed_query(query)))
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)

    def timed(side: str, leg: str, work: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = work()
        seconds[side, leg].append(time.perf_counter() - begun)
        return result

    def ask(terms: np.ndarray, weights: np.ndarray, vector: np.ndarray) -> None:
        answers = []
        for side, made in cores.items():
            there = parts[side]
            sparse = partial(made.sparse_top, there, mask, terms, weights, K)
            dense = partial(made.dense_top, there, mask, "static", vector, K)
            answers.append([timed(side, "vectors", dense), timed(side, "sparse", sparse), *timed(side, "both", lambda s=sparse, d=dense: (d(), s()))])
            timed(side, "frequencies", partial(made.chunk_frequencies, there, mask, terms))
        if not all(map(_same, *answers)):
            sys.exit("the cores do not agree")
        timed("floats", "vectors", lambda: floats(vector))
        timed("read", "vectors", lambda: int(words.max()))

    for turn in range(rounds + 1):
        for query in asked:
            ask(*query)
        if turn == 0:
            seconds.clear()  # the first round only warms
    return {
        "chunks": n,
        "postings": len(part.post_chunks),
        "terms of a query": round(statistics.mean(len(terms) for terms, _, _ in asked), 1),
        "kernel": compiled.dense_kernel(),
        "ms": {side: {leg: _quantiles(seconds[side, leg]) for leg in LEGS if (side, leg) in seconds} for side in SIDES},
    }


def _same(a: Leg, b: Leg) -> bool:
    return bool(np.array_equal(a.ids, b.ids) and np.array_equal(a.files, b.files) and np.array_equal(a.scores, b.scores))


def _quantiles(values: Sequence[float]) -> list[float]:
    ordered = sorted(1e3 * v for v in values)
    return [round(ordered[min(len(ordered) - 1, int(q * len(ordered)))], 4) for q in (0.05, 0.5, 0.95)]


def _made(base: dict[str, Any], size: int, path: Path) -> dict[str, Any]:
    """Build and write the part of this size, open it in both cores; what each took, in milliseconds."""
    took: dict[str, float] = {}

    def timed(what: str, work: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = work()
        took[what] = round(1e3 * (time.perf_counter() - begun), 2)
        return result

    part = timed("build and merge", lambda: build(base, size))
    timed("write", lambda: compiled.write_part(path, part))
    timed("open compiled", lambda: compiled.open_part(path))
    timed("open pure", lambda: pure.open_part(path))
    return {"bytes": path.stat().st_size, "ms": took}


def table(result: dict[str, Any]) -> str:
    """Milliseconds, p5 / p50 / p95: on a machine with other work, the first is nearest to what the work itself takes."""
    lines = ["| chunks | cores | leg | compiled | pure | NumPy floats | read of the bytes |", "|---|---|---|---|---|---|---|"]
    for row in result["measured"]:
        for leg in LEGS:
            cells = [" / ".join(f"{x:.3g}" for x in row["ms"][side][leg]) if leg in row["ms"][side] else "" for side in SIDES]
            lines.append(f"| {row['chunks']:,} | {row['cores']} | {leg} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print the table, keep the raw result."""
    parser = argparse.ArgumentParser(prog="python -m bench.segment", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--checkouts", type=Path, help="the folder with the repositories")
    parser.add_argument("--only", help="repository names, comma-separated")
    parser.add_argument("--sizes", default="10000,100000,1000000", help="chunks")
    parser.add_argument("--base", type=int, default=40_000, help="real chunks at most; more are repetitions")
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--part", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    questions = [q.text for q in load_questions(GATES["questions"])]
    queries = questions[:: max(1, len(questions) // args.queries)][: args.queries]
    if args.part:  # a process of its own: how many cores a pool has is settled when it starts
        print(json.dumps(compare(args.part, queries, args.rounds)))
        return
    if not args.checkouts:
        parser.error("--checkouts is needed")
    begun = header("groma.bench-segment/1")
    folders = [(repository.name, str(folder)) for repository, folder in select(args.checkouts, args.only)]
    base = real_chunks(folders, args.base)
    measured, made = [], []
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, args.sizes.split(",")):
            path = Path(folder) / f"{size}.part"
            made.append({"chunks": size} | _made(base, size, path))
            for cores in sorted({1, begun["machine"]["cores"]}):
                env = os.environ | {name: str(cores) for name in ("RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
                command = [sys.executable, "-m", "bench.segment", "--part", str(path), "--queries", str(args.queries), "--rounds", str(args.rounds)]
                done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
                measured.append({"cores": cores} | json.loads(done.stdout))
                print(f"{size:,} chunks, cores: {cores}", file=sys.stderr)
            path.unlink()
    result = begun | {"real chunks": len(base["hits"]), "queries": len(queries), "rounds": args.rounds, "k": K, "parts": made, "measured": measured}
    out = args.out or result_path("segment")
    write(out, result)
    print(table(result))
    print(f"raw result: {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
