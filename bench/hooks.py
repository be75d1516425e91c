"""What a hook costs an agent: whole processes, on a project of 10,000 chunks, with the daemon there, with none, and turned off.

    python -m bench.hooks [--rounds N] [--keep] [--beside SRC]

The project is made of generated modules, and a hundred memories and ten notes of earlier sessions lie beside it; the transcript has 50 MB. Every
case is asked for `--rounds` times, in turn, so that a busy minute falls on all of them. "no daemon" is the first moment of a day: SessionStart
answers from its own process, and starts one beside it for what follows (which is stopped before the next round). `python` is the interpreter doing
nothing. Beside the time stands the processor time of the process itself, which a busy machine does not change much.
`--keep` writes the raw result. `--beside` names the sources of another groma (`…/src` of a checkout), which is asked in turn with this one; then the
ratio of both medians is told.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .record import header, machine, result_path, write

CHUNKS = 10_000
BAR_MS = 200
MODULE = '''"""Part {n} of the ledger."""


def post_{n}(entries, account):
    """Post entries to account number {n} and return what is left."""
    total = sum(entry.amount for entry in entries)
    account.balance += total * {n}
    return account.balance


class Book{n}:
    """A book of account {n}."""

    def close_{n}(self, year):
        """Close the book of a year, carry the balance over."""
        self.years.append((year, self.balance + {n}))
        return self.balance
'''


def project(folder: Path) -> None:
    """A repository of about CHUNKS chunks: three a file."""
    for n in range(CHUNKS // 3):
        path = folder / f"part{n % 50}" / f"module{n}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MODULE.replace("{n}", str(n)) + MODULE.replace("{n}", str(n + CHUNKS)) * 2, "utf-8")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


def transcript(path: Path, root: Path) -> None:
    """50 MB of a session."""
    rows = [
        {"type": "user", "message": {"role": "user", "content": "Please close the books of 2025 without losing a cent"}, "gitBranch": "main"},
        {"type": "assistant", "message": {"role": "assistant", "content": [{"type": "text", "text": "I looked at the ledger. " * 40}]}},
        {"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "content": "x" * 4000}]}},
        {
            "type": "assistant",
            "message": {"content": [{"type": "tool_use", "name": "Edit", "input": {"file_path": str(root / "part1" / "module1.py")}}]},
        },
    ]
    block = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(block * (50_000_000 // len(block)), "utf-8")


def main() -> None:
    """Measure, print a table, and keep the raw result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--beside", metavar="SRC", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="groma-hooks-") as place:
        result = measured(Path(place), given.rounds, given.beside)
    for case, row in result["cases"].items():
        print(f"{case:34} {row['p50_ms']:7.1f} {row['p95_ms']:7.1f} {row['max_ms']:7.1f} ms {row['cpu_p50_ms']:7.1f} CPU  exit {row['exit']}")
        if given.beside and f"{case}, beside" in result["cases"]:
            print(f"{'':34} {row['p50_ms'] / result['cases'][f'{case}, beside']['p50_ms']:7.2f} of the time of the one beside")
    print(f"{result['chunks']} chunks, load {result['machine']['load']} before, {result['load_after']} after; the bar is {BAR_MS} ms")
    if given.keep:
        write(result_path("hooks"), result)


def measured(place: Path, rounds: int, beside: str = "") -> dict[str, Any]:
    """Times of each case, in milliseconds."""
    about = header("groma.bench.hooks/1")
    root = place / "ledger"
    project(root)
    transcript(place / "session.jsonl", root)
    env = {**os.environ, "HOME": str(place), "GROMA_DATA_DIR": str(place / "data"), "CLAUDE_PROJECT_DIR": str(root), "XDG_RUNTIME_DIR": ""}
    groma = [sys.executable, "-m", "groma"]

    spent = 0.0

    def call(*words: str, said: dict[str, Any] | None = None, daemon: str = "auto", source: str = "") -> tuple[float, int, bytes]:
        nonlocal spent
        here = env | {"GROMA_DAEMON": daemon} | ({"PYTHONPATH": source} if source else {})
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        ran = subprocess.run([*groma, *words], input=json.dumps(said or {}).encode(), env=here, cwd=root, capture_output=True, check=False)
        took = 1e3 * (time.perf_counter() - begun)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return took, ran.returncode, ran.stdout

    call("index", ".", daemon="off")
    chunks = json.loads(call("index", ".", "--json", daemon="off")[2])["chunks"]
    notes = [{"content": f"The account {n} of the ledger is closed by the {n}th of the month, by decision {n}"} for n in range(100)]
    notes += [{"content": f"Work stood at module {n}: the books of {n} are open", "level": "SESSION_STATE"} for n in range(10)]
    lines = "".join(json.dumps(note) + "\n" for note in notes).encode()
    alone = env | {"GROMA_DAEMON": "off"}
    subprocess.run([*groma, "remember", "--json", "--jsonl", "-"], input=lines, env=alone, cwd=root, capture_output=True, check=True)
    common = {"session_id": "s", "transcript_path": str(place / "session.jsonl"), "cwd": str(root)}
    edit = {"tool_name": "Edit", "tool_input": {"file_path": str(root / "part1" / "module1.py")}}
    shell = {"tool_name": "Bash", "tool_input": {"command": "cat > notes.md <<'EOF'\n" + "a line\n" * 200 + "EOF\nmake test 2>&1 | tee out.log"}}
    refused = {"tool_name": "Bash", "tool_input": {"command": "echo TOKEN=1 >> .env"}}
    events = {
        "PreToolUse edit": ("PreToolUse", edit),
        "PreToolUse shell": ("PreToolUse", shell),
        "PreToolUse refused": ("PreToolUse", refused),
        "PostToolUse": ("PostToolUse", edit),
        "SessionStart": ("SessionStart", {"source": "startup"}),
        "PreCompact": ("PreCompact", {"trigger": "auto"}),
        "SessionEnd": ("SessionEnd", {"reason": "exit"}),
    }
    times: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    codes: dict[str, set[int]] = {}
    for state, daemon in (("daemon", "auto"), ("no daemon", "auto"), ("daemon off", "off")):
        if state == "daemon":
            call("start")
        for _ in range(rounds):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            times.setdefault("python", []).append(1e3 * (time.perf_counter() - begun))
            cpu.setdefault("python", []).append(0.0)
            for name, (event, more) in events.items():
                for source in (beside, "") if beside else ("",):
                    if state == "no daemon":
                        call("stop")
                    case = f"{name}, {state}{', beside' if source else ''}"
                    ms, code, out = call("hook", event, said=common | {"hook_event_name": event} | more, daemon=daemon, source=source)
                    times.setdefault(case, []).append(ms)
                    cpu.setdefault(case, []).append(spent)
                    codes.setdefault(case, set()).add(code)
                    assert code == (2 if "refused" in name else 0), (name, code)
                    assert event != "SessionStart" or b"additionalContext" in out
        call("stop")
    cases = {
        case: {
            "p50_ms": round(statistics.median(ms), 1), "p95_ms": round(sorted(ms)[-(-95 * len(ms) // 100) - 1], 1), "max_ms": round(max(ms), 1),
            "cpu_p50_ms": round(statistics.median(cpu[case]), 1),
            "exit": sorted(codes.get(case, {0})), "ms": [round(x, 1) for x in ms],
        }
        for case, ms in times.items()
    }  # fmt: skip
    log = place / "data" / "hooks.log"
    return about | {"chunks": chunks, "rounds": rounds, "bar_ms": BAR_MS, "load_after": machine()["load"], "cases": cases,
                    "logged": log.read_text("utf-8").splitlines() if log.exists() else []}  # fmt: skip


if __name__ == "__main__":
    main()
