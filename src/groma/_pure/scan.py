"""From files to columns: read, judge, mask, parse, chunk, tokens, weights, vectors — one batch of files a call.

`scan` is the whole of it for an index run, `scan_texts` the same for texts at hand. Neither knows scopes, stores or what was indexed before.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from importlib.resources import files as resources
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

import numpy as np

from .._shared import SCAN_REASONS as REASONS
from ..types import Batch, FileColumns, SymbolColumns, Vectors
from . import chunk, passage, tokens
from .arrays import distinct
from .git import OPEN_FLAGS, blob_id
from .languages import Language, by_name, detect
from .masking import mask
from .outlines import outlines
from .parse import FUNCTIONS, SYMBOLS_ONLY, Definition, Outline
from .static_model import StaticModel, embed, load, quantize

__all__ = ["REASONS", "bare_name", "decode", "embed_query", "embed_texts", "read_now", "scan", "scan_texts", "static_id"]

BATCH_BYTES = 4_000_000
BATCH_FILES = 256
PARSE_BYTES = 1_000_000
"""Above this size a text is not parsed but cut into windows of lines."""

_BINARY_EXTENSIONS = frozenset(
    (
        "png jpg jpeg gif webp bmp ico icns tif tiff psd pdf zip gz tgz bz2 xz zst 7z rar jar war class o a so dylib "
        "dll exe bin wasm pyc pyo woff woff2 ttf otf eot mp3 mp4 m4a ogg wav flac avi mov mkv webm sqlite sqlite3 db "
        "parquet npy npz onnx safetensors pt pkl h5 svg heic avif lockb"
    ).split()
)
_GENERATED_NAMES = frozenset(
    (
        "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml Cargo.lock poetry.lock uv.lock pdm.lock "
        "Pipfile.lock composer.lock Gemfile.lock go.sum mix.lock Podfile.lock pubspec.lock Package.resolved flake.lock "
        "packages.lock.json gradle.lockfile"
    ).split()
)
_GENERATED_ENDINGS = (".min.js", ".min.css", ".map", ".bundle.js", ".pb.go", "_pb2.py", "_pb2_grpc.py", ".g.dart", ".designer.cs")
_GENERATED_HEAD = re.compile(
    rb"@generated\b|Code generated .{0,80}DO NOT EDIT|(?i:\b(?:auto(?:matically)?[- ]?generated|generated (?:by|from|file|code))\b.{0,120}?"
    rb"\b(?:do not (?:edit|modify)|don't edit)\b)|(?i:do not (?:edit|modify)[^\n]{0,60}(?:auto)?generated)",
    re.S,
)
LONG_LINE = 5_000


@dataclass(frozen=True, slots=True)
class _Read:
    """One file as it was read; `data` is None where `reason` says why."""

    path: str
    data: bytes | None
    reason: str | None = None
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    checked_ns: int = 0


def scan(root: str, paths: Sequence[str], *, max_file_bytes: int) -> Iterator[Batch]:
    """Read the files `paths` below `root` and yield them in batches of at most `BATCH_FILES` files or about `BATCH_BYTES` bytes, in order.

    A file that cannot be read, is no text or is generated comes with its reason and without chunks; nothing is raised for a file.
    """
    batch: list[_Read] = []
    size = 0
    for path in paths:
        item = _read(root, path, max_file_bytes)
        batch.append(item)
        size += len(item.data or b"")
        if size >= BATCH_BYTES or len(batch) >= BATCH_FILES:
            yield _columns(batch)
            batch, size = [], 0
    if batch:
        yield _columns(batch)


def scan_texts(items: Iterable[tuple[str, bytes]]) -> Batch:
    """The same for contents at hand: (path, bytes) → one batch. The stat columns are zero."""
    return _columns([_Read(path, data, size=len(data)) for path, data in items])


@cache
def static_model() -> StaticModel:
    """The model shipped with the package (see `models/static-minilm-256/NOTICE`)."""
    return load(Path(str(resources("groma") / "models" / "static-minilm-256")))


def static_id() -> str:
    """The identity of the shipped embedder: name, dimension, revision."""
    return static_model().id


def embed_query(text: str) -> np.ndarray:
    """The query's vector, float32 (dim,), of unit length; zero where no word is known."""
    vector: np.ndarray = embed(static_model(), [text])[0]
    return vector


def embed_texts(texts: Sequence[str]) -> np.ndarray:
    """The vectors of texts as they are, float32 (len(texts), dim), each of unit length; zero where no word is known."""
    vectors: np.ndarray = embed(static_model(), texts)
    return vectors


def _read(root: str, path: str, max_file_bytes: int) -> _Read:
    checked = time.time_ns()
    try:
        with _open(os.path.join(root, path)) as f:
            stat = os.fstat(f.fileno())
            if stat.st_size > max_file_bytes:
                data, reason = None, "too-large"
            else:
                data, reason = f.read(max_file_bytes + 1), None  # a file that grows while it is read stays bounded
                if len(data) > max_file_bytes:
                    data, reason = None, "too-large"
                if (after := os.fstat(f.fileno())).st_mtime_ns != stat.st_mtime_ns or after.st_size != stat.st_size:
                    checked = 0  # it changed meanwhile: never trust this stat
    except OSError as e:
        return _Read(path, None, "vanished" if e.errno in _NO_FILE else "unreadable")
    return _Read(path, data, reason, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino & 0x7FFFFFFFFFFFFFFF, checked)


_NO_FILE = {errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO}
"""How opening fails where a link, a folder or a socket lies instead; the next walk names it."""


def _open(path: str) -> BinaryIO:
    """Opens what is a regular file itself: never follows a link at its end, never waits for a FIFO. Raises OSError."""
    descriptor = os.open(path, OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0))
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(errno.ENOENT, "no regular file", path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_now(root: str, path: str, most: int) -> bytes:
    """The first `most` bytes of the file `path` below `root` (without symbolic links), as it is now.

    Raises FileNotFoundError if there is none, nor a way to it without links (what the walk would not list either); OSError if it cannot be read.
    """
    whole = os.path.join(root, path)
    if os.path.realpath(os.path.dirname(whole)) != os.path.dirname(whole):
        raise FileNotFoundError(errno.ENOENT, "reached through a link", whole)
    try:
        with _open(whole) as f:
            return f.read(most)
    except OSError as e:
        if e.errno in _NO_FILE:
            raise FileNotFoundError(errno.ENOENT, "no regular file", whole) from e
        raise


def _judge(item: _Read) -> str | None:
    """Why a file is left out, or None."""
    if item.data is None:
        return item.reason
    name = item.path.rsplit("/", 1)[-1]
    if not item.data.strip():
        return "empty"
    if name.rsplit(".", 1)[-1].lower() in _BINARY_EXTENSIONS and "." in name:
        return "binary"
    if name in _GENERATED_NAMES or name.endswith(_GENERATED_ENDINGS):
        return "generated"
    if b"\0" in item.data[:8192] and not item.data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "binary"
    if _GENERATED_HEAD.search(item.data[:1500]):
        return "generated"
    if len(item.data) > LONG_LINE and item.data.count(b"\n") * 500 < len(item.data) and max(map(len, item.data.split(b"\n"))) > LONG_LINE:
        return "minified"
    return None


def decode(data: bytes) -> str:
    """Text of a file; what is not valid becomes U+FFFD, line structure stays."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Text:
    """The text of a file as it is, masked, and the lines of the latter (what follows the last newline is a line only if it is not empty)."""

    original: str
    masked: str
    lines: list[str]
    size: int


def _text(data: bytes) -> _Text:
    original = decode(data)
    masked = mask(original).text
    lines = masked.split("\n")
    return _Text(original, masked, lines if lines[-1] else lines[:-1], len(data))


def _before_parsing(text: _Text | None, language: Language | None) -> str | None:
    """None if the text is to be parsed; else why not: a note for its record, or "" where nothing is lost by it."""
    if text is None or language is None or not (language.grammar or language.sections):
        return ""
    return "too-large-to-parse" if text.size > PARSE_BYTES else None


@dataclass(slots=True)
class _Table:
    """Columns while they grow; one list each, named as in `Batch`."""

    chunk_start: list[int] = field(default_factory=lambda: [0])
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    symbols_shown: list[str] = field(default_factory=list)
    enclosing: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    masked: list[bool] = field(default_factory=list)
    hit_ids: list[int] = field(default_factory=list)
    term_start: list[int] = field(default_factory=lambda: [0])
    weights: list[tuple[int, int]] = field(default_factory=list)
    dense: list[str] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    definition_start: list[int] = field(default_factory=lambda: [0])
    chunk_symbols: list[int] = field(default_factory=lambda: [0])
    names: list[np.ndarray] = field(default_factory=list)
    mentions: list[np.ndarray] = field(default_factory=list)
    defines: list[np.ndarray] = field(default_factory=list)
    imports: list[tuple[str, ...]] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)


def _columns(items: Sequence[_Read]) -> Batch:
    table = _Table()
    languages = [None if item.data is None else detect(item.path, item.data[:4096]) for item in items]
    spoken = [by_name(name) if name else None for name in languages]
    kinds = [language.kind if language else "text" for language in spoken]
    reasons = [_judge(item) for item in items]
    texts = [_text(item.data) if item.data is not None and reason is None else None for item, reason in zip(items, reasons, strict=True)]
    cuts = [_before_parsing(text, language) for text, language in zip(texts, spoken, strict=True)]
    # The parser works on the next files in its own process while this one turns the last one's outline into columns.
    parsed = outlines([(text.masked, name) for text, name, cut in zip(texts, languages, cuts, strict=True) if text and name and cut is None])
    notes: list[str | None] = []
    lines: list[int] = []
    for item, text, kind, cut in zip(items, texts, kinds, cuts, strict=True):
        found = Outline(cut=cut or None) if cut is not None else next(parsed)
        if text is None:
            _no_file(table)
        else:
            _file(table, item.path, text, found, kind)
        notes.append(found.cut)
        lines.append(len(text.lines) if text else 0)
    files = FileColumns(
        paths=[i.path for i in items],
        blobs=[None if i.data is None else blob_id(i.data) for i in items],
        sizes=_ints(i.size for i in items),
        mtimes_ns=_ints(i.mtime_ns for i in items),
        ctimes_ns=_ints(i.ctime_ns for i in items),
        inodes=_ints(i.inode for i in items),
        checked_ns=_ints(i.checked_ns for i in items),
        languages=languages,
        kinds=kinds,
        lines=_ints(lines),
        reasons=reasons,
        notes=notes,
    )
    rows, scales = quantize(embed(static_model(), table.dense))
    weights = np.array(table.weights, dtype=np.uint32).reshape(-1, 2)
    name_start, name_terms = _csr(table.names)
    mention_start, mentions = _csr(table.mentions)
    define_start, defines = _csr(table.defines)
    return Batch(
        files=files,
        chunk_start=_ints(table.chunk_start),
        first=_ints(table.first),
        last=_ints(table.last),
        kinds=table.kinds,
        symbols_shown=table.symbols_shown,
        enclosing=table.enclosing,
        texts=table.texts,
        masked=np.array(table.masked, dtype=np.bool_),
        hit_ids=_ints(table.hit_ids),
        term_start=_ints(table.term_start),
        terms=np.ascontiguousarray(weights[:, 0]),
        impacts=weights[:, 1].astype(np.uint8),
        vectors={"static": Vectors(rows, scales)},
        symbols=_symbols(table),
        chunk_symbols=_ints(table.chunk_symbols),
        stems=[passage.stem_tokens(i.path) for i in items],
        name_start=name_start,
        name_terms=name_terms,
        mention_start=mention_start,
        mentions=mentions,
        define_start=define_start,
        defines=defines,
        imports=table.imports,
        calls=table.calls,
    )


_NOTHING = np.empty(0, dtype=np.uint32)


def _no_file(table: _Table) -> None:
    table.chunk_start.append(len(table.first))
    table.definition_start.append(len(table.definitions))
    table.names.append(_NOTHING)
    table.mentions.append(_NOTHING)
    table.defines.append(_NOTHING)
    table.imports.append(())
    table.calls.append(())


def _file(table: _Table, path: str, content: _Text, found: Outline, kind: str) -> None:
    """Append one file's chunks and facts."""
    lines = content.lines
    whole = content.original.split("\n")
    pieces = chunk.chunks(lines, found.definitions)
    seen: dict[bytes, int] = {}
    given = len(table.definitions)
    functions = [d for d in found.definitions if d.kind in FUNCTIONS]
    at = 0
    for piece in pieces:
        text = "\n".join(lines[piece.first : piece.last + 1])
        names = [d.name for d in piece.definitions]
        while at < len(functions) and functions[at].last < piece.first:
            at += 1
        own = next((d for d in piece.definitions if d.kind not in SYMBOLS_ONLY), None)
        if own is None and at < len(functions) and functions[at].first < piece.first:
            own = functions[at]  # the piece goes on with a function that began before it
        if own is None and piece.definitions:
            own = piece.definitions[0]
        digest = blake2b(f"{path}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        nth = seen[digest] = seen.get(digest, -1) + 1
        hit = blake2b(digest + nth.to_bytes(4, "little"), digest_size=8).digest()
        weights = passage.sparse(text, names, piece.enclosing or "", path)
        table.first.append(piece.first + 1)
        table.last.append(piece.last + 1)
        if own is None or own.kind == "section":  # a section of a document; in other files it is what the file is
            table.kinds.append({"code": "code", "config": "config"}.get(kind, "section" if own else "text"))
        else:
            table.kinds.append(own.kind)
        table.symbols_shown.append(own.name if own else "")
        table.enclosing.append(piece.enclosing or "")
        table.texts.append(text)
        table.masked.append(text != "\n".join(whole[piece.first : piece.last + 1]))
        table.hit_ids.append(int.from_bytes(hit, "little") & 0x7FFFFFFFFFFFFFFF)
        table.weights += weights
        table.term_start.append(len(table.weights))
        table.dense.append(passage.dense_text(text, names, piece.enclosing or "", path))
        given += len(piece.definitions)
        table.chunk_symbols.append(given)
    table.definitions += found.definitions
    table.chunk_start.append(len(table.first))
    table.definition_start.append(len(table.definitions))
    bare = {b for d in found.definitions if len(b := bare_name(d.name)) > 3}
    named = {term for term, _ in passage.path_terms(path)}
    for d in found.definitions:
        named.update(tokens.count_terms(d.name)[0])
    words = {w for w in tokens.identifiers("\n".join(lines)) if len(w) > 3}
    table.names.append(np.array(sorted(named), dtype=np.uint32))
    table.mentions.append(distinct(np.fromiter(map(tokens.word_hash, words), dtype=np.uint32, count=len(words))))
    table.defines.append(distinct(np.fromiter(map(tokens.word_hash, bare), dtype=np.uint32, count=len(bare))))
    table.imports.append(found.imports)
    table.calls.append(found.calls)


_SEPARATOR = re.compile(r"[.:\\]+")


def bare_name(name: str) -> str:
    """The last part of a qualified name."""
    return _SEPARATOR.split(name)[-1]


def _symbols(table: _Table) -> SymbolColumns:
    terms = [np.array(passage.symbol_terms(d.name), dtype=np.uint32) for d in table.definitions]
    start, flat = _csr(terms)
    return SymbolColumns(
        start=_ints(table.definition_start),
        names=[d.name for d in table.definitions],
        kinds=[d.kind for d in table.definitions],
        lines=_ints(d.first + 1 for d in table.definitions),
        signatures=[d.signature for d in table.definitions],
        docs=[d.doc for d in table.definitions],
        term_start=start,
        terms=flat,
    )


def _ints(values: Iterable[int]) -> np.ndarray:
    return np.fromiter(values, dtype=np.int64)


def _csr(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    start = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=start[1:])
    return start, np.concatenate(rows) if rows else _NOTHING
