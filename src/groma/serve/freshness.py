"""A project is brought up to date before a question about it is answered, while the question waits."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from ..engine import Engine
from ..errors import DiskFull, ReadOnly
from ..types import LOCAL
from ..values import value

__all__ = ["Freshness"]


@value
class _Run:
    """An index run of a root; `begun` is when (monotonic)."""

    begun: float
    end: Future[Any]


class Freshness:
    """Brings projects up to date; index runs go on in the background, one a root at a time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._threads = ThreadPoolExecutor(thread_name_prefix="index")

    def freshen(self, root: str, within_s: float) -> list[str]:
        """Bring a project up to date, waiting at most `within_s`; returns what there is to say about it. Raises what makes it impossible.

        A run that began before this call may have passed by a file before it was edited: then another one follows.
        """
        asked = time.monotonic()
        while True:
            with self._lock:
                run = self._runs.get(root)
                if run is None or (run.end.done() and run.begun < asked):
                    run = self._runs[root] = _Run(time.monotonic(), self._threads.submit(self.engine.index, LOCAL, root))
            if not wait([run.end], max(0.0, asked + within_s - time.monotonic())).done:
                return [f"{root} is still being indexed: this answer covers what is there so far; ask again in a moment"]
            if run.begun >= asked:
                return self._said(root, run)

    def _said(self, root: str, run: _Run) -> list[str]:
        try:
            run.end.result()
        except (ReadOnly, DiskFull) as e:
            if root not in self.engine.roots(LOCAL):
                raise
            return [e.message]
        return []
