"""The eight ranking factors as a table, and the facts of the candidate files that they read.

All is columns: one value a candidate. Score and explanation come from the same line (`Tally.add`), the explanation only for what is shown. A
weight of 0 means: measured to change nothing, or nothing to go on without the caller's file; the row stays, so that learning can raise it and an
explanation can show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from .. import core, roles
from ..ports import Asked, Facts, FileRecord
from ..types import Card, Floats64, Fused, Ints, Named
from ..values import field, value
from .retrieve import idf
from .understand import Query

__all__ = ["FACTORS", "PENALTIES", "Context", "Evidence", "Factor", "Tally", "evidence", "penalties"]

Detail = Callable[[int], str]
ROLES = 64
"""So many sets of roles are there."""


@value
class Context:
    """The file the caller is in, if they told, and its record where it is indexed."""

    path: str
    record: FileRecord | None


@value
class Evidence:
    """All that the factors read of n candidates, a column each; `there` is false for one whose file is gone meanwhile. `card` has the names in a
    candidate, `record` all that is known of it, None where it is gone."""

    query: Query
    there: npt.NDArray[np.bool_]
    scope: Callable[[int], str]
    text: Floats64
    meaning: Floats64
    indegree: Ints
    named: Named
    card: Callable[[int], Card]
    record: Callable[[int], FileRecord | None]
    ages: Callable[[str, str], float | None]
    context: Context | None

    def best_symbol(self, i: int) -> str:
        """The name of candidate i's symbol with the best overlap, the first if there are several."""
        first = self.named.start.item(i)
        best = first + int(self.named.overlaps[first : self.named.start.item(i + 1)].argmax())
        return self.card(i).symbol(self.named.symbols.item(best))

    def each(self, value: Callable[[int], float]) -> Floats64:
        """A column of what `value` says of each candidate that is there, 0 for the others."""
        return np.array([value(i) if there else 0.0 for i, there in enumerate(self.there.tolist())])

    def each_record(self, value: Callable[[FileRecord], float]) -> Floats64:
        """The same of their records."""
        return self.each(lambda i: 0.0 if (record := self.record(i)) is None else value(record))


class Tally:
    """The scores of all candidates while they grow, with the line of the explanation that each step is."""

    def __init__(self, n: int) -> None:
        self.scores: Floats64 = np.zeros(n)
        self._lines: list[tuple[str, Floats64, float, Detail | str]] = []
        self._scaled: tuple[str, Ints, Sequence[tuple[int, float, str]], Floats64] | None = None

    def add(self, factor: str, column: Callable[[], Floats64], weight: float, detail: Detail | str = "") -> None:
        """Add `weight * value` to each; a column without weight is not even made."""
        if weight:
            values = column()
            self.scores += weight * values
            self._lines.append((factor, values, weight, detail))

    def scale(self, factor: str, roles: Ints, by: tuple[tuple[int, float, str], ...]) -> None:
        """Multiply the scores of those that play a role, a bit of `roles`: each of `by` is such a bit, the factor, and what it is for."""
        self._scaled = (factor, roles, by, self.scores)
        self.scores = self.scores * _products(by)[roles]

    def reasons(self, at: Ints) -> list[str]:
        """For each of the candidates `at` the three lines that added most, and what was taken away, in words."""
        if not len(at):
            return []
        shares = np.array([weight * values.take(at) for _, values, weight, _ in self._lines])
        most = (-shares).argsort(axis=0, kind="stable")[:3]
        return [self._reason(*one) for one in zip(at.tolist(), most.T.tolist(), shares.T.tolist(), strict=True)]

    def _reason(self, i: int, most: Sequence[int], shares: Sequence[float]) -> str:
        said = []
        for n in most:
            if shares[n] > 0:
                factor, values, _, detail = self._lines[n]
                said.append((detail if isinstance(detail, str) else detail(i)) or f"{factor} {values.item(i):.2f}")
        if self._scaled is not None:
            _, roles, by, _ = self._scaled
            if mark := roles.item(i):
                said += [f"less: {name}" for role, _, name in by if mark & role]
        return ", ".join(said)

    def lines(self, i: int) -> list[tuple[str, float, float, Detail | str]]:
        """What the score of candidate i is made of: factor, value, weight, detail."""
        lines: list[tuple[str, float, float, Detail | str]] = [
            (factor, value, weight, detail) for factor, values, weight, detail in self._lines if (value := values.item(i))
        ]
        if self._scaled is not None:
            factor, roles, by, scores = self._scaled
            mark, score = roles.item(i), scores.item(i)
            for role, share, name in by:
                if mark & role:
                    lines.append((factor, share - 1.0, score, name))
                    score *= share
        return lines


@cache
def _products(by: tuple[tuple[int, float, str], ...]) -> Floats64:
    """What to multiply by, for each set of roles."""
    products = np.ones(ROLES)
    for role, share, _ in by:
        products.reshape(-1, 2, role)[:, 1] *= share  # every number that has this bit
    return products


# ---------------------------------------------------------------------------------------------------------------- the factors


def _text(e: Evidence, add: Callable[..., None]) -> None:
    add(lambda: e.text, 1.0)


def _meaning(e: Evidence, add: Callable[..., None]) -> None:
    add(lambda: e.meaning, 1.0)


def _pattern(e: Evidence, add: Callable[..., None]) -> None:
    """Names: the file's stem, its symbols, its path."""
    named = e.named
    add(lambda: named.share, "stem_share", lambda i: f"file name holds {named.share.item(i):.0%} of the query's weight")
    add(lambda: named.cover, "stem_cover", lambda i: f"query names {named.cover.item(i):.0%} of the file name")
    add(lambda: named.best, "symbol", lambda i: f"symbol {e.best_symbol(i)}")
    if e.query.named:
        add(lambda: named.defines, "defines", "defines a named symbol")
        add(lambda: named.called, "called", "file is named like the symbol")
    if e.query.path is not None:
        asked = e.query.path
        add(lambda: e.each(lambda i: _path_match(asked, e.card(i).path)), "path", "the path asked for")


def _quality(e: Evidence, add: Callable[..., None]) -> None:
    """In-degree: ln(1 + files that mention an identifier defined only here)."""
    add(lambda: np.log1p(e.indegree), 1.0, lambda i: f"used by {e.indegree.item(i)} files")


def _context(e: Evidence, add: Callable[..., None]) -> None:
    """Share of the caller's symbols' words that the candidate's symbols share (Jaccard)."""
    if e.context is not None and e.context.record is not None:
        here = set(e.context.record.card.terms.tolist())

        def shared(record: FileRecord) -> float:
            there = set(record.card.terms.tolist())
            return len(here & there) / (len(here | there) or 1)

        add(lambda: e.each_record(shared), 1.0)


def _imports(e: Evidence, add: Callable[..., None]) -> None:
    """Share of imports in common (Jaccard), 1 where one of the two imports the other."""
    if e.context is not None and e.context.record is not None:
        here, name = set(e.context.record.imports), _module(e.context.path)
        add(lambda: e.each_record(lambda record: _imports_shared(here, name, record)), 1.0)


def _imports_shared(here: set[str], name: str, record: FileRecord) -> float:
    there, names = set(record.imports), {name, _module(record.path)}
    direct = any(_module(i) in names for i in here | there if i)
    return 1.0 if direct else len(here & there) / (len(here | there) or 1)


def _proximity(e: Evidence, add: Callable[..., None]) -> None:
    """Share of folders in common with the caller's file."""
    if e.context is not None:
        here = e.context.path.split("/")[:-1]
        add(lambda: e.each(lambda i: _near(here, e.card(i).path.split("/")[:-1])), 1.0)


def _near(here: list[str], there: list[str]) -> float:
    common = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))
    return (1 + common) / (1 + max(len(here), len(there)))


def _recency(e: Evidence, add: Callable[..., None]) -> None:
    """2^(-age / 30 days) of the file's last change."""

    def freshness(i: int) -> float:
        age = e.ages(e.scope(i), e.card(i).path)
        return 0.0 if age is None else float(2.0 ** (-age / 30))

    add(lambda: e.each(freshness), 1.0)


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
            "called": _per(0.0, 0.3, 0.0),
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

PENALTIES: tuple[tuple[int, str, str, float], ...] = (
    (roles.TEST, "a test", "tests", 0.3),
    (roles.EXAMPLE, "an example or legacy", "examples", 0.3),
    (roles.FRONT, "a package's front", "", 0.5),
    (roles.DECLARATIONS, "declarations only", "", 0.7),
    (roles.DOCUMENTATION, "documentation", "docs", 0.3),
    (roles.CONFIGURATION, "configuration", "config", 0.3),
)
"""(role, what it is, the lift that takes the penalty away, factor)."""


def penalties(e: Evidence, tally: Tally) -> None:
    """Scale the scores of files that are seldom meant, unless the query asks for their kind (or narrows the search to it)."""
    query = e.query
    if query.intent == "path":
        return
    asked = tuple((role, by, name) for role, name, lift, by in PENALTIES if lift not in query.lifts and not (lift and query.filter.kinds))
    tally.scale("kind of file", e.named.roles, asked)


# ----------------------------------------------------------------------------------------------------------------- evidence


def evidence(
    query: Query, fused: Fused, facts: Facts, scopes: Sequence[str], ages: Callable[[str, str], float | None], context: Context | None
) -> Evidence:
    """Read the name signals of the candidates (DESIGN §7 "Name signals")."""
    terms = np.array([core.term_id(word) for word in query.words], dtype=np.uint32)
    flat = sorted(map(_flat, query.named)) if query.intent == "symbol" else ()
    found = facts.match_names(scopes, fused.files, Asked(query.words, terms, sorted(query.named), flat), idf)
    seen_by = found.scope.tolist()
    files = fused.files.tolist()
    records: dict[int, FileRecord] = {}

    def record(i: int) -> FileRecord | None:
        if not records:
            records.update((file, one) for file, (_, one) in facts.files(scopes, fused.files).items())
        return records.get(files[i])

    return Evidence(
        query=query,
        there=found.scope >= 0,
        scope=lambda i: scopes[seen_by[i]],
        text=fused.text,
        meaning=fused.meaning,
        indegree=found.indegree,
        named=found.named,
        card=found.card,
        record=record,
        ages=ages,
        context=context,
    )


def _flat(name: str) -> str:
    return name.lower().replace("_", "")


def _path_match(asked: str, path: str) -> float:
    if path == asked or path.endswith("/" + asked):
        return 1.0
    return 0.5 if path.startswith(asked + "/") or f"/{asked}/" in f"/{path}" else 0.0
