"""The linear classifier: features of any text, what it predicts, and its file, whole or damaged."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma.errors import DataDamaged
from groma.memory.linear import Features, Linear, columns, dump, load, predict, words_of
from tools.linear import train

SMALL = Features(bits=8, words=2, characters=(3, 4), limit=60)
COLOURS = ["red as blood", "red roses", "blue as the sea", "blue sky", "a red hat", "the blue door"]
NAMES = ["red", "red", "blue", "blue", "red", "blue"]
ANY = st.text(st.characters(codec=None), max_size=200)  # lone surrogates too


def made() -> Linear:
    return train(COLOURS, NAMES, ("red", "blue"), SMALL, penalty=1e-4, steps=100)


@pytest.fixture(scope="module")
def model() -> Linear:
    return made()


@given(ANY)
def test_any_text_has_features_of_its_kinds_that_are_the_same_each_time(text: str) -> None:
    words, characters = columns(text, SMALL)
    assert words.tolist() == sorted(set(words.tolist()))
    assert characters.tolist() == sorted(set(characters.tolist()))
    assert all(0 <= column < 2 << SMALL.bits for column in words)
    assert all(2 << SMALL.bits <= column < SMALL.width for column in characters)
    assert [found.tolist() for found in columns(text, SMALL)] == [words.tolist(), characters.tolist()]
    assert bool(len(words)) == bool(words_of(text[: SMALL.limit]))


def test_features_are_hashed_by_crc_32_and_so_are_the_same_on_every_machine() -> None:
    words, characters = columns("Tabs", SMALL)
    assert sorted(words) == sorted({zlib.crc32(b"tabs") & 255} | {zlib.crc32(gram) & 255 | 256 for gram in (b"\x02 tabs", b"tabs \x02")})
    grams = (b"<ta", b"tab", b"abs", b"bs>", b"<tab", b"tabs", b"abs>")
    assert sorted(characters) == sorted({zlib.crc32(gram) & 255 | 512 for gram in grams})


def test_case_compatible_forms_and_the_value_of_numbers_make_no_difference() -> None:
    assert words_of("Use ﬁle Nº 12,000") == words_of("USE FILE NO 7,5")
    assert words_of("don't; café_x") == ["don't", ";", "café", "_", "x"]


def test_no_character_n_grams_where_none_are_asked_for() -> None:
    assert len(columns("some words", Features(8, 2, (0, 0), 60))[1]) == 0


def test_only_the_beginning_of_a_text_is_read(model: Linear) -> None:
    head = ("red rose " * 10)[: SMALL.limit]
    assert predict(model, head + "blue" * 1_000_000) == predict(model, head)


def test_it_tells_what_it_was_trained_on_apart(model: Linear) -> None:
    assert [predict(model, text).label for text in COLOURS] == NAMES
    assert predict(model, "RED shoes").label == "red"


@given(ANY)
def test_probabilities_are_of_all_labels_and_the_likeliest_is_the_answer(model: Linear, text: str) -> None:
    found = predict(model, text)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.confidence == found.probabilities[found.label] == max(found.probabilities.values())
    assert predict(model, text) == found


def test_a_text_without_words_gets_the_bias_alone(model: Linear) -> None:
    assert predict(model, "") == predict(model, " \n")


def test_training_twice_gives_the_same_bytes(model: Linear) -> None:
    assert dump(made()) == dump(model)


def test_a_file_gives_the_model_back(model: Linear, tmp_path: Path) -> None:
    path = tmp_path / "colours.bin"
    path.write_bytes(dump(model))
    again = load(path)
    assert (again.labels, again.features, again.data) == (model.labels, model.features, model.data)
    assert np.array_equal(again.weights, model.weights)
    assert again.weights.dtype == np.int8
    assert predict(again, "a red blue thing") == predict(model, "a red blue thing")


@pytest.mark.parametrize("at", [0, 7, 9, 20, 200, -100, -5, -1])
def test_a_wrong_byte_anywhere_is_found(model: Linear, tmp_path: Path, at: int) -> None:
    raw = bytearray(dump(model))
    raw[at] ^= 1
    path = tmp_path / "colours.bin"
    path.write_bytes(raw)
    with pytest.raises(DataDamaged, match=r"colours\.bin is damaged: .*; install groma again"):
        load(path)


@pytest.mark.parametrize("length", [0, 3, 8, 11, 12, 40, -1])
def test_a_file_cut_short_is_refused(model: Linear, tmp_path: Path, length: int) -> None:
    path = tmp_path / "colours.bin"
    path.write_bytes(dump(model)[:length])
    with pytest.raises(DataDamaged, match="is damaged"):
        load(path)


def test_a_missing_file_is_told_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(DataDamaged, match=r"none\.bin cannot be read \(No such file"):
        load(tmp_path / "none.bin")


def resealed(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_a_file_with_a_right_checksum_that_is_none_of_ours_is_refused(model: Linear, tmp_path: Path) -> None:
    raw = dump(model)
    head = raw.index(b'"bits"')
    for wrong in (
        b"groLIN2\n" + raw[8:-4],  # a later format
        raw[:-20] + b"\xff" * 16,  # no Deflate
        raw[:head] + b'"bats"' + raw[head + 6 : -4],  # a head without a field
        raw[: raw.index(b'"bits":8')] + b'"bits":9' + raw[raw.index(b'"bits":8') + 8 : -4],  # weights of another size
        raw[:8] + (1 << 31).to_bytes(4, "little") + raw[12:-4],  # a head longer than the file
        raw[:12] + b"[" + raw[13:-4],
    ):
        path = tmp_path / "colours.bin"
        path.write_bytes(resealed(wrong))
        with pytest.raises(DataDamaged, match="is damaged"):
            load(path)
