"""The eight ranking factors as a table, and the facts of the candidate files that they read.

All is columns: one value a candidate. Score and explanation come from the same line (`Tally.add`), the explanation only for what is shown. A
weight of 0 means: measured to change nothing, or nothing to go on without the caller's file; the row stays, so that learning can raise it and an
explanation can show it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .. import core
from ..ports import Facts, FileRecord
from ..values import field, value
from .fuse import Candidates
from .retrieve import idf
from .understand import Query

__all__ = ["FACTORS", "PENALTIES", "Context", "Evidence", "Factor", "Tally", "evidence", "penalties"]

Column = npt.NDArray[np.float64]
Detail = Callable[[int], str]


@value
class Context:
    """The file the caller is in, if they told, and its record where it is indexed."""

    path: str
    record: FileRecord | None


@value
class Evidence:
    """All that the factors read of n candidates, a column each. How well the symbols of candidate i match the query (0..1) is
    `overlaps[start[i]:start[i+1]]`, for the symbols `symbols[...]` of its record; those that are not there do not match at all."""

    query: Query
    scopes: Sequence[str]
    records: Sequence[FileRecord]
    text: Column
    meaning: Column
    stem_share: Column
    stem_cover: Column
    start: npt.NDArray[np.intp]
    symbols: npt.NDArray[np.int64]
    overlaps: Column
    ages: Callable[[str, str], float | None]
    context: Context | None

    def best_overlaps(self) -> Column:
        """The best overlap of each candidate."""
        best = np.zeros(len(self.records))
        some = self.start[:-1] < self.start[1:]
        if some.any():
            best[some] = np.maximum.reduceat(self.overlaps, self.start[:-1][some])
        return best

    def best_symbol(self, i: int) -> str:
        """The name of candidate i's symbol with the best overlap, the first if there are several."""
        run = slice(self.start[i], self.start[i + 1])
        return self.records[i].symbols[int(self.symbols[run][int(self.overlaps[run].argmax())])]

    def overlaps_of(self, i: int) -> dict[int, float]:
        """Symbol → overlap of candidate i, where there is any."""
        run = slice(self.start[i], self.start[i + 1])
        return dict(zip(self.symbols[run].tolist(), self.overlaps[run].tolist(), strict=True))


class Tally:
    """The scores of all candidates while they grow, with the line of the explanation that each step is."""

    def __init__(self, n: int) -> None:
        self.scores: Column = np.zeros(n)
        self._lines: list[tuple[str, Column, float | Column, Detail | str]] = []

    def add(self, factor: str, column: Callable[[], Column], weight: float, detail: Detail | str = "") -> None:
        """Add `weight * value` to each; a column without weight is not even made."""
        if weight:
            values = column()
            self.scores += weight * values
            self._lines.append((factor, values, weight, detail))

    def scale(self, factor: str, by: float, which: npt.NDArray[np.bool_], detail: str) -> None:
        """Multiply all there is, of those that `which` names."""
        if by != 1.0 and which.any():
            before = self.scores.copy()
            self.scores[which] *= by
            self._lines.append((factor, np.where(which, by - 1.0, 0.0), before, detail))

    def lines(self, i: int) -> list[tuple[str, float, float, Detail | str]]:
        """What the score of candidate i is made of: factor, value, weight, detail."""
        return [
            (factor, value, weight if isinstance(weight, float) else weight.item(i), detail)
            for factor, values, weight, detail in self._lines
            if (value := values.item(i))
        ]


# ---------------------------------------------------------------------------------------------------------------- the factors


def _text(e: Evidence, add: Callable[..., None]) -> None:
    add(lambda: e.text, 1.0)


def _meaning(e: Evidence, add: Callable[..., None]) -> None:
    add(lambda: e.meaning, 1.0)


def _pattern(e: Evidence, add: Callable[..., None]) -> None:
    """Names: the file's stem, its symbols, its path."""
    add(lambda: e.stem_share, "stem_share", lambda i: f"file name holds {e.stem_share[i]:.0%} of the query's weight")
    add(lambda: e.stem_cover, "stem_cover", lambda i: f"query names {e.stem_cover[i]:.0%} of the file name")
    add(e.best_overlaps, "symbol", lambda i: f"symbol {e.best_symbol(i)}")
    if e.query.named:
        low = {_flat(name) for name in e.query.named}
        add(lambda: _column(_defines(e.query, low, record) for record in e.records), "defines", "defines a named symbol")
        add(lambda: _column(_stem_named(low, record) for record in e.records), "stem_named", "file is named like the symbol")
    if e.query.path is not None:
        asked = e.query.path
        add(lambda: _column(_path_match(asked, record.path) for record in e.records), "path", "the path asked for")


def _quality(e: Evidence, add: Callable[..., None]) -> None:
    """In-degree: ln(1 + files that mention an identifier defined only here)."""
    add(lambda: _column(math.log1p(record.indegree) for record in e.records), 1.0, lambda i: f"used by {e.records[i].indegree} files")


def _context(e: Evidence, add: Callable[..., None]) -> None:
    """Share of the caller's symbols' words that the candidate's symbols share (Jaccard)."""
    if e.context is not None and e.context.record is not None:
        here = set(e.context.record.symbol_terms.tolist())
        theirs = [set(record.symbol_terms.tolist()) for record in e.records]
        add(lambda: _column(len(here & there) / (len(here | there) or 1) for there in theirs), 1.0)


def _imports(e: Evidence, add: Callable[..., None]) -> None:
    """Share of imports in common (Jaccard), 1 where one of the two imports the other."""
    if e.context is not None and e.context.record is not None:
        here, name = set(e.context.record.imports), _module(e.context.path)
        add(lambda: _column(_imports_shared(here, name, record) for record in e.records), 1.0)


def _imports_shared(here: set[str], name: str, record: FileRecord) -> float:
    there, names = set(record.imports), {name, _module(record.path)}
    direct = any(_module(i) in names for i in here | there if i)
    return 1.0 if direct else len(here & there) / (len(here | there) or 1)


def _proximity(e: Evidence, add: Callable[..., None]) -> None:
    """Share of folders in common with the caller's file."""
    if e.context is not None:
        here = e.context.path.split("/")[:-1]
        add(lambda: _column(_near(here, record.path.split("/")[:-1]) for record in e.records), 1.0)


def _near(here: list[str], there: list[str]) -> float:
    common = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))
    return (1 + common) / (1 + max(len(here), len(there)))


def _recency(e: Evidence, add: Callable[..., None]) -> None:
    """2^(-age / 30 days) of the file's last change."""
    ages = (e.ages(scope, record.path) for scope, record in zip(e.scopes, e.records, strict=True))
    add(lambda: _column(0.0 if age is None else 2.0 ** (-age / 30) for age in ages), 1.0)


def _column(values: Iterable[float]) -> Column:
    return np.array(list(values), dtype=np.float64)


def _module(path: str) -> str:
    return re.split(r"[/.:\\]+", path.removesuffix("/__init__.py").rsplit(".", 1)[0] if "/" in path else path)[-1].lower()


@value
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

_TEST_FILE = r"(^|/)(test_[^/]*|[^/]*_test|[^/]*_spec|[^/]*[a-z]Tests?|[^/]*Spec|[^/]*Suite|[^/]*\.test|[^/]*\.spec|test_helpers?[^/]*)\.\w+$"
_TEST_FOLDER = r"(?i)(^|/)(tests?|__tests__|spec|testing|fixtures?|testdata|test[-_]\w+|benchmarks?|bench|mocks?)(/|$)"
_EXAMPLE_FOLDER = r"(?i)(^|/)(_?examples?|docs?_src|samples?|demos?|compat|_compat|legacy|deprecated|vendor|third_party)(/|$)"

PENALTIES: tuple[tuple[str, str, float, Callable[[FileRecord], bool]], ...] = (
    ("a test", "tests", 0.3, lambda r: bool(re.search(_TEST_FILE, r.path) or re.search(_TEST_FOLDER, r.path))),
    ("an example or legacy", "examples", 0.3, lambda r: bool(re.search(_EXAMPLE_FOLDER, r.path))),
    ("a package's front", "", 0.5, lambda r: r.path.rsplit("/", 1)[-1] in ("__init__.py", "package-info.java")),
    ("declarations only", "", 0.7, lambda r: r.path.endswith(".d.ts")),
    ("documentation", "docs", 0.3, lambda r: r.kind in ("docs", "text")),
    ("configuration", "config", 0.3, lambda r: r.kind == "config"),
)
"""(what it is, the lift that takes the penalty away, factor, test)."""


def penalties(e: Evidence, tally: Tally) -> None:
    """Scale the scores of files that are seldom meant, unless the query asks for their kind (or narrows the search to it)."""
    query = e.query
    if query.intent == "path" or not e.records:
        return
    marks = np.array([record.derived(_penalties) for record in e.records])
    for n, (name, lift, by, _) in enumerate(PENALTIES):
        if lift not in query.lifts and not (lift and query.filter.kinds):
            tally.scale("kind of file", by, marks & (1 << n) != 0, name)


def _penalties(record: FileRecord) -> int:
    """One bit a row of `PENALTIES` that applies."""
    return sum(1 << n for n, (_, _, _, applies) in enumerate(PENALTIES) if applies(record))


# ----------------------------------------------------------------------------------------------------------------- evidence


def evidence(
    query: Query,
    candidates: Candidates,
    records: Mapping[int, tuple[str, FileRecord]],
    facts: Facts,
    scopes: Sequence[str],
    ages: Callable[[str, str], float | None],
    context: Context | None,
) -> Evidence:
    """Read the name signals of the candidates (DESIGN §7 "Name signals"); candidates whose file is gone meanwhile are left out."""
    found = [records.get(file) for file in candidates.files.tolist()]
    there = [one for one in found if one is not None]
    here = slice(None) if len(there) == len(found) else [i for i, one in enumerate(found) if one is not None]
    files = [record for _, record in there]
    terms = [core.term_id(word) for word in query.words]
    ids = core.distinct(np.array(terms, dtype=np.uint32))
    weights = idf(*facts.name_frequencies(scopes, ids))
    known = dict(zip(ids.tolist(), weights.tolist(), strict=True))
    per_word = [known[term] for term in terms]
    total = sum(per_word) or 1.0
    start, symbols, overlaps = _overlaps(ids, weights, total, files, facts, scopes)
    share, cover = _stems(query.words, per_word, total, files)
    return Evidence(
        query=query,
        scopes=[scope for scope, _ in there],
        records=files,
        text=candidates.text[here],
        meaning=candidates.meaning[here],
        stem_share=share,
        stem_cover=cover,
        start=start,
        symbols=symbols,
        overlaps=overlaps,
        ages=ages,
        context=context,
    )


def _overlaps(
    ids: np.ndarray, weights: np.ndarray, total: float, records: Sequence[FileRecord], facts: Facts, scopes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The symbols that share a term with the query, per record, and how well they match: hit / total · √(hit / all), where hit is the weight
    of the terms shared, total that of the query, all that of the symbol's terms."""
    if not len(ids) or not records:
        return np.zeros(len(records) + 1, np.intp), np.empty(0, np.int64), np.empty(0)
    _weigh([record for record in records if _weigh not in record.scoped], facts, scopes)
    flat = np.concatenate([record.symbol_terms for record in records])
    maybe = np.zeros(1 << 16, dtype=np.bool_)  # by the low half of a term: most are out at once
    maybe[ids & 0xFFFF] = True
    where = maybe.take(flat.astype(np.uint16)).nonzero()[0]
    found = flat[where]
    which = np.minimum(ids.searchsorted(found), len(ids) - 1)
    sure = ids[which] == found
    where, which = where[sure], which[sure]
    symbol = np.concatenate([record.derived(_owners) for record in records])[where]
    ends = np.cumsum([len(record.symbol_terms) for record in records])
    owner = ends.searchsorted(where, side="right")
    first = np.ones(len(where), dtype=np.bool_)
    np.not_equal(symbol[1:], symbol[:-1], out=first[1:])
    first[1:] |= owner[1:] != owner[:-1]
    hit = np.bincount(first.cumsum() - 1, weights[which])
    symbol, owner = symbol[first], owner[first]
    base = np.zeros(len(records) + 1, dtype=np.int64)
    np.cumsum([len(record.symbols) for record in records], out=base[1:])
    every = np.concatenate([record.scoped[_weigh] for record in records])[base[owner] + symbol]
    return owner.searchsorted(np.arange(len(records) + 1)), symbol, hit / total * np.sqrt(hit / every)


def _owners(record: FileRecord) -> np.ndarray:
    """Of each of the record's symbol terms, which symbol it belongs to."""
    return np.repeat(np.arange(len(record.symbols)), np.diff(record.symbol_start))


def _weigh(records: Sequence[FileRecord], facts: Facts, scopes: Sequence[str]) -> None:
    """Note with each record what the terms of each of its symbols weigh together; it holds as long as the record is handed out."""
    if not records:
        return
    flat = np.concatenate([record.symbol_terms for record in records])
    terms = core.distinct(flat)
    weights = idf(*facts.name_frequencies(scopes, terms))[np.searchsorted(terms, flat)]
    at = 0
    for record in records:
        n = len(record.symbol_terms)
        record.scoped[_weigh] = np.bincount(record.derived(_owners), weights[at : at + n], len(record.symbols))
        at += n


def _stems(words: Sequence[str], weights: Sequence[float], total: float, records: Sequence[FileRecord]) -> tuple[Column, Column]:
    """Which share of the query's weight the words of a file's stem hold, and which share of these words the query names."""
    share, cover = [0.0] * len(records), [0.0] * len(records)
    begins = {word[:3] for word in words}  # two that are alike begin alike
    likes: dict[str, int] = {}  # stem → the words it is like, a bit each
    shares: dict[int, float] = {}
    for f, record in enumerate(records):
        mask = named = 0
        for stem in record.stems:
            like = likes.get(stem)
            if like is None:
                like = likes[stem] = sum(1 << i for i, word in enumerate(words) if _alike(word, stem)) if stem[:3] in begins else 0
            if like:
                mask |= like
                named += 1
        if named:
            if mask not in shares:
                shares[mask] = sum(w for i, w in enumerate(weights) if mask & 1 << i) / total
            share[f], cover[f] = shares[mask], named / len(record.stems)
    return np.array(share), np.array(cover)


def _alike(a: str, b: str) -> bool:
    """Equal, or one is the beginning of the other, over at least three characters."""
    n = min(len(a), len(b))
    return a == b or (n >= 3 and a[:n] == b[:n])


def _flat(name: str) -> str:
    return name.lower().replace("_", "")


def _bare(symbol: str) -> str:
    return core.bare_name(symbol).split("<")[0].split("(")[0]


def _names(record: FileRecord) -> frozenset[str]:
    """What a file defines, by whole and by bare name."""
    return frozenset(record.symbols).union(map(_bare, record.symbols))


def _flat_names(record: FileRecord) -> frozenset[str]:
    return frozenset(map(_flat, map(_bare, record.symbols)))


def _defines(query: Query, low: set[str], record: FileRecord) -> float:
    if not query.named.isdisjoint(record.derived(_names)):
        return 1.0
    return 0.5 if query.intent == "symbol" and not low.isdisjoint(record.derived(_flat_names)) else 0.0


def _stem_named(low: set[str], record: FileRecord) -> float:
    stem = record.path.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower().replace("_", "").replace("-", "")
    if stem in low:
        return 1.0
    if len(stem) >= 4 and any(name.startswith(stem) for name in low):
        return 0.5
    return 0.4 if any(len(name) >= 4 and stem.startswith(name) for name in low) else 0.0


def _path_match(asked: str, path: str) -> float:
    if path == asked or path.endswith("/" + asked):
        return 1.0
    return 0.5 if path.startswith(asked + "/") or f"/{asked}/" in f"/{path}" else 0.0
