"""Identifiers of what has no content to be named by: UUIDs of version 7 (RFC 9562), which sort by the time they were made."""

from __future__ import annotations

import os
import threading
import time
import uuid

__all__ = ["uuid7"]

_lock = threading.Lock()
_last = 0


def uuid7() -> str:
    """A new UUIDv7: 48 bits of milliseconds since the epoch, 12 of their 4,096ths, then 62 random bits. (The standard library has one from 3.14.)

    Those that a process makes one after the other sort in that order: what is kept in one call is read again as it was said.
    """
    global _last
    with _lock:
        _last = moment = max((time.time_ns() << 12) // 1_000_000, _last + 1)
    value = (moment >> 12 & (1 << 48) - 1) << 80 | 0x7 << 76 | (moment & 0xFFF) << 64  # 7: the version
    return str(uuid.UUID(int=value | 0x2 << 62 | int.from_bytes(os.urandom(8), "big") >> 2))  # 2: the variant
