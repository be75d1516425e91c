"""One file of arrays: mapped, numbered, checked. What an index keeps between processes.

`MAGIC`, the header's length (8 bytes), the CRC-32 of header and of body (4 each), a JSON header (format, what it was made with, the caller's
stamp, each array's type, shape and offset), then the arrays, each at a multiple of 64 bytes. It is written whole under its name or not at all.

FORMAT log: 1 - first.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from ..errors import StoreDamaged

__all__ = ["FORMAT", "read", "write"]

FORMAT = 1
MAGIC = b"gromamem"


def write(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays behind a header with `meta` (what JSON can hold); a temporary file, synced, then renamed. Raises OSError."""
    layout, pieces, offset, crc = {}, [], 0, 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        data += b"\0" * (-len(data) % 64)
        layout[name] = [array.dtype.str, list(array.shape), offset]
        offset += len(data)
        crc = crc32(data, crc)
        pieces.append(data)
    header = json.dumps({"format": FORMAT, "meta": dict(meta), "arrays": layout, "bytes": offset}).encode()
    header += b" " * (-(len(header) + 24) % 64)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as f:
            f.write(MAGIC + len(header).to_bytes(8, "little") + crc32(header).to_bytes(4, "little") + crc.to_bytes(4, "little") + header)
            f.writelines(pieces)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(path: Path, types: Mapping[str, tuple[str, int]]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Map a file that has exactly the arrays of `types` (name → type, dimensions); they cannot be written to. All of it is read once, to be checked.

    Raises StoreDamaged for anything that is no whole file of this format.
    """

    def damaged(what: str) -> StoreDamaged:
        return StoreDamaged(f"{what}; it is made anew from the memories themselves.", path=str(path))

    try:
        with open(path, "rb") as f:
            data = memoryview(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as e:
        raise damaged(f"The memory index {path.name} cannot be mapped: {e}") from e
    if len(data) < 24 or data[:8] != MAGIC:
        raise damaged(f"{path.name} is no memory index of groma")
    length = int.from_bytes(data[8:16], "little")
    header, body = data[24 : 24 + length], data[24 + length :]
    if len(header) != length or (24 + length) % 64 or crc32(header) != int.from_bytes(data[16:20], "little"):
        raise damaged(f"The header of the memory index {path.name} is damaged")
    try:
        told = json.loads(bytes(header))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("format") != FORMAT or not isinstance(told.get("meta"), dict):
        raise damaged(f"The memory index {path.name} is of another format than {FORMAT}")
    if told.get("bytes") != len(body) or crc32(body) != int.from_bytes(data[20:24], "little"):
        raise damaged(f"The body of the memory index {path.name} is damaged")
    arrays = _mapped(told.get("arrays"), body, types)
    if arrays is None:
        raise damaged(f"The memory index {path.name} does not hold what it should")
    return told["meta"], arrays


def _mapped(layout: Any, body: memoryview, types: Mapping[str, tuple[str, int]]) -> dict[str, np.ndarray] | None:
    """The arrays that a header tells of; None unless they are those of `types` and lie inside the body."""
    if not isinstance(layout, dict) or layout.keys() != types.keys():
        return None
    arrays = {}
    for name, entry in layout.items():
        if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[1], list):
            return None
        dtype, shape, offset = entry
        if not all(type(x) is int and x >= 0 for x in (*shape, offset)) or (dtype, len(shape)) != types[name]:
            return None
        items = math.prod(shape)
        if offset % 64 or offset + items * np.dtype(dtype).itemsize > len(body):
            return None
        arrays[name] = np.frombuffer(body, dtype=dtype, count=items, offset=offset).reshape(shape)
    return arrays
