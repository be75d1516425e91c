"""The eight ranking factors as a table, and the facts of a candidate file that they read.

Score and explanation come from the same line (`Tally.add`). A weight of 0 means: measured to change nothing, or nothing to go on without the
caller's file; the row stays, so that learning can raise it and an explanation can show it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .. import core
from ..ports import Facts, FileRecord
from ..types import Contribution
from .fuse import Candidate
from .retrieve import idf
from .understand import Query

__all__ = ["FACTORS", "PENALTIES", "Context", "Evidence", "Factor", "Tally", "evidence", "penalty"]


@dataclass(frozen=True, slots=True)
class Context:
    """The file the caller is in, if they told, and its record where it is indexed."""

    path: str
    record: FileRecord | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the factors of one candidate read. `overlaps` is, per symbol of the file, how well its name matches the query (0..1)."""

    candidate: Candidate
    scope: str
    record: FileRecord
    stem_share: float
    stem_cover: float
    overlaps: tuple[float, ...]
    defines: float
    stem_named: float
    path_match: float
    age_days: float | None
    context: Context | None


@dataclass(slots=True)
class Tally:
    """A score while it grows, with the line of its explanation that each addition is."""

    score: float = 0.0
    lines: list[Contribution] = field(default_factory=list)

    def add(self, factor: str, value: float, weight: float, detail: str = "") -> None:
        """Add `weight * value`."""
        if value and weight:
            self.score += weight * value
            self.lines.append(Contribution(factor, value, weight, detail))

    def scale(self, factor: str, by: float, detail: str) -> None:
        """Multiply all there is."""
        if by != 1.0:
            self.lines.append(Contribution(factor, by - 1.0, self.score, detail))
            self.score *= by


# ---------------------------------------------------------------------------------------------------------------- the factors


def _text(e: Evidence, add: Callable[..., None]) -> None:
    add(e.candidate.text, 1.0)


def _meaning(e: Evidence, add: Callable[..., None]) -> None:
    add(e.candidate.meaning, 1.0)


def _pattern(e: Evidence, add: Callable[..., None]) -> None:
    """Names: the file's stem, its symbols, its path."""
    best = max(range(len(e.overlaps)), key=e.overlaps.__getitem__, default=-1)
    add(e.stem_share, "stem_share", f"file name holds {e.stem_share:.0%} of the query's weight")
    add(e.stem_cover, "stem_cover", f"query names {e.stem_cover:.0%} of the file name")
    add(e.overlaps[best] if best >= 0 else 0.0, "symbol", f"symbol {e.record.symbols[best]}" if best >= 0 else "")
    add(e.defines, "defines", "defines a named symbol")
    add(e.stem_named, "stem_named", "file is named like the symbol")
    add(e.path_match, "path", "the path asked for")


def _quality(e: Evidence, add: Callable[..., None]) -> None:
    """In-degree: ln(1 + files that mention an identifier defined only here)."""
    add(math.log1p(e.record.indegree), 1.0, f"used by {e.record.indegree} files")


def _context(e: Evidence, add: Callable[..., None]) -> None:
    """Share of the caller's symbols' words that the candidate's symbols share (Jaccard)."""
    if e.context is not None and e.context.record is not None:
        here, there = set(e.context.record.symbol_terms.tolist()), set(e.record.symbol_terms.tolist())
        add(len(here & there) / (len(here | there) or 1), 1.0)


def _imports(e: Evidence, add: Callable[..., None]) -> None:
    """Share of imports in common (Jaccard), 1 where one of the two imports the other."""
    if e.context is not None and e.context.record is not None:
        here, there = set(e.context.record.imports), set(e.record.imports)
        names = {_module(e.context.path), _module(e.record.path)}
        direct = any(_module(i) in names for i in here | there if i)
        add(1.0 if direct else len(here & there) / (len(here | there) or 1), 1.0)


def _proximity(e: Evidence, add: Callable[..., None]) -> None:
    """Share of folders in common with the caller's file."""
    if e.context is not None:
        here, there = e.context.path.split("/")[:-1], e.record.path.split("/")[:-1]
        common = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))
        add((1 + common) / (1 + max(len(here), len(there))), 1.0)


def _recency(e: Evidence, add: Callable[..., None]) -> None:
    """2^(-age / 30 days) of the file's last change."""
    if e.age_days is not None:
        add(2.0 ** (-e.age_days / 30), 1.0)


def _module(path: str) -> str:
    return re.split(r"[/.:\\]+", path.removesuffix("/__init__.py").rsplit(".", 1)[0] if "/" in path else path)[-1].lower()


@dataclass(frozen=True, slots=True)
class Factor:
    """A row: how sure we are that the factor means what it says (0..1, shown), its weight per intent, and the weights of its parts."""

    name: str
    function: Callable[[Evidence, Callable[..., None]], None]
    confidence: float
    weights: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def _per(sentence: float, symbol: float, path: float | None = None) -> dict[str, float]:
    return {"sentence": sentence, "symbol": symbol, "path": symbol if path is None else path}


FACTORS: tuple[Factor, ...] = (
    Factor("text relevance", _text, 1.0, _per(1.0, 1.0)),
    Factor("semantic similarity", _meaning, 0.6, _per(0.2, 0.08)),
    Factor(
        "pattern match",
        _pattern,
        0.9,
        _per(1.0, 1.0),
        {
            "stem_share": _per(0.5, 0.5),
            "stem_cover": _per(0.4, 0.2),
            "symbol": _per(0.5, 0.5),
            "defines": _per(0.15, 0.5, 0.0),
            "stem_named": _per(0.0, 0.3, 0.0),
            "path": _per(0.0, 0.0, 3.0),
        },
    ),
    Factor("quality", _quality, 0.5, _per(0.03, 0.0)),
    Factor("context overlap", _context, 0.4, _per(0.1, 0.1)),
    Factor("import similarity", _imports, 0.4, _per(0.1, 0.1)),
    Factor("proximity", _proximity, 0.5, _per(0.1, 0.1)),
    Factor("recency", _recency, 0.3, _per(0.0, 0.0)),
)
"""All weights in one place. Those of the first four rows were measured (DESIGN §7); the next three act only when the caller's file is given."""


# --------------------------------------------------------------------------------------------------------------- penalties

_TEST_FILE = re.compile(
    r"(^|/)(test_[^/]*|[^/]*_test|[^/]*_spec|[^/]*[a-z]Tests?|[^/]*Spec|[^/]*Suite|[^/]*\.test|[^/]*\.spec|test_helpers?[^/]*)\.\w+$"
)
_TEST_FOLDER = re.compile(r"(^|/)(tests?|__tests__|spec|testing|fixtures?|testdata|test[-_]\w+|benchmarks?|bench|mocks?)(/|$)", re.I)
_EXAMPLE_FOLDER = re.compile(r"(^|/)(_?examples?|docs?_src|samples?|demos?|compat|_compat|legacy|deprecated|vendor|third_party)(/|$)", re.I)

PENALTIES: tuple[tuple[str, str, float, Callable[[FileRecord], bool]], ...] = (
    ("a test", "tests", 0.3, lambda r: bool(_TEST_FILE.search(r.path) or _TEST_FOLDER.search(r.path))),
    ("an example or legacy", "examples", 0.3, lambda r: bool(_EXAMPLE_FOLDER.search(r.path))),
    ("a package's front", "", 0.5, lambda r: r.path.rsplit("/", 1)[-1] in ("__init__.py", "package-info.java")),
    ("declarations only", "", 0.7, lambda r: r.path.endswith(".d.ts")),
    ("documentation", "docs", 0.3, lambda r: r.kind in ("docs", "text")),
    ("configuration", "config", 0.3, lambda r: r.kind == "config"),
)
"""(what it is, the lift that takes the penalty away, factor, test)."""


def penalty(query: Query, record: FileRecord, tally: Tally) -> None:
    """Scale a tally down for files that are seldom meant, unless the query asks for their kind (or narrows the search to it)."""
    for name, lift, by, applies in PENALTIES:
        if applies(record) and lift not in query.lifts and not (lift and query.filter.kinds) and query.intent != "path":
            tally.scale("kind of file", by, name)


# ----------------------------------------------------------------------------------------------------------------- evidence


def evidence(
    query: Query,
    candidates: Sequence[Candidate],
    records: Mapping[int, tuple[str, FileRecord]],
    facts: Facts,
    scopes: Sequence[str],
    ages: Callable[[str, str], float | None],
    context: Context | None,
) -> list[Evidence]:
    """Read the name signals of the candidates (DESIGN §7 "Name signals"); candidates whose file is gone meanwhile are left out."""
    ids = np.array([core.term_id(word) for word in query.words], dtype=np.uint32)
    there = [(c, *records[c.file]) for c in candidates if c.file in records]
    touched = _symbols_touched(ids, [record for _, _, record in there])
    terms = core.distinct(np.concatenate([ids, *(terms for symbols in touched for _, terms in symbols)])) if len(ids) else ids
    n, df = facts.name_frequencies(scopes, terms)
    weight = dict(zip(terms.tolist(), idf(n, df).tolist(), strict=True))
    per_word = [weight[int(i)] for i in ids]
    total = sum(per_word) or 1.0
    mine = frozenset(ids.tolist())
    low = {_flat(name) for name in query.named}
    result = []
    for (candidate, scope, record), symbols in zip(there, touched, strict=True):
        overlaps = [0.0] * len(record.symbols)
        for i, of in symbols:
            hit = sum(weight[t] for t in of.tolist() if t in mine)
            overlaps[i] = hit / total * math.sqrt(hit / sum(weight[t] for t in of.tolist())) if hit else 0.0
        share = sum(w for word, w in zip(query.words, per_word, strict=True) if any(_alike(word, stem) for stem in record.stems))
        cover = sum(any(_alike(stem, word) for word in query.words) for stem in record.stems)
        result.append(
            Evidence(
                candidate=candidate,
                scope=scope,
                record=record,
                stem_share=share / total,
                stem_cover=cover / (len(record.stems) or 1),
                overlaps=tuple(overlaps),
                defines=_defines(query, low, record),
                stem_named=_stem_named(low, record),
                path_match=_path_match(query.path, record.path),
                age_days=ages(scope, record.path),
                context=context,
            )
        )
    return result


def _symbols_touched(ids: np.ndarray, records: Sequence[FileRecord]) -> list[list[tuple[int, np.ndarray]]]:
    """Per record, its symbols that share a term with the query, and their terms."""
    result: list[list[tuple[int, np.ndarray]]] = []
    if not len(ids):
        return [[] for _ in records]
    lengths = [len(r.symbol_terms) for r in records]
    flat = np.concatenate([r.symbol_terms for r in records]) if records else np.empty(0, np.uint32)
    hits = core.member(flat, np.sort(ids))
    at = 0
    for record, length in zip(records, lengths, strict=True):
        where = np.flatnonzero(hits[at : at + length])
        at += length
        symbols = core.distinct(np.searchsorted(record.symbol_start, where, side="right") - 1).tolist()
        result.append([(i, record.symbol_terms[record.symbol_start[i] : record.symbol_start[i + 1]]) for i in symbols])
    return result


def _alike(a: str, b: str) -> bool:
    """Equal, or one is the beginning of the other, over at least three characters."""
    n = min(len(a), len(b))
    return a == b or (n >= 3 and a[:n] == b[:n])


def _flat(name: str) -> str:
    return name.lower().replace("_", "")


def _defines(query: Query, low: set[str], record: FileRecord) -> float:
    best = 0.0
    if query.named:
        for symbol in record.symbols:
            bare = core.bare_name(symbol).split("<")[0].split("(")[0]
            if symbol in query.named or bare in query.named:
                return 1.0
            if query.intent == "symbol" and _flat(bare) in low:
                best = 0.5
    return best


def _stem_named(low: set[str], record: FileRecord) -> float:
    if not low:
        return 0.0
    stem = record.path.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower().replace("_", "").replace("-", "")
    if stem in low:
        return 1.0
    if len(stem) >= 4 and any(name.startswith(stem) for name in low):
        return 0.5
    return 0.4 if any(len(name) >= 4 and stem.startswith(name) for name in low) else 0.0


def _path_match(asked: str | None, path: str) -> float:
    if asked is None:
        return 0.0
    if path == asked or path.endswith("/" + asked):
        return 1.0
    return 0.5 if path.startswith(asked + "/") or f"/{asked}/" in f"/{path}" else 0.0
