"""One client's connection to the daemon: what it said of itself, what it asked that is under way, its answers; its arguments as methods take them."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from inspect import Parameter, signature
from typing import Any, get_type_hints

from .. import __version__
from ..engine import Engine
from ..errors import GromaError, Refused, StoreUnreachable, UsageError
from ..types import Caller
from ..values import value
from . import wire
from .upkeep import log
from .verbs import VERBS, Verb

__all__ = ["SLOW_S", "Asked", "Greeting", "Session", "arguments_of", "method_of", "refuse"]

AT_ONCE = 64
"""Requests of one session that are worked on; the others wait for their turn."""
MOST = 1_000
"""Requests of one session that are not answered yet: those beyond are refused. What is to be cancelled is always heard."""
SLOW_S = 30.0
"""How long a client may leave an answer lying before it is let go."""


@value
class Greeting:
    """What a client said of itself."""

    protocol: int
    version: str
    client: str
    pid: int
    cwd: str
    env: Mapping[str, str]
    toolset: str

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Greeting:
        """Raises UsageError where it is none, StoreUnreachable where its protocol is spoken here no more (the client does without us, and says why).
        A greeting and the verb `stop` are the same in every protocol: who speaks a later one is to replace us by them."""
        if not isinstance(number := said.get("groma"), int):
            raise UsageError('A connection begins with {"groma": 1, …}.')
        if number < wire.PROTOCOL:
            raise StoreUnreachable(f"The daemon is groma {__version__} and does not speak wire protocol {number} any more; update groma here too.")
        env = said.get("env")
        return cls(
            protocol=number,
            version=str(said.get("version", "")),
            client=str(said.get("client", "")),
            pid=int(pid) if isinstance(pid := said.get("pid"), int) else 0,
            cwd=cwd if isinstance(cwd := said.get("cwd"), str) and os.path.isabs(cwd) else "",
            env={str(name): str(v) for name, v in env.items()} if isinstance(env, dict) else {},
            toolset=str(said.get("toolset", "core")),
        )


class Asked:
    """A request under way."""

    def __init__(self, verb: str, progress: Callable[[int, int, str], None], size: int = 0) -> None:
        self.verb = verb
        self.progress = progress
        self.size = size
        self.stop = threading.Event()
        self.task: asyncio.Task[None]
        self.work: Future[Any] | None = None
        """What does it, once a thread was asked to."""
        self.only_reads = False
        """Is it a tool that is known to write nothing?"""

    @property
    def writes(self) -> bool:
        """Is it finished even if nobody waits for it?"""
        return not self.only_reads if self.verb == "tool" else self.verb in VERBS and VERBS[self.verb].writes

    def cancel(self) -> None:
        """Nobody wants the answer. A write that has begun is finished all the same, and answered with what it did; a tool knows best what of it
        may be left undone."""
        self.stop.set()
        if not self.writes or self.work is None or self.work.cancel():
            self.task.cancel()

    def leave(self) -> None:
        """Who asked is gone."""
        if not self.writes:
            self.cancel()
        elif self.verb == "tool":
            self.stop.set()


class Session:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.asked: dict[Hashable, Asked] = {}
        self.held = 0
        self.room = asyncio.Semaphore(AT_ONCE)
        self.greeting: Greeting
        self.caller: Caller
        self.engine: Engine
        self.surface: Any = None
        self.opening = threading.Lock()

    def admit(self, number: Hashable, asked: Asked) -> None:
        """Take a request up. Raises UsageError where it has the number of another one, Refused where there are too many, or too much is in them."""
        if number in self.asked:
            raise UsageError(f"The request {number!r} is under way already.")
        if len(self.asked) >= MOST:
            raise Refused(f"{MOST:,} requests of this session wait for an answer already; ask again when there was one.")
        if self.held and self.held + asked.size > wire.FRAME_BYTES:
            raise Refused(f"The requests of this session that wait hold {wire.FRAME_BYTES >> 20} MB already; ask again when there was an answer.")
        self.held += asked.size
        self.asked[number] = asked

    def answered(self, number: Hashable) -> None:
        """Be done with a request."""
        self.held -= self.asked.pop(number).size

    async def send(self, message: bytes) -> None:
        """A client that does not read costs what was sent to it, and after a while it is let go."""
        if self.writer.is_closing():
            return
        self.writer.write(message)
        if not self.writer.transport.get_write_buffer_size():
            return
        try:
            await asyncio.wait_for(self.writer.drain(), SLOW_S)
        except TimeoutError:
            log(f"client {self.greeting.pid} did not read its answers; let go")
            self.writer.transport.abort()
        except OSError:
            pass  # it left

    def tell(self, message: bytes) -> None:
        """Progress: not worth waiting for, or keeping for one that does not read."""
        if not self.writer.is_closing() and self.writer.transport.get_write_buffer_size() < 1 << 16:
            self.writer.write(message)


async def refuse(session: Session, e: GromaError) -> None:
    with suppress(OSError):
        session.writer.write(wire.frame({"error": wire.error_of(e)}))
        await asyncio.wait_for(session.writer.drain(), 1.0)


def method_of(engine: Engine, verb: Verb) -> Callable[..., Any]:
    found: Any = engine
    for name in verb.method.split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


_TAKEN: dict[str, tuple[dict[str, Any], list[str]]] = {}
"""Of each method that was asked for: the types of its arguments, and which of them have no default."""


def arguments_of(verb: Verb, args: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, as the method takes it. Raises UsageError."""
    if unknown := [name for name in args if name not in verb.arguments]:
        raise UsageError(f"There is no argument {', '.join(unknown)}; known: {', '.join(verb.arguments) or 'none'}.")
    if (taken := _TAKEN.get(verb.method)) is None:
        found: Any = Engine
        for name in verb.method.split("."):
            if name == "memories":
                from ..memories import Memories

                found = Memories
            else:
                found = getattr(found, name)
        needed = [name for name, one in signature(found).parameters.items() if name in verb.arguments and one.default is Parameter.empty]
        taken = _TAKEN[verb.method] = get_type_hints(found), needed
    hints, needed = taken
    if missing := [name for name in needed if name not in args]:
        raise UsageError(f"The argument {', '.join(missing)} is missing.")
    return {name: wire.typed(hints[name], said) for name, said in args.items()}
