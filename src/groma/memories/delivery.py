"""What memory hands over, each level in its own way: preferences, project context, session state, what changed, a briefing, all there is."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from ..catalogue import memories as records
from ..catalogue.memory_events import Event, timeline
from ..drafts import moment
from ..errors import UsageError
from ..memory.briefing import TOKENS, briefing
from ..memory.when import named_span
from ..records import PROJECT_CONTEXT, SESSION_STATE, USER_PREFERENCE, Briefing, Memory, Recalled, Remembered, is_live, is_valid
from ..types import Caller
from ..values import value
from .ways import Ways

__all__ = ["About", "Changed", "Delivery"]

PAGE = 1_000
"""So many changes are read at once."""
LEAST, MOST = 100, 100_000
"""Tokens of a briefing."""


@value
class Changed:
    """One change (`verb` as in the history), when, by whom, of which record; `memory` as it is now, None if it was purged.

    `batch` takes the whole call back.
    """

    at: float
    verb: str
    actor: str
    id: str
    batch: str
    memory: Memory | None


@value
class About:
    """Every record of the user and of a project ("" for none), whatever became of it, oldest first; the folder in which they are kept."""

    project: str
    folder: str
    memories: tuple[Memory, ...]


class Delivery(Ways):
    """The ways out without a question, or of one level."""

    def retrieve_preferences(self, caller: Caller, query: str, *, here: str, limit: int = 5, project: str | None = None) -> Remembered:
        """Those of the pinned preferences that a question finds, best first. Raises what `recall` raises."""
        return self.recall(caller, query, here=here, k=limit, project=project, levels=[USER_PREFERENCE])

    def retrieve_project_context(self, caller: Caller, query: str, *, here: str, limit: int = 5, project: str | None = None) -> Remembered:
        """What is remembered of a project about something, best first. Raises what `recall` raises."""
        return self.recall(caller, query, here=here, k=limit, project=project, levels=[PROJECT_CONTEXT])

    def retrieve_session_state(self, caller: Caller, query: str, *, here: str, limit: int = 3, project: str | None = None) -> Remembered:
        """Where work stands, newest first, what is over left out: of what the question finds, or of all if it finds nothing useful that holds.

        Raises UsageError for a limit outside 1 to 100 or an unknown project.
        """
        if not 1 <= limit <= 100:
            raise UsageError(f"The number of results must lie between 1 and 100, not {limit}.")
        now = time.time()
        if query.strip():
            found = self.recall(caller, query, here=here, k=100, project=project, levels=[SESSION_STATE])
            if not found.nothing_useful:
                newest = sorted(found.memories, key=lambda one: (one.memory.created, one.memory.id), reverse=True)
                if held := [one for one in newest if _holds(one.memory, now)]:
                    return Remembered(query, tuple(held[:limit]), False)
        some = [m for m in self._of(self._project(here, project)) if m.level == SESSION_STATE and m.state == "active" and _holds(m, now)]
        some = sorted(some, key=lambda m: (m.created, m.id), reverse=True)[:limit]
        return Remembered(query, tuple(Recalled(m, 1.0, True, tuple(self._compared(m)), "among the newest") for m in some), not some)

    def timeline(
        self, caller: Caller, since: str | float, until: str | float | None = None, *, here: str, project: str | None = None
    ) -> list[Changed]:
        """Every change from `since` to before `until` of what belongs to a project or to none, in order; what was purged belongs to nothing.

        Times are ISO 8601, seconds since the epoch, or such as "3 days ago" and "last week". Raises UsageError for anything else.
        """
        first, end = _time("since", since), None if until is None else _time("until", until)
        if end is not None and end <= first:
            raise UsageError("The time until which changes are told must be after the time since which they are.")
        projects = tuple(dict.fromkeys(("", self._project(here, project))))
        found: list[Changed] = []
        after = 0
        while events := timeline(self._data.db, first, end, projects=projects, after=after, limit=PAGE):
            now = records.get_all(self._data.db, (event.id for event in events))
            found += [_changed(event, now.get(event.id)) for event in events]
            after = events[-1].seq
        return found

    def briefing(self, caller: Caller, *, here: str, project: str | None = None, tokens: int = TOKENS, states: int = 0) -> Briefing:
        """What to tell an agent when a session begins, fenced as data; the same bytes for the same records. `tokens`: from 100 to 100,000; `states`:
        so many of the newest notes of where work stood are told, too."""
        if not LEAST <= tokens <= MOST:
            raise UsageError(f"A briefing has between {LEAST} and {MOST:,} tokens, not {tokens}.")
        return briefing(self._of(self._project(here, project)), time.time(), tokens, states)

    def about(self, caller: Caller, *, here: str, project: str | None = None) -> About:
        """All that is kept about the user and a project: superseded, expired, held back and forgotten records, too. For the owner alone."""
        self._for_the_owner(caller, "see all that is kept")
        named = self._project(here, project)
        kept = [m for m in records.every(self._data.db) if m.project in ("", named)]
        return About(named, str(self._data.folder), tuple(sorted(kept, key=lambda m: (m.created, m.id))))

    def _project(self, here: str, project: str | None) -> str:
        with self._lock:
            self._known.refresh(self._data.db)
            return here if project is None else self._known_project(project)

    def _of(self, project: str) -> list[Memory]:
        """What stands of a project and of none."""
        with self._lock:
            self._known.refresh(self._data.db)
            return [m for m in self._known.records.values() if m.project in ("", project)]


def _holds(m: Memory, now: float) -> bool:
    return is_live(m, now) and is_valid(m, now)


def _changed(event: Event, now: Memory | None) -> Changed:
    return Changed(event.at, event.verb, event.actor, event.id, event.batch, now)


def _time(name: str, said: str | float) -> float:
    """A time, or the beginning of a span that is named in words."""
    try:
        return moment(name, said)
    except UsageError:
        span = named_span(said, datetime.now(UTC)) if isinstance(said, str) else None
        if span is None or span.since is None:
            raise
        return span.since
