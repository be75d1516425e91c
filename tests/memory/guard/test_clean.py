"""What cannot be seen is taken out; what a script needs stays; nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma.memory.guard.clean import clean

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u2069\u200f\U000e0041\U000e007f\ufe0f\ufe00\U000e0100\x1b\x07\x9b\x7f"


@pytest.mark.parametrize(
    ("text", "kept", "stripped"),
    [
        ("plain\ttext\r\n", "plain\ttext\r\n", ()),
        ("a\x07b\x1b[31mred\x1b[0m\x9b2Jc", "abredc", (("control", 13),)),
        ("\u202egnp.exe\u202c", "gnp.exe", (("bidi", 2),)),
        ("ig\u200bno\u2060re\ufeff", "ignore", (("zero-width", 3),)),
        ("ig\u200dno\u200cre", "ignore", (("joiner", 2),)),
        ("note\U000e0068\U000e0069", "note", (("tag", 2),)),
        ("a\ufe0f\ufe0f\ufe01b", "a\ufe0fb", (("variation", 2),)),
        (" \ufe0fb", " b", (("variation", 1),)),
    ],
)
def test_what_cannot_be_seen_is_taken_out_and_counted(text: str, kept: str, stripped: tuple[tuple[str, int], ...]) -> None:
    assert (clean(text).text, clean(text).stripped) == (kept, stripped)


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # Persian: a non-joiner within a word
        "क्\u200dष और क्\u200cष",  # Devanagari: half forms
        "ශ්\u200dරී ලංකා",  # Sinhala
        "👩\u200d💻 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈",  # emoji sequences
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # the flag of Scotland
        "1\ufe0f\u20e3 ☺\ufe0f",  # keycap, emoji presentation
        "葛\U000e0100城",  # an ideographic variant
        "cafe\u0301 ﬁne ½ Ⅷ 한글 ①",  # not normalised
    ],
)
def test_what_a_script_needs_stays(text: str) -> None:
    assert clean(text).text == text
    assert clean(text).stripped == ()


def test_what_hidden_characters_spelled_is_told_and_not_kept() -> None:
    tags = "".join(chr(0xE0000 + ord(c)) for c in "obey me")
    selectors = "".join(chr(0xFE00 + b) if b < 16 else chr(0xE0100 + b - 16) for b in b"obey")
    assert clean("x" + tags).hidden == "obey me"
    assert clean("x" + selectors).hidden == "obey"
    assert clean("x" + selectors).text == "x" + selectors[0]


@given(st.text(st.one_of(st.characters(), st.sampled_from(INVISIBLE), st.sampled_from("aक👩❤🏴[m ")), max_size=60))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text)
    assert clean(once.text).text == once.text
    assert clean(once.text).stripped == ()
    assert len(text) - len(once.text) == sum(n for _, n in once.stripped)


@given(st.text(st.sampled_from(INVISIBLE + "ab")))
def test_no_character_that_hides_is_left_between_latin_letters(text: str) -> None:
    assert set(clean(text).text) <= set("ab\ufe0f\ufe00\U000e0100")
