"""Prove that what is shown is in the file now: by its stat where that can be trusted, by its blob id otherwise; else cut it anew in line.

Never old lines: a changed file is read again and its best passages for this query take the place of the old ones; a file too large for that
is marked stale; a file that is gone is dropped. All of it is said.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from .. import core
from ..catalogue import manifests
from ..catalogue.database import Database
from ..filters import expand_kinds
from ..types import Passage
from ..values import value
from .rank import Ranked
from .retrieve import Legs
from .understand import Query

__all__ = ["Proof", "Prover"]

REREAD_BYTES = 4_000_000


@value
class Proof:
    """The state of one file: "fresh", "changed" (`passages` are its new ones, best for the query first), "stale" (changed, and too large to
    be read anew), "gone", or "closed" (it is there and cannot be read)."""

    state: str
    passages: tuple[Passage, ...] = ()


FRESH = Proof("fresh")


class Prover:
    """Looks at each file once per search."""

    def __init__(self, db: Database, roots: Mapping[str, str], query: Query, legs: Legs, files: Sequence[Ranked]) -> None:
        """`files` are those that will be asked for: what the manifest knows of them is read at once."""
        self.roots = roots
        self.query = query
        self.legs = legs
        self.known = {scope: manifests.stats(db, scope, [f.path for f in files if f.scope == scope]) for scope in {f.scope for f in files}}
        self.proofs: dict[tuple[str, str, bytes], Proof] = {}

    def prove(self, scope: str, passage: Passage) -> Proof:
        """The state of the passage's file in `scope`."""
        key = (scope, passage.path, passage.blob)
        proof = self.proofs.get(key)
        if proof is None:
            proof = self.proofs[key] = self._look(scope, passage)
        return proof

    def counts(self) -> dict[str, int]:
        """How many files were in each state other than fresh."""
        states = [p.state for p in self.proofs.values()]
        return {state: states.count(state) for state in ("changed", "stale", "gone", "closed") if state in states}

    def _look(self, scope: str, passage: Passage) -> Proof:
        root, path = self.roots[scope], passage.path
        try:
            stat = os.lstat(f"{root}/{path}")
            known = self.known[scope].get(path)
            if known is not None and known.blob != passage.blob:
                known = None
            if known is not None and known.settled and _same(known, stat):
                return FRESH
            if stat.st_size > REREAD_BYTES and (known is None or stat.st_size != known.size):
                return Proof("stale")
            data = core.read_now(root, path, stat.st_size + 1)
        except (FileNotFoundError, NotADirectoryError):
            return Proof("gone")
        except OSError:
            return Proof("closed")
        if core.blob_id(data) == passage.blob:
            return FRESH
        return Proof("stale") if len(data) > REREAD_BYTES else Proof("changed", tuple(self._anew(passage, data)))

    def _anew(self, old: Passage, data: bytes) -> list[Passage]:
        """The passages of a file's new content that the query finds, best first (ties: in order)."""
        batch = core.scan_texts([(old.path, data)])
        if batch.files.reasons[0] is not None:
            return []
        weight = dict(zip(self.query.terms.tolist(), self.legs.weights.tolist(), strict=True))
        kinds = expand_kinds(self.query.filter.kinds)
        found = []
        for i in range(len(batch.texts)):
            run = slice(int(batch.term_start[i]), int(batch.term_start[i + 1]))
            score = sum(weight.get(t, 0.0) * x for t, x in zip(batch.terms[run].tolist(), batch.impacts[run].tolist(), strict=True))
            if score > 0 and (not kinds or batch.kinds[i] in kinds):
                found.append((-score, i))
        blob = batch.files.blobs[0]
        assert blob is not None
        return [
            old._replace(
                hit_id=int(batch.hit_ids[i]),
                blob=blob,
                first=int(batch.first[i]),
                last=int(batch.last[i]),
                kind=batch.kinds[i],
                symbol=batch.symbols_shown[i],
                enclosing=batch.enclosing[i],
                text=batch.texts[i],
                masked=bool(batch.masked[i]),
            )
            for _, i in sorted(found)
        ]


def _same(known: manifests.Stat, stat: os.stat_result) -> bool:
    return (
        known.size == stat.st_size
        and known.mtime_ns == stat.st_mtime_ns
        and known.ctime_ns == stat.st_ctime_ns
        and known.inode == stat.st_ino & 0x7FFFFFFFFFFFFFFF
    )
