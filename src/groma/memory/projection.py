"""The projection of memory in one process: the records that stand and their index, as new as the catalogue whenever it is asked.

It is made of the catalogue alone. The file that it is kept in between processes can be lost or damaged at any time, and is written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ..catalogue.database import Database
from ..catalogue.memory_events import changes, last, mark
from ..errors import StoreDamaged, StoreUnreachable
from ..records import Memory
from ..values import value
from .facts import Facts, Records, Seen, Sight, stands
from .index import Index, Memo
from .nearest import Kin, parts
from .question import asked
from .score import WEIGHTS, Unit, useful

__all__ = ["Found", "Projection"]

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


class Projection:
    """For one thread at a time. `records` are all that were not forgotten, by id; each is read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where the file is kept. Nothing is read before the first `refresh`."""
        self.path = folder / "memories.index"
        self._facts_path = folder / "memories.facts"
        self._kept = 0
        self._forget()

    def drop(self) -> None:
        """Hold nothing; the next `refresh` begins anew."""
        self._forget()

    def _forget(self) -> None:
        self.seq = -1
        self._index, self._facts = Index(), Facts()
        self.records = Records(self._facts)
        self._of: list[str] = []
        self._places = np.empty(0, np.int64)

    def refresh(self, db: Database) -> None:
        """Take in what changed. Raises what the catalogue raises."""
        self.records.db = db
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
            self._forget()
            raise

    def keep(self, db: Database) -> None:
        """Write the file. Where it cannot be written, the next process makes its own.

        One process at a time (the caller sees to it), and of what is so then: else one that is slow would bring back what was purged.
        """
        self.refresh(db)
        self._save(db)

    def renew(self, db: Database) -> None:
        """Make index and file anew of the records alone, so that no name, word or vector of what is gone stays in them. Raises StoreUnreachable."""
        self.refresh(db)
        try:
            for path in (self.path, self._facts_path, *self.path.parent.glob(f"{self.path.stem}.*.tmp")):
                path.unlink(missing_ok=True)
        except OSError as e:
            raise StoreUnreachable(f"The memory index {self.path} cannot be removed ({e.strerror}); remove it.", path=str(self.path)) from e
        self._begin(db)  # both files are gone
        self._save(db)

    @property
    def due(self) -> bool:
        """Did enough change for the file to be written again?"""
        return self.seq - self._kept >= KEPT_EVERY

    def _save(self, db: Database) -> None:
        with suppress(OSError):
            self._index.save(self.path, self.seq)
            self._facts.save(self._facts_path, self.seq, mark(db, self.seq))
            self._kept = self.seq

    def seen(self, sight: Sight) -> Seen:
        """What may be seen, until the next `refresh`."""
        return self._facts.seen(sight)

    def search(self, text: str, seen: Seen, k: int, unit: Unit = "turn") -> tuple[list[Found], bool]:
        """The `k` best of the records that may be seen, or of each parent the best one; and whether any of them is likely to be of use."""
        best = self._index.search(asked(text), k, unit=unit, mask=self._mask(seen))
        most = sum(WEIGHTS.values())
        ids = [self._index.ids[row] for row in best.rows.tolist()]
        rows = zip(ids, best.scores.tolist(), best.cosine.tolist(), best.covered.tolist(), strict=True)
        found = [
            Found(id, min(1.0, score / most), f"{covered:.0%} of the question's words, meaning {cosine:.2f}")
            for id, score, cosine, covered in rows
            if covered >= WORDS or cosine >= MEANING
        ]
        return found, bool(found) and useful(best)

    def kin(self, texts: Sequence[str]) -> Kin:
        """What is like some texts that are not there yet; until the next `refresh`."""
        return Kin(self._index, texts, lambda project: self._mask(self._facts.peers(project)) & self._index.alone, self.records.read)

    def parts(self, many: int) -> Iterator[slice]:
        """How to cut so many texts so that each part is compared with what is here at once."""
        return parts(many, self._index.size)

    def _mask(self, seen: Seen) -> np.ndarray:
        """The rows of the index whose records may be seen."""
        ids = self._index.ids
        if ids is not self._of:  # it is another index, or its rows were numbered anew
            self._of, self._places = ids, np.empty(0, np.int64)
        if len(ids) > (known := len(self._places)):
            places = self._facts.places
            more = np.fromiter((places.get(id, 0) for id in ids[known:]), np.int64, len(ids) - known)  # dead rows are not looked at
            self._places = np.concatenate((self._places, more))
        return seen.marks[self._places] if len(seen.marks) else np.zeros(len(ids), np.bool_)

    def _begin(self, db: Database) -> None:
        """What is known of all records, and the index as it was kept, if it was."""
        self._forget()
        self.records.db = db
        seq = last(db)
        self._facts, known = self._kept_facts(db, seq)
        self.records = Records(self._facts)
        self.records.db = db
        try:
            index = Index.load(self.path)
        except (StoreDamaged, OSError):
            index = Index()
        if index.stamp > seq:
            index = Index()
        self._kept = index.stamp
        self.seq = self._catch_up(db, index, known, seq)
        self._index = index

    def _kept_facts(self, db: Database, seq: int) -> tuple[Facts, int]:
        """The facts as they were kept, if they are of this catalogue, else of all records; and the change up to which they tell."""
        with suppress(StoreDamaged, OSError, ValueError):
            facts, stamp, of = Facts.load(self._facts_path)
            if 0 < stamp <= seq and of and of == mark(db, stamp):
                return facts, stamp
        return Facts(db), seq

    def _catch_up(self, db: Database, index: Index, known: int, seq: int) -> int:
        """Bring facts, which tell up to the change `known`, and index up to one that is not before `seq`: that one."""
        here = {id for id, alive in zip(index.ids, index.alive.tolist(), strict=True) if alive}
        at = min(known, index.stamp) if here else known
        while (found := changes(db, at)).seq != at:
            index.remove([*(m.id for m in found.records), *found.gone])
            here -= {*(m.id for m in found.records), *found.gone}
            for m in found.records if found.seq > known else ():
                if m.forgotten is None:
                    self._facts.put(m)
                else:
                    self._facts.drop(m.id)
            for id in found.gone:
                self._facts.drop(id)
            at = found.seq
        wanted = self._facts.standing()
        index.remove(here - wanted)
        if wanted - here:
            index.add(_memo(m) for m in self.records.read(id for id in self._facts.places if id in wanted and id not in here).values() if stands(m))
        return max(at, seq)

    def _put(self, records: Sequence[Memory], gone: Sequence[str]) -> None:
        again = []
        for m in records:
            if m.forgotten is None:
                self.records.put(m)
                if self._facts.put(m):
                    again.append(m)
            else:
                again.append(m)
                self._drop(m.id)
        for id in gone:
            self._drop(id)
        self._index.remove([*(m.id for m in again), *gone])
        self._index.add(_memo(m) for m in again if stands(m))

    def _drop(self, id: str) -> None:
        self.records.drop(id)
        self._facts.drop(id)


def _memo(m: Memory) -> Memo:
    at = datetime.fromtimestamp(m.created if m.valid_from is None else m.valid_from, UTC).isoformat(timespec="seconds")
    return Memo(m.id, m.content, at, m.role, m.parent, m.position if m.parent else None)
