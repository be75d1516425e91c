"""What every verdict holds, whatever the text: nothing is raised, what is stored is clean and masked, and judging it again changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groma.memory.guard import examine
from groma.memory.guard.clean import clean
from groma.memory.guard.policy import ACTIONS
from groma.memory.guard.rules import rules
from groma.secrets import mask

PIECES = sorted({literal for rule in rules() for group in rule.need for literal in group})
TEXTS = st.one_of(
    st.text(st.characters(), max_size=200),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=40).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("\ud800")
@example("\x1b[\x00")
@example("🏴" + "\U000e0067" * 3)
def test_every_text_has_a_verdict(text: str) -> None:
    verdict = examine(text)
    assert verdict.action in ACTIONS
    assert bool(verdict.reasons) == (verdict.action != "accept") == bool(verdict.why)
    assert clean(verdict.text).stripped == ()
    assert mask(verdict.text).text == verdict.text
    assert verdict.text == "" or len(verdict.text) == len(text) - sum(n for _, n in verdict.stripped)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_what_was_let_in_is_let_in_again(text: str) -> None:
    once = examine(text)
    if once.text and not once.masked and "hidden-characters" not in once.reasons:
        again = examine(once.text)
        assert (again.text, again.stripped) == (once.text, ())
        assert ACTIONS.index(again.action) <= ACTIONS.index(once.action)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The database is postgres://bob:hT7kq92LmzPw@db.internal/app", "The database is postgres://bob:************@db.internal/app"),
        ("Server=tcp:x;User ID=me;Password=Zx91kQpl22;", "Server=tcp:x;User ID=me;Password=**********;"),
        ("ghp_x8Kq2LmZpW4vR7tYb1NcD5fGh6JkQ9sAe3Ua", "*" * 40),
        ("api_key = 'q8Zr2LmPwX4vT7kYb1Nc'", "api_key = '********************'"),
    ],
)
def test_credentials_are_masked_and_the_memory_is_kept(text: str, kept: str) -> None:
    verdict = examine(text)
    assert (verdict.text, verdict.masked, verdict.action) == (kept, True, "accept")


def test_a_private_key_is_masked() -> None:
    body = "\n".join("MIIEpAIBAAKCAQEA7v9Kq2LmZpW4vR7tYb1NcD5fGh6JkQ9sAe3UaXo8wHtPzRcN"[i:] + "x8Kq2LmZpW4v"[: i + 1] for i in range(4))
    verdict = examine(f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----")
    assert verdict.masked
    assert "Kq2LmZpW4vR7tYb1" not in verdict.text


def test_a_credential_split_by_what_is_not_seen_is_masked() -> None:
    assert examine("token ghp_x8Kq2LmZpW4vR7tY\u200bb1NcD5fGh6JkQ9sAe3Ua").text == "token " + "*" * 40


def test_text_stays_as_it_was_written() -> None:
    text = "  Ｆｕｌｌ width, cafe\u0301, “quotes”,\r\n\ttabs and 👩\u200d💻 stay.  "
    assert examine(text).text == text


def test_a_verdict_is_a_value() -> None:
    assert examine("Use uv.") == examine("Use uv.")
    assert hash(examine("a\u200bb")) == hash(examine("a\u200bb"))
