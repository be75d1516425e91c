"""What answers an agent over the socket: a connection that threads share."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from groma.serve import wire
from groma.serve.agent import _Link
from tests.processes import PATIENCE_S


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_everybody_who_waits_is_told_when_the_daemon_ends(often: None) -> None:
    """Also while others, who were told first, leave."""
    for _ in range(20):
        ours, theirs = socket.socketpair()
        link = _Link(wire.Frames(ours))
        ended = threading.Semaphore(0)

        def ask(link: _Link = link, ended: threading.Semaphore = ended) -> None:
            try:
                link.ask("ping", {}, None, None)
            except ConnectionResetError:
                ended.release()

        asking = [threading.Thread(target=ask, daemon=True) for _ in range(40)]
        for one in asking:
            one.start()
        other = wire.Frames(theirs)
        for _ in asking:
            other.receive()
        theirs.close()
        assert all(ended.acquire(timeout=PATIENCE_S) for _ in asking)
