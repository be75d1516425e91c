"""The knowledge store that agents share: entries with a type, found by text or by filters, counted, and cleaned up by age.

A knowledge entry is a memory whose kind is one of `records.KNOWLEDGE`: it comes in through the same guard and the same rule, and `recall` finds it,
too. It is context of its project unless the caller says otherwise. What is asked without a project is asked of all of them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from functools import partial

from ..catalogue import memories as records
from ..catalogue.memories import Statistics
from ..catalogue.memory_events import call
from ..catalogue.memory_writes import forget
from ..drafts import moment
from ..errors import UsageError
from ..memory.facts import Sight
from ..memory.recall import Question
from ..records import KNOWLEDGE, Draft, Memory, Receipt, Remembered, Selection
from ..types import Caller
from ..values import value
from .ways import Ways

__all__ = ["Cleaned", "Knowledge", "Page", "age"]

MOST = 1_000
"""Entries of a page."""
_AGE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhdw])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


@value
class Page:
    """Entries, newest first, superseded ones too; `next` is what to ask for the page after, None if there is none."""

    entries: tuple[Memory, ...]
    next: str | None


@value
class Cleaned:
    """The ids of what was forgotten (or would be), oldest first; `batch` takes it back, "" if nothing was done, until `until` (seconds since the
    epoch; None: for ever)."""

    ids: tuple[str, ...]
    batch: str
    until: float | None = None


class Knowledge(Ways):
    """Operations on knowledge entries."""

    def store(self, caller: Caller, content: str, *, here: str, type: str = "general", **fields: object) -> Receipt:
        """Keep one entry: a text, its type, and further fields of `drafts.ALLOWED`. Raises Refused where nothing may be written."""
        (receipt,) = self.store_batch(caller, [{"content": content, "type": type, **fields}], here=here)
        return receipt

    def store_batch(self, caller: Caller, entries: Sequence[object], *, here: str, batch: str | None = None) -> list[Receipt]:
        """Keep entries, mappings of `type` (default: general) and the fields of `drafts.ALLOWED`; a receipt each, in order, all durable.

        `here` is the project that is meant where an entry names none; `batch` is as `remember` says. Of a credential reference, as of any text,
        credentials are masked.
        """
        self._may_write(caller, "store")
        return self._kept(caller, [partial(self._entry, one, here) for one in entries], batch)

    def _entry(self, said: object, here: str) -> Draft:
        if not isinstance(said, Mapping):
            return self._drafted(said, "general", here)
        (kind,) = _types([said.get("type") or "general"])
        return self._drafted({name: v for name, v in said.items() if name != "type"}, kind, here)

    def search(self, caller: Caller, text: str, *, limit: int = 10, types: Sequence[str] = (), project: str | None = None) -> Remembered:
        """The best entries for a text, each with its score; of a project and of none, or of all. Raises UsageError for an empty text, an unknown
        type or project, or a limit beyond 1 to 100."""
        kinds = frozenset(_types(types) or KNOWLEDGE)
        return self._recalled(Question(text, limit, Sight(time.time(), None if project is None else self._known_project(project), kinds=kinds)))

    def query(
        self,
        caller: Caller,
        *,
        types: Sequence[str] = (),
        project: str | None = None,
        agent: str | None = None,
        tags: Sequence[str] = (),
        since: str | float | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """Entries by filters alone: all that are not empty must hold, of `tags` all. `after` is the `next` of the page before.

        What was forgotten or has expired, and what is held for a human, is left out. Raises UsageError for an unknown type, project or page.
        """
        if not 1 <= limit <= MOST:
            raise UsageError(f"The number of entries of a page must lie between 1 and {MOST:,}, not {limit:,}.")
        wanted = self._entries(types, project, agent, tags=tuple(tags), states=("active",), since=None if since is None else moment("since", since))
        db = self._data.db
        last = None if after is None else records.find(db, after)
        found = records.select(db, wanted, time.time(), limit=limit + 1, after=None if last is None else (last.created, last.id))
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    def statistics(self, caller: Caller, *, types: Sequence[str] = (), project: str | None = None, agent: str | None = None) -> Statistics:
        """Exact counts of all entries that were not forgotten and have not expired: by type, project, agent, source, level, state and age."""
        return records.statistics(self._data.db, self._entries(types, project, agent), time.time())

    def cleanup(
        self,
        caller: Caller,
        *,
        older_than: str | float,
        dry_run: bool = False,
        types: Sequence[str] = (),
        project: str | None = None,
    ) -> Cleaned:
        """Forget the entries that were made longer ago than `older_than` (as "90d", "12h", "2w", or seconds). It can be taken back.

        With `dry_run` nothing is written. Raises UsageError for an age that is none, Refused where nothing may be written.
        """
        if not dry_run:
            self._may_write(caller, "cleanup")
            self._sweep_if_due()
        now = time.time()
        wanted = self._entries(types, project, None, until=now - age(older_than))
        db, of = self._data.db, call(caller.name, now)
        if dry_run:
            return Cleaned(tuple(m.id for m in self._all(wanted, now)), "")
        with self._lock, db.transaction():
            ids = tuple(m.id for m in self._all(wanted, now))
            forget(db, of, ids)
        return Cleaned(ids, of.batch if ids else "", self.undo_until(now) if ids else None)

    def _entries(self, types: Sequence[str], project: str | None, agent: str | None, **more: object) -> Selection:
        return Selection(
            kinds=_types(types) or KNOWLEDGE,
            projects=() if project is None else (self._known_project(project),),
            agents=() if agent is None else (agent,),
            superseded=None,
            **more,  # type: ignore[arg-type]
        )

    def _all(self, wanted: Selection, now: float) -> list[Memory]:
        found: list[Memory] = []
        while page := records.select(self._data.db, wanted, now, limit=MOST, after=(found[-1].created, found[-1].id) if found else None, oldest=True):
            found += page
        return found


def age(said: str | float) -> float:
    """Seconds of an age as "90d", "12h", "30m", "45s", "2w", or of a number. Raises UsageError for anything else."""
    if isinstance(said, str):
        if match := _AGE.fullmatch(said.strip().lower()):
            return float(match[1]) * _UNITS[match[2]]
    elif not isinstance(said, bool) and 0 <= said < 1e12:
        return float(said)
    raise UsageError(f"The age {said!r} is none; give it as 90d, 12h or 2w (s, m, h, d, w).", age=str(said))


def _types(types: Sequence[object]) -> tuple[str, ...]:
    for one in types:
        if one not in KNOWLEDGE:
            raise UsageError(f"There is no type {str(one)[:60]!r} of knowledge; the types are {', '.join(KNOWLEDGE)}.", type=str(one)[:60])
    return tuple(map(str, types))
