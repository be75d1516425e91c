"""From files to columns, by the compiled core: twin of `_pure.scan`.

All of it is done in a child process (`worker`); here its columns become batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import _rs
from .._shared import SCAN_REASONS as REASONS
from ..types import Batch, FileColumns, SymbolColumns, Vectors
from .static_model import StaticModel, embed, load
from .static_model import embed_query as embed_one
from .worker import MODEL, batches

__all__ = ["REASONS", "bare_name", "decode", "embed_query", "embed_texts", "read_now", "scan", "scan_texts", "static_id"]

bare_name = _rs.bare_name
decode = _rs.decode


def scan(root: str, paths: Sequence[str], *, max_file_bytes: int) -> Iterator[Batch]:
    """Read the files `paths` below `root` and yield them in batches of at most 256 files or about 4 MB, in order.

    A file that cannot be read, is no text or is generated comes with its reason and without chunks; nothing is raised for a file.
    """
    done = 0
    for columns in batches(root, paths, [], max_file_bytes=max_file_bytes):
        n = len(columns["sizes"])
        yield _batch(paths[done : done + n], columns)
        done += n


def scan_texts(items: Iterable[tuple[str, bytes]]) -> Batch:
    """The same for contents at hand: (path, bytes) → one batch. The stat columns are zero."""
    pairs = list(items)
    paths, contents = [path for path, _ in pairs], [data for _, data in pairs]
    for columns in batches(None, paths, contents):
        return _batch(paths, columns)
    return _batch([], _rs.no_columns())


def read_now(root: str, path: str, most: int) -> bytes:
    """The first `most` bytes of the file `path` below `root` (without symbolic links), as it is now.

    Raises FileNotFoundError if there is none, nor a way to it without links (what the walk would not list either); OSError if it cannot be read.
    """
    return _rs.read_now(root, path, most)


@cache
def static_model() -> StaticModel:
    """The model shipped with the package (see `models/static-minilm-256/NOTICE`)."""
    return load(Path(MODEL))


def static_id() -> str:
    """The identity of the shipped embedder: name, dimension, revision."""
    return static_model().id


def embed_query(text: str) -> np.ndarray:
    """The query's vector, float32 (dim,), of unit length; zero where no word is known."""
    return embed_one(static_model(), text)


def embed_texts(texts: Sequence[str]) -> np.ndarray:
    """The vectors of texts as they are, float32 (len(texts), dim), each of unit length; zero where no word is known."""
    return embed(static_model(), texts)


def _batch(paths: Sequence[str], c: dict[str, Any]) -> Batch:
    return Batch(
        files=FileColumns(
            paths=list(paths),
            blobs=c["blobs"],
            sizes=c["sizes"],
            mtimes_ns=c["mtimes_ns"],
            ctimes_ns=c["ctimes_ns"],
            inodes=c["inodes"],
            checked_ns=c["checked_ns"],
            languages=c["languages"],
            kinds=c["file_kinds"],
            lines=c["lines"],
            reasons=c["reasons"],
            notes=c["notes"],
        ),
        chunk_start=c["chunk_start"],
        first=c["first"],
        last=c["last"],
        kinds=c["kinds"],
        symbols_shown=c["symbols_shown"],
        enclosing=c["enclosing"],
        texts=c["texts"],
        masked=c["masked"],
        hit_ids=c["hit_ids"],
        term_start=c["term_start"],
        terms=c["terms"],
        impacts=c["impacts"],
        vectors={"static": Vectors(c["rows"].reshape(-1, static_model().dim), c["scales"])},
        symbols=SymbolColumns(
            start=c["symbol_start"],
            names=c["symbol_names"],
            kinds=c["symbol_kinds"],
            lines=c["symbol_lines"],
            signatures=c["signatures"],
            docs=c["docs"],
            term_start=c["symbol_term_start"],
            terms=c["symbol_terms"],
        ),
        chunk_symbols=c["chunk_symbols"],
        stems=c["stems"],
        name_start=c["name_start"],
        name_terms=c["name_terms"],
        mention_start=c["mention_start"],
        mentions=c["mentions"],
        define_start=c["define_start"],
        defines=c["defines"],
        imports=c["imports"],
        calls=c["calls"],
    )
