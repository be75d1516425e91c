"""The level of a text: the rules, the shipped model, any text at all, and that model, data and measurement fit one another."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.levels import measure
from groma.errors import DataDamaged
from groma.memory import classify as module
from groma.memory.classify import LIMIT, MODEL, RULES, classify, matching
from groma.memory.linear import load, predict
from tools import levels

LEVELS = ("USER_PREFERENCE", "PROJECT_CONTEXT", "SESSION_STATE")

SAID = [
    ("always use tabs", "USER_PREFERENCE", "for good"),
    ("I prefer pytest over unittest", "USER_PREFERENCE", "preference of the speaker"),
    ("never push to main without asking", "USER_PREFERENCE", "for good"),
    ("Please don't add comments to obvious code", "USER_PREFERENCE", "for good"),
    ("The user hates emojis in commit messages.", "USER_PREFERENCE", "preference of the speaker"),
    ("From now on answer in German", "USER_PREFERENCE", "from now on"),
    ("currently debugging the failing login test", "SESSION_STATE", "time of work"),
    ("next: wire the cache", "SESSION_STATE", "progress"),
    ("left off at step 3", "SESSION_STATE", "time of work"),
    ("tests are red at the moment", "SESSION_STATE", "state of tests"),
    ("412 tests passing, 3 failing", "SESSION_STATE", "state of tests"),
    ("- [x] migrate the sessions table", "SESSION_STATE", "tick box"),
    ("Refactored the parser into three modules.", "SESSION_STATE", "said in the past"),
    ("Investigate why the cache misses after a restart", "SESSION_STATE", "to do"),
    ("Migrating the sessions table to Postgres", "SESSION_STATE", "doing"),
    ("Login form wired to the API and merged", "SESSION_STATE", "done"),
    ("The API is written in Go and talks to Postgres through sqlc.", "PROJECT_CONTEXT", "model"),
    ("Migrations live in db/migrations and run on start.", "PROJECT_CONTEXT", "model"),
    ("We chose SQLite because there is only ever one writer.", "PROJECT_CONTEXT", "decision"),
    ("We deploy from the release branch", "PROJECT_CONTEXT", "habit of a team"),
    ("The team squashes before it merges", "PROJECT_CONTEXT", "habit of a team"),
]


@pytest.mark.parametrize(("text", "level", "why"), SAID, ids=[text for text, *_ in SAID])
def test_what_people_say_gets_its_level_and_the_reason(text: str, level: str, why: str) -> None:
    found = classify(text)
    assert (found.level, found.why) == (level, why)
    assert 0.4 < found.confidence <= 1


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_every_rule_is_the_reason_of_some_text_here(rule: module.Rule) -> None:
    assert rule.name in {why for *_, why in SAID}
    assert rule.level in LEVELS
    assert 0.9 <= rule.confidence < 1


def test_rules_are_written_in_small_letters() -> None:
    for rule in RULES:
        assert not re.search(r"(?<!\\)[A-Z]", rule.pattern.pattern), rule.name


def test_capitals_make_no_difference_to_rules() -> None:
    for text, _, why in SAID:
        assert classify(text.upper()).why == why


@pytest.mark.parametrize("text", ["", " ", "\n\t", "---", "…", "\x00"])
def test_a_text_without_words_is_project_context_with_no_confidence(text: str) -> None:
    assert classify(text) == module.Classification("PROJECT_CONTEXT", 0.0, "no words")


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_text_has_a_level_and_the_same_one_each_time(text: str) -> None:
    found = classify(text)
    assert found.level in LEVELS
    assert 0 <= found.confidence <= 1
    assert classify(text) == found


@pytest.mark.parametrize("unit", ["1,", "1 ", " ", "a", "a ", "tests ", "phase 1 ", "the user ", "we ", "adding ", "🔄", "\u0301", "ﷺ", "\ud800"])
def test_a_very_long_text_costs_no_more_than_its_beginning(unit: str) -> None:
    long = unit * 1_000_000
    classify("warm up")
    start = time.perf_counter()
    found = classify(long)
    assert time.perf_counter() - start < 0.25  # a few milliseconds, on a machine that does other things
    assert found == classify(long[:LIMIT])


def test_a_damaged_model_is_told_when_it_is_needed_and_rules_still_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "levels.bin").write_bytes(MODEL.read_bytes()[:-1])
    monkeypatch.setattr(module, "MODEL", tmp_path / "levels.bin")
    module._model.cache_clear()
    try:
        assert classify("always use tabs").level == "USER_PREFERENCE"
        with pytest.raises(DataDamaged, match=r"levels\.bin is damaged"):
            classify("Migrations live in db/migrations.")
    finally:
        module._model.cache_clear()


def test_the_model_is_read_when_it_is_first_needed() -> None:
    program = """
from groma.memory import classify as c
c.classify("always use tabs"); before = c._model.cache_info().currsize
c.classify("Migrations live in db/migrations."); print(before, c._model.cache_info().currsize)
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split() == ["0", "1"]


def test_the_shipped_model_is_small_and_of_the_data_that_lies_beside_it() -> None:
    rows = levels.labelled("train")
    there = load(MODEL)
    assert MODEL.stat().st_size <= 1_000_000
    assert there.labels == LEVELS == levels.LEVELS
    assert there.features == levels.FEATURES
    assert there.data == levels.fingerprint([row["text"] for row in rows], [row["level"] for row in rows])


@pytest.mark.slow
def test_training_gives_the_shipped_model() -> None:
    assert levels.same(levels.made(), load(MODEL))


def test_the_check_tells_of_data_that_is_newer_than_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = levels.DATA.read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "levels.jsonl").write_text("".join(lines[1:]), "utf-8")
    monkeypatch.setattr(levels, "DATA", tmp_path / "levels.jsonl")
    assert levels.main(["--check"]) == 1
    assert "was trained on other data" in capsys.readouterr().out


def all_rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in levels.DATA.read_text("utf-8").splitlines()]


def test_a_repository_is_in_one_split_only_and_its_name_says_which() -> None:
    for row in all_rows():
        repository = row["origin"].split(" ")[0]
        held_out = repository != "own" and zlib.crc32(repository.encode()) % 10 < 4
        assert row["split"] == ("test" if held_out else "train"), row


def test_labelled_texts_are_distinct_and_complete() -> None:
    rows = all_rows()
    assert len({re.sub(r"\W+", " ", row["text"].casefold()).strip() for row in rows}) == len(rows)
    for row in rows:
        assert set(row) == {"text", "level", "origin", "license", "split"}
        assert row["level"] in LEVELS
        assert row["text"].strip() == row["text"] != ""
        assert row["license"]
        assert row["origin"] == "own" or re.fullmatch(r"[\w.-]+/[\w.-]+ \S.*", row["origin"]), row


def test_there_are_enough_labelled_texts_of_each_level_in_both_splits() -> None:
    counted = Counter((row["split"], row["level"]) for row in all_rows())
    assert sum(counted.values()) >= 1_500
    assert sum(n for (split, _), n in counted.items() if split == "test") >= 300
    assert all(counted["test", level] >= 100 and counted["train", level] >= 400 for level in LEVELS)


def test_six_of_seven_texts_of_repositories_never_seen_are_right() -> None:
    result = measure(levels.labelled("test"))
    assert result["both"]["right"] >= 0.85
    assert result["rules"]["right"] >= 0.9
    assert len(result["misses"]) == sum(n for was, said in result["confusion"].items() for level, n in said.items() if level != was)


def test_probabilities_of_the_model_stand_behind_its_answer() -> None:
    text = "The API is written in Go and talks to Postgres through sqlc."
    assert matching(text) is None
    assert classify(text).confidence == predict(load(MODEL), text).confidence


@pytest.mark.parametrize(
    "text", ["We deploy from the release branch", "We deploy on Tuesdays", "The team squashes before it merges", "We usually cut a tag first"]
)
def test_what_a_team_does_is_about_the_project(text: str) -> None:
    assert classify(text).level == "PROJECT_CONTEXT"


@pytest.mark.parametrize("text", ["We deploy now", "We deployed yesterday", "We release again tomorrow, this week is the review"])
def test_what_it_does_this_once_is_not(text: str) -> None:
    assert classify(text).why != "habit of a team"
