"""One tool, one folder, one process: index it, ask questions, say what that cost. `bench.speed` starts it, under each tool's own Python.

    PYTHON worker.py groma|semble ROOT < questions.json > result.json

It imports nothing but the standard library and the tool it is to measure. The tool is imported before the clock starts; its model and its
grammars are loaded on the clock, by both tools, as they come with the first index. What child processes cost is counted, whether they have ended
or not: groma's compiled core keeps the one that parses.
"""

import json
import os
import resource
import sys
import time
from contextlib import suppress

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

    return took, engine.core, status.files, status.chunks, ask, engine.close


def semble(root):
    """In memory when `from_path` returns; what its command line would keep for the next start is written after the clock stopped."""
    from semble import SembleIndex
    from semble.cache import save_index_to_cache

    begun, cpu = time.perf_counter(), cpu_s()
    index = SembleIndex.from_path(root, model_path=os.environ["SEMBLE_MODEL_NAME"])
    took = time.perf_counter() - begun, cpu_s() - cpu

    def ask(query):
        return [(r.chunk.file_path, r.chunk.start_line, r.chunk.end_line) for r in index.search(query, 10)]

    return took, None, index.stats.indexed_files, index.stats.total_chunks, ask, lambda: save_index_to_cache(index, root)


def cpu_s():
    """Processor seconds of this process and its children."""
    ended = sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    return ended + sum(ticks for _, ticks in children()) / os.sysconf("SC_CLK_TCK")


def peak_mb():
    """The most memory this process ever held, its largest child that ended and its living children, added."""
    unit = 1 if sys.platform == "darwin" else 1024
    ended = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * unit
    return (ended + sum(memory_bytes(child, "VmHWM") for child, _ in children())) / 1e6


def rss_mb():
    """The memory this process and its living children hold now (Linux; 0 where the system does not say)."""
    return sum(memory_bytes(one, "VmRSS") for one in (os.getpid(), *(child for child, _ in children()))) / 1e6


def children():
    """(number, clock ticks it and what it waited for have run) of each living child; none where there is no /proc."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if name.isdecimal():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as f:  # it may end meanwhile
                fields = f.read().rpartition(b")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append((int(name), sum(map(int, fields[11:15]))))
    return found


def memory_bytes(process, field):
    with suppress(OSError), open(f"/proc/{process}/status", encoding="utf-8") as f:
        return next((1024 * int(line.split()[1]) for line in f if line.startswith(f"{field}:")), 0)
    return 0


def main():
    tool, root = sys.argv[1:]
    questions = json.load(sys.stdin)
    (wall, cpu), core, files, chunks, ask, keep = {"groma": groma, "semble": semble}[tool](root)
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
            "core": core,
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
