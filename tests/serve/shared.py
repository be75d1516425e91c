"""What the tests of the daemon share: a place whose commands share one, and a connection of our own to it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groma.serve import sockets, wire
from tests.processes import PATIENCE_S, Place

__all__ = ["AUTO", "Shared", "Talk", "shared", "until"]

AUTO = {"GROMA_DAEMON": "auto"}


class Shared(Place):
    """A place whose commands share a daemon."""

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(**{**AUTO, **more})

    def status(self) -> dict[str, Any] | None:
        """What the daemon says of itself; None where there is none."""
        found: dict[str, Any] | None = self.groma("status", "--json", code=None).json["daemon"]
        return found

    @property
    def pid(self) -> int:
        told = self.status()
        assert told is not None
        return int(told["pid"])

    @property
    def socket(self) -> str:
        return sockets.path_of(str(self.data), self.environment())

    @property
    def log(self) -> str:
        return (self.data / "daemon.log").read_text()


@contextmanager
def shared(folder: Path) -> Iterator[Shared]:
    """Such a place, whose daemon is ended with it."""
    place = Shared(folder)
    place.runtime.mkdir(mode=0o700)
    try:
        yield place
    finally:
        place.still()


class Talk:
    """A connection of our own."""

    def __init__(self, place: Shared, *, greet: bool = True, **said: Any) -> None:
        self.socket = sockets.connect(place.socket, PATIENCE_S)
        self.frames = wire.Frames(self.socket)
        self.said: dict[str, Any] = {}
        self.number = 0
        if greet:
            self.frames.send({"groma": 1, "version": "0.1.0", "client": "bench", "pid": os.getpid(), "cwd": str(place.folder), **said})
            self.said = self.frames.receive()

    def send(self, verb: str, **args: Any) -> int:
        self.number += 1
        self.frames.send({"id": self.number, "verb": verb, "args": args})
        return self.number

    def ask(self, verb: str, **args: Any) -> Any:
        self.send(verb, **args)
        said = self.frames.receive()
        assert said["id"] == self.number
        if "error" in said:
            raise wire.raised(said["error"])
        return said["result"]

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def until(true: Callable[[], Any]) -> Any:
    """What `true` returns once it is something."""
    end = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)
    return found
