"""What becomes of memories once they are there: listed, changed, promoted, forgotten, brought back, purged; and their history.

Whatever changes something can be taken back by its `batch` (`undo`), but for `purge`, which destroys and proves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from .. import core
from ..catalogue import memories as records
from ..catalogue import memory_events, memory_writes
from ..catalogue.memory_events import Event, call
from ..drafts import draft
from ..errors import UsageError
from ..memory.anchors import anchored_all
from ..records import KINDS, LEVELS, SESSION_STATE, SOURCES, STATES, TRUST, Draft, Memory, Selection
from ..types import Caller
from ..values import value
from .sweeping import Purged, Sweeping

__all__ = ["Changed", "Lifecycle", "Page", "Purged"]

AT_ONCE = 1_000
"""So many records are on a page at most."""
STANDS = Selection()
CLEARED = ("valid_from", "valid_to")
"""Fields that None clears."""
CHANGED = (
    "content", "level", "category", "scope", "project", "tags", "importance", "source", "trust", "session", "agent", "valid_from", "valid_to",
    "expires", "anchors", "state", "reason", "masked", "model",
)  # fmt: skip
"""What an update can change, by its fields or by what follows from them."""
KNOWN = {"levels": LEVELS, "kinds": KINDS, "sources": SOURCES, "states": STATES}


@value
class Page:
    """Some records of a selection, newest first; `total` is how many it has, `after` the id to ask for the next page with, None after the last."""

    memories: tuple[Memory, ...]
    total: int
    after: str | None


@value
class Changed:
    """The records that a call changed, as they are now (or that it would change), and the batch that takes it back; "" if it changed nothing.

    `until` is when what was forgotten will be destroyed, in seconds since the epoch; None if it will not.
    """

    memories: tuple[Memory, ...]
    batch: str
    until: float | None = None


class Lifecycle(Sweeping):
    """What becomes of memories. A memory is named by its id, or 8 characters or more of its begin or end; a call names its batch whole."""

    # ------------------------------------------------------------------------------------------------------------------- reading

    def list(self, caller: Caller, wanted: Selection = STANDS, *, limit: int = 100, after: str | None = None) -> Page:
        """A page of the records that are meant. `after` is the last one of the page before. Raises UsageError for what a selection cannot hold."""
        if not 1 <= limit <= AT_ONCE:
            raise UsageError(f"The number of memories must lie between 1 and {AT_ONCE}, not {limit}.")
        db, now = self._data.db, time.time()
        with self._lock:
            wanted = self._meant(wanted)
        last = None if after is None else records.find(db, after)
        found = records.select(db, wanted, now, limit=limit + 1, after=None if last is None else (last.created, last.id))
        return Page(tuple(found[:limit]), records.count(db, wanted, now), found[limit - 1].id if len(found) > limit else None)

    def get(self, caller: Caller, named: str) -> Memory:
        """One record, whatever became of it. Raises UsageError if there is none, or more than one."""
        return records.find(self._data.db, named)

    def history(self, caller: Caller, named: str) -> Sequence[Event]:
        """Every change of one record, oldest first; of a purged one (its whole id) that it is gone."""
        db = self._data.db
        return memory_events.history(db, named) or memory_events.history(db, records.find(db, named).id)

    # ------------------------------------------------------------------------------------------------------------------ changing

    def update(self, caller: Caller, named: str, fields: Mapping[str, Any]) -> Changed:
        """Set fields of a record: those of `drafts.ALLOWED` but `supersedes`; None clears a time of validity.

        A content passes the guard as a new one does. Raises UsageError for what no field can hold, for a content that the guard rejects, and if
        another memory says the same.
        """
        self._may_write(caller, "update memories")
        if not fields:
            raise UsageError("Nothing is to be changed: name a field and its new value.")
        db, of = self._data.db, call(caller.name)
        with self._lock, self._known.during(db), db.transaction():
            before = records.find(db, named)
            after = self._changed(caller, before, fields, of.at)
            if "content" in fields:
                self._check_new(after)
            changes = {name: getattr(after, name) for name in CHANGED if getattr(after, name) != getattr(before, name)}
            after = memory_writes.update(db, of, before.id, changes)
        return Changed((after,), of.batch if changes else "")

    def promote(self, caller: Caller, names: Iterable[str]) -> Changed:
        """Let records take part that waited for it or were held back; those that this changed."""
        return self._each(caller, "promote", names, memory_writes.promote)

    def forget(self, caller: Caller, of: Selection | Sequence[str], *, preview: bool = False) -> Changed:
        """Forget the records that are named or selected until `undo`; those that this forgot, or with `preview` would forget.

        They can be brought back for `memories_undo_days`; then a sweep destroys them.

        Raises UsageError for a selection that says nothing, as all would be meant.
        """
        if not preview:
            self._may_write(caller, "forget")
            self._sweep_if_due()
        db, call_ = self._data.db, call(caller.name)
        with self._lock, nullcontext() if preview else db.transaction():
            found = tuple(m for m in self._chosen(of) if m.forgotten is None)
            if preview or not found:
                return Changed(found, "")
            forgotten = memory_writes.forget(db, call_, [m.id for m in found])
        return Changed(tuple(forgotten), call_.batch, self.undo_until(call_.at))

    def undo(self, caller: Caller, batch: str) -> Changed:
        """Take a whole call back; its records as they are then. An undo can be undone.

        Raises UsageError if there is no such call, it purged something, or one of its records was changed since.
        """
        self._may_write(caller, "undo")
        of = call(caller.name)
        return Changed(tuple(memory_writes.undo(self._data.db, of, batch)), of.batch)

    def _each(self, caller: Caller, verb: str, names: Iterable[str], change: Callable[..., Sequence[Memory]]) -> Changed:
        self._may_write(caller, verb)
        db, of = self._data.db, call(caller.name)
        with db.transaction():
            changed = tuple(change(db, of, [m.id for m in self._named(names)]))
        return Changed(changed, of.batch if changed else "")

    def _changed(self, caller: Caller, before: Memory, fields: Mapping[str, Any], at: float) -> Memory:
        """The record with these fields, and with what follows from them."""
        if "supersedes" in fields:
            raise UsageError("What a memory supersedes is said when it is remembered, and cannot be changed.", field="supersedes")
        for name, given in fields.items():
            if given is None and name not in CLEARED:
                raise UsageError(f"The field {name} cannot be null; only {' and '.join(CLEARED)} can be cleared.", field=name)
        said = draft({"content": before.content, **fields})
        new: dict[str, Any] = {name: getattr(said, name) for name in fields}
        if "content" in fields:
            new |= self._examined(caller, before, said)
        if new.get("scope") == "global" and "project" not in fields:
            new["project"] = ""
        if fields.get("project"):
            new["project"] = self._placed(said, "").project
        if "source" in fields:
            new["trust"] = TRUST[new["source"]]
        after = replace(before, **new)
        if after.scope != "global" and not after.project:
            raise UsageError(f"The scope {after.scope} is within a project: give the project, too.", field="scope")
        if after.valid_from is not None and after.valid_to is not None and after.valid_to <= after.valid_from:
            raise UsageError("A memory cannot end before it begins to hold: valid_to must be after valid_from.", field="valid_to")
        if {"level", "valid_to"} & set(fields):
            from ..memory.remember import SESSION_S

            ends = after.valid_to if after.valid_to is not None else at + SESSION_S
            after = replace(after, expires=ends if after.level == SESSION_STATE else None)
        if "anchors" in fields:
            after = replace(after, anchors=anchored_all(after.anchors, after.project))
        return after

    def _check_new(self, after: Memory) -> None:
        """The same text in the same place is refused when it is written; here, the same in other words."""
        from ..memory.remember import NEAREST
        from ..memory.settle import settle

        same = settle(after, self._known.kin([after.content]).nearest(0, after, NEAREST + 1))  # which finds itself, too
        if same.outcome == "duplicate":
            raise UsageError(f"The memory {same.target} says the same in the same place; change or forget that one.", other=same.target)

    def _examined(self, caller: Caller, before: Memory, said: Draft) -> dict[str, Any]:
        """The content as the guard lets it in. What it holds for a human waits as a new memory would."""
        from ..memory.guard import examine

        verdict = examine(said.content)
        if verdict.action != "accept":
            self._noted(caller, replace(said, agent=said.agent or before.agent, source=said.source or before.source), verdict)
        if verdict.action == "reject":
            raise UsageError(verdict.why, field="content")
        held = {"state": "quarantined", "reason": verdict.why} if verdict.action == "quarantine" else {}
        return {"content": verdict.text, "masked": int(verdict.masked), "model": core.static_id(), **held}

    # ------------------------------------------------------------------------------------------------------------------- purging

    def maintain(self, caller: Caller) -> int:
        """Forget what has expired, and write the projection's file; how many records had expired."""
        self._may_write(caller, "maintain")
        with self._lock:
            over = memory_writes.expire(self._data.db, call(caller.name))
            with self._data.locked("memories"):
                self._known.keep(self._data.db)
        return len(over)

    def purge(self, caller: Caller, of: Selection | Sequence[str]) -> Purged:
        """Destroy the records that are named or selected, with their history, and prove it. Nothing brings them back.

        Whole ids of records that are gone already are searched for no more, but the database is written anew for them, too. Raises UsageError for a
        name that nothing has, before anything is purged.
        """
        self._may_write(caller, "purge memories")
        with self._lock:
            with self._data.db.transaction():
                found = {m.id: m for m in self._chosen(of, gone=True)}
                texts = self._erased(found, by=caller.name)
            return self._proven(tuple(found), texts)

    # ---------------------------------------------------------------------------------------------------------------- what is meant

    def _chosen(self, of: Selection | Sequence[str], *, gone: bool = False) -> Sequence[Memory]:
        if not isinstance(of, Selection):
            return self._named(of, gone=gone)
        bounds = (of.superseded, of.forgotten, of.expired)
        if True not in bounds and replace(of, superseded=False, forgotten=False, expired=False) == STANDS:
            raise UsageError("This would be every memory; say which ones are meant: by id, tag, scope, source, project or time.")
        db, now, wanted = self._data.db, time.time(), self._meant(of)
        found: list[Memory] = []
        while some := records.select(db, wanted, now, limit=AT_ONCE, after=(found[-1].created, found[-1].id) if found else None):
            found += some
        return found

    def _named(self, names: Iterable[str], *, gone: bool = False) -> Sequence[Memory]:
        """The records of these names, each once; with `gone`, whole ids of purged ones are passed over. Raises UsageError for any other."""
        names = [names] if isinstance(names, str) else [*names]
        if not names:
            raise UsageError("No memory is named; give the id of one at least.")
        db = self._data.db
        left = [name for name in names if not (gone and any(e.verb == "purge" for e in memory_events.history(db, name)))]
        return [*{m.id: m for m in (records.find(db, name) for name in left)}.values()]

    def _meant(self, wanted: Selection) -> Selection:
        """The selection with its projects as they are kept. Raises UsageError for a value that no record can have."""
        for name, allowed in KNOWN.items():
            if unknown := set(getattr(wanted, name)) - set(allowed):
                raise UsageError(f"There are no {name} {', '.join(sorted(unknown))}; known: {', '.join(allowed)}.")
        if not any(wanted.projects):
            return wanted
        self._known.refresh(self._data.db)
        return replace(wanted, projects=tuple(self._known_project(p) if p else "" for p in wanted.projects))
