"""One tool, one folder, one process: index it, ask questions, say what that cost. `bench.speed` starts it, under each tool's own Python.

    PYTHON worker.py groma|semble ROOT < questions.json > result.json

It imports nothing but the standard library and the tool it is to measure. The tool is imported before the clock starts; its model and its
grammars are loaded on the clock, by both tools, as they come with the first index.
"""

import json
import os
import resource
import sys
import time

WARM_UP = 3
"""Questions asked before the clock starts, so that lazy imports and first touches of memory are in no query's time."""


def groma(root):
    """Durable on disk in GROMA_DATA_DIR when `index` returns."""
    from groma.cli.shared import settings
    from groma.engine import Engine
    from groma.types import LOCAL, Request

    begun, cpu = time.perf_counter(), cpu_s()
    engine = Engine(settings())
    engine.index(LOCAL, root)
    took = time.perf_counter() - begun, cpu_s() - cpu
    (status,) = engine.status(LOCAL, root)

    def ask(query):
        return [(hit.path, hit.start_line, hit.end_line) for hit in engine.search(LOCAL, [root], Request(query, 10)).hits]

    return took, status.files, status.chunks, ask, engine.close


def semble(root):
    """In memory when `from_path` returns; what its command line would keep for the next start is written after the clock stopped."""
    from semble import SembleIndex
    from semble.cache import save_index_to_cache

    begun, cpu = time.perf_counter(), cpu_s()
    index = SembleIndex.from_path(root, model_path=os.environ["SEMBLE_MODEL_NAME"])
    took = time.perf_counter() - begun, cpu_s() - cpu

    def ask(query):
        return [(r.chunk.file_path, r.chunk.start_line, r.chunk.end_line) for r in index.search(query, 10)]

    return took, index.stats.indexed_files, index.stats.total_chunks, ask, lambda: save_index_to_cache(index, root)


def cpu_s():
    """Processor seconds of this process and the children it has waited for."""
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def peak_mb():
    """The most memory this process ever held, and its largest child, added."""
    unit = 1 if sys.platform == "darwin" else 1024
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * unit / 1e6


def main():
    tool, root = sys.argv[1:]
    questions = json.load(sys.stdin)
    (wall, cpu), files, chunks, ask, keep = {"groma": groma, "semble": semble}[tool](root)
    after_index = peak_mb()
    for query in questions[:WARM_UP]:
        ask(query)
    times, items = [], []
    for query in questions:
        begun = time.perf_counter()
        found = ask(query)
        times.append(round(1e3 * (time.perf_counter() - begun), 3))
        items.append(found)
    after_queries = peak_mb()
    keep()
    json.dump(
        {
            "index_s": round(wall, 3),
            "index_cpu_s": round(cpu, 3),
            "files": files,
            "chunks": chunks,
            "peak_index_mb": round(after_index, 1),
            "peak_mb": round(after_queries, 1),
            "query_ms": times,
            "items": items,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
