"""The client's side: finds this user's daemon, starts one on demand, replaces an older one; and the engine's verbs over its socket.

`Remote` has the methods of an `Engine` that travel (`verbs`), with the same arguments, results and errors, so a face calls either. It imports
nothing of what it asks for. A daemon that ends in the middle is asked for again once; where none can be had, the engine is opened in this process.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..config import Settings
from ..errors import GromaError, StoreUnreachable
from ..locks import claim, exclusive
from . import sockets, wire
from .verbs import VERBS, returned

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Caller, Progress

__all__ = ["LOCK", "LOG", "Greeted", "Remote", "answers", "connect", "found", "own_status", "stop"]

LOCK = "daemon.lock"
"""In the data directory: held by the daemon as long as it lives; says which process that is and where its socket lies."""
LOG = "daemon.log"
LOG_BYTES = 1_000_000
"""A log of more than this is put aside, in place of the one before."""

ANSWER_S = 5.0
"""A daemon that does not greet within this time is one that does not answer."""
START_S = 30.0
# -P: what lies in the working directory must not stand in for a module of ours.
_CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from groma.__main__ import main; main()"
STOP_S = 12.0
"""What a daemon may take to end; it gives itself less."""
KILLED_S = 3.0
"""What it may take to be gone after it was killed."""


class Greeted:
    """A connection after its greeting."""

    def __init__(self, frames: wire.Frames, said: Mapping[str, Any]) -> None:
        self.frames = frames
        self.core = str(said.get("core", ""))
        self.data_dir = str(said.get("data_dir", ""))
        self.project = str(said.get("project", ""))
        self.pid = int(said.get("pid", 0))
        self.replace = bool(said.get("replace", False))


def _greet(settings: Settings, environment: Mapping[str, str], client: str, toolset: str = "core") -> Greeted | None:
    """A connection to the daemon that there is; None if there is none. Raises what it refuses, StoreUnreachable where it does not answer."""
    folder = str(settings.data_dir)
    wanted = sockets.path_of(folder, environment)
    for path in dict.fromkeys((wanted, _told(settings.data_dir, "socket"))):
        if not isinstance(path, str):
            continue
        try:
            frames = wire.Frames(connection := sockets.connect(path, ANSWER_S))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            continue
        except TimeoutError:
            raise StoreUnreachable(f"The daemon at {path} does not answer.") from None
        except OSError as e:
            raise StoreUnreachable(f"The daemon at {path} cannot be reached: {e.strerror or e}.") from e
        try:
            frames.send(_greeting(environment, client, toolset))
            said = frames.receive()
            if isinstance(error := said.get("error"), dict):
                raise wire.raised(error)
            connection.settimeout(None)
        except TimeoutError:
            frames.close()
            raise StoreUnreachable(f"The daemon at {path} does not answer.") from None
        except ConnectionError:  # it ended just now
            frames.close()
            continue
        except BaseException:
            frames.close()
            raise
        if path != wanted and not _same(str(said.get("data_dir", "")), folder):
            frames.close()  # the lock file was copied with a whole data directory, and speaks of the daemon of that one
            continue
        return Greeted(frames, said)
    return None


def _greeting(environment: Mapping[str, str], client: str, toolset: str) -> dict[str, Any]:
    env = {name: v for name, v in environment.items() if name.startswith("GROMA_") or name in wire.FORWARDED}
    try:
        cwd = os.getcwd()
    except OSError:  # it was removed
        cwd = ""
    return {"groma": wire.PROTOCOL, "version": __version__, "client": client, "pid": os.getpid(), "cwd": cwd, "env": env, "toolset": toolset}


def _same(one: str, other: str) -> bool:
    """Is it one folder, whatever it is called? (Where the case of letters does not count, its real path may be written in several ways.)"""
    with suppress(OSError):
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def _told(folder: Path, name: str) -> Any:
    """What the lock file says of the daemon that wrote it last, whether it lives or not."""
    with suppress(OSError, ValueError):
        said = json.loads((folder / LOCK).read_text("ascii"))
        return said.get(name) if isinstance(said, dict) else None
    return None


def connect(settings: Settings, environment: Mapping[str, str], *, client: str, start: bool, inside: Callable[[], Engine]) -> Remote | None:
    """The daemon of these settings, started if there is none and `start` says so. None where it is not the one to ask: the user turned it off,
    nothing may be written, another core was demanded, or there is none. All other settings that decide an answer are taken along.

    `inside` opens the engine in this process, for when it ends under us. Raises StoreUnreachable, with the reason, where one should be and cannot.
    """
    greeted = found(settings, environment, client, start=start)
    again = lambda: found(settings, environment, client, start=start)  # noqa: E731
    return None if greeted is None else Remote(greeted, settings, again, inside)


def found(settings: Settings, environment: Mapping[str, str], client: str, *, start: bool, toolset: str = "core") -> Greeted | None:
    """A connection to the daemon, as `connect` has it."""
    if settings.daemon == "off" or settings.read_only or not hasattr(os, "getuid"):
        return None
    folder = settings.data_dir
    if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
        return None
    greeted = _greet(settings, environment, client, toolset)
    if greeted is not None and greeted.replace:
        greeted.frames.close()
        greeted = None
    if greeted is None:
        if not start:
            return None
        greeted = _started(settings, environment, client, toolset)
    core = environment.get("GROMA_CORE") or "auto"
    if core not in ("auto", greeted.core) or not _same(greeted.data_dir, str(folder)):
        greeted.frames.close()
        return None
    return greeted


def _started(settings: Settings, environment: Mapping[str, str], client: str, toolset: str) -> Greeted:
    """Start a daemon, unless somebody else did meanwhile; an older one is stopped first."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(folder / "locks" / "daemon-start.lock", within_s=START_S):  # of ten that find none, one starts it
            greeted = _greet(settings, environment, client, toolset)
            if greeted is not None and greeted.replace:
                _asked_to_stop(greeted)
                greeted = None
            return greeted or _spawned(settings, environment, client, toolset)
    except TimeoutError:
        raise StoreUnreachable(f"No daemon answers for {folder}: another process has been starting one for {START_S:.0f} s.") from None
    except OSError as e:
        raise StoreUnreachable(f"No daemon can be started for {folder}: {e.strerror or e}.") from e


def _spawned(settings: Settings, environment: Mapping[str, str], client: str, toolset: str) -> Greeted:
    import subprocess  # only who starts one pays for it
    import threading

    folder = settings.data_dir
    log = folder / LOG
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            os.replace(log, log.with_suffix(".log.1"))
    with open(log, "ab") as said:
        os.chmod(log, 0o600)
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE, str(Path(__file__).resolve().parents[2]), "serve", "--foreground"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=os.sep,
            env={**environment, "GROMA_DATA_DIR": str(folder)},
            start_new_session=True,
        )
    # Whoever starts a process buries it, and an agent's session may well outlive the daemon.
    threading.Thread(target=child.wait, name="burial", daemon=True).start()
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        greeted = _greet(settings, environment, client, toolset)
        if greeted is not None:
            return greeted
        if child.returncode:
            raise StoreUnreachable(f"The daemon could not be started (it ended with {child.returncode}; its last words are in {log}).")
        time.sleep(0.005)
    raise StoreUnreachable(f"The daemon did not answer within {START_S:.0f} s of its start; see {log}.")


def answers(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Is there a daemon that answers?"""
    try:
        greeted = _greet(settings, environment, "cli")
    except GromaError:
        return False
    if greeted is None:
        return False
    greeted.frames.close()
    return True


def own_status(settings: Settings, environment: Mapping[str, str]) -> dict[str, Any] | None:
    """What a daemon says of itself; None where there is none, or it does not answer. Starts none."""
    try:
        greeted = _greet(settings, environment, "cli")
        if greeted is None:
            return None
        greeted.frames.send({"id": 0, "verb": "status"})
        result = greeted.frames.receive().get("result")
        greeted.frames.close()
    except (GromaError, OSError):
        return None
    return result if isinstance(result, dict) else None


def stop(settings: Settings, environment: Mapping[str, str]) -> int | None:
    """End the daemon and wait until it has; its process, None if there was none. One that does not answer is ended by force.

    Raises StoreUnreachable where even that does not help.
    """
    pid = None
    with suppress(StoreUnreachable, OSError):
        if (greeted := _greet(settings, environment, "cli")) is not None:
            pid = greeted.pid
            _asked_to_stop(greeted)
    told = _told(settings.data_dir, "pid")
    if pid is None and isinstance(told, int) and _holds(settings.data_dir):
        pid = told
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_S
    while _holds(settings.data_dir):
        late = time.monotonic() - until
        if late > 0 and isinstance(told := _told(settings.data_dir, "pid"), int):
            with suppress(ProcessLookupError):
                os.kill(told, signal.SIGKILL)
        if late > KILLED_S:
            raise StoreUnreachable(f"Something holds {settings.data_dir / LOCK} and does not end.")
        time.sleep(0.01)
    return pid


def _asked_to_stop(greeted: Greeted) -> None:
    """Ask a daemon to end, and listen until it has, or for as long as it may take."""
    greeted.frames.patience(STOP_S)
    with suppress(OSError, GromaError):
        greeted.frames.send({"id": 0, "verb": "stop"})
        while True:
            greeted.frames.receive()
    greeted.frames.close()


def _holds(folder: Path) -> bool:
    """Does anybody hold the daemon's lock?"""
    if not (folder / LOCK).exists():
        return False
    with suppress(OSError):
        if (held := claim(folder / LOCK)) is not None:
            os.close(held)
            return False
    return True


def _uuid() -> str:
    """A new UUID of version 7. (The standard library's module takes longer to import than all that a client does with it.)"""
    value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    text = f"{value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class _Over:
    """What there is of an engine, or of its memories, by name."""

    def __init__(self, remote: Remote, prefix: str) -> None:
        self._remote = remote
        self._verbs = {verb.method.removeprefix(prefix): name for name, verb in VERBS.items() if verb.method.startswith(prefix)}

    def __getattr__(self, method: str) -> Callable[..., Any]:
        try:
            name = self._verbs[method]
        except KeyError:
            raise AttributeError(f"{method} does not travel") from None
        return lambda caller, *given, **more: self._remote.ask(name, caller, given, more)


class Remote(_Over):
    """An engine behind a daemon's socket. For one thread. Its methods are the engine's; the `Caller` they are given is the daemon's to decide."""

    def __init__(self, greeted: Greeted, settings: Settings, again: Callable[[], Greeted | None], inside: Callable[[], Engine]) -> None:
        super().__init__(self, "")
        self.settings = settings
        self.folder = settings.data_dir
        self.memories = _Over(self, "memories.")
        self.core = greeted.core
        self.project = greeted.project
        self._frames: wire.Frames | None = greeted.frames
        self._again = again
        self._inside = inside
        self._engine: Engine | None = None
        self._numbers = itertools.count(1)

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the socket, and of the engine if one had to be opened here."""
        if self._frames is not None:
            self._frames.close()
        if self._engine is not None:
            self._engine.close()

    def told(self) -> list[str]:
        """What was healed since the last look, a sentence each."""
        if self._engine is not None:
            return self._engine.told()
        try:
            return list(self._answer("told", {}, None, None))
        except (StoreUnreachable, OSError):  # it ended under us; what was done is done
            return []

    def ask(self, name: str, caller: Caller, given: tuple[Any, ...], more: dict[str, Any]) -> Any:
        """The result of a verb. Raises what the verb raises."""
        report: Callable[[Progress], None] | None = more.pop("report", None)
        waiting: Callable[[], None] | None = more.pop("waiting", None)
        args = {**dict(zip(VERBS[name].arguments, given, strict=False)), **more}
        if "batch" in VERBS[name].arguments:
            args.setdefault("batch", _uuid())
        for _ in range(2):
            if self._engine is not None:
                break
            try:
                said = self._answer(name, args, report, waiting)
                return wire.typed(returned(name), said)
            except (wire.Stopping, OSError):  # it ended under us: nothing that it acknowledged is lost, and every verb may be asked again
                self._renew()
        if self._engine is None:
            self._engine = self._inside()
        found: Any = self._engine
        for part in VERBS[name].method.split("."):
            found = getattr(found, part)
        if VERBS[name].runs:
            args |= {n: v for n, v in (("report", report), ("waiting", waiting)) if v is not None}
        return found(caller, **args)

    def _renew(self) -> None:
        if self._frames is not None:
            self._frames.close()
            self._frames = None
        try:
            other = self._again()
        except GromaError:
            other = None
        if other is None:
            self._engine = self._inside()
        else:
            self._frames = other.frames

    def _answer(self, verb: str, args: dict[str, Any], report: Callable[[Progress], None] | None, waiting: Callable[[], None] | None) -> Any:
        if self._frames is None:
            raise ConnectionResetError
        frames, number = self._frames, next(self._numbers)
        frames.send({"id": number, "verb": verb, "args": args, "progress": report is not None})
        try:
            while True:
                said = frames.receive()
                if said.get("id") != number:
                    if isinstance(error := said.get("error"), dict) and "id" not in said:
                        raise wire.raised(error)
                    continue
                if isinstance(progress := said.get("progress"), dict):
                    _reported(progress, report, waiting)
                elif isinstance(error := said.get("error"), dict):
                    raise wire.raised(error)
                else:
                    return said.get("result")
        except KeyboardInterrupt:
            with suppress(OSError):
                frames.send({"cancel": number})
            raise


def _reported(said: Mapping[str, Any], report: Callable[[Progress], None] | None, waiting: Callable[[], None] | None) -> None:
    from ..types import Progress

    step = str(said.get("message", ""))
    if step == "waiting":
        if waiting is not None:
            waiting()
    elif report is not None:
        report(Progress(step, int(said.get("done", 0)), int(said.get("total", 0))))
