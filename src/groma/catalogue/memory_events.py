"""The history of memories: every change of a record, numbered in the order in which changes became visible, and the transaction that numbers them.

A projection that has seen number n asks for `changes` after n. An undo takes a whole call back; its events share a batch. Of a purged record
nothing stays but the mark that this id is gone.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import UsageError
from ..records import Memory, plain, restored
from ..values import value
from . import memories
from .database import Database, damaged
from .identity import uuid7

__all__ = ["Call", "Changes", "Event", "Writer", "batch_of", "call", "changes", "history", "last", "timeline", "writes", "writing"]

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@value
class Call:
    """Who changes something, when (seconds since the epoch), and the batch under which all of it can be taken back."""

    actor: str
    at: float
    batch: str


def call(actor: str, at: float | None = None, *, batch: str | None = None) -> Call:
    """A new call of `actor`, now; or the same one again, under its batch. Raises UsageError for a batch that is no UUID."""
    if batch is not None and not _UUID.fullmatch(batch):
        raise UsageError("A batch is named by a UUID, in lower case.")
    return Call(actor, time.time() if at is None else at, uuid7() if batch is None else batch)


@value
class Event:
    """One change of one record: its number, and the record before, None if there was none (or, of a purge, if nothing of it stays).

    Verbs: add, update, supersede, forget, unforget, promote, expire, purge, undo.
    """

    seq: int
    id: str
    batch: str
    verb: str
    at: float
    actor: str
    previous: Memory | None


@value
class Changes:
    """The records that changed up to number `seq`, as they are now, and the ids of those that are gone."""

    seq: int
    records: Sequence[Memory]
    gone: Sequence[str]


_COLUMNS = "seq, memory_id, batch, verb, at, actor, previous"


# ---------------------------------------------------------------------------------------------------------------------- reading


def last(db: Database) -> int:
    """The number of the last change; 0 before the first."""
    rows = db.query("SELECT seq FROM memory_clock")
    if not rows:
        raise damaged(db.where, "the number of the last change of a memory is lost")
    return int(rows[0][0])


def changes(db: Database, after: int, limit: int = 1000) -> Changes:
    """What changed after number `after`, looking at no more than `limit` changes: ask again with its `seq` until that stays the same."""
    rows = db.query("SELECT seq, memory_id FROM memory_events WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
    ids = list(dict.fromkeys(id for _, id in rows))
    found = memories.get_all(db, ids)
    return Changes(rows[-1][0] if rows else after, list(found.values()), [id for id in ids if id not in found])


def history(db: Database, id: str) -> list[Event]:
    """Every change of one record, oldest first."""
    return _events(db, "WHERE memory_id = ? ORDER BY seq", (id,))


def batch_of(db: Database, batch: str) -> list[Event]:
    """Every change of one call, in order."""
    return _events(db, "WHERE batch = ? ORDER BY seq", (batch,))


def timeline(
    db: Database, since: float, until: float | None = None, *, projects: Sequence[str] = (), after: int = 0, limit: int = 1000
) -> list[Event]:
    """Changes from `since` to before `until`, in order, of records of these projects (none: of all); `after` is the last number of the page before.

    What is gone belongs to no project any more.
    """
    clause, given = "WHERE at >= ? AND seq > ?", [since, after]
    if until is not None:
        clause, given = f"{clause} AND at < ?", [*given, until]
    inner: Sequence[object] = ()
    if projects:
        clause += f" AND memory_id IN (SELECT id FROM memories WHERE project IN ({','.join('?' * len(projects))}))"
        inner = projects
    return _events(db, f"{clause} ORDER BY seq LIMIT ?", (*given, *inner, limit))


def writes(db: Database, actor: str, since: float) -> int:
    """How many records `actor` has added since then."""
    return int(db.query("SELECT count(*) FROM memory_events WHERE actor = ? AND at >= ? AND verb = 'add'", (actor, since))[0][0])


def _events(db: Database, rest: str, given: Sequence[object]) -> list[Event]:
    rows = db.query(f"SELECT {_COLUMNS} FROM memory_events {rest}", given)
    return [Event(seq, id, batch, verb, at, actor, _previous(db, text)) for seq, id, batch, verb, at, actor, text in rows]


def _previous(db: Database, text: str | None) -> Memory | None:
    try:
        return None if text is None else restored(json.loads(text))
    except (ValueError, KeyError, TypeError) as e:
        raise damaged(db.where, "the history of a memory cannot be read") from e


# ---------------------------------------------------------------------------------------------------------------------- writing


class Writer:
    """Changes records within one transaction and numbers the changes; made by `writing`."""

    def __init__(self, db: Database, of: Call, verb: str, seq: int) -> None:
        self.db, self.of, self.verb, self.seq = db, of, verb, seq
        self._events: list[tuple[object, ...]] = []

    def insert(self, m: Memory) -> None:
        """A record that is not there yet."""
        self.db.execute(_INSERT, (m.hash, *memories.row(m)))
        self._anchor(m)
        self._note(m.id, None)

    def put(self, before: Memory, after: Memory) -> None:
        """A record as it is to be from now on. Raises UsageError if another one that stands says the same already."""
        if before == after:
            return
        if after.superseded_by is None and after.forgotten is None and (other := memories.live(self.db, after.hash)) and other.id != after.id:
            raise UsageError(f"The memory {other.id} says the same in the same place; change or forget that one.", id=after.id, other=other.id)
        self.db.execute(_UPDATE, (after.hash, *memories.row(after)[1:], after.id))
        if before.anchors != after.anchors:
            self.db.execute("DELETE FROM memory_anchors WHERE memory_id = ?", (after.id,))
            self._anchor(after)
        self._note(after.id, before)

    def erase(self, id: str) -> None:
        """A record with all that is known of it; only the mark stays that it is gone."""
        self.db.execute("DELETE FROM memory_events WHERE memory_id = ?", (id,))
        self._events = [event for event in self._events if event[1] != id]
        self.db.execute("DELETE FROM memories WHERE id = ?", (id,))
        self._note(id, None)

    def _anchor(self, m: Memory) -> None:
        if m.anchors:
            rows = [(m.id, place, a.path, a.symbol, a.blob, a.commit) for place, a in enumerate(m.anchors)]
            self.db.executemany("INSERT INTO memory_anchors (memory_id, place, path, symbol, blob_id, commit_id) VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _note(self, id: str, previous: Memory | None) -> None:
        self.seq += 1
        text = None if previous is None else json.dumps(plain(previous), ensure_ascii=False)
        self._events.append((self.seq, id, self.of.batch, self.verb, self.of.at, self.of.actor, text))

    def finish(self) -> None:
        if self._events:
            self.db.executemany(f"INSERT INTO memory_events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", self._events)
            self.db.execute("UPDATE memory_clock SET seq = ?", (self.seq,))


_INSERT = f"INSERT INTO memories (hash, {', '.join(memories.COLUMNS)}) VALUES (?, {', '.join('?' * len(memories.COLUMNS))})"
_UPDATE = f"UPDATE memories SET hash = ?, {', '.join(f'{name} = ?' for name in memories.COLUMNS[1:])} WHERE id = ?"


@contextmanager
def writing(db: Database, of: Call, verb: str) -> Iterator[Writer]:
    """A transaction that changes memories, after every other one: what is read in it stays so until it ends, on Postgres too."""
    with db.transaction():
        db.execute("UPDATE memory_clock SET seq = seq")
        writer = Writer(db, of, verb, last(db))
        yield writer
        writer.finish()
