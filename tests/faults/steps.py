"""A groma that dies at a durable step: before or after the n-th commit, checkpoint, sync, rename or removal it makes.

    python -m tests.faults.steps LOG MOMENT ARGS…

MOMENT is `before:n`, `after:n` or `never`. With `full:n` the n-th step finds no room on the disk instead, if it is one that takes room, and with
`full-from:n` neither does any later one. The names of the steps that were begun go to LOG, a line each. What is wrapped is the interface to the
disk (SQLite's connection, the system's calls, the core's way to write a part), so that no step is missed and groma needs to know nothing of it.
"""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["main"]

DURABLE = ("COMMIT", "VACUUM", "PRAGMA wal_checkpoint", "PRAGMA journal_mode")


class Steps:
    """Counts the steps and ends the process at the chosen one, as a loss of power would: nothing is run any more."""

    def __init__(self, log: Path, moment: str) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.when, _, number = moment.partition(":")
        self.at = int(number or 0)
        self.done = 0

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        self.done += 1
        os.write(self.log, f"{name}\n".encode())
        here = self.done == self.at
        if here and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        is_full = (here and self.when == "full") or (self.when == "full-from" and self.done >= self.at)
        if is_full and not name.startswith(("unlink", "rmdir")):
            raise _full(name)
        try:
            return work()
        finally:  # a step that fails was taken, too
            if here and self.when == "after":
                os.kill(os.getpid(), signal.SIGKILL)


def _full(name: str) -> Exception:
    """What the system or SQLite says of a full disk."""
    if ": " not in name:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
    return error


def _named(path: Any) -> str:
    """A file's part in a data directory, without what is random in its name."""
    name = Path(os.fsdecode(path)).name
    return "a part" if name.endswith((".part", ".tmp")) or ".part." in name else name.split("-")[0].split(".")[0]


def install(steps: Steps) -> None:
    """Put the steps around everything that reaches the disk."""

    class Watched(sqlite3.Connection):
        place = ""

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            run = super().execute
            if sql.startswith(DURABLE):
                return steps.step(f"{self.place}: {sql.split('(')[0].split('=')[0].strip()}", lambda: run(sql, *parameters))  # type: ignore[no-any-return]
            return run(sql, *parameters)

    connect = sqlite3.connect

    def watched(database: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = connect(database, *args, **(kwargs | {"factory": Watched}))
        connection.place = _named(str(database).split("?")[0])
        return connection

    sqlite3.connect = watched  # type: ignore[assignment]
    for name in ("replace", "rename", "unlink", "fsync", "rmdir"):
        call = getattr(os, name)

        def wrapped(*args: Any, _call: Any = call, _name: str = name, **kwargs: Any) -> Any:
            what = "" if isinstance(args[0], int) else f" {_named(args[0])}"
            return steps.step(f"{_name}{what}", lambda: _call(*args, **kwargs))

        setattr(os, name, wrapped)

    from groma import core

    write = core.write_part
    core.write_part = lambda *args: steps.step("write a part", lambda: write(*args))


def main() -> None:
    """Become groma with the rest of the arguments."""
    log, moment, *args = sys.argv[1:]
    install(Steps(Path(log), moment))
    sys.argv = ["groma", *args]
    from groma.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
