"""Puts whole records back, as an export had them: ids, times and links stay. What is there already is left as it is.

It is a call like any other, so that it can be taken back; the history of what is put back begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import UsageError
from ..records import Memory
from . import memories
from .database import Database
from .memory_events import Call, writing
from .memory_writes import Added

__all__ = ["restore"]


def restore(db: Database, of: Call, records: Sequence[Memory]) -> list[Added]:
    """Put records back, all or none, each id once; for each the one that is in its place now. Links to what is nowhere are cut.

    Where another record that stands says the same, that one takes the place, in links too. Raises UsageError for records each of which is said
    to have superseded the other.
    """
    with writing(db, of, "add") as writer:
        links = {link for m in records for link in (m.id, m.supersedes, m.superseded_by, m.refines) if link is not None}
        here = memories.get_all(db, links)
        whole = [_linked(m, {id: id for id in (*here, *(one.id for one in records))}) for m in records]
        places = _places(db, whole, here)
        kept = [_linked(m, places) for m in whole]
        _no_circle({m.id: m.superseded_by for m in (*kept, *here.values())})
        result = []
        for m in kept:
            new = places[m.id] == m.id and m.id not in here
            if new:
                writer.insert(m)
            result.append(Added(m if new else memories.required(db, places[m.id]), new))
        return result


def _places(db: Database, records: Sequence[Memory], here: Mapping[str, Memory]) -> dict[str, str]:
    """For each id that is named, the id of the record that will be in its place."""
    places = {id: id for id in here}
    standing: dict[bytes, str] = {}
    for m in records:
        if m.id in here:
            continue
        places[m.id] = m.id
        if m.superseded_by is None and m.forgotten is None:
            same = memories.live(db, m.hash)
            places[m.id] = standing.setdefault(m.hash, same.id if same else m.id)
    return places


def _linked(m: Memory, places: Mapping[str, str]) -> Memory:
    def now(id: str | None) -> str | None:
        return None if id is None else places.get(id)

    return replace(m, supersedes=now(m.supersedes), superseded_by=now(m.superseded_by), refines=now(m.refines))


def _no_circle(heirs: Mapping[str, str | None]) -> None:
    """Raises UsageError where succession leads back to where it began: who follows it would never come to an end."""
    ends: set[str] = set()
    for id in heirs:
        way: dict[str, None] = {}
        at: str | None = id
        while at is not None and at not in ends:
            if at in way:
                raise UsageError(f"The memory {at} is said to have superseded itself, by way of others. Nothing was restored.", id=at)
            way[at] = None
            at = heirs.get(at)
        ends |= way.keys()
