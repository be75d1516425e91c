"""Rows of the local store: its schema, and how files, chunks and views become rows and rows become columns again."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from ... import core
from ...errors import StoreDamaged
from ...ports import FileDetail, FileRecord
from ...types import Batch, Ints, Passage, Vectors

__all__ = [
    "BUSY_SECONDS",
    "CHUNK_COLUMNS",
    "FORMAT",
    "ORDINAL_BITS",
    "RECORD_COLUMNS",
    "REST_COLUMNS",
    "SCHEMA",
    "SMALL",
    "SPARE",
    "checksum",
    "csr_row",
    "delete_files",
    "detail_of",
    "file_key",
    "files_named",
    "indegree",
    "meta",
    "orphan",
    "packed",
    "part_of",
    "passage_of",
    "paths_of",
    "put_file",
    "put_view",
    "quoted",
    "record_of",
    "rows_by_id",
    "stored",
]


FORMAT = 1
ORDINAL_BITS = 20
BUSY_SECONDS = 15
SMALL = 4096
"""At most so many chunks are read into memory as a part of their own; more are written as a part first."""
SPARE = 500
"""So many files beyond half of those in a view may lie unused (for branches that come back) before the oldest are swept."""

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('format', {FORMAT}), ('seq', 0), ('covered', 0);
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key INTEGER NOT NULL UNIQUE, path TEXT NOT NULL, blob BLOB NOT NULL, size INTEGER NOT NULL,
    language TEXT, kind TEXT NOT NULL, lines INTEGER NOT NULL, chunks INTEGER NOT NULL, note TEXT, facts TEXT NOT NULL,
    symbol_start BLOB NOT NULL, symbol_terms BLOB NOT NULL, crc INTEGER NOT NULL,
    outline TEXT NOT NULL, name_terms BLOB NOT NULL, mentions BLOB NOT NULL, defines BLOB NOT NULL, rest_crc INTEGER NOT NULL
);
CREATE INDEX files_path ON files (path);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, hit INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, kind TEXT NOT NULL, symbol TEXT NOT NULL,
    enclosing TEXT NOT NULL, masked INTEGER NOT NULL, text TEXT NOT NULL, symbols BLOB NOT NULL, terms BLOB NOT NULL, impacts BLOB NOT NULL,
    vector BLOB NOT NULL, scale REAL NOT NULL, crc INTEGER NOT NULL
);
CREATE INDEX chunks_hit ON chunks (hit);
CREATE TABLE views (scope TEXT PRIMARY KEY, files BLOB NOT NULL, indegree BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (name TEXT PRIMARY KEY, upto INTEGER NOT NULL, chunks INTEGER NOT NULL) WITHOUT ROWID;
"""

RECORD_COLUMNS = "id, key, path, blob, size, language, kind, lines, chunks, note, facts, symbol_start, symbol_terms, crc"
"""What ranking reads of a few hundred files a query: kept short. `crc` is over these but the id, `rest_crc` over the rest."""
REST_COLUMNS = "outline, name_terms, mentions, defines, rest_crc"
CHUNK_COLUMNS = "id, hit, first, last, kind, symbol, enclosing, masked, text, symbols, terms, impacts, vector, scale, crc"


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


def checksum(values: Iterable[object]) -> int:
    return crc32(b"\0".join([v if v.__class__ is bytes else repr(v).encode("utf-8", "surrogatepass") for v in values] + [b""]))  # type: ignore[misc]


def packed(array: np.ndarray, kind: str) -> bytes:
    return array.astype(kind, copy=False).tobytes()


def csr_row(start: Ints, values: np.ndarray, i: int) -> np.ndarray:
    return values[start[i] : start[i + 1]]


_SIZES = (1, 8, 32, 128, 900)
"""So many ids a statement, filled up with the last one: few statements, which SQLite keeps prepared."""


def rows_by_id(db: sqlite3.Connection, table: str, columns: str, ids: Iterable[int]) -> Iterator[tuple[Any, ...]]:
    wanted = list(ids)
    for i in range(0, len(wanted), 900):
        some = wanted[i : i + 900]
        some += some[-1:] * (next(size for size in _SIZES if size >= len(some)) - len(some))
        yield from db.execute(f"SELECT {columns} FROM {table} WHERE id IN ({','.join('?' * len(some))})", some)


def stored(db: sqlite3.Connection, keys: Sequence[int]) -> dict[int, tuple[int, str, int]]:
    """key → (id, path, size) of the files that are stored."""
    if len(keys) > 5000:
        return {key: (i, path, size) for key, i, path, size in db.execute("SELECT key, id, path, size FROM files")}
    found = {}
    for i in range(0, len(keys), 900):
        some = list(keys[i : i + 900])
        for key, file, path, size in db.execute(f"SELECT key, id, path, size FROM files WHERE key IN ({','.join('?' * len(some))})", some):
            found[key] = (file, path, size)
    return found


def paths_of(db: sqlite3.Connection, ids: Ints) -> Iterator[tuple[int, str]]:
    return rows_by_id(db, "files", "id, path", ids.tolist())  # type: ignore[return-value]


def files_named(db: sqlite3.Connection, paths: Iterable[str]) -> Iterator[tuple[int, str]]:
    wanted = list(paths)
    for i in range(0, len(wanted), 900):
        some = wanted[i : i + 900]
        yield from db.execute(f"SELECT id, path FROM files WHERE path IN ({','.join('?' * len(some))})", some)


def put_view(db: sqlite3.Connection, scope: str, files: Ints, indegree: Ints | None = None) -> None:
    row = (packed(files, "<i8"), b"" if indegree is None else packed(indegree, "<i8"))
    db.execute("INSERT OR REPLACE INTO views VALUES (?, ?, ?, ?)", (scope, *row, checksum(row)))


def delete_files(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    for i in ids:
        db.execute("DELETE FROM chunks WHERE id >= ? AND id < ?", (i << ORDINAL_BITS, (i + 1) << ORDINAL_BITS))
        db.execute("DELETE FROM files WHERE id = ?", (i,))


def indegree(db: sqlite3.Connection, files: Ints) -> Ints:
    """For each file, how many other files of the view mention an identifier (over three characters) that only it defines."""
    mentions: list[np.ndarray] = []
    defines: list[np.ndarray] = []
    rows = {i: (m, d) for i, m, d in rows_by_id(db, "files", "id, mentions, defines", files.tolist())}
    for i in files.tolist():
        m, d = rows.get(i, (None, None))
        mentions.append(_hashes(m))
        defines.append(_hashes(d))
    return core.references(mentions, defines)


def _hashes(value: object) -> np.ndarray:
    if not isinstance(value, bytes) or len(value) % 4:
        raise StoreDamaged("the facts of a file are damaged")
    return np.frombuffer(value, "<u4")


def part_of(db: sqlite3.Connection, after: int, upto: int) -> core.Part:
    """The rows of chunks with `after < id <= upto`, and of their files, as a part. Raises StoreDamaged if one is not as it was written."""
    ids, hits, kinds, terms, impacts, vectors, scales = [], [], [], [], [], [], []
    for row in db.execute(f"SELECT {CHUNK_COLUMNS} FROM chunks WHERE id > ? AND id <= ? ORDER BY id", (after, upto)):
        if checksum(row[:-1]) != row[-1]:
            raise StoreDamaged(f"chunk {row[0]} is damaged")
        ids.append(row[0])
        hits.append(row[1])
        kinds.append(row[4])
        terms.append(row[10])
        impacts.append(row[11])
        vectors.append(row[12])
        scales.append(row[13])
    low, high = (after >> ORDINAL_BITS) + 1, upto >> ORDINAL_BITS
    files, names = [], []
    for row in db.execute(f"SELECT id, path, {REST_COLUMNS} FROM files WHERE id >= ? AND id <= ? ORDER BY id", (low, high)):
        if checksum(row[2:-1]) != row[-1]:
            raise StoreDamaged(f"the facts of {row[1]} are damaged")
        files.append(row[0])
        names.append(row[3])
    if missing := {i >> ORDINAL_BITS for i in ids} - set(files):
        raise StoreDamaged(f"the facts of {len(missing)} files are gone")
    starts: Callable[[list[bytes]], np.ndarray] = lambda blobs: np.r_[0, np.cumsum([len(b) // 4 for b in blobs], dtype=np.int64)]  # noqa: E731
    chunk_ids = np.array(ids, dtype=np.int64)
    dim = len(vectors[0]) if vectors else 0
    return core.build(
        ids=chunk_ids,
        hits=np.array(hits, dtype=np.int64),
        chunk_files=chunk_ids >> ORDINAL_BITS,
        kinds=kinds,
        term_start=starts(terms),
        terms=np.frombuffer(b"".join(terms), "<u4"),
        impacts=np.frombuffer(b"".join(impacts), "u1"),
        files=np.array(files, dtype=np.int64),
        name_start=starts(names),
        name_terms=np.frombuffer(b"".join(names), "<u4"),
        vectors={"static": Vectors(np.frombuffer(b"".join(vectors), "i1").reshape(len(ids), dim), np.array(scales, dtype=np.float32))},
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


def put_file(db: sqlite3.Connection, batch: Batch, f: int) -> int:
    """Insert file `f` of a batch with its chunks, unless it is here already; returns its id."""
    files = batch.files
    blob = files.blobs[f]
    assert blob is not None
    key, size = file_key(files.paths[f], blob), int(files.sizes[f])
    row = db.execute("SELECT id, size FROM files WHERE key = ?", (key,)).fetchone()
    if row is not None:
        if row[1] == size:
            return int(row[0])
        delete_files(db, [row[0]])
    s0, s1 = int(batch.symbols.start[f]), int(batch.symbols.start[f + 1])
    c0, c1 = int(batch.chunk_start[f]), int(batch.chunk_start[f + 1])
    symbols = batch.symbols
    facts = json.dumps(
        {
            "stems": list(batch.stems[f]),
            "symbols": list(symbols.names[s0:s1]),
            "imports": list(batch.imports[f]),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    outline = json.dumps(
        {
            "symbols": [[symbols.kinds[i], int(symbols.lines[i]), symbols.signatures[i], symbols.docs[i]] for i in range(s0, s1)],
            "calls": list(batch.calls[f]),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    starts = symbols.term_start[s0 : s1 + 1]
    values = [
        key, files.paths[f], blob, size, files.languages[f], files.kinds[f], int(files.lines[f]), c1 - c0, files.notes[f], facts,
        (starts - starts[0]).astype("<i8").tobytes(),
        packed(symbols.terms[starts[0] : starts[-1]], "<u4"),
    ]  # fmt: skip
    rest = [
        outline,
        packed(csr_row(batch.name_start, batch.name_terms, f), "<u4"),
        packed(csr_row(batch.mention_start, batch.mentions, f), "<u4"),
        packed(csr_row(batch.define_start, batch.defines, f), "<u4"),
    ]
    cursor = db.execute(
        f"INSERT INTO files ({RECORD_COLUMNS.removeprefix('id, ')}, {REST_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        [*values, checksum(values), *rest, checksum(rest)],
    )
    file = int(cursor.lastrowid or 0)
    vectors = batch.vectors["static"]
    rows = []
    for n, i in enumerate(range(c0, c1)):
        row = [
            (file << ORDINAL_BITS) | n, int(batch.hit_ids[i]), int(batch.first[i]), int(batch.last[i]), batch.kinds[i], batch.symbols_shown[i],
            batch.enclosing[i], int(batch.masked[i]), batch.texts[i],
            np.arange(batch.chunk_symbols[i] - s0, batch.chunk_symbols[i + 1] - s0, dtype="<u4").tobytes(),
            packed(csr_row(batch.term_start, batch.terms, i), "<u4"), packed(csr_row(batch.term_start, batch.impacts, i), "u1"),
            vectors.rows[i].tobytes(), float(vectors.scales[i]),
        ]  # fmt: skip
        rows.append((*row, checksum(row)))
    db.executemany(f"INSERT INTO chunks ({CHUNK_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
    return file


def record_of(row: tuple[Any, ...], indegree: int) -> FileRecord:
    """A row of `files` (`RECORD_COLUMNS`) as a record. Raises StoreDamaged if it is not as it was written."""
    if checksum(row[1:-1]) != row[-1]:
        raise StoreDamaged(f"the facts of {row[2]} are damaged")
    facts = json.loads(row[10])
    return FileRecord(
        id=row[0], path=row[2], blob=row[3], size=row[4], language=row[5], kind=row[6], lines=row[7], chunks=row[8],
        stems=tuple(facts["stems"]), symbols=tuple(facts["symbols"]),
        symbol_start=np.frombuffer(row[11], "<i8"), symbol_terms=np.frombuffer(row[12], "<u4"),
        imports=tuple(facts["imports"]), note=row[9], indegree=indegree,
    )  # fmt: skip


def detail_of(record: FileRecord, rest: tuple[Any, ...]) -> FileDetail:
    """The rest of a row of `files` (`REST_COLUMNS`) beside its record. Raises StoreDamaged if it is not as it was written."""
    if checksum(rest[:-1]) != rest[-1]:
        raise StoreDamaged(f"the facts of {record.path} are damaged")
    outline = json.loads(rest[0])
    return FileDetail(record, tuple(tuple(x) for x in outline["symbols"]), tuple(outline["calls"]))


def passage_of(row: tuple[Any, ...], file: FileRecord) -> Passage:
    """A row of `chunks` (all columns) as a passage of `file`. Raises StoreDamaged."""
    if checksum(row[:-1]) != row[-1]:
        raise StoreDamaged(f"a chunk of {file.path} is damaged")
    return Passage(
        id=row[0], hit_id=row[1], file=file.id, path=file.path, blob=file.blob, first=row[2], last=row[3], kind=row[4], symbol=row[5],
        enclosing=row[6], language=file.language, text=row[8], masked=bool(row[7]),
    )  # fmt: skip
