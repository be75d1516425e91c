"""What is no text is rejected, with a sentence that says what is wrong and what to do."""

from __future__ import annotations

import pytest

from groma.memory.guard import examine
from groma.memory.guard.limits import LONGEST


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("", "empty", "is empty"),
        (" \n\t ", "empty", "is empty"),
        ("\u200b\u200d\ufeff\U000e0041", "empty", "nothing that can be seen"),
        ("a\x00b", "not-text", "a NUL character at position 1"),
        ("ab\ud800", "not-text", "half of a surrogate pair at position 2"),
        ("x" * (LONGEST + 1), "too-long", "100,001 characters and a memory at most 100,000"),
        ("x" * 10_000_000, "too-long", "10,000,000 characters"),
    ],
)
def test_what_is_no_text_is_rejected(text: str, name: str, says: str) -> None:
    verdict = examine(text)
    assert (verdict.action, verdict.reasons, verdict.text) == ("reject", (name,), "")
    assert says in verdict.why


def test_the_longest_text_is_taken() -> None:
    text = ("All is well here. " * (LONGEST // 18 + 1))[:LONGEST]
    assert examine(text).action == "accept"
    assert examine(text).text == text
