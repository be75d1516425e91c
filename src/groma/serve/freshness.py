"""A project is brought up to date before a question about it is answered, while the question waits; and, where it is watched, without being asked.

The rule of never being stale: an answer covers every change that was finished before the question was put. Without a watch that takes an index
run begun after the question. With one it takes a run that came to its end and a watch that, looked at *now*, knows of nothing since that run
began (`groma.watching`: events are queued before a write returns); then nothing is walked. What happens while a run goes on is never taken for
seen by it: another one follows.

Some changes give no event (see `groma.watching`), so a project in use is walked every `WALK_EVERY_S` all the same, and by the question itself
where that did not happen. A watch costs the system memory, so those of projects that nobody asks about are let go.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from ..engine import Engine
from ..errors import DiskFull, GromaError, ReadOnly
from ..types import LOCAL, Caller
from ..watching import CannotWatch, Watch, system_limit

__all__ = ["Freshness"]

WALK_EVERY_S = 60.0
"""How often a watched project is walked all the same, in the background."""
OLDEST_S = 2 * WALK_EVERY_S
"""A question does not rely on a run that began longer ago: the background had no cause to make another one, or no time."""
IN_USE_S = 300.0
"""How long after a question a project counts as in use."""
LET_GO_S = 1800.0
"""How long after a question a watch is kept, and changes are indexed unasked."""
MOST_RUNS = 256
MOST_ROOTS = 16
"""Each watch takes one of the system's instances of inotify (128 a user by default)."""
TRY_AGAIN_S = 600.0
"""How long a project that could not be watched is walked before it is tried again."""
LATEST_S = 10.0
"""How long a project that does not become quiet waits for an unasked run at most."""
PAUSE_S = 0.05
"""Between two looks at a project in which much happens: a storm costs looks, not one wake-up an event."""


class _Run:
    """An index run. `begun` is when its walk could begin (monotonic), None before that: until then it will see whatever happens."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.how = engine.settings.indexing
        self.begun: float | None = None
        self.is_armed = False
        self.end: Future[Any] = Future()


class _Room:
    """What is known of one root. All of it is guarded by `lock`, which is never held while something is walked."""

    def __init__(self, root: str, engine: Engine) -> None:
        self.root = root
        self.engine = engine  # of who asked last for a run: what is indexed unasked is so under the same settings
        self.lock = threading.Lock()
        self.run: _Run | None = None
        self.is_proven = False  # did a run come to its end, with a watch on since before it began, and nothing called for another one?
        self.proven_at = 0.0  # when that one began
        self.limit = 0  # the largest file that it took: whoever ran since may have had another one
        self.asked = 0.0
        self.watch: Watch | None = None
        self.is_arming = False  # then the watch belongs to the run
        self.leaves = False
        self.why: CannotWatch | None = None
        self.is_told = False
        self.try_at = 0.0
        self.first = self.last = 0.0  # when changes that no run covers were first and last noticed; 0: none
        self.looked = 0.0

    @property
    def is_running(self) -> bool:
        return self.run is not None and not self.run.end.done()


class Freshness:
    """Brings projects up to date; index runs go on in the background, one a root at a time. Threads may share it."""

    def __init__(
        self,
        engine: Engine,
        run: Callable[[str, Engine], Future[Any]] | None = None,
        aside: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`run` starts an index run of a root, under the settings of an engine, and may not be done when it returns; by default it is one in a thread
        of ours. `aside` is entered while a question waits for a run."""
        self.engine = engine
        self._aside = aside
        self._run = run
        self._wants_watch = engine.settings.watch and not engine.settings.read_only
        self._debounce_s = engine.settings.watch_debounce_ms / 1000
        self._lock = threading.Lock()
        self._rooms: dict[str, _Room] = {}
        # Those that only wait for a run of somebody else's cost nothing, and a project must not wait until others are indexed.
        self._threads = ThreadPoolExecutor(None if run is None else MOST_RUNS, thread_name_prefix="index")
        self._is_closed = False
        self._tending: threading.Thread | None = None
        self._wake_out, self._wake_in = -1, -1

    def __enter__(self) -> Freshness:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Watch nothing and start nothing any more. A run that goes on is waited for: the engine must not be closed under it."""
        with self._lock:
            self._is_closed = True
            rooms, tending = list(self._rooms.values()), self._tending
        self._wake()
        if tending is not None:
            tending.join()
        self._threads.shutdown(cancel_futures=True)
        for room in rooms:
            self._let_go(room)
        for fd in (self._wake_out, self._wake_in):
            if fd >= 0:
                os.close(fd)
        self._wake_out = self._wake_in = -1

    def watched(self) -> dict[str, int]:
        """The roots that are watched, each with how many of the system's watches that takes."""
        with self._lock:
            rooms = list(self._rooms.values())
        return {room.root: watch.folders for room in rooms if (watch := room.watch) is not None and watch.folders}

    def not_watched(self) -> dict[str, CannotWatch]:
        """The roots that cannot be watched, each with why."""
        with self._lock:
            rooms = list(self._rooms.values())
        return {room.root: why for room in rooms if (why := room.why) is not None}

    # ----------------------------------------------------------------------------------------------------------------- a question

    def freshen(self, root: str, within_s: float, *, caller: Caller = LOCAL, engine: Engine | None = None) -> list[str]:
        """Bring a project up to date, waiting at most `within_s`; returns what there is to say about it. Raises what makes it impossible.

        `engine` is that of who asks, where its settings are others than ours: the project is indexed as they say, or not if they say so.
        """
        asked = time.monotonic()
        of = engine or self.engine
        how = of.settings.indexing
        try:
            of.may_index(caller, root)
        except ReadOnly as e:
            if root not in self.engine.roots(caller):
                raise
            return [e.message]
        room = self._room(root)
        room.asked = asked
        while True:
            with room.lock:
                if self._holds(room, asked, how):
                    return self._said_of_watching(room)
                if not room.is_running and (room.run is None or room.run.begun is None or room.run.begun < asked or room.run.how != how):
                    room.engine = of
                    self._start(room)
                run = room.run
                assert run is not None
                is_enough = run.how == how and (run.begun is None or run.begun >= asked or (run.is_armed and not self._look(room)))
            with self._aside():
                ended = wait([run.end], max(0.0, asked + within_s - time.monotonic())).done
            if not ended:
                return [f"{root} is still being indexed: this answer covers what is there so far; ask again in a moment"]
            if is_enough:
                return self._said(room, run)

    def _holds(self, room: _Room, now: float, how: Hashable) -> bool:
        """Does what is indexed cover all that happened up to now, as it is to be indexed?"""
        if not room.is_proven or room.run is None or room.run.how != how or room.is_arming or now - room.proven_at > OLDEST_S:
            return False
        return not self._look(room) and self.engine.indexed_within(LOCAL, room.root) == room.limit

    def _look(self, room: _Room) -> bool:
        """Whether the watch knows of anything that the last run may not have seen."""
        if room.watch is None or room.is_arming:
            return True
        now = room.looked = time.monotonic()
        try:
            news = room.watch.look()
        except OSError as e:
            self._cannot(room, CannotWatch(str(e)))
            return True
        if news:
            room.last = now
            if not room.first:
                room.first = now
                self._wake()
        return room.watch.changed

    def _said(self, room: _Room, run: _Run) -> list[str]:
        try:
            run.end.result()
        except (ReadOnly, DiskFull) as e:
            if room.root not in self.engine.roots(LOCAL):
                raise
            return [e.message]
        return self._said_of_watching(room)

    def _said_of_watching(self, room: _Room) -> list[str]:
        """Once, if a limit that can be raised is why a project is not watched."""
        if room.why is None or not room.why.limit or room.is_told:
            return []
        room.is_told = True
        return [f"{room.root} is not watched, so that every question walks it: {room.why}"]

    def _room(self, root: str) -> _Room:
        with self._lock:
            return self._rooms.setdefault(root, _Room(root, self.engine))

    # --------------------------------------------------------------------------------------------------------------------- a run

    def _start(self, room: _Room, *, again: bool = False) -> None:
        """Start a run. The first one of a root is made without a watch, so that an answer never waits for that; a second one follows it.

        `again`: nothing is known to have changed; what was proven holds meanwhile, and no question waits.
        """
        run = _Run(room.engine)
        is_first = room.watch is None
        before = room.run, room.is_proven, room.is_arming
        room.run, room.is_proven, room.is_arming = run, room.is_proven and again, not is_first
        try:
            self._threads.submit(self._bring, room, run, is_first)
        except RuntimeError:  # closed
            room.run, room.is_proven, room.is_arming = before
            raise

    def _bring(self, room: _Room, run: _Run, is_first: bool) -> None:
        try:
            self._begin(room, run)
            limit = run.engine.limit(room.root)
            result = self._run(room.root, run.engine).result() if self._run is not None else run.engine.index(LOCAL, room.root)
        except BaseException as e:  # noqa: BLE001 - whoever waits for the run gets it
            self._over(room, run)
            run.end.set_exception(e)
            return
        self._over(room, run, well=True, limit=limit)
        run.end.set_result(result)
        if is_first:
            self._watch(room)

    def _begin(self, room: _Room, run: _Run) -> None:
        """Let the watch cover what this run will walk."""
        why, had = None, False
        if room.is_arming and room.watch is not None:
            try:
                had = room.watch.arm(self._most(room))
            except CannotWatch as e:
                why = e
            except OSError as e:
                why = CannotWatch(str(e))
        with room.lock:
            room.is_arming = False
            room.is_proven = room.is_proven and not had
            if why is not None:
                self._cannot(room, why)
            elif room.leaves:
                self._drop(room)
            run.is_armed = room.watch is not None
            room.first = room.last = 0.0
            run.begun = time.monotonic()

    def _over(self, room: _Room, run: _Run, *, well: bool = False, limit: int = 0) -> None:
        with room.lock:
            if run.begun is None:
                run.begun, room.is_arming = time.monotonic(), False
            if run.is_armed:
                self._look(room)
            if room.watch is not None and run.is_armed:
                room.watch.walked()
                room.is_proven, room.proven_at, room.limit = well, run.begun, limit
        self._wake()

    def _watch(self, room: _Room) -> None:
        """Put a watch on a root that was indexed, and start the run that it is proven from."""
        if not self._wants_watch:
            return
        with room.lock:
            if self._is_closed or room.watch is not None or room.is_running or time.monotonic() < room.try_at:
                return
            try:
                room.watch = Watch(room.root)
            except CannotWatch as e:
                self._cannot(room, e)
                return
            room.why, room.leaves, room.looked = None, False, 0.0
            self._start(room)
        self._tend_to_it()

    def _most(self, room: _Room) -> int:
        """How many folders a watch may take: ours together half of what this user may have, and those asked about longest ago give way."""
        with self._lock:
            others = sorted((one for one in self._rooms.values() if one is not room and one.watch is not None), key=lambda one: one.asked)
        while len(others) >= MOST_ROOTS:
            self._let_go(others.pop(0))
        taken = [watch.folders for one in others if (watch := one.watch) is not None]
        return max(0, system_limit() // 2 - sum(taken))

    def _cannot(self, room: _Room, why: CannotWatch) -> None:
        self._drop(room)
        room.why = why
        room.try_at = time.monotonic() + TRY_AGAIN_S

    def _let_go(self, room: _Room) -> None:
        with room.lock:
            if room.is_arming:
                room.leaves = True  # the run that uses it drops it
            else:
                self._drop(room)

    def _drop(self, room: _Room) -> None:
        if room.watch is not None:
            room.watch.close()
        room.watch, room.is_proven, room.leaves, room.first = None, False, False, 0.0

    # -------------------------------------------------------------------------------------------------------------- the background

    def _tend_to_it(self) -> None:
        with self._lock:
            if self._tending is None and not self._is_closed:
                self._wake_out, self._wake_in = os.pipe()
                os.set_blocking(self._wake_in, False)
                os.set_blocking(self._wake_out, False)
                self._tending = threading.Thread(target=self._tend, name="watch", daemon=True)
                self._tending.start()
        self._wake()

    def _wake(self) -> None:
        if self._wake_in >= 0:
            with suppress(OSError):  # full: it is awake
                os.write(self._wake_in, b"\0")

    def _tend(self) -> None:
        """Notice what happens, start runs once it is quiet, walk what is in use, let go of what is not."""
        while not self._is_closed:
            poll = select.poll()
            poll.register(self._wake_out, select.POLLIN)
            now = time.monotonic()
            until = now + WALK_EVERY_S
            with self._lock:
                rooms = [room for room in self._rooms.values() if room.watch is not None]
            for room in rooms:
                with room.lock:
                    until = min(until, self._tend_room(room, now, poll))
            poll.poll(max(0.0, until - now) * 1000 + 1)
            with suppress(BlockingIOError):
                os.read(self._wake_out, 1 << 16)

    def _tend_room(self, room: _Room, now: float, poll: select.poll) -> float:
        """Returns when to come again at the latest; before that, when `poll` says so."""
        if room.watch is None or room.is_arming:
            return now + WALK_EVERY_S  # its run wakes us
        if now - room.looked >= PAUSE_S:
            self._look(room)
            if room.watch is None:
                return now
            poll.register(room.watch, select.POLLIN)
            until = now + WALK_EVERY_S
        else:
            until = room.looked + PAUSE_S
        if room.is_running or room.run is None or room.run.begun is None:
            return until
        if now - room.asked > LET_GO_S:
            self._drop(room)
            return until
        if room.first:
            due = min(room.last + self._debounce_s, room.first + LATEST_S)
            if now >= due and room.watch.git_is_writing:
                due = now + PAUSE_S  # a switch of branches is one change
            if now >= due:
                self._unasked(room)
                return until
            until = min(until, due)
        if now - room.asked < IN_USE_S:
            due = room.run.begun + WALK_EVERY_S
            if now >= due:
                self._unasked(room, again=True)
                return until
            until = min(until, due)
        return until

    def _unasked(self, room: _Room, *, again: bool = False) -> None:
        """Start a run that nobody asked for, if the project was not forgotten meanwhile."""
        try:
            is_known = room.root in self.engine.roots(LOCAL)
        except GromaError:  # for the next question to say
            is_known = False
        if is_known:
            self._start(room, again=again)
        else:
            self._drop(room)
