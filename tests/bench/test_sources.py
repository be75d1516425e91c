"""Folders made from real files: their sizes, their repetitions, and what is asked and measured in them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench import build, first, scale, speed
from bench.sources import Definition, lay, only_definitions, sources, spread
from groma import core

ROOT = Path(__file__).parents[2]


def _checkouts(folder: Path) -> Path:
    """Two of the benchmark's repositories, with files of ours in them."""
    left_out = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "src" / "groma" / "search", folder / "flask" / "src" / "flask", ignore=left_out)
    shutil.copytree(ROOT / "src" / "groma" / "stores", folder / "requests" / "src" / "requests", ignore=left_out)
    return folder


def test_every_beginning_of_a_spread_holds_its_share_of_each_repository(tmp_path: Path) -> None:
    root = _checkouts(tmp_path)
    found = sources([("search", root / "flask"), ("stores", root / "requests")])
    sizes = {name: sum(source.repository == name for source in found) for name in ("search", "stores")}
    assert sizes["search"] == len(list((root / "flask").rglob("*.py")))
    half = spread(found)[: len(found) // 2]
    assert abs(sum(source.repository == "search" for source in half) - sizes["search"] / 2) <= 1
    assert sorted(spread(found), key=lambda s: (s.repository, s.path)) == sorted(found, key=lambda s: (s.repository, s.path))


def test_a_repetition_has_words_of_its_own_and_parses_as_the_files_do(tmp_path: Path) -> None:
    found = sources([("search", _checkouts(tmp_path / "checkouts") / "flask")])
    lay(found, tmp_path / "made")
    lay(found, tmp_path / "made", 1)
    assert all((tmp_path / "made/search" / s.path).read_bytes() == (s.folder / s.path).read_bytes() for s in found)
    again = sources([("again", tmp_path / "made" / "search-1")])
    assert [(s.path, len(s.functions)) for s in again] == [(s.path, len(s.functions)) for s in found]
    differs = sum((s.folder / s.path).read_bytes() != (t.folder / t.path).read_bytes() for s, t in zip(found, again, strict=True))
    assert differs > len(found) / 2
    text, other = ((folder / "rank.py").read_text() for folder in (ROOT / "src/groma/search", tmp_path / "made/search-1/src/flask"))
    changed = [(a, b) for a, b in zip(text.split(), other.split(), strict=True) if a != b]
    assert changed and all("_" in a for a, _ in changed)


def test_only_what_has_one_name_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def only_in_this_file():\n    return 1\n\n\ndef defined_in_two_files():\n    return 2\n")
    (tmp_path / "b.py").write_text("\n\ndef defined_in_two_files():\n    return 3\n\n\ndef short():\n    return 4\n")
    asked = only_definitions(sources([("made", tmp_path)]))
    assert [(source.path, function) for source, function in asked] == [("a.py", Definition("only_in_this_file", 1))]


def test_an_answer_is_right_where_its_lines_are_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n\n\ndef only_in_this_file():\n    return 1\n")
    function = Definition("only_in_this_file", 4)
    hit = {"path": "a.py", "start_line": 4, "end_line": 5, "masked": False, "text": "def only_in_this_file():\n    return 1"}
    say = lambda *hits: json.dumps({"hits": hits})  # noqa: E731
    assert first.place(say(hit), tmp_path, "a.py", function) == 1
    assert first.place(say(hit | {"path": "b.py"}, hit), tmp_path, "a.py", function) == 2
    assert first.place(say(hit | {"text": "def only_in_this_file():\n    return 2"}), tmp_path, "a.py", function) == 0
    assert first.place(say(hit | {"start_line": 5}), tmp_path, "a.py", function) == 0
    assert first.place(say(), tmp_path, "a.py", function) == 0


def test_the_first_answer_and_a_second_worktree_are_measured(tmp_path: Path) -> None:
    _checkouts(tmp_path / "checkouts")
    command = [sys.executable, "-m", "bench.first", "--checkouts", str(tmp_path / "checkouts"), "--only", "flask,requests", "--files", "9"]
    command += ["--many", "12", "--rounds", "1", "--cores", core.NAME, "--out", str(tmp_path / "out.json")]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "A second worktree made groma read 0 files at most." in done.stdout
    measured = json.loads((tmp_path / "out.json").read_text())["measured"]
    (row,) = measured["flask"][speed.CORES[core.NAME]]
    assert row["files"] == 9
    assert row["index, then search"]["ms"] >= row["index"]["ms"] > 0
    (row,) = measured["many"][speed.CORES[core.NAME]]
    assert (row["files"], row["read"]) == (12, 0)


def test_growth_is_measured_over_folders_larger_than_all_there_is(tmp_path: Path) -> None:
    _checkouts(tmp_path / "checkouts")
    there = sum(source.chunks for source in sources([("all", tmp_path / "checkouts")]))
    command = [sys.executable, "-m", "bench.scale", "--checkouts", str(tmp_path / "checkouts"), "--only", "flask,requests", "--rounds", "1"]
    command += ["--sizes", f"20,{3 * there}", "--queries", "3", "--work", str(tmp_path), "--out", str(tmp_path / "out.json")]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "| whole query, ms p5 / p50 / p95 |" in done.stdout
    small, large = json.loads((tmp_path / "out.json").read_text())["measured"]
    assert 20 <= small["chunks"] < 60
    assert 2.9 * there < large["chunks"] < 3.1 * there + 20
    for row in (small, large):
        assert len(row["ms"]["whole query"]) == 3
        assert all(len(row["ms"][leg]) == 3 for leg in scale.LEGS.values())
        assert row["disk"]["other"] < 100 < min(row["disk"][kind] for kind in ("store", "segment", "catalogue"))
        assert row["rss_mb"] > 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkouts", "out.json"]


def test_a_wheel_is_weighed_and_the_copy_has_what_it_is_built_from(tmp_path: Path) -> None:
    build.copied(tmp_path / "tree")
    assert {"pyproject.toml", "setup.py", "Cargo.lock", "rust", "src"} <= {path.name for path in (tmp_path / "tree").iterdir()}
    assert not list((tmp_path / "tree").rglob("*.so"))
    made = shutil.make_archive(str(tmp_path / "made"), "zip", tmp_path / "tree" / "bench")
    row = build.weighed(Path(made))
    assert row["bytes"] == Path(made).stat().st_size < row["installed_bytes"]
