"""The benchmark of successors tells a right answer from a wrong one, over a real engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.settle import Pair
from bench.succession import as_of, ask, fill, questions, wrongs
from groma.config import load
from groma.engine import Engine
from groma.memory.recall import Remembered
from groma.records import Memory, Recalled
from groma.types import LOCAL

PAIRS = [
    Pair("a/b@1:x:1:1", "dev", "replaced", "supersedes", "The hall is heated by oil", "The hall is heated by a heat pump"),
    Pair("a/b@2:x:2:2", "dev", "replaced", "supersedes", "Gates open at 8", "Gates open at 9"),
]
AT = {"a/b@1:x:1:1": 1_700_000_000.0, "a/b@2:x:2:2": 1_710_000_000.0}


def test_questions_leave_out_what_would_be_empty() -> None:
    assert questions("Gates open at 8", "Gates open at 9 daily") == {
        "the old text": "Gates open at 8",
        "the new text": "Gates open at 9 daily",
        "both": "Gates open at 8 Gates open at 9 daily",
        "what only the old one says": "8",
        "what only the new one says": "9 daily",
        "how the old one begins": "Gates open at 8",
    }
    assert "what only the old one says" not in questions("Gates open", "Gates open at 9")


def test_a_superseded_record_without_its_successor_above_it_is_wrong() -> None:
    old, new, other = Memory("1", "a", superseded_by="2"), Memory("2", "b", supersedes="1"), Memory("3", "c")

    def told(*found: tuple[Memory, float]) -> tuple[int, list[tuple[str, str]]]:
        return wrongs(Remembered("?", tuple(Recalled(m, score, True) for m, score in found), False))

    assert told((new, 1.0), (other, 0.9), (old, 0.5)) == (1, [])
    assert told((other, 1.0)) == (0, [])
    assert told((old, 1.0), (new, 0.9)) == (1, [("1", "2")])
    assert told((old, 1.0), (other, 0.9)) == (1, [("1", "2")])
    assert told((new, 0.5), (replace(old), 0.6)) == (1, [("1", "2")])


def test_pairs_are_stored_and_asked_for_through_the_engine(tmp_path: Path) -> None:
    with Engine(load({}, data_dir=tmp_path, config_file=tmp_path / "none")) as engine:
        filled = fill(engine.memories, PAIRS, ["The roof was painted."], AT)
        assert [new.outcome for _, _, new in filled] == ["supersedes", "supersedes"]
        assert engine.memories.get(LOCAL, str(filled[0][2].id)).supersedes == filled[0][1].id
        result = ask(engine.memories, filled)
        assert result["answers"] == 36 and result["superseded records in them"] > 10 and result["not below their successor"] == 0
        assert as_of(engine.memories, filled, AT) | {"wrong": []} == {
            "pairs": 2,
            "right before": 2,
            "right after": 2,
            "the old one among the answers then": 2,
            "wrong": [],
        }


def test_where_nothing_is_told_the_rule_decides(tmp_path: Path) -> None:
    with Engine(load({}, data_dir=tmp_path, config_file=tmp_path / "none")) as engine:
        assert fill(engine.memories, PAIRS, [], None)[1][2].outcome == "supersedes"
