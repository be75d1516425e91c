"""What a query means: its terms, whether it names a symbol or a path, what it lifts. The result is a value that prints."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import numpy.typing as npt

from .. import core
from ..types import Filter
from ..values import field, value

__all__ = ["MAX_CHARACTERS", "MAX_TERMS", "Query", "understand"]

MAX_CHARACTERS = 8_000
MAX_TERMS = 128

_SYMBOL = re.compile(r"(?:[A-Za-z_]\w*(?:(?:::|\\|->|\.|#)[A-Za-z_]\w*[!?]?)+|_\w*|[A-Za-z]\w*[A-Z_]\w*|[A-Z]\w*|[A-Za-z_]\w*[!?]?)", re.ASCII)
_QUALIFIER = re.compile(r"::|\\|->|\.|#")
_NAMED = re.compile(
    r"\b(?:[A-Z][a-z][a-zA-Z0-9]*[A-Z][a-zA-Z0-9]*|[a-z][a-zA-Z0-9]*[A-Z][a-zA-Z0-9]+|\w+_\w+|[A-Z][a-z]\w{3,}|[A-Z]{2,}\w*)\b", re.ASCII
)
_PATH = re.compile(r"(?:\./)?((?:[\w.@+-]+/)+[\w.@+-]*|[\w@+-][\w.@+-]*\.[A-Za-z]\w{0,5})(?::\d+(?:[-:]\d+)?)?/?", re.ASCII)
_LIFTS = {
    "tests": frozenset("test tests tested testing spec specs fixture fixtures mock mocks benchmark benchmarks pytest unittest".split()),
    "examples": frozenset("example examples sample samples demo demos tutorial tutorials legacy deprecated vendored compat compatibility".split()),
    "docs": frozenset("docs documentation documented readme changelog license licence contributing".split()),
    "config": frozenset("yaml yml toml ini workflow workflows dockerfile pyproject ci".split()),
}
"""What each kind of file is called by; those that only two words or a dot tell are in `_CONFIG`."""
_CONFIG = re.compile(r"\bconfig(?:uration)? files?\b|\.json\b")
_WORD = re.compile(r"\w+")


@value
class Query:
    """`intent` is "symbol", "path" or "sentence". `terms` (distinct ids, ascending) with their `counts` make the sparse leg; `words` are the
    distinct tokens without joined ones, in order; `named` the symbols it names; `lifts` the kinds of file it asks for by name."""

    text: str
    intent: str
    terms: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.int64]
    words: tuple[str, ...]
    named: frozenset[str]
    path: str | None
    lifts: frozenset[str]
    filter: Filter
    near: str | None = None
    cut: bool = field(default=False)

    def __str__(self) -> str:
        parts = [f"{self.intent}:", " ".join(self.words) or "(no searchable words)"]
        if self.named:
            parts.append("names " + ", ".join(sorted(self.named)))
        if self.lifts:
            parts.append("lifts " + ", ".join(sorted(self.lifts)))
        if self.filter:
            parts.append(str(self.filter))
        return " ".join(parts)


def understand(text: str, filter: Filter, near: str | None) -> Query:
    """The meaning of `text`; texts beyond `MAX_CHARACTERS` or `MAX_TERMS` are cut, and the query says so."""
    cut = len(text) > MAX_CHARACTERS
    text = text[:MAX_CHARACTERS].strip()
    path = m[1].removesuffix("/") if (m := _PATH.fullmatch(text)) and ("/" in text or _known_extension(m[1])) else None
    symbol = path is None and bool(_SYMBOL.fullmatch(text))
    found = core.query_tokens(text)
    counts = Counter(map(core.term_id, found))
    if len(counts) > MAX_TERMS:
        cut = True
        kept = dict.fromkeys(map(core.term_id, found))
        counts = Counter({term: counts[term] for term in list(kept)[:MAX_TERMS]})
    words = tuple(t for t in dict.fromkeys(found) if t[0] != "=" and (not cut or core.term_id(t) in counts))
    terms = np.array(sorted(counts), dtype=np.uint32)
    return Query(
        text=text,
        intent="path" if path else "symbol" if symbol else "sentence",
        terms=terms,
        counts=np.array([counts[t] for t in terms.tolist()], dtype=np.int64),
        words=words,
        named=frozenset({text, _QUALIFIER.split(text)[-1]}) if symbol else _named(text),
        path=path,
        lifts=_lifted(text.lower()),
        filter=filter,
        near=near,
        cut=cut,
    )


def _lifted(text: str) -> frozenset[str]:
    """The kinds of file that a text, in lower case, asks for by name."""
    words = _WORD.findall(text)
    lifts = {kind for kind, names in _LIFTS.items() if not names.isdisjoint(words)}
    if ("file" in text or "json" in text) and _CONFIG.search(text):
        lifts.add("config")
    return frozenset(lifts)


def _named(text: str) -> frozenset[str]:
    """Symbols a sentence names: words written like identifiers, but for its first word if only its capital speaks for it."""
    if not text:
        return frozenset()
    first = text.split()[0]
    found = _NAMED.findall(text)[:6]
    return frozenset(found) if _NAMED.findall(first[1:]) else frozenset(found) - {first}


def _known_extension(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    ending = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    return any(ending in language.extensions for language in core.all_languages().values())
