"""Resources: files as they are now, memories, the state of the index. Read by address, listed page by page."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from mimetypes import guess_type
from typing import Any

from ...errors import NotIndexed, UsageError
from ...records import Selection
from ...shapes import memory_shape, status_shape
from .call import Call
from .text import LINE, cut, remembered
from .uris import STATUS, Address, address, file_uri, memory_uri

__all__ = ["TEMPLATES", "listed", "read"]

PAGE = 100
"""Resources of a page."""
MOST_LINES = 2_000
"""Lines of a file that are read at once, where no last one is named."""

TEMPLATES: list[dict[str, Any]] = [
    {
        "uriTemplate": "groma://file/{+path}{?start,end}",
        "name": "file",
        "title": "Lines of a file",
        "description": "An indexed file as it is now, or some of its lines; credentials are masked.",
    },
    {
        "uriTemplate": "groma://memory/{id}",
        "name": "memory",
        "title": "A memory",
        "description": "What was remembered, with its source, trust and anchors, fenced as data.",
        "mimeType": "text/plain",
    },
]


def read(call: Call, uri: str) -> dict[str, Any]:
    """The one content of a resource. Raises UsageError or NotIndexed where there is none."""
    found = address(uri)
    kind, text = {"status": _status, "file": _file, "memory": _memory}[found.kind](call, found)
    return {"uri": uri, "mimeType": kind, "text": text}


def _status(call: Call, _found: Address) -> tuple[str, str]:
    root = call.session.root()
    told: Mapping[str, Any] = {"root": root, "indexed": False}
    if root in call.engine.roots(call.caller):
        (status,) = call.engine.status(call.caller, root)
        told = {"indexed": True, **status_shape(status, call.engine.core)}
    return "application/json", json.dumps(told, ensure_ascii=False)


def _file(call: Call, found: Address) -> tuple[str, str]:
    root, path = call.session.root(), found.name
    if os.path.isabs(path):
        root, path = call.split(path, root)
    call.fresh(root)
    first, last = found.lines
    lines = call.engine.read(call.caller, [root], path=path, start=first, end=last or (first or 1) + MOST_LINES - 1)
    return guess_type(path)[0] or "text/plain", lines.text


def _memory(call: Call, found: Address) -> tuple[str, str]:
    m = memory_shape(call.engine.memories.get(call.caller, found.name))
    notes = {"level": m["level"], "kind": m["kind"], "scope": m["scope"], "project": m["project"], "created": m["created"], "state": m["state"]}
    notes |= {"tags": ", ".join(m["tags"]), "superseded by": m["superseded_by"], "forgotten": m["forgotten"], "expires": m["expires"]}
    notes |= {"anchors": ", ".join(f"{a['path']}{'#' * bool(a['symbol'])}{a['symbol']}" for a in m["anchors"])}
    head = "\n".join(f"{name}: {v}" for name, v in notes.items() if v)
    return "text/plain", f"{head}\n{remembered(m, whole=True)}"


def listed(call: Call, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """A page: the state of the index, then memories of the project and of none (newest first), then its files; and the cursor of the next page.

    Raises UsageError for a cursor that is none.
    """
    kind, _, after = ("memory" if cursor is None else cursor).partition(":")
    if kind not in ("memory", "file") or (cursor is not None and not after and kind == "memory"):
        raise UsageError(f"The cursor {cursor!r} is none that was given out; begin without one.")
    found: list[dict[str, Any]] = []
    if cursor is None:
        found.append({"uri": STATUS, "name": "status", "title": "State of the index", "mimeType": "application/json"})
    if kind == "memory":
        page = call.engine.memories.list(call.caller, _of_here(call), limit=PAGE, after=after or None)
        for m in page.memories:
            title = cut(" ".join(m.content.split()), LINE)
            found.append({"uri": memory_uri(m.id), "name": m.id, "title": title, "description": m.level, "mimeType": "text/plain"})
        if page.after is not None:
            return found, f"memory:{page.after}"
        if found and len(found) > 1:
            return found, "file:"
        after = ""
    paths = files(call, after=after, limit=PAGE + 1)
    found += [{"uri": file_uri(path), "name": path, "mimeType": guess_type(path)[0] or "text/plain"} for path in paths[:PAGE]]
    return found, f"file:{paths[PAGE - 1]}" if len(paths) > PAGE else None


def files(call: Call, **wanted: Any) -> list[str]:
    """Paths of the project (`Engine.files`); none where it is not indexed yet."""
    try:
        return call.engine.files(call.caller, call.session.root(), **wanted)
    except NotIndexed:
        return []


def _of_here(call: Call) -> Selection:
    return Selection(projects=tuple(dict.fromkeys(("", call.session.here()))), states=("active",))
