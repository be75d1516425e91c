"""The security log: what was rejected, held or refused, one line of JSON each, in `security.log` of the data directory.

Every process of a user writes to the same file, so a line is appended, and the files are turned over, under a lock. `FILES` files of at most
`LIMIT` bytes are kept: `security.log` and, older, `security.log.1` and so on. No line holds a secret or a whole text: what is given is cleaned,
masked, and cut to `SHOWN` characters, in that order.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ...locks import exclusive
from .clean import clean
from .told import mask

__all__ = ["FILES", "LIMIT", "NAME", "SHOWN", "blank", "record", "refused"]

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


def refused(folder: Path, event: str, by: str, verb: str) -> None:
    """Log an attempt that was refused: `read-only` or `unauthorised`. Nothing is made for it where nothing is kept, and a log that cannot be
    written changes no answer."""
    if folder.is_dir():
        with suppress(OSError):
            record(folder, event, by=by, verb=verb)


def blank(folder: Path, texts: Iterable[str]) -> int:
    """Empty the `text` of every line that shows one of these texts, which are to be gone; how many lines. The rest of a line stays.

    Raises OSError where a log cannot be written.
    """
    gone = {_one_spaced(_shown(text)) for text in texts}
    emptied = 0
    with exclusive(folder / f"{NAME}.lock"):
        for path in (folder / NAME, *(folder / f"{NAME}.{n}" for n in range(1, FILES))):
            path.with_name(f"{path.name}.tmp").unlink(missing_ok=True)  # of one who was killed
            lines, before = [], emptied
            for line in path.read_text("utf-8", "replace").splitlines() if path.exists() else ():
                row = _row(line)
                if row is None or (row.get("text") and _one_spaced(str(row["text"])) in gone):
                    emptied += 1
                    line = json.dumps({"event": "unreadable"} if row is None else {**row, "text": ""}, ensure_ascii=True)
                lines.append(line)
            if emptied > before:
                _write(path, "".join(f"{line}\n" for line in lines).encode())
    return emptied


def _row(line: str) -> dict[str, object] | None:
    """A line as it was written; None for what is no line of ours (a crash cut it), in which nobody can tell what is shown."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _write(path: Path, data: bytes) -> None:
    """Other bytes under the same name, whole or not at all."""
    fresh = path.with_name(f"{path.name}.tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def _one_spaced(text: str) -> str:
    return " ".join(text.split())


def _turn_over(path: Path) -> None:
    for n in range(FILES - 1, 0, -1):
        older = path.with_name(f"{NAME}.{n}")
        newer = path.with_name(f"{NAME}.{n - 1}") if n > 1 else path
        if newer.exists():
            os.replace(newer, older)


def _shown(text: str) -> str:
    return mask(clean(text).text)[0][:SHOWN]
