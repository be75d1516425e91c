"""What a question asks of memory: its terms, whom it may name, whether it asks for a time, and its vector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache

from .. import core
from ..errors import UsageError
from ..types import Floats
from ..values import value

__all__ = ["Question", "asked", "date_terms", "day_of", "names_in", "says_when"]

_SPOKEN = frozenset(
    (
        "a about after all am an and any are as at be been before being between but by can could d did didn do does doesn doing don "
        "done during each for from get had has have having he her hers him his how i if in into is isn it its ll m me mine must my no "
        "nor not of on one or our ours out over re s shall she should so some such t than that the their theirs them then there these "
        "they this those through to too under up us ve very was wasn we were what when where which while who whom whose why will with "
        "within won would you your yours"
    ).split()
)
"""Words of a spoken question that say nothing of what it is about. Those for code do not serve: people ask memory in whole sentences."""

_TIMES = (
    "yesterday today tonight tomorrow last next ago week weekend month year recently since soon morning night "
    "monday tuesday wednesday thursday friday saturday sunday "
    "january february march april may june july august september october november december"
)
_ASKS_WHEN = (
    ("when",),
    ("how", "long"),
    ("what", "day"),
    ("what", "date"),
    ("what", "year"),
    ("what", "month"),
    ("what", "time"),
    ("which", "year"),
    ("which", "month"),
)
"""How a question begins that is answered by a time."""

_MONTHS = "January February March April May June July August September October November December".split()


@value
class Question:
    """`terms`: term id → how often; `words`: its words in lower case, to be compared with names; `when`: whether it is answered by a time;
    `vector` of the whole text, float32 of unit length, or None where meaning is not to be asked."""

    terms: Mapping[int, int]
    words: frozenset[str]
    when: bool
    vector: Floats | None


def asked(text: str, *, vector: bool = True) -> Question:
    """What `text` asks. Words that say nothing are dropped, unless there is no other."""
    identifiers = core.identifiers(text)
    words = [word.lower() for word in identifiers]
    telling = [identifier for identifier, word in zip(identifiers, words, strict=True) if word not in _SPOKEN] or identifiers
    terms = Counter(core.term_id(token) for identifier in telling for token in core.split(identifier))
    when = any(tuple(words[: len(start)]) == start for start in _ASKS_WHEN)
    return Question(terms, frozenset(words), when, core.embed_query(text) if vector else None)


def names_in(name: str, words: frozenset[str]) -> bool:
    """Whether a speaker of this name is named: one of the words of the name that say something is among `words`."""
    return any(word.lower() in words for word in core.identifiers(name) if word.lower() not in _SPOKEN)


def says_when(terms: Iterable[int]) -> bool:
    """Whether a text with these terms tells of a time: a day, a month, a year, or how long ago."""
    return not _time_terms().isdisjoint(terms)


@cache
def _time_terms() -> frozenset[int]:
    return frozenset(core.term_id(core.split(word)[0]) for word in [*_TIMES.split(), *map(str, range(1900, 2100))])


def day_of(time: str, of: str) -> str:
    """The day of a time, as in "2023-05-08". Raises UsageError if `time`, which is that of the unit `of`, is not ISO 8601."""
    try:
        return datetime.fromisoformat(time).date().isoformat()
    except ValueError:
        raise UsageError(f"The time of {of!r} is {time[:80]!r}; give it as ISO 8601, as in 2026-05-08T13:56:00.", time=time) from None


def date_terms(day: str) -> tuple[int, ...]:
    """The terms of a day as people write it: of 2023-05-08 those of "8 May 2023"."""
    year, month, number = map(int, day.split("-"))
    return tuple(core.term_id(core.split(word)[0]) for word in (str(number), _MONTHS[month - 1], str(year)))
