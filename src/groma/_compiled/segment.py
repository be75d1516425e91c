"""Compiled twin of `groma._pure.segment`: the same file format, and the same numbers to the last bit.

A part's arrays are views of one buffer, which the compiled core reads and scans where it lies; `Part.handle` is that core's own hold on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .. import _rs
from .._pure import segment as plain
from .._pure.segment import FORMAT, write_body
from ..types import Leg, Vectors

__all__ = [
    "FORMAT",
    "Part",
    "build",
    "chunk_frequencies",
    "dense_kernel",
    "dense_top",
    "merge",
    "name_frequencies",
    "open_part",
    "places",
    "shown",
    "sparse_top",
    "write_part",
]


@dataclass(frozen=True, slots=True)
class Part(plain.Part):
    """The columns of `_pure.segment.Part`, read-only, and what the scans are given."""

    handle: _rs.Part = field(kw_only=True, repr=False)


def _part(handle: _rs.Part) -> Part:
    body = memoryview(handle)
    arrays = {
        name: np.frombuffer(body, dtype=kind, count=math.prod(shape), offset=offset).reshape(shape) for name, kind, shape, offset in handle.layout
    }
    names = [name.removeprefix("vectors/").removesuffix("/rows") for name in arrays if name.endswith("/rows")]
    vectors = {name: Vectors(arrays.pop(f"vectors/{name}/rows"), arrays.pop(f"vectors/{name}/scales")) for name in names}
    return Part(**arrays, kinds=tuple(handle.kinds), vectors=vectors, handle=handle)


def build(
    *,
    ids: np.ndarray,
    hits: np.ndarray,
    chunk_files: np.ndarray,
    kinds: Sequence[str],
    term_start: np.ndarray,
    terms: np.ndarray,
    impacts: np.ndarray,
    files: np.ndarray,
    name_start: np.ndarray,
    name_terms: np.ndarray,
    cards: Sequence[bytes],
    places: np.ndarray,
    texts: Sequence[bytes],
    vectors: Mapping[str, Vectors],
) -> Part:
    """A part from rows: chunk ids and file ids ascending, `chunk_files` the file id of each chunk, sparse vectors and name terms as CSR, a card a
    file, (n, 4) places, a text record a chunk (an empty one: it is not shown from here).

    Raises ValueError for columns that do not belong together.
    """
    return _part(
        _rs.build_part(
            _of(ids, np.int64),
            _of(hits, np.int64),
            _of(chunk_files, np.int64),
            list(kinds),
            _of(term_start, np.int64),
            _of(terms, np.uint32),
            _of(impacts, np.uint8),
            _of(files, np.int64),
            _of(name_start, np.int64),
            _of(name_terms, np.uint32),
            cards,
            _of(places, np.uint32),
            texts,
            [(name, _of(v.rows, np.int8), _of(v.scales, np.float32)) for name, v in vectors.items()],
        )
    )


def _of(array: np.ndarray, kind: type) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=kind)


def _marks(masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.ascontiguousarray(mask, dtype=np.bool_).view(np.uint8) for mask in masks]


def _handles(parts: Sequence[Part]) -> list[_rs.Part]:
    return [part.handle for part in parts]


def merge(parts: Sequence[Part], keeps: Sequence[np.ndarray]) -> Part:
    """One part of several whose id ranges do not overlap, in ascending order, with the files where `keeps` is true."""
    return _part(_rs.merge_parts(_handles(parts), _marks(keeps)))


def write_part(path: Path, part: Part) -> None:
    """Write a part to `path`, whole or not at all (a temporary file, synced, then renamed). Raises OSError."""
    body = memoryview(part.handle)
    write_body(path, part.kinds, part.handle.layout, [body], part.handle.checked, part.handle.checksum())


def open_part(path: Path, *, check: bool = True) -> Part:
    """Map a part. `check` reads all of it but the texts: its checksum (about 0.1 ms a MB), and whether the arrays fit together.

    Raises StoreDamaged for anything that is not a whole part.
    """
    return _part(_rs.open_part(path, path.name, check))


def sparse_top(parts: Sequence[Part], masks: Sequence[np.ndarray], terms: np.ndarray, weights: np.ndarray, k: int) -> Leg:
    """The k chunks with the largest Σ weight · impact / 255 over the query's terms, among those where `masks` (bool, one a chunk) is true.

    `terms` ascending and distinct (uint32), `weights` float. Sums are float32 in the order of the terms; ties go to the smaller hit id.
    """
    return Leg(*_rs.sparse_top(_handles(parts), _marks(masks), _of(terms, np.uint32), _of(weights, np.float64), k))


def dense_top(parts: Sequence[Part], masks: Sequence[np.ndarray], name: str, query: np.ndarray, k: int) -> Leg:
    """The k chunks whose vector called `name` has the largest cosine with `query` (float32 (dim,), unit length), filtered by `masks`.

    Ties go to the smaller hit id. Raises ValueError for a query that is not finite or of another dimension.
    """
    return Leg(*_rs.dense_top(_handles(parts), _marks(masks), name, _of(query, np.float32), k))


def places(parts: Sequence[Part], ids: np.ndarray) -> np.ndarray:
    """The places of these chunks, int64 (4, n): first line, last line, and which symbols begin in each, from one up to another; 0 where there is no
    such chunk."""
    found: np.ndarray = _rs.places(_handles(parts), ids)
    return found


def shown(parts: Sequence[Part], ids: Sequence[int]) -> list[tuple[int, int, str, int, str, str, bool, str] | None]:
    """What is shown of these chunks: first line, last line, kind, hit id, symbol, what encloses it, whether something is masked, text. None where no
    part has such a chunk, or its record does not prove itself."""
    return _rs.shown(_handles(parts), ids)


def chunk_frequencies(parts: Sequence[Part], masks: Sequence[np.ndarray], terms: np.ndarray) -> np.ndarray:
    """In how many of the chunks that `masks` shows each term occurs; int64, aligned with `terms` (ascending, distinct)."""
    found: np.ndarray = _rs.chunk_frequencies(_handles(parts), _marks(masks), _of(terms, np.uint32))
    return found


def name_frequencies(parts: Sequence[Part], masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """In how many of the files that `masks` (one bool a file) shows each name term of each part occurs, in all of them together: int64, an array a
    part, aligned with its `names`."""
    found: list[np.ndarray] = _rs.name_frequencies(_handles(parts), _marks(masks))
    return found


def dense_kernel() -> str:
    """What the vector scan runs on here: `avx512-vnni`, `avx2` or `portable`."""
    name: str = _rs.dense_kernel()
    return name
