"""TOML files, edited in place: a table of ours stands at the end, every other byte stays.

The standard library's reader judges: what an edit made is read again, and must be what was there with our table, or without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError

__all__ = ["drop", "look", "put"]

_HEADER = re.compile(r"[ \t]*\[")


def _parsed(text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise ConfigurationError(f"is no TOML: {e}") from e


def look(text: str, path: Sequence[str]) -> Any:
    """The value at a path of names, None where there is none. Raises ConfigurationError for what is no TOML."""
    value: Any = _parsed(text)
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def put(text: str, path: Sequence[str], table: Mapping[str, Any]) -> str:
    """`text` with a table at a path of names, at the end of the file. Raises ConfigurationError where that cannot be written so."""
    meant = _with(_parsed(text), path, table)
    text = drop(text, path)
    feed = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else feed if text.endswith("\n") else feed * 2
    lines = [f"[{'.'.join(map(_key, path))}]", *(f"{_key(name)} = {_value(value)}" for name, value in table.items())]
    return _checked(text + gap + feed.join(lines) + feed, meant)


def drop(text: str, path: Sequence[str]) -> str:
    """`text` without the table at a path of names, and what is below it. Raises ConfigurationError where it is not written as a table."""
    before = _parsed(text)
    if look(text, path) is None:
        return text
    kept: list[str] = []
    ours: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line):
            if inside:
                kept += _trailing(ours)
            inside = _named(line)[: len(path)] == list(path)
            if inside:
                ours = []
                if kept and not kept[-1].strip():  # the empty line above it
                    kept.pop()
        (ours if inside else kept).append(line)
    if inside:
        kept += _trailing(ours)
    return _checked("".join(kept), _without(before, path), loose=True)


def _trailing(lines: list[str]) -> list[str]:
    """The comments and empty lines at the end of a table: they belong to what follows."""
    at = len(lines)
    while at and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith("#")):
        at -= 1
    return lines[at:]


def _named(line: str) -> list[str]:
    """The path that a header names; [] for what is no header."""
    import tomllib

    try:
        value: Any = tomllib.loads(line.strip())
    except tomllib.TOMLDecodeError:
        return []
    path = []
    while isinstance(value, dict) and len(value) == 1:
        ((name, value),) = value.items()
        path.append(name)
    return path


def _with(value: dict[str, Any], path: Sequence[str], table: Mapping[str, Any]) -> dict[str, Any]:
    name, rest = path[0], path[1:]
    inner = value.get(name, {})
    if rest and not isinstance(inner, dict):
        raise ConfigurationError(f'holds something else where a table "{name}" should be')
    return {**value, name: _with(inner, rest, table) if rest else dict(table)}


def _without(value: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    name, rest = path[0], path[1:]
    return {k: (_without(v, rest) if rest and k == name else v) for k, v in value.items() if rest or k != name}


def _checked(text: str, meant: dict[str, Any], *, loose: bool = False) -> str:
    try:
        made = _parsed(text)
        if made == meant or (loose and _full(made) == _full(meant)):
            return text
    except ConfigurationError:
        pass
    raise ConfigurationError("is written in a way that groma does not know how to add to")


def _full(value: Any) -> Any:
    """A value without tables that hold nothing: one that only our table made goes with it."""
    if not isinstance(value, dict):
        return value
    inner = {name: _full(v) for name, v in value.items()}
    return {name: v for name, v in inner.items() if v != {}}


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(v)}" for name, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
