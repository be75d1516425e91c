"""Lines of files as they are now, and why a file is or is not in the index."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Sequence
from typing import Protocol

from . import core
from .catalogue import manifests
from .catalogue.database import Database
from .errors import NotIndexed, UsageError
from .ports import Facts, Store
from .types import Lines, Scope, Why

__all__ = ["read", "why"]

READ_LINES = 200
"""So many lines are read of a path where no last line is given."""

FOLDER = "a folder"


class LookUp(Store, Facts, Protocol):
    """A store that keeps the facts, too."""


def read(
    db: Database,
    store: LookUp,
    among: Sequence[Scope],
    limit: Callable[[str], int],
    *,
    hit_id: str | None,
    path: str | None,
    start: int | None,
    end: int | None,
    around: int,
) -> Lines:
    """Lines of a file as it is now, masked: of a hit (`hit_id`), or `start`..`end` of `path`; `around` adds lines on both sides.

    Raises UsageError where neither or both are given or the range lies outside the file; NotIndexed where the file is not in the index.
    """
    if (hit_id is None) == (path is None):
        raise UsageError("Give either the id of a hit or a path.")
    if hit_id is not None and (start, end) != (None, None):
        raise UsageError("First and last line go with a path; with the id of a hit, ask for lines around it.")
    if around < 0:
        raise UsageError(f"around must not be negative, not {around}.")
    symbol = ""
    if hit_id is not None:
        passage = store.find([s.id for s in among], _number(hit_id))
        if passage is None:
            raise NotIndexed(f"No passage has the id {hit_id} any more: its lines have changed. Search again, or read by path and lines.")
        path, symbol = passage.path, passage.symbol
        scope = next(s for s in among if store.file(s.id, passage.path) is not None)
        text = _text_now(scope, path, limit(scope.root))
        at = _locate(text, passage.text, passage.first)
        if at is None:
            raise NotIndexed(f"The lines of {hit_id} have changed since it was found; search again, or read {path} by lines.")
        start, end = at, at + passage.text.count("\n")
    else:
        assert path is not None
        path = _inside(path)
        scope = _scope_with(db, store, among, path)
        text = _text_now(scope, path, limit(scope.root))
    lines = text.split("\n")
    total = len(lines) - (not lines[-1])
    if not total:
        raise UsageError(f"{path} is empty now.")
    first = 1 if start is None else start
    last = min(total, first + READ_LINES - 1) if end is None else end
    if not 1 <= first <= min(last, total):
        raise UsageError(f"{path} has {total} lines, and {first}-{last} are none of them; ask for lines between 1 and {total}.")
    first, last = max(1, first - around), min(total, last + around)
    masked = core.mask(text)
    shown = "\n".join(masked.text.split("\n")[first - 1 : last])
    return Lines(scope.root, path, first, last, total, shown, shown != "\n".join(lines[first - 1 : last]), symbol)


def _scope_with(db: Database, store: LookUp, among: Sequence[Scope], path: str) -> Scope:
    """The first scope that holds `path`."""
    for scope in among:
        if store.file(scope.id, path) is not None:
            return scope
    for scope in among:
        verdict = _why_not(db, scope, path)
        if verdict is not None:
            raise NotIndexed(f"{path} is not in the index of {scope.root}: {verdict}")
    raise NotIndexed(f"{path} is not in the index of {', '.join(s.root for s in among)}; paths are relative to the root.")


def _text_now(scope: Scope, path: str, most: int) -> str:
    try:
        data = core.read_now(scope.root, path, most)
    except OSError as e:
        raise NotIndexed(f"{path} in {scope.root} cannot be read now ({e.strerror}).") from e
    return core.decode(data)


def _why_not(db: Database, scope: Scope, path: str) -> str | None:
    """In words, why `path` is not searchable in a scope; None where nothing is known of it."""
    row = manifests.find(db, scope.id, path)
    if row is not None and row.reasons[0] is not None:
        return core.REASONS.get(row.reasons[0], row.reasons[0])
    if not os.path.lexists(os.path.join(scope.root, path)):
        return None
    if path == ".":
        return FOLDER
    if core.secrets_file(path):
        return core.REASONS["secrets-file"]
    verdict = core.explain_ignored(scope.root, path)
    if not verdict.ignored:
        full = os.path.join(scope.root, path)
        return FOLDER if os.path.isdir(full) and not os.path.islink(full) else "new since the last run of: groma index"
    return f"ignored by the pattern {verdict.pattern!r}" + (f" ({verdict.source}:{verdict.line})" if verdict.line else "")


def why(db: Database, store: LookUp, scope: Scope, path: str) -> Why:
    """Why a file of a scope is or is not searchable. Raises UsageError where there is no such file in it."""
    path = _inside(path)
    detail = store.detail(scope.id, path)
    if detail is not None:
        record = detail.record
        outline = tuple((name, kind, line, signature) for name, (kind, line, signature, _) in zip(record.card.symbols(), detail.outline, strict=True))
        return Why(
            path=path,
            indexed=True,
            reason="indexed",
            language=record.language,
            lines=record.lines,
            chunks=record.chunks,
            symbols=outline,
            imports=record.imports,
            calls=detail.calls,
            note=record.note,
        )
    reason = _why_not(db, scope, path)
    if reason is None:
        raise UsageError(f"There is no {path} in {scope.root}.")
    if reason == FOLDER:
        below = "" if path == "." else path + "/"
        files = sum(p.startswith(below) for p, _, _, _ in store.scan(scope.id))
        return Why(path, files > 0, f"{FOLDER}; {files} files in it are indexed", None, 0, 0, (), (), (), None)
    return Why(path, False, reason, None, 0, 0, (), (), (), None)


def _inside(path: str) -> str:
    """A path below a root, in the one way that it is written in the index."""
    clean = posixpath.normpath(path.replace(os.sep, "/"))
    if clean.startswith(("/", "../")) or clean == "..":
        raise UsageError(f"{path} lies outside of the folder; paths are relative to its root.")
    return clean.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")  # as the walk names what is not UTF-8


def _number(hit_id: str) -> int:
    try:
        number = int(hit_id, 16)
        if len(hit_id) != 16 or number >> 63:
            raise ValueError
        return number
    except ValueError:
        raise UsageError(f"{hit_id!r} is no id of a hit; ids are 16 hexadecimal digits, as search prints them.") from None


def _locate(text: str, wanted: str, first: int) -> int | None:
    """The line at which the (masked) text of a passage stands in a file now, nearest to where it stood."""
    lines = core.mask(text).text.split("\n")
    block = wanted.split("\n")
    found = [i + 1 for i in range(len(lines) - len(block) + 1) if lines[i] == block[0] and lines[i : i + len(block)] == block]
    return min(found, key=lambda at: (abs(at - first), at), default=None)
