"""What ends by itself: what has expired is forgotten, and what was forgotten is destroyed when the time in which it can be taken back is over.

Reading never waits for this: what has expired is not seen from its second on. A sweep makes it durable. It runs once a day, at the begin of the
first verb of that day that writes memories; `sweep` runs it now. When one ran last, and whether it is to be finished, stands in `memories.swept`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from ..catalogue import memories as records
from ..catalogue import memory_events, memory_writes
from ..catalogue.memory_events import call
from ..errors import GromaError
from ..memory.proof import prove, says
from ..records import Memory
from ..types import Caller
from ..values import value
from .room import Room

__all__ = ["EVERY_S", "NAME", "Purged", "Sweeping", "Swept"]

EVERY_S = 86_400.0
"""Seconds from one sweep to the next."""
NAME = "memories.swept"
DAY = 86_400.0
BY = "groma"
"""Who did it, in the history."""


@value
class Purged:
    """What was destroyed, and the proof: `files` files of `bytes` bytes were searched for the texts, now and as they ever were.

    `found` are the files that still hold bytes of one (a copy of a damaged catalogue); `others` are memories that say the same words, so that the
    catalogue holds them, too. `scrubbed` is False if another process held the database's log: purge the same ids again. `logged` lines of the
    security log were emptied of their text.
    """

    ids: tuple[str, ...]
    files: int
    bytes: int
    found: tuple[str, ...]
    others: tuple[str, ...]
    scrubbed: bool
    logged: int

    @property
    def proven(self) -> bool:
        """Is nothing left but what other memories say?"""
        return self.scrubbed and not self.found


@value
class Swept:
    """The ids of what had expired and is forgotten from now on, and what was destroyed; None if nothing was due."""

    expired: tuple[str, ...]
    purged: Purged | None


class Sweeping(Room):
    """The end of memories."""

    def sweep(self, caller: Caller, *, now: float | None = None) -> Swept:
        """Forget what has expired, destroy what was forgotten longer ago than `memories_undo_days`, and prove it, as `purge` does.

        `now` is the time that it is to be, in seconds since the epoch. What was forgotten keeps its whole time if it has expired only now.
        Raises Refused where nothing may be written.
        """
        self._may_write(caller, "sweep memories")
        return self._swept(time.time() if now is None else now)

    def undo_until(self, at: float) -> float | None:
        """Until when what is forgotten at a time can be brought back; None: as long as nobody purges it."""
        days = self._settings.memories_undo_days
        return at + days * DAY if days else None

    def _sweep_if_due(self) -> None:
        """For the begin of a verb that writes: once a day. If it fails, that verb does its work all the same; the next one tries again."""
        now = time.time()
        try:
            ago = now - os.stat(self._data.folder / NAME).st_mtime
        except OSError:
            ago = EVERY_S
        if not 0 <= ago < EVERY_S:
            with suppress(GromaError, OSError):
                self._swept(now)

    def _swept(self, now: float) -> Swept:
        db, marker = self._data.db, self._data.folder / NAME
        unfinished = marker.exists() and marker.stat().st_size > 0
        expired = tuple(m.id for m in memory_writes.expire(db, call(BY, now)))
        days = self._settings.memories_undo_days
        over = records.forgotten_until(db, now - days * DAY) if days else []
        purged = None
        if over or unfinished:
            with self._lock:
                with db.transaction():  # as they are now: one may have been brought back
                    found = {id: m for id, m in records.get_all(db, over).items() if m.forgotten is not None and m.forgotten <= now - days * DAY}
                    texts = self._erased(found, now)
                purged = self._proven(tuple(found), texts)
            self._told(len(expired), purged)
        # What could not be wiped out of the log, because somebody was reading, is wiped out the next time.
        with suppress(OSError):
            marker.write_text("scrub\n" if purged is not None and not purged.scrubbed else "")
            os.utime(marker, (now, now) if purged is None or purged.scrubbed else (0, 0))
        return Swept(expired, purged)

    def _told(self, expired: int, purged: Purged) -> None:
        """In the security log: nobody has asked for it, so that nobody reads a receipt."""
        from ..memory.guard.log import record

        with suppress(OSError):
            record(self._data.folder, "swept", by=BY, expired=expired, purged=len(purged.ids), files=purged.files, proven=purged.proven)

    # ------------------------------------------------------------------------------------------------------------------- destroying

    def _erased(self, found: Mapping[str, Memory], at: float | None = None, by: str = BY) -> set[str]:
        """Destroy the rows of records, within a transaction; all that they ever said."""
        texts = {text for m in found.values() for text in self._ever_said(m)}
        memory_writes.purge(self._data.db, call(by, at), found)
        return texts

    def _proven(self, ids: tuple[str, ...], texts: set[str]) -> Purged:
        """Wipe out what is left of texts that were erased, and search for them. Under `_lock`."""
        from ..memory.guard.log import blank

        db = self._data.db
        with self._data.locked("memories"):
            self._known.renew(db)
        logged = blank(self._data.folder, texts)
        scrubbed = db.scrub() or db.scrub()
        proof = prove(self._data.folder, texts)
        others = tuple(m.id for m in records.every(db) if says(self._ever_said(m), texts)) if proof.found else ()
        left = tuple(name for name in proof.found if not (others and scrubbed and name in ("catalogue.db", "catalogue.db-wal")))
        return Purged(ids, proof.files, proof.bytes, left, others, scrubbed, logged)

    def _ever_said(self, m: Memory) -> Iterable[str]:
        return {m.content, *(e.previous.content for e in memory_events.history(self._data.db, m.id) if e.previous is not None)}
