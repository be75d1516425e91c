"""Many sessions on a daemon's socket, in one process that costs little: what each asked, what came back, how long that took.

The load is what agents do: mostly searches, some recalls, now and then something to remember. Speaks the wire protocol itself, so that what is
measured and broken here is the daemon, not the client that ships with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

__all__ = ["Load", "Session", "run"]

LIMIT = 32 * 2**20
ENV = {"GROMA_MEMORIES_PER_HOUR": "1000000"}
"""What these sessions say of their environment: they remember more than an agent may by default."""
LOST = (ConnectionError, asyncio.IncompleteReadError, FileNotFoundError, ValueError)
"""What a session meets when its daemon is killed."""


class Session:
    """One connection, one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.asked = 0

    @classmethod
    async def open(cls, socket: Path, cwd: Path) -> Session:
        """Say hello. Raises what is in LOST, or AssertionError where the daemon says no."""
        reader, writer = await asyncio.open_unix_connection(str(socket), limit=LIMIT)
        session = cls(reader, writer)
        await session._send({"groma": 1, "version": "0.1.0", "client": "bench", "pid": os.getpid(), "cwd": str(cwd), "env": ENV})
        hello = await session._receive()
        assert hello.get("groma") == 1 and "error" not in hello and not hello.get("replace"), hello
        return session

    async def _send(self, message: dict[str, Any]) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n")
        await self.writer.drain()

    async def _receive(self) -> dict[str, Any]:
        line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the daemon is gone")
        message: dict[str, Any] = json.loads(line)
        return message

    async def call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a verb: with `result` or `error`."""
        self.asked += 1
        await self._send({"id": self.asked, "verb": verb, "args": arguments})
        while True:
            message = await self._receive()
            if message.get("id") == self.asked and "progress" not in message:
                return message

    async def tool(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The structured content of a tool's result. Raises AssertionError where it is an error."""
        answer = await self.call("tool", name=name, arguments=arguments)
        result = answer.get("result", {})
        assert "error" not in answer and not result.get("isError"), answer
        content: dict[str, Any] = result["structuredContent"]
        return content

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(*LOST):
            await self.writer.wait_closed()


@dataclass(slots=True)
class Load:
    """What came of a load: seconds each call took by its kind, what was acknowledged (text -> id), what failed, how often a daemon was lost."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    kept: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    lost: int = 0
    took: float = 0.0

    def add(self, other: Load) -> None:
        """Count in what came of another one, after it."""
        for kind, times in other.seconds.items():
            self.seconds[kind] += times
        self.kept |= other.kept
        self.errors += other.errors
        self.lost += other.lost
        self.took += other.took

    def quantile(self, share: float, kinds: Sequence[str] = ()) -> float:
        """Seconds below which so large a share of the calls lies."""
        some = sorted(s for kind, times in self.seconds.items() if not kinds or kind in kinds for s in times)
        return some[min(len(some) - 1, int(share * len(some)))]

    @property
    def calls(self) -> int:
        """How many were answered."""
        return sum(map(len, self.seconds.values()))

    def row(self) -> dict[str, Any]:
        """Figures in milliseconds."""
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "most": 1.0}
        each = {
            kind: {name: round(1e3 * self.quantile(share, [kind]), 2) for name, share in shares.items()} | {"n": len(times)}
            for kind, times in sorted(self.seconds.items())
        }
        every = {name: round(1e3 * self.quantile(share), 2) for name, share in shares.items()} if self.calls else {}
        return {"calls": self.calls, "per s": round(self.calls / self.took, 1), "errors": len(self.errors), "ms": {"all": every, **each}}


def run(socket: Path, root: Path, questions: Sequence[str], *, clients: int, seconds: float, seed: int, pause_s: float = 0.0,
        through_death: bool = False, writes: float = 0.1, distinct: int = 10**9, stop: threading.Event | None = None) -> Load:  # fmt: skip
    """`clients` sessions that ask for so long; `pause_s` is how long each thinks between two calls, `writes` the share that is remembered: so
    many `distinct` texts a client, which are then said again. `stop` ends it earlier.

    With `through_death` a session whose daemon is gone opens another one as soon as somebody answers; what was not acknowledged is said again.
    """
    load = Load()
    begun = time.monotonic()
    asyncio.run(
        _all(load, socket, root, questions, clients, begun + seconds, seed, pause_s, through_death, writes, distinct, stop or threading.Event())
    )
    load.took = time.monotonic() - begun
    return load


async def _all(load: Load, socket: Path, root: Path, questions: Sequence[str], clients: int, until: float, seed: int, pause_s: float,
               through_death: bool, writes: float, distinct: int, stop: threading.Event) -> None:  # fmt: skip
    everyone = [
        _client(load, socket, root, questions, n, until, Random(1000 * seed + n), pause_s, through_death, writes, distinct, stop)
        for n in range(clients)
    ]
    await asyncio.gather(*everyone)


async def _client(load: Load, socket: Path, root: Path, questions: Sequence[str], number: int, until: float, random: Random, pause_s: float,
                  through_death: bool, writes: float, distinct: int, stop: threading.Event) -> None:  # fmt: skip
    session: Session | None = None
    pending: str | None = None  # what was said and never acknowledged
    said = 0
    if pause_s:  # else all ask first at the same moment
        await asyncio.sleep(pause_s * random.random())
    while not (stop.is_set() or time.monotonic() > until) or (pending is not None and through_death):
        try:
            if session is None:
                session = await Session.open(socket, root)
            share = random.random()
            begun = time.monotonic()
            if pending is not None or share < writes:
                if pending is None:
                    said += 1
                    n = said % distinct
                    pending = f"Service w{number}x{n} of fleet {number * n} keeps its ledger on host h{number}n{n}"
                receipt = await session.tool("remember", {"content": pending})
                load.kept[pending] = _id(receipt)
                pending, kind = None, "remember"
            elif share < writes + 0.2:
                await session.tool("recall", {"query": random.choice(questions)})
                kind = "recall"
            else:
                found = await session.tool("search_code", {"query": random.choice(questions), "repository": str(root)})
                assert found["hits"] or found["degraded"] or found["scopes"], found
                kind = "search"
            load.seconds[kind].append(time.monotonic() - begun)
            if pause_s:
                await asyncio.sleep(random.expovariate(1 / pause_s))
        except LOST as e:
            if not through_death:
                load.errors.append(f"client {number}: {type(e).__name__} {e}")
                return
            load.lost += 1
            session = None
            await asyncio.sleep(0.02)
        except AssertionError as e:
            load.errors.append(f"client {number}: {str(e)[:400]}")
            if len(load.errors) > 1_000:
                return
            pending = None
    if session is not None:
        await session.close()


def _id(receipt: dict[str, Any]) -> str:
    """The record that holds what was said: the one that was made, or the one that it equals (said again after its receipt was lost)."""
    one = receipt["receipts"][0] if "receipts" in receipt else receipt
    assert one["outcome"] in ("stored", "duplicate", "refines", "supersedes"), one
    id: str = one["target"] if one["outcome"] == "duplicate" else one["id"]
    return id
