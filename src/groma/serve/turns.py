"""Turns: of many threads only so many work at once, in the order in which they came; the others wait without cost.

Threads of Python that all want to run take the interpreter from one another, and each that asks the disk something waits for all others before it
goes on: fifty at once finish later than four at a time, and what asks the disk most, last.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Turns"]


class Turns:
    """`with turns.taken():` around work, `with turns.aside():` around what is only waited for within it."""

    def __init__(self, at_once: int) -> None:
        self._free = threading.Semaphore(at_once)
        self._mine = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Work, when it is one's turn."""
        with self._free:
            self._mine.held = True
            try:
                yield
            finally:
                self._mine.held = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others work meanwhile, if this thread has a turn; it takes another one afterwards."""
        if not getattr(self._mine, "held", False):
            yield
            return
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
