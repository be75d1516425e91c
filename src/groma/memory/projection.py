"""The projection of memory in one process: the records that stand and their index, as new as the catalogue whenever it is asked.

It is made of the catalogue alone. The file that it is kept in between processes can be lost or damaged at any time, and is written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ..catalogue import memories
from ..catalogue.database import Database
from ..catalogue.memory_events import changes, last
from ..errors import StoreDamaged, StoreUnreachable
from ..records import Memory
from ..values import value
from .index import Index, Memo
from .question import asked
from .score import WEIGHTS, useful

__all__ = ["Found", "Near", "Projection"]

KEPT_EVERY = 500
"""After so many changes the file is written again."""


WORDS, MEANING = 0.1, 0.3
"""A record that has less of both (the share of the question's terms by rarity, the cosine) was not found by the question."""


@value
class Found:
    """A record that a question found: `score` in 0..1 of what is possible."""

    id: str
    score: float
    why: str


@value
class Near:
    """A record that is like a text: `cosine` of their vectors, `covered` the share of the text's terms, by rarity, that it has."""

    memory: Memory
    cosine: float
    covered: float


class Projection:
    """For one thread at a time. `records` are all that were not forgotten, by id."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where the file is kept. Nothing is read before the first `refresh`."""
        self.path = folder / "memories.index"
        self.records: dict[str, Memory] = {}
        self.seq = -1
        self._index = Index()
        self._kept = 0

    def refresh(self, db: Database) -> None:
        """Take in what changed. Raises what the catalogue raises."""
        if self.seq < 0:
            self._begin(db)
        while True:
            found = changes(db, self.seq)
            if found.seq == self.seq:
                return
            self._put(found.records, found.gone)
            self.seq = found.seq

    @contextmanager
    def during(self, db: Database) -> Iterator[None]:
        """Up to date at the begin; if what is done within fails, all is forgotten, for it may hold what was never kept."""
        self.refresh(db)
        try:
            yield
        except BaseException:
            self.seq, self.records, self._index = -1, {}, Index()
            raise

    def keep(self, db: Database) -> None:
        """Write the file. Where it cannot be written, the next process makes its own.

        One process at a time (the caller sees to it), and of what is so then: else one that is slow would bring back what was purged.
        """
        self.refresh(db)
        self._save()

    def renew(self, db: Database) -> None:
        """Make index and file anew of the records alone, so that no name, word or vector of what is gone stays in them. Raises StoreUnreachable."""
        self.refresh(db)
        try:
            for path in (self.path, *self.path.parent.glob(f"{self.path.stem}.*.tmp")):
                path.unlink(missing_ok=True)
        except OSError as e:
            raise StoreUnreachable(f"The memory index {self.path} cannot be removed ({e.strerror}); remove it.", path=str(self.path)) from e
        self._index = Index.of(_memo(m) for m in self.records.values() if _stands(m))
        self._save()

    @property
    def due(self) -> bool:
        """Did enough change for the file to be written again?"""
        return self.seq - self._kept >= KEPT_EVERY

    def _save(self) -> None:
        with suppress(OSError):
            self._index.save(self.path, self.seq)
            self._kept = self.seq

    def search(self, text: str, visible: Callable[[Memory], bool], k: int) -> tuple[list[Found], bool]:
        """The `k` best of the records that may be seen, and whether any of them is likely to be of use."""
        mask = self._index.mask(id for id, m in self.records.items() if _stands(m) and visible(m))
        best = self._index.search(asked(text), k, mask=mask)
        most = sum(WEIGHTS.values())
        rows = zip(best.ids, best.scores.tolist(), best.cosine.tolist(), best.covered.tolist(), strict=True)
        found = [
            Found(id, min(1.0, score / most), f"{covered:.0%} of the question's words, meaning {cosine:.2f}")
            for id, score, cosine, covered in rows
            if covered >= WORDS or cosine >= MEANING
        ]
        return found, bool(found) and useful(best)

    def nearest(self, like: Memory, k: int) -> list[Near]:
        """The `k` records most like one that is not there yet, of the same project, that nothing has superseded."""
        ids = (id for id, m in self.records.items() if _stands(m) and m.superseded_by is None and m.project == like.project)
        best = self._index.search(asked(like.content), k, mask=self._index.mask(ids))
        rows = zip(best.ids, best.cosine.tolist(), best.covered.tolist(), strict=True)
        return [Near(self.records[id], cosine, covered) for id, cosine, covered in rows]

    def _begin(self, db: Database) -> None:
        """All records, and the index as it was kept, if it was."""
        seq = last(db)
        self.records = {m.id: m for m in memories.every(db) if m.forgotten is None}
        try:
            index = Index.load(self.path)
        except (StoreDamaged, OSError):
            index = Index()
        if index.stamp > seq or not self._caught_up(db, index):
            index = Index.of(_memo(m) for m in self.records.values() if _stands(m))
            self._kept = 0
        else:
            self._kept = index.stamp
        self._index, self.seq = index, seq

    def _caught_up(self, db: Database, index: Index) -> bool:
        """Whether the index could be brought to hold just the records that stand."""
        wanted = {id for id, m in self.records.items() if _stands(m)}
        here = {id for id, alive in zip(index.ids, index.alive.tolist(), strict=True) if alive}
        seq = index.stamp
        while (found := changes(db, seq)).seq != seq:
            changed = [m.id for m in found.records]
            index.remove([*changed, *found.gone])
            here -= {*changed, *found.gone}
            seq = found.seq
        index.remove(here - wanted)
        index.add(_memo(self.records[id]) for id in self.records if id in wanted and id not in here)
        return True

    def _put(self, records: Sequence[Memory], gone: Sequence[str]) -> None:
        known = [self.records.get(m.id) for m in records]
        again = [m for m, before in zip(records, known, strict=True) if before is None or _memo(before) != _memo(m) or _stands(before) != _stands(m)]
        self._index.remove([*(m.id for m in again), *gone])
        for id in gone:
            self.records.pop(id, None)
        for m in records:
            if m.forgotten is None:
                self.records[m.id] = m
            else:
                self.records.pop(m.id, None)
        self._index.add(_memo(m) for m in again if _stands(m))


def _stands(m: Memory) -> bool:
    return m.forgotten is None and m.state == "active"


def _memo(m: Memory) -> Memo:
    at = datetime.fromtimestamp(m.created if m.valid_from is None else m.valid_from, UTC).isoformat(timespec="seconds")
    return Memo(m.id, m.content, at, m.role, m.parent, m.position if m.parent else None)
