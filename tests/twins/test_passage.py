"""Both cores say the same of a chunk: the same impacts, the same text for a model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groma._pure import passage as plain

from .samples import chunks, noise, texts

pytest.importorskip("groma._rs", reason="the compiled core is not built; passages are NOT compared")
compiled = pytest.importorskip("groma._compiled.passage")

marked = st.text(st.sampled_from("ab \t\n\r\x0b\x1c\u3000#/*-=|!;%[]\"'éifndeclu"), max_size=80)
lines = st.lists(
    st.sampled_from(
        ["#", "##", "//", "/*", "*", "**/", "*/", "--", "--|", ";;", "%", '"""', "'''", "-----", "====", "/*/", "#![", "##if", " \t", "\x85"]
    )
    | st.sampled_from(["include", "define x", "if", "endif", "else", "[derive]", "!bang", "word", "中文", "\ud800", "", " ", "|"])
    | st.just("\n"),
    max_size=40,
).map("".join)


@given(texts | marked | lines, st.lists(texts, max_size=8), texts, texts)
@example("", [], "", "")
@example("a", ["b"], "c", "/")
@example("x" * 901 + "é", ["é" * 150] * 3, "C" * 60, "a.b/c.d/é.f/G.H")
def test_any_passage(text: str, symbols: list[str], enclosing: str, path: str) -> None:
    assert compiled.sparse(text, symbols, enclosing, path) == plain.sparse(text, symbols, enclosing, path)
    assert compiled.dense_text(text, symbols, enclosing, path) == plain.dense_text(text, symbols, enclosing, path)


@given(marked | lines | texts)
@example("**/x\n*/x\n*x\n**x\n##include\n#include\n#!/bin/sh\n#![x]\n--| a\n- a\n/x\n//x\n/**/x\n/*/x")
def test_comments_and_names(text: str) -> None:
    assert compiled.comment_lines(text) == plain.comment_lines(text)
    assert compiled.path_terms(text) == plain.path_terms(text)
    assert compiled.stem_tokens(text) == plain.stem_tokens(text)
    assert compiled.symbol_terms(text) == plain.symbol_terms(text)


@given(marked)
def test_bodies_are_cut_and_cleaned_alike(text: str) -> None:
    for body in (text * 30, text + "x" * 880 + text * 3):
        assert compiled.dense_text(body, [], "", "a.py") == plain.dense_text(body, [], "", "a.py")


def test_noise() -> None:
    words = noise(3, 6_000, 30)
    for i in range(0, len(words), 6):
        one, two, three, four, five, six = words[i : i + 6]
        arguments = ("\n".join((one, two, three)), [four, five], five, six)
        assert compiled.sparse(*arguments) == plain.sparse(*arguments), ascii(arguments)
        assert compiled.dense_text(*arguments) == plain.dense_text(*arguments), ascii(arguments)


def test_chunks_of_real_files() -> None:
    found = chunks()
    columns = tuple(map(list, zip(*found, strict=True)))
    start, terms, impacts = compiled.sparse_batch(*columns)
    assert (start.dtype, terms.dtype, impacts.dtype) == (np.int64, np.uint32, np.uint8)
    dense = compiled.dense_text_batch(*columns)
    for i, chunk in enumerate(found):
        row = list(zip(terms[start[i] : start[i + 1]].tolist(), impacts[start[i] : start[i + 1]].tolist(), strict=True))
        assert row == plain.sparse(*chunk), chunk[3]
        assert dense[i] == plain.dense_text(*chunk), chunk[3]


def test_the_heaviest_terms_are_kept_where_there_are_too_many() -> None:
    text = " ".join(f"word{i}x" * (1 + i % 3) for i in range(3000))
    vector = compiled.sparse(text, [], "", "a.py")
    assert len(vector) == plain.MAX_TERMS
    assert vector == plain.sparse(text, [], "", "a.py")


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        compiled.sparse_batch(["a", "b"], [[]], ["", ""], ["", ""])
