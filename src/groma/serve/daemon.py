"""The daemon: one process a user and data directory that owns the engine, and answers whoever connects to its socket.

The lock file `daemon.lock` in the data directory is held as long as the process lives, and says who that is; the socket is made anew from it. One
thread runs the event loop, which only moves frames; verbs run in threads of pools: what is quick in as many as there is work for on this
machine, what may wait for others (writes, tools that bring a project up to date first) in one that grows. Index runs of a folder are joined:
who asks while one is going on shares the next one with all others who ask until it begins.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, TypeVar

from .. import __version__, places
from ..config import SETTINGS, Settings, load
from ..engine import Engine
from ..errors import Cancelled, ConfigurationError, GromaError, Refused, StoreUnreachable, UsageError
from ..locks import claim
from ..types import LOCAL, Caller
from . import sockets, wire
from .client import LOCK, LOG
from .indexing import Indexing
from .sessions import SLOW_S, Asked, Greeting, Session, arguments_of, method_of, refuse
from .turns import Turns
from .upkeep import code_state, log, newer, rss_bytes, signed, slim, turn_over
from .verbs import VERBS

__all__ = ["Daemon", "serve"]

QUICK_THREADS = max(4, 2 * (os.cpu_count() or 1))
PATIENT_THREADS = 256
"""For what may wait for others; what they wait for has as many of its own, or none would be left for it."""
TURNS = 2
"""So many searches of agents at once: the core's steps of one run beside another, but most is Python, and a third only takes it from others. (With
three on two cores, fifty agents waited for memories 600 ms instead of 30.)"""
SWITCH_S = 0.0002
"""How long a thread keeps the interpreter from others that want it: who asks the disk must not wait five milliseconds after each answer."""
GREETING_S = 10.0
"""How long a new connection may take to say who it is."""
FINISH_S = 8.0
"""What a shutdown gives to work that was begun."""
PROGRESS_S = 0.05
WATCH_S = 1.5
"""How often the daemon looks at itself: is it idle, too large, older than its code, where it is looked for?"""
CODE_S = 0.5
SLIM_S = 2.0
"""How long letting go of memory waits for verbs that are running."""
SLIM_EVERY_S = 60.0
RENEW_S = 600.0
"""A daemon that cannot keep its budget ends after this time, when nobody asks anything: the next one begins anew."""

BY_TURNS = frozenset({"search_code", "read"})

OWN = tuple(s.name for s in SETTINGS if s.process or s.reindex)
"""Settings of what the daemon does by itself: those of its process, which are of who started it, and how it indexes what nobody asks about, which
only files say. All that decides an answer is of who asks for it."""

FOR_AGENTS = ("tool", "resource", "resources", "prompt", "complete")
"""Verbs whose results are MCP's own objects: a `Surface` of the session answers them."""

T = TypeVar("T")

CANCELLED = "The request was cancelled."
_STOPPING = wire.Stopping("The daemon is about to end and takes no new work; ask again in a moment.")


class Daemon:
    """The process, once it holds the lock."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], held: int, code: int) -> None:
        """`held` is the descriptor of the lock file, which is written to; `code` the state of the code that runs."""
        self.settings = settings
        self.environment = environment
        self.engine = Engine(settings)
        self.path = sockets.path_of(str(settings.data_dir), environment)
        self._held = held
        self._code = code
        self._code_seen = (time.monotonic(), code)
        self._config_seen: object = None
        self._is_reset = False
        self._begun = time.monotonic()
        self._sessions: set[Session] = set()
        self._connected = 0
        self._most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2  # each connection is an open file, and the stores need some, too
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._quick = ThreadPoolExecutor(QUICK_THREADS, "quick")
        self._patient = ThreadPoolExecutor(PATIENT_THREADS, "patient")
        self._turns = Turns(TURNS)
        self._long = ThreadPoolExecutor(PATIENT_THREADS, "long")
        self._indexing = Indexing(self.engine, partial(self._submit, self._patient), partial(self._submit, self._long), self._turns.aside)
        self._jobs_stop = threading.Event()
        self._jobs = 0
        self._last = time.monotonic()
        self._busy = 0
        self._gate = asyncio.Event()
        self._gate.set()
        self._slimmed = 0
        self._slim_due = 0.0
        self._loop: asyncio.AbstractEventLoop
        self._server: asyncio.Server
        self._bound: os.stat_result

    # ------------------------------------------------------------------------------------------------------------------ the process

    async def run(self) -> None:
        """Answer until told to stop, or until nobody came for a while."""
        self._loop = asyncio.get_running_loop()
        self._indexing.listen()
        await self._listen()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._signalled, number)
        log(f"groma {__version__} listens at {self.path} (process {os.getpid()}, core {self.engine.core})")
        working = threading.Thread(target=self.engine.jobs.run_pending, args=(self._jobs_stop,), name="jobs", daemon=True)
        working.start()
        looking = asyncio.create_task(self._look())
        await self._stopping.wait()
        looking.cancel()
        if self._is_found():  # else it is that of another one, to whom it is not to be lost; while ours is open, no other file has its number
            os.unlink(self.path)
        self._server.close()
        await self._finish(working)

    async def _listen(self) -> None:
        """Be where one is looked for, and say so in the lock file."""
        self.path = sockets.path_of(str(self.settings.data_dir), self.environment)
        listening = sockets.listen(self.path)
        self._bound = os.stat(self.path)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=wire.FRAME_BYTES, backlog=512)
        _write(self._held, {"pid": os.getpid(), "version": __version__, "socket": self.path})

    def _is_found(self) -> bool:
        """Does our socket still lie where it is looked for? Runtime folders go when a user logs out, and what is old in /tmp is swept."""
        try:
            return os.path.samestat(os.stat(self.path), self._bound)
        except OSError:
            return False

    async def _heal(self) -> None:
        """A socket again where it is looked for; who is connected stays so."""
        before = self._server
        try:
            await self._listen()
        except OSError as e:
            self.stop(f"its socket was removed and cannot be made again: {e.strerror or e}")
            return
        before.close()
        log(f"its socket was removed; listens at {self.path}")

    def _signalled(self, number: int) -> None:
        if number == signal.SIGINT and self._stopping.is_set():
            os._exit(130)
        self.stop(signal.Signals(number).name)

    def stop(self, why: str) -> None:
        """No new work; what was begun is finished or, where it takes long, goes on next time."""
        if not self._stopping.is_set():
            log(f"stops ({why})")
            self._stopping.set()

    async def _finish(self, working: threading.Thread) -> None:
        begun = time.monotonic()
        self._jobs_stop.set()
        self.engine.jobs.wake()
        self._indexing.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_S)
        for session in self._sessions:
            session.writer.close()
        await asyncio.sleep(0)  # the loop sends what is left
        left = len(self._tasks)
        closing = threading.Thread(target=self._close, args=(working,), daemon=True)
        closing.start()
        until = max(begun + FINISH_S, time.monotonic() + 0.5)
        while closing.is_alive() and time.monotonic() < until:
            await asyncio.sleep(0.005)  # index runs that nobody asked for need the loop to come to their end
        log(f"stopped in {time.monotonic() - begun:.2f} s" + (f"; {left} requests were left" if left else ""))

    def _close(self, working: threading.Thread) -> None:
        with suppress(GromaError):
            working.join()  # the processes of jobs end first: what they had in hand is gone on with by the next daemon
            self._indexing.freshness.close()
            self.engine.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(min(WATCH_S, self.settings.daemon_idle_s / 4))
            try:
                await self._looked()
            except Exception:  # noqa: BLE001 - it must go on looking, or it never ends
                log(f"could not look at itself\n{traceback.format_exc()}")

    async def _looked(self) -> None:
        if self._orphaned():  # before the catalogue is asked: who opens it makes its folder
            return
        if not self._is_found():
            await self._heal()
        with suppress(GromaError):
            self._jobs = await asyncio.wrap_future(self._quick.submit(self._active))
        turn_over(self.settings.data_dir / LOG)
        idle = not self._sessions and not self._tasks and not len(self._indexing) and not self._jobs
        if not idle:
            self._last = time.monotonic()
        elif time.monotonic() - self._last >= self.settings.daemon_idle_s:
            self.stop("idle")
            return
        if rss_bytes() > self.settings.memory_mb * 1e6 and time.monotonic() > self._slim_due:
            await self._slim()
        if not self._tasks and not len(self._indexing) and self._outdated() and self._code_seen[1] == code_state():
            self.stop("its code or its settings were changed")

    def _orphaned(self) -> bool:
        """Was the data directory removed under us, or another put into its place? Then nothing must be written to what is left of it: we end."""
        with suppress(OSError):
            if os.path.samestat(os.stat(self.settings.data_dir / LOCK), os.fstat(self._held)):
                return False
        self.stop("its data directory is gone")
        return True

    async def _slim(self) -> None:
        """Let go of memory, first of what is cheapest to have again, until the budget is kept. Nothing is closed under a verb that is running:
        new ones wait meanwhile, and while an index run goes on only caches are dropped."""
        most, before = self.settings.memory_mb * 1e6, rss_bytes()
        self._gate.clear()
        try:
            until = time.monotonic() + SLIM_S
            while self._busy and time.monotonic() < until:
                await asyncio.sleep(0.002)
            for keep in (1_000, 1, 0) if not self._busy else (1_000,):
                await self._loop.run_in_executor(self._quick, partial(slim, self.engine, keep))
                if rss_bytes() <= most:
                    break
        finally:
            self._gate.set()
        now = rss_bytes()
        self._slimmed += 1
        over = now > most
        self._slim_due = time.monotonic() + (SLIM_EVERY_S if over else 0.0)  # what cannot be had is not asked for again and again
        log(f"held {before / 1e6:.0f} MB of {most / 1e6:.0f}; {now / 1e6:.0f} after caches and stores were dropped")
        if over and not self._busy and not self._tasks and time.monotonic() - self._begun > RENEW_S:
            self.stop("more memory than it may have, and nothing left to drop")

    def _outdated(self) -> bool:
        """Is the code on disk another than that which runs, or are our own settings others?"""
        at, state = self._code_seen
        if time.monotonic() - at > CODE_S:
            state = code_state()
            self._code_seen = (time.monotonic(), state)
        return state != self._code or self._reset()

    def _reset(self) -> bool:
        """Were the settings changed of what we do by ourselves? Those of a question are always those of who asks."""
        path = places.config_file(self.environment)
        if (seen := signed(path)) != self._config_seen:
            with suppress(ConfigurationError):  # whoever asks is told
                now = load(self.environment, data_dir=self.settings.data_dir, config_file=path)
                self._is_reset = any(now.values[name] != self.settings.values[name] for name in OWN)
            self._config_seen = seen
        return self._is_reset

    def _active(self) -> int:
        """How many jobs are done or wait to be."""
        return sum(job.state in ("queued", "running") for job in self.engine.jobs.list(LOCAL))

    def status(self) -> dict[str, Any]:
        """The daemon's own."""
        return {
            "pid": os.getpid(),
            "version": __version__,
            "uptime_s": round(time.monotonic() - self._begun, 3),
            "rss_mb": round(rss_bytes() / 1e6, 1),
            "sessions": len(self._sessions),
            "jobs": self._jobs,
            "runs": len(self._indexing),
            "watch": self.settings.watch,
            "watched": len(self._indexing.freshness.watched()),
            "not_watched": [{"root": root, "why": str(why), "limit": why.limit} for root, why in self._indexing.freshness.not_watched().items()],
            "memory_mb": self.settings.memory_mb,
            "slimmed": self._slimmed,
            "core": self.engine.core,
            "data_dir": str(self.settings.data_dir),
            "socket": self.path,
        }

    # ----------------------------------------------------------------------------------------------------------------- one session

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer)
        self._connected += 1
        try:
            if sockets.peer(writer.get_extra_info("socket"))[1] != os.getuid():
                return
            if not await self._greeted(session):
                return
            self._sessions.add(session)
            while not self._stopping.is_set() and not writer.is_closing():
                await self._take(session, await reader.readuntil(b"\n"))
        except (asyncio.IncompleteReadError, TimeoutError, OSError):
            pass  # it left, in the middle of a line or before it said a word
        except asyncio.LimitOverrunError:
            await refuse(session, UsageError(f"A line may have {wire.FRAME_BYTES >> 20} MB at most."))
        except GromaError as e:
            await refuse(session, e)
        finally:
            for asked in session.asked.values():
                asked.leave()
            if session.asked:
                await asyncio.wait([asked.task for asked in session.asked.values()], timeout=SLOW_S)
            self._connected -= 1
            self._sessions.discard(session)
            self._last = time.monotonic()
            writer.close()

    async def _greeted(self, session: Session) -> bool:
        said = wire.read(await asyncio.wait_for(session.reader.readuntil(b"\n"), GREETING_S))
        if self._connected > self._most:  # after it has spoken: who is closed before takes it for an end, and starts another daemon
            raise StoreUnreachable(f"The daemon has {self._most} sessions already, and may not open files for more.")
        session.greeting = greeting = Greeting.of(said)
        session.caller = _caller(greeting)
        replace = greeting.protocol > wire.PROTOCOL or newer(greeting.version, __version__) or self._outdated() or self._orphaned()
        try:
            session.engine = self._engine_for(greeting)
        except ConfigurationError:
            if not replace:
                raise
            session.engine = self.engine  # who is newer may know settings that we do not; it is to ask for nothing but our end
        answer = {
            "groma": wire.PROTOCOL,
            "version": __version__,
            "pid": os.getpid(),
            "core": self.engine.core,
            "data_dir": str(self.settings.data_dir),
            "project": _project(greeting.cwd),
        }
        if replace:
            answer["replace"] = True
        await session.send(wire.frame(answer))
        return True

    def _engine_for(self, greeting: Greeting) -> Engine:
        """The engine with the settings of the client's environment: those that decide an answer are whoever asks's."""
        asked = {name: v for name, v in greeting.env.items() if name.startswith("GROMA_") and name != "GROMA_DATA_DIR"}
        config = places.config_file({**self.environment, **greeting.env})
        return self.engine.under(load(asked, data_dir=self.settings.data_dir, config_file=config))

    async def _take(self, session: Session, line: bytes) -> None:
        """Take up what was sent. Nothing here waits for a request: one that is to be cancelled must be heard of however many there are."""
        message = wire.read(line)
        if "cancel" in message:
            if (asked := session.asked.get(_id(message["cancel"]))) is not None:
                asked.cancel()
            return
        if not isinstance(verb := message.get("verb"), str):
            raise UsageError("A request names its verb.")
        number = _id(message.get("id"))
        asked = Asked(verb, self._progress(session, number) if message.get("progress") else lambda *_: None, len(line))
        try:
            session.admit(number, asked)
        except Refused as e:
            await session.send(_failed(number, e))
            return
        asked.task = asyncio.create_task(self._answer(session, asked, number, message.get("args")))
        self._tasks.add(asked.task)
        asked.task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)  # it begins before anything cancels it; and whoever sends much at once does not keep the loop for itself

    def _progress(self, session: Session, number: Hashable) -> Callable[[int, int, str], None]:
        due = 0.0

        def tell(done: int, total: int, message: str) -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due or message in ("waiting", "settle"):
                due = now + PROGRESS_S
                line = wire.frame({"id": number, "progress": {"done": done, "total": total, "message": message}})
                self._loop.call_soon_threadsafe(session.tell, line)

        return tell

    async def _answer(self, session: Session, asked: Asked, number: Hashable, args: Any) -> None:
        try:
            try:
                await session.room.acquire()
            except asyncio.CancelledError:
                await session.send(_failed(number, Cancelled(CANCELLED)))
                return
            try:
                await session.send(await self._said(session, asked, number, args if isinstance(args, dict) else {}))
            finally:
                session.room.release()
        finally:
            session.answered(number)
        if asked.verb == "stop":
            self.stop(f"asked to by process {session.greeting.pid}")

    async def _said(self, session: Session, asked: Asked, number: Hashable, args: dict[str, Any]) -> bytes:
        """The answer, whatever it is."""
        try:
            said = await self._performed(session, asked, number, args)
            return said if isinstance(said, bytes) else wire.frame({"id": number, **said})
        except asyncio.CancelledError:
            return _failed(number, Cancelled(CANCELLED))
        except GromaError as e:
            # What we ended ourselves, nobody asked to: the next daemon goes on with it.
            return _failed(number, _STOPPING if isinstance(e, Cancelled) and self._stopping.is_set() else e)
        except Exception as e:  # noqa: BLE001 - a fault in one verb is told to who asked, and costs nobody else
            log(f"{asked.verb} failed\n{traceback.format_exc()}")
            if isinstance(e, ImportError) and code_state() != self._code:  # a package that is being updated lacks some modules for a moment
                self.stop("its code is being changed")
                return _failed(number, _STOPPING)
            return _failed(number, e)

    async def _performed(self, session: Session, asked: Asked, number: Hashable, args: dict[str, Any]) -> dict[str, Any] | bytes:
        """The answer: an object less its number, or the whole frame."""
        if asked.verb in ("ping", "stop"):
            return {"result": {"pid": os.getpid()}}
        if asked.verb == "status":
            with suppress(GromaError):
                self._jobs = await self._submit(self._quick, self._active)
            return {"result": self.status()}
        if asked.verb == "told":
            return {"result": await self._submit(self._quick, self.engine.told)}  # a store that is being opened holds it up
        if self._stopping.is_set() or self._orphaned():
            raise _STOPPING
        await self._gate.wait()
        if asked.verb in FOR_AGENTS:
            return await self._submit(self._patient, partial(self._for_agent, session, asked, args), asked)
        if (verb := VERBS.get(asked.verb)) is None:
            raise UsageError(f"There is no verb {asked.verb}; known: {', '.join(('ping', 'status', 'told', 'stop', *FOR_AGENTS, *VERBS))}.")
        method, arguments = method_of(session.engine, verb), arguments_of(verb, args)
        if asked.verb == "freshen":
            return {"result": await self._indexing.freshen(session.engine, session.caller, asked, **arguments)}
        if verb.runs:
            return {"result": await self._indexing.run(session.engine, session.caller, asked, **arguments)}
        pool = self._patient if verb.writes or verb.room == "records" else self._quick  # a memory waits for those that are just written
        return await self._submit(pool, lambda: wire.frame({"id": number, "result": method(session.caller, **arguments)}), asked)

    # ---------------------------------------------------------------------------------------------------------------------- agents

    def _for_agent(self, session: Session, asked: Asked, args: Mapping[str, Any]) -> dict[str, Any]:
        """In a thread: what the front of an agent asks, as MCP has it."""
        with session.opening:
            if session.surface is None:
                from .tools import Surface

                g = session.greeting
                session.surface = Surface(
                    session.engine, self._indexing.freshness, cwd=g.cwd or os.sep, environment=g.env, toolset=g.toolset, caller=session.caller
                )
        surface = session.surface

        def progress(done: float, total: float | None, message: str) -> None:
            asked.progress(int(done), int(total or 0), message)

        def given(name: str, kind: type[T]) -> T:
            if not isinstance(value := args.get(name), kind):
                raise UsageError(f"{asked.verb} needs {name}.")
            return value

        def perhaps(name: str, kind: type[T]) -> T | None:
            if (value := args.get(name)) is not None and not isinstance(value, kind):
                raise UsageError(f"This is no {name} of {asked.verb}.")
            return value

        if asked.verb == "tool":
            name = given("name", str)
            asked.only_reads = surface.only_reads(name)
            with self._turns.taken() if name in BY_TURNS else nullcontext():
                return {"result": surface.tool(name, perhaps("arguments", dict), progress=progress, cancelled=asked.stop.is_set)}
        if asked.verb == "resource":
            return {"result": surface.resource(given("uri", str))}
        if asked.verb == "resources":
            return {"result": surface.resources(perhaps("cursor", str))}
        if asked.verb == "prompt":
            return {"result": surface.prompt(given("name", str), perhaps("arguments", dict))}
        return {"result": surface.complete(given("ref", dict), given("argument", dict), perhaps("context", dict))}

    # --------------------------------------------------------------------------------------------------------------------- threads

    def _submit(self, pool: ThreadPoolExecutor, work: Callable[[], T], asked: Asked | None = None) -> asyncio.Future[T]:
        """Work in a thread. It counts until it has ended, even if nobody waits for it any more."""
        self._busy += 1
        end = pool.submit(work)
        if asked is not None:
            asked.work = end
        end.add_done_callback(self._ended)
        return asyncio.wrap_future(end)

    def _ended(self, _end: object) -> None:
        with suppress(RuntimeError):  # the loop is gone, and so are we in a moment
            self._loop.call_soon_threadsafe(self._worked)

    def _worked(self) -> None:
        self._busy -= 1


# ---------------------------------------------------------------------------------------------------------------------------- helpers


def _caller(greeting: Greeting) -> Caller:
    """Who asks: the one place that makes it. Whoever may open this socket is the user, who may do all."""
    return LOCAL


def _project(cwd: str) -> str:
    """The project that a client is in; "" if it does not say where it is."""
    if not cwd:
        return ""
    try:
        return places.project_root(None, cwd)
    except OSError:
        return cwd


def _failed(number: Hashable, e: BaseException) -> bytes:
    return wire.frame({"id": number, "error": wire.error_of(e)})


def _id(said: Any) -> Hashable:
    if not isinstance(said, str | int | None):
        raise UsageError("The id of a request is a number or a text.")
    return said


def _write(held: int, told: Mapping[str, Any]) -> None:
    """Say in the lock file who holds it."""
    os.pwrite(held, json.dumps(told).encode().ljust(1024), 0)


# ---------------------------------------------------------------------------------------------------------------------------- the way in


def serve(settings: Settings, environment: Mapping[str, str], *, answers: Callable[[], bool], code: int, wait_s: float = 15.0) -> bool:
    """Be the daemon of a data directory until told to stop. False, at once, where one is there already (`answers`). `code` is what `code_state` said
    before this was imported.

    Raises Refused where the data directory cannot be written, StoreUnreachable where another one holds the lock and does not answer.
    """
    folder = settings.data_dir
    environment = {name: v for name, v in environment.items() if name not in {s.variable for s in SETTINGS if s.reindex}}
    settings = load(environment, data_dir=folder, config_file=places.config_file(environment))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = claim(folder / LOCK)
        until = time.monotonic() + wait_s
        while held is None:
            if answers():
                return False
            if time.monotonic() > until:
                raise StoreUnreachable(f"Another daemon holds {folder / LOCK} and does not answer.")
            time.sleep(0.005)
            held = claim(folder / LOCK)
    except OSError as e:
        raise Refused(f"No daemon can run for {folder}: {e.strerror}.") from e
    _write(held, {"pid": os.getpid()})  # what the one before wrote there may be the number of somebody else's process by now
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    gc.enable()
    gc.freeze()
    try:
        asyncio.run(_main(settings, environment, held, code))
    except OSError as e:
        raise Refused(f"No daemon can listen for {folder}: {e.strerror or e}.") from e
    return True


async def _main(settings: Settings, environment: Mapping[str, str], held: int, code: int) -> None:
    sys.setswitchinterval(SWITCH_S)
    await Daemon(settings, environment, held, code).run()
    sys.stderr.flush()
    os._exit(0)  # threads that still work are left: every write is a transaction
