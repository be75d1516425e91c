"""The daemon's index runs: those of a folder are joined, short ones are made here and long ones by jobs; projects are brought up to date by them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any

from ..engine import Engine
from ..errors import Cancelled
from ..types import LOCAL, Caller, Summary
from .freshness import Freshness
from .runs import Long, Run, Runs
from .sessions import Asked

__all__ = ["Indexing"]

Submit = Callable[[Callable[[], Any]], asyncio.Future[Any]]

FOREVER_S = 1e9
LOOK_S = 0.2
"""How often who waits for a job looks whether it is still wanted."""


class Indexing:
    """Index runs that sessions and questions ask for. Its coroutines live on the event loop, where the first of them was called."""

    def __init__(self, engine: Engine, wait: Submit, work: Submit, aside: Callable[[], AbstractContextManager[None]]) -> None:
        """`engine` is the daemon's own. What waits for runs is done in threads of `wait`, runs in those of `work`: were they the same, all of them
        could wait for a run that finds none. `aside` is entered while a question waits for a run."""
        self.engine = engine
        self.freshness = Freshness(engine, self._for_question, aside)
        self._wait = wait
        self._runs = Runs(work)
        self._heard: dict[str, tuple[Asked, ...]] = {}
        self._is_stopped = False
        self._loop: asyncio.AbstractEventLoop

    def __len__(self) -> int:
        return len(self._runs)

    def listen(self) -> None:
        """From now on the event loop that runs is the one to use."""
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """All of them, at the next file; jobs go on next time."""
        self._is_stopped = True
        self._runs.stop()

    async def run(self, engine: Engine, caller: Caller, asked: Asked, root: str, consent: bool = False) -> Summary:
        """What an index run of a folder that begins after this call returns; others that ask for it share it. `engine` is that of who asks."""
        key = (root, consent, engine.settings.indexing, engine.settings.read_only)
        return await self._runs.join(key, partial(self._made, engine, caller, root, consent), asked)  # type: ignore[no-any-return]

    async def freshen(self, engine: Engine, caller: Caller, asked: Asked, root: str) -> list[str]:
        """Bring a project up to date, as long as it takes: whoever asks may leave. What there is to say about it."""
        self._heard[root] = (*self._heard.get(root, ()), asked)
        try:
            return await self._wait(lambda: self.freshness.freshen(root, FOREVER_S, caller=caller, engine=engine))  # type: ignore[no-any-return]
        finally:
            left = tuple(one for one in self._heard[root] if one is not asked)
            if left:
                self._heard[root] = left
            else:
                del self._heard[root]

    def _for_question(self, root: str, engine: Engine) -> Future[Any]:
        """An index run for `Freshness`, from one of its threads. Who waits for it hears how far it is."""

        def tell(done: int, total: int, message: str) -> None:
            for one in self._heard.get(root, ()):
                one.progress(done, total, message)

        return asyncio.run_coroutine_threadsafe(self.run(engine, LOCAL, Asked("index", tell), root), self._loop)

    def _made(self, engine: Engine, caller: Caller, root: str, consent: bool, run: Run) -> Summary:
        """In a thread. What is long is a job, in a process of its own: beside it, questions are answered as quickly as ever, and its memory is not
        ours. What is short, and waited for, is done here at once: a process that gives way to everybody takes its time."""
        with suppress(Long):
            if engine.jobs.is_asked_for("index", root) and not engine.settings.read_only:
                raise Long
            return engine.index(caller, root, consent=consent, report=run.brief, waiting=run.waiting)
        job, is_ours = self._job(engine, caller, root, consent)
        done = self.engine.jobs.future(job, run.tell)
        while True:
            try:
                found = dict(done.result(LOOK_S).result)
                engine.note(found.pop("told", ()))
                return Summary(**found)
            except FutureTimeout:
                if run.stop.is_set():
                    if is_ours and not self._is_stopped:
                        engine.jobs.cancel(caller, job)
                    raise Cancelled("The index run was stopped; what was indexed so far stays.") from None

    def _job(self, engine: Engine, caller: Caller, root: str, consent: bool) -> tuple[str, bool]:
        """The job to wait for, and whether it is ours to end: one that somebody else asked for is waited for too, but never ended; one that we ask
        for is marked as `awaited`, so that nobody else's request is taken for the same one."""
        how: dict[str, Any] = {"consent": True} if consent else {}
        same = "index", root, engine.jobs.as_asked("index", how), ""
        for one in engine.jobs.list(caller):
            if (one.kind, one.root, one.arguments, one.asked) == same and one.state in ("queued", "running"):
                return engine.jobs.submit(caller, "index", root, priority=1, **how), False
        job = engine.jobs.submit(caller, "index", root, priority=1, awaited=True, **how)
        self.engine.jobs.wake()  # it is ours that sees to it, whoever's settings these are
        return job, True
