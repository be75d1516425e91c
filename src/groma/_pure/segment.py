"""The segment: postings and vectors of many chunks in arrays that are mapped from a file, and the two scans over them.

A segment is a list of *parts*. A part is immutable; it is written whole under a new name and never changed. Which parts make up a store's
segment, and which of their chunks a search may see (the masks), the store knows. A part can be lost or damaged at any time: it is rebuilt from
the store's rows.

File: `MAGIC`, the header's length (8 bytes), its CRC-32 and the body's CRC-32 (4 bytes each), a JSON header with the file's own name (a part put
in another's place must not pass for it) and each array's type, shape and offset in the body, then the arrays, each at a multiple of 64 bytes;
the first of them begins at such a multiple of the file, too. The last array, the texts, is most of the file and little of it is ever asked for: it
lies behind what the body's CRC-32 is over (`checked` bytes), is not read when a part is opened, and each of its records proves itself.

FORMAT log: 1 - first. 2 - the cards of the files, the places of the chunks. 3 - the texts of the chunks.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from ..errors import StoreDamaged
from ..types import Leg, Vectors
from .arrays import member
from .texts import read_text

__all__ = [
    "FORMAT",
    "Part",
    "build",
    "chunk_frequencies",
    "dense_top",
    "merge",
    "name_frequencies",
    "open_part",
    "places",
    "shown",
    "sparse_top",
    "write_body",
    "write_part",
]

FORMAT = 3
MAGIC = b"gromaseg"
BLOCK = 512
"""Vectors are widened to floats this many at a time: what fits a processor's own cache is four times as fast as what does not."""
WIDEST = 65_536
"""Dimensions of a vector at most."""


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of n chunks in f files.

    `ids` (n,) the store's chunk ids, ascending; `hits` (n,) hit ids, the tie-breaker; `file_of` (n,) index into `files`; `kind_of` (n,) index into
    `kinds`; `files` (f,) the store's file ids, ascending. Postings of term `terms[t]`: `post_chunks[post_start[t]:post_start[t+1]]` (indexes into
    the chunks, ascending) with `post_impacts`. `names`, `name_start`, `name_files` are the same over files and name terms. File i has the card
    (see `cards`) `cards[card_start[i]:card_start[i+1]]`. `places` (n · 4,) has for each chunk its first and last line, and which of its file's
    symbols begin in it, from one up to another. Chunk i is shown by the record (see `texts`) `texts[text_start[i]:text_start[i+1]]`. `vectors` by
    name.
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
    card_start: np.ndarray
    cards: np.ndarray
    places: np.ndarray
    text_start: np.ndarray
    texts: np.ndarray
    kinds: tuple[str, ...]
    vectors: Mapping[str, Vectors] = field(default_factory=dict)


_ARRAYS = {
    "ids": "<i8", "hits": "<i8", "file_of": "<u4", "kind_of": "|u1", "files": "<i8",
    "terms": "<u4", "post_start": "<i8", "post_chunks": "<u4", "post_impacts": "|u1",
    "names": "<u4", "name_start": "<i8", "name_files": "<u4",
    "card_start": "<i8", "cards": "|u1", "places": "<u4", "text_start": "<i8", "texts": "|u1",
}  # fmt: skip
"""Every array of a file but the vectors, in order, and its type. The vectors lie before the last one."""


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
    file_of = np.searchsorted(files, chunk_files).astype(np.uint32)
    if len(ids) and (int(file_of.max()) >= len(files) or not np.array_equal(files[file_of], chunk_files)):
        raise ValueError("a file of a chunk is not among the files")
    if len(cards) != len(files) or any(len(card) % 4 for card in cards):
        raise ValueError("there must be one card a file, of whole words")
    if places.shape != (len(ids), 4):
        raise ValueError("there must be one place a chunk")
    if len(texts) != len(ids):
        raise ValueError("there must be one text a chunk")
    table = tuple(sorted(set(kinds)))
    code = {kind: i for i, kind in enumerate(table)}
    rows = np.repeat(np.arange(len(ids), dtype=np.uint32), np.diff(term_start))
    found, start, order = _invert(terms)
    named, named_start, named_order = _invert(name_terms)
    name_rows = np.repeat(np.arange(len(files), dtype=np.uint32), np.diff(name_start))
    return Part(
        ids=np.asarray(ids, dtype=np.int64),
        hits=np.asarray(hits, dtype=np.int64),
        file_of=file_of,
        kind_of=np.array([code[k] for k in kinds], dtype=np.uint8),
        files=np.asarray(files, dtype=np.int64),
        terms=found,
        post_start=start,
        post_chunks=rows[order],
        post_impacts=np.asarray(impacts, dtype=np.uint8)[order],
        names=named,
        name_start=named_start,
        name_files=name_rows[named_order],
        card_start=np.cumsum([0, *map(len, cards)], dtype=np.int64),
        cards=np.frombuffer(b"".join(cards), np.uint8),
        places=np.asarray(places, dtype=np.uint32).reshape(-1),
        text_start=np.cumsum([0, *map(len, texts)], dtype=np.int64),
        texts=np.frombuffer(b"".join(texts), np.uint8),
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
        cards=[run for p, k in zip(parts, keeps, strict=True) for run in _runs(p.card_start, p.cards, k)],
        places=np.concatenate([p.places.reshape(-1, 4)[k] for p, k in zip(parts, chunk_keeps, strict=True)]),
        texts=[run for p, k in zip(parts, chunk_keeps, strict=True) for run in _runs(p.text_start, p.texts, k)],
        vectors=vectors,
    )


def _runs(start: np.ndarray, data: np.ndarray, keep: np.ndarray) -> list[bytes]:
    return [data[start[i] : start[i + 1]].tobytes() for i in np.flatnonzero(keep).tolist()]


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
    arrays = {name: np.ascontiguousarray(getattr(part, name)) for name in _ARRAYS if name != "texts"}
    for name, vectors in part.vectors.items():
        arrays[f"vectors/{name}/rows"] = np.ascontiguousarray(vectors.rows)
        arrays[f"vectors/{name}/scales"] = np.ascontiguousarray(vectors.scales)
    layout: list[tuple[str, str, Sequence[int], int]] = []
    pieces: list[bytes] = []
    offset = crc = 0
    for name, array in arrays.items():
        data = array.tobytes()
        data += b"\0" * (-len(data) % 64)
        layout.append((name, array.dtype.str, array.shape, offset))
        offset += len(data)
        crc = crc32(data, crc)
        pieces.append(data)
    layout.append(("texts", part.texts.dtype.str, part.texts.shape, offset))
    pieces.append(part.texts.tobytes())
    write_body(path, part.kinds, layout, pieces, offset, crc)


def write_body(
    path: Path,
    kinds: Sequence[str],
    layout: Iterable[tuple[str, str, Sequence[int], int]],
    pieces: Sequence[bytes | memoryview],
    checked: int,
    crc: int,
) -> None:
    """Write a body, in `pieces`, behind a header; `layout` is each array's name, type, shape and offset, `crc` the CRC-32 of its first `checked`
    bytes. Raises OSError."""
    arrays = {name: [kind, list(shape), offset] for name, kind, shape, offset in layout}
    size = sum(map(len, pieces))
    header = json.dumps({"format": FORMAT, "name": path.name, "kinds": kinds, "arrays": arrays, "checked": checked, "bytes": size}).encode()
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
    """Map a part. `check` reads all of it but the texts: its checksum (about 1 ms a MB), and whether the arrays fit together.

    Raises StoreDamaged for anything that is not a whole part.
    """

    def damaged(what: str) -> StoreDamaged:
        return StoreDamaged(what, path=str(path))

    try:
        with open(path, "rb") as f:
            data = memoryview(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as e:
        raise damaged(f"{path.name} cannot be mapped: {e}") from e
    if len(data) < 24 or data[:8] != MAGIC:
        raise damaged(f"{path.name} is not a segment of groma")
    length = int.from_bytes(data[8:16], "little")
    header, body = data[24 : 24 + length], data[24 + length :]
    if len(header) != length or (24 + length) % 64 or crc32(header) != int.from_bytes(data[16:20], "little"):
        raise damaged(f"the header of {path.name} is damaged")
    try:
        meta = json.loads(bytes(header))
    except (ValueError, RecursionError):
        meta = None
    if not isinstance(meta, dict):
        raise damaged(f"the header of {path.name} is damaged")
    found = meta.get("format")
    if type(found) is not int or found != FORMAT:
        found = found if type(found) is int and 0 <= found < 2**64 else "none"
        raise damaged(f"{path.name} has segment format {found}, this groma reads {FORMAT}")
    if meta.get("name") != path.name:
        raise damaged(f"{path.name} is another part, {meta.get('name') if isinstance(meta.get('name'), str) else ''}")
    if type(meta.get("bytes")) is not int or len(body) != meta["bytes"]:
        raise damaged(f"{path.name} is truncated")
    checked = meta.get("checked")
    if type(checked) is not int or not 0 <= checked <= len(body):
        raise damaged(f"the header of {path.name} is damaged")
    if check and crc32(body[:checked]) != int.from_bytes(data[20:24], "little"):
        raise damaged(f"the body of {path.name} is damaged")
    part = _described(meta, body, checked)
    if part is None:
        raise damaged(f"the header of {path.name} is damaged")
    if not _fits(part) or (check and not _sound(part)):
        raise damaged(f"the arrays of {path.name} do not fit together")
    return part


def _described(meta: Mapping[str, Any], body: memoryview, checked: int) -> Part | None:
    """The arrays that a header tells of; None unless each is one of ours, of its type, at a multiple of 64 bytes and inside what is checked, but
    for the texts, which are the rest of the body."""
    layout, kinds = meta.get("arrays"), meta.get("kinds")
    if not isinstance(layout, dict) or not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        return None
    arrays: dict[str, np.ndarray] = {}
    for name, entry in layout.items():
        if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[1], list):
            return None
        dtype, shape, offset = entry
        if not all(type(x) is int and x >= 0 for x in (*shape, offset)):
            return None
        rows = name.startswith("vectors/") and name.endswith("/rows")
        scales = name.startswith("vectors/") and name.endswith("/scales")
        expected = "|i1" if rows else "<f4" if scales else _ARRAYS.get(name)
        items = math.prod(shape)
        if expected is None or dtype != expected or len(shape) != 1 + rows or offset % 64:
            return None
        end = offset + items * np.dtype(dtype).itemsize
        if end > checked and (name, offset, end) != ("texts", checked, len(body)):
            return None
        arrays[name] = np.frombuffer(body, dtype=dtype, count=items, offset=offset).reshape(shape)
    names = [name.removeprefix("vectors/").removesuffix("/rows") for name in arrays if name.endswith("/rows")]
    if len(arrays) != len(_ARRAYS) + 2 * len(names) or not all(name in arrays for name in _ARRAYS):
        return None
    if not all(f"vectors/{name}/scales" in arrays for name in names):
        return None
    vectors = {name: Vectors(arrays[f"vectors/{name}/rows"], arrays[f"vectors/{name}/scales"]) for name in names}
    if not all(v.rows.shape[1] <= WIDEST and len(v.rows) == len(v.scales) for v in vectors.values()):
        return None
    return Part(**{name: arrays[name] for name in _ARRAYS}, kinds=tuple(kinds), vectors=vectors)


def _fits(part: Part) -> bool:
    """Do the lengths of the arrays agree?"""
    n = len(part.ids)
    return (
        len(part.hits) == len(part.file_of) == len(part.kind_of) == n
        and len(part.places) == 4 * n
        and len(part.post_impacts) == len(part.post_chunks)
        and len(part.post_start) == len(part.terms) + 1
        and len(part.name_start) == len(part.names) + 1
        and len(part.card_start) == len(part.files) + 1
        and len(part.text_start) == n + 1
        and all(len(v.scales) == n for v in part.vectors.values())
    )


def _sound(part: Part) -> bool:
    """Do their contents? What rises does, and what points into an array points inside it."""
    n, files = len(part.ids), len(part.files)
    return (
        _rises(part.ids)
        and _rises(part.files)
        and bool((part.file_of < files).all())
        and bool((part.kind_of < len(part.kinds)).all())
        and _well_kept(part.terms, part.post_start, part.post_chunks, n)
        and _well_kept(part.names, part.name_start, part.name_files, files)
        and _cut(part.card_start, len(part.cards))
        and not (part.card_start % 4).any()
        and _cut(part.text_start, len(part.texts))
        and all(bool(np.isfinite(v.scales).all()) for v in part.vectors.values())
    )


def _rises(values: np.ndarray) -> bool:
    return bool((values[1:] > values[:-1]).all())


def _cut(start: np.ndarray, end: int) -> bool:
    """Runs, one after the other, that fill their array."""
    return bool(start[0] == 0 and start[-1] == end and (start[1:] >= start[:-1]).all())


def _well_kept(keys: np.ndarray, start: np.ndarray, rows: np.ndarray, n: int) -> bool:
    if not _rises(keys) or start[0] != 0 or start[-1] != len(rows) or not (start[1:] >= start[:-1]).all():
        return False
    falls = np.flatnonzero(rows[1:] < rows[:-1]) + 1  # from one key's rows to the next one's they may
    return bool((rows < n).all() and member(falls, start).all())


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

    The query is rounded to whole numbers of 16 bits, a 32,767th of its largest component a step (about 250 times finer than the rounding of the
    vectors). So a product is a sum of integers, exact in whatever order and width it is added. Ties go to the smaller hit id. Raises ValueError
    for a query that is not finite or of another dimension.
    """
    whole, step = _rounded(query)
    high = np.rint(whole / 256)
    wide: Any = np.float32 if len(whole) <= 1024 else np.float64  # what holds the sums of half a number exactly
    halves = np.stack([high, whole - 256 * high], axis=1).astype(wide)
    found = []
    for part, mask in zip(parts, masks, strict=True):
        if name not in part.vectors or not len(part.ids):
            continue
        rows, scales = part.vectors[name].rows, part.vectors[name].scales
        if rows.shape[1] != len(query):
            raise ValueError(f"the query has {len(query)} dimensions, the vectors {rows.shape[1]}")
        if not mask.any():
            continue
        dots = np.empty(len(rows), dtype=np.float64)
        for i in range(0, len(rows), BLOCK):
            block: np.ndarray = rows[i : i + BLOCK].astype(wide)
            dots[i : i + BLOCK] = (block @ halves) @ np.array([256.0, 1.0])
        found.append(_candidates(part, (dots * step * scales).astype(np.float32), mask, k))
    return _top(found, k)


def _rounded(query: np.ndarray) -> tuple[np.ndarray, float]:
    """The query in whole numbers, and what one of them stands for. 128 times their sum is below 2³¹."""
    if not np.isfinite(query).all():
        raise ValueError("the query is not finite")
    exact = query.astype(np.float64)
    step = float(np.abs(exact).max(initial=0.0)) / min(32_767, (2**31 - 1) // (128 * max(1, len(query))))
    return (np.rint(exact / step) if step else np.zeros(len(query))), step


def _candidates(part: Part, scores: np.ndarray, mask: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
    at = np.flatnonzero(mask)
    if len(at) > k > 0:
        cut = np.partition(scores[at], len(at) - k)[len(at) - k]
        at = at[scores[at] >= cut]  # ties at the cut stay, so that it is the hit id that decides
    return part.ids[at], part.files[part.file_of[at]], scores[at], part.hits[at]


def _top(found: Sequence[tuple[np.ndarray, ...]], k: int) -> Leg:
    if not found:
        return Leg(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    ids, files, scores, hits = (np.concatenate(columns) for columns in zip(*found, strict=True))
    best = np.lexsort((hits, -scores))[:k]
    return Leg(ids[best], files[best], scores[best])


def places(parts: Sequence[Part], ids: np.ndarray) -> np.ndarray:
    """The places of these chunks, int64 (4, n): first line, last line, and which symbols begin in each, from one up to another; 0 where there is no
    such chunk."""
    found = np.zeros((4, len(ids)), dtype=np.int64)
    for part in parts:
        if len(part.ids):
            at = np.minimum(part.ids.searchsorted(ids), len(part.ids) - 1)
            here = part.ids[at] == ids
            found[:, here] = part.places.reshape(-1, 4)[at[here]].T
    return found


def shown(parts: Sequence[Part], ids: Sequence[int]) -> list[tuple[int, int, str, int, str, str, bool, str] | None]:
    """What is shown of these chunks: first line, last line, kind, hit id, symbol, what encloses it, whether something is masked, text. None where no
    part has such a chunk, or its record does not prove itself."""
    found: list[tuple[int, int, str, int, str, str, bool, str] | None] = [None] * len(ids)
    for part in parts:
        if len(part.ids):
            at = np.minimum(part.ids.searchsorted(ids), len(part.ids) - 1)
            here = np.flatnonzero(part.ids[at] == ids)
            for n, row in zip(here.tolist(), at[here].tolist(), strict=True):
                text = read_text(part.texts[part.text_start[row] : part.text_start[row + 1]].tobytes())
                if text is not None:
                    first, last = part.places[4 * row : 4 * row + 2].tolist()
                    found[n] = (first, last, part.kinds[part.kind_of[row]], part.hits.item(row), *text)
    return found


def chunk_frequencies(parts: Sequence[Part], masks: Sequence[np.ndarray], terms: np.ndarray) -> np.ndarray:
    """In how many of the chunks that `masks` shows each term occurs; int64, aligned with `terms` (ascending, distinct)."""
    return _frequencies([(p.terms, p.post_start, p.post_chunks, m) for p, m in zip(parts, masks, strict=True)], terms)


def name_frequencies(parts: Sequence[Part], masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """In how many of the files that `masks` (one bool a file) shows each name term of each part occurs, in all of them together: int64, an array a
    part, aligned with its `names`."""
    return [_frequencies([(p.names, p.name_start, p.name_files, m) for p, m in zip(parts, masks, strict=True)], part.names) for part in parts]


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
