"""What queries mean."""

import pytest

from groma.search.understand import MAX_CHARACTERS, MAX_TERMS, understand
from groma.types import Filter


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("how are retries limited", "sentence"),
        ("HttpClient", "symbol"),
        ("HttpClient.send", "symbol"),
        ("std::vector", "symbol"),
        ("_private_thing", "symbol"),
        ("save!", "symbol"),
        ("src/app/main.py", "path"),
        ("src/app/main.py:120", "path"),
        ("main.py", "path"),
        ("docs/", "path"),
        ("foo.bar", "symbol"),
        (r"def \w+_handler\(", "sentence"),
        ("搜索 代码", "sentence"),
        ("🎉", "sentence"),
    ],
)
def test_intent(text: str, intent: str) -> None:
    assert understand(text, Filter(), None).intent == intent


def test_terms_are_distinct_ascending_and_counted() -> None:
    query = understand("parse parse HttpClient", Filter(), None)
    assert (query.terms[1:] > query.terms[:-1]).all()
    assert sorted(query.counts.tolist()) == [1, 1, 1, 2]
    assert query.words == ("pars", "http", "client")


def test_only_stop_words_leave_nothing_to_search() -> None:
    query = understand("how is it the", Filter(), None)
    assert query.words == ()
    assert "no searchable words" in str(query)


def test_one_stop_word_alone_is_kept() -> None:
    assert understand("with", Filter(), None).words == ("with",)


def test_named_symbols_but_not_a_capital_at_the_beginning() -> None:
    assert understand("Where does HttpClient call parse_config", Filter(), None).named == {"HttpClient", "parse_config"}
    assert understand("Blueprint registration order", Filter(), None).named == frozenset()
    assert understand("HttpClient.send", Filter(), None).named == {"HttpClient.send", "send"}


def test_lifts() -> None:
    assert understand("where is the parser tested", Filter(), None).lifts == {"tests"}
    assert "docs" in understand("readme of the installer", Filter(), None).lifts
    assert understand("parse the header", Filter(), None).lifts == frozenset()


def test_long_queries_are_cut_and_say_so() -> None:
    assert understand("x" * (MAX_CHARACTERS + 1), Filter(), None).cut
    many = understand(" ".join(f"word{i}x" for i in range(400)), Filter(), None)
    assert many.cut
    assert len(many.terms) == MAX_TERMS
    assert not understand("short", Filter(), None).cut


def test_a_query_prints() -> None:
    assert str(understand("where is HttpClient tested", Filter(languages=frozenset({"go"})), None)) == (
        "sentence: http client test names HttpClient lifts tests Filter(languages=frozenset({'go'}), paths=(), kinds=frozenset())"
    )
