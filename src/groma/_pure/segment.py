"""The segment: postings and vectors of many chunks in arrays that are mapped from a file, and the two scans over them.

A segment is a list of *parts*. A part is immutable; it is written whole under a new name and never changed. Which parts make up a store's
segment, and which of their chunks a search may see (the masks), the store knows. A part can be lost or damaged at any time: it is rebuilt from
the store's rows.

File: `MAGIC`, the header's length (8 bytes), its CRC-32 and the body's CRC-32 (4 bytes each), a JSON header with the file's own name (a part put
in another's place must not pass for it) and each array's type, shape and offset in the body, then the arrays, each at a multiple of 64 bytes.

FORMAT log: 1 - first.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np

from ..errors import StoreDamaged
from ..types import Leg, Vectors

__all__ = [
    "FORMAT",
    "Part",
    "build",
    "chunk_frequencies",
    "dense_top",
    "merge",
    "name_frequencies",
    "open_part",
    "sparse_top",
    "write_part",
]

FORMAT = 1
MAGIC = b"gromaseg"
BLOCK = 8192
"""Vectors are widened to float64 this many at a time."""
QUERY_STEPS = 32767
"""A query's coordinate 1.0 in whole numbers: with 8-bit rows of up to 512 coordinates, products and their sums fit 32 bits."""


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of n chunks in f files.

    `ids` (n,) the store's chunk ids, ascending; `hits` (n,) hit ids, the tie-breaker; `file_of` (n,) index into `files`; `kind_of` (n,) index into
    `kinds`; `files` (f,) the store's file ids, ascending. Postings of term `terms[t]`: `post_chunks[post_start[t]:post_start[t+1]]` (indexes into
    the chunks, ascending) with `post_impacts`. `names`, `name_start`, `name_files` are the same over files and name terms. `vectors` by name.
    """

    ids: np.ndarray
    hits: np.ndarray
    file_of: np.ndarray
    kind_of: np.ndarray
    files: np.ndarray
    terms: np.ndarray
    post_start: np.ndarray
    post_chunks: np.ndarray
    post_impacts: np.ndarray
    names: np.ndarray
    name_start: np.ndarray
    name_files: np.ndarray
    kinds: tuple[str, ...]
    vectors: Mapping[str, Vectors] = field(default_factory=dict)


_ARRAYS = (
    "ids", "hits", "file_of", "kind_of", "files", "terms", "post_start", "post_chunks", "post_impacts", "names", "name_start", "name_files",
)  # fmt: skip


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
    vectors: Mapping[str, Vectors],
) -> Part:
    """A part from rows: chunk ids and file ids ascending, `chunk_files` the file id of each chunk, sparse vectors and name terms as CSR."""
    table = tuple(sorted(set(kinds)))
    code = {kind: i for i, kind in enumerate(table)}
    rows = np.repeat(np.arange(len(ids), dtype=np.uint32), np.diff(term_start))
    found, start, order = _invert(terms)
    named, named_start, named_order = _invert(name_terms)
    name_rows = np.repeat(np.arange(len(files), dtype=np.uint32), np.diff(name_start))
    return Part(
        ids=np.asarray(ids, dtype=np.int64),
        hits=np.asarray(hits, dtype=np.int64),
        file_of=np.searchsorted(files, chunk_files).astype(np.uint32),
        kind_of=np.array([code[k] for k in kinds], dtype=np.uint8),
        files=np.asarray(files, dtype=np.int64),
        terms=found,
        post_start=start,
        post_chunks=rows[order],
        post_impacts=np.asarray(impacts, dtype=np.uint8)[order],
        names=named,
        name_start=named_start,
        name_files=name_rows[named_order],
        kinds=table,
        vectors=dict(vectors),
    )


def _invert(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct keys ascending, where the run of each begins (one more at the end), and the stable order that groups them."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.empty(0, dtype=np.int64)
    return ordered[first].astype(np.uint32), np.r_[first, len(ordered)].astype(np.int64), order


def merge(parts: Sequence[Part], keeps: Sequence[np.ndarray]) -> Part:
    """One part of several whose id ranges do not overlap, in ascending order, with the files where `keeps` is true."""
    names = parts[0].vectors.keys()
    chunk_keeps = [keep[part.file_of] for part, keep in zip(parts, keeps, strict=True)]
    files = np.concatenate([p.files[k] for p, k in zip(parts, keeps, strict=True)])
    chunk_files = np.concatenate([p.files[p.file_of[k]] for p, k in zip(parts, chunk_keeps, strict=True)])
    rows, terms, impacts = _postings(parts, chunk_keeps, "terms", "post_start", "post_chunks", "post_impacts")
    name_rows, name_terms, _ = _postings(parts, keeps, "names", "name_start", "name_files", None)
    ids = np.concatenate([p.ids[k] for p, k in zip(parts, chunk_keeps, strict=True)])
    kinds = [p.kinds[c] for p, k in zip(parts, chunk_keeps, strict=True) for c in p.kind_of[k]]
    vectors = {
        name: Vectors(
            np.concatenate([p.vectors[name].rows[k] for p, k in zip(parts, chunk_keeps, strict=True)]),
            np.concatenate([p.vectors[name].scales[k] for p, k in zip(parts, chunk_keeps, strict=True)]),
        )
        for name in names
    }
    return build(
        ids=ids,
        hits=np.concatenate([p.hits[k] for p, k in zip(parts, chunk_keeps, strict=True)]),
        chunk_files=chunk_files,
        kinds=kinds,
        term_start=_starts(rows, len(ids)),
        terms=terms,
        impacts=impacts,
        files=files,
        name_start=_starts(name_rows, len(files)),
        name_terms=name_terms,
        vectors=vectors,
    )


def _postings(
    parts: Sequence[Part], keeps: Sequence[np.ndarray], keys: str, starts: str, rows: str, values: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The postings of several parts as rows again: (row, key, value), ascending by row and key, rows renumbered over what is kept."""
    all_rows, all_keys, all_values, base = [], [], [], 0
    for part, keep in zip(parts, keeps, strict=True):
        row = getattr(part, rows)
        kept = keep[row]
        renumbered = np.cumsum(keep) - 1 + base
        all_rows.append(renumbered[row[kept]])
        all_keys.append(np.repeat(getattr(part, keys), np.diff(getattr(part, starts)))[kept])
        all_values.append(getattr(part, values)[kept] if values else np.zeros(len(all_keys[-1]), dtype=np.uint8))
        base += int(keep.sum())
    row, key, value = np.concatenate(all_rows), np.concatenate(all_keys), np.concatenate(all_values)
    order = np.lexsort((key, row))
    return row[order], key[order].astype(np.uint32), value[order]


def _starts(rows: np.ndarray, n: int) -> np.ndarray:
    return np.searchsorted(rows, np.arange(n + 1)).astype(np.int64)


# ------------------------------------------------------------------------------------------------------------------------- files


def write_part(path: Path, part: Part) -> None:
    """Write a part to `path`, whole or not at all (a temporary file, synced, then renamed). Raises OSError."""
    arrays = {name: np.ascontiguousarray(getattr(part, name)) for name in _ARRAYS}
    for name, vectors in part.vectors.items():
        arrays[f"vectors/{name}/rows"] = np.ascontiguousarray(vectors.rows)
        arrays[f"vectors/{name}/scales"] = np.ascontiguousarray(vectors.scales)
    layout: dict[str, object] = {}
    offset = crc = 0
    pieces: list[bytes] = []
    for name, array in arrays.items():
        data = array.tobytes()
        data += b"\0" * (-len(data) % 64)
        layout[name] = [array.dtype.str, list(array.shape), offset]
        offset += len(data)
        crc = crc32(data, crc)
        pieces.append(data)
    header = json.dumps({"format": FORMAT, "name": path.name, "kinds": part.kinds, "arrays": layout, "bytes": offset}).encode()
    header += b" " * (-(len(header) + 24) % 64)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as f:
            f.write(MAGIC + len(header).to_bytes(8, "little") + crc32(header).to_bytes(4, "little") + crc.to_bytes(4, "little") + header)
            f.writelines(pieces)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def open_part(path: Path, *, check: bool = True) -> Part:
    """Map a part. `check` compares the body's checksum too (about 1 ms a MB). Raises StoreDamaged for anything that is not a whole part."""
    try:
        with open(path, "rb") as f:
            data = memoryview(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as e:
        raise StoreDamaged(f"{path.name} cannot be mapped: {e}", path=str(path)) from e
    if len(data) < 24 or data[:8] != MAGIC:
        raise StoreDamaged(f"{path.name} is not a segment of groma", path=str(path))
    length = int.from_bytes(data[8:16], "little")
    header, body = data[24 : 24 + length], data[24 + length :]
    if len(header) != length or crc32(header) != int.from_bytes(data[16:20], "little"):
        raise StoreDamaged(f"the header of {path.name} is damaged", path=str(path))
    meta = json.loads(bytes(header))
    if meta["format"] != FORMAT:
        raise StoreDamaged(f"{path.name} has segment format {meta['format']}, this groma reads {FORMAT}", path=str(path))
    if meta.get("name") != path.name:
        raise StoreDamaged(f"{path.name} is another part, {meta.get('name')}", path=str(path))
    if len(body) != meta["bytes"]:
        raise StoreDamaged(f"{path.name} is truncated", path=str(path))
    if check and crc32(body) != int.from_bytes(data[20:24], "little"):
        raise StoreDamaged(f"the body of {path.name} is damaged", path=str(path))
    arrays = {
        name: np.frombuffer(body, dtype=np.dtype(kind), count=int(np.prod(shape)), offset=offset).reshape(shape)
        for name, (kind, shape, offset) in meta["arrays"].items()
    }
    names = [name.split("/")[1] for name in arrays if name.endswith("/rows")]
    vectors = {name: Vectors(arrays[f"vectors/{name}/rows"], arrays[f"vectors/{name}/scales"]) for name in names}
    return Part(**{name: arrays[name] for name in _ARRAYS}, kinds=tuple(meta["kinds"]), vectors=vectors)


# ------------------------------------------------------------------------------------------------------------------------- scans


def sparse_top(parts: Sequence[Part], masks: Sequence[np.ndarray], terms: np.ndarray, weights: np.ndarray, k: int) -> Leg:
    """The k chunks with the largest Σ weight · impact / 255 over the query's terms, among those where `masks` (bool, one a chunk) is true.

    `terms` ascending and distinct (uint32), `weights` float. Sums are float32 in the order of the terms; ties go to the smaller hit id.
    """
    found = []
    scaled = (np.asarray(weights, dtype=np.float64) / 255).astype(np.float32)
    for part, mask in zip(parts, masks, strict=True):
        scores = np.zeros(len(part.ids), dtype=np.float32)
        at = np.searchsorted(part.terms, terms)
        for i, term, weight in zip(at, terms, scaled, strict=True):
            if i < len(part.terms) and part.terms[i] == term:
                run = slice(part.post_start[i], part.post_start[i + 1])
                scores[part.post_chunks[run]] += weight * part.post_impacts[run]
        found.append(_candidates(part, scores, mask & (scores > 0), k))
    return _top(found, k)


def dense_top(parts: Sequence[Part], masks: Sequence[np.ndarray], name: str, query: np.ndarray, k: int) -> Leg:
    """The k chunks whose vector called `name` has the largest cosine with `query` (float32 (dim,), unit length), filtered by `masks`.

    The query is rounded to whole numbers of 1/32767, as the rows are whole numbers: a sum of such products is exact in any order, so that a
    score depends neither on where a chunk lies nor on the core or library that multiplies.
    """
    found = []
    whole = np.rint(np.asarray(query, dtype=np.float64) * QUERY_STEPS)
    for part, mask in zip(parts, masks, strict=True):
        if name not in part.vectors or not mask.any():
            continue
        rows, scales = part.vectors[name].rows, part.vectors[name].scales
        sums = np.empty(len(rows), dtype=np.float64)
        for i in range(0, len(rows), BLOCK):
            sums[i : i + BLOCK] = rows[i : i + BLOCK].astype(np.float64) @ whole
        found.append(_candidates(part, (sums * scales / QUERY_STEPS).astype(np.float32), mask, k))
    return _top(found, k)


def _candidates(part: Part, scores: np.ndarray, mask: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
    at = np.flatnonzero(mask)
    if len(at) > k:
        cut = np.partition(scores[at], len(at) - k)[len(at) - k]
        at = at[scores[at] >= cut]  # ties at the cut stay, so that it is the hit id that decides
    return part.ids[at], part.files[part.file_of[at]], scores[at], part.hits[at]


def _top(found: Sequence[tuple[np.ndarray, ...]], k: int) -> Leg:
    if not found:
        return Leg(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    ids, files, scores, hits = (np.concatenate(columns) for columns in zip(*found, strict=True))
    best = np.lexsort((hits, -scores))[:k]
    return Leg(ids[best], files[best], scores[best])


def chunk_frequencies(parts: Sequence[Part], masks: Sequence[np.ndarray], terms: np.ndarray) -> np.ndarray:
    """In how many of the chunks that `masks` shows each term occurs; int64, aligned with `terms` (ascending, distinct)."""
    return _frequencies([(p.terms, p.post_start, p.post_chunks, m) for p, m in zip(parts, masks, strict=True)], terms)


def name_frequencies(parts: Sequence[Part], masks: Sequence[np.ndarray], terms: np.ndarray) -> np.ndarray:
    """The same over files and name terms; `masks` has one bool a file."""
    return _frequencies([(p.names, p.name_start, p.name_files, m) for p, m in zip(parts, masks, strict=True)], terms)


def _frequencies(tables: Sequence[tuple[np.ndarray, ...]], terms: np.ndarray) -> np.ndarray:
    counts = np.zeros(len(terms), dtype=np.int64)
    for keys, start, rows, mask in tables:
        if not len(keys):
            continue
        at = np.minimum(np.searchsorted(keys, terms), len(keys) - 1)
        known = np.flatnonzero(keys[at] == terms)
        if len(known) > 64:  # then one pass over all postings is cheaper than many short ones
            before = np.r_[0, np.cumsum(mask[rows])]
            counts[known] += before[start[at[known] + 1]] - before[start[at[known]]]
        else:
            for i in known:
                counts[i] += np.count_nonzero(mask[rows[start[at[i]] : start[at[i] + 1]]])
    return counts
