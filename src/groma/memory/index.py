"""The projection of memory that recall scans: units as columns, postings, neighbours, parents and vectors.

`add` appends, `remove` forgets, `search` finds; the result is the same as if what is there now had been put in at once. `save` and `load` keep it
between processes; it can be lost at any time, because the catalogue has all that it is made of. One thread at a time.

A unit's neighbours are those beside it in its parent, by position; a unit without a parent stands alone. Term counts are of speaker and text
together; vectors are of the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from .. import core
from ..errors import StoreDamaged, UsageError
from ..types import Floats, Floats64
from ..values import value
from . import file
from .postings import Postings
from .question import Question, date_terms, day_of, says_when
from .score import Best, Unit, best, standing

__all__ = ["Index", "Memo"]

_BLOCK = 512
"""Vectors are widened to floats this many at a time, so that they stay in the processor's own cache."""
_PRODUCT, _TEXTS = 1 << 18, 16
"""Matrices are multiplied in pieces of so many products and texts: for larger ones the usual BLAS starts threads, and on a busy machine they wait for
one another ten times as long as one takes alone."""
_ASKS, _TIME = 1, 2
"""Flags: a unit's text ends as a question does; it tells of a time."""


@value
class Memo:
    """A unit to be remembered: `time` is ISO 8601 or None; `role` is who speaks; `parent` the conversation or document, "" if it stands alone;
    `position` its place there (None: after what is there already)."""

    id: str
    text: str
    time: str | None = None
    role: str = ""
    parent: str = ""
    position: int | None = None


_UNITS = {
    "alive": "|b1", "parent": "<i4", "position": "<i8", "role": "<i4", "day": "<i4", "length": "<i4", "flags": "|u1",
    "near": "<i4", "length_near": "<i4", "length_around": "<i4", "standing": "<f4", "window_norm": "<f4",
    "codes": "|i1", "scales": "<f4", "squared": "<f4",
}  # fmt: skip
"""Columns, a row a unit. `near` (n, 5): the rows from -2 to +2, -1 where there is none. `codes * scales` are the vectors, `squared` their squared
lengths, `window_norm` the length of the sum of those in ±2."""
_PARENTS = {"parent_length": "<i8", "parent_units": "<i4", "parent_day": "<i4"}
_POSTINGS = {"terms": "<u4", "start": "<i8", "rows": "<i4", "counts": "<i4"}
_WIDE = {"near": 5}
_TABLES = ("ids", "roles", "parents", "days")
_TYPES = (
    {name: (kind, 1 + (name in ("near", "codes"))) for name, kind in _UNITS.items()}
    | {name: (kind, 1) for name, kind in (_PARENTS | _POSTINGS).items()}
    | dict.fromkeys(_TABLES, ("|u1", 1))
)


class Index:
    """Columns as in `_UNITS` and `_PARENTS`, of `size` rows, dead ones (see `alive`) included; a row's number holds until the next change."""

    def __init__(self) -> None:
        dim = len(core.embed_query(""))
        wide = {**_WIDE, "codes": dim}
        self._columns = {name: np.zeros((0, wide[name]) if name in wide else 0, kind) for name, kind in (_UNITS | _PARENTS).items()}
        self.size = 0
        self.ids: list[str] = []
        self.roles: list[str] = []
        self.parents: list[str] = []
        self.days: list[str] = []
        self.postings = Postings.none()
        self.stamp = 0
        self._row_of: dict[str, int] | None = None
        self._parent_of: dict[str, int] | None = None
        self._days: dict[int, list[int]] | None = None
        self._total: Floats64 | None = None
        self._toward: Floats64 | None = None

    @classmethod
    def of(cls, memos: Iterable[Memo]) -> Index:
        """An index of these units. Raises UsageError as `add` does."""
        made = cls()
        made.add(memos)
        return made

    def __len__(self) -> int:
        return int(np.count_nonzero(self.alive))

    def __getattr__(self, name: str) -> np.ndarray:
        """A column, by its name."""
        try:
            column = self.__dict__["_columns"][name]
        except KeyError:
            raise AttributeError(name) from None
        view: np.ndarray = column[: len(self.parents) if name in _PARENTS else self.size]
        return view

    # ------------------------------------------------------------------------------------------------------------------- changes

    def add(self, memos: Iterable[Memo]) -> None:
        """Append units. Raises UsageError, and adds none, if an id is there already or comes twice, or a time is not ISO 8601."""
        memos = list(memos)
        rows = self._rows()
        dated = ["" if memo.time is None else day_of(memo.time, memo.id) for memo in memos]
        fresh = {memo.id: self.size + i for i, memo in enumerate(memos)}
        if len(fresh) < len(memos) or not rows.keys().isdisjoint(fresh):
            twice = next(memo.id for i, memo in enumerate(memos) if memo.id in rows or fresh[memo.id] != self.size + i)
            raise UsageError(f"There is already a memory {twice!r}; give each an id of its own.", id=twice)
        if not memos:
            return
        terms = [core.count_terms(memo.text) for memo in memos]
        flags = [_ASKS * memo.text.rstrip().endswith("?") + _TIME * says_when(found[0]) for memo, found in zip(memos, terms, strict=True)]
        speakers = {role: core.count_terms(role) for role in {memo.role for memo in memos}}
        for memo, (counts, _) in zip(memos, terms, strict=True):
            counts.update(speakers[memo.role][0])
        codes, scales = core.quantize(core.embed_texts([memo.text for memo in memos]))
        first = self.size
        self._grow(first + len(memos))
        here = slice(first, self.size)
        self.flags[here] = flags
        self.length[here] = [found[1] + speakers[memo.role][1] for memo, found in zip(memos, terms, strict=True)]
        self.role[here] = _codes(self.roles, [memo.role for memo in memos])
        self.day[here] = _codes(self.days, dated)
        self.codes[here], self.scales[here] = codes, scales
        wide = codes.astype(np.float32)
        self.squared[here] = np.einsum("ij,ij->i", wide, wide) * scales * scales
        self.alive[here] = True
        self.ids += [memo.id for memo in memos]
        rows |= fresh
        many = [len(counts) for counts, _ in terms]
        total = sum(many)
        self.postings.add(
            np.repeat(np.arange(first, self.size, dtype=np.int32), many),
            np.fromiter((term for counts, _ in terms for term in counts), np.uint32, total),
            np.fromiter((n for counts, _ in terms for n in counts.values()), np.int32, total),
        )
        self._place(here, memos)
        self._link(_distinct(self.parent[here]))
        self._changed(here, 1)

    def remove(self, ids: Iterable[str]) -> None:
        """Forget units; ids that are not there are passed over."""
        known = self._rows()
        rows = np.array(sorted({known.pop(one) for one in ids if one in known}), np.int64)
        if not len(rows):
            return
        self._own()
        self.alive[rows] = False
        self.near[rows] = -1
        for name in ("length", "length_near", "length_around"):
            self._columns[name][rows] = 0
        touched = _distinct(self.parent[rows])
        self._changed(rows, -1)
        self._link(touched)
        if len(self) * 2 < self.size:
            self._compact()

    def mask(self, ids: Iterable[str]) -> np.ndarray:
        """The rows of these ids, as `search` takes them."""
        rows = self._rows()
        mask = np.zeros(self.size, np.bool_)
        mask[[rows[one] for one in ids if one in rows]] = True
        return mask

    # ------------------------------------------------------------------------------------------------------------------- searches

    def search(self, question: Question, k: int, *, unit: Unit = "turn", mask: np.ndarray | None = None) -> Best:
        """The `k` best units, or parents, of those that `mask` (bool, a row each) allows; see `score`. A unit alone is its own parent."""
        return best(self, question, k, unit=unit, mask=mask)

    def parents_of(self, rows: np.ndarray) -> list[str]:
        """The parents of units, a unit's own id where it stands alone."""
        return [self.parents[parent] or self.ids[row] for row, parent in zip(rows.tolist(), self.parent[rows].tolist(), strict=True)]

    @property
    def alone(self) -> np.ndarray:
        """Whether a unit has no neighbours."""
        return (self.near[:, 1] < 0) & (self.near[:, 3] < 0)

    @property
    def tells_time(self) -> np.ndarray:
        """Whether a unit's text tells of a time."""
        return (self.flags & _TIME) > 0

    def days_with(self, term: int) -> np.ndarray:
        """The codes of the days whose date has a term."""
        if self._days is None:
            self._days = {}
            for code, day in enumerate(self.days):
                for one in date_terms(day) if day else ():
                    self._days.setdefault(one, []).append(code)
        return np.array(self._days.get(term, ()), np.int64)

    def dot(self, vector: Floats) -> Floats:
        """The product of each unit's vector with one, float32 (n,)."""
        return self._dots(vector)[0]

    def dots(self, vectors: Floats) -> Floats:
        """The product of several vectors, a row each, with each unit's, float32 (vectors, n)."""
        found = np.empty((self.size, len(vectors)), np.float32)
        step = min(_TEXTS, max(1, len(vectors)))
        some = [(slice(n, n + step), np.ascontiguousarray(vectors[n : n + step].T)) for n in range(0, len(vectors), step)]
        high = max(1, min(_BLOCK, _PRODUCT // (step * max(1, vectors.shape[1]))))
        for begin in range(0, self.size, _BLOCK):
            wide = self.codes[begin : begin + _BLOCK].astype(np.float32)
            for row in range(0, len(wide), high):
                for which, columns in some:
                    found[begin + row : begin + row + high, which] = wide[row : row + high] @ columns
        found *= self.scales[:, None]
        return np.ascontiguousarray(found.T)

    def _dots(self, *vectors: Floats) -> list[Floats]:
        """Of several vectors at once, so that what they are multiplied with is widened once."""
        found = [np.empty(self.size, np.float32) for _ in vectors]
        codes = self.codes
        for begin in range(0, self.size, _BLOCK):
            wide = codes[begin : begin + _BLOCK].astype(np.float32)
            for vector, out in zip(vectors, found, strict=True):
                np.matmul(wide, vector, out=out[begin : begin + _BLOCK])
        for out in found:
            out *= self.scales
        return found

    def dot_and_toward_mean(self, vector: Floats) -> tuple[Floats, Floats64]:
        """`dot`, and the product of each vector with the mean of all."""
        if self._toward is not None:
            return self.dot(vector), self._toward
        found, toward = self._dots(vector, self.mean_vector())
        self._toward = toward.astype(np.float64)
        return found, self._toward

    def mean_vector(self) -> Floats:
        """The mean of all vectors."""
        mean: Floats = (self._sum() / max(1, len(self))).astype(np.float32)
        return mean

    # ---------------------------------------------------------------------------------------------------------------------- files

    def save(self, path: Path, stamp: int = 0) -> None:
        """Keep the index, without what is dead, in one file; `stamp` is the caller's mark of what it was made from. Raises OSError."""
        if len(self) < self.size:
            self._compact()
        self.postings.settle()
        tables = {name: np.frombuffer(json.dumps(getattr(self, name)).encode(), np.uint8) for name in _TABLES}
        columns = {name: getattr(self, name) for name in _UNITS | _PARENTS}
        postings = {name: getattr(self.postings, name) for name in _POSTINGS}
        file.write(path, {"made with": _made_with(), "stamp": stamp}, columns | postings | tables)
        self.stamp = stamp

    @classmethod
    def load(cls, path: Path) -> Index:
        """Map what `save` wrote; `stamp` is what it was given.

        Raises StoreDamaged if it is not that, or was made with other tokens or another model: then it is to be made anew.
        """
        meta, arrays = file.read(path, _TYPES)
        if meta.get("made with") != _made_with() or type(meta.get("stamp")) is not int:
            raise StoreDamaged(f"The memory index {path.name} was made with other tokens or another model; it is made anew.", path=str(path))
        made = cls()
        tables = {name: json.loads(bytes(arrays[name])) for name in _TABLES}
        if not _fit(arrays, tables, made.codes.shape[1]):
            raise StoreDamaged(f"The columns of the memory index {path.name} do not fit together; it is made anew.", path=str(path))
        made.stamp = meta["stamp"]
        vars(made).update(tables)
        made._columns = {name: arrays[name] for name in _UNITS | _PARENTS}
        made.size = len(made.ids)
        made.postings = Postings(*(arrays[name] for name in _POSTINGS))
        return made

    # --------------------------------------------------------------------------------------------------------------------- within

    def _rows(self) -> dict[str, int]:
        if self._row_of is None:
            self._row_of = {one: row for row, (one, lives) in enumerate(zip(self.ids, self.alive.tolist(), strict=True)) if lives}
        return self._row_of

    def _own(self) -> None:
        """Columns that are mapped from a file become our own before they are changed."""
        self._columns = {name: column if column.flags.writeable else column.copy() for name, column in self._columns.items()}

    def _grow(self, size: int) -> None:
        for name in _UNITS:
            self._columns[name] = _room(self._columns[name], size)
        self._own()
        self.size = size

    def _place(self, here: slice, memos: Sequence[Memo]) -> None:
        """Parents and positions of new units; who stands alone has a parent without a name."""
        if self._parent_of is None:
            self._parent_of = {name: code for code, name in enumerate(self.parents) if name}
        after = {}
        for row, memo in enumerate(memos, here.start):
            code = self._parent_of.get(memo.parent) if memo.parent else None
            if code is None:
                code = len(self.parents)
                self.parents.append(memo.parent)
                if memo.parent:
                    self._parent_of[memo.parent] = code
                    after[code] = 0
            position = memo.position
            if memo.parent:
                if code not in after:
                    mine = self.alive[: here.start] & (self.parent[: here.start] == code)
                    after[code] = int(self.position[: here.start][mine].max(initial=-1)) + 1
                position = after[code] if position is None else position
                after[code] = max(after[code], position + 1)
            self.parent[row], self.position[row] = code, position or 0
        for name in _PARENTS:
            self._columns[name] = _room(self._columns[name], len(self.parents))

    def _link(self, touched: np.ndarray) -> None:
        """Work out anew what depends on the neighbours, for the units of these parents (codes, ascending)."""
        changed = np.zeros(len(self.parents), np.bool_)
        changed[touched] = True
        rows = np.flatnonzero(changed[self.parent] & self.alive)
        rows = rows[np.lexsort((rows, self.position[rows], self.parent[rows]))]
        parent = self.parent[rows]
        near = np.full((len(rows), 5), -1, np.int32)
        near[:, 2] = rows
        for step in (1, 2):
            same = parent[step:] == parent[:-step]
            near[step:, 2 - step][same] = rows[:-step][same]
            near[:-step, 2 + step][same] = rows[step:][same]
        self.near[rows] = near
        lengths = np.append(self.length, 0)[near]  # -1 is the last
        self.length_near[rows], self.length_around[rows] = lengths[:, 1:4].sum(axis=1), lengths.sum(axis=1)
        asks = np.append(self.flags & _ASKS, 0)[near]
        self.standing[rows] = standing(self.length[rows], asks[:, 2], asks[:, 1], (near[:, 1] < 0) & (near[:, 3] < 0))
        for begin in range(0, len(rows), _BLOCK):
            self.window_norm[rows[begin : begin + _BLOCK]] = self._norms(near[begin : begin + _BLOCK])
        self.parent_units[touched] = np.bincount(parent, minlength=len(self.parents))[touched]
        self.parent_length[touched] = np.bincount(parent, self.length[rows], len(self.parents))[touched].astype(np.int64)
        self.parent_day[touched] = -1
        first = rows[np.r_[True, parent[1:] != parent[:-1]]] if len(rows) else rows
        days = self.day[first]
        dated = np.array([day != "" for day in self.days], np.bool_)[days] if len(first) else np.empty(0, np.bool_)
        self.parent_day[self.parent[first]] = np.where(dated, days, -1)
        self.parent_length[self.parent[first]] += 3 * dated

    def _norms(self, near: np.ndarray) -> np.ndarray:
        """The lengths of the sums of vectors, of rows (m, 5), -1 for none."""
        total = np.zeros((len(near), self.codes.shape[1]), np.float32)
        for rows in near.T:
            some = rows >= 0
            total[some] += self.codes[rows[some]] * self.scales[rows[some], None]
        norms: np.ndarray = np.sqrt(np.einsum("ij,ij->i", total, total))
        return norms

    def _sum(self) -> Floats64:
        if self._total is None:
            self._total = self._vector_sum(np.flatnonzero(self.alive))
        return self._total

    def _vector_sum(self, rows: np.ndarray | slice) -> Floats64:
        scales, codes = self.scales[rows].astype(np.float64), self.codes[rows]
        total = np.zeros(self.codes.shape[1])
        for begin in range(0, len(codes), _BLOCK):
            total += scales[begin : begin + _BLOCK] @ codes[begin : begin + _BLOCK].astype(np.float64)
        return total

    def _changed(self, rows: np.ndarray | slice, sign: int) -> None:
        if self._total is not None:
            self._total = self._total + sign * self._vector_sum(rows)
        self._days, self._toward = None, None

    def _compact(self) -> None:
        """Drop what is dead; rows and parents are numbered anew."""
        kept = self.alive.copy()
        self.postings.keep(kept)
        columns = {name: getattr(self, name)[kept] for name in _UNITS}
        self.ids = [one for one, keep in zip(self.ids, kept.tolist(), strict=True) if keep]
        used, columns["parent"] = np.unique(columns["parent"], return_inverse=True)
        columns["parent"] = columns["parent"].astype(np.int32)
        self.parents = [self.parents[code] for code in used.tolist()]
        self._columns = columns | {name: np.zeros(len(used), kind) for name, kind in _PARENTS.items()}
        self.size = len(self.ids)
        self._row_of = self._parent_of = None
        self._days, self._total, self._toward = None, None, None
        self._link(np.arange(len(used)))


def _made_with() -> list[object]:
    return [core.TOKENS_VERSION, core.static_id()]


def _codes(table: list[str], names: Sequence[str]) -> list[int]:
    """The place of each name in the table, which takes in those that are new."""
    known = {name: code for code, name in enumerate(table)}
    for name in names:
        if name not in known:
            known[name] = len(table)
            table.append(name)
    return [known[name] for name in names]


def _room(column: np.ndarray, size: int) -> np.ndarray:
    """The column with room for `size` rows: twice what it had, so that appending costs what is appended."""
    if len(column) >= size:
        return column
    larger = np.zeros((max(size, 2 * len(column)), *column.shape[1:]), column.dtype)
    larger[: len(column)] = column
    return larger


def _fit(arrays: dict[str, np.ndarray], tables: dict[str, list[str]], dim: int) -> bool:
    """Whether columns have their lengths, and whatever counts as a place is one."""
    n, parents = len(tables["ids"]), len(tables["parents"])
    places = {"parent": (0, parents), "role": (0, len(tables["roles"])), "day": (0, len(tables["days"])), "near": (-1, n), "rows": (0, n)}
    places |= {"parent_day": (-1, len(tables["days"])), "start": (0, len(arrays["rows"]) + 1)}
    return (
        all(len(arrays[name]) == n for name in _UNITS)
        and all(len(arrays[name]) == parents for name in _PARENTS)
        and (arrays["near"].shape[1], arrays["codes"].shape[1]) == (5, dim)
        and len(arrays["start"]) == len(arrays["terms"]) + 1
        and len(arrays["rows"]) == len(arrays["counts"]) == arrays["start"][-1]
        and all(not arrays[name].size or (low <= arrays[name].min() and arrays[name].max() < high) for name, (low, high) in places.items())
    )


def _distinct(codes: np.ndarray) -> np.ndarray:
    """The distinct values, in order, as `np.unique` has them; which imports NumPy's masked arrays first, a fifth of a short command."""
    ordered = np.sort(codes)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered
