"""The benchmark of the segment, on a small real tree: sizes, agreement, table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("groma._rs", reason="the compiled core is not built; its benchmark is NOT run")
ROOT = Path(__file__).parents[2]


def test_both_cores_are_measured_over_the_same_parts(tmp_path: Path) -> None:
    folder = tmp_path / "checkouts" / "flask" / "src" / "flask"
    folder.mkdir(parents=True)
    for i in range(4):
        (folder / f"blueprint_{i}.py").write_text(f"class Blueprint{i}:\n    def register(self, app):\n        app.blueprints.append({i})\n")
    command = [sys.executable, "-m", "bench.segment", "--checkouts", str(tmp_path / "checkouts"), "--only", "flask"]
    command += ["--sizes", "3,50", "--rounds", "1", "--queries", "5", "--out", str(tmp_path / "out.json")]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "| 50 | 1 | vectors |" in done.stdout
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["real chunks"] == 4
    assert [part["chunks"] for part in result["parts"]] == [3, 50]
    for row in result["measured"]:
        assert set(row["ms"]) == {"compiled", "pure", "floats", "read"}
        assert all(len(legs) == 3 for side in row["ms"].values() for legs in side.values())
