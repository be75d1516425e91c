"""The ways into memory and out of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .. import core
from ..catalogue import generations, manifests, scopes
from ..catalogue.memory_events import call
from ..drafts import draft, moment
from ..errors import GromaError, UsageError
from ..memory.anchors import Elsewhere, compared
from ..memory.facts import Sight
from ..memory.recall import Question, recall
from ..memory.score import UNITS
from ..records import Anchor, Draft, Memory, Receipt, Remembered
from ..types import Caller, Filter
from .sweeping import Sweeping

if TYPE_CHECKING:
    from ..stores.local.store import LocalStore

__all__ = ["Ways"]

PASSAGES = 200
"""So many passages that have the words of a symbol's name are looked at; those that define it have them in the field that weighs most."""


class Ways(Sweeping):
    """The ways in and out."""

    def remember(self, caller: Caller, said: Sequence[object], *, here: str, kind: str = "memory", batch: str | None = None) -> list[Receipt]:
        """Keep what is said: mappings of the fields that `drafts.ALLOWED` names. A receipt each, in order; all that is kept is durable.

        `here` is the root of the project one is in, "" if in none: it is meant where no project is named. `batch` is a new UUID under which the
        call may be repeated by who did not hear the answer: what it kept is not kept twice.
        """
        self._may_write(caller, "remember")
        return self._kept(caller, [partial(self._drafted, one, kind, here) for one in said], batch)

    def _drafted(self, said: object, kind: str, here: str) -> Draft:
        return self._placed(draft(said, kind=kind), here)

    def _kept(self, caller: Caller, said: Sequence[Callable[[], Draft]], batch: str | None = None) -> list[Receipt]:
        """A receipt for each draft; what makes one raises UsageError where it is to be rejected."""
        drafts: list[Draft | Receipt] = []
        for made in said:
            try:
                drafts.append(made())
            except UsageError as e:
                drafts.append(Receipt(None, "rejected", e.message))
        from ..memory.remember import remember  # its rules and patterns take a quarter of the time in which a new process recalls

        checked = [one for one in drafts if isinstance(one, Draft)]
        if checked:
            self._sweep_if_due()
        with self._lock:
            kept = iter(
                remember(
                    self._data.db,
                    self._known,
                    checked,
                    call(caller.name, batch=batch),
                    quota=self._settings.memories_per_hour,
                    noted=lambda one, verdict: self._noted(caller, one, verdict),
                )
                if checked
                else ()
            )
            self._keep()
        return [next(kept) if isinstance(one, Draft) else one for one in drafts]

    def recall(
        self,
        caller: Caller,
        text: str,
        *,
        here: str,
        k: int = 10,
        project: str | None = None,
        levels: Sequence[str] = (),
        kinds: Sequence[str] = (),
        tags: Sequence[str] = (),
        as_of: str | float | None = None,
        unit: str = "turn",
    ) -> Remembered:
        """What is remembered about something, best first; of a project and of none. With `unit` "parent" of each conversation or document only its
        best turn. Raises UsageError for an empty question or an unknown project."""
        if unit not in UNITS:
            raise UsageError(f"The unit of recall is one of {', '.join(UNITS)}, not {unit[:40]!a}.", unit=unit[:40])
        at = None if as_of is None else moment("as-of", as_of)
        named = here if project is None else self._known_project(project)
        return self._recalled(Question(text, k, Sight(time.time(), named, frozenset(levels), frozenset(kinds), frozenset(tags), at), unit))

    def _recalled(self, asked: Question) -> Remembered:
        if not asked.text.strip():
            raise UsageError("The question is empty; say what you want to recall.")
        if not 1 <= asked.k <= 100:
            raise UsageError(f"The number of results must lie between 1 and 100, not {asked.k}.")
        with self._lock:
            self._known.refresh(self._data.db)
            return recall(asked, self._known, self._compared)

    def _compared(self, m: Memory) -> list[tuple[Anchor, str]]:
        if not m.anchors or not os.path.isdir(m.project):
            return [(a, "gone") for a in m.anchors]
        elsewhere = self._elsewhere(m.project)
        return [compared(a, m.project, elsewhere) for a in m.anchors]

    def _elsewhere(self, root: str) -> Elsewhere:
        """Other places of what an anchor names, as far as the project is indexed."""
        db = self._data.db
        scope = scopes.find(db, root)
        if scope is None:
            return Elsewhere(lambda _: (), lambda _: ())
        return Elsewhere(lambda blob: manifests.paths_of(db, scope.id, blob), lambda symbol: self._defining(scope.id, symbol))

    def _defining(self, scope: str, symbol: str) -> list[str]:
        """The files of an indexed folder that define a symbol of this name, by the index."""
        from ..engine import KIND

        name = core.bare_name(symbol)
        terms = np.array(sorted({core.term_id(token) for token in core.query_tokens(name)}), np.uint32)
        current = generations.current(self._data.db, scope, KIND)
        if current is None or not len(terms):
            return []

        def found(store: LocalStore) -> list[str]:
            leg = store.search([scope], PASSAGES, filter=Filter(), sparse=(terms, np.ones(len(terms), np.float32)))
            files = store.files([scope], core.distinct(leg.files))
            records = [files[id][1] for id in dict.fromkeys(leg.files.tolist()) if id in files]
            return [record.path for record in records if name in map(core.bare_name, record.card.symbols())]

        # An index that cannot be read is told of by whoever searches it; a memory is recalled all the same.
        with suppress(GromaError):
            return self._data.on_store(current.profile, found)
        return []
