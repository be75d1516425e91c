"""Times that a question names: "last week", "3 days ago", "since March", "in 2023", "on 2024-03-05"; English, in words or ISO 8601.

The result is a span of time, from a moment until before another. Months and days are those of the zone that `now` is in.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ..values import value

__all__ = ["Span", "named_span"]


@value
class Span:
    """Seconds since the epoch, `since` included and `until` not; None is no bound. `words` is what named it."""

    since: float | None
    until: float | None
    words: str


_MONTHS = "january february march april may june july august september october november december".split()
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_NUMBERS = {word: n for n, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())} | {"a": 1, "an": 1}
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
_EDGE = r"(?:(?P<edge>since|after|until|till|before|by)\s+)?"
_EXPRESSIONS = [
    re.compile(rf"\b{_EDGE}{pattern}\b", re.I)
    for pattern in (
        r"(?P<iso>\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?)",
        rf"(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+(?P<year>\d{{4}}))?",
        rf"{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s+(?P<year>\d{{4}}))?",
        rf"{_MONTH},?\s+(?P<year>\d{{4}})",
        rf"(?:in|during|since|after|before|until|last|this)\s+{_MONTH}",
        rf"(?P<count>\d{{1,4}}|{'|'.join(_NUMBERS)})\s+(?P<unit>minute|hour|day|week|month|year)s?\s+ago",
        rf"(?:in|within|during|over)?\s*the\s+(?:last|past)\s+(?P<count>\d{{1,4}}|{'|'.join(_NUMBERS)})\s+(?P<unit>minute|hour|day|week|month|year)s?",
        r"(?P<which>last|this|past)\s+(?P<unit>week|month|year)",
        rf"(?:on\s+|last\s+)(?P<weekday>{'|'.join(_DAYS)})",
        r"(?P<near>today|yesterday|tonight|this\s+(?:morning|afternoon|evening)|last\s+night)",
        r"(?:in|during|since|after|before|until)\s+(?P<year>(?:19|20)\d{2})",
    )
]


def named_span(text: str, now: datetime) -> Span | None:
    """The first span that `text` names as of `now`; None if it names none, or a day that is in no calendar."""
    for pattern in _EXPRESSIONS:
        if m := pattern.search(text[:1000]):
            named = {name: found for name, found in m.groupdict().items() if found}
            try:
                first, last = _bounds(named, now)
            except (ValueError, OverflowError):
                continue
            edge = named.get("edge", "") or _leading(m[0])
            return _span(first, last, edge.lower(), m[0].strip())
    return None


def _leading(words: str) -> str:
    first = words.split()[0].lower()
    return first if first in ("since", "after", "before", "until") else ""


def _span(first: datetime, last: datetime, edge: str, words: str) -> Span:
    if edge == "since":
        return Span(first.timestamp(), None, words)
    if edge == "after":
        return Span(last.timestamp(), None, words)
    if edge in ("before", "by"):
        return Span(None, (first if edge == "before" else last).timestamp(), words)
    if edge in ("until", "till"):
        return Span(None, last.timestamp(), words)
    return Span(first.timestamp(), last.timestamp(), words)


def _bounds(named: dict[str, str], now: datetime) -> tuple[datetime, datetime]:
    """The begin of what is named, and the begin of what follows it."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    if iso := named.get("iso"):
        at = datetime.fromisoformat(iso).replace(tzinfo=now.tzinfo)
        return (at, at + day) if len(iso) == 10 else (at, at + timedelta(minutes=1))
    if "month" in named:
        month = 1 + next(i for i, name in enumerate(_MONTHS) if name.startswith(named["month"].lower()[:3]))
        year = int(named["year"]) if "year" in named else now.year - (month > now.month)  # the last one that has begun
        if "day" in named:
            first = today.replace(year=year, month=month, day=int(named["day"]))
            return first, first + day
        return _month(today, year, month)
    if "year" in named:
        first = today.replace(year=int(named["year"]), month=1, day=1)
        return first, first.replace(year=first.year + 1)
    if "count" in named:
        count = int(named["count"]) if named["count"].isdigit() else _NUMBERS[named["count"].lower()]
        return _ago(count, named["unit"].lower(), now, today)
    if "which" in named:
        return _current(named["unit"].lower(), named["which"].lower() == "this", today)
    if "weekday" in named:
        back = (today.weekday() - _DAYS.index(named["weekday"].lower())) % 7 or 7
        return today - back * day, today - (back - 1) * day
    near = named["near"].lower()
    if near in ("yesterday",) or near.startswith("last"):
        return today - day, today
    return today, today + day


def _ago(count: int, unit: str, now: datetime, today: datetime) -> tuple[datetime, datetime]:
    """From so long ago until now. "3 days ago" means that day or thereabouts: what came after it is not what was asked for, but people round."""
    spans = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
    if unit in spans:
        first = now - count * spans[unit]
        return (first if unit in ("minute", "hour") else first.replace(hour=0, minute=0, second=0, microsecond=0)), now
    months = count * (12 if unit == "year" else 1)
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return _month(today, year, month + 1)[0], now


def _current(unit: str, this: bool, today: datetime) -> tuple[datetime, datetime]:
    if unit == "week":
        first = today - timedelta(days=today.weekday() + (0 if this else 7))
        return first, first + timedelta(days=7)
    if unit == "month":
        year, month = divmod(today.year * 12 + today.month - 1 - (not this), 12)
        return _month(today, year, month + 1)
    first = today.replace(year=today.year - (not this), month=1, day=1)
    return first, first.replace(year=first.year + 1)


def _month(today: datetime, year: int, month: int) -> tuple[datetime, datetime]:
    first = today.replace(year=year, month=month, day=1)
    return first, first.replace(year=year + month // 12, month=month % 12 + 1)
