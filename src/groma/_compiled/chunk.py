"""Cut a text into chunks along its definitions, by the compiled core: twin of `_pure.chunk`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import _rs

if TYPE_CHECKING:
    from .._pure.chunk import Chunk
    from .._pure.parse import Definition

__all__ = ["VERSION", "chunks"]

VERSION: int = _rs.CHUNKER_VERSION


def chunks(lines: Sequence[str], definitions: Sequence[Definition]) -> list[Chunk]:
    """The chunks of a text given as `lines` (no newlines) with its definitions in source order. Blank chunks are left out."""
    from .._pure.chunk import Chunk  # loads the plain parser, which a command that only asks for VERSION need not wait for

    found = _rs.chunks(lines, [(d.first, d.last, d.name, d.kind) for d in definitions])
    return [Chunk(first, last, tuple(definitions[begin:end]), enclosing) for first, last, begin, end, enclosing in found]
