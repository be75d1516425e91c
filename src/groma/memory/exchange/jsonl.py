"""groma's own lines of JSON: one memory a line with every field, superseded, quarantined and forgotten ones too. What is written comes back the same.

A line without an id is what `groma remember --jsonl` takes, and is read as that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ...records import Memory, plain
from .entries import Entry, collected
from .own import record
from .rows import json_lines

__all__ = ["read", "write"]


def read(text: str, file: str = "") -> list[Entry]:
    """An Entry a line that is not blank. Raises UsageError naming the first line that cannot be read."""
    return collected((record(said, line) for line, said in json_lines(text)), file)


def write(memories: Iterable[Memory]) -> Iterator[str]:
    """A line a memory."""
    for m in memories:
        yield json.dumps(plain(m), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
