"""What is remembered, read from the catalogue: one record, a selection of them, counts. `memory_writes` changes it, `memory_events` is its history.

Records come out whole, with their anchors. Nothing here is bound to a time of its own: whoever asks says what time it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..errors import UsageError
from ..records import Anchor, Memory, Selection
from ..values import value
from .database import Database, damaged

__all__ = [
    "COLUMNS",
    "EVERY",
    "Fact",
    "Statistics",
    "count",
    "every",
    "facts",
    "find",
    "forgotten_until",
    "get",
    "get_all",
    "live",
    "made",
    "problems",
    "projects",
    "required",
    "row",
    "select",
    "statistics",
    "tags_text",
]

COLUMNS = tuple(f.name for f in fields(Memory) if f.name != "anchors")
"""The columns of a record under the names of its fields; its hash comes beside them."""

EVERY = Selection(superseded=None, forgotten=None, expired=None)
"""Every record, also what is superseded, forgotten, expired or held back."""

AT_ONCE = 500
"""So many ids are asked for in one statement."""
LEAST = 8
"""So many characters name a record at least."""

Fact = tuple[str, bytes, str, str, str, str, str, float, float, float | None, float | None, str | None]
_FACTS = "id, hash, level, kind, project, state, tags, created, updated, valid_from, expires, superseded_by"

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM memories"
_NUMBERS, _MAYBE = ("importance", "trust", "created", "updated"), ("used", "valid_from", "valid_to", "expires", "forgotten")
_LINKS, _COUNTS = ("supersedes", "superseded_by", "refines"), ("masked", "uses", "position")
_TYPES: tuple[Any, ...] = tuple(
    float if n in _NUMBERS else (float, type(None)) if n in _MAYBE else (str, type(None)) if n in _LINKS else int if n in _COUNTS else str
    for n in COLUMNS
)
_TAGS = COLUMNS.index("tags")
_ANY_OF = {
    "levels": "level", "kinds": "kind", "categories": "category", "projects": "project", "scopes": "scope", "sources": "source",
    "agents": "agent", "sessions": "session", "states": "state",
}  # fmt: skip
_DAY = 86_400.0
_AGES = (("under a day", 1), ("under a week", 7), ("under 30 days", 30), ("under 90 days", 90))
_COUNTED = ("level", "kind", "project", "agent", "source", "state")
_PARTIAL = re.compile(r"[0-9a-f-]+")


@value
class Statistics:
    """How many records a selection has, and of these how many by each value of level, kind, project, agent, source, state and age."""

    total: int
    by: Mapping[str, Mapping[str, int]]


def get(db: Database, id: str) -> Memory | None:
    """The record of exactly this id, whatever became of it."""
    return get_all(db, [id]).get(id)


def get_all(db: Database, ids: Iterable[str]) -> dict[str, Memory]:
    """The records of these ids that there are, by id, in the order of `ids`."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, Memory] = {}
    for some in _parts(wanted):
        rows = db.query(f"{_SELECT} WHERE id IN ({_marks(some)})", some)
        found |= {m.id: m for m in _memories(db, rows)}
    return {id: found[id] for id in wanted if id in found}


def every(db: Database) -> Iterator[Memory]:
    """Every record, by id, which is about the order in which they were made."""
    after = ""
    while rows := db.query(f"{_SELECT} WHERE id > ? ORDER BY id LIMIT {AT_ONCE}", (after,)):
        yield from _memories(db, rows)
        after = rows[-1][0]


def standing(db: Database, projects: Sequence[str]) -> Iterator[Memory]:
    """Every record of these projects that was not forgotten, by id; "" means those of none."""
    return _memories(db, db.query(f"{_SELECT} WHERE forgotten IS NULL AND project IN ({_marks(projects)}) ORDER BY id", tuple(projects)))


def facts(db: Database) -> list[Fact]:
    """The columns of `Fact` of every record that was not forgotten, by id; not checked."""
    return db.query(f"SELECT {_FACTS} FROM memories WHERE forgotten IS NULL ORDER BY id")  # type: ignore[return-value]


def required(db: Database, id: str) -> Memory:
    """The record of exactly this id. Raises UsageError if there is none."""
    if (found := get(db, id)) is None:
        raise UsageError(f"No memory has the id {id}.", id=id)
    return found


def find(db: Database, named: str) -> Memory:
    """The record whose id is, begins or ends with `named`, of 8 characters at least. (Ids that were made in the same minute begin alike.)

    Raises UsageError if there is none or more than one.
    """
    named = named.strip().lower()
    if (found := get(db, named)) is not None:
        return found
    if len(named) < LEAST or not _PARTIAL.fullmatch(named):
        raise UsageError(f"A memory is named by its id, or by {LEAST} or more characters of its beginning or end.", id=named)
    rows = db.query("SELECT id FROM memories WHERE id LIKE ? OR id LIKE ? ORDER BY id LIMIT 3", (f"{named}%", f"%{named}"))
    if len(rows) > 1:
        raise UsageError(f"More than one memory has an id like {named} ({', '.join(id for (id,) in rows[:2])} …); give more of it.", id=named)
    return required(db, rows[0][0] if rows else named)


def live(db: Database, hash: bytes) -> Memory | None:
    """The one record with this `content_hash` that is neither superseded nor forgotten; it may have expired."""
    rows = db.query(f"{_SELECT} WHERE hash = ? AND superseded_by IS NULL AND forgotten IS NULL", (hash,))
    return next(_memories(db, rows), None)


def forgotten_until(db: Database, at: float) -> list[str]:
    """The ids of what was forgotten at this time or before it."""
    return [id for (id,) in db.query("SELECT id FROM memories WHERE forgotten <= ? ORDER BY id", (at,))]


def select(
    db: Database, wanted: Selection, now: float, *, limit: int = 100, after: tuple[float, str] | None = None, oldest: bool = False
) -> list[Memory]:
    """Up to `limit` records, newest first (or oldest); `after` is (created, id) of the last one of the page before."""
    clause, given = _where(wanted, now)
    order = "" if oldest else " DESC"
    if after is not None:
        clause += f" AND (created, id) {'>' if oldest else '<'} (?, ?)"
        given += after
    rows = db.query(f"{_SELECT} WHERE {clause} ORDER BY created{order}, id{order} LIMIT ?", (*given, limit))
    return list(_memories(db, rows))


def count(db: Database, wanted: Selection, now: float) -> int:
    """How many records are meant."""
    clause, given = _where(wanted, now)
    return int(db.query(f"SELECT count(*) FROM memories WHERE {clause}", given)[0][0])


def projects(db: Database) -> list[str]:
    """The projects that have records, whatever became of these; "" among them if some belong to none."""
    return [name for (name,) in db.query("SELECT DISTINCT project FROM memories ORDER BY project")]


def statistics(db: Database, wanted: Selection, now: float) -> Statistics:
    """Counts of a selection; ages are those of what is counted, from the time it was made."""
    clause, given = _where(wanted, now)
    by: dict[str, dict[str, int]] = {}
    for column in _COUNTED:
        rows = db.query(f"SELECT {column}, count(*) FROM memories WHERE {clause} GROUP BY {column} ORDER BY {column}", given)
        by[column] = dict(rows)
    whens = " ".join("WHEN created > ? THEN ?" for _ in _AGES)
    ages = [x for place, (_, days) in enumerate(_AGES) for x in (now - days * _DAY, place)]
    rows = db.query(
        f"SELECT CASE {whens} ELSE ? END AS age, count(*) FROM memories WHERE {clause} GROUP BY 1 ORDER BY 1", (*ages, len(_AGES), *given)
    )
    names = [*(name for name, _ in _AGES), "older"]
    by["age"] = {names[place]: number for place, number in rows}
    return Statistics(sum(by["state"].values()), by)


def problems(db: Database) -> list[str]:
    """What is wrong with the records themselves: a text that is not the one that was kept, a successor that is not there."""
    found = []
    after = ""
    while rows := db.query(f"SELECT hash, {', '.join(COLUMNS)} FROM memories WHERE id > ? ORDER BY id LIMIT {AT_ONCE}", (after,)):
        for (hash, *_), m in zip(rows, _memories(db, [r[1:] for r in rows]), strict=True):
            if bytes(hash) != m.hash:
                found.append(f"memory {m.id} is not the text that was kept")
        after = rows[-1][1]
    lost = db.query(
        "SELECT id FROM memories m WHERE superseded_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM memories n WHERE n.id = m.superseded_by)"
    )
    return found + [f"memory {id} is superseded by one that is not there" for (id,) in lost]


# ------------------------------------------------------------------------------------------------------------------------- rows


def row(m: Memory) -> tuple[object, ...]:
    """The values of `COLUMNS`."""
    values = [getattr(m, name) for name in COLUMNS]
    values[_TAGS] = tags_text(m.tags)
    return tuple(values)


def tags_text(tags: Sequence[str]) -> str:
    """Tags as their column has them: each between line breaks."""
    return "".join(f"\n{tag}" for tag in tags) + "\n"


def made(values: Sequence[Any], anchors: tuple[Anchor, ...]) -> Memory | None:
    """The record of the values of `COLUMNS`; None if one of them is of another type than it should be."""
    if not all(map(isinstance, values, _TYPES)):
        return None
    named = dict(zip(COLUMNS, values, strict=True))
    named["tags"] = tuple(values[_TAGS].split("\n")[1:-1])
    return Memory(**named, anchors=anchors)


def _memories(db: Database, rows: Sequence[Sequence[Any]]) -> Iterator[Memory]:
    anchors = _anchors(db, [r[0] for r in rows])
    for r in rows:
        if (m := made(r, tuple(anchors.get(r[0], ())))) is None:
            # SQLite keeps the type with each value: a flipped bit makes a number of a text, and nobody has noticed so far.
            raise damaged(db.where, "a memory holds something else where a text or a number belongs")
        yield m


def _anchors(db: Database, ids: Sequence[str]) -> dict[str, list[Anchor]]:
    found: dict[str, list[Anchor]] = {}
    for some in _parts(ids):
        sql = f"SELECT memory_id, path, symbol, blob_id, commit_id FROM memory_anchors WHERE memory_id IN ({_marks(some)}) ORDER BY memory_id, place"
        for id, *values in db.query(sql, some):
            found.setdefault(id, []).append(Anchor(*values))
    return found


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[i : i + AT_ONCE] for i in range(0, len(ids), AT_ONCE))


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _where(wanted: Selection, now: float) -> tuple[str, list[object]]:
    """The condition of a selection, and its parameters."""
    parts: list[str] = ["1 = 1"]
    given: list[object] = []

    def also(part: str, *values: object) -> None:
        parts.append(part)
        given.extend(values)

    for name, column in _ANY_OF.items():
        if values := getattr(wanted, name):
            also(f"{column} IN ({_marks(values)})", *values)
    for tag in wanted.tags:
        also("replace(tags, ?, '') <> tags", f"\n{tag}\n")
    if wanted.since is not None:
        also("created >= ?", wanted.since)
    if wanted.until is not None:
        also("created < ?", wanted.until)
    if wanted.as_of is not None:
        also("(valid_from IS NULL OR valid_from <= ?) AND (valid_to IS NULL OR valid_to > ?)", wanted.as_of, wanted.as_of)
    if wanted.superseded is not None:
        also(f"superseded_by IS {'NOT ' * wanted.superseded}NULL")
    if wanted.forgotten is not None:
        also(f"forgotten IS {'NOT ' * wanted.forgotten}NULL")
    if wanted.expired is not None:
        also("expires <= ?" if wanted.expired else "(expires IS NULL OR expires > ?)", now)
    return " AND ".join(parts), given
