"""The security log: what was rejected, held or refused, one line of JSON each, in `security.log` of the data directory.

Every process of a user writes to the same file, so a line is appended, and the files are turned over, under a lock. `FILES` files of at most
`LIMIT` bytes are kept: `security.log` and, older, `security.log.1` and so on. No line holds a secret or a whole text: what is given is cleaned,
masked, and cut to `SHOWN` characters, in that order.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from ... import secrets
from ...locks import exclusive
from .clean import clean

__all__ = ["FILES", "LIMIT", "NAME", "SHOWN", "record"]

NAME = "security.log"
FILES = 5
LIMIT = 1_000_000
"""Bytes."""
SHOWN = 200


def record(folder: Path, event: str, **fields: str | int | float | bool | None) -> None:
    """Append a line `{"time": …, "event": event, **fields}` to the log in `folder`; `time` is in seconds since the epoch.

    Text fields are cleaned, masked and cut. Raises OSError where the log cannot be written.
    """
    row = {"time": round(time.time(), 3), "event": event, **{name: _shown(one) if isinstance(one, str) else one for name, one in fields.items()}}
    line = (json.dumps(row, ensure_ascii=True) + "\n").encode()
    path = folder / NAME
    with exclusive(folder / f"{NAME}.lock"):
        if path.exists() and path.stat().st_size + len(line) > LIMIT:
            _turn_over(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        with open(descriptor, "ab") as file:
            file.write(line)


def _turn_over(path: Path) -> None:
    for n in range(FILES - 1, 0, -1):
        older = path.with_name(f"{NAME}.{n}")
        newer = path.with_name(f"{NAME}.{n - 1}") if n > 1 else path
        if newer.exists():
            os.replace(newer, older)


def _shown(text: str) -> str:
    return secrets.mask(clean(text).text).text[:SHOWN]
