"""Records of groma's own formats: the fields that `records.plain` gives, checked as strictly as if a stranger had written them.

With an id it is a whole record, which comes back as it was; without one it is what somebody wants remembered, with the fields of a draft.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any

from ...drafts import ALLOWED, MAX_CONTENT, MAX_POSITION, MAX_TEXT, draft, moment
from ...errors import UsageError
from ...records import STATES, TRUST, Draft, Memory
from .entries import Entry, entry, refuse, when

__all__ = ["FIELDS", "record"]

FIELDS = tuple(f.name for f in fields_of(Memory))
"""The fields of a record."""

_OF_DRAFTS = tuple(f.name for f in fields_of(Draft))
_ENGINE = tuple(name for name in _OF_DRAFTS if name not in ALLOWED)
_ID = re.compile(r"[0-9a-f][0-9a-f-]{7,35}")
_MASKED = 4 * MAX_CONTENT
"""Masks may be longer than what they hide, so a record may have become longer than what anybody may send."""


def record(said: Mapping[str, Any], line: int) -> Entry:
    """The Entry of the fields at `line`; None stands for a field that was not said. Raises UsageError naming the line and the field."""
    given = {name: v for name, v in said.items() if v is not None}
    if "id" not in given:
        engine = {name: given.pop(name) for name in _ENGINE if name in given}
        return entry(given, line, engine=engine, created=when("created", given.pop("created", None), line))
    if unknown := sorted(set(given) - set(FIELDS)):
        refuse(line, f"there is no field {unknown[0][:80]!a} in a record; was this written by a newer groma?", field=unknown[0])
    try:
        made = _draft({name: given[name] for name in _OF_DRAFTS if name in given})
        rest = {name: _CHECKS[name](name, v) for name, v in given.items() if name in _CHECKS}
    except UsageError as error:
        refuse(line, error.message, **error.context)
    told = {name: v for name in _OF_DRAFTS if (v := getattr(made, name)) is not None}
    whole = Memory(**{"trust": TRUST[told["source"]], **told, **rest})
    return Entry(made, line, whole.id, whole.created, whole.expires, whole)


def _draft(said: dict[str, Any]) -> Draft:
    """A Draft of a record's fields. A record may be what a draft may not: longer by its masks, ended before it began."""
    content, end = said.get("content"), said.pop("valid_to", None)
    engine = {name: said.pop(name) for name in _ENGINE if name in said}
    if isinstance(content, str) and len(content) > MAX_CONTENT:
        content = _text(_MASKED)("content", content)
        made = replace(draft({"source": "import", **said, "content": "…"}, **engine), content=content)
    else:
        made = draft({"source": "import", **said}, **engine)
    return made if end is None else replace(made, valid_to=moment("valid_to", end))


def _id(name: str, v: object) -> str:
    if not isinstance(v, str) or not _ID.fullmatch(v):
        raise UsageError(f"The field {name} must be the id of a memory: 8 to 36 hexadecimal digits and hyphens.", field=name)
    return v


def _share(name: str, v: object) -> float:
    if isinstance(v, bool) or not isinstance(v, int | float) or not 0 <= v <= 1:
        raise UsageError(f"The field {name} must be a number from 0 to 1.", field=name)
    return float(v)


def _count(name: str, v: object) -> int:
    if isinstance(v, bool) or not isinstance(v, int) or not 0 <= v < MAX_POSITION:
        raise UsageError(f"The field {name} must be a whole number from 0.", field=name)
    return v


def _state(name: str, v: object) -> str:
    if not isinstance(v, str) or v not in STATES:
        raise UsageError(f"The field {name} must be one of {', '.join(STATES)}.", field=name)
    return v


def _text(most: int) -> Callable[[str, object], str]:
    def check(name: str, v: object) -> str:
        if not isinstance(v, str) or len(v) > most or "\0" in v or any("\ud800" <= c <= "\udfff" for c in v):
            raise UsageError(f"The field {name} must be a text of at most {most:,} characters.", field=name)
        return v

    return check


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "id": _id,
    "trust": _share,
    "state": _state,
    "reason": _text(MAX_CONTENT),
    "masked": _count,
    "created": moment,
    "updated": moment,
    "used": moment,
    "uses": _count,
    "expires": moment,
    "superseded_by": _id,
    "refines": _id,
    "forgotten": moment,
    "model": _text(MAX_TEXT),
}
