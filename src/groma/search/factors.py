"""The eight ranking factors as a table, and the facts of the candidate files that they read.

All is columns: one value a candidate. Score and explanation come from the same line (`Tally.add`), the explanation only for what is shown. A
weight of 0 means: measured to change nothing, or nothing to go on without the caller's file; the row stays, so that learning can raise it and an
explanation can show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from .. import core
from ..ports import Facts, FileRecord
from ..types import Floats64, Fused, Ints, Named
from ..values import field, value
from .retrieve import idf
from .table import FileTable
from .understand import Query

__all__ = ["FACTORS", "PENALTIES", "Context", "Evidence", "Factor", "Tally", "evidence", "penalties"]

Detail = Callable[[int], str]


@value
class Context:
    """The file the caller is in, if they told, and its record where it is indexed."""

    path: str
    record: FileRecord | None


@value
class Evidence:
    """All that the factors read of n candidates, a column each; `at` is the place of each in what was fused."""

    query: Query
    at: Ints
    scopes: Sequence[str]
    records: Sequence[FileRecord]
    text: Floats64
    meaning: Floats64
    quality: Floats64
    marks: Ints
    named: Named
    ages: Callable[[str, str], float | None]
    context: Context | None

    def best_symbol(self, i: int) -> str:
        """The name of candidate i's symbol with the best overlap, the first if there are several."""
        run = slice(self.named.start[i], self.named.start[i + 1])
        return self.records[i].symbols[int(self.named.symbols[run][int(self.named.overlaps[run].argmax())])]


class Tally:
    """The scores of all candidates while they grow, with the line of the explanation that each step is."""

    def __init__(self, n: int) -> None:
        self.scores: Floats64 = np.zeros(n)
        self._lines: list[tuple[str, Floats64, float, Detail | str]] = []
        self._scaled: tuple[str, Ints, Sequence[tuple[float, str]], Floats64] | None = None

    def add(self, factor: str, column: Callable[[], Floats64], weight: float, detail: Detail | str = "") -> None:
        """Add `weight * value` to each; a column without weight is not even made."""
        if weight:
            values = column()
            self.scores += weight * values
            self._lines.append((factor, values, weight, detail))

    def scale(self, factor: str, marks: Ints, by: Sequence[tuple[float, str]]) -> None:
        """Multiply the scores of those that bear a mark: bit n of `marks` stands for the factor `by[n]` and what it is for."""
        products = np.ones(1)
        for share, _ in by:
            products = np.concatenate((products, share * products))
        self._scaled = (factor, marks, by, self.scores)
        self.scores = self.scores * products[marks]

    def lines(self, i: int) -> list[tuple[str, float, float, Detail | str]]:
        """What the score of candidate i is made of: factor, value, weight, detail."""
        lines: list[tuple[str, float, float, Detail | str]] = [
            (factor, value, weight, detail) for factor, values, weight, detail in self._lines if (value := values.item(i))
        ]
        if self._scaled is not None:
            factor, marks, by, scores = self._scaled
            mark, score = marks.item(i), scores.item(i)
            for n, (share, name) in enumerate(by):
                if mark >> n & 1:
                    lines.append((factor, share - 1.0, score, name))
                    score *= share
        return lines


# ---------------------------------------------------------------------------------------------------------------- the factors


def _text(e: Evidence, add: Callable[..., None]) -> None:
    add(lambda: e.text, 1.0)


def _meaning(e: Evidence, add: Callable[..., None]) -> None:
    add(lambda: e.meaning, 1.0)


def _pattern(e: Evidence, add: Callable[..., None]) -> None:
    """Names: the file's stem, its symbols, its path."""
    named = e.named
    add(lambda: named.share, "stem_share", lambda i: f"file name holds {named.share[i]:.0%} of the query's weight")
    add(lambda: named.cover, "stem_cover", lambda i: f"query names {named.cover[i]:.0%} of the file name")
    add(lambda: named.best, "symbol", lambda i: f"symbol {e.best_symbol(i)}")
    if e.query.named:
        low = {_flat(name) for name in e.query.named}
        add(lambda: _column(_defines(e.query, low, record) for record in e.records), "defines", "defines a named symbol")
        add(lambda: _column(_stem_named(low, record) for record in e.records), "stem_named", "file is named like the symbol")
    if e.query.path is not None:
        asked = e.query.path
        add(lambda: _column(_path_match(asked, record.path) for record in e.records), "path", "the path asked for")


def _quality(e: Evidence, add: Callable[..., None]) -> None:
    """In-degree: ln(1 + files that mention an identifier defined only here)."""
    add(lambda: e.quality, 1.0, lambda i: f"used by {e.records[i].indegree} files")


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


def _column(values: Iterable[float]) -> Floats64:
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
    if query.intent == "path":
        return
    waived = [lift in query.lifts or bool(lift and query.filter.kinds) for _, lift, _, _ in PENALTIES]
    asked = sum(1 << n for n, is_waived in enumerate(waived) if not is_waived)
    tally.scale("kind of file", e.marks & asked, [(by, name) for name, _, by, _ in PENALTIES])


def penalties_of(record: FileRecord) -> int:
    """One bit a row of `PENALTIES` that applies."""
    return sum(1 << n for n, (_, _, _, applies) in enumerate(PENALTIES) if applies(record))


# ----------------------------------------------------------------------------------------------------------------- evidence


def new_table() -> FileTable:
    """A table that notes the penalties of a file."""
    return FileTable(penalties_of)


def evidence(
    query: Query, fused: Fused, facts: Facts, scopes: Sequence[str], ages: Callable[[str, str], float | None], context: Context | None
) -> Evidence:
    """Read the name signals of the candidates (DESIGN §7 "Name signals"); candidates whose file is gone meanwhile are left out."""
    found, table = facts.kept(scopes, new_table).find(fused.files, facts, scopes)
    at = np.array([i for i, row in enumerate(found) if row is not None], dtype=np.int64)
    there = [row for row in found if row is not None]
    rows = np.array(there, dtype=np.int64)
    terms = np.array([core.term_id(word) for word in query.words], dtype=np.uint32)
    ids = core.distinct(terms)
    weights = idf(*facts.name_frequencies(scopes, ids))[ids.searchsorted(terms)]
    return Evidence(
        query=query,
        at=at,
        scopes=[table.scopes[row] for row in there],
        records=[table.records[row] for row in there],
        text=fused.text[at],
        meaning=fused.meaning[at],
        quality=table.quality[rows],
        marks=table.marks[rows],
        named=core.match_names(table.names, rows, query.words, terms, weights),
        ages=ages,
        context=context,
    )


def _flat(name: str) -> str:
    return name.lower().replace("_", "")


def _bare(symbol: str) -> str:
    return core.bare_name(symbol).split("<")[0].split("(")[0]


def _names(record: FileRecord) -> frozenset[str]:
    """What a file defines, by whole and by bare name."""
    return frozenset(record.symbols).union(map(_bare, record.symbols))


def _flat_names(record: FileRecord) -> frozenset[str]:
    return frozenset(map(_flat, map(_bare, record.symbols)))


def _flat_stem(record: FileRecord) -> str:
    return _flat(record.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]).replace("-", "")


def _defines(query: Query, low: set[str], record: FileRecord) -> float:
    if not query.named.isdisjoint(record.derived(_names)):
        return 1.0
    return 0.5 if query.intent == "symbol" and not low.isdisjoint(record.derived(_flat_names)) else 0.0


def _stem_named(low: set[str], record: FileRecord) -> float:
    stem = record.derived(_flat_stem)
    if stem in low:
        return 1.0
    if len(stem) >= 4 and any(name.startswith(stem) for name in low):
        return 0.5
    return 0.4 if any(len(name) >= 4 and stem.startswith(name) for name in low) else 0.0


def _path_match(asked: str, path: str) -> float:
    if path == asked or path.endswith("/" + asked):
        return 1.0
    return 0.5 if path.startswith(asked + "/") or f"/{asked}/" in f"/{path}" else 0.0
