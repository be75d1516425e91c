"""Pairs of lines, found again in a repository's history, and the score of what was said of them."""

import json
from pathlib import Path

import pytest

from bench.settle import DATA, LABELS, Pair, check, judge, load, plain, scores
from tests.processes import git, repository, write


def test_a_line_as_a_statement() -> None:
    assert plain("  - **Timeout**: see [the docs](https://example.org), *always* `a_b`  ") == "Timeout: see the docs, always `a_b`"
    assert plain("## 1. Port") == "1. Port"
    assert plain("3) [x] done") == "done"


def test_lines_are_found_again_and_checked(tmp_path: Path) -> None:
    folder = repository(tmp_path / "clones" / "owner+name", {"a.md": "# A\n- Port 8080 is open.\n- Port 22 is closed.\n"})
    write(folder / "a.md", "# A\n- Port 9090 is open.\n- Port 22 is closed.\n")
    git(folder, "commit", "-qam", "second")
    row = {"repo": "owner/name", "commit": git(folder, "rev-parse", "HEAD"), "path": "a.md", "split": "dev"}
    replaced = row | {"kind": "replaced", "old": 2, "new": 2, "label": "supersedes", "check": check("Port 8080 is open.", "Port 9090 is open.")}
    beside = row | {"kind": "beside", "old": 2, "new": 3, "label": "new", "check": check("Port 9090 is open.", "Port 22 is closed.")}
    elsewhere = replaced | {"repo": "owner/other"}
    data = tmp_path / "pairs.jsonl"
    data.write_text("".join(json.dumps(r) + "\n" for r in (replaced, beside, elsewhere)))
    pairs, missing = load(tmp_path / "clones", data)
    assert missing == ["owner/other"]
    assert [(p.label, p.old, p.new) for p in pairs] == [
        ("supersedes", "Port 8080 is open.", "Port 9090 is open."),
        ("new", "Port 9090 is open.", "Port 22 is closed."),
    ]
    data.write_text(json.dumps(beside | {"new": 2}) + "\n")
    with pytest.raises(ValueError, match="not the lines that were labelled"):
        load(tmp_path / "clones", data)


def test_precision_and_recall() -> None:
    def pair(label: str) -> Pair:
        return Pair("w", "dev", "replaced", label, "old", "new")

    said = [("supersedes", "supersedes"), ("supersedes", "new"), ("supersedes", "new"), ("new", "supersedes"), ("new", "new"), ("duplicate", "new")]
    found = scores([(pair(label), outcome, "because") for label, outcome in said])
    assert found["supersedes"] == {"pairs": 3, "precision": 0.5, "recall": 0.333}
    assert found["new"] == {"pairs": 2, "precision": 0.25, "recall": 0.5}
    assert found["refines"] == {"pairs": 0, "precision": None, "recall": None}
    assert found["said"] == {"duplicate as new": 1, "new as supersedes": 1, "supersedes as new": 2}


def test_the_rule_is_asked() -> None:
    judged = judge([Pair("w", "dev", "replaced", "supersedes", "The timeout is 3s.", "The timeout is 5s.")])
    assert [(outcome, reason) for _, outcome, reason in judged] == [("supersedes", "says '5s' where '3s' was said")]


def test_the_data_is_whole() -> None:
    rows = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    assert len({json.dumps(row) for row in rows}) == len(rows)
    assert {row["label"] for row in rows} == set(LABELS)
    assert sum(row["label"] == "supersedes" for row in rows) >= 200
    assert {row["split"] for row in rows} == {"dev", "test"}
    assert not {r["repo"] for r in rows if r["split"] == "dev"} & {r["repo"] for r in rows if r["split"] == "test"}
    assert all(len(row["commit"]) == 40 and row["kind"] in ("replaced", "beside") and len(row["check"]) == 8 for row in rows)
