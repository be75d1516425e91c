"""What the daemon knows of itself as a process: its code on disk, what it holds in memory and lets go of, its log."""

from __future__ import annotations

import gc
import os
import re
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .client import LOG_BYTES

if TYPE_CHECKING:
    from ..engine import Engine

__all__ = ["code_state", "log", "newer", "rss_bytes", "signed", "slim", "turn_over"]


_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)[-_.]?([a-z]*)[-_.]?([0-9]*)", re.ASCII)
_STAGES = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "pre": 3, "preview": 3, "rc": 3, "": 4, "post": 5, "rev": 5, "r": 5}


def newer(one: str, other: str) -> bool:
    """Is version `one` newer than `other`, as Python's packages count or as Rust's do? What is no version is older than any."""
    return _rank(one) > _rank(other)


def _rank(version: str) -> tuple[tuple[int, ...], int, int]:
    found = _VERSION.match(version.lower())
    if found is None or found[2] not in _STAGES:
        return (), 0, 0
    parts = [int(part) for part in found[1].split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return (1, *parts), _STAGES[found[2]], int(found[3] or 0)


def code_state() -> int:
    """Another number whenever the code of this package was changed on disk."""
    return hash(tuple(sorted(_files(str(Path(__file__).parents[1])))))


def _files(folder: str) -> list[tuple[str, int, int]]:
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((".py", ".so", ".pyd", ".scm", ".toml")):
                status = entry.stat()
                found.append((entry.path, status.st_mtime_ns, status.st_size))
            elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
                found += _files(entry.path)
    return found


def signed(path: Path) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def slim(engine: Engine, keep: int) -> None:
    engine.slim(keep=keep)
    gc.collect()
    import ctypes

    with suppress(OSError, AttributeError):  # what was freed goes back to the system
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
        elif sys.platform == "darwin":  # pragma: no cover - not this system
            ctypes.CDLL(None).malloc_zone_pressure_relief(None, ctypes.c_size_t(0))


def rss_bytes() -> int:
    """What this process holds in memory."""
    try:
        with open("/proc/self/statm", "rb") as f:
            return int(f.read().split()[1]) * resource.getpagesize()
    except OSError:  # pragma: no cover - not this system
        pass
    if sys.platform == "darwin":  # pragma: no cover - not this system
        import ctypes

        with suppress(OSError, AttributeError):
            # RUSAGE_INFO_V0: an id of 16 bytes, then numbers of 8, of which the seventh is what is resident now. (What `getrusage` tells is the most
            # that it ever was, and a daemon that had held too much once would hold too much for ever.)
            told = ctypes.create_string_buffer(96)
            if ctypes.CDLL(None).proc_pid_rusage(os.getpid(), 0, told) == 0:
                return int.from_bytes(told[64:72], sys.byteorder)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def log(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n")
        sys.stderr.flush()


def turn_over(path: Path) -> None:
    """Put the log aside and begin a new one, if it is the file that we say things to and has become too long."""
    with suppress(OSError):
        status = os.stat(path)
        if status.st_size <= LOG_BYTES or not os.path.samestat(status, os.fstat(2)):
            return
        os.replace(path, path.with_suffix(".log.1"))
        fresh = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for said in (1, 2):
            os.dup2(fresh, said)
        os.close(fresh)
