"""What recall must know of every record before it reads one: columns over all records that were not forgotten, and the records behind them.

A column is read in one statement and compared in one operation, so that neither a new process nor a question waits for ten thousand objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from ..catalogue import memories
from ..catalogue.database import Database, damaged
from ..errors import StoreDamaged
from ..records import KINDS, LEVELS, Memory
from ..values import value
from . import file

__all__ = ["Facts", "Records", "Seen", "Sight", "stands"]

_LEVEL, _KIND = ({name: code for code, name in enumerate(names)} for names in (LEVELS, KINDS))
_NEVER = float("inf")
_TYPES = {
    "active": "|b1", "superseded": "|b1", "level": "|i1", "kind": "|i1", "project": "<i4", "began": "<f8", "expires": "<f8", "updated": "<f8",
    "hash": "|u1",
}  # fmt: skip
_HASH = 16
_MADE_WITH = [list(LEVELS), list(KINDS)]
_TABLES = ("ids", "tags", "projects")
_KEPT = {name: (kind, 1 + (name == "hash")) for name, kind in _TYPES.items()} | dict.fromkeys(_TABLES, ("|u1", 1))


def stands(m: Memory) -> bool:
    """May it be recalled at all?"""
    return m.forgotten is None and m.state == "active"


@value
class Sight:
    """What a question may see. `project` "" means: only what belongs to none; None: whatever project. Sets that are not empty must hold, of `tags`
    all. What has expired at `now` is not seen, nor what began after `as_of`."""

    now: float
    project: str | None = None
    levels: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    as_of: float | None = None


@value
class Seen:
    """The records that may be seen, until the next change: a mark (bool) at the place of each."""

    places: Mapping[str, int]
    marks: np.ndarray

    def __contains__(self, id: str) -> bool:
        place = self.places.get(id)
        return place is not None and bool(self.marks[place])


class Facts:
    """Columns, a place a record; places hold until the record is gone, and are not used again."""

    def __init__(self, db: Database | None = None) -> None:
        """Of all records of a catalogue, or of none. Raises CatalogueDamaged where a column holds what it should not."""
        self.places: dict[str, int] = {}
        self._tags: list[str] = []
        self._projects: dict[str, int] = {}
        self._columns: dict[str, np.ndarray] = {name: np.zeros((0, _HASH) if name == "hash" else 0, kind) for name, kind in _TYPES.items()}
        if db is not None:
            try:
                self._fill(memories.facts(db))
            except (TypeError, ValueError, KeyError) as e:
                raise damaged(db.where, "a memory holds something else where a text or a number belongs") from e

    def _fill(self, rows: list[memories.Fact]) -> None:
        if not rows:
            return
        ids, hashes, levels, kinds, projects, states, tags, created, updated, starts, ends, heirs = zip(*rows, strict=True)
        began = [made if start is None else start for made, start in zip(created, starts, strict=True)]
        self.places = {id: place for place, id in enumerate(ids)}
        self._tags = [str(some) for some in tags]
        self._columns = {
            "active": np.array([state == "active" for state in states], np.bool_),
            "level": np.array([_LEVEL[level] for level in levels], np.int8),
            "kind": np.array([_KIND[kind] for kind in kinds], np.int8),
            "project": np.array([self._code(project) for project in projects], np.int32),
            "superseded": np.array([heir is not None for heir in heirs], np.bool_),
            "began": np.array(began, np.float64),
            "expires": np.array([_NEVER if end is None else end for end in ends], np.float64),
            "updated": np.array(updated, np.float64),
            "hash": np.frombuffer(b"".join(map(bytes, hashes)), np.uint8).reshape(-1, _HASH).copy(),
        }

    def __len__(self) -> int:
        return len(self._tags)

    def standing(self) -> set[str]:
        """The ids of all that may be recalled at all."""
        active = self._columns["active"]
        return {id for id, place in self.places.items() if active[place]}

    def put(self, m: Memory) -> bool:
        """Take in a record as it is now; whether what the index has of it (its text, its time, that it stands) may have changed."""
        if (place := self.places.get(m.id)) is None:
            place = self.places[m.id] = len(self)
            self._tags.append("")
            self._grow()
        began = m.created if m.valid_from is None else m.valid_from
        column, hash = self._columns, np.frombuffer(m.hash, np.uint8)
        as_it_was = bool((column["hash"][place] == hash).all()) and (column["updated"][place], column["began"][place]) == (m.updated, began)
        changed = not as_it_was or bool(column["active"][place]) != stands(m)
        self._tags[place] = memories.tags_text(m.tags)
        column["hash"][place], column["updated"][place] = hash, m.updated
        column["active"][place], column["superseded"][place] = stands(m), m.superseded_by is not None
        column["level"][place], column["kind"][place], column["project"][place] = _LEVEL[m.level], _KIND[m.kind], self._code(m.project)
        column["began"][place], column["expires"][place] = began, _NEVER if m.expires is None else m.expires
        return changed

    def drop(self, id: str) -> None:
        """Forget a record; one that is not there is passed over."""
        if (place := self.places.pop(id, None)) is not None:
            self._columns["active"][place], self._columns["hash"][place], self._tags[place] = False, 0, ""

    def save(self, path: Path, stamp: int, mark: str) -> None:
        """Keep the columns of what is there; `stamp` and `mark` are the caller's, of the change up to which they tell. Raises OSError."""
        there = np.fromiter(self.places.values(), np.int64, len(self.places))
        tables = {"ids": list(self.places), "tags": [self._tags[place] for place in there.tolist()], "projects": list(self._projects)}
        columns = {name: self._columns[name][there] for name in _TYPES}
        packed = {name: np.frombuffer(json.dumps(table).encode(), np.uint8) for name, table in tables.items()}
        file.write(path, {"made with": _MADE_WITH, "stamp": stamp, "mark": mark}, columns | packed)

    @classmethod
    def load(cls, path: Path) -> tuple[Facts, int, str]:
        """What `save` wrote, with the stamp and mark that it was given. Raises StoreDamaged if it is not that."""
        meta, arrays = file.read(path, _KEPT)
        made, stamp, mark = cls(), meta.get("stamp"), meta.get("mark")
        tables = {name: json.loads(bytes(arrays[name])) for name in _TABLES}
        made.places = {id: place for place, id in enumerate(tables["ids"])}
        made._tags, made._projects = tables["tags"], {name: code for code, name in enumerate(tables["projects"])}
        made._columns = {name: arrays[name].copy() for name in _TYPES}
        fit = all(len(column) == len(made.places) == len(made._tags) for column in made._columns.values()) and arrays["hash"].shape[1] == _HASH
        if meta.get("made with") != _MADE_WITH or type(stamp) is not int or not isinstance(mark, str) or not fit:
            raise StoreDamaged(f"The columns {path.name} are of another groma; they are made anew.", path=str(path))
        return made, stamp, mark

    def seen(self, sight: Sight) -> Seen:
        """What may be seen."""
        column = {name: values[: len(self)] for name, values in self._columns.items()}
        marks = column["active"] & (column["expires"] > sight.now)
        if sight.project is not None:
            marks &= np.isin(column["project"], [self._projects.get(name, -1) for name in ("", sight.project)])
        for name, codes, wanted in (("level", _LEVEL, sight.levels), ("kind", _KIND, sight.kinds)):
            if wanted:
                marks &= np.isin(column[name], [codes[one] for one in wanted if one in codes])
        if sight.as_of is not None:
            marks &= column["began"] <= sight.as_of
        for tag in sight.tags:
            marks &= np.fromiter((f"\n{tag}\n" in tags for tags in self._tags), np.bool_, len(self))
        return Seen(self.places, marks)

    def peers(self, project: str) -> Seen:
        """What stands, of just this project, and was not superseded."""
        column = {name: values[: len(self)] for name, values in self._columns.items()}
        return Seen(self.places, column["active"] & ~column["superseded"] & (column["project"] == self._projects.get(project, -1)))

    def _code(self, project: str) -> int:
        return self._projects.setdefault(project, len(self._projects))

    def _grow(self) -> None:
        if len(self) > len(self._columns["active"]):
            self._columns = {
                name: np.concatenate((values, np.zeros((len(self), *values.shape[1:]), values.dtype))) for name, values in self._columns.items()
            }


class Records(Mapping[str, Memory]):
    """The records of `Facts`, by id: read when they are asked for, and kept until they change."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._read: dict[str, Memory] = {}
        self.db: Database | None = None

    def __getitem__(self, id: str) -> Memory:
        found = self._read.get(id)
        return self.read([id])[id] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts.places)

    def __len__(self) -> int:
        return len(self._facts.places)

    def values(self) -> Iterable[Memory]:  # type: ignore[override]
        """All of them, in a few statements."""
        return list(self.read(self._facts.places).values())

    def read(self, ids: Iterable[str]) -> dict[str, Memory]:
        """Those of these ids that are there, in this order."""
        ids = list(ids)
        missing = [id for id in ids if id not in self._read and id in self._facts.places]
        if missing and self.db is not None:
            self._read |= {id: m for id, m in memories.get_all(self.db, missing).items() if m.forgotten is None}
        return {id: self._read[id] for id in ids if id in self._read}

    def put(self, m: Memory) -> None:
        """A record as it is now."""
        self._read[m.id] = m

    def drop(self, id: str) -> None:
        """A record that is gone."""
        self._read.pop(id, None)
