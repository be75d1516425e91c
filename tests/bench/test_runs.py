"""The benchmark's scripts on small real trees: the searchers, one worker, the checkouts, the table of languages."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from bench import record, retrieval, speed
from bench.checkouts import find_clone, lay_out
from bench.evaluate import Question, Repository, Target
from bench.languages import coverage, table
from groma import core

ROOT = Path(__file__).parents[2]
FILES = {
    "retry.py": "def wait_between_attempts(attempt):\n    return min(60, 2**attempt)\n",
    "cache.py": "class Cache:\n    def evict(self, oldest):\n        self.entries.pop(oldest)\n",
    "names.py": "from retry import *\n",
    "notes.txt": "Nothing of interest.\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("make", [retrieval.make, retrieval.make_lexical])
def test_a_searcher_indexes_once_and_answers_with_places(make: object, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROMA_DATA_DIR", str(tmp_path / "data"))
    searcher = make(str(tree))  # type: ignore[operator]
    assert (tmp_path / "data" / "catalogue.db").exists()
    assert searcher.search("how long to wait between attempts", 10)[0] == ("retry.py", 1, 2)
    assert len(searcher.search("cache entries wait attempts", 1)) == 1
    (tree / "late.py").write_text("def very_late():\n    return 1\n")
    assert "late.py" not in {path for path, _, _ in searcher.search("very late", 10)}  # nobody looks anew between two questions
    searcher.close()
    again = make(str(tree))  # type: ignore[operator]
    assert again.search("very late", 10)[0][0] == "late.py"
    again.close()
    assert sorted(p.name for p in tree.iterdir()) == sorted([*FILES, "late.py"])


def test_the_three_gates_are_scored_kept_and_compared(tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "checkouts" / "flask" / "src" / "flask"
    root.parent.mkdir(parents=True)
    tree.rename(root)
    (root / "blueprints.py").write_text("class Blueprint:\n    def register(self, app):\n        app.blueprints.append(self)\n")
    command = [sys.executable, "-m", "bench.retrieval", "--checkouts", str(tmp_path / "checkouts"), "--only", "flask", "--out"]
    env = {k: v for k, v in os.environ.items() if k != "GROMA_DATA_DIR"}
    first = subprocess.run([*command, str(tmp_path / "1.json")], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert "| repository | language | questions lexical | questions vectors | commits lexical |" in first.stdout
    assert "bar" not in first.stdout  # it holds for all repositories
    result = json.loads((tmp_path / "1.json").read_text())
    assert {gate: {way: len(rows) for way, rows in ways.items()} for gate, ways in result["answers"].items()} == {
        "questions": {"lexical": 21, "vectors": 21},
        "commits": {"lexical": 30, "vectors": 30},
        "lines": {"lexical": 30, "vectors": 30},
    }
    assert max(row[result["columns"].index("file")] for row in result["answers"]["questions"]["vectors"]) > 0
    (root / "blueprints.py").unlink()
    again = [*command, str(tmp_path / "2.json"), "--against", str(tmp_path / "1.json")]
    second = subprocess.run(again, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert "Repositories better 0, worse 1;" in second.stdout


def test_a_worker_measures_and_answers(tree: Path, tmp_path: Path) -> None:
    env = os.environ | {"GROMA_DATA_DIR": str(tmp_path / "data")}
    worker = [sys.executable, str(ROOT / "bench" / "worker.py"), "groma", str(tree)]
    done = subprocess.run(worker, input=json.dumps(["wait between attempts", "evict"]), env=env, capture_output=True, text=True, check=True)
    row = json.loads(done.stdout)
    assert row["files"] == 4
    assert row["chunks"] >= 4
    assert row["index_s"] > 0
    assert row["core"] == core.NAME
    assert 10 < row["peak_index_mb"] <= row["peak_mb"]
    assert len(row["query_ms"]) == 2
    assert [items[0][0] for items in row["items"]] == ["retry.py", "cache.py"]


def test_one_round_of_groma_finds_the_changed_line_and_answers_in_a_second_worktree(tree: Path) -> None:
    (tool,) = speed.tools(None, None, [core.NAME])
    questions = [Question("tree", "tree#0", "wait between attempts", "semantic", (Target("notes.txt"), Target("retry.py")))]
    row = speed.one_round(tool, tree, questions, random.Random(1))
    assert row["ndcg"][0] > 0
    assert row["changed"]["found"]
    assert row["worktree"]["answered"]
    assert row["worktree"]["read"] == 0
    assert row["disk_bytes"] > 0
    assert all(cost["cpu_ms"] > 0 and cost["peak_mb"] > 10 for cost in row["process"])
    assert {p.name: p.read_text() for p in tree.iterdir()} == FILES  # it works on a copy
    assert row["core"] == core.NAME
    slow = row | {"index_s": 3 * row["index_s"]}
    printed = speed.tables({"tools": ["groma", "semble"], "repositories": {"tree": {"groma": [row], "semble": [slow]}}})
    assert "groma: the changed line was found in 1 of 1 runs" in printed
    assert "| over all repositories | groma | semble | semble / groma |" in printed
    (index,) = [line for line in printed.splitlines() if line.startswith("| cold index s, sum |")]
    assert index.endswith("| 3.00 |")


def test_a_mark_goes_where_a_comment_can_be(tree: Path) -> None:
    assert speed.marked(tree, ["notes.txt", "gone.py", "cache.py"], "zqword") == "cache.py"
    assert (tree / "cache.py").read_text().split("\n")[2] == "# zqword"
    with pytest.raises(ValueError, match="can be marked"):
        speed.marked(tree, ["notes.txt"], "zqword")


def test_languages_are_counted(tree: Path) -> None:
    (tree / "empty.py").write_text("")
    found, left_out = coverage([("tree", str(tree))])
    python = found["python"]
    assert (python.files, python.with_definition, python.windows, python.examples) == (3, 2, 1, ["tree: names.py"])
    assert python.lines == 6
    assert found["text"].files == 1
    assert left_out == {"empty": 1}
    assert "| python | 1 | 3 | 6 | 66.7 % | 33.3 % |" in table(found)


@pytest.mark.parametrize("place", ["own+tool", "own/tool", "tool", "name", "own+tool/repo"])
def test_checkouts_come_from_clones_bare_or_not(place: str, tree: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clones" / place
    (clone / "src").mkdir(parents=True)
    (clone / "src" / "a.py").write_text("A = 1\n")
    (clone / "outside.py").write_text("B = 1\n")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=clone, check=True)
    first = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, capture_output=True, text=True, check=True).stdout.strip()
    (clone / "src" / "a.py").write_text("A = 2\n")
    subprocess.run(["git", *who, "commit", "-qam", "second"], cwd=clone, check=True)
    if place == "tool":
        subprocess.run(["git", "clone", "-q", "--bare", str(clone), str(clone) + ".bare"], check=True, capture_output=True)
        clone.rename(tmp_path / "away")
        Path(str(clone) + ".bare").rename(clone)

    repository = Repository("name", "python", "own/tool", "0" * 40, "src", first)
    git_dir = find_clone(tmp_path / "clones", repository)
    assert git_dir is not None
    assert lay_out(git_dir, repository, tmp_path / "out") == first
    assert (tmp_path / "out/name/src/a.py").read_text() == "A = 1\n"
    assert not (tmp_path / "out/name/outside.py").exists()
    elsewhere = Repository("name", "python", "own/tool", "0" * 40, "src", "1" * 40)
    assert lay_out(git_dir, elsewhere, tmp_path / "out") == "HEAD"
    assert (tmp_path / "out/name/src/a.py").read_text() == "A = 2\n"


def test_no_clone_no_checkout(tmp_path: Path) -> None:
    assert find_clone(tmp_path, Repository("name", "python", "own/tool", "0" * 40, "src", "0" * 40)) is None


def test_a_raw_result_says_what_it_was_made_on_and_not_whose(tmp_path: Path) -> None:
    head = record.header("groma.bench-test/1")
    record.write(tmp_path / "deep" / "result.json", head | {"rows": [[1, 2.5]]})
    kept = json.loads((tmp_path / "deep" / "result.json").read_text())
    assert kept == head | {"rows": [[1, 2.5]]}
    assert kept["machine"]["cores"] >= 1
    assert kept["machine"]["cpu"]
    assert str(Path.home()) not in json.dumps(kept) or str(Path.home()) == "/"
    assert not record.result_path("test").exists()


def test_an_unknown_repository_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such repository in the benchmark: nothing"):
        retrieval.select(tmp_path, "nothing")
    with pytest.raises(SystemExit, match="holds none of the repositories"):
        retrieval.select(tmp_path, "flask")
