"""The metric on cases made by hand, the questions as they are published, and the comparison of two runs."""

import json
import math
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluate import (
    GATES,
    METRICS,
    Question,
    Target,
    compare,
    comparison_tables,
    covers,
    load_questions,
    load_repositories,
    mean_over_repositories,
    measure,
    ndcg,
)
from groma.cli.bench import score

ROOT = Path(__file__).parents[2]


def gain(*ranks: int) -> float:
    return sum(1 / math.log2(rank + 1) for rank in ranks)


@pytest.mark.parametrize(
    ("item", "target", "right"),
    [
        (("a.py", 1, 9), Target("a.py"), True),
        (("a.py", None, None), Target("a.py", 5, 6), True),
        (("b.py", 1, 9), Target("a.py", 1, 9), False),
        (("a.py", 1, 4), Target("a.py", 5, 6), False),
        (("a.py", 1, 5), Target("a.py", 5, 6), True),
        (("a.py", 6, 9), Target("a.py", 5, 6), True),
        (("a.py", 7, 9), Target("a.py", 5, 6), False),
        (("a\\b.py", 1, 2), Target("a/b.py"), True),
    ],
)
def test_an_item_covers_what_it_overlaps(item: tuple[str, int | None, int | None], target: Target, right: bool) -> None:
    assert covers(item, target) is right


def test_ndcg() -> None:
    assert ndcg([1, 2], 2) == 1.0
    assert ndcg([], 3) == 0.0
    assert ndcg([2], 1) == pytest.approx(gain(2))
    assert ndcg([1, 1], 2) == pytest.approx(gain(1) / gain(1, 2))  # one item answers both targets, and counts once
    assert ndcg([11], 1) == 0.0
    assert ndcg(range(1, 11), 30) == 1.0  # no list of ten can hold thirty


def test_several_items_of_a_file_take_a_place_each_but_not_by_file() -> None:
    items = [("a.py", 1, 5), ("a.py", 6, 9), ("b.py", 1, 3)]
    found = measure(items, [Target("b.py")])
    assert found == {"ndcg": pytest.approx(gain(3)), "file": pytest.approx(gain(2)), "mrr": 0.5, "r5": 1.0, "r10": 1.0}


def test_lines_count_for_ndcg_and_files_for_the_rest() -> None:
    items = [("a.py", 1, 5), ("a.py", 40, 60)]
    found = measure(items, [Target("a.py", 50, 52), Target("c.py", 1, 2)])
    assert found == {"ndcg": pytest.approx(gain(2) / gain(1, 2)), "file": pytest.approx(gain(1) / gain(1, 2)), "mrr": 1.0, "r5": 0.5, "r10": 0.5}
    assert measure([], [Target("a.py")]) == dict.fromkeys(METRICS, 0.0)


def test_only_the_first_ten_count() -> None:
    items = [(f"{i}.py", 1, 2) for i in range(10)] + [("a.py", 1, 2)]
    assert measure(items, [Target("a.py")]) == dict.fromkeys(METRICS, 0.0)
    chunks = [("0.py", i, i) for i in range(1, 11)] + [("a.py", 1, 2)]
    assert measure(chunks, [Target("a.py")])["file"] == pytest.approx(gain(2))  # as the peers do it: all items fold, then ten are kept


def test_repositories_weigh_the_same_however_many_questions_they_have() -> None:
    assert mean_over_repositories([("a", 1.0), ("a", 1.0), ("a", 1.0), ("b", 0.0)]) == 0.5
    assert mean_over_repositories([]) == 0.0


PATHS = st.lists(st.sampled_from("abcdefghijklmno"), max_size=10)


@given(found=PATHS, answers=st.frozensets(st.sampled_from("abcdefgh"), min_size=1, max_size=3))
def test_groma_bench_scores_files_by_the_same_metric(found: list[str], answers: frozenset[str]) -> None:
    here = measure([(path, None, None) for path in found], [Target(path) for path in sorted(answers)])
    there = score(found, answers)
    assert [there["ndcg@10"], there["mrr"], there["recall@5"], there["recall@10"]] == pytest.approx([here[m] for m in METRICS[1:]])


# ---------------------------------------------------------------------------------------------------------------------- questions


@pytest.mark.parametrize(("gate", "count"), [("questions", 640), ("commits", 958), ("lines", 922)])
def test_every_question_has_a_target_below_its_root(gate: str, count: int) -> None:
    questions = load_questions(GATES[gate])
    assert len(questions) == len({q.id for q in questions}) == count
    repositories = load_repositories()
    for q in questions:
        assert q.repository in repositories
        assert q.text.strip()
        assert q.targets
        for target in q.targets:
            assert not PurePosixPath(target.path).is_absolute()
            assert ".." not in PurePosixPath(target.path).parts
            assert (target.first is None) == (target.last is None)
            assert target.first is None or 1 <= target.first <= (target.last or 0)
    assert gate != "lines" or all(t.first for q in questions for t in q.targets)


def test_repositories_are_pinned() -> None:
    repositories = load_repositories()
    assert len(repositories) == 32
    assert all(len(r.pinned) == len(r.revision) == 40 for r in repositories.values())
    assert repositories["cobra"].root == ""
    assert repositories["flask"].root == "src/flask"


# --------------------------------------------------------------------------------------------------------------------- comparison


def test_a_comparison_is_paired_and_by_repository() -> None:
    before = {"a#0": ("a", 0.5), "a#1": ("a", 0.5), "b#0": ("b", 1.0), "gone#0": ("gone", 1.0)}
    after = {"a#0": ("a", 1.0), "a#1": ("a", 0.25), "b#0": ("b", 1.0), "new#0": ("new", 0.0)}
    found = compare(before, after)
    assert found.rows == (("a", 2, 0.5, 0.625, 1, 1), ("b", 1, 1.0, 1.0, 0, 0))
    assert (found.before, found.after, found.mean) == (0.75, 0.8125, 0.0625)
    assert (found.low, found.high) == (0.0, 0.125)
    assert compare(before, after) == found  # the dice are loaded
    with pytest.raises(ValueError, match="no question in common"):
        compare({"x": ("x", 1.0)}, {"y": ("y", 1.0)})


def test_an_interval_narrows_around_a_steady_gain() -> None:
    before = {f"r{i}#0": (f"r{i}", 0.5) for i in range(32)}
    after = {f"r{i}#0": (f"r{i}", 0.6 + 0.01 * (i % 3)) for i in range(32)}
    found = compare(before, after)
    assert 0.1 <= found.low < found.mean < found.high <= 0.12


def raw(ndcg_: float) -> dict[str, object]:
    columns = ["id", "repository", "category", *METRICS, "ms"]
    return {"columns": columns, "answers": {"questions": {"vectors": [["a#0", "a", "semantic", ndcg_, 1.0, 1.0, 1.0, 1.0, 3.0]]}}}


def test_two_raw_results_are_compared_from_the_shell(tmp_path: Path) -> None:
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    for file, value in zip(files, (0.5, 0.75), strict=True):
        file.write_text(json.dumps(raw(value)))
    done = subprocess.run([sys.executable, "-m", "bench.evaluate", *map(str, files)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "| a | 1 | 0.5000 | 0.7500 | +0.2500 | 1 | 0 |" in done.stdout
    assert comparison_tables(raw(0.5), raw(0.75)) == done.stdout.rstrip("\n")
    assert comparison_tables({"columns": [], "answers": {}}, raw(0.5)) == "The two runs have no gate in common."


def test_questions_are_values() -> None:
    q = Question("a", "a#0", "where", "semantic", (Target("a.py"),))
    assert hash(q) == hash(Question("a", "a#0", "where", "semantic", (Target("a.py"),)))
