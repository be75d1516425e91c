"""What an agent is told when a session begins: what the user prefers, whole, then the freshest of the project and, if asked, where
work stood, within a budget of tokens.

The same records give the same bytes on any day: no time of day, no scores, an order that new records do not upset, so that prompt caches hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ..records import PROJECT_CONTEXT, SESSION_STATE, USER_PREFERENCE, Briefing, Memory, is_live, is_valid
from .fence import HEADINGS, fence

__all__ = ["CHARACTERS", "TOKENS", "briefing"]

TOKENS = 1_500
"""Of a briefing, where nobody says how many."""

CHARACTERS = 4
"""Of a token, about, in English and code."""

_HEAD, _PINNED, _CONTEXT, _STOOD = f"{HEADINGS[0]}\n", f"\n{HEADINGS[1]}\n", f"\n{HEADINGS[2]}\n", f"\n{HEADINGS[3]}\n"


def briefing(memories: Iterable[Memory], now: float, tokens: int, states: int = 0) -> Briefing:
    """The briefing of records, as of `now` (seconds since the epoch), of `tokens` at most; "" if there is nothing to tell.

    Only what holds and is active is told, each memory whole or not at all: preferences by importance, then oldest first; `states` of where
    work stood, and context, newest first.
    """
    told = [m for m in memories if m.state == "active" and is_live(m, now) and is_valid(m, now)]
    pinned = sorted((m for m in told if m.level == USER_PREFERENCE), key=lambda m: (-m.importance, m.created, m.id))
    context = sorted((m for m in told if m.level == PROJECT_CONTEXT), key=lambda m: (_began(m), m.id), reverse=True)
    stood = sorted((m for m in told if m.level == SESSION_STATE), key=lambda m: (m.created, m.id), reverse=True)[:states]
    left = CHARACTERS * tokens - len(_HEAD)
    sections: dict[str, list[tuple[str, str]]] = {}
    for title, some in ((_PINNED, pinned), (_STOOD, stood), (_CONTEXT, context)):
        if taken := _fitting(title, some, left):
            sections[title] = taken
            left -= len(title) + sum(len(text) for _, text in taken)
    shown = [(title, sections[title]) for title in (_PINNED, _CONTEXT, _STOOD) if title in sections]  # what changes most stands last
    ids = [id for _, taken in shown for id, _ in taken]
    text = _HEAD + "".join(title + "".join(text for _, text in taken) for title, taken in shown) if shown else ""
    return Briefing(text, -(-len(text) // CHARACTERS), tuple(ids), len(pinned) + len(stood) + len(context) - len(ids))


def _fitting(title: str, some: Sequence[Memory], left: int) -> list[tuple[str, str]]:
    """(id, text) of those there is room for below the title, in `left` characters; one that is too long makes room for shorter ones."""
    left -= len(title)
    taken = []
    for m in some:
        text = f"{_told(m)}\n"
        if len(text) <= left:
            taken.append((m.id, text))
            left -= len(text)
    return taken


def _told(m: Memory) -> str:
    return fence(m.content, f"{_who(m)} {datetime.fromtimestamp(_began(m), UTC):%Y-%m-%d}", m.trust)


def _who(m: Memory) -> str:
    return f"{m.source} {m.agent}" if m.agent else m.source


def _began(m: Memory) -> float:
    return m.created if m.valid_from is None else m.valid_from
