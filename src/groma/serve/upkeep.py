"""What the daemon knows of itself as a process: its code on disk, what it holds in memory and lets go of, its log."""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

from ..engine import Engine
from .client import LOG_BYTES

__all__ = ["code_state", "log", "newer", "rss_bytes", "signed", "slim", "turn_over"]


def newer(one: str, other: str) -> bool:
    """Is version `one` newer than `other`? What is no version is older than any."""
    return _parts(one) > _parts(other)


def _parts(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split(".")[:3])
    except ValueError:
        return ()


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
    if sys.platform == "linux":  # what was freed goes back to the system
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def rss_bytes() -> int:
    """What this process holds in memory."""
    try:
        with open("/proc/self/statm", "rb") as f:
            return int(f.read().split()[1]) * resource.getpagesize()
    except OSError:  # pragma: no cover - not this system
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
