"""What `groma hook` does at an agent's events: JSON in on standard input, and little imported (`__main__` leads here past the other verbs).

A hook may cost an agent a fraction of a second and must never stop it: whatever goes wrong here, and whatever comes in, the exit status is 0 and a
line goes to `hooks.log` in the data directory. The one exception is meant: 2 says that a tool call is refused. What takes longer than a moment is
done by a process of its own that nobody waits for.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    from pathlib import Path

    from ..config import Settings
    from ..engine import Engine

__all__ = ["answer"]

WITHIN_S = 5.0
"""After so many seconds a hook ends whatever it is at."""
MOST = 8_000_000
"""Bytes that are read of what the agent says."""
LOG = 1_000_000
"""Bytes of the log before it begins anew; the one before it is kept."""
STATES = 2
"""So many notes of where work stood are told when a session begins."""
SOON_S = 30.0
"""An index run that was asked for and has not begun is waited for so long before another is started."""


def answer(words: list[str]) -> NoReturn:
    """Answer an event (`words`: its name) with what stands on standard input, and end this process."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # see `main.run`, which is passed by
    name = words[0] if words else ""
    timer = threading.Timer(WITHIN_S if not name.startswith("_") else 600.0, _give_up, [name])
    timer.daemon = True
    timer.start()
    code = 0
    told, sys.stderr = sys.stderr, open(os.devnull, "w")  # noqa: SIM115 - an agent shows what is said there as an error
    try:
        code = _answer(name, words[1:], told)
    except BaseException as e:  # noqa: BLE001 - a hook that fails must not be seen
        _log(name, f"{type(e).__name__}: {e}")
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)  # the interpreter's own end takes a tenth of the time that there is


def _answer(name: str, rest: list[str], told: IO[str] | None) -> int:
    if name == "_index":
        _index(rest[0])
        return 0
    if name == "_state":
        _state(json.loads(rest[0]))
        return 0
    said = _said()
    folder = _folder(said)
    if name == "PreToolUse":
        from ..agents.protect import refusal

        why = refusal(said.get("tool_name"), said.get("tool_input"), folder)
        if why is not None:
            if told is not None:
                told.write(f"{why if why.isprintable() else why.encode('unicode_escape').decode()}\n")
                told.flush()
            return 2
    elif name == "PostToolUse":
        _soon(folder)
    elif name == "SessionStart":
        _begin(said, folder)
    elif name in ("PreCompact", "SessionEnd"):
        wanted = {key: said[key] for key in ("session_id", "transcript_path") if isinstance(said.get(key), str)}
        _apart("_state", json.dumps({**wanted, "cwd": folder}))
    else:
        _log(name, "is no event that groma knows")
    return 0


def _said() -> Mapping[str, Any]:
    """What the agent said. Raises ValueError if that is not one JSON object."""
    data = sys.stdin.buffer.read(MOST + 1) if sys.stdin else b""
    if len(data) > MOST:
        raise ValueError(f"more than {MOST} bytes on standard input")
    said = json.loads(data)
    if not isinstance(said, dict):
        raise ValueError("no JSON object on standard input")
    return said


def _folder(said: Mapping[str, Any]) -> str:
    """The folder the agent works in."""
    here = said.get("cwd")
    return os.path.realpath(here if isinstance(here, str) and os.path.isabs(here) else os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd())


def _go(folder: str) -> None:
    """Be where the agent is: what project that is, whoever answers for the engine says."""
    os.chdir(os.environ.get("CLAUDE_PROJECT_DIR") or folder)


# -------------------------------------------------------------------------------------------------------------------------- events


def _begin(said: Mapping[str, Any], folder: str) -> None:
    """Print what a session should know."""
    try:
        _go(folder)
        if text := _briefing():
            out = {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": text}}
            sys.stdout.write(json.dumps(out) + "\n")
            sys.stdout.flush()
    finally:
        _soon(folder)  # not before: it wants the processor, too


def _briefing() -> str:
    """What a session should know: told by the daemon where one runs, else read from the catalogue, and only where that cannot be, by an engine."""
    from ..errors import GromaError, StoreUnreachable
    from ..serve.client import connect

    held = _settings()
    remote = None
    with suppress(StoreUnreachable):
        remote = connect(held, os.environ, client="hook", start=False, inside=lambda: _engine(held))
    if remote is not None:
        with remote:
            return _asked(cast("Engine", remote), remote.project)
    try:
        from ..beginning import told

        root = _project("")
        return told(held, root, states=STATES if root else 0)
    except GromaError:  # it may have to be upgraded or healed
        with _engine(held) as engine:
            return _asked(engine, "")


def _asked(engine: Engine, project: str) -> str:
    from ..types import LOCAL

    root = _project(project)
    return engine.memories.briefing(LOCAL, here=root, states=STATES if root else 0).text


def _engine(held: Settings) -> Engine:
    from .shared import opened

    return opened(held)


def _project(said: str) -> str:
    """The root of the project we are in, which a daemon may have said; as `cli.shared` has it."""
    from .. import places

    root = said or places.project_root(None)
    return "" if places.is_wide(root) else root


def _soon(folder: str) -> None:
    """Have the index brought up to date by another process; one that was asked for and has not begun yet will see this change, too."""
    held = _settings()
    if held.read_only:
        return
    mark = _mark(held, folder)
    with suppress(OSError):
        if time.time() - mark.stat().st_mtime < SOON_S:
            return
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    _apart("_index", folder)


def _mark(held: Settings, folder: str) -> Path:
    return held.data_dir / f"hook-{zlib.crc32(os.fsencode(folder)):08x}.soon"


def _settings() -> Settings:
    """The settings that hold; `cli.shared` gives the same, and imports more."""
    from .. import places
    from ..config import load

    return load(os.environ, data_dir=places.data_dir(os.environ), config_file=places.config_file(os.environ))


def _index(folder: str) -> None:
    """Bring the index of a folder's project up to date, if it has one."""
    from ..types import LOCAL
    from .shared import here, open_engine

    held = _settings()
    if held.read_only:
        return
    mark = _mark(held, folder)
    _go(folder)
    with open_engine("start") as engine:
        mark.unlink(missing_ok=True)  # from here on, what changes needs another run
        root = here(engine)
        if root and root in engine.roots(LOCAL):
            engine.index(LOCAL, root)


def _state(said: Mapping[str, Any]) -> None:
    """Remember where work stands."""
    from ..agents.session import summary
    from ..records import SESSION_STATE
    from ..types import LOCAL
    from .shared import here, open_engine

    if _settings().read_only:
        return
    _go(said["cwd"])
    with open_engine("start") as engine:
        root = here(engine)
        if not root or not (text := summary(said["transcript_path"], root)):
            return
        kept = {"content": text, "level": SESSION_STATE, "source": "tool", "agent": "claude-code", "tags": ["session"]}
        session = said.get("session_id", "")
        (receipt,) = engine.memories.remember(LOCAL, [kept | ({"session": session} if session else {})], here=root)
    if receipt.outcome in ("rejected", "quarantined"):
        _log("_state", f"{receipt.outcome}: {receipt.reason}")


# ----------------------------------------------------------------------------------------------------------------------- processes


def _apart(event: str, argument: str) -> None:
    """Start a hook that nobody waits for."""
    words = [sys.executable, "-m", "groma", "hook", event, argument]
    if hasattr(os, "posix_spawn"):
        quiet = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in range(3)]
        with suppress(NotImplementedError):
            os.posix_spawn(sys.executable, words, os.environ, file_actions=quiet, setsid=True)
            return
    import subprocess

    null = subprocess.DEVNULL
    subprocess.Popen(words, stdin=null, stdout=null, stderr=null, start_new_session=True)


def _give_up(name: str) -> None:
    _log(name, f"gave up after {WITHIN_S:g} s")
    os._exit(0)


def _log(name: str, what: str) -> None:
    """A line in the log; nothing of what the agent said is in it but names."""
    with suppress(Exception):
        held = _settings()
        if held.read_only:
            return
        path = held.data_dir / "hooks.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            if path.stat().st_size > LOG:
                os.replace(path, path.with_suffix(".log.1"))
        line = json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": name[:40], "what": what[:400]})
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as f:
            f.write(line + "\n")
