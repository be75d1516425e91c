"""Memories out and in as text: export, import, restore.

What a file says of itself is believed only where the owner says so: an import has the source "import" and passes the guard, and what a file calls a
preference waits until somebody promotes it. `restore` puts groma's own export back, record for record.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..catalogue import memories as records
from ..catalogue.memory_events import Call, call, writes
from ..catalogue.memory_restore import restore as put_back
from ..errors import UsageError
from ..memory.exchange import Entry, read_files, write
from ..records import Draft, Memory, Receipt, Selection, is_live, is_valid
from ..types import Caller
from ..values import value
from .room import folder_of
from .sweeping import Sweeping

__all__ = ["Exchange", "Imported", "Line"]

PAGE = 500
"""So many records are read at once."""


@value
class Line:
    """What became of one entry of an import: `line` (from 1) of `file` is where it begins.

    The receipt's outcome is one of `records.OUTCOMES`, or "skipped" for a record that did not hold any more where it comes from.
    """

    file: str
    line: int
    receipt: Receipt


@value
class Imported:
    """What an import did, entry by entry. `batch` takes all of it back (`undo`); "" if nothing was changed."""

    batch: str
    lines: tuple[Line, ...]

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many entries came to what."""
        return dict(sorted(Counter(one.receipt.outcome for one in self.lines).items()))


class Exchange(Sweeping):
    """The ways out as text, and back."""

    def export(
        self, caller: Caller, format: str = "jsonl", selection: Selection = records.EVERY, *, project: str | None = None, existing: str = ""
    ) -> Iterator[str]:
        """The text of a selection, in pieces, oldest first, each record once; by default of every record, whatever became of it.

        `project` narrows it to that project and to what belongs to none. `existing` is the file of instructions that is written to. The formats
        that people or other tools read (instructions, memory-server) have only what holds now. Raises UsageError for an unknown format or
        project, Refused for anybody but the owner.
        """
        self._for_the_owner(caller, "export")
        now = time.time()
        if project is not None:
            with self._lock:
                self._known.refresh(self._data.db)
                selection = replace(selection, projects=("", self._known_project(project)))
        return write(self._pages(selection, now), format, existing=existing, now=now)

    def import_(
        self,
        caller: Caller,
        files: Iterable[tuple[str, bytes | str]],
        *,
        here: str,
        format: str | None = None,
        project: str | None = None,
        restore: bool = False,
        quota: bool = False,
    ) -> Imported:
        """Take in what the files (name, content) say, all in one transaction; durable when this returns.

        `project` is where all of it belongs; else what a file says, else `here`. `restore` puts records of groma's own export back exactly, ids
        and links too; what is here already is left. `quota`: it may bring no more than an agent may still store in this hour. Raises UsageError if
        any of it cannot be read, names a folder that is not there, or is more than that: then nothing is imported.
        """
        self._may_write(caller, "import")
        if restore and project is not None:
            raise UsageError("What is restored keeps the project it has; leave the project out, or import without restoring.")
        entries = read_files(files, format)
        if not restore:  # what is put back is to be as it was
            self._sweep_if_due()
        of = call(caller.name)
        with self._lock:
            if quota:
                self._keep_to_quota(caller, len(entries), of.at)
            receipts = self._restored(caller, entries, of) if restore else self._taken_in(caller, entries, of, here, project)
            self._keep()
        changed = any(one.batch for one in receipts)
        return Imported(of.batch if changed else "", tuple(Line(e.file, e.line, r) for e, r in zip(entries, receipts, strict=True)))

    def _keep_to_quota(self, caller: Caller, entries: int, now: float) -> None:
        from ..memory.remember import HOUR

        most = self._settings.memories_per_hour
        left = max(0, most - writes(self._data.db, caller.name, now - HOUR))
        if entries > left:
            raise UsageError(
                f"There are {entries:,} memories in it, and {left:,} of the {most:,} that an agent may store in an hour are left: nothing was "
                "imported. As much as there is can be imported on the command line: groma import FILE"
            )

    def _pages(self, selection: Selection, now: float) -> Iterator[Memory]:
        after: tuple[float, str] | None = None
        while page := records.select(self._data.db, selection, now, limit=PAGE, after=after, oldest=True):
            yield from page
            after = (page[-1].created, page[-1].id)

    def _taken_in(self, caller: Caller, entries: Sequence[Entry], of: Call, here: str, project: str | None) -> list[Receipt]:
        from ..memory.remember import remember

        into = None if project is None else folder_of(project)
        drafts = [self._draft(one, here, into, of.at) for one in entries]
        kept = iter(
            remember(
                self._data.db,
                self._known,
                [one for one in drafts if isinstance(one, Draft)],
                of,
                quota=None,
                noted=lambda one, verdict: self._noted(caller, one, verdict),
            )
        )
        return [next(kept) if isinstance(one, Draft) else one for one in drafts]

    def _draft(self, one: Entry, here: str, into: str | None, now: float) -> Draft | Receipt:
        """What to remember of an entry, as one that comes from a file; a receipt if it is nothing that holds now."""
        if (m := one.memory) is not None and (m.state == "quarantined" or not is_live(m, now) or not is_valid(m, now)):
            return Receipt(None, "skipped", "it did not hold any more where it comes from; only restoring brings such a record back")
        if one.expires is not None and one.expires <= now:
            return Receipt(None, "skipped", "it has expired")
        said = one.draft
        until = said.valid_to if said.valid_to is not None else one.expires
        since = said.valid_from
        if since is None and one.created is not None and one.created < min(now, until or now):
            since = one.created  # it is as old as it was there, so that nothing newer gives way to it
        # An id in a file is that file's: it must not choose what is superseded here.
        draft = replace(said, source="import", supersedes=None, valid_from=since, valid_to=until)
        try:
            return self._placed(replace(draft, project=into) if into is not None else draft, here)
        except UsageError as e:
            raise UsageError(
                f"{_where(one)}: {e.message} Or say which project all of it belongs to. Nothing was imported.", line=one.line, **e.context
            ) from e

    def _restored(self, caller: Caller, entries: Sequence[Entry], of: Call) -> list[Receipt]:
        wanted: list[Memory | Receipt] = [self._checked(caller, one) for one in entries]
        added = iter(put_back(self._data.db, of, [one for one in wanted if isinstance(one, Memory)]))
        self._known.refresh(self._data.db)
        receipts = []
        for one in wanted:
            if isinstance(one, Receipt):
                receipts.append(one)
                continue
            there = next(added)
            m = there.memory
            if there.new:
                receipts.append(Receipt(m.id, "stored", "restored", None, m.level, m.masked, of.batch))
            else:
                why = "a record with this id is here already" if m.id == one.id else "the same text is known"
                receipts.append(Receipt(m.id, "duplicate", f"{why}; it is left as it is", m.id, m.level, m.masked))
        return receipts

    def _checked(self, caller: Caller, one: Entry) -> Memory | Receipt:
        """The record, with its text as the guard lets it in; what groma itself has written comes through as it is."""
        if (m := one.memory) is None:
            raise UsageError(f"{_where(one)}: there is no id: only what groma exported can be restored. Nothing was imported.", line=one.line)
        from ..memory.guard import examine

        verdict = examine(m.content)
        if verdict.action == "reject":
            self._noted(caller, one.draft, verdict)
            return Receipt(None, "rejected", verdict.why)
        return m if verdict.text == m.content else replace(m, content=verdict.text, masked=m.masked + int(verdict.masked))


def _where(one: Entry) -> str:
    return f"{one.file}: line {one.line}" if one.file else f"Line {one.line}"
