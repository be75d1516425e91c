"""An entry: one memory as a file had it, checked. How foreign names, times and fields are made to fit, and how a bad entry is told.

Reading is all or nothing: the first entry that cannot be read ends it, with a sentence that names its line and says how many were fine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from ...drafts import MAX_NAME, MAX_TAGS, MAX_TEXT, draft, moment
from ...errors import UsageError
from ...records import Draft, Memory, is_live, is_valid
from ...values import value

__all__ = ["MAX_ENTRIES", "Entry", "collected", "entry", "label", "labels", "name_of", "original", "present", "refuse", "when"]

MAX_ENTRIES = 1_000_000
"""Entries of one import."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NOT_IN_LABELS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\"'`,\\]+")
_SPACES = re.compile(r"\s+")
_DIGITS = re.compile(r"-?\d{1,19}(?:\.\d{1,19})?")


@value
class Entry:
    """What a file says of one memory. `draft` is what to remember; `id`, `created` and `expires` (seconds since the epoch) are the file's.

    `memory` is the whole record if groma wrote the file. `line` (from 1) of `file` is where the entry begins.
    """

    draft: Draft
    line: int
    id: str | None = None
    created: float | None = None
    expires: float | None = None
    memory: Memory | None = None
    file: str = ""


def refuse(line: int, sentence: str, **context: object) -> NoReturn:
    """Raise UsageError about the entry at `line`; `sentence` goes on after the place."""
    raise UsageError(f"Line {line}: {sentence}", line=line, **context)


def entry(said: Mapping[str, Any], line: int, *, engine: Mapping[str, Any] | None = None, **original: Any) -> Entry:
    """An Entry of the fields for a draft; the source is "import" unless they say another. `original` are the other fields of Entry.

    Raises UsageError naming the line.
    """
    try:
        made = draft({"source": "import"} | {name: v for name, v in said.items() if v is not None}, **(engine or {}))
    except UsageError as error:
        refuse(line, error.message, **error.context)
    return Entry(made, line, **original)


def collected(entries: Iterable[Entry], file: str = "") -> list[Entry]:
    """All of them, each id once. Raises UsageError for the first that cannot be read: nothing half read is handed over."""
    found: list[Entry] = []
    lines: dict[str, int] = {}
    try:
        for one in entries:
            if len(found) == MAX_ENTRIES:
                refuse(one.line, f"there are more than {MAX_ENTRIES:,} entries: split the file.")
            if one.id is not None and one.id in lines:
                refuse(one.line, f"the id {one.id} is the one of line {lines[one.id]}, too: each may be there once.", other=lines[one.id])
            if one.id is not None:
                lines[one.id] = one.line
            found.append(replace(one, file=file) if file else one)
    except UsageError as error:
        before = f"{len(found):,} {'entry' if len(found) == 1 else 'entries'} before it could be read"
        place = f"{file}: " if file else ""
        raise UsageError(f"{place}{error.message} Nothing was imported ({before}).", **{**error.context, "fine": len(found)}) from error
    return found


def original(field: str, v: object, line: int) -> str | None:
    """The id an entry had elsewhere: a text of at most 200 characters or a whole number; None if it had none."""
    if v is None:
        return None
    if isinstance(v, int) and not isinstance(v, bool) and abs(v) < 2**128:
        return str(v)
    if not isinstance(v, str) or not v.strip() or len(v) > MAX_TEXT or _CONTROL.search(v):
        refuse(line, f"the field {field} must be a text of at most {MAX_TEXT} characters or a whole number.")
    return v


def when(field: str, v: object, line: int) -> float | None:
    """Seconds since the epoch of ISO 8601 or of a number; None for none. A number too great for seconds is milli-, micro- or nanoseconds."""
    if v is None or v == "":
        return None
    if isinstance(v, str) and _DIGITS.fullmatch(v):
        v = float(v)
    if isinstance(v, int | float) and not isinstance(v, bool):
        for unit in (1e17, 1e14, 1e11):  # the year 5138 in nano-, micro- and milliseconds is the year 1973 in the next
            if unit <= abs(v) < 1e20:
                v = v / (unit / 1e8)
                break
    try:
        return moment(field, v)
    except UsageError as error:
        refuse(line, error.message, **error.context)


def name_of(v: object) -> str:
    """A name as a field of a draft takes it: one line, at most 200 characters; "" for what is no text."""
    return _one_line(v, _CONTROL, MAX_TEXT)


def label(v: object) -> str:
    """A tag or category: one line of at most 64 characters without quotes, commas and backslashes; "" for what is no text."""
    return _one_line(v, _NOT_IN_LABELS, MAX_NAME)


def labels(*given: object) -> list[str]:
    """The first 32 distinct tags of texts and lists of texts."""
    flat = [one for v in given for one in (v if isinstance(v, list | tuple) else [v])]
    return list(dict.fromkeys(filter(None, map(label, flat))))[:MAX_TAGS]


def present(memories: Iterable[Memory], now: float) -> Iterator[Memory]:
    """Those that hold now: what goes into a format that knows no validity, where anything else would be taken for true."""
    return (m for m in memories if m.state == "active" and is_live(m, now) and is_valid(m, now))


def _one_line(v: object, but: re.Pattern[str], length: int) -> str:
    if isinstance(v, int) and not isinstance(v, bool) and abs(v) < 2**128:
        v = str(v)
    return _SPACES.sub(" ", but.sub(" ", v)).strip()[:length].strip() if isinstance(v, str) else ""
