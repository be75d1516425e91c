"""A chunk's text record: what is shown of a chunk beside where it lies, in bytes that both cores read where they lie in a segment.

Four little-endian uint32 (CRC-32 of all that follows, 1 if something in the text is masked, bytes of the symbol, of what encloses it), then the
symbol, what encloses it, and the text (UTF-8, lone surrogates kept). It has no compiled writer; `rust/core/src/texts.rs` reads it.
"""

from __future__ import annotations

from struct import Struct
from zlib import crc32

__all__ = ["read_text", "text_record"]

_CRC = Struct("<I")
_HEAD = Struct("<3I")
_SIZE = _CRC.size + _HEAD.size


def text_record(symbol: str, enclosing: str, masked: bool, text: str) -> bytes:
    """The record of a chunk with this text."""
    named, inside = symbol.encode("utf-8", "surrogatepass"), enclosing.encode("utf-8", "surrogatepass")
    body = b"".join((_HEAD.pack(masked, len(named), len(inside)), named, inside, text.encode("utf-8", "surrogatepass")))
    return _CRC.pack(crc32(body)) + body


def read_text(record: bytes) -> tuple[str, str, bool, str] | None:
    """Symbol, what encloses it, whether something is masked, and the text; None where the record does not prove itself."""
    if len(record) < _SIZE or crc32(record[_CRC.size :]) != _CRC.unpack_from(record)[0]:
        return None
    masked, named, inside = _HEAD.unpack_from(record, _CRC.size)
    symbol, enclosing = _SIZE + named, _SIZE + named + inside
    if enclosing > len(record):
        return None
    try:
        texts = [part.decode("utf-8", "surrogatepass") for part in (record[_SIZE:symbol], record[symbol:enclosing], record[enclosing:])]
    except UnicodeDecodeError:
        return None
    return texts[0], texts[1], bool(masked), texts[2]
