"""Checks what somebody wants remembered: fields of whatever type in, a `Draft` out, or one sentence that says what is wrong with it.

A sentence names the field, what was given and what is allowed; the content itself is never quoted, for nobody has looked for credentials in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, NoReturn

from .errors import UsageError
from .records import KINDS, LEVELS, SOURCES, Anchor, Draft

__all__ = ["ALLOWED", "MAX_CONTENT", "draft", "moment"]

ALLOWED = (
    "content", "level", "category", "scope", "project", "tags", "importance", "source", "session", "agent", "valid_from", "valid_to",
    "supersedes", "anchors",
)  # fmt: skip
"""The fields that whoever asks may send."""

MAX_CONTENT = 65_536
"""Characters of a memory."""
MAX_NAME = 64
"""Characters of a tag or category."""
MAX_TEXT = 200
"""Characters of a session, agent, role or parent."""
MAX_PATH = 1_000
MAX_TAGS = 32
MAX_ANCHORS = 32
MAX_POSITION = 2**53
"""Beyond it JSON readers round."""
END_OF_TIME = 253_402_300_800.0
"""The first second of the year 10,000: no calendar of Python goes there."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTES = re.compile(r"[\"'`,\\]")
_ID = re.compile(r"[0-9a-f][0-9a-f-]{7,35}")
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def draft(said: object, **engine: Any) -> Draft:
    """A Draft of a mapping from field to value, as JSON has it; `engine` are fields that only the engine gives: kind, parent, position, role.

    Times are ISO 8601 (UTC if they name no zone) or seconds since the epoch. An anchor is a path, `path#symbol`, or an object of path, symbol,
    blob and commit. None stands for a field that was not said. Raises UsageError with one sentence: which field, what was given, what is allowed.
    """
    if not isinstance(said, Mapping):
        raise UsageError(f"What is to be remembered must be an object with a field content, not {_kind(said)}.")
    for name in said:
        if name not in ALLOWED:
            _unknown(name)
    given = {name: v for name, v in said.items() if v is not None} | engine
    if "content" not in given:
        raise UsageError("The field content is missing: say what is to be remembered.", field="content")
    checked = {name: _CHECKS[name](name, v) for name, v in given.items()}
    start, end = checked.get("valid_from"), checked.get("valid_to")
    if start is not None and end is not None and end <= start:
        _refuse("valid_to", given["valid_to"], f"a time after valid_from ({_shown(given['valid_from'])})")
    return Draft(**checked)


def moment(name: str, v: object) -> float:
    """Seconds since the epoch of ISO 8601 (UTC if no zone is named) or of a number, from the year 1 to 9999; `name` is the field in messages."""
    allowed = "ISO 8601 such as 2026-11-21 or 2026-11-21T10:30:00+01:00, or seconds since 1970"
    if isinstance(v, str) and len(v) <= MAX_NAME:
        try:
            at = datetime.fromisoformat(v.strip())
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            _refuse(name, v, allowed)
    if isinstance(v, bool) or not isinstance(v, int | float):
        _refuse(name, v, allowed)
    if not -62_135_596_800 <= v < END_OF_TIME:
        hint = " (this looks like milliseconds)" if END_OF_TIME <= v < 1000 * END_OF_TIME else ""
        _refuse(name, v, f"a time from the year 1 to 9999{hint}")
    return float(v)


def _content(name: str, v: object) -> str:
    if not isinstance(v, str):
        raise UsageError(f"The field content must be a text, not {_kind(v)}.", field=name)
    if not v.strip():
        raise UsageError("The field content is empty: say what is to be remembered.", field=name)
    if len(v) > MAX_CONTENT:
        raise UsageError(
            f"The field content has {len(v):,} characters; at most {MAX_CONTENT:,} are kept: split it, or index it as a file.", field=name
        )
    if "\0" in v:
        raise UsageError("The field content holds a NUL character; only text can be remembered.", field=name)
    if any("\ud800" <= c <= "\udfff" for c in v):
        raise UsageError("The field content holds half of a surrogate pair, which is not valid Unicode.", field=name)
    return v


def _one_of(allowed: Sequence[str]) -> Any:
    def check(name: str, v: object) -> str:
        if not isinstance(v, str) or v not in allowed:
            _refuse(name, v, f"one of {', '.join(allowed)}")
        return v

    return check


def _text(name: str, v: object) -> str:
    if not isinstance(v, str) or len(v) > MAX_TEXT or _CONTROL.search(v):
        _refuse(name, v, f"a text of at most {MAX_TEXT} characters without line breaks or control characters")
    return v.strip()


def _short(name: str, v: object) -> str:
    if not isinstance(v, str) or len(v) > MAX_NAME or _CONTROL.search(v) or _QUOTES.search(v):
        _refuse(name, v, f"a text of at most {MAX_NAME} characters without quotes, commas, backslashes or line breaks")
    return v.strip()


def _tags(name: str, v: object) -> tuple[str, ...]:
    if not isinstance(v, list | tuple):
        _refuse(name, v, "a list of texts")
    if len(v) > MAX_TAGS:
        _refuse(name, f"{len(v)} tags", f"at most {MAX_TAGS} tags")
    checked = {_short("tags", tag) for tag in v}
    if "" in checked:
        _refuse(name, list(v), "tags that are not empty")
    return tuple(sorted(checked))


def _importance(name: str, v: object) -> float:
    if isinstance(v, bool) or not isinstance(v, int | float) or not 0 <= v <= 1:
        _refuse(name, v, "a number from 0 to 1")
    return float(v)


def _position(name: str, v: object) -> int:
    if isinstance(v, bool) or not isinstance(v, int) or not 0 <= v < MAX_POSITION:
        _refuse(name, v, "a whole number from 0")
    return v


def _id(name: str, v: object) -> str:
    if not isinstance(v, str) or not _ID.fullmatch(v):
        _refuse(name, v, "the id of a memory, or at least 8 characters of it")
    return v


def _scope(name: str, v: object) -> str:
    allowed = "global, project, path:<path below the project's root> or symbol:<name>"
    if not isinstance(v, str):
        _refuse(name, v, allowed)
    kind, _, rest = v.partition(":")
    if v in ("global", "project"):
        return v
    if kind == "path" and rest:
        return f"path:{_path(name, rest)}"
    if kind == "symbol" and rest.strip() and len(rest) <= MAX_TEXT and not _CONTROL.search(rest):
        return f"symbol:{rest.strip()}"
    _refuse(name, v, allowed)


def _project(name: str, v: object) -> str:
    allowed = "the absolute path of its root, or a plain name"
    if not isinstance(v, str) or len(v) > MAX_PATH or _CONTROL.search(v):
        _refuse(name, v, allowed)
    v = v.strip()
    if v.startswith((".", "~", "-")) or ("\\" in v and not _DRIVE.match(v)):
        _refuse(name, v, allowed)
    return v.rstrip("/") or v


def _path(name: str, v: object) -> str:
    """A relative POSIX path that stays below its root, without `.` and doubled slashes."""
    allowed = f"a path of at most {MAX_PATH} characters below the project's root, with / and without .."
    if not isinstance(v, str) or not v or len(v) > MAX_PATH or _CONTROL.search(v) or "\\" in v or v.startswith(("/", "~")) or _DRIVE.match(v):
        _refuse(name, v, allowed)
    parts = [part for part in v.split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        _refuse(name, v, allowed)
    return "/".join(parts)


def _anchors(name: str, v: object) -> tuple[Anchor, ...]:
    if not isinstance(v, list | tuple):
        _refuse(name, v, "a list of anchors")
    if len(v) > MAX_ANCHORS:
        _refuse(name, f"{len(v)} anchors", f"at most {MAX_ANCHORS} anchors")
    return tuple(dict.fromkeys(_anchor(one) for one in v))


def _anchor(v: object) -> Anchor:
    if isinstance(v, Anchor):
        return v
    if isinstance(v, str):
        path, _, symbol = v.partition("#")
        v = {"path": path, "symbol": symbol}
    if not isinstance(v, Mapping) or "path" not in v or not set(v) <= {"path", "symbol", "blob", "commit"}:
        _refuse("anchors", v, 'a path, "path#symbol", or an object with path and perhaps symbol, blob and commit')
    ids = [v.get("blob") or "", v.get("commit") or ""]
    for one in ids:
        if not isinstance(one, str) or (one and not _OBJECT_ID.fullmatch(one)):
            _refuse("anchors", one, "an object id of git: 40 or 64 hexadecimal digits")
    return Anchor(_path("anchors", v["path"]), _text("anchors", v.get("symbol") or ""), *ids)


_CHECKS: dict[str, Any] = {
    "content": _content,
    "level": _one_of(LEVELS),
    "category": _short,
    "scope": _scope,
    "project": _project,
    "tags": _tags,
    "importance": _importance,
    "source": _one_of(SOURCES),
    "session": _text,
    "agent": _text,
    "valid_from": moment,
    "valid_to": moment,
    "supersedes": _id,
    "anchors": _anchors,
    "kind": _one_of(KINDS),
    "parent": _text,
    "position": _position,
    "role": _text,
}


def _unknown(name: object) -> NoReturn:
    near = get_close_matches(str(name), ALLOWED, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise UsageError(f"There is no field {_shown(name)}{hint}; allowed are {', '.join(ALLOWED)}.", field=str(name))


def _refuse(name: str, given: object, allowed: str) -> NoReturn:
    raise UsageError(f"The field {name} cannot be {_shown(given)}; allowed is {allowed}.", field=name)


def _kind(v: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number", bytes: "bytes"}
    return names.get(type(v), "null" if v is None else f"a {type(v).__name__}")


def _shown(v: object) -> str:
    """A value in a message: short, on one line, in ASCII, so that nothing in it acts on a terminal or reader."""
    try:
        text = json.dumps(v, default=repr)
    except (ValueError, TypeError, RecursionError):  # a key that is no text, a number of thousands of digits, a list within itself
        text = _kind(v)
    return text if len(text) <= 80 else f"{text[:77]}..."
