"""Tokens: what is split, stemmed, joined and kept; in every script."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma._pure import tokens as t


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HttpClient", ["http", "client", "=httpclient"]),
        ("HTTPServer2", ["http", "server", "2", "=httpserver2"]),
        ("parse_config_files", ["pars", "config", "file", "=parseconfigfiles"]),
        ("__init__", ["init"]),
        ("running", ["run"]),
        ("a.b->c", ["a", "b", "c"]),
        ("0x1F", ["0", "x", "1", "f", "=x1f"]),
        ("_", []),
        ("", []),
        ("café au lait", ["café", "au", "lait"]),
        ("naïveName", ["naïve", "name"]),
        ("中文搜索", ["中文", "文搜", "搜索"]),
        ("中", ["中"]),
        ("テスト_case", ["テス", "スト", "case"]),
        ("नमस्ते", ["नमस्ते"]),
        ("ＨＴＴＰ", ["http"]),
        ("СлонБегает", ["слон", "бегает"]),
        ("🎉🎉", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert t.tokens(text) == expected


def test_stop_words_leave_queries_but_not_texts() -> None:
    assert t.query_tokens("where is the parser") == ["parser"]
    assert t.query_tokens("where") == ["where"]
    assert "the" in t.tokens("the parser")


def test_term_ids_are_fixed_for_ever() -> None:
    assert {word: t.term_id(word) for word in ("pars", "=httpclient", "中文")} == {"pars": 392947045, "=httpclient": 368216861, "中文": 436858167}


@given(st.text())
def test_counts_agree_with_the_list_and_ids_fit(text: str) -> None:
    counts, total = t.count_terms(text)
    listed = t.tokens(text)
    assert total == len(listed)
    assert sum(counts.values()) == len(listed)
    assert all(0 <= term < 2**29 for term in counts)
    assert set(counts) == {t.term_id(token) for token in listed}


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_ascii_text_gives_the_same_beside_other_scripts(text: str) -> None:
    assert t.tokens(text) == t.tokens(text + " 中")[:-1]


@given(st.text())
def test_no_letter_is_dropped(text: str) -> None:
    letters = sum(c.isalpha() and c.isascii() for c in text)
    kept = sum(len(part) for w in t.identifiers(text) for part in [w] if part)
    assert kept >= letters


def test_the_stemmer_package_is_left_as_others_need_it() -> None:
    code = "import groma._pure.tokens, snowballstemmer; print(snowballstemmer.stemmer('german').stemWord('laufen'))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "lauf"
