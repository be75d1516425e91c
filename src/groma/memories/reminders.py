"""What a code search says beside its hits: the memories that are anchored to what it found."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..catalogue import memories as records
from ..catalogue.anchors import anchored_to
from ..memory.anchors import compared
from ..records import Anchor, Memory
from ..types import Caller, Hit, Reminder
from .ways import Ways

__all__ = ["Reminders"]

MOST = 10
"""Reminders of an answer."""
LOOKED_AT = 100
"""So many memories of a project are considered, newest first."""
LINE = 160
"""Characters of a reminder."""


class Reminders(Ways):
    """Memories by the code they speak of."""

    def anchored(self, caller: Caller, hits: Sequence[Hit]) -> tuple[Reminder, ...]:
        """One line of each memory that is anchored to the files of some hits: those of a hit's own symbol first, then as the hits are, then newest.

        Only what holds now: nothing superseded, expired, held back or proposed, and of each project what was found in it.
        """
        places: dict[str, dict[str, int]] = {}
        for i, hit in enumerate(hits):
            places.setdefault(hit.scope, {}).setdefault(hit.path, i)
        symbols = {(hit.scope, hit.path, hit.symbol) for hit in hits if hit.symbol}
        now = time.time()
        found: list[tuple[tuple[bool, int, int], Anchor, Memory]] = []
        for root, paths in places.items():
            ids = anchored_to(self._data.db, root, list(paths), now, LOOKED_AT)
            for age, m in enumerate(records.get_all(self._data.db, ids).values()):
                ranked = [(((root, a.path, a.symbol) not in symbols, paths[a.path], age), a) for a in m.anchors if a.path in paths]
                if ranked:  # else it was changed since the ids were read
                    found.append((*min(ranked, key=lambda one: one[0]), m))
        found.sort(key=lambda one: one[0])
        return tuple(self._reminder(m, anchor) for _, anchor, m in found[:MOST])

    def _reminder(self, m: Memory, anchor: Anchor) -> Reminder:
        now, state = compared(anchor, m.project, self._elsewhere(m.project))
        first = next((line for line in m.content.splitlines() if line.strip()), "").strip()
        line = first if len(first) <= LINE else f"{first[: LINE - 1]}…"
        return Reminder(m.id, m.level, line, now.path, now.symbol, state, m.source, m.trust)
