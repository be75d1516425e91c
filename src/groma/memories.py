"""The verbs of memory, each with the `Caller` who asks: what `Engine.memories` is.

They say what project is meant, who may write, and when; the ways in and out are in `groma.memory`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from .catalogue import manifests, scopes
from .catalogue import memories as records
from .catalogue.memory_events import call
from .config import Settings
from .data import DataDirectory
from .drafts import draft, moment
from .errors import UsageError
from .memory.anchors import Elsewhere, compared
from .memory.guard import Verdict
from .memory.guard.log import record
from .memory.projection import Projection
from .memory.recall import Question, Remembered, recall
from .memory.remember import remember
from .records import Anchor, Draft, Memory, Receipt
from .types import Caller

__all__ = ["Memories"]


class Memories:
    """What is remembered in one data directory. Threads may share it."""

    def __init__(self, data: DataDirectory, settings: Settings, may_write: Callable[[Caller, str], None]) -> None:
        """`may_write(caller, verb)` raises where this caller may not."""
        self._data = data
        self._settings = settings
        self._may_write = may_write
        self._known = Projection(data.folder)
        self._lock = threading.Lock()

    def remember(self, caller: Caller, said: Sequence[object], *, here: str, kind: str = "memory") -> list[Receipt]:
        """Keep what is said: mappings of the fields that `drafts.ALLOWED` names. A receipt each, in order; all that is kept is durable.

        `here` is the root of the project one is in, "" if in none: it is meant where no project is named.
        """
        self._may_write(caller, "remember")
        drafts: list[Draft | Receipt] = []
        for one in said:
            try:
                drafts.append(self._placed(draft(one, kind=kind), here))
            except UsageError as e:
                drafts.append(Receipt(None, "rejected", e.message))
        checked = [one for one in drafts if isinstance(one, Draft)]
        with self._lock:
            kept = iter(
                remember(
                    self._data.db,
                    self._known,
                    checked,
                    call(caller.name),
                    quota=self._settings.memories_per_hour,
                    noted=lambda one, verdict: self._noted(caller, one, verdict),
                )
                if checked
                else ()
            )
            self._known.keep()
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
        if not text.strip():
            raise UsageError("The question is empty; say what you want to recall.")
        if not 1 <= k <= 100:
            raise UsageError(f"The number of results must lie between 1 and 100, not {k}.")
        at = None if as_of is None else moment("as-of", as_of)
        with self._lock:
            self._known.refresh(self._data.db)
            named = here if project is None else self._known_project(project)
            asked = Question(text, time.time(), k, named, frozenset(levels), frozenset(kinds), frozenset(tags), at)
            return recall(asked, self._known, lambda m: self._compared(m))

    def count(self, caller: Caller) -> int:
        """How many records there are, whatever became of them."""
        if not (self._data.folder / "catalogue.db").exists():
            return 0
        return records.count(self._data.db, records.EVERY, time.time())

    # ------------------------------------------------------------------------------------------------------------------- places

    def _placed(self, one: Draft, here: str) -> Draft:
        """The draft with the project that is meant: the one it names, else the one we are in, unless it is to hold everywhere."""
        if one.project is None:
            return replace(one, project="" if one.scope == "global" else here)
        return replace(one, project=_folder(one.project))

    def _known_project(self, project: str) -> str:
        named = _folder(project)
        known = {m.project for m in self._known.records.values()}
        if named not in known and not os.path.isdir(named):
            some = ", ".join(sorted(known - {""})[:5]) or "none yet"
            raise UsageError(f"Nothing is remembered of a project {project}; known: {some}.", project=project)
        return named

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

    def _noted(self, caller: Caller, one: Draft, verdict: Verdict) -> None:
        record(
            self._data.folder,
            verdict.action,
            by=one.agent or caller.name,
            source=one.source or "human",
            reasons=", ".join(verdict.reasons),
            text=verdict.text,
        )


def _folder(project: str) -> str:
    """A project's folder, or its name as it is. Raises UsageError for a path that leads nowhere."""
    if "/" not in project and os.sep not in project and not project.startswith((".", "~")):
        return project
    folder = os.path.realpath(os.path.expanduser(project))
    if not os.path.isdir(folder):
        raise UsageError(f"There is no folder {project}; name a project by its folder, or by a name without a slash.", project=project)
    return folder
