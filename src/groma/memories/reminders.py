"""What a code search says beside its hits: the memories that are anchored to what it found."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..catalogue import memories as records
from ..catalogue.anchors import anchored_to
from ..memory.anchors import compared
from ..records import Anchor, Memory, is_live, is_valid
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
            for age, m in enumerate(self._anchored(root, tuple(paths))):
                ranked = [(((root, a.path, a.symbol) not in symbols, paths[a.path], age), a) for a in m.anchors if a.path in paths]
                if ranked and is_live(m, now) and is_valid(m, now):
                    found.append((*min(ranked, key=lambda one: one[0]), m))
        found.sort(key=lambda one: one[0])
        states: dict[tuple[str, Anchor], tuple[Anchor, str]] = {}
        for _, anchor, m in found[:MOST]:
            if (m.project, anchor) not in states:
                states[m.project, anchor] = compared(anchor, m.project, self._elsewhere(m.project))
        return tuple(_reminder(m, *states[m.project, anchor]) for _, anchor, m in found[:MOST])

    def _anchored(self, root: str, paths: tuple[str, ...]) -> Sequence[Memory]:
        """What is read once, as long as nobody writes."""
        db = self._data.db

        def ask() -> Sequence[Memory]:
            return tuple(records.get_all(db, anchored_to(db, root, paths, LOOKED_AT)).values())

        return db.remembered(("anchored to", root, paths), ask)


def _reminder(m: Memory, anchor: Anchor, state: str) -> Reminder:
    first = next((line for line in m.content.splitlines() if line.strip()), "").strip()
    line = first if len(first) <= LINE else f"{first[: LINE - 1]}…"
    return Reminder(m.id, m.level, line, anchor.path, anchor.symbol, state, m.source, m.trust)
