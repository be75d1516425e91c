"""Rows of the local store: its schema, and how files, chunks and views become rows and rows become columns again."""

from __future__ import annotations

import json
import os
import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from ... import core
from ...errors import StoreDamaged
from ...ports import FileDetail, FileRecord
from ...roles import roles
from ...types import Batch, Card, Ints, Passage, Vectors

__all__ = [
    "BUSY_SECONDS",
    "FORMAT",
    "ORDINAL_BITS",
    "RECORD_COLUMNS",
    "REST_COLUMNS",
    "SCANNED_COLUMNS",
    "SCHEMA",
    "SHOWN_COLUMNS",
    "SPARE",
    "Added",
    "delete_files",
    "detail_of",
    "file_key",
    "files_named",
    "indegree",
    "meta",
    "orphan",
    "part_of",
    "part_of_batch",
    "passage_of",
    "put_files",
    "put_view",
    "quoted",
    "record_of",
    "rows_by_id",
    "sound",
    "source_of",
    "stored",
    "view_of",
]


FORMAT = 3
ORDINAL_BITS = 20
BUSY_SECONDS = 15
SPARE = 500
"""So many files beyond half of those in a view may lie unused (for branches that come back) before the older half of them is swept: not one by
one, since what is swept is taken out of the whole segment."""

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('format', {FORMAT}), ('seq', 0), ('covered', 0);
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key INTEGER NOT NULL UNIQUE, path TEXT NOT NULL, blob BLOB NOT NULL, size INTEGER NOT NULL,
    language TEXT, kind TEXT NOT NULL, lines INTEGER NOT NULL, chunks INTEGER NOT NULL, note TEXT, imports TEXT NOT NULL,
    card BLOB NOT NULL, places BLOB NOT NULL, crc INTEGER NOT NULL,
    outline TEXT NOT NULL, name_terms BLOB NOT NULL, mentions BLOB NOT NULL, defines BLOB NOT NULL, rest_crc INTEGER NOT NULL
);
CREATE INDEX files_path ON files (path);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, hit INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, kind TEXT NOT NULL, symbol TEXT NOT NULL,
    enclosing TEXT NOT NULL, masked INTEGER NOT NULL, text TEXT NOT NULL, crc INTEGER NOT NULL,
    terms BLOB NOT NULL, impacts BLOB NOT NULL, vector BLOB NOT NULL, scale REAL NOT NULL, rest_crc INTEGER NOT NULL
);
CREATE INDEX chunks_hit ON chunks (hit);
CREATE TABLE views (
    scope TEXT PRIMARY KEY, files BLOB NOT NULL, indegree BLOB NOT NULL, source BLOB NOT NULL, crc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE parts (name TEXT PRIMARY KEY, upto INTEGER NOT NULL, chunks INTEGER NOT NULL) WITHOUT ROWID;
"""

RECORD_COLUMNS = "id, key, path, size, language, kind, lines, chunks, note, imports, blob, card, places, crc"
"""What a search reads of a file that it shows. `crc` is over these but the id, `rest_crc` over the rest.

`places` is uint32 (chunks, 4): see `core.Part`."""
REST_COLUMNS = "outline, name_terms, mentions, defines, rest_crc"
SHOWN_COLUMNS = "id, hit, first, last, kind, symbol, enclosing, masked, text, crc"
"""Of a chunk, what is shown of it."""
SCANNED_COLUMNS = "id, hit, kind, terms, impacts, vector, scale, rest_crc"
"""Of a chunk, what the segment is searched by."""
CHUNK_COLUMNS = "id, hit, first, last, kind, symbol, enclosing, masked, text, crc, terms, impacts, vector, scale, rest_crc"


def quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def meta(db: sqlite3.Connection, key: str) -> int:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is None or not isinstance(row[0], int):
        raise StoreDamaged(f"the store has lost its {key}")
    return row[0]


def file_key(path: str, blob: bytes) -> int:
    digest = blake2b(blob + path.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def checksum(*values: object, texts: tuple[str, ...] = (), data: tuple[bytes, ...] = ()) -> int:
    """A CRC-32 over values, long texts and bytes. Raises TypeError or AttributeError where one is not of its kind."""
    crc = crc32(repr((values, *map(len, data))).encode("utf-8", "surrogatepass"))
    for text in texts:
        crc = crc32(text.encode("utf-8", "surrogatepass"), crc)
    return crc32(b"".join(data), crc)


def _sum_of_record(row: Sequence[Any]) -> int:
    return checksum(*row[1:9], texts=(row[9],), data=(row[10], row[11], row[12]))


def _sum_of_rest(row: Sequence[Any]) -> int:
    return checksum(texts=(row[0],), data=(row[1], row[2], row[3]))


def _sum_of_shown(row: Sequence[Any]) -> int:
    """`checksum(*row[1:8], texts=(row[8],))`, in line: a search asks for a dozen."""
    return crc32(row[8].encode("utf-8", "surrogatepass"), crc32(repr((row[1:8],)).encode("utf-8", "surrogatepass")))


def _sum_of_scanned(row: Sequence[Any]) -> int:
    return checksum(row[1], row[2], row[6], data=(row[3], row[4], row[5]))


def sound(row: Sequence[Any], columns: str) -> bool:
    """Is a row of these columns as it was written?"""
    try:
        return bool(_SUMS[columns](row) == row[-1])
    except (TypeError, AttributeError):  # a flipped bit made a number of a text
        return False


_SUMS = {RECORD_COLUMNS: _sum_of_record, REST_COLUMNS: _sum_of_rest, SHOWN_COLUMNS: _sum_of_shown, SCANNED_COLUMNS: _sum_of_scanned}


def packed(array: np.ndarray, kind: str) -> bytes:
    return array.astype(kind, copy=False).tobytes()


def csr_row(start: Ints, values: np.ndarray, i: int) -> np.ndarray:
    return values[start[i] : start[i + 1]]


_SIZES = (1, 4, 8, 12, 16, 24, 32, 64, 128, 900)
"""So many ids a statement, filled up with the last one: few statements, which SQLite keeps prepared."""


def rows_by_id(db: sqlite3.Connection, table: str, columns: str, ids: Iterable[int]) -> Iterator[tuple[Any, ...]]:
    wanted = list(ids)
    for i in range(0, len(wanted), 900):
        some = wanted[i : i + 900]
        size = _SIZES[bisect_left(_SIZES, len(some))]
        some += some[-1:] * (size - len(some))
        yield from db.execute(_select(table, columns, size), some)


@cache
def _select(table: str, columns: str, size: int) -> str:
    return f"SELECT {columns} FROM {table} WHERE id IN ({','.join('?' * size)})"


def stored(db: sqlite3.Connection, keys: Sequence[int]) -> dict[int, tuple[int, str, int]]:
    """key → (id, path, size) of the files that are stored."""
    if len(keys) > 900 and 2 * len(keys) > db.execute("SELECT count(*) FROM files").fetchone()[0]:  # to read one takes half as long as to find it
        return {key: (i, path, size) for key, i, path, size in db.execute("SELECT key, id, path, size FROM files")}
    found = {}
    for i in range(0, len(keys), 900):
        some = list(keys[i : i + 900])
        for key, file, path, size in db.execute(f"SELECT key, id, path, size FROM files WHERE key IN ({','.join('?' * len(some))})", some):
            found[key] = (file, path, size)
    return found


def files_named(db: sqlite3.Connection, paths: Iterable[str]) -> Iterator[tuple[int, str]]:
    wanted = list(paths)
    for i in range(0, len(wanted), 900):
        some = wanted[i : i + 900]
        yield from db.execute(f"SELECT id, path FROM files WHERE path IN ({','.join('?' * len(some))})", some)


def put_view(db: sqlite3.Connection, scope: str, files: Ints, indegree: Ints | None = None, source: bytes = b"") -> None:
    row = (packed(files, "<i8"), b"" if indegree is None else packed(indegree, "<i8"), source)
    db.execute("INSERT OR REPLACE INTO views VALUES (?, ?, ?, ?, ?)", (scope, *row, checksum(data=row)))


def source_of(paths: Sequence[str], blobs: Sequence[bytes], sizes: Ints) -> bytes:
    """A digest of what a view is attached to: where it is noted with the view, all of that is in it, and nothing else."""
    text = "\0".join(paths).encode("utf-8", "surrogatepass")
    return blake2b(b"".join((text, *blobs, packed(sizes, "<i8"))), digest_size=16).digest()


def view_of(db: sqlite3.Connection, scope: str) -> tuple[Ints, Ints, bytes]:
    """The files of a view, ids ascending, their in-degrees (none: not counted yet), what it was attached to. Raises StoreDamaged."""
    row = db.execute("SELECT files, indegree, source, crc FROM views WHERE scope = ?", (scope,)).fetchone()
    if row is None:
        return np.empty(0, np.int64), np.empty(0, np.int64), b""
    try:
        if checksum(data=row[:3]) == row[3]:
            return np.frombuffer(row[0], "<i8"), np.frombuffer(row[1], "<i8"), row[2]
    except TypeError:
        pass
    raise StoreDamaged("the view of a scope is damaged")


def delete_files(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    for i in ids:
        db.execute("DELETE FROM chunks WHERE id >= ? AND id < ?", (i << ORDINAL_BITS, (i + 1) << ORDINAL_BITS))
        db.execute("DELETE FROM files WHERE id = ?", (i,))


def indegree(db: sqlite3.Connection, files: Ints) -> Ints:
    """For each file, how many other files of the view mention an identifier (over three characters) that only it defines."""
    wanted = files.tolist()
    rows = sorted(rows_by_id(db, "files", "id, mentions, defines", wanted), key=itemgetter(0))
    ids, mentions, defines = zip(*rows, strict=True) if rows else ((),) * 3
    try:
        if list(ids) != wanted:
            raise ValueError
        return core.references(*_hashes(mentions), *_hashes(defines))
    except (ValueError, TypeError):
        raise StoreDamaged("the facts of a file are damaged") from None


def _hashes(rows: Sequence[bytes]) -> tuple[Ints, np.ndarray]:
    """Where the rows begin (and the last one ends), and their values. Raises TypeError, ValueError where one is not such a row."""
    sizes = np.fromiter(map(len, rows), np.int64, len(rows))
    if (sizes % 4).any():
        raise ValueError
    return np.r_[0, np.cumsum(sizes // 4)], np.frombuffer(b"".join(rows), "<u4")


def part_of(db: sqlite3.Connection, after: int, upto: int) -> core.Part:
    """The rows of chunks with `after < id <= upto`, and of their files, as a part. Raises StoreDamaged if one is not as it was written."""
    rows, texts = [], []
    width = SHOWN_COLUMNS.count(",") + 1
    for row in db.execute(f"SELECT {SHOWN_COLUMNS}, {SCANNED_COLUMNS} FROM chunks WHERE id > ? AND id <= ? ORDER BY id", (after, upto)):
        if not sound(row[width:], SCANNED_COLUMNS):
            raise StoreDamaged(f"chunk {row[0]} is damaged")
        rows.append(row[width:])
        # What is damaged here is not shown from the part: then the row is asked, and says so.
        texts.append(core.text_record(row[5], row[6], bool(row[7]), row[8]) if sound(row[:width], SHOWN_COLUMNS) else b"")
    ids, hits, kinds, terms, impacts, vectors, scales, _ = zip(*rows, strict=True) if rows else ((),) * 8
    low, high = (after >> ORDINAL_BITS) + 1, upto >> ORDINAL_BITS
    files, names, cards, places = [], [], [], []
    width = RECORD_COLUMNS.count(",") + 1
    for row in db.execute(f"SELECT {RECORD_COLUMNS}, {REST_COLUMNS} FROM files WHERE id >= ? AND id <= ? ORDER BY id", (low, high)):
        if not (sound(row[:width], RECORD_COLUMNS) and sound(row[width:], REST_COLUMNS)):
            raise StoreDamaged(f"the facts of {row[2]} are damaged")
        files.append(row[0])
        cards.append(row[11])
        places.append(row[12])
        names.append(row[width + 1])
    if missing := {i >> ORDINAL_BITS for i in ids} - set(files):
        raise StoreDamaged(f"the facts of {len(missing)} files are gone")
    term_start, all_terms = _hashes(terms)
    name_start, name_terms = _hashes(names)
    chunk_ids = np.array(ids, dtype=np.int64)
    dim = len(vectors[0]) if vectors else 0
    return core.build(
        ids=chunk_ids,
        hits=np.array(hits, dtype=np.int64),
        chunk_files=chunk_ids >> ORDINAL_BITS,
        kinds=kinds,
        term_start=term_start,
        terms=all_terms,
        impacts=np.frombuffer(b"".join(impacts), "u1"),
        files=np.array(files, dtype=np.int64),
        name_start=name_start,
        name_terms=name_terms,
        cards=cards,
        places=np.frombuffer(b"".join(places), "<u4").reshape(-1, 4),
        texts=texts,
        vectors={"static": Vectors(np.frombuffer(b"".join(vectors), "i1").reshape(len(ids), dim), np.array(scales, dtype=np.float32))},
    )


def part_of_batch(batch: Batch, added: Sequence[Added], after: int, upto: int) -> core.Part | None:
    """What `part_of(db, after, upto)` would make, if all of these rows came from one batch; `added` are its new files."""
    added = [one for one in added if one.id <= upto >> ORDINAL_BITS]
    first = (after >> ORDINAL_BITS) + 1
    if not added or [one.id for one in added] != list(range(first, (upto >> ORDINAL_BITS) + 1)):
        return None  # another process wrote in between
    at = np.array([one.at for one in added])
    counts = batch.chunk_start[at + 1] - batch.chunk_start[at]
    if len(batch.texts) != int(counts.sum()):
        return None  # some of its files were here already
    files = np.array([one.id for one in added], dtype=np.int64)
    chunk_files = np.repeat(files, counts)
    ids = (chunk_files << ORDINAL_BITS) | (np.arange(len(chunk_files)) - np.repeat(np.cumsum(counts) - counts, counts))
    names = batch.name_start[at + 1] - batch.name_start[at]
    return core.build(
        ids=ids,
        hits=batch.hit_ids,
        chunk_files=chunk_files,
        kinds=batch.kinds,
        term_start=batch.term_start,
        terms=batch.terms,
        impacts=batch.impacts,
        files=files,
        name_start=np.r_[0, np.cumsum(names)],
        name_terms=np.concatenate([csr_row(batch.name_start, batch.name_terms, f) for f in at.tolist()]),
        cards=[one.card for one in added],
        places=np.frombuffer(b"".join(one.places for one in added), "<u4").reshape(-1, 4),
        texts=list(map(core.text_record, batch.symbols_shown, batch.enclosing, batch.masked.tolist(), batch.texts)),
        vectors={"static": batch.vectors["static"]},
    )


def orphan(path: Path) -> bool:
    """Was a temporary part (`<name>.<pid>.tmp`) left by a process that is gone?"""
    try:
        os.kill(int(path.suffixes[-2][1:]), 0)
    except ProcessLookupError:
        return True
    except (ValueError, IndexError, PermissionError):
        return False
    return False


class Added(NamedTuple):
    """A file that was added: its number in the batch, its id, its card, the places of its chunks."""

    at: int
    id: int
    card: bytes
    places: bytes


def put_files(db: sqlite3.Connection, batch: Batch) -> tuple[list[int], list[Added]]:
    """Insert the files of a batch that have chunks, unless they are here already. Returns the ids of them all, and those that are new."""
    files = batch.files
    keys = {f: file_key(path, blob) for f, (path, blob, reason) in enumerate(zip(files.paths, files.blobs, files.reasons, strict=True))
            if reason is None and blob is not None}  # fmt: skip
    sizes = files.sizes.tolist()
    known = stored(db, list(keys.values()))
    here = {key: i for key, (i, _, _) in known.items()}
    if other := [known[key][0] for f, key in keys.items() if key in known and known[key][2] != sizes[f]]:
        delete_files(db, other)
        for (scope,) in db.execute("SELECT scope FROM views").fetchall():  # one may have had them
            view, counts, _ = view_of(db, scope)
            put_view(db, scope, view, counts)
        here = {key: i for key, i in here.items() if i not in set(other)}
    (last,) = db.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'files'").fetchone()
    added = []
    for f, key in keys.items():
        if key not in here:
            here[key] = last = (last or 0) + 1
            added.append(Added(f, last, _card(batch, f), _places(batch, f)))
    db.executemany(f"INSERT INTO files ({RECORD_COLUMNS}, {REST_COLUMNS}) VALUES ({_marks(19)})", _file_rows(batch, keys, added))
    db.executemany(f"INSERT INTO chunks ({CHUNK_COLUMNS}) VALUES ({_marks(15)})", _chunk_rows(batch, added))
    return [here[key] for key in keys.values()], added


def _marks(n: int) -> str:
    return ",".join("?" * n)


def _file_rows(batch: Batch, keys: dict[int, int], added: Sequence[Added]) -> Iterator[tuple[object, ...]]:
    files, symbols = batch.files, batch.symbols
    sizes, lines, symbol_lines = files.sizes.tolist(), files.lines.tolist(), symbols.lines.tolist()
    symbol_start, chunk_start = symbols.start.tolist(), batch.chunk_start.tolist()
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for f, i, card, places in added:
        s0, s1 = symbol_start[f], symbol_start[f + 1]
        described = zip(symbols.kinds[s0:s1], symbol_lines[s0:s1], symbols.signatures[s0:s1], symbols.docs[s0:s1], strict=True)
        outline = encode({"symbols": list(described), "calls": list(batch.calls[f])})
        row = (
            i, keys[f], files.paths[f], sizes[f], files.languages[f], files.kinds[f], lines[f], chunk_start[f + 1] - chunk_start[f],
            files.notes[f], encode(list(batch.imports[f])), files.blobs[f], card, places,
        )  # fmt: skip
        rest = (
            outline,
            packed(csr_row(batch.name_start, batch.name_terms, f), "<u4"),
            packed(csr_row(batch.mention_start, batch.mentions, f), "<u4"),
            packed(csr_row(batch.define_start, batch.defines, f), "<u4"),
        )
        yield (*row, _sum_of_record(row), *rest, _sum_of_rest(rest))


def _card(batch: Batch, f: int) -> bytes:
    symbols, path = batch.symbols, batch.files.paths[f]
    s0, s1 = symbols.start[f], symbols.start[f + 1]
    starts = symbols.term_start[s0 : s1 + 1]
    terms = symbols.terms[starts[0] : starts[-1]]
    blob = batch.files.blobs[f] or b""
    role = roles(path, batch.files.kinds[f])
    return core.card(path, batch.files.languages[f], blob, role, batch.stems[f], symbols.names[s0:s1], starts - starts[0], terms)


def _places(batch: Batch, f: int) -> bytes:
    chunks = slice(batch.chunk_start[f], batch.chunk_start[f + 1])
    begins = batch.chunk_symbols[chunks.start : chunks.stop + 1] - batch.symbols.start[f]
    return np.stack([batch.first[chunks], batch.last[chunks], begins[:-1], begins[1:]], axis=1).astype("<u4").tobytes()


def _chunk_rows(batch: Batch, added: Sequence[Added]) -> Iterator[tuple[object, ...]]:
    """Columns are made bytes once, and cut: an array a chunk would take longer than all the rest."""
    chunk_start = batch.chunk_start.tolist()
    hits, first, last, masked = batch.hit_ids.tolist(), batch.first.tolist(), batch.last.tolist(), batch.masked.astype(np.int64).tolist()
    terms, impacts, cuts = packed(batch.terms, "<u4"), packed(batch.impacts, "u1"), batch.term_start.tolist()
    vectors, scales, dim = packed(batch.vectors["static"].rows, "i1"), batch.vectors["static"].scales.tolist(), batch.vectors["static"].rows.shape[1]
    for f, file, _, _ in added:
        c0 = chunk_start[f]
        for i in range(c0, chunk_start[f + 1]):
            a, b = cuts[i], cuts[i + 1]
            shown = (
                (file << ORDINAL_BITS) | (i - c0), hits[i], first[i], last[i], batch.kinds[i], batch.symbols_shown[i], batch.enclosing[i], masked[i],
                batch.texts[i],
            )  # fmt: skip
            scanned = (terms[4 * a : 4 * b], impacts[a:b], vectors[i * dim : (i + 1) * dim], scales[i])
            yield (*shown, _sum_of_shown(shown), *scanned, _sum_of_scanned((0, hits[i], batch.kinds[i], *scanned)))


def record_of(row: tuple[Any, ...], indegree: int) -> FileRecord:
    """A row of `files` (`RECORD_COLUMNS`) as a record. Raises StoreDamaged if it is not as it was written."""
    if not sound(row, RECORD_COLUMNS):
        raise StoreDamaged(f"the facts of {row[2]} are damaged")
    return FileRecord(
        id=row[0], path=row[2], blob=row[10], size=row[3], language=row[4], kind=row[5], lines=row[6], chunks=row[7],
        card=core.read_card(np.frombuffer(row[11], np.uint8)), imports=tuple(json.loads(row[9])), note=row[8], indegree=indegree,
    )  # fmt: skip


def detail_of(record: FileRecord, rest: tuple[Any, ...]) -> FileDetail:
    """The rest of a row of `files` (`REST_COLUMNS`) beside its record. Raises StoreDamaged if it is not as it was written."""
    if not sound(rest, REST_COLUMNS):
        raise StoreDamaged(f"the facts of {record.path} are damaged")
    outline = json.loads(rest[0])
    return FileDetail(record, tuple(tuple(x) for x in outline["symbols"]), tuple(outline["calls"]))


def passage_of(row: tuple[Any, ...], file: Card) -> Passage:
    """A row of `chunks` (`SHOWN_COLUMNS`) as a passage of the file of this card. Raises StoreDamaged."""
    if not sound(row, SHOWN_COLUMNS):
        raise StoreDamaged(f"a chunk of {file.path} is damaged")
    i, hit, first, last, kind, symbol, enclosing, masked, text, _ = row
    return Passage(i, hit, i >> ORDINAL_BITS, file.path, file.blob, first, last, kind, symbol, enclosing, file.language, text, bool(masked))
