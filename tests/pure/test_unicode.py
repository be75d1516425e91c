"""The one Unicode of both cores: its table is what its generator makes, and holds under any Python."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest

from groma._pure import tokens, unicode
from tools import characters


def test_table_is_what_its_generator_makes() -> None:
    if unicodedata.unidata_version != unicode.VERSION:
        pytest.skip(f"this Python carries Unicode {unicodedata.unidata_version}, the table is of {unicode.VERSION}")
    assert unicode.FILE.read_text("utf-8") == characters.table()


def test_foldings_of_the_table_are_those_of_this_python() -> None:
    folds = {}
    for line in unicode.FILE.read_text("utf-8").splitlines():
        if line[0] != "#" and " fold " in line:
            first, last, _, step, *targets = line.split(" ")
            for code in range(int(first, 16), int(last, 16) + 1, int(step)):
                far = code - int(first, 16)
                folds[chr(code)] = "".join(chr(int(target, 16) + far) for target in targets)
    known = filter(unicode.is_assigned, map(chr, range(0x80, 0x110000)))
    assert {c: c.casefold() for c in known if c.casefold() != c} == folds


@pytest.mark.parametrize(
    ("character", "known"),
    [
        ("a", True),
        ("\x80", True),
        ("\u0378", False),
        ("\ufdd0", False),
        ("\ue000", True),
        ("\ud800", True),
        ("\U0002a6dd", True),
        ("\U0002ebf0", False),
    ],
)
def test_what_is_assigned(character: str, known: bool) -> None:
    assert unicode.is_assigned(character) is known


@pytest.mark.parametrize("later", ["\U0001e4d0", "\U00011bc0", "\U000105c9", "\ua7cb", "\u1c89", "\u0378"])
def test_what_came_after_this_unicode_parts_words(later: str) -> None:
    assert tokens.tokens(f"parse{later}é") == ["pars", "é"]
    assert unicode.nfkc(f"é{later}\u0301") == "é \u0301"


def test_a_lone_surrogate_becomes_one_character() -> None:
    assert unicode.whole("é\ud800x\udfff") == "é\ufffdx\ufffd"
    assert tokens.tokens("naïve\udc80Name") == ["naïve", "name"]


def test_text_of_ascii_never_reads_the_table() -> None:
    code = "from groma._pure import tokens, unicode; tokens.tokens('HttpClient x'); print(unicode._rows.cache_info().misses)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "0"


def test_long_runs_of_letters_are_not_stemmed() -> None:
    assert tokens.tokens("ab" * 48 + "ing") == ["ab" * 48]
    assert tokens.tokens("ab" * 49 + "ing") == ["ab" * 49 + "ing"]


def test_many_characters_that_are_not_assigned_take_no_long_time() -> None:
    text = "".join(map(chr, range(0x40000, 0x80000)))
    assert unicode.nfkc(text) == " " * len(text)
