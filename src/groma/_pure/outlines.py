"""Outlines of many texts, made by a child process: what a grammar does wrong with one text costs that one, and never the run.

tree-sitter's parsers are C. Some inputs make one crash, and some make it take gigabytes between two calls of its progress callback (20 kB of
`/*/*/*…` as Python: 16 GB and a minute), so no bound from within the process holds. The child is bounded by the system, in processor time a
text and in memory; when it dies, the text it died of is noted and another child goes on with the next. One that was killed
from outside tries its text again.

The child works ahead while the caller turns the outlines it has into columns. It knows nothing of files or batches.
"""

from __future__ import annotations

import atexit
import marshal
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO, Any

from ..errors import GromaError
from .languages import by_name
from .parse import Definition, Outline, outline

__all__ = ["CRASHED", "OVERTIME", "outlines", "serve"]

PROCESSOR_SECONDS = 6.0
"""For one text; `parse` gives up by itself earlier than this wherever it can."""
ADDRESS_BYTES = 1 << 30

STARTS = 3
"""How often a child is started that somebody kills before it serves."""
BY_OTHERS = {-signal.SIGTERM, -9}
"""How a child ends that was killed from outside (a user, a system out of memory): its text may be without fault. (-9 has no name on Windows.)"""

OVERTIME = "parse-budget"
CRASHED = "parser-crashed"

_Text = tuple[str, str]
_idle: list[subprocess.Popen[bytes]] = []
"""At most one child that waits for the next caller; appending and popping are atomic, so that threads need no lock."""


def outlines(texts: Sequence[_Text]) -> Iterator[Outline]:
    """The outline of each (text, name of its language), in order, as they come. `cut` of one the child died of is OVERTIME or CRASHED.

    Raises GromaError if no child can be started, or if the fault is not in a text but in groma.
    """
    done = 0
    spared = -1
    while done < len(texts):
        child = _take()
        try:
            for found in _ask(child, texts[done:]):
                done += 1
                if done == len(texts):
                    break
                yield found
            else:
                code = _end(child)
                if code in BY_OTHERS and spared != done:
                    spared = done
                    continue
                found = Outline(cut=OVERTIME if code == _OVERTIME_CODE else CRASHED)
                done += 1
        except BaseException:
            _end(child)  # it may be in the midst of a reply that nobody will read
            raise
        if child.returncode is None:
            _keep(child)  # before the last one is handed over: who has all it wants does not ask again
        yield found


def _ask(child: subprocess.Popen[bytes], texts: Sequence[_Text]) -> Iterator[Outline]:
    """What the child replies, for as long as it lives."""
    assert child.stdin is not None and child.stdout is not None
    feeder = threading.Thread(target=_feed, args=(child.stdin, texts), daemon=True, name="texts to outline")
    feeder.start()
    while (reply := _receive(child.stdout)) is not None:
        if isinstance(reply, str):
            raise GromaError(f"groma's parser failed: {reply}")
        definitions, imports, calls, cut = reply
        yield Outline(tuple(Definition(*d) for d in definitions), imports, calls, cut)


def _feed(pipe: IO[bytes], texts: Sequence[_Text]) -> None:
    with suppress(OSError, ValueError):  # the child died, or was ended: who reads its replies sees that
        for text in texts:
            _send(pipe, text)


def _send(pipe: IO[bytes], value: Any) -> None:
    data = marshal.dumps(value)
    pipe.write(len(data).to_bytes(4, "little") + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    """The next value; None at the end, also in the midst of one."""
    size = pipe.read(4)
    data = pipe.read(int.from_bytes(size, "little")) if len(size) == 4 else b""
    return marshal.loads(data) if data and len(data) == int.from_bytes(size, "little") else None


# --------------------------------------------------------------------------------------------------------------------- the child

# -P: a module in the working directory (somebody's repository) must not stand in for one of ours.
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from groma._pure.outlines import serve; serve()"
_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-c", _CODE, _HOME]
    for _ in range(STARTS):
        try:
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except OSError as e:
            raise GromaError(f"groma's parser process cannot be started: {e}") from e
        assert child.stdout is not None
        if _receive(child.stdout) == "ready":
            return child
        if (code := _end(child)) not in BY_OTHERS:
            break
    raise GromaError(f"groma's parser process ended at once with {code}; run: {sys.executable} -m groma doctor")


def _take() -> subprocess.Popen[bytes]:
    with suppress(IndexError):
        child = _idle.pop()
        if child.poll() is None:
            return child
        _end(child)
    return _start()


def _keep(child: subprocess.Popen[bytes]) -> None:
    if _idle:
        _end(child)
    else:
        _idle.append(child)


def _end(child: subprocess.Popen[bytes]) -> int:
    assert child.stdin is not None and child.stdout is not None
    child.kill()  # does nothing to one that has ended by itself: its code is what it ended with
    with suppress(OSError):
        child.stdin.close()
    child.stdout.close()
    return child.wait()


@atexit.register
def _end_idle() -> None:
    while _idle:
        _end(_idle.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # two processes must not talk with one child


def serve() -> None:
    """Be the child: outline what comes on standard input until it ends."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; when it ends, so does our input
    _bound()
    _send(replies, "ready")
    tried: set[str] = set()
    while (request := _receive(requests)) is not None:
        source, name = request
        language = by_name(name)
        assert language is not None
        if name not in tried:
            try:
                outline("", language)
            except Exception as e:  # noqa: BLE001 - a grammar or query that does not load is no fault of a text: the parent raises it
                _send(replies, f"{name}: {e!r}")
                continue
            tried.add(name)
        _clock(PROCESSOR_SECONDS)
        try:
            found = outline(source, language)
        except Exception:  # noqa: BLE001 - out of memory shows itself in many ways; the parent notes the text and starts another child
            os._exit(1)
        _clock(0)
        definitions = [(d.first, d.last, d.name, d.kind, d.enclosing, d.signature, d.doc) for d in found.definitions]
        _send(replies, (definitions, found.imports, found.calls, found.cut))


if os.name == "nt":  # pragma: no cover - not this system
    _OVERTIME_CODE = None

    def _bound() -> None: ...

    def _clock(seconds: float) -> None: ...
else:
    import resource

    _OVERTIME_CODE = -signal.SIGPROF

    def _bound() -> None:
        """A parser that asks for too much memory crashes; its core would be of no use to anybody."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(ValueError, OSError):  # somebody set a lower one, or the system has none
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))

    def _clock(seconds: float) -> None:
        """SIGPROF ends this process after so many seconds of its processor time; 0 stops the clock."""
        signal.setitimer(signal.ITIMER_PROF, seconds)
