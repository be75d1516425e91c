"""From the bytes of a file to text that can be read: the size, the encoding, and what no text may hold."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from ...errors import UsageError

__all__ = ["MAX_BYTES", "lines", "text_of"]

MAX_BYTES = 200_000_000
"""Bytes of a file that is imported."""

_BOMS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
_PACKED = ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "ZIP"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_SURROGATE = re.compile("[\ud800-\udfff]")


def text_of(data: bytes | str) -> str:
    """The text without a byte order mark. Raises UsageError if it is too large, not UTF-8, or holds NUL or half a surrogate pair."""
    if len(data) > MAX_BYTES:
        raise UsageError(f"There are more than {MAX_BYTES // 1_000_000} MB: split the file, or leave the vectors out.", limit=MAX_BYTES)
    text = _decoded(data) if isinstance(data, bytes) else data
    text = text.removeprefix("\ufeff")
    if (at := text.find("\0")) >= 0:
        raise UsageError(f"Line {_line(text, at)}: there is a NUL character; only text can be imported.", line=_line(text, at))
    if bad := _SURROGATE.search(text):
        line = _line(text, bad.start())
        raise UsageError(f"Line {line}: there is half of a surrogate pair, which is not valid Unicode.", line=line)
    return text


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, without its line feed. Only a line feed ends one: other separators may stand within JSON and bodies."""
    start, number = 0, 1
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield number, text[start:end]
        start, number = end + 1, number + 1


def _decoded(data: bytes) -> str:
    for mark, packing in _PACKED:
        if data.startswith(mark):
            raise UsageError(f"The file is packed ({packing}): unpack it first.")
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            _other(encoding)
    head = data[:1000]
    if len(head) > 3 and (not any(head[1::2]) or not any(head[::2])):
        _other("UTF-16")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        cut = "the file ends within a character: is it cut off?" if error.reason == "unexpected end of data" else "this is not UTF-8 text."
        raise UsageError(f"Line {line}: {cut}", line=line) from None


def _other(encoding: str) -> None:
    raise UsageError(f"The file is {encoding} text: save it as UTF-8.", encoding=encoding)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
