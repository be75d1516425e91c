"""Folders of a wanted size made from real files of the checkouts, for the benchmarks that need one: no file is invented.

A folder larger than all checkouts together repeats them; in a repetition a quarter of the words of several parts (`some_name`, `someName`) has
another end, the same ones in all of its files. So a repetition has names and terms of its own, most files differ, and all parse as before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

from groma import core

from .languages import MAX_FILE_BYTES

__all__ = ["Definition", "Source", "lay", "only_definitions", "sources", "spread"]

COMPOUND = re.compile(rb"\b(?:[A-Za-z]+_[A-Za-z_]*[A-Za-z]|[a-z]+[A-Z][A-Za-z]*)\b")
"""Words that are no keyword of any language."""
SHARE = 4


@dataclass(frozen=True, slots=True)
class Definition:
    """A function with the line (from 1) on which it begins."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is indexed: where it lies, how many chunks it makes, the functions in it."""

    repository: str
    folder: Path
    path: str
    chunks: int
    functions: tuple[Definition, ...]


def sources(folders: Iterable[tuple[str, Path]]) -> list[Source]:
    """All files of (repository, folder) pairs that are indexed, in the order of their paths."""
    found = []
    for name, folder in folders:
        root = str(folder.resolve())
        listing = core.walk(root, None, max_file_bytes=MAX_FILE_BYTES)
        for batch in core.scan(root, listing.paths, max_file_bytes=MAX_FILE_BYTES):
            symbols = batch.symbols
            for f, (path, reason) in enumerate(zip(batch.files.paths, batch.files.reasons, strict=True)):
                if reason is None:
                    here = range(symbols.start[f], symbols.start[f + 1])
                    functions = tuple(Definition(symbols.names[s], int(symbols.lines[s])) for s in here if symbols.kinds[s] in ("function", "method"))
                    found.append(Source(name, Path(root), path, int(batch.chunk_start[f + 1] - batch.chunk_start[f]), functions))
    return found


def spread(found: Sequence[Source]) -> list[Source]:
    """The same in an order in which every beginning holds its share of each repository."""
    sizes: dict[str, int] = {}
    for source in found:
        sizes[source.repository] = sizes.get(source.repository, 0) + 1
    places: dict[str, Iterator[int]] = {name: iter(range(size)) for name, size in sizes.items()}
    return sorted(found, key=lambda source: (next(places[source.repository]) + 0.5) / sizes[source.repository])


def lay(found: Iterable[Source], target: Path, repetition: int = 0) -> list[Path]:
    """Copy files below `target/<repository>`, or `target/<repository>-<repetition>` with other words; where they are, in order."""
    other = _other_words(repetition)
    laid = []
    for source in found:
        place = target / (f"{source.repository}-{repetition}" if repetition else source.repository) / source.path
        place.parent.mkdir(parents=True, exist_ok=True)
        data = (source.folder / source.path).read_bytes()
        place.write_bytes(COMPOUND.sub(other, data) if repetition else data)
        laid.append(place)
    return laid


def _other_words(repetition: int) -> Callable[[re.Match[bytes]], bytes]:
    end = bytes([65 + repetition // 26 % 26, 97 + repetition % 26])

    @cache
    def other(word: bytes) -> bytes:
        return word + end if crc32(word, repetition) % SHARE == 0 else word

    return lambda match: other(match[0])


def only_definitions(found: Sequence[Source]) -> list[tuple[Source, Definition]]:
    """Functions with a long name that nothing else among these files is called: whoever searches for it has one right answer."""
    named: dict[str, list[tuple[Source, Definition]]] = {}
    for source in found:
        for function in source.functions:
            named.setdefault(function.name.lower(), []).append((source, function))
    return [pairs[0] for name, pairs in named.items() if len(pairs) == 1 and len(name) > 12 and name.isidentifier()]
