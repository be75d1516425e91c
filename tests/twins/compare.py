"""Batches taken apart into what each file got, and the first difference between two cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from groma.types import Batch

__all__ = ["first_difference", "records"]

EQUAL_TO = 1e-5
"""So far may two vectors differ, as floats."""


def records(batches: Iterable[Batch]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and all that was derived from that file, for every file in order: chunks, symbols, facts by field."""
    for batch in batches:
        _check(batch)
        for i, path in enumerate(batch.files.paths):
            yield path, _record(batch, i)


def first_difference(ours: Iterable[Batch], theirs: Iterable[Batch]) -> str | None:
    """The first file and field in which two runs over the same files differ; None if there is none."""
    for a, b in zip_longest(records(ours), records(theirs)):
        if a is None or b is None or a[0] != b[0]:
            return f"one core came to {a and a[0]!r}, the other to {b and b[0]!r}"
        for field, value in a[1].items():
            if (at := _differ(value, b[1][field])) is not None:
                return f"{a[0]}: {field}{at}"
    return None


def _record(batch: Batch, i: int) -> dict[str, Any]:
    files, symbols = batch.files, batch.symbols
    own = slice(int(batch.chunk_start[i]), int(batch.chunk_start[i + 1]))
    chunks = range(own.start, own.stop)
    defined = slice(int(symbols.start[i]), int(symbols.start[i + 1]))
    record: dict[str, Any] = {
        "blob": files.blobs[i],
        "size": int(files.sizes[i]),
        "mtime_ns": int(files.mtimes_ns[i]),
        "ctime_ns": int(files.ctimes_ns[i]),
        "inode": int(files.inodes[i]),
        "checked": bool(files.checked_ns[i] > 0),  # the clock itself runs on
        "language": files.languages[i],
        "kind": files.kinds[i],
        "lines": int(files.lines[i]),
        "reason": files.reasons[i],
        "note": files.notes[i],
        "first": batch.first[own],
        "last": batch.last[own],
        "texts": list(batch.texts[own]),
        "kinds": list(batch.kinds[own]),
        "symbols_shown": list(batch.symbols_shown[own]),
        "enclosing": list(batch.enclosing[own]),
        "masked": batch.masked[own],
        "hit_ids": batch.hit_ids[own],
        "terms": [_row(batch.terms, batch.term_start, c) for c in chunks],
        "impacts": [_row(batch.impacts, batch.term_start, c) for c in chunks],
        "chunk_symbols": batch.chunk_symbols[own.start : own.stop + 1] - symbols.start[i],
        "symbols.names": list(symbols.names[defined]),
        "symbols.kinds": list(symbols.kinds[defined]),
        "symbols.lines": symbols.lines[defined],
        "symbols.signatures": list(symbols.signatures[defined]),
        "symbols.docs": list(symbols.docs[defined]),
        "symbols.terms": [_row(symbols.terms, symbols.term_start, s) for s in range(defined.start, defined.stop)],
        "stems": list(batch.stems[i]),
        "names": _row(batch.name_terms, batch.name_start, i),
        "mentions": _row(batch.mentions, batch.mention_start, i),
        "defines": _row(batch.defines, batch.define_start, i),
        "imports": list(batch.imports[i]),
        "calls": list(batch.calls[i]),
    }
    for name in sorted(batch.vectors):
        vectors = batch.vectors[name]
        record[f"vectors.{name}"] = vectors.rows[own].astype(np.float32) * vectors.scales[own, None]
    return record


def _row(values: np.ndarray, start: np.ndarray, i: int) -> np.ndarray:
    return values[int(start[i]) : int(start[i + 1])]


def _differ(ours: Any, theirs: Any) -> str | None:
    """Where and how, or None."""
    if isinstance(ours, np.ndarray):
        if not isinstance(theirs, np.ndarray) or (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
            return f": {_shown(ours)} and {_shown(theirs)}"
        unequal = np.abs(ours - theirs) > EQUAL_TO if ours.dtype.kind == "f" else ours != theirs
        if not unequal.any():
            return None
        at = tuple(int(x) for x in np.argwhere(unequal)[0])
        return f"[{', '.join(map(str, at))}]: {ours[at]} and {theirs[at]}"
    if isinstance(ours, list):
        for n, (a, b) in enumerate(zip_longest(ours, theirs)):
            if a is None or b is None:
                return f": {len(ours)} and {len(theirs)} of them, from {_shown(a)} and {_shown(b)} on"
            if (at_ := _differ(a, b)) is not None:
                return f"[{n}]{at_}"
        return None
    return None if type(ours) is type(theirs) and ours == theirs else f": {_shown(ours)} and {_shown(theirs)}"


def _shown(value: Any) -> str:
    text = f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _check(batch: Batch) -> None:
    """Columns of one batch fit together, in either core."""
    files, chunks, symbols = len(batch.files.paths), len(batch.texts), len(batch.symbols.names)

    def runs(start: np.ndarray, rows: int, over: Sequence[Any] | np.ndarray) -> None:
        assert start.dtype == np.int64
        assert (len(start), int(start[0]), int(start[-1])) == (rows + 1, 0, len(over))
        assert (np.diff(start) >= 0).all()

    runs(batch.chunk_start, files, batch.texts)
    runs(batch.term_start, chunks, batch.terms)
    runs(batch.chunk_symbols, chunks, batch.symbols.names)
    runs(batch.symbols.start, files, batch.symbols.names)
    runs(batch.symbols.term_start, symbols, batch.symbols.terms)
    runs(batch.name_start, files, batch.name_terms)
    runs(batch.mention_start, files, batch.mentions)
    runs(batch.define_start, files, batch.defines)
    assert len(batch.impacts) == len(batch.terms)
    assert {len(v.rows) for v in batch.vectors.values()} | {len(v.scales) for v in batch.vectors.values()} == {chunks}
