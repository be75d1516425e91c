"""Both cores cover the same characters under the same names, in credentials, in near misses, in noise and in real files."""

from __future__ import annotations

import random
import site
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groma._pure import masking as plain
from tests.pure import test_masking as examples
from tools import corpora

pytest.importorskip("groma._rs", reason="the compiled core is not built; masking is NOT compared")
compiled = pytest.importorskip("groma._compiled.masking")

_EXAMPLES = examples._EXAMPLES
# What breaks a match, or nearly: marks of the patterns, letters that fold to ASCII in Unicode, spaces that are none in
# ASCII, digits of other scripts, half a character.
_SPLINTERS = list("aZ9_-=+/.:;,@%'\"`\\ \t\n\r\x0b\x0c\x1c\x1f\x7f\x85\xa0\u2028\u3000éſ\u212a\u0130٣²🔑\ud800\udfff*<>{}()[]|#&?!$~^")
_SPLINTERS += ["\\n", "%41", "%c3%a9", "%ff", "==", "****"]


def _same(text: str) -> None:
    assert compiled.mask(text) == plain.mask(text), repr(text)


def _hurt(draw: random.Random, text: str, times: int) -> str:
    for _ in range(times):
        at = draw.randrange(len(text) + 1)
        drop = draw.choice((0, 0, 1, 1, 1, 2, 9))
        text = text[:at] + draw.choice(["", *_SPLINTERS]) + text[at + drop :]
    return text


@pytest.mark.parametrize("name", _EXAMPLES)
def test_examples_and_near_misses(name: str) -> None:
    draw = random.Random(name)
    before, secret, after = _EXAMPLES[name]
    _same(before + secret + after)
    _same(f"x{before}{secret}{after}x".swapcase())
    for i in range(60):
        _same(_hurt(draw, before + secret + after, 1 + i % 3))
        _same(_hurt(draw, before, 1) + secret + after)
        _same(before + secret[: draw.randrange(len(secret))] + after)
        _same(before + secret + draw.choice(secret) * draw.randrange(300) + after)


@pytest.mark.parametrize("name", _EXAMPLES)
def test_hostile_texts(name: str) -> None:
    for text in examples._hostile(name):
        _same(text[:4000])


def test_a_chain_of_values_that_free_one_another() -> None:
    _same("before = 1\n" + "xoxd-cfpat-" * 500 + "\nafter = é\n")
    _same(("xoxd-cfpat-" * 40 + "\u2028é\r") * 9)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(examples._piece, st.sampled_from(_SPLINTERS)), max_size=14).map("".join))
def test_mixtures(text: str) -> None:
    _same(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="keyTOKEN_sk-pass:/@=\"'\n 0aZ*\\.{é\u2028%41", max_size=160))
def test_noise(text: str) -> None:
    _same(text)


_WORDS = ["password", "apiKey", "DB_PASSWORD", "client-secret", "token", "key", "session_key", "Authorization", "vault_token", "pwd", "tokenUrl"]
_LINKS = [" = ", ": ", "=", " := ", ": str = ", "(", '="', ' => "', '": "', " || '", "\n  value: ", ">", '" value="', ": Basic ", "://u:", "[]="]
_VALUE = st.text(alphabet="abcdefGHIJKL0123456789+/=_.-!@%é$\x1c ", min_size=6, max_size=48)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(_WORDS), st.sampled_from(_LINKS), _VALUE, st.sampled_from(['"', "'", "\n", "", ";", "@host", "</", "\\n"]))
def test_values_of_every_look(word: str, link: str, value: str, after: str) -> None:
    """Entropy, letter pairs, base64 and case decide here: the same way, to the last bit."""
    _same(word + link + value + after)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="%4c3A9é f\ud800😀z", min_size=8, max_size=40))
def test_quoted_passwords(value: str) -> None:
    _same(f"redis://u:{value}Q7@host")


def _real_files() -> list[Path]:
    """Every so many, of the pinned corpora, of this repository and of what is installed."""
    roots = [Path(__file__).parents[2] / "tests", Path(__file__).parents[2] / "src", *map(Path, site.getsitepackages()), corpora.folder()]
    files = sorted(path for root in roots if root.is_dir() for path in root.rglob("*") if path.is_file() and 0 < path.stat().st_size < 300_000)
    return random.Random(4).sample(files, min(len(files), 1500))


def test_real_files() -> None:
    for path in _real_files():
        _same(path.read_bytes().decode("utf-8", "surrogateescape"))


def test_real_files_with_a_credential_in_them() -> None:
    draw = random.Random(5)
    texts = list(_EXAMPLES.values())
    for path in _real_files()[:300]:
        lines = path.read_bytes()[:60_000].decode("utf-8", "replace").split("\n")
        for _ in range(4):
            lines.insert(draw.randrange(len(lines) + 1), _hurt(draw, "".join(draw.choice(texts)), draw.randrange(2)))
        _same("\n".join(lines))
