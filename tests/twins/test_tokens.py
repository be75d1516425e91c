"""Both cores cut the same tokens, from any text and under any Python."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groma._pure import tokens as plain

from .samples import noise, real_files, texts

rs = pytest.importorskip("groma._rs", reason="the compiled core is not built; tokens are NOT compared")
compiled = pytest.importorskip("groma._compiled.tokens")


def _same(text: str) -> None:
    assert compiled.identifiers(text) == plain.identifiers(text)
    assert compiled.tokens(text) == plain.tokens(text)
    assert compiled.count_terms(text) == plain.count_terms(text)
    assert compiled.query_tokens(text) == plain.query_tokens(text)
    assert compiled.split(text) == plain.split(text)
    assert compiled.terms_of(text) == plain.terms_of(text)


@given(texts)
@example("naïveName ＨＴＴＰServer2 テスト_case нОвыйКласс x\u0301y \u0301a a\u3099 か\u3099 ß İx ǅ")
@example("where is the parser")
@example("The")
@example("ABCDef9ghI_ABc__")
@example("a" * 101 + "ing " + "B" * 100 + "ings")
def test_any_text(text: str) -> None:
    _same(text)


@given(st.text("abcdefXYZ_019 .", max_size=80))
def test_identifiers_of_ascii(text: str) -> None:
    _same(text)


def test_noise() -> None:
    words = noise(1, 12_000)
    for word, found in zip(words, rs.tokens_batch(words), strict=True):
        assert found == plain.tokens(word), ascii(word)
        assert compiled.split(word) == plain.split(word), ascii(word)


def test_every_character_up_to_the_ideographs_and_some_of_each_block_behind() -> None:
    draw = random.Random(2)
    codes = [*range(0x3400), *draw.sample(range(0x3400, sys.maxunicode + 1), 8_000), *range(0x1D400, 0x1D800), *range(0xE0000, 0xE01FF)]
    words = [f"a{c}b C{c} {c} {c}{c}x1{c}2 aB{c}Cc" for c in map(chr, codes)]
    for word, found in zip(words, rs.tokens_batch(words), strict=True):
        assert found == plain.tokens(word), ascii(word)


def test_real_files() -> None:
    files = real_files()
    words = rs.identifiers_batch([text for _, text in files])
    tokens = rs.tokens_batch([text for _, text in files])
    for (path, text), identifiers, found in zip(files, words, tokens, strict=True):
        assert identifiers == plain.identifiers(text), path
        assert found == plain.tokens(text), path


def test_stretches_that_end_and_begin_where_64_bytes_do() -> None:
    for at in range(140):
        for word in ("x", "ab", "parserState", "é", "中文", "longer_than_sixteen_bytes", "y" * 64):
            _same(" " * at + word)
            _same("z" * at + " " + word + " ")


def test_more_words_than_are_remembered() -> None:
    for start in range(0, 150_000, 30_000):
        text = " ".join(f"word{i:x}Of{i % 977}Many" for i in range(start, start + 30_000))
        assert compiled.count_terms(text) == plain.count_terms(text)


def test_long_runs_take_no_long_time() -> None:
    _same("ay" * 300_000)
    _same("\u0301" * 100_000 + "é" * 100_000)
