"""What crosses the socket arrives as it was; the verbs that travel are the engine's."""

from __future__ import annotations

import inspect
import os
import socket
import threading
from pathlib import Path
from typing import Any, get_type_hints
from zlib import crc32

import pytest

from groma import errors
from groma.engine import Engine
from groma.errors import GromaError, NotIndexed, UsageError
from groma.memories import Memories
from groma.records import Anchor, Memory, Recalled, Receipt, Remembered
from groma.serve import sockets, wire
from groma.serve.verbs import VERBS, returned
from groma.types import Answer, Contribution, Coverage, Filter, Hit, Lines, Request, ScopeStatus, Why

HIT = Hit("1", "/r", "a\udcff.py", 1, 2, "f", "function", None, 0.5, "why", "text\n\u2028ü\0", explain=(Contribution("f", 1.0, 2.0),))
MEMORY = Memory("id", "content", tags=("a", "b"), anchors=(Anchor("p", "s"),), used=1.5)
VALUES = [
    Request("text", 3, Filter(frozenset({"go", "c"}), ("a/*",), frozenset()), "near", explain=True),
    Answer("q", "text", (HIT, HIT), (Coverage("/r", 1, None, 2, 3, {"binary": 1}),), ("said",), "rust", {"rank": 1.0}),
    Lines("/r", "p", 1, 2, 3, "text", True),
    Why("p", True, "", None, 1, 2, (("f", "function", 3, "def f()"),), ("a",), (), None),
    ScopeStatus("/r", 1, 2, {"go": 1}, {}, 1, 0.5, 0, True),
    Remembered("q", (Recalled(MEMORY, 1.0, True, ((Anchor("p"), "fresh"),)),), False),
    Receipt(None, "rejected", "why"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_arrives_as_it_was(value: Any) -> None:
    line = wire.frame({"result": value})
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert wire.typed(type(value), wire.read(line)["result"]) == value


def test_fields_that_are_not_known_are_ignored_and_missing_ones_have_their_defaults() -> None:
    assert wire.typed(Request, {"text": "x", "invented": 1}) == Request("x")
    for said in ({}, {"text": 1}, {"text": "x", "k": "many"}, {"text": "x", "k": True}, [], None):
        with pytest.raises(UsageError):
            wire.typed(Request, said)


@pytest.mark.parametrize("name", list(errors.__all__))
def test_an_error_arrives_as_what_it_was(name: str) -> None:
    error = getattr(errors, name)("What happened.", root="/r", at=Path("/p"), n=3)
    again = wire.raised(wire.read(wire.frame(wire.error_of(error))))
    assert type(again) is type(error) and again.message == error.message
    assert again.context == {"root": "/r", "at": "/p", "n": 3}


def test_a_fault_is_told_without_its_details() -> None:
    again = wire.raised(wire.error_of(KeyError("a secret")))
    assert type(again) is GromaError and "secret" not in again.message and "KeyError" in again.message
    assert type(wire.raised({"type": "FromTheFuture", "message": "m"})) is GromaError
    assert isinstance(wire.raised({"type": "Stopping"}), wire.Stopping)


@pytest.mark.parametrize("name", VERBS)
def test_the_verbs_that_travel_are_those_of_the_engine(name: str) -> None:
    verb = VERBS[name]
    room, _, method = verb.method.rpartition(".")
    function = getattr(Memories if room else Engine, method)
    parameters = list(inspect.signature(function).parameters)[1:]
    assert parameters[0] == "caller"  # every verb knows who asks, and it is not the client that says so
    expected = [name for name in parameters[1:] if name not in ("report", "waiting")]
    assert list(verb.arguments) == expected
    hints = get_type_hints(function)
    assert returned(name) == hints["return"] or (hints["return"] is type(None) and returned(name) is type(None))


def test_frames_come_whole_however_they_are_cut() -> None:
    here, there = socket.socketpair()
    with here, there:
        sent = [{"id": n, "text": "x" * (n * 40_000)} for n in range(8)]
        data = b"".join(map(wire.frame, sent))

        def trickle() -> None:
            for i in range(0, len(data), 7_001):
                there.sendall(data[i : i + 7_001])
            there.close()

        thread = threading.Thread(target=trickle)
        thread.start()
        frames = wire.Frames(here)
        assert [frames.receive() for _ in sent] == sent
        with pytest.raises(ConnectionError):
            frames.receive()
        thread.join()


# ------------------------------------------------------------------------------------------------------------------------- sockets


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A folder whose path leaves room for a socket's, and that is ours alone."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="g"))
    yield folder
    shutil.rmtree(folder)


def test_a_socket_lies_where_every_face_looks_for_it(short: Path, tmp_path: Path) -> None:
    data = short / "data"
    data.mkdir()
    (short / "link").symlink_to(data)
    real = os.fsencode(os.path.realpath(data))
    name = f"{crc32(real):08x}{crc32(real[::-1]):08x}"
    assert sockets.key(str(data)) == sockets.key(str(short / "link")) == name
    runtime = short / "run"
    runtime.mkdir(mode=0o700)
    assert sockets.path_of(str(data), {"XDG_RUNTIME_DIR": str(runtime)}) == f"{runtime}/groma-{name}.sock"
    below = f"groma-{os.getuid()}/{name}.sock"
    runtime.chmod(0o755)
    assert sockets.path_of(str(data), {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(short)}) == f"{short}/{below}"
    assert sockets.path_of(str(data), {"XDG_RUNTIME_DIR": "run", "TMPDIR": ""}) == f"/tmp/{below}"
    long = short / ("x" * 100)
    long.mkdir(mode=0o700)
    assert sockets.path_of(str(data), {"XDG_RUNTIME_DIR": str(long), "TMPDIR": str(long)}) == f"/tmp/{below}"


def test_a_socket_is_ours_alone(short: Path) -> None:
    path = str(short / "made" / "s.sock")
    (short / "made").mkdir(mode=0o700)
    with pytest.raises(FileNotFoundError):
        sockets.connect(path, 1)
    with sockets.listen(path) as listening:
        assert oct(os.stat(path).st_mode & 0o777) == "0o600"
        with sockets.connect(path, 5) as one:
            other, _ = listening.accept()
            with other:
                assert sockets.peer(other) == sockets.peer(one) == (os.getpid(), os.getuid())
    with pytest.raises(ConnectionRefusedError):
        sockets.connect(path, 1)
    sockets.listen(path).close()  # a stale one is healed
    (short / "made").chmod(0o777)
    with pytest.raises(sockets.Foreign):
        sockets.listen(path)
    with pytest.raises(OSError, match="too long"):
        sockets.listen(str(short / ("x" * 120) / "s.sock"))


def test_not_indexed_keeps_what_it_names() -> None:
    again = wire.raised(wire.error_of(NotIndexed("m", root="/r")))
    assert again.exit_code == 6 and again.context["root"] == "/r"
