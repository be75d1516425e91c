"""What answers an agent, in the daemon: stands for a `serve.tools.Surface` over the socket, so that `groma mcp` owns no engine."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..errors import GromaError, StoreUnreachable
from . import wire
from .client import found

if TYPE_CHECKING:
    from .mcp import Answers

__all__ = ["Agent"]

CANCELLED_S = 0.1
"""How often who waits is asked whether it still wants an answer."""

Heard = Callable[[float, float | None, str], None]


class _Link:
    """One connection that threads share; one of its own reads."""

    def __init__(self, frames: wire.Frames) -> None:
        self._frames = frames
        self._lock = threading.Lock()
        self._waiting: dict[int, SimpleQueue[dict[str, Any] | None]] = {}
        self._numbers = itertools.count(1)
        self.is_over = False
        threading.Thread(target=self._read, name="daemon", daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError, GromaError):
            while True:
                said = self._frames.receive()
                if (queue := self._waiting.get(said.get("id", -1))) is not None:
                    queue.put(said)
        with self._lock:
            self.is_over = True
            for queue in list(self._waiting.values()):  # who is told leaves, while others are not told yet
                queue.put(None)
            self._frames.close()

    def ask(self, verb: str, args: Mapping[str, Any], progress: Heard | None, cancelled: Callable[[], bool] | None) -> dict[str, Any]:
        """Raises OSError where the daemon ended, and what it raises."""
        queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        with self._lock:
            if self.is_over:
                raise ConnectionResetError
            number = next(self._numbers)
            self._waiting[number] = queue
            self._frames.send({"id": number, "verb": verb, "args": args, "progress": progress is not None})
        try:
            while True:
                try:
                    said = queue.get(timeout=None if cancelled is None else CANCELLED_S)
                except Empty:
                    if cancelled is not None and cancelled():
                        cancelled = None  # once
                        with self._lock, suppress(OSError):
                            self._frames.send({"cancel": number})
                    continue
                if said is None:
                    raise ConnectionResetError
                if isinstance(one := said.get("progress"), dict):
                    if progress is not None:
                        progress(one.get("done", 0), one.get("total") or None, str(one.get("message", "")))
                elif isinstance(error := said.get("error"), dict):
                    raise wire.raised(error)
                else:
                    result: dict[str, Any] = said["result"]
                    return result
        finally:
            del self._waiting[number]


class Agent:
    """What answers an agent, in the daemon. Threads may share it. Where no daemon can be had, `inside` makes what answers in this process."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], inside: Callable[[], Answers], *, toolset: str = "core") -> None:
        self._settings = settings
        self._environment = environment
        self._toolset = toolset
        self._inside = inside
        self._lock = threading.Lock()
        self._link: _Link | None = None
        self._surface: Answers | None = None

    def tool(self, name: str, arguments: Mapping[str, Any] | None, *, progress: Heard, cancelled: Callable[[], bool]) -> dict[str, Any]:
        """See `Surface.tool`."""
        args = {"name": name, "arguments": None if arguments is None else dict(arguments)}
        return self._ask("tool", args, lambda one: one.tool(name, arguments, progress=progress, cancelled=cancelled), progress, cancelled)

    def resource(self, uri: str) -> dict[str, Any]:
        """See `Surface.resource`."""
        return self._ask("resource", {"uri": uri}, lambda one: one.resource(uri))

    def resources(self, cursor: str | None = None) -> dict[str, Any]:
        """See `Surface.resources`."""
        return self._ask("resources", {"cursor": cursor}, lambda one: one.resources(cursor))

    def prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> dict[str, Any]:
        """See `Surface.prompt`."""
        return self._ask("prompt", {"name": name, "arguments": arguments}, lambda one: one.prompt(name, arguments))

    def complete(self, ref: Mapping[str, Any], argument: Mapping[str, str], context: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """See `Surface.complete`."""
        args = {"ref": ref, "argument": argument, "context": context}
        return self._ask("complete", args, lambda one: one.complete(ref, argument, context))

    def _ask(
        self,
        verb: str,
        args: Mapping[str, Any],
        here: Callable[[Answers], dict[str, Any]],
        progress: Heard | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> dict[str, Any]:
        for _ in range(2):
            if (link := self._linked()) is None:
                break
            try:
                return link.ask(verb, args, progress, cancelled)
            except (wire.Stopping, OSError):
                with self._lock:
                    if self._link is link:
                        self._link = None  # it is closed by its end: others may still be given answers of what was begun
        with self._lock:
            if self._surface is None:
                self._surface = self._inside()
        return here(self._surface)

    def _linked(self) -> _Link | None:
        with self._lock:
            if self._surface is None and self._link is None:
                try:
                    greeted = found(self._settings, self._environment, "mcp", start=True, toolset=self._toolset)
                except StoreUnreachable as e:
                    sys.stderr.write(f"groma: {e.message} Working without it.\n")
                    greeted = None
                self._link = None if greeted is None else _Link(greeted.frames)
            return self._link
