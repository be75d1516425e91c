"""What the argument of a prompt or of a resource's address may go on as: paths, symbols of a file, memories, projects, languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import NotIndexed, UsageError
from ...records import Selection
from . import prompts
from .call import Call
from .resources import TEMPLATES, files

__all__ = ["MOST", "complete"]

MOST = 100
"""Values of an answer: the protocol allows no more."""
LOOKED_AT = 1_000
"""So many memories are looked at, newest first."""


def complete(call: Call, ref: Mapping[str, Any], name: str, begun: str) -> list[str]:
    """What begins as `begun`, then what only holds it; one more than `MOST` if there are more. Raises UsageError for a ref of nothing there is."""
    if ref.get("type") == "ref/prompt":
        one = prompts.PROMPTS.get(str(ref.get("name")))
        if one is None:
            raise UsageError(f"There is no prompt {str(ref.get('name'))[:60]!r} here; there are {', '.join(prompts.PROMPTS)}.")
        known = name in one.arguments
    else:
        uri = str(ref.get("uri", ""))
        known = any(uri == one["uriTemplate"] and f"{{{name}}}" in uri.replace("{+", "{") for one in TEMPLATES)
        if not known and all(uri != one["uriTemplate"] for one in TEMPLATES):
            raise UsageError(f"There is no template {uri[:200]!r}; there are {' and '.join(one['uriTemplate'] for one in TEMPLATES)}.")
    find = _FIND.get(name)
    return find(call, begun) if known and find else []


def _paths(call: Call, begun: str) -> list[str]:
    found = files(call, beginning=begun, limit=MOST + 1)
    if begun and len(found) <= MOST:
        found += [path for path in files(call, containing=begun, limit=MOST + 1) if path not in set(found)]
    return found[: MOST + 1]


def _target(call: Call, begun: str) -> list[str]:
    """A path, or after `#` one of its symbols."""
    path, hash, symbol = begun.partition("#")
    if not hash:
        return _paths(call, begun)
    try:
        why = call.engine.why(call.caller, call.session.root(), path)
    except (NotIndexed, UsageError):
        return []
    return [f"{path}#{name}" for name in _matching(dict.fromkeys(name for name, *_ in why.symbols), symbol)]


def _ids(call: Call, begun: str) -> list[str]:
    return _matching((m.id for m in _memories(call)), begun)


def _projects(call: Call, begun: str) -> list[str]:
    return _matching(dict.fromkeys([*(m.project for m in _memories(call) if m.project), *call.engine.roots(call.caller)]), begun)


def _tags(call: Call, begun: str) -> list[str]:
    return _matching(sorted({tag for m in _memories(call) for tag in m.tags}), begun)


def _languages(call: Call, begun: str) -> list[str]:
    return _matching(call.engine.languages(), begun)


def _memories(call: Call) -> Any:
    return call.engine.memories.list(call.caller, Selection(), limit=LOOKED_AT).memories


def _matching(values: Any, begun: str) -> list[str]:
    wanted = begun.casefold()
    some = [(not one.casefold().startswith(wanted), one) for one in values if wanted in one.casefold()]
    return [one for _, one in sorted(some, key=lambda each: each[0])][: MOST + 1]


_FIND: dict[str, Callable[[Call, str], list[str]]] = {
    "path": _paths,
    "target": _target,
    "id": _ids,
    "project": _projects,
    "tag": _tags,
    "language": _languages,
}
