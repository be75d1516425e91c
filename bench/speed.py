"""How fast both of groma's cores are beside semble 0.7.0, all in one run on one machine, in turns.

    python -m bench.speed --checkouts DIR --peer-python PYTHON --model DIR

Each round takes every repository through the compiled core, the plain one and semble; who begins changes from round to round. What is done with
each, on a fresh copy of the checkout that is a git repository with one commit, with a fresh data directory and in processes of its own:

- cold index: one process imports the tool, then indexes on the clock; groma is durable on disk when it returns, semble holds all in memory
- warm query: the same process asks every question of the benchmark for this repository; what it answers is scored, too
- whole process: `groma search` and `semble search` start, answer from the index on disk and end
- one changed file: a line of comment with a word of its own goes into a file; a search for that word is started and must find it
- second worktree: `git worktree add`, then a search there until it has answered
- memory: the peak of the process that indexed and asked, and of one that only searches
- disk: bytes of the index for 10,000 chunks

The peer is not a dependency: PYTHON is an environment with `pip install semble==0.7.0`, DIR the folder of a static model for it (in place of
the one it would download). Without them groma is measured alone. `--cores rust` leaves the plain core out, which takes most of the time.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .evaluate import GATES, Question, load_questions, mean_over_repositories, measure
from .record import header, result_path, write
from .retrieval import select

__all__ = ["CORES", "Cost", "Tool", "finds", "git_repository", "marked", "one_round", "size", "tables", "timed", "tools", "worktree"]

WORKER = Path(__file__).with_name("worker.py")
CORES = {"rust": "groma", "pure": "groma, plain core"}
"""What a core is called in the tables, by what `GROMA_CORE` calls it."""
SEARCHES = 3
"""Whole-process searches a round and repository."""

COMMENT = {
    **dict.fromkeys(("c", "h", "cc", "cpp", "hpp", "cs", "go", "java", "js", "ts", "tsx", "kt", "php", "rs", "scala", "swift", "zig"), "//"),
    **dict.fromkeys(("py", "rb", "sh", "bash", "ex", "exs"), "#"),
    **dict.fromkeys(("hs", "lua"), "--"),
}
"""How a line of comment begins, by the end of a file's name."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process cost: seconds by the clock, processor seconds, peak memory."""

    wall_s: float
    cpu_s: float
    peak_mb: float

    def row(self) -> dict[str, float]:
        """For the raw result."""
        return {"ms": round(1e3 * self.wall_s, 1), "cpu_ms": round(1e3 * self.cpu_s, 1), "peak_mb": round(self.peak_mb, 1)}


@dataclass(frozen=True, slots=True)
class Tool:
    """One side: what is imported of it, its Python, how its command line searches a folder, the environment both need, where its index lies."""

    name: str
    package: str
    python: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    data: str

    def search(self, folder: Path, query: str) -> list[str]:
        """The command that searches `folder` and prints JSON."""
        places = {"FOLDER": str(folder), "QUERY": query}
        return [self.python, *(places.get(part, part) for part in self.arguments)]

    def env(self, data: Path) -> dict[str, str]:
        """The environment with its index in `data`."""
        return {**os.environ, **self.environment, self.data: str(data)}


def tools(peer_python: str | None, model: Path | None, cores: Sequence[str] = tuple(CORES)) -> list[Tool]:
    """groma with each of these cores, and the peer where it was given."""
    search = ("-m", "groma", "search", "--repo", "FOLDER", "QUERY", "--json")
    found = [Tool(CORES[core], "groma", sys.executable, search, {"GROMA_CORE": core}, "GROMA_DATA_DIR") for core in cores]
    if peer_python and model:
        run = ("-c", "from semble.cli import main; main()", "search", "QUERY", "FOLDER", "-k", "10")
        offline = {"SEMBLE_MODEL_NAME": str(model.resolve()), "HF_HUB_OFFLINE": "1"}
        found.append(Tool("semble", "semble", peer_python, run, offline, "SEMBLE_CACHE_LOCATION"))
    return found


def timed(command: Sequence[str], env: Mapping[str, str]) -> tuple[Cost, str]:
    """Run a command to its end: what it cost, and what it printed. Exits with its last words if it fails.

    It starts in an empty folder: Python would import a `typing.py` of the tree it stands in.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryDirectory() as cwd:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=dict(env), cwd=cwd)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(command[:6])} … failed with exit code {process.returncode}:\n{err.read().decode('utf-8', 'replace')[-2000:]}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6), out.read().decode("utf-8")


def marked(folder: Path, paths: Sequence[str], word: str) -> str:
    """Put a line of comment with `word` into the middle of the first of `paths` that can have one; returns that path.

    Raises ValueError if none can.
    """
    for path in paths:
        start = COMMENT.get(path.rsplit(".", 1)[-1])
        file = folder / path
        if start is None or not file.is_file():
            continue
        lines = file.read_bytes().split(b"\n")
        lines.insert(len(lines) // 2, f"{start} {word}".encode())
        file.write_bytes(b"\n".join(lines))
        return path
    raise ValueError(f"no file of {folder.name} can be marked")


def git_repository(target: Path) -> None:
    """Make a folder a git repository with one commit that holds what the folder holds."""
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "core.autocrlf=false", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), (*who, "commit", "-q", "-m", "the checkout")):
        subprocess.run(["git", *arguments], cwd=target, check=True, capture_output=True)


def worktree(folder: Path, name: str) -> Path:
    """Another worktree of the repository at `folder`, beside it."""
    path = folder.with_name(name)
    subprocess.run(["git", "worktree", "add", "-q", "--detach", str(path)], cwd=folder, check=True, capture_output=True)
    return path


def size(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def one_round(tool: Tool, source: Path, questions: Sequence[Question], dice: random.Random) -> dict[str, Any]:
    """One round of one tool on one repository."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch, "data")
        data.mkdir()
        folder = Path(os.path.realpath(scratch), "tree", source.name)
        folder.parent.mkdir()
        shutil.copytree(source, folder, symlinks=True)
        git_repository(folder)
        env = tool.env(data)

        asked = json.dumps([q.text for q in questions])
        command = [tool.python, str(WORKER), tool.package, str(folder)]
        worker = subprocess.run(command, input=asked, env=env, capture_output=True, text=True, check=False)
        if worker.returncode:
            sys.exit(f"{tool.name} failed on {source.name}:\n{worker.stderr[-2000:]}")
        row: dict[str, Any] = json.loads(worker.stdout)
        row["ndcg"] = [round(measure([tuple(i) for i in items], q.targets)["ndcg"], 5) for items, q in zip(row.pop("items"), questions, strict=True)]
        row["disk_bytes"] = size(data)

        some = dice.sample(list(questions), min(SEARCHES, len(questions)))
        row["process"] = [timed(tool.search(folder, q.text), env)[0].row() for q in some]

        wanted = [target.path for q in questions for target in q.targets]
        word = "zq" + "".join(dice.choices("bcdfghjklmnpqrstvwxz", k=10))
        path = marked(folder, dice.sample(wanted, len(wanted)), word)
        cost, said = timed(tool.search(folder, word), env)
        row["changed"] = cost.row() | {"found": finds(said, path, word)}

        second = worktree(folder, folder.name + "-second")
        cost, said = timed(tool.search(second, questions[0].text), env)
        row["worktree"] = cost.row() | {"answered": bool(_hits(said))}
        if tool.package == "groma":
            # How many files a worktree makes it read, from one more of them (the search does not tell).
            third = worktree(folder, folder.name + "-third")
            _, said = timed([tool.python, "-m", "groma", "index", str(third), "--json"], env)
            row["worktree"]["read"] = json.loads(said)["read"]
        return row


def _hits(said: str) -> list[dict[str, Any]]:
    answer = json.loads(said)
    hits: list[dict[str, Any]] = answer.get("hits", answer.get("results", []))
    return hits


def finds(said: str, path: str, word: str) -> bool:
    """Is a passage with `word` of the file `path` in this answer?"""
    return any((hit.get("path") or hit.get("file_path")) == path and word in (hit.get("text") or hit.get("content") or "") for hit in _hits(said))


# ------------------------------------------------------------------------------------------------------------------------ the tables


def _median(rounds: Sequence[Mapping[str, Any]], *keys: str) -> float:
    """The median over rounds (and over a round's several runs) of one figure."""
    values: list[float] = []
    for one in rounds:
        value: Any = one
        for i, key in enumerate(keys):
            if isinstance(value, list):
                values += [v[keys[i]] for v in value]
                break
            value = value[key]
        else:
            values.append(float(value))
    return statistics.median(values)


def _percentile(rounds: Sequence[Mapping[str, Any]], share: float) -> float:
    times = sorted(ms for one in rounds for ms in one["query_ms"])
    return times[min(len(times) - 1, math.ceil(share * len(times)) - 1)] if times else 0.0


FIGURES: tuple[tuple[str, Any], ...] = (
    ("cold index s", lambda rounds: _median(rounds, "index_s")),
    ("index cpu s", lambda rounds: _median(rounds, "index_cpu_s")),
    ("query ms p50", lambda rounds: _percentile(rounds, 0.50)),
    ("query ms p95", lambda rounds: _percentile(rounds, 0.95)),
    ("process ms", lambda rounds: _median(rounds, "process", "ms")),
    ("process cpu ms", lambda rounds: _median(rounds, "process", "cpu_ms")),
    ("changed ms", lambda rounds: _median(rounds, "changed", "ms")),
    ("changed cpu ms", lambda rounds: _median(rounds, "changed", "cpu_ms")),
    ("worktree ms", lambda rounds: _median(rounds, "worktree", "ms")),
    ("peak MB", lambda rounds: _median(rounds, "peak_mb")),
    ("search peak MB", lambda rounds: _median(rounds, "process", "peak_mb")),
    ("disk MB / 10k chunks", lambda rounds: statistics.median(one["disk_bytes"] / max(1, one["chunks"]) * 1e4 / 1e6 for one in rounds)),
)


def tables(result: Mapping[str, Any]) -> str:
    """Per tool one row a repository with the medians over rounds; then all tools over all repositories, with the peer's ratio to each core."""
    out = []
    figures: dict[str, dict[str, list[float]]] = {}
    for name in result["tools"]:
        lines = [
            f"| {name} | files | chunks | " + " | ".join(label for label, _ in FIGURES) + " | NDCG@10 |",
            "|---|---:|---:|" + "---:|" * (len(FIGURES) + 1),
        ]
        for repository, by_tool in result["repositories"].items():
            rounds = by_tool[name]
            values = [figure(rounds) for _, figure in FIGURES]
            figures.setdefault(repository, {})[name] = values
            ndcg = statistics.fmean(rounds[0]["ndcg"])
            lines.append(f"| {repository} | {rounds[0]['files']} | {rounds[0]['chunks']} | " + " | ".join(map(_figure, values)) + f" | {ndcg:.3f} |")
        out.append("\n".join(lines))
    names = list(result["tools"])
    ours = [name for name in names if name != "semble"] if "semble" in names else []
    lines = [
        "| over all repositories | " + " | ".join([*names, *(f"semble / {name}" for name in ours)]) + " |",
        "|---|" + "---:|" * (len(names) + len(ours)),
    ]

    def row(label: str, values: Mapping[str, float]) -> None:
        ratios = [f"{values['semble'] / values[name]:.2f}" if values[name] else "" for name in ours]
        lines.append(f"| {label} | " + " | ".join([*(_figure(values[name]) for name in names), *ratios]) + " |")

    for i, label in ((0, "cold index s, sum"), (1, "index cpu s, sum")):
        row(label, {name: sum(f[name][i] for f in figures.values()) for name in names})
    for i, (label, _) in enumerate(FIGURES):
        row(f"{label}, median", {name: statistics.median(f[name][i] for f in figures.values()) for name in names})
    everything = {name: [one for by_tool in result["repositories"].values() for one in by_tool[name]] for name in names}
    for label, share in (("p50", 0.50), ("p95", 0.95)):
        row(f"query ms {label}, all queries", {name: _percentile(everything[name], share) for name in names})
    quality = [
        mean_over_repositories((repository, v) for repository, by_tool in result["repositories"].items() for v in by_tool[name][0]["ndcg"])
        for name in names
    ]
    lines.append("| NDCG@10 of these questions | " + " | ".join([*(f"{v:.4f}" for v in quality), *("" for _ in ours)]) + " |")
    out.append("\n".join(lines))
    out.append("\n".join(_sentences(result)))
    return "\n\n".join(out)


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _sentences(result: Mapping[str, Any]) -> list[str]:
    said = []
    for name in result["tools"]:
        rounds = [one for by_tool in result["repositories"].values() for one in by_tool[name]]
        found = sum(one["changed"]["found"] for one in rounds)
        answered = sum(one["worktree"]["answered"] for one in rounds)
        read = [one["worktree"]["read"] for one in rounds if "read" in one["worktree"]]
        said.append(
            f"{name}: the changed line was found in {found} of {len(rounds)} runs; the second worktree answered in {answered} of {len(rounds)}"
            + (f" and read {max(read)} files at most." if read else ".")
        )
    for name in result["tools"]:
        of_tool = {repository: by_tool[name] for repository, by_tool in result["repositories"].items()}
        near, rounds = min(of_tool.items(), key=lambda item: abs(item[1][0]["chunks"] - 10_000))
        whole, changed, work = (_median(rounds, *keys) for keys in (("process", "ms"), ("changed", "ms"), ("changed", "cpu_ms")))
        said.append(
            f"{name}, nearest to 10,000 chunks: {near} with {rounds[0]['chunks']}: a search takes {whole:.0f} ms, after one changed file "
            f"{changed:.0f} ms ({work:.0f} ms of processor time), start and end included."
        )
    if "semble" in result["tools"]:
        said.append("Ratios above 1: groma needs less. By default groma indexes documents and configuration too, semble code only.")
    return said


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="How fast both of groma's cores are beside semble, all in one run on one machine, in turns.")
    parser.add_argument("--checkouts", required=True, type=Path, help="the folder that bench.checkouts filled")
    parser.add_argument("--peer-python", help="the Python of an environment with semble 0.7.0")
    parser.add_argument("--model", type=Path, help="the folder of a static model for semble")
    parser.add_argument("--cores", choices=["rust,pure", "rust", "pure"], default="rust,pure", help="groma's cores (default: both)")
    parser.add_argument("--only", help="repository names, comma-separated")
    parser.add_argument("--rounds", type=int, default=3, help="how often each repository is measured with each tool (default: 3)")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-speed.json)")
    args = parser.parse_args()
    if bool(args.peer_python) != bool(args.model):
        parser.error("--peer-python and --model come together")
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    chosen = select(args.checkouts, args.only)
    sides = tools(args.peer_python, args.model, args.cores.split(","))
    questions = load_questions(GATES["questions"])
    dice = random.Random(0)
    begun = header("groma.bench-speed/2")
    measured: dict[str, dict[str, list[dict[str, Any]]]] = {repository.name: {tool.name: [] for tool in sides} for repository, _ in chosen}
    for turn in range(args.rounds):
        for repository, folder in chosen:
            mine = [q for q in questions if q.repository == repository.name]
            seed = dice.random()
            first = turn % len(sides)
            for tool in (*sides[first:], *sides[:first]):
                row = one_round(tool, folder, mine, random.Random(seed))
                measured[repository.name][tool.name].append(row)
                print(f"{turn + 1}/{args.rounds} {repository.name} {tool.name}: index {row['index_s']:.2f} s, {_brief(row)}", file=sys.stderr)
    peer = {"semble": _version(args.peer_python) | {"model": args.model.name}} if args.peer_python else {}
    result = begun | {"rounds": args.rounds, "tools": [tool.name for tool in sides], "peer": peer, "repositories": measured}
    out = args.out or result_path("speed")
    write(out, result)
    print(tables(result))
    print(f"raw result: {out}", file=sys.stderr)


def _brief(row: Mapping[str, Any]) -> str:
    return f"process {row['process'][0]['ms']:.0f} ms, changed {row['changed']['ms']:.0f} ms, worktree {row['worktree']['ms']:.0f} ms"


def _version(python: str) -> dict[str, str]:
    ask = "import platform, semble; print(semble.__version__, platform.python_version())"
    version, of_python = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    return {"version": version, "python": of_python, "workers": os.environ.get("SEMBLE_INDEX_WORKERS", "its default")}


if __name__ == "__main__":
    main()
