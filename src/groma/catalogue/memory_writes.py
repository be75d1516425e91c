"""What may happen to a memory: added, changed, superseded, forgotten, brought back, promoted, expired, purged, undone.

Each is one transaction, or a part of the caller's; each may be tried again: what is so already is left as it is. Only `purge` destroys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import UsageError
from ..records import Memory
from ..values import value
from . import memories
from .database import Database
from .memory_events import Call, Event, Writer, batch_of, history, writing

__all__ = ["Added", "add", "add_all", "expire", "forget", "promote", "purge", "supersede", "touch", "undo", "unforget", "update"]


@value
class Added:
    """The record that holds a text now: the `new` one, or the one that said the same already."""

    memory: Memory
    new: bool


# ----------------------------------------------------------------------------------------------------------------------- adding


def add(db: Database, of: Call, m: Memory) -> Added:
    """Keep one record; see `add_all`."""
    return add_all(db, of, [m])[0]


def add_all(db: Database, of: Call, records: Sequence[Memory]) -> list[Added]:
    """Keep records, all or none, in order. What a record that stands says already is not kept twice, also not by two processes at once.

    A record that says the same but has expired, or whose validity has ended, is superseded by the new one. Raises UsageError if an id is
    taken by another text.
    """
    known = {m.hash: found for m in records if _stands(m) and (found := memories.live(db, m.hash)) and not _ended(found, of.at)}
    if all(_stands(m) and m.hash in known for m in records):
        return [Added(known[m.hash], False) for m in records]  # and nothing is written, nor anybody's end waited for
    with writing(db, of, "add") as writer:
        return [_add(writer, m) for m in records]


def _add(writer: Writer, m: Memory) -> Added:
    same = memories.live(writer.db, m.hash) if _stands(m) else None
    if (taken := memories.get(writer.db, m.id)) is not None:
        if taken.hash != m.hash:
            raise UsageError(f"The id {m.id} is that of another memory already.", id=m.id)
        return Added(same or taken, False)
    if same is not None:
        if not _ended(same, writer.of.at) or _ended(m, writer.of.at):
            return Added(same, False)
        writer.put(same, replace(same, superseded_by=m.id))
        m = replace(m, supersedes=m.supersedes or same.id)
    writer.insert(m)
    return Added(m, True)


def _stands(m: Memory) -> bool:
    return m.superseded_by is None and m.forgotten is None


def _ended(m: Memory, at: float) -> bool:
    return _past(m.expires, at) or _past(m.valid_to, at)


# --------------------------------------------------------------------------------------------------------------------- changing


def update(db: Database, of: Call, id: str, changes: Mapping[str, Any]) -> Memory:
    """Set fields of a record. Raises UsageError if it is not there, or if another one that stands says the same then."""
    with writing(db, of, "update") as writer:
        before = memories.required(db, id)
        after = replace(before, **changes)
        if after != before:
            after = replace(after, updated=of.at)
            writer.put(before, after)
        return after


def supersede(db: Database, of: Call, old: str, new: str) -> Memory:
    """Let `new` replace `old`; the record that it replaces, as it was. Both stay, and each names the other.

    If another one has replaced `old` meanwhile, `new` replaces that one: the last word counts. The old one holds until the new one does, where
    neither says otherwise. Raises UsageError for ids that are not there, and if `new` was itself replaced.
    """
    with writing(db, of, "supersede") as writer:
        after = memories.required(db, new)
        if after.superseded_by is not None:
            raise UsageError(f"The memory {new} was itself superseded by {after.superseded_by}.", id=new)
        before = memories.required(db, old)
        if old == new:
            raise UsageError(f"The memory {new} cannot supersede itself.", id=new)
        while before.superseded_by not in (None, new):
            before = memories.required(db, str(before.superseded_by))
        if before.superseded_by == new:
            return before
        since = after.created if after.valid_from is None else after.valid_from
        until = since if before.valid_to is None and (before.valid_from is None or before.valid_from < since) else before.valid_to
        writer.put(before, replace(before, superseded_by=new, valid_to=until))
        writer.put(after, replace(after, supersedes=before.id, valid_from=since if _precedes(since, after.valid_to) else after.valid_from))
        return before


def _precedes(since: float, until: float | None) -> bool:
    return until is None or since < until


def forget(db: Database, of: Call, ids: Iterable[str]) -> list[Memory]:
    """Forget records until further notice; those that this call forgot. Raises UsageError for an id that is not there."""
    return _each(db, of, "forget", ids, lambda m: m if m.forgotten is not None else replace(m, forgotten=of.at))


def unforget(db: Database, of: Call, ids: Iterable[str]) -> list[Memory]:
    """Bring forgotten records back, also expired ones (they then stay); those that this call brought back.

    Raises UsageError for an id that is not there, and if the same was remembered again meanwhile.
    """

    def back(m: Memory) -> Memory:
        return m if m.forgotten is None else replace(m, forgotten=None, expires=None if _past(m.expires, of.at) else m.expires)

    return _each(db, of, "unforget", ids, back)


def promote(db: Database, of: Call, ids: Iterable[str]) -> list[Memory]:
    """Let records take part that waited or were held back; those that this call promoted. What one of them is said to replace, and what stands
    still, is superseded from then on. Raises UsageError for an id that is not there."""
    with db.transaction():
        promoted = _each(db, of, "promote", ids, lambda m: replace(m, state="active", reason=""))
        for m in promoted:
            old = None if m.supersedes is None else memories.get(db, m.supersedes)
            if old is not None and _stands(old) and _stands(m):
                supersede(db, of, old.id, m.id)
        return list(memories.get_all(db, [m.id for m in promoted]).values())


def expire(db: Database, of: Call) -> list[Memory]:
    """Forget every record whose time is over; those that this call forgot."""
    rows = db.query("SELECT id FROM memories WHERE expires <= ? AND forgotten IS NULL ORDER BY id", (of.at,))
    if not rows:
        return []  # and nobody has to wait
    over = [id for (id,) in rows]
    return _each(db, of, "expire", over, lambda m: replace(m, forgotten=of.at) if m.forgotten is None and _past(m.expires, of.at) else m)


def _past(end: float | None, at: float) -> bool:
    return end is not None and end <= at


def _each(db: Database, of: Call, verb: str, ids: Iterable[str], change: Callable[[Memory], Memory]) -> list[Memory]:
    """Change records one by one, all or none; as they are then, those that did change."""
    wanted = list(dict.fromkeys(ids))
    changed = []
    with writing(db, of, verb) as writer:
        found = memories.get_all(db, wanted)
        for id in wanted:
            if (before := found.get(id)) is not None:
                if (after := change(before)) != before:
                    writer.put(before, after)
                    changed.append(after)
            elif verb != "expire":  # what expired may have been purged meanwhile
                raise UsageError(f"No memory has the id {id}.", id=id)
    return changed


def touch(db: Database, of: Call, ids: Iterable[str]) -> None:
    """Note that records were of use. That is no change: it has no number, and no history."""
    if rows := [(of.at, id) for id in dict.fromkeys(ids)]:
        with writing(db, of, "touch"):
            db.executemany("UPDATE memories SET used = ?, uses = uses + 1 WHERE id = ?", rows)


# ------------------------------------------------------------------------------------------------------------- purging and undo


def purge(db: Database, of: Call, ids: Iterable[str]) -> list[str]:
    """Destroy records with their anchors and history; the ids that were there. Records that named them as a link name the next one, or none.

    A record whose successor is purged stands again, unless another one says the same.
    """
    with writing(db, of, "purge") as writer:
        found = memories.get_all(db, ids)
        for id, m in found.items():
            linked = [other for other in _linked(db, id) if other.id not in found]
            writer.erase(id)
            for other in linked:
                writer.put(other, _unlinked(db, other, m, found))
    return list(found)


def _linked(db: Database, id: str) -> list[Memory]:
    rows = db.query("SELECT id FROM memories WHERE superseded_by = ? OR supersedes = ? OR refines = ? ORDER BY id", (id, id, id))
    return list(memories.get_all(db, [found for (found,) in rows]).values())


def _unlinked(db: Database, m: Memory, gone: Memory, purged: Mapping[str, Memory]) -> Memory:
    """A record that names `gone` no more. Its successor's successor is its own; failing that, whoever says the same by now."""
    if m.superseded_by == gone.id:
        heir = gone.superseded_by
        while heir is not None and heir in purged:
            heir = purged[heir].superseded_by
        if heir is None and m.forgotten is None and (same := memories.live(db, m.hash)) is not None:
            heir = same.id
        m = replace(m, superseded_by=heir)
    return replace(m, supersedes=None if m.supersedes == gone.id else m.supersedes, refines=None if m.refines == gone.id else m.refines)


def undo(db: Database, of: Call, batch: str) -> list[Memory]:
    """Take back every change of one call, all or none; the records as they are then. What it had added is forgotten; an undo can be undone.

    Raises UsageError if there is no such call, if it purged something, or if one of its records is not as the call left it.
    """
    with writing(db, of, "undo") as writer:
        events = batch_of(db, batch)
        if not events:
            raise UsageError(f"There is no call {batch} to take back.", batch=batch)
        _check_untouched(db, events)
        changed: dict[str, Memory] = {}
        for event in reversed(events):
            now = memories.required(db, event.id)
            changed[event.id] = then = replace(now, forgotten=of.at) if event.previous is None else _then(db, event.previous, now)
            writer.put(now, then)
    return list(changed.values())


def _check_untouched(db: Database, events: Sequence[Event]) -> None:
    """Every record must be as the call left it: nothing happened to it since, or all that did was taken back."""
    lasts = {event.id: event.seq for event in events}
    for id, seq in lasts.items():
        later = (known := history(db, id))[-1]
        if later.verb == "purge":
            raise UsageError(f"The memory {id} was purged: nothing of it is left to bring back.", id=id)
        left = next((event.previous for event in known if event.seq > seq), None)
        if left is not None and _then(db, left, now := memories.required(db, id)) != now:
            raise UsageError(
                f"The memory {id} was changed since ({later.verb}): take that back first (call {later.batch}).", id=id, batch=later.batch
            )


def _then(db: Database, previous: Memory, now: Memory) -> Memory:
    """A record as it was, but for how often it was of use, and for links to what has been purged."""

    def there(id: str | None) -> str | None:
        return id if id is not None and memories.get(db, id) is not None else None

    return replace(
        previous,
        used=now.used,
        uses=now.uses,
        supersedes=there(previous.supersedes),
        superseded_by=there(previous.superseded_by),
        refines=there(previous.refines),
    )
