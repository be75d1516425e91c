"""Tokens of code and of queries, and the term ids they become (DESIGN §7 "Tokens").

Identifiers and digit runs are split at camel and snake borders, lower-cased and stemmed (English Snowball) over three characters; an
identifier of two or more parts also yields one joined token, written with a leading "=". Text outside ASCII is normalised (NFKC) and keeps
its words: letters with their marks, Han, Kana and Hangul as pairs of characters. For ASCII text both ways agree. What a letter, a mark or
a capital is, is the same under every Python (`unicode`).
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from .._shared import STOP_WORDS, term_id, word_hash
from .._shared import TOKENS_VERSION as VERSION
from .unicode import nfkc, ranges

__all__ = ["STOP_WORDS", "VERSION", "count_terms", "identifiers", "query_tokens", "split", "term_id", "terms_of", "tokens", "word_hash"]

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PAIRED = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af\U00020000-\U0003134f"


@cache
def _english() -> Callable[[str], str]:
    """The English stemmer alone: the package's front imports thirty languages, which costs every command tens of milliseconds."""
    name = "snowballstemmer"
    spec = find_spec(name)
    if name in sys.modules or spec is None or spec.submodule_search_locations is None:
        stemmer = import_module(f"{name}.english_stemmer").EnglishStemmer()
    else:
        bare = sys.modules[name] = ModuleType(name)
        bare.__path__ = list(spec.submodule_search_locations)
        try:
            stemmer = import_module(f"{name}.english_stemmer").EnglishStemmer()
        finally:
            del sys.modules[name]  # whoever wants the whole package gets it
    stem: Callable[[str], str] = stemmer.stemWord
    return stem


_LONGEST_STEMMED = 100
"""Longer runs of letters are data and no words; the stemmer takes the square of their length."""


@lru_cache(262_144)
def _stem(word: str) -> str:
    return _english()(word) if 3 < len(word) <= _LONGEST_STEMMED else word


@cache
def _paired_run() -> re.Pattern[str]:
    return re.compile(f"[{_PAIRED}]+")


@cache
def _wide() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Words, their parts and the camel borders in them, outside ASCII; built when the first such text comes."""
    word, digit, mark = ranges("upper", "lower", "letter"), ranges("digit"), ranges("mark")
    return (
        # What is of ASCII alone is found first: the long classes are slow to say no, above all to a space.
        re.compile(
            "(?:[A-Za-z_][A-Za-z0-9_]*+|[0-9]++)(?![^\\x00-\\x7f])"
            f"|(?=[A-Za-z0-9_]|[^\\x00-\\x7f])(?:[A-Za-z_{word}][A-Za-z0-9_{word}{digit}{mark}]*|[0-9{digit}]+)"
        ),
        re.compile(f"[{_PAIRED}]+|[0-9{digit}]+|[A-Za-z{word}](?:(?![{_PAIRED}])[A-Za-z{word}]|[{mark}])*"),
        re.compile(f"(?<=[a-z{ranges('lower')}])(?=[A-Z{ranges('upper')}])"),
    )


def identifiers(text: str) -> list[str]:
    """The identifiers, words and digit runs of a text, in order."""
    if text.isascii():
        return _IDENTIFIER.findall(text)
    return _wide()[0].findall(nfkc(text))


@lru_cache(262_144)
def split(identifier: str) -> tuple[str, ...]:
    """The tokens of one identifier: its stemmed parts, then the joined token if there are two parts or more."""
    if identifier.isascii():
        parts = [part.lower() for part in _PART.findall(identifier)]
        if len(parts) < 2:
            return (_stem(parts[0]),) if parts else ()
        return (*map(_stem, parts), "=" + "".join(parts))
    found: list[str] = []
    for run in _wide()[1].findall(identifier):
        if _paired_run().fullmatch(run):
            found += [run[i : i + 2] for i in range(len(run) - 1)] or [run]
        elif run.isascii():
            found += [_stem(part.lower()) for part in _PART.findall(run)]
        else:
            found += [part.casefold() for part in _wide()[2].split(run)]  # cut where a small letter is followed by a capital one
    return tuple(found)


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order, joined ones included."""
    return [token for identifier in identifiers(text) for token in split(identifier)]


def query_tokens(text: str) -> list[str]:
    """The tokens of a query: stop words are dropped, unless the query is one word."""
    words = identifiers(text)
    return [t for word in words if len(words) == 1 or word.lower() not in STOP_WORDS for t in split(word)]


@lru_cache(262_144)
def terms_of(identifier: str) -> tuple[int, ...]:
    """The term ids of one identifier."""
    return tuple(map(term_id, split(identifier)))


def count_terms(text: str) -> tuple[Counter[int], int]:
    """How often each term occurs in a text, and the number of tokens in all."""
    counts: Counter[int] = Counter()
    total = 0
    for identifier, n in Counter(identifiers(text)).items():
        terms = terms_of(identifier)
        total += n * len(terms)
        for term in terms:
            counts[term] += n
    return counts, total
