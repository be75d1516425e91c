"""Locks between processes, on files. The one module that knows how this system locks."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if os.name == "nt":  # pragma: no cover - not this system
    import msvcrt

    def _try(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True

    def _wait(descriptor: int) -> None:
        while not _try(descriptor):
            time.sleep(LOOK_S)
else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


__all__ = ["claim", "exclusive", "held"]

LOOK_S = 0.005
"""How often a lock is tried that is not waited for without end."""


@contextmanager
def exclusive(path: Path, *, waiting: Callable[[], None] | None = None, within_s: float = math.inf) -> Iterator[None]:
    """Hold the lock file `path`; it is released when the process ends, however it ends. `waiting` is called once if another holds it.

    Raises OSError if the file cannot be made, of which TimeoutError if another holds it for longer than `within_s`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if not _try(descriptor):
            if waiting is not None:
                waiting()
            if within_s == math.inf:
                _wait(descriptor)
            elif not _tried(descriptor, within_s):
                raise TimeoutError(f"another process holds {path}")
        yield
    finally:
        os.close(descriptor)


def _tried(descriptor: int, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while not (is_ours := _try(descriptor)) and time.monotonic() < until:
        time.sleep(LOOK_S)
    return is_ours


def claim(path: Path) -> int | None:
    """The lock file `path`, held until its descriptor is closed or the process ends, however it ends; None if another holds it.

    Raises OSError if the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    if _try(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def held(path: Path) -> bool:
    """Does a process that lives hold the lock file `path`? One that is not there, or cannot be opened, nobody does."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return not _try(descriptor)
    finally:
        os.close(descriptor)
