"""The index against the formulas written plainly; what grew is what was built at once; files that come back, and files that must not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groma.errors import StoreDamaged, UsageError
from groma.memory import file, postings
from groma.memory.index import Index, Memo
from groma.memory.question import Question, asked
from groma.memory.score import WEIGHTS, useful

from .plain import Plain

WORDS = (
    "deploy server on friday the database port 5432 yesterday Anna asked why tests fail we use tabs in Go May 2023 cache retry timeout ünïcode 検索"
).split()
TEXTS = st.lists(st.sampled_from([*WORDS, "?"]), max_size=9).map(" ".join)
TIMES = st.sampled_from([None, "2023-05-08T13:56:00", "2023-05-08", "2024-05-30T00:00:00+02:00", "20231225T101010"])
QUESTIONS = st.sampled_from(
    [
        "",
        "when did Anna ask",
        "which port",
        "database database timeout",
        "what happened in May 2023",
        "why?",
        "検索 ünïcode",
        "nothing known xyzzy",
        "the",
    ]
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Memo]:
    """Units of a few parents and some alone, with the positions that they get in this order."""
    memos = []
    for n in range(draw(st.integers(0, 14))):
        parent = draw(st.sampled_from(["", "a", "b", "c"]))
        position = draw(st.one_of(st.none(), st.integers(0, 9)))
        memos.append(Memo(f"m{n}", draw(TEXTS), draw(TIMES), draw(st.sampled_from(["", "Anna", "the user", "Bo Lee"])), parent, position))
    return memos


def placed(memos: Sequence[Memo], removed: frozenset[str] = frozenset(), at: int | None = None) -> list[Memo]:
    """The same with positions told: where there is none, after what is there. `removed` goes after `at` memos."""
    after: dict[str, int] = {}
    told: list[Memo] = []
    for n, memo in enumerate(memos):
        if n == at:
            told = [one for one in told if one.id not in removed]
            after = {parent: max([-1, *(one.position for one in told if one.parent == parent and one.position is not None)]) + 1 for parent in after}
        position = after.get(memo.parent, 0) if memo.position is None else memo.position
        after[memo.parent] = max(after.get(memo.parent, 0), position + 1)
        told.append(replace(memo, position=position))
    return told


def agrees(index: Index, memos: Sequence[Memo], text: str, only: frozenset[str] | None = None) -> None:
    question = asked(text)
    plain = Plain(memos, question, (lambda memo: memo.id in only) if only is not None else lambda memo: True)
    mask = None if only is None else index.mask(only)
    found = index.search(question, len(memos) + 3, mask=mask)
    place = {memo.id: i for i, memo in enumerate(memos)}
    assert sorted(found.ids) == sorted(memo.id for memo, allowed in zip(memos, plain.allowed, strict=True) if allowed)
    assert list(found.signals) == list(WEIGHTS)
    for n, one in enumerate(found.ids):
        i = place[one]
        for name, values in found.signals.items():
            assert values[n] == pytest.approx(plain.signals[name][i], abs=2e-3), (name, one)
        assert found.scores[n] == pytest.approx(plain.scores[i], abs=5e-3)
        assert found.cosine[n] == pytest.approx(plain.cosine[i], abs=1e-4)
        assert found.covered[n] == pytest.approx(plain.covered[i])
    assert list(found.scores) == sorted(found.scores, reverse=True)
    best = index.search(question, len(memos) + 3, unit="parent", mask=mask)
    assert dict(zip(best.ids, best.scores.tolist(), strict=True)) == pytest.approx(plain.parents(), abs=5e-3)
    assert [round(x, 9) for x in index.search(question, 2, mask=mask).scores] == [round(x, 9) for x in found.scores[:2]]


@settings(max_examples=60, deadline=None)
@given(conversations(), QUESTIONS)
def test_the_index_scores_as_the_formulas_say(memos: list[Memo], text: str) -> None:
    agrees(Index.of(memos), placed(memos), text)


@settings(max_examples=60, deadline=None)
@given(conversations(), QUESTIONS, st.data())
def test_what_grew_and_shrank_is_what_was_built_at_once(memos: list[Memo], text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(memos)))
    gone = frozenset(memo.id for memo in memos[:cut] if data.draw(st.booleans()))
    index = Index()
    for memo in memos[:cut]:
        index.add([memo])
    if data.draw(st.booleans()):
        index.search(asked(text), 3)  # fills what is kept between searches
    index.remove(gone)
    index.add(memos[cut:])
    left = [memo for memo in placed(memos, gone, cut) if memo.id not in gone]
    assert len(index) == len(left)
    agrees(index, left, text)
    agrees(Index.of(left), left, text)


@settings(max_examples=40, deadline=None)
@given(conversations(), QUESTIONS, st.data())
def test_a_mask_hides_and_is_hidden_from_what_is_best(memos: list[Memo], text: str, data: st.DataObject) -> None:
    only = frozenset(memo.id for memo in memos if data.draw(st.booleans()))
    agrees(Index.of(memos), placed(memos), text, only)


@settings(max_examples=40, deadline=None)
@given(conversations(), QUESTIONS, st.data())
def test_a_saved_index_goes_on_where_it_was(tmp_path_factory: pytest.TempPathFactory, memos: list[Memo], text: str, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("memory") / "index"
    told = placed(memos)
    gone = frozenset(memo.id for memo in told[:7] if data.draw(st.booleans()))
    index = Index.of(told[:7])
    index.remove(gone)
    index.save(path, stamp=7)
    left = [memo for memo in told[:7] if memo.id not in gone]
    agrees(index, left, text)
    loaded = Index.load(path)
    assert loaded.stamp == 7
    agrees(loaded, left, text)
    loaded.add(told[7:])
    left += told[7:]
    agrees(loaded, left, text)
    loaded.remove([memo.id for memo in left[::2]])
    agrees(loaded, left[1::2], text)
    agrees(Index.load(path), [memo for memo in told[:7] if memo.id not in gone], text)  # the file did not change


def test_many_units_at_once_and_many_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "_MOST_LOOSE", 40)  # so that what came is sorted in again and again
    memos = [Memo(f"m{n}", f"{WORDS[n % 19]} {WORDS[n % 7]} number {n % 50}", None, "", f"p{n % 40}" if n % 3 else "") for n in range(600)]
    grown = Index()
    for begin in range(0, 600, 7):
        grown.add(memos[begin : begin + 7])
    at_once = Index.of(memos)
    for text in ("deploy number 7", "which port on friday"):
        one, other = grown.search(asked(text), 50), at_once.search(asked(text), 50)
        assert one.ids == other.ids
        assert one.scores == pytest.approx(other.scores)
    agrees(grown, placed(memos), "database number 12")


def test_ties_go_to_the_older() -> None:
    index = Index.of([Memo(name, "the same text") for name in ("c", "a", "b")])
    assert index.search(asked("same text"), 3).ids == ["c", "a", "b"]
    assert index.search(asked("same text"), 2).ids == ["c", "a"]
    assert index.search(asked("same text"), 0).ids == []


@pytest.mark.parametrize("text", ["", "what is it", "port"])
def test_an_empty_index_and_one_of_one_unit(text: str, tmp_path: Path) -> None:
    index = Index()
    for unit in ("turn", "parent"):
        assert index.search(asked(text), 5, unit=unit).ids == []
    index.save(tmp_path / "index")
    assert len(Index.load(tmp_path / "index")) == 0
    index.add([Memo("one", "the port is 5432")])
    for unit in ("turn", "parent"):
        assert index.search(asked(text), 5, unit=unit).ids == ["one"]
    index.remove(["one", "not there"])
    assert len(index) == 0
    assert index.search(asked(text), 5).ids == []
    index.add([Memo("one", "again")])
    assert index.search(asked(text), 5).ids == ["one"]


def test_without_a_vector_words_decide() -> None:
    index = Index.of([Memo("a", "the cache is warm"), Memo("b", "the port is 5432"), Memo("c", "")])
    found = index.search(asked("which port", vector=False), 3)
    assert found.ids[0] == "b"
    assert not found.signals["meaning"].any()
    assert not found.signals["context"].any()
    assert not found.cosine.any()


def test_what_was_said_beside_it_brings_the_answer() -> None:
    """The answer shares no word with the question; the turn before it does. Small talk that shares as much stays below."""
    said = ["Hello there!", "Which port does the database listen on?", "It is 5432 on every host, and the replica has the one above.", "Ok."]
    other = ["Hi!", "Lunch was good today, we had soup and bread.", "The weather is nice.", "Bye."]
    index = Index.of([Memo(f"{parent}{n}", text, None, "", parent) for parent, texts in (("a", said), ("b", other)) for n, text in enumerate(texts)])
    assert set(index.search(asked("what port is the database on"), 2).ids) == {"a1", "a2"}
    assert index.search(asked("what port is the database on"), 2, unit="parent").ids == ["a", "b"]


def test_who_spoke_and_when_count_where_the_question_asks() -> None:
    memos = [Memo("a", "I moved to the new office", None, "Anna Berg", "p"), Memo("b", "I moved to the new office", None, "Bo Lee", "p")]
    index = Index.of(memos)
    assert index.search(asked("where did Bo move"), 1).ids == ["b"]
    assert index.search(asked("where did Anna move"), 1).ids == ["a"]
    index = Index.of([Memo("a", "the release was cut with care"), Memo("b", "the release was cut last week")])
    assert index.search(asked("when was the release cut"), 1).signals["time"].tolist() == [1.0]
    assert index.search(asked("when was the release cut"), 1).ids == ["b"]
    index = Index.of([Memo("a", "we met", "2023-05-08T10:00:00", "", "x"), Memo("b", "we met", "2023-06-09T10:00:00", "", "y")])
    assert index.search(asked("what happened in June 2023"), 1).ids == ["b"]
    assert index.search(asked("what happened on 8 May"), 1, unit="parent").ids == ["x"]


def test_ids_are_of_one_unit_each_and_times_are_times() -> None:
    index = Index.of([Memo("a", "x")])
    for memos, said in (
        ([Memo("b", "x"), Memo("a", "y")], "There is already a memory 'a'"),
        ([Memo("c", "x"), Memo("c", "y")], "There is already a memory 'c'"),
        ([Memo("d", "x"), Memo("e", "y", "last Tuesday")], "The time of 'e' is 'last Tuesday'"),
    ):
        with pytest.raises(UsageError, match=said):
            index.add(memos)
        assert index.ids == ["a"]
    index.remove(["a"])
    index.add([Memo("a", "back again")])
    assert index.search(asked("back"), 5).ids == ["a"]


# ---------------------------------------------------------------------------------------------------------------------------- files


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "index"
    Index.of([Memo(f"m{n}", f"{WORDS[n % 19]} number {n}", "2023-05-08", "Anna", f"p{n // 4}") for n in range(40)]).save(path, 3)
    return path


def test_every_byte_is_under_a_checksum(saved: Path) -> None:
    data = saved.read_bytes()
    for at in [*range(0, 200), *range(200, len(data), 997), len(data) - 1]:
        saved.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        with pytest.raises(StoreDamaged):
            Index.load(saved)


def test_what_is_cut_short_or_longer_is_refused(saved: Path) -> None:
    data = saved.read_bytes()
    for cut in (0, 7, 23, 24, 100, len(data) // 2, len(data) - 1):
        saved.write_bytes(data[:cut])
        with pytest.raises(StoreDamaged):
            Index.load(saved)
    saved.write_bytes(data + b"\0" * 64)
    with pytest.raises(StoreDamaged):
        Index.load(saved)


@pytest.mark.parametrize("there", ["nothing", "a folder", "text"])
def test_what_is_no_index_is_refused(tmp_path: Path, there: str) -> None:
    path = tmp_path / "index"
    if there == "a folder":
        path.mkdir()
    elif there == "text":
        path.write_text("these are not the bytes you are looking for" * 9)
    with pytest.raises(StoreDamaged) as caught:
        Index.load(path)
    assert "made anew" in caught.value.message


def rewrite(path: Path, change: str) -> None:
    """Give the file another header, with a checksum that fits it."""
    data = path.read_bytes()
    length = int.from_bytes(data[8:16], "little")
    told = json.loads(data[24 : 24 + length])
    if change == "format":
        told["format"] = 99
    elif change == "model":
        told["meta"]["made with"][1] = "another:256:model"
    elif change == "stamp":
        told["meta"]["stamp"] = "three"
    elif change == "missing":
        del told["arrays"]["near"]
    elif change == "type":
        told["arrays"]["near"][0] = "<f4"
    elif change == "shape":
        told["arrays"]["length"][1] = [39]
    elif change == "outside":
        told["arrays"]["length"][2] = 1 << 40
    elif change == "negative":
        told["arrays"]["length"][2] = -64
    elif change == "places":  # the lengths of texts are no places of parents
        told["arrays"]["parent"][2] = told["arrays"]["terms"][2]
    header = json.dumps(told).encode()
    header += b" " * (-(len(header) + 24) % 64)
    path.write_bytes(data[:8] + len(header).to_bytes(8, "little") + crc32(header).to_bytes(4, "little") + data[20:24] + header + data[24 + length :])


def test_a_header_written_anew_is_read(saved: Path) -> None:
    rewrite(saved, "nothing")
    assert Index.load(saved).stamp == 3


@pytest.mark.parametrize("change", ["format", "model", "stamp", "missing", "type", "shape", "outside", "negative", "places"])
def test_a_file_of_another_make_is_refused(saved: Path, change: str) -> None:
    rewrite(saved, change)
    with pytest.raises(StoreDamaged) as caught:
        Index.load(saved)
    assert "made anew" in caught.value.message


def test_saving_that_fails_leaves_what_was_there(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    index = Index.load(saved)
    index.add([Memo("more", "more")])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        index.save(saved, 4)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["index"]


def test_vectors_of_words_that_no_model_knows_say_nothing() -> None:
    index = Index.of([Memo("a", "\u0378\u0379"), Memo("b", ""), Memo("c", "port")])
    assert np.isfinite(index.search(asked("port"), 3).scores).all()
    assert index.search(asked("\u0378"), 3).cosine.tolist() == [0.0, 0.0, 0.0]


def test_a_question_of_nothing_but_small_words_is_taken_as_it_is() -> None:
    assert len(asked("who am i").terms) == 3
    assert asked("when was it").when
    assert not asked("what was it when").when
    assert isinstance(asked("x"), Question)


@pytest.mark.parametrize("vector", [True, False])
def test_nothing_useful_is_said_where_nothing_answers(vector: bool) -> None:
    index = Index.of([Memo("a", "the database listens on port 5432"), Memo("b", "deploys happen on friday after the tests have passed")])
    assert useful(index.search(asked("which port does the database listen on", vector=vector), 5))
    assert not useful(index.search(asked("who painted the ceiling of the chapel", vector=vector), 5))
    assert not useful(Index().search(asked("which port", vector=vector), 5))
