"""Cut a text into chunks along its definitions, by the compiled core: twin of `_pure.chunk`."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _rs
from .._pure.chunk import VERSION, Chunk
from .._pure.parse import Definition

__all__ = ["VERSION", "Chunk", "chunks"]


def chunks(lines: Sequence[str], definitions: Sequence[Definition]) -> list[Chunk]:
    """The chunks of a text given as `lines` (no newlines) with its definitions in source order. Blank chunks are left out."""
    found = _rs.chunks(lines, [(d.first, d.last, d.name, d.kind) for d in definitions])
    return [Chunk(first, last, tuple(definitions[begin:end]), enclosing) for first, last, begin, end, enclosing in found]
