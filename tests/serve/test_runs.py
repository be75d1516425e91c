"""Index runs that are joined, on an event loop of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from groma.serve.runs import Run, Runs
from groma.serve.sessions import Asked


class Steps:
    """Work that ends when the test says so."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Future[Any]] = []
        self.runs: list[Run] = []

    def submit(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        work()
        self.begun.append(asyncio.get_running_loop().create_future())
        return self.begun[-1]

    def ask(self, runs: Runs) -> tuple[Asked, asyncio.Task[Any]]:
        asked = Asked("index", lambda *_: None)
        return asked, asyncio.create_task(runs.join("root", self.runs.append, asked))


@pytest.fixture
def steps() -> Steps:
    return Steps()


def test_who_asks_when_a_run_has_just_ended_shares_the_next_one(steps: Steps) -> None:
    async def main() -> None:
        runs = Runs(steps.submit)
        _, first = steps.ask(runs)
        await asyncio.sleep(0)
        _, second = steps.ask(runs)
        await asyncio.sleep(0)
        steps.begun[0].set_result("one")
        third = None
        while len(steps.begun) < 2:  # whatever the step of the loop at which it comes
            if third is None and not len(runs):
                _, third = steps.ask(runs)
            await asyncio.sleep(0)
        assert third is not None
        steps.begun[1].set_result("two")
        assert [await first, await second, await third] == ["one", "two", "two"]
        assert len(steps.begun) == 2 and not len(runs)

    asyncio.run(main())


def test_a_run_that_all_left_before_it_began_is_made_for_who_comes_then(steps: Steps) -> None:
    async def main() -> None:
        runs = Runs(steps.submit)
        _, first = steps.ask(runs)
        await asyncio.sleep(0)
        left, second = steps.ask(runs)
        await asyncio.sleep(0)
        left.stop.set()
        second.cancel()
        await asyncio.wait([second])
        _, third = steps.ask(runs)
        await asyncio.sleep(0)
        steps.begun[0].set_result("one")
        while len(steps.begun) < 2:
            await asyncio.sleep(0)
        assert not steps.runs[1].stop.is_set()
        steps.begun[1].set_result("two")
        assert [await first, await third] == ["one", "two"]

    asyncio.run(main())


def test_what_begins_after_the_daemon_was_told_to_stop_stops_at_once(steps: Steps) -> None:
    async def main() -> None:
        runs = Runs(steps.submit)
        runs.stop()
        _, first = steps.ask(runs)
        await asyncio.sleep(0)
        assert steps.runs == [steps.runs[0]] and steps.runs[0].stop.is_set()
        steps.begun[0].set_result(None)
        await first

    asyncio.run(main())
