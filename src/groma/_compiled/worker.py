"""The child process that scans files, as its parent sees it: what a file does to its parser costs that file, and never the run.

A child that dies leaves marks: the files its threads had in hand. Another child goes on; it takes each of those files alone, and the one that it
dies of again gets its note and is cut into windows of lines from then on. One whose parser ran over its time is known at the first death, and so
is one that crashed with no other in hand.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import _rs
from ..errors import GromaError

__all__ = ["MODEL", "batches"]

ALONE, OVERTIME, CRASHED, LEFT_OUT = 1, 2, 4, 8
"""What the core is told of a file; see `rust/core/src/scan/mod.rs`."""
CRASHES = {-number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)}
"""How a process ends by what it did itself; it is killed by others too, who may not have meant the file in hand."""
BY_OTHERS = {-signal.SIGTERM, -signal.SIGKILL}
"""How a child ends that was killed before it could serve; another one may."""
FRUITLESS = 3
"""Deaths in a row without a file in hand after which no other child is tried."""

MODEL = str(Path(__file__).parents[1] / "models" / "static-minilm-256")
_CHILD = str(Path(__file__).with_name("child.py"))

_idle: list[_rs.Worker] = []
"""At most one child that waits for the next caller; appending and popping are atomic, so that threads need no lock."""


def batches(root: str | None, paths: Sequence[str], contents: Sequence[bytes], *, max_file_bytes: int = 0) -> Iterator[dict[str, Any]]:
    """The columns of `paths` below `root`, or of `contents` under these names, batch by batch and in order.

    Raises GromaError if no child can be started, or if the fault is not in a file but in groma.
    """
    flags = bytearray(len(paths))
    done = fruitless = 0
    while done < len(paths):
        child = _take()
        begun = done
        try:
            alive = child.send(root, max_file_bytes, paths[done:], contents[done:], list(flags[done:]))
            while alive and done < len(paths):
                columns = child.receive()
                if isinstance(columns, str):
                    raise GromaError(f"groma's parser failed: {columns}")
                if columns is None:
                    alive = False
                    break
                done += len(columns["sizes"])
                if done == len(paths):
                    _keep(child)  # before the last one is handed over: who has all it wants does not ask again
                yield columns
            if not alive:
                code = child.end()
                if not child.begun() and code not in BY_OTHERS:
                    raise GromaError(f"groma's parser process ended at once with {code}; run: {sys.executable} -m groma doctor")
                blamed = _blame(child.in_hand(), flags, begun, crashed=code in CRASHES)
                fruitless = 0 if blamed or done > begun else fruitless + 1
                if fruitless == FRUITLESS:
                    raise GromaError(f"groma's parser process ended with {code} {FRUITLESS} times, and no file was at fault.")
        except BaseException:
            if done < len(paths):
                child.end()  # it is in the midst of what nobody will read
            raise


def _blame(in_hand: Sequence[tuple[int, bool, bool]], flags: bytearray, begun: int, *, crashed: bool = False) -> bool:
    """Write into `flags` what the files in hand (counted from `begun`) are to be treated as from now on. False if there are none."""
    overtime = [begun + at for at, _, is_over in in_hand if is_over]
    for at in overtime:
        flags[at] = OVERTIME
    if overtime:
        return True
    for place, is_parsing, _ in in_hand:
        at = begun + place
        if not (flags[at] & ALONE or (crashed and is_parsing and len(in_hand) == 1)):
            flags[at] |= ALONE  # not yet: another one may have been the cause, or whoever killed the child
        elif is_parsing:
            flags[at] = CRASHED
        else:
            flags[at] = LEFT_OUT
    return bool(in_hand)


def _start() -> _rs.Worker:
    assert _rs.__file__ is not None
    here = os.getcwd() if _has_folder() else ""
    # -P, and not the working directory: a module in it (somebody's repository) must not stand in for one of ours.
    places = [place for place in sys.path if os.path.isabs(place) and place != here]
    try:
        return _rs.Worker([sys.executable, "-P", "-S", _CHILD, os.path.abspath(_rs.__file__), MODEL, *places])
    except OSError as e:
        raise GromaError(f"groma's parser process cannot be started: {e}") from e


def _has_folder() -> bool:
    with suppress(OSError):
        os.getcwd()
        return True
    return False


def _take() -> _rs.Worker:
    with suppress(IndexError):
        child = _idle.pop()
        if child.is_alive():
            return child
        child.end()
    return _start()


def _keep(child: _rs.Worker) -> None:
    if _idle:
        child.end()
    else:
        _idle.append(child)


@atexit.register
def _end_idle() -> None:
    while _idle:
        _idle.pop().end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # two processes must not talk with one child
