"""The table of where the time goes, over a small real tree: every stage is there, and the parts of a scan make up the whole."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from groma import core

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(core.NAME != "rust" or shutil.which("cargo") is None, reason="it measures the compiled core, from Rust")
def test_every_stage_of_an_index_is_measured_beside_the_parser_alone(tmp_path: Path) -> None:
    folder = tmp_path / "checkouts" / "flask" / "src" / "flask"
    shutil.copytree(ROOT / "src" / "groma" / "search", folder, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "bench.stages", "--checkouts", str(tmp_path / "checkouts"), "--only", "flask", "--rounds", "1"]
    done = subprocess.run([*command, "--out", str(tmp_path / "out.json")], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "| parse: tree-sitter |" in done.stdout
    assert "| cold index / parse alone on all threads |" in done.stdout
    (row,) = json.loads((tmp_path / "out.json").read_text())["repositories"]["flask"]
    assert row["files"] == len(list(folder.iterdir())) == row["floor"]["files"]
    seconds = row["seconds"]
    assert all(seconds[name] > 0 for name in ("read", "hash", "mask", "parse", "queries", "chunk", "tokens", "vectors", "model"))
    assert {"walk", "columns", "SQLite", "segment", "mentions", "catalogue"} <= set(row["parent wall"])
    parts = sum(value for name, value in seconds.items() if name not in ("model", "grammars and queries"))
    assert parts == pytest.approx(row["scan"], rel=0.01)
