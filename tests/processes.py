"""Starts the real `groma` as a subprocess, with a data directory and a home of its own, and real git beside it.

Nothing in here knows what a test looks for; it only refuses what no run of groma may ever do: print a traceback.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

__all__ = ["PATIENCE_S", "Place", "Ran", "children", "git", "gone", "installed", "limited", "repository", "unprivileged", "write"]

PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Ran:
    """How a process ended, and what it said. `code` is negative for a signal."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout. Fails if there is anything else."""
        return json.loads(self.out)

    @property
    def hits(self) -> list[tuple[str, int, int, str]]:
        """(path, first line, last line, text) of each hit of `search --json`, in order."""
        return [(h["path"], h["start_line"], h["end_line"], h["text"]) for h in self.json["hits"]]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder in which everything that groma keeps and looks up about its user lies."""

    folder: Path
    data: Path = field(init=False)
    home: Path = field(init=False)
    runtime: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", self.folder / "data")
        object.__setattr__(self, "home", self.folder / "home" / "user")
        # A path of a socket has a hundred bytes, and pytest's folders are longer.
        object.__setattr__(self, "runtime", Path(tempfile.gettempdir(), f"g{crc32(os.fsencode(self.folder)):08x}"))
        self.home.mkdir(parents=True, exist_ok=True)

    def environment(self, **more: str) -> dict[str, str]:
        """What a groma started here sees. Nothing of the user who runs the tests, but what finds the interpreter, and the core that is tested."""
        named = ("PATH", "PYTHONPATH", "GROMA_CORE")
        kept = {name: value for name, value in os.environ.items() if name in named or name.startswith(("COVERAGE_", "COV_CORE_"))}
        own = {"HOME": str(self.home), "GROMA_DATA_DIR": str(self.data), "XDG_CONFIG_HOME": str(self.home / ".config"), "LANG": "C.UTF-8"}
        shared = {"GROMA_DAEMON": os.environ.get("GROMA_TEST_DAEMON", "off"), "XDG_RUNTIME_DIR": str(self.runtime)}
        return kept | own | shared | {"XDG_DATA_HOME": str(self.home / ".local/share")} | more

    def still(self) -> None:
        """End the daemon of this place at once, if there is one, and take its socket's folder away."""
        for lock in self.folder.rglob("daemon.lock"):
            with open(lock, encoding="ascii") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    with suppress(ProcessLookupError, ValueError, KeyError):
                        pid = json.load(file)["pid"]
                        if "COVERAGE_PROCESS_START" in os.environ:  # one that is killed does not say what it ran
                            os.kill(pid, signal.SIGTERM)
                            gone(pid)
                        os.kill(pid, signal.SIGKILL)
                    fcntl.flock(file, fcntl.LOCK_EX)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def start(
        self,
        *args: str | bytes | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        stdin: Any = subprocess.DEVNULL,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """A running `groma ARGS`. `before` is called in the child just before it becomes groma."""
        return subprocess.Popen(
            [sys.executable, "-m", "groma", *args],
            cwd=cwd or self.folder,
            env=self.environment(**(env or {})),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            preexec_fn=before,
        )

    def groma(
        self,
        *args: str | bytes | Path,
        code: int | None = 0,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        patience: float = PATIENCE_S,
    ) -> Ran:
        """`groma ARGS`, run to its end. Fails unless it exits with `code` (None: with any), and if it prints a traceback."""
        process = self.start(*args, cwd=cwd, env=env, before=before)
        return self.end(process, code=code, patience=patience)

    def end(self, process: subprocess.Popen[bytes], *, code: int | None = 0, patience: float = PATIENCE_S) -> Ran:
        """Wait for a process that `start` started, and judge it as `groma` does."""
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert isinstance(process.args, Sequence)
        said = tuple(os.fsdecode(a) for a in process.args[3:])
        ran = Ran(said, process.returncode, (out or b"").decode("utf-8", "backslashreplace"), (err or b"").decode("utf-8", "backslashreplace"))
        shown = f"groma {' '.join(said)[:300]} exited with {ran.code}\n{ran.out[-2000:]}\n{ran.err[-4000:]}"
        assert "Traceback" not in ran.err and "Exception ignored" not in ran.err, shown
        assert code is None or ran.code == code, shown
        return ran


def git(folder: Path, *args: str | bytes | Path) -> str:
    """Run git in `folder`, as nobody in particular and without anybody's settings."""
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "t"), ("EMAIL", "t@example.org"))}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "file"}
    ran = subprocess.run(["git", *args], cwd=folder, env={**os.environ, **who, **quiet}, check=True, capture_output=True)
    return ran.stdout.decode("utf-8", "surrogateescape").strip()


def write(path: Path, content: str | bytes) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def repository(folder: Path, files: Mapping[str, str | bytes], *, commit: bool = True) -> Path:
    """A git repository with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        write(folder / path, content)
    git(folder, "init", "-q", "-b", "main")
    if commit:
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def installed(folder: Path, version: str, changed: Mapping[str, Callable[[str], str]] | None = None) -> dict[str, str]:
    """Another installation of the groma that is tested, in `folder`, of that version and with these files of the package `changed`; the environment
    in which it is the one that runs, on the plain core: the compiled one belongs to its version. (No code of ours asks for a package's metadata: the
    version is a line of `__init__.py`.)"""
    found = importlib.util.find_spec("groma")
    assert found is not None and found.submodule_search_locations
    package = folder / "groma"
    shutil.copytree(found.submodule_search_locations[0], package, ignore=shutil.ignore_patterns("__pycache__", "_rs.*"))
    for name, edit in {"__init__.py": lambda text: re.sub('"[0-9.]+"', f'"{version}"', text), **(changed or {})}.items():
        text = (package / name).read_text("utf-8")
        assert name == "__init__.py" or edit(text) != text
        (package / name).write_text(edit(text), "utf-8")
    return {"PYTHONPATH": str(folder), "GROMA_CORE": "pure"}


def unprivileged() -> None:
    """For `before`: let permissions hold for this process even if root runs the tests (no capability outlives the next exec)."""
    if os.geteuid() == 0:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for capability in range(64):
            prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; numbers beyond the kernel's last are refused, which is as good


def limited(which: int, value: int) -> Callable[[], None]:
    """For `before`: a resource limit (`resource.RLIMIT_…`)."""
    return lambda: resource.setrlimit(which, (value, value))


def children(of: int) -> list[int]:
    """The processes whose parent is `of`, those that have ended left out. Linux alone tells so."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it has ended meanwhile
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == of and state != "Z":
                found.append(int(pid))
    return found


def gone(pid: int, within: float = 10.0) -> bool:
    """Does the process end in time? One that only waits to be asked for what it ended with has."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False
