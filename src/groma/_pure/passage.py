"""What a chunk says to each leg of a search: its sparse vector (BM25F impacts) and its text for a dense model (DESIGN §7).

Both are pure functions of the blob and the path: field lengths are normalised by constants, never by neighbours, so a vector never changes
because another file did. `VERSION` names these rules.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from .._shared import PASSAGE_VERSION as VERSION
from .tokens import count_terms, identifiers, split, terms_of, tokens
from .unicode import whole

__all__ = ["VERSION", "comment_lines", "dense_text", "path_terms", "sparse", "stem_tokens", "symbol_terms"]

BODY, SYMBOLS, ENCLOSING, COMMENTS, PATH = 1.0, 3.0, 1.0, 0.5, 4.0
"""Weights of the fields; `tf = Σ weight · count / (1 - b + b · length / mean)` (BM25F)."""
BODY_B, SYMBOLS_B, COMMENTS_B = 0.75, 0.3, 0.5
BODY_MEAN, SYMBOLS_MEAN, COMMENTS_MEAN = 125.0, 4.0, 32.0
SATURATION = 1.5
MAX_TERMS = 1000

_LINE_COMMENT = re.compile(r'^\s*(?://+|/\*+|\*+(?!/)|#+(?!include|define|if|endif|else|\[|!\[)|--+\|?|;+|%+|"""|\'\'\')(.*)$')


def comment_lines(text: str) -> str:
    """The lines of a chunk that look like comments or docstrings, without their markers; U+FFFD for a lone surrogate."""
    found = []
    inside = False
    for line in text.split("\n"):
        quotes = line.count('"""') + line.count("'''")
        if quotes:
            found.append(line.strip())
            inside ^= quotes == 1
        elif inside:
            found.append(line.strip())
        elif m := _LINE_COMMENT.match(line):
            found.append(m[1])
    return whole("\n".join(found))


@lru_cache(4096)
def path_terms(path: str) -> tuple[tuple[int, int], ...]:
    """(term, count) of a path: the stem counts twice, each folder once."""
    *folders, name = path.split("/")
    counts: Counter[int] = Counter()
    for part, times in ((name.rsplit(".", 1)[0], 2), *((folder, 1) for folder in folders)):
        for identifier in identifiers(part):
            for term in terms_of(identifier):
                counts[term] += times
    return tuple(counts.items())


def sparse(text: str, symbols: Sequence[str], enclosing: str, path: str) -> list[tuple[int, int]]:
    """The sparse vector of a chunk: (term id, impact 1..255), ascending by term id, at most `MAX_TERMS`."""
    tf: dict[int, float] = {}

    def add(counts: Counter[int], weight: float, norm: float) -> None:
        for term, n in counts.items():
            tf[term] = tf.get(term, 0.0) + weight * n / norm

    body, length = count_terms(text)
    add(body, BODY, 1 - BODY_B + BODY_B * length / BODY_MEAN)
    names, length = count_terms("\n".join(symbols))
    add(names, SYMBOLS, 1 - SYMBOLS_B + SYMBOLS_B * length / SYMBOLS_MEAN)
    add(count_terms(enclosing)[0], ENCLOSING, 1.0)
    comments, length = count_terms(comment_lines(text))
    add(comments, COMMENTS, 1 - COMMENTS_B + COMMENTS_B * length / COMMENTS_MEAN)
    for term, n in path_terms(path):
        tf[term] = tf.get(term, 0.0) + PATH * n
    if len(tf) > MAX_TERMS:
        tf = dict(sorted(tf.items(), key=lambda item: (-item[1], item[0]))[:MAX_TERMS])
    return [(term, max(1, round(255 * x / (SATURATION + x)))) for term, x in sorted(tf.items())]


_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_RULES = re.compile(r"[-=*/#]{4,}")
_BLANKS = re.compile(r"\n\s*\n+")
_SPACES = re.compile(r"[ \t]+")
HEADER_CHARACTERS = 200
BODY_CHARACTERS = 900


def dense_text(text: str, symbols: Sequence[str], enclosing: str, path: str) -> str:
    """The text a dense model reads: a header of words (last three path parts, enclosing type, six symbols), then the start of the body.

    A lone surrogate becomes U+FFFD: no model can read it, and few take a text that holds one.
    """
    parts = path.rsplit(".", 1)[0].split("/")[-3:]
    header = " / ".join(" ".join(_WORDS.findall(p)) if p.isascii() else p for p in parts)
    if enclosing:
        header += ": " + enclosing
    if symbols:
        header += " " + ", ".join(symbols[:6])
    body = _RULES.sub("", _BLANKS.sub("\n", _SPACES.sub(" ", text)))
    return whole(header[:HEADER_CHARACTERS] + "\n" + body[:BODY_CHARACTERS])


def stem_tokens(path: str) -> tuple[str, ...]:
    """The distinct tokens of a file's stem, joined ones left out."""
    return tuple(dict.fromkeys(t for t in tokens(path.rsplit("/", 1)[-1].rsplit(".", 1)[0]) if t[0] != "="))


def symbol_terms(name: str) -> tuple[int, ...]:
    """The distinct term ids of a symbol's name, joined tokens left out."""
    return tuple(sorted({term for i in identifiers(name) for token, term in zip(split(i), terms_of(i), strict=True) if token[0] != "="}))
