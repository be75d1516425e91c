"""Sparse vectors and dense texts are pure functions of blob and path."""

from __future__ import annotations

from groma._pure import passage
from groma._pure.tokens import term_id


def weights(text: str, symbols: list[str] | None = None, enclosing: str = "", path: str = "a.py") -> dict[int, int]:
    return dict(passage.sparse(text, symbols or [], enclosing, path))


def test_one_formula_by_hand() -> None:
    # body: one token, length 1 -> tf = 1 / (1 - .75 + .75/125); impact = round(255 tf / (1.5 + tf))
    tf = 1 / (0.25 + 0.75 * 1 / 125)
    assert weights("alpha", path="")[term_id("alpha")] == round(255 * tf / (1.5 + tf))


def test_fields_weigh_as_told() -> None:
    in_body = weights("alpha " + "x " * 100)
    in_symbol = weights("alpha " + "x " * 100, ["alpha"])
    in_path = weights("alpha " + "x " * 100, path="alpha.py")
    assert in_body[term_id("alpha")] < in_symbol[term_id("alpha")] < in_path[term_id("alpha")]
    assert term_id("store") in weights("x", enclosing="Store")
    assert weights("# alpha\n" + "x\n" * 100)[term_id("alpha")] > in_body[term_id("alpha")]


def test_ascending_bounded_and_within_a_byte() -> None:
    vector = passage.sparse(" ".join(f"word{i}x" for i in range(3000)), [], "", "a.py")
    assert len(vector) == passage.MAX_TERMS
    assert [t for t, _ in vector] == sorted({t for t, _ in vector})
    assert all(1 <= impact <= 255 for _, impact in vector)


def test_comment_lines() -> None:
    assert passage.comment_lines(
        'x = 1\n# one\n// two\n"""three\nfour\n"""\n#include <a>\n-- five'
    ) == ' one\n two\n"""three\nfour\n"""\n five'.replace(" five", " five")


def test_dense_text_has_a_header_and_a_short_body() -> None:
    text = passage.dense_text("a  b\n\n\n\nc\n-----\n" + "x" * 2000, ["send", "open"], "HttpClient", "src/net/httpClient.py")
    header, body = text.split("\n", 1)
    assert header == "src / net / http Client: HttpClient send, open"
    assert body.startswith("a b\nc\n")
    assert len(body) <= passage.BODY_CHARACTERS


def test_names_of_files_and_symbols() -> None:
    assert passage.stem_tokens("a/HttpClient_test.spec.py") == ("http", "client", "test", "spec")
    assert passage.symbol_terms("HttpClient::send") == tuple(sorted({term_id("http"), term_id("client"), term_id("send")}))
