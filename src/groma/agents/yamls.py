"""YAML files, edited in place: lines of ours are put in or taken out, every other byte stays.

`ruamel.yaml` says where things stand and judges: what an edit made is read again, and must be what was there with our entry, or without it. It is
imported when such a file is met, and by no other command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError

__all__ = ["drop", "look", "put"]


def _loaded(text: str) -> Any:
    """A document with the lines of its parts; an empty mapping for an empty one."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="rt", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as e:
        mark = getattr(e, "problem_mark", None)
        what = getattr(e, "problem", None) or "it cannot be read"
        raise ConfigurationError(f"is no YAML that groma can edit: {f'line {mark.line + 1}, ' if mark else ''}{' '.join(str(what).split())}") from e
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationError("holds no mapping")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


def look(text: str, container: str, name: str) -> Any:
    """The entry of a name in a mapping, or in a list of mappings that have a `name`; None where there is none.

    Raises ConfigurationError for what is no YAML.
    """
    return _plain(_entry(_loaded(text).get(container), name)[1])


def put(text: str, container: str, name: str, entry: Mapping[str, Any], *, listed: bool) -> str:
    """`text` with an entry of this name in the container, which is a list of mappings if `listed`, else a mapping; made if it is missing.

    Raises ConfigurationError where the text is no YAML, or is written in a way that cannot be added to line by line.
    """
    text = drop(text, container, name)
    root = _loaded(text)
    held: Any = root.get(container)
    if held is not None and not isinstance(held, list if listed else Mapping):
        raise ConfigurationError(f'holds something else where a {"list" if listed else "mapping"} "{container}" should be')
    new = {"name": name, **entry} if listed else dict(entry)
    meant = _plain(root) | {container: [new, *_plain(held or [])] if listed else {name: new, **_plain(held or {})}}
    feed = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if container not in root:
        gap = "" if not text or text.endswith("\n") else feed
        made = text + gap + f"{container}:{feed}" + _lines(name, new, listed, "  ", feed)
    elif not held:
        at = root.lc.key(container)[0]
        line = re.sub(r":[ \t]*(\[[ \t]*\]|\{[ \t]*\}|null|~)(?=[ \t]*(#.*)?$)", ":", lines[at].rstrip("\r\n")) + feed
        made = "".join([*lines[:at], line, _lines(name, new, listed, "  ", feed), *lines[at + 1 :]])
    else:
        places: Any = held
        at = places.lc.item(0)[0] if listed else places.lc.key(next(iter(held)))[0]
        indent = re.match(r"[ \t]*", lines[at])[0]  # type: ignore[index]
        made = "".join([*lines[:at], _lines(name, new, listed, indent, feed), *lines[at:]])
    return _checked(made, meant)


def drop(text: str, container: str, name: str) -> str:
    """`text` without the entry of this name. Raises ConfigurationError as `put` does."""
    root = _loaded(text)
    held: Any = root.get(container)
    key, entry = _entry(held, name)
    if entry is None:
        return text
    lines = text.splitlines(keepends=True)
    listed = isinstance(held, list)
    begin = held.lc.item(key)[0] if listed else held.lc.key(key)[0]
    indent = len(lines[begin]) - len(lines[begin].lstrip(" "))
    end = begin + 1
    while end < len(lines) and (not lines[end].strip() or lines[end].lstrip().startswith("#") or _indent(lines[end]) > indent):
        end += 1
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    left = lines[:begin] + lines[end:]
    whole = _plain(root)
    kept: Any = [e for i, e in enumerate(whole[container]) if i != key] if listed else {k: v for k, v in whole[container].items() if k != key}
    if not kept:  # nothing at all would be read as null, which not every reader takes for an empty list
        at = root.lc.key(container)[0]
        left[at] = re.sub(r":(?=[ \t]*(#.*)?\r?\n?$)", ": []" if listed else ": {}", left[at], count=1)
    return _checked("".join(left), whole | {container: kept})


def _entry(held: Any, name: str) -> tuple[Any, Any]:
    """(its key or place, the entry)."""
    if isinstance(held, Mapping):
        return name, held.get(name)
    if isinstance(held, list):
        for i, entry in enumerate(held):
            if isinstance(entry, Mapping) and entry.get("name") == name:
                return i, entry
    return None, None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _lines(name: str, entry: Mapping[str, Any], listed: bool, indent: str, feed: str) -> str:
    rows = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    if listed:
        rows = [("- " if i == 0 else "  ") + row for i, row in enumerate(rows)]
    else:
        rows = [f"{name}:", *(f"  {row}" for row in rows)]
    return "".join(f"{indent}{row}{feed}" for row in rows)


def _checked(text: str, meant: Any) -> str:
    try:
        if _plain(_loaded(text)) == meant:
            return text
    except ConfigurationError:
        pass
    raise ConfigurationError("is written in a way that groma does not know how to add to")
