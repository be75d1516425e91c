"""What the installs of the matrix find on PATH, and its table. One real install of each kind is in tests/test_packaging.py."""

import shutil
from pathlib import Path

import pytest

from bench.matrix import BARE, CASES, SAID, environments, table

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo that could be hidden")
def test_each_case_takes_away_what_it_says(tmp_path: Path) -> None:
    cases = environments(tmp_path, None)
    assert list(cases) == [case for case in CASES if case != "old Rust"]
    found = {
        case: {tool: shutil.which(tool, path=changed["PATH"]) for tool in ("cargo", "rustc", "cc")}
        for case, changed in cases.items()
        if "PATH" in changed
    }
    assert found["no cargo"]["cargo"] is None
    assert found["no C compiler"]["cargo"] and found["no C compiler"]["rustc"] and found["no C compiler"]["cc"] is None
    assert set(found["wheel"].values()) == {None}
    assert cases["wheel"] == {"PATH": BARE}
    old = environments(tmp_path / "again", tmp_path)["old Rust"]["PATH"]
    assert old.startswith(f"{tmp_path}:")


def test_the_table_has_a_line_a_case_and_shows_what_is_wrong() -> None:
    rows = [
        {"python": "3.11.7", "case": "cargo", "search": "rust", "pip_s": 71.4},
        {"python": "3.12.1", "case": "cargo", "wrong": "doctor says pure"},
        {"python": "3.11.7", "case": "wheel", "search": "rust", "pip_s": 9.6},
        {"python": "3.12.1", "case": "wheel", "search": "rust", "pip_s": 10.4},
    ]
    assert table(rows).splitlines() == [
        "| case | 3.11.7 | 3.12.1 |",
        "|---|---|---|",
        "| cargo | rust, 71 s | doctor says pure |",
        "| wheel | rust, 10 s | rust, 10 s |",
    ]


def test_the_line_that_is_looked_for_is_the_one_that_is_said() -> None:
    assert SAID in (ROOT / "setup.py").read_text("utf-8")
