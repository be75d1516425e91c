"""Turns: of many threads only so many work at once, in the order in which they came; the others wait without cost.

Threads of Python that all want to run take the interpreter from one another, and each that asks the disk something waits for all others before it
goes on: fifty at once finish later than four at a time, and what asks the disk most, last.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Turns"]


class Turns:
    """`with turns.taken():` around work, `with turns.aside():` around what is only waited for within it."""

    def __init__(self, at_once: int) -> None:
        self._lock = threading.Lock()
        self._free = at_once
        self._waiting: deque[threading.Lock] = deque()  # each is held until it is its turn
        self._mine = threading.local()

    def _take(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()

    def _give(self) -> None:
        """To who waits longest, so that nobody who comes later is before them (as with a semaphore)."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Work, when it is one's turn."""
        self._take()
        self._mine.held = True
        try:
            yield
        finally:
            self._mine.held = False
            self._give()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others work meanwhile, if this thread has a turn; it takes another one afterwards."""
        if not getattr(self._mine, "held", False):
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()
