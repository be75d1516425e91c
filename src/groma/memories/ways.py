"""The ways into memory and out of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial

from ..catalogue import manifests, scopes
from ..catalogue.memory_events import call
from ..drafts import draft, moment
from ..errors import UsageError
from ..memory.anchors import Elsewhere, compared
from ..memory.facts import Sight
from ..memory.recall import Question, recall
from ..memory.remember import remember
from ..records import Anchor, Draft, Memory, Receipt, Remembered
from ..types import Caller
from .room import Room

__all__ = ["Ways"]


class Ways(Room):
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
        checked = [one for one in drafts if isinstance(one, Draft)]
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
    ) -> Remembered:
        """What is remembered about something, best first; of a project and of none. Raises UsageError for an empty question or an unknown project."""
        at = None if as_of is None else moment("as-of", as_of)
        named = here if project is None else self._known_project(project)
        return self._recalled(Question(text, k, Sight(time.time(), named, frozenset(levels), frozenset(kinds), frozenset(tags), at)))

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
        return Elsewhere(lambda blob: manifests.paths_of(db, scope.id, blob), lambda _: ())
