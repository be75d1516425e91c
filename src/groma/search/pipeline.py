"""The way from a question to the right lines, on one page (DESIGN §4 "Search")."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence

from .. import core
from ..catalogue import manifests
from ..catalogue.database import Database
from ..ports import Facts, Store
from ..types import Answer, Coverage, Hit, Request, Scope
from .factors import Context, evidence
from .fuse import fuse
from .present import present
from .prove import Prover
from .rank import items, rank
from .retrieve import Legs, retrieve
from .understand import Query, understand

__all__ = ["search"]

CANDIDATES = 120
"""Files whose names are looked at, best text and meaning first. 400 and 80 give the same figures on every gate, to four digits."""


def search(request: Request, db: Database, store: Store, facts: Facts, scopes: Sequence[Scope], coverage: Sequence[Coverage]) -> Answer:
    """Answer a request over some scopes. Raises what store and catalogue raise; the text is not empty (the edges see to that)."""
    watch = _Watch()
    ids = [scope.id for scope in scopes]
    query = understand(request.text, request.filter, request.near)
    watch.lap("understand")

    legs = retrieve(query, store, facts, ids, dense=request.dense)
    watch.lap("retrieve")

    fused = fuse(legs, CANDIDATES)
    watch.lap("fuse")

    found = evidence(query, fused, facts, ids, _ages(db), _context(request.near, facts, ids))
    watch.lap("facts")

    files = rank(found, max(request.k, 1))
    best = float(legs.sparse.scores[0]) if len(legs.sparse.scores) else 1.0
    order = items(files, found, fused, facts, ids, best)
    watch.lap("rank")

    prover = Prover(db, {scope.id: scope.root for scope in scopes}, query, legs, files)
    hits = present(order, store, prover, request.k, explain=request.explain)
    watch.lap("present")

    return Answer(
        query_id=str(uuid.uuid4()),
        query=request.text,
        hits=tuple(hits),
        scopes=tuple(coverage),
        degraded=tuple(_degraded(request, query, legs, prover.counts(), hits, coverage)),
        core=core.NAME,
        timings=watch.laps,
    )


class _Watch:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.at = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.laps[step] = round(1e3 * (now - self.at), 3)
        self.at = now


def _context(near: str | None, facts: Facts, scopes: Sequence[str]) -> Context | None:
    if near is None:
        return None
    return Context(near, next((record for scope in scopes if (record := facts.file(scope, near)) is not None), None))


def _ages(db: Database) -> Callable[[str, str], float | None]:
    """Days since a file's last change."""

    def age(scope: str, path: str) -> float | None:
        row = manifests.find(db, scope, path)
        return None if row is None else max(0.0, (time.time_ns() - int(row.mtimes_ns[0])) / 86_400e9)

    return age


def _degraded(request: Request, query: Query, legs: Legs, changed: dict[str, int], hits: list[Hit], coverage: Sequence[Coverage]) -> list[str]:
    """Everything that makes this answer less than it could be, a sentence each."""
    said = []
    for c in coverage:
        missing = c.known - c.indexed - sum(c.skipped.values())
        if c.age_s is None:
            said.append(f"{c.root}: the index is not finished yet, {c.indexed} of {c.known or 'an unknown number of'} files are searchable")
        elif missing > 0:
            said.append(f"{c.root}: {missing} of {c.known} files are not searchable yet")
    if query.cut:
        said.append("the query was too long and was cut")
    if not query.words:
        said.append("the query has no searchable words")
    elif not legs.known and hits:
        said.append("no word of the query occurs in what was searched: found by meaning only")
    if request.dense and legs.dense is None and query.words:
        said.append("no word of the query has a vector: found by words only")
    said += [
        f"{n} file{'s' if n > 1 else ''} {what}"
        for state, what in (
            ("changed", "changed since indexed: read anew"),
            ("stale", "changed since indexed and too large to read anew: marked stale"),
            ("gone", "gone since indexed: left out"),
            ("closed", "cannot be read now: left out"),
        )
        if (n := changed.get(state, 0))
    ]
    if any(hit.masked for hit in hits):
        said.append("credentials in the text shown are masked")
    return said
