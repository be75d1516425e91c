"""Local sockets: where a daemon's lies, how it is listened on and connected to, who is at the other end. The one module that knows them.

The path is a function of the data directory and of this user's environment, so that every face finds it without asking (the front in Rust
computes the same): `groma-<h>.sock` in `$XDG_RUNTIME_DIR` if that is a folder of ours that nobody else may enter, else `<h>.sock` in
`$TMPDIR/groma-<uid>` (`/tmp` where that is not set). Where a path would be longer than a socket's may be, the next one is taken; `/tmp` is last.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from zlib import crc32

__all__ = ["PATH_BYTES", "Foreign", "connect", "key", "listen", "path_of", "peer"]

PATH_BYTES = 103
"""What a path of a socket may have: 107 on Linux, 103 on macOS."""


class Foreign(OSError):
    """Something of another user lies where our socket should."""


def key(data_dir: str) -> str:
    """What names a data directory, whatever the path it is reached by: 16 hex digits."""
    real = os.fsencode(os.path.realpath(data_dir))
    return f"{crc32(real):08x}{crc32(real[::-1]):08x}"


def path_of(data_dir: str, environment: Mapping[str, str]) -> str:
    """Where the socket of a data directory's daemon lies; nothing is made."""
    name = key(data_dir)
    for folder, prefix in _folders(environment):
        path = os.path.join(folder, f"{prefix}{name}.sock")
        if len(os.fsencode(path)) <= PATH_BYTES:
            return path
    raise OSError(f"no folder for a socket of {data_dir}")  # unreachable: /tmp is short


def _folders(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and _ours(runtime):
        yield runtime, "groma-"
    for folder in (environment.get("TMPDIR", ""), "/tmp"):
        if os.path.isabs(folder):
            yield os.path.join(folder, f"groma-{os.getuid()}"), ""


def _ours(folder: str) -> bool:
    """Is it a folder of this user's that nobody else may enter?"""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077 == 0


def listen(path: str) -> socket.socket:
    """A socket that listens at `path`, for this user alone. What lies there is removed: whoever calls holds the daemon's lock.

    Raises Foreign where the folder is another user's, OSError where it cannot be made.
    """
    folder = os.path.dirname(path)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    if not _ours(folder):
        raise Foreign(f"{folder} is not a folder of this user's alone")
    with suppress(FileNotFoundError):
        os.unlink(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(path)  # nobody else may enter the folder: until the next line, too
        os.chmod(path, 0o600)  # no umask, which holds for all threads and all that they make meanwhile
        made.listen(512)
    except BaseException:
        made.close()
        raise
    return made


def connect(path: str, timeout_s: float) -> socket.socket:
    """A connection to who listens at `path`, whose process is this user's.

    Raises ConnectionRefusedError or FileNotFoundError where nobody listens, Foreign where another user does, TimeoutError.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout_s)
        try:
            made.connect(path)
        except BlockingIOError as e:  # its queue is full
            raise TimeoutError(str(e)) from e
        try:
            _pid, uid = peer(made)
        except OSError as e:  # macOS does not tell who it was that has left
            raise ConnectionRefusedError(*e.args) from e
        if uid != os.getuid():
            raise Foreign(f"{path} is of user {uid}")
    except BaseException:
        made.close()
        raise
    return made


def peer(connection: socket.socket) -> tuple[int, int]:
    """Who is at the other end: process (0 where this system does not tell) and user."""
    if sys.platform == "linux":
        pid, uid, _group = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return pid, uid
    told = connection.getsockopt(0, 1, 76)  # pragma: no cover - not this system. SOL_LOCAL, LOCAL_PEERCRED: struct xucred
    return 0, struct.unpack_from("2I", told)[1]  # pragma: no cover
