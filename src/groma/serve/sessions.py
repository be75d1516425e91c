"""One client's connection to the daemon: what it said of itself, what it asked that is under way, its answers; its arguments as methods take them."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from inspect import Parameter, signature
from typing import Any, get_type_hints

from .. import __version__
from ..engine import Engine
from ..errors import GromaError, StoreUnreachable, UsageError
from ..types import Caller
from ..values import value
from . import wire
from .upkeep import log
from .verbs import VERBS, Verb

__all__ = ["SLOW_S", "Asked", "Greeting", "Session", "arguments_of", "method_of", "refuse"]

AT_ONCE = 64
"""Requests of one session that are under way; more are not read before one is answered."""
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

    def __init__(self, verb: str, progress: Callable[[int, int, str], None]) -> None:
        self.verb = verb
        self.progress = progress
        self.stop = threading.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def writes(self) -> bool:
        """Is it finished even if nobody waits for it?"""
        return self.verb == "tool" or (self.verb in VERBS and VERBS[self.verb].writes)


class Session:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.asked: dict[Hashable, Asked] = {}
        self.room = asyncio.Semaphore(AT_ONCE)
        self.greeting: Greeting
        self.caller: Caller
        self.engine: Engine
        self.surface: Any = None
        self.opening = threading.Lock()

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
