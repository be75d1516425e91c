"""Export and import: memories as text, in groma's own formats and in those of others. One file a format; nothing here opens a file.

    jsonl           groma's own lines, everything, exact            read, write
    markdown        a document a memory with front matter, exact    read, write
    instructions    CLAUDE.md, AGENTS.md, GEMINI.md, .cursorrules   read, write (what holds now, between markers)
    memory-server   the official memory server's graph              read, write (what holds now)
    mem0, lancedb   exports of these                                read

Reading is all or nothing. What others wrote enters with the source "import" and passes the guard like everything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from ...errors import UsageError
from ...records import Memory
from . import instructions, jsonl, lancedb, markdown, mem0, memory_server
from .entries import MAX_ENTRIES, Entry
from .markdown import file_name
from .sniffing import sniff
from .texts import MAX_BYTES, text_of

__all__ = ["FORMATS", "MAX_BYTES", "MAX_ENTRIES", "WRITABLE", "Entry", "file_name", "read", "read_files", "sniff", "write"]

_READERS: dict[str, Callable[[str, str], list[Entry]]] = {
    "jsonl": jsonl.read,
    "markdown": markdown.read,
    "instructions": instructions.read,
    "memory-server": memory_server.read,
    "mem0": mem0.read,
    "lancedb": lancedb.read,
}
FORMATS = tuple(_READERS)
"""Names of the formats that can be read."""
WRITABLE = FORMATS[:4]
"""Those that can be written, too."""


def read(data: bytes | str, name: str = "", format: str | None = None) -> list[Entry]:
    """Every entry of a file's content. `name` is what it is called, for messages and to tell the format, if that is not given.

    Raises UsageError with one sentence, naming the line, if any of it cannot be read.
    """
    _known(format, FORMATS)
    try:
        text = text_of(data)
        found = format or sniff(text, name)
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}" if name else error.message, **error.context) from error
    return _READERS[found](text, name)


def read_files(files: Iterable[tuple[str, bytes | str]], format: str | None = None) -> list[Entry]:
    """Every entry of several (name, content), each id once among all of them. Raises UsageError as `read` does: all or nothing."""
    found: list[Entry] = []
    places: dict[str, str] = {}
    for name, data in files:
        for one in read(data, name, format):
            if one.id is not None:
                if one.id in places:
                    raise UsageError(
                        f"{name}: line {one.line}: the id {one.id} is in {places[one.id]}, too: each may be there once. Nothing was imported.",
                        line=one.line,
                    )
                places[one.id] = f"line {one.line} of {name}"
            found.append(one)
        if len(found) > MAX_ENTRIES:
            raise UsageError(f"There are more than {MAX_ENTRIES:,} entries: import the files one after another.")
    return found


def write(memories: Iterable[Memory], format: str, *, existing: str = "", now: float | None = None) -> Iterator[str]:
    """The text of the memories, in pieces. `existing` is the file of instructions that is written to; `now` decides what holds.

    Raises UsageError for a format that cannot be written, and for instructions whose markers are not one pair.
    """
    _known(format, WRITABLE)
    at = time.time() if now is None else now
    if format == "instructions":
        return iter([instructions.write(memories, existing, at)])
    if format == "memory-server":
        return memory_server.write(memories, at)
    return (jsonl.write if format == "jsonl" else markdown.write)(memories)


def _known(format: str | None, allowed: tuple[str, ...]) -> None:
    if format is not None and format not in allowed:
        raise UsageError(f"There is no format {format[:40]!a} here; there are {', '.join(allowed)}.", format=format)
