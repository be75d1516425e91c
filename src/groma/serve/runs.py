"""Index runs of the daemon, joined: who asks while one goes on shares the next one with all others who ask until it begins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Any

from ..errors import Cancelled
from ..types import Progress
from .sessions import Asked

__all__ = ["Long", "Run", "Runs"]

SMALL_FILES = 1_000
"""So many files are read in the daemon at most; more, by a job."""


class Long(Exception):
    """An index run has more to read than what is done in the daemon itself."""


class Run:
    """An index run, begun or about to begin, and who waits for it."""

    def __init__(self, end: asyncio.Future[Any]) -> None:
        self.end = end
        self.heard: dict[Asked, Callable[[int, int, str], None]] = {}
        self.stop = threading.Event()

    def report(self, p: Progress) -> None:
        """From the thread in which it runs. Raises Cancelled where it is to stop."""
        if self.stop.is_set():
            raise Cancelled("The index run was stopped; what was indexed so far stays.")
        self.tell(p)

    def brief(self, p: Progress) -> None:
        """The same, of a run that is made elsewhere where it is long: how much there is to read is known before any of it is. Raises Long."""
        if p.step == "index" and p.total > SMALL_FILES:
            raise Long
        self.report(p)

    def tell(self, p: Progress) -> None:
        """How far it is, to all who wait."""
        for tell in list(self.heard.values()):
            tell(p.done, p.total, p.step)

    def waiting(self) -> None:
        """Another process holds the scope."""
        for tell in list(self.heard.values()):
            tell(0, 0, "waiting")


class Runs:
    """Index runs, one at a time for each key. Lives on the event loop."""

    def __init__(self, submit: Callable[[Callable[[], Any]], asyncio.Future[Any]]) -> None:
        self._submit = submit
        self._now: dict[Hashable, Run] = {}
        self._next: dict[Hashable, Run] = {}
        self._later: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def __len__(self) -> int:
        return len(self._now)

    async def join(self, key: Hashable, work: Callable[[Run], Any], asked: Asked) -> Any:
        """What a run that begins after this call returns. One that is cancelled by all who wait for it stops where it is."""
        loop = asyncio.get_running_loop()
        if (run := self._next.get(key)) is not None:  # also where the one before it has just ended: it begins in a moment
            if not run.heard:
                run.stop.clear()  # all who asked for it left, and now there is somebody again
            run.heard[asked] = asked.progress
        else:
            run = Run(loop.create_future())
            run.heard[asked] = asked.progress
            run.end.add_done_callback(_looked_at)
            if key in self._now:
                self._next[key] = run
                task = loop.create_task(self._after(key, work, run))
                self._later.add(task)
                task.add_done_callback(self._later.discard)
            else:
                self._begin(key, work, run)
        try:
            return await asyncio.shield(run.end)
        except asyncio.CancelledError:
            run.heard.pop(asked, None)
            if asked.stop.is_set() and not run.heard:
                run.stop.set()
            raise

    async def _after(self, key: Hashable, work: Callable[[Run], Any], run: Run) -> None:
        with suppress(Exception):
            await asyncio.shield(self._now[key].end)
        del self._next[key]
        self._begin(key, work, run)

    def _begin(self, key: Hashable, work: Callable[[Run], Any], run: Run) -> None:
        self._now[key] = run
        if self._is_stopped:
            run.stop.set()

        def ended(done: asyncio.Future[Any]) -> None:
            del self._now[key]
            if run.end.cancelled():
                return
            if (e := done.exception()) is not None:
                run.end.set_exception(e)
            else:
                run.end.set_result(done.result())

        self._submit(partial(work, run)).add_done_callback(ended)

    def stop(self) -> None:
        """All of them, at the next file, and whatever begins later: what is indexed stays, and the next run goes on from there."""
        self._is_stopped = True
        for run in (*self._now.values(), *self._next.values()):
            run.stop.set()


def _looked_at(end: asyncio.Future[Any]) -> None:
    """An error that nobody waits for any more is no fault of the loop's."""
    if not end.cancelled():
        end.exception()
