"""Whether `pip install .` succeeds and answers, for several Pythons, with and without what the compiled core is built with.

    python -m bench.matrix --pythons PYTHON,PYTHON,… [--old-rust FOLDER]

Each cell is a fresh copy of what git tracks here and a fresh virtual environment with the pip that this Python brings; it builds isolated, with what
pip fetches. The installed `groma` then runs where there is no cargo and no compiler, and indexes and searches
this project's `src`:

- cargo: the compiled core; all Pythons build into one target folder, the first from nothing
- no cargo: no folder of PATH has one
- no crate registry: cargo with an empty home, behind a proxy that is not there
- no C compiler: cargo and rustc are all there is on PATH
- old Rust: FOLDER has cargo and rustc of a version that is too old (Debian 12's, say); without FOLDER it is left out
- wheel: the compiled wheel of the first Python, installed without cargo and without compiler

A cell fails, and with it the run, if pip fails, if its words do not have exactly one line that tells that no compiled core was built where none
was, if `groma doctor`, `groma status` or the answer names another core than it must, or if the hits or their scores are others than the first
cell's. pip needs its package index.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .build import copied, weighed
from .record import header, result_path, write

__all__ = ["CASES", "answers", "environments", "table"]

CASES = {"cargo": "rust", "no cargo": "pure", "no crate registry": "pure", "no C compiler": "pure", "old Rust": "pure", "wheel": "rust"}
"""The core that each case must end with."""
SAID = "groma: no compiled core was built; this package runs on the plain-Python core (slower)."
QUERY = "where are ignore rules applied"
BARE = "/nowhere"
"""A PATH without cargo and without any compiler."""


def environments(scratch: Path, old_rust: Path | None) -> dict[str, dict[str, str]]:
    """What each case changes in the environment of pip; folders that it needs are made below `scratch`."""
    folders = os.environ["PATH"].split(os.pathsep)
    tools = scratch / "tools"
    tools.mkdir(parents=True)
    for name in ("cargo", "rustc"):
        (tools / name).symlink_to(str(shutil.which(name)))
    without = os.pathsep.join(f for f in folders if not os.access(os.path.join(f, "cargo"), os.X_OK))
    nothing_built = {"CARGO_TARGET_DIR": str(scratch / "nothing")}
    unreachable = {"CARGO_HOME": str(scratch / "cargo-home"), "CARGO_HTTP_PROXY": "http://127.0.0.1:9", "RUSTUP_HOME": _rustup()}
    cases = {
        "cargo": {"CARGO_TARGET_DIR": str(scratch / "target")},
        "no cargo": nothing_built | {"PATH": without},
        "no crate registry": nothing_built | unreachable,
        "no C compiler": nothing_built | {"PATH": str(tools)},
        "wheel": {"PATH": BARE},
    }
    if old_rust is not None:
        cases["old Rust"] = nothing_built | {"PATH": os.pathsep.join([str(old_rust), *folders])}
    return {case: cases[case] for case in CASES if case in cases}


def _rustup() -> str:
    """Where rustup has its toolchains, whatever CARGO_HOME says."""
    return os.environ.get("RUSTUP_HOME") or os.path.expanduser("~/.rustup")


def answers(groma: Path, folder: Path, scratch: Path) -> dict[str, Any]:
    """Index and search `folder` by this installed `groma`, with nothing else on PATH: the core that each command names, the hits, the seconds."""
    env = {"PATH": BARE, "HOME": str(scratch), "GROMA_DATA_DIR": str(scratch / "data"), "LANG": "C.UTF-8"}

    def said(*arguments: str) -> dict[str, Any]:
        done = subprocess.run([groma, *arguments, "--json"], env=env, cwd=scratch, check=True, capture_output=True)
        return dict(json.loads(done.stdout))

    begun = time.perf_counter()
    said("index", str(folder))
    seconds = time.perf_counter() - begun
    answer = said("search", "--repo", str(folder), QUERY)
    doctor = next(check["detail"] for check in said("doctor")["checks"] if check["name"] == "core")
    hits = [f"{hit['path']}:{hit['start_line']}-{hit['end_line']} {hit['score']}" for hit in answer["hits"]]
    return {"doctor": doctor, "status": said("status")["core"], "search": answer["core"], "index_s": round(seconds, 2), "hits": hits}


def _cell(python: str, case: str, changed: Mapping[str, str], scratch: Path, wheel: Path | None) -> dict[str, Any]:
    """Install and ask: one row of the result."""
    tree, home = scratch / "tree", scratch / "cell"
    for folder in (tree, home, scratch / "nothing", scratch / "cargo-home"):
        shutil.rmtree(folder, ignore_errors=True)
    copied(tree)  # always to the same path: cargo would take another one's crates for its own
    subprocess.run([python, "-m", "venv", home / "venv"], check=True)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("GROMA_", "PYTHON", "PYO3_", "CARGO_TARGET")) and k != "CARGO"}
    command = [home / "venv/bin/python", "-m", "pip", "install", "-v", "--no-cache-dir", "--disable-pip-version-check", wheel or tree]
    begun = time.perf_counter()
    done = subprocess.run(command, env=own | changed, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home)
    row: dict[str, Any] = {"case": case, "pip_s": round(time.perf_counter() - begun, 1), "exit": done.returncode}
    if done.returncode:
        return row | {"wrong": done.stdout[-2000:]}
    row["said"] = sum(SAID in line for line in done.stdout.splitlines())
    row |= answers(home / "venv/bin/groma", scratch / "asked/src", home)
    core = CASES[case]
    wrong = [f"{what} says {row[what]}" for what in ("doctor", "status", "search") if row[what].split()[0] != core]
    if row["said"] != (core == "pure"):
        wrong.append(f"no compiled core was built: said in {row['said']} lines")
    return row | ({"wrong": "; ".join(wrong)} if wrong else {})


def _wheel(python: Path, changed: Mapping[str, str], scratch: Path) -> Path:
    """Build the compiled wheel from the copy that is there."""
    command = [python, "-m", "pip", "wheel", "-q", "--no-deps", "--no-cache-dir", "-w", scratch / "out", scratch / "tree"]
    subprocess.run(command, env=os.environ | changed | {"GROMA_BUILD_CORE": "rust"}, check=True)
    return next((scratch / "out").glob("*.whl"))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line a case, a column a Python: the core in use, or what is wrong, with pip's seconds."""
    pythons = list(dict.fromkeys(row["python"] for row in rows))
    lines = ["| case | " + " | ".join(pythons) + " |", "|---" * (1 + len(pythons)) + "|"]
    for case in dict.fromkeys(row["case"] for row in rows):
        cells = {row["python"]: row.get("wrong") or f"{row['search']}, {row['pip_s']:.0f} s" for row in rows if row["case"] == case}
        lines.append(f"| {case} | " + " | ".join(cells[python] for python in pythons) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Install everywhere, ask, print, keep; exit code 1 if a cell is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m bench.matrix", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pythons", default=sys.executable, metavar="PYTHON,PYTHON", help="interpreters (default: this one)")
    parser.add_argument("--old-rust", type=Path, metavar="FOLDER", help="a folder with a cargo and a rustc that are too old")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-matrix.json)")
    args = parser.parse_args(arguments)
    if shutil.which("cargo") is None:
        parser.error("cargo is needed")
    begun = header("groma.bench-matrix/1")
    rustc = subprocess.run(["rustc", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder).resolve()
        cases = environments(scratch, args.old_rust)
        copied(scratch / "asked")
        made: Path | None = None
        hits: list[str] | None = None
        for python in args.pythons.split(","):
            version = subprocess.run([python, "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[1]
            for case, changed in cases.items():
                row = {"python": version} | _cell(python, case, changed, scratch, made if case == "wheel" else None)
                if made is None and case == "cargo" and "wrong" not in row:
                    made = _wheel(scratch / "cell/venv/bin/python", changed, scratch)
                found = row.pop("hits", None)
                hits = hits or found
                if found != hits:
                    row.setdefault("wrong", f"other hits than the first cell's: {found}")
                rows.append(row)
                print(f"{version}, {case}: {row.get('wrong', 'as it must be')}", file=sys.stderr)
        weight = weighed(made) if made else {}
    result = begun | {"rustc": rustc, "query": QUERY, "wheel": weight, "hits": hits, "cells": rows}
    out = args.out or result_path("matrix")
    write(out, result)
    print(table(rows))
    print(f"raw result: {out}", file=sys.stderr)
    sys.exit(any("wrong" in row for row in rows))


if __name__ == "__main__":
    main()
