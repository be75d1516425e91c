"""The self-test, on real processes: a server that answers, and ones that do not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from groma.agents.entries import Server, entry, read_back
from groma.agents.trial import answered
from groma.errors import GromaError


def python(text: str) -> Server:
    return Server(sys.executable, ("-c", text), {})


def test_the_real_server_answers(tmp_path: Path) -> None:
    server = Server(sys.executable, ("-m", "groma", "mcp"), {"GROMA_DATA_DIR": str(tmp_path / "data"), "GROMA_DAEMON": "off"})
    told = answered(server, os.environ, folder=str(tmp_path))
    assert told.name == "groma" and "search_code" in told.tools and told.seconds > 0


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        (Server("/nowhere/groma-mcp", (), {}), "cannot be started: No such file"),
        (python("import sys; sys.exit('no module named groma')"), "does not answer: no module named groma"),
        (python("print('hello')"), "does not answer"),
        (python("import sys, json; [print(json.dumps({'id': 1, 'error': {'message': 'too old'}}), flush=True) for _ in sys.stdin]"), "too old"),
        (python("import os; os.close(1); import time; time.sleep(60)"), "does not answer"),
    ],
)
def test_servers_that_do_not(server: Server, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(GromaError, match=sentence):
        answered(server, os.environ, folder=str(tmp_path))


def test_one_that_says_nothing_is_ended(tmp_path: Path) -> None:
    with pytest.raises(GromaError, match="does not answer"):
        answered(python("import sys; sys.stdin.read()"), os.environ, folder=str(tmp_path), within_s=0.5)


@pytest.mark.parametrize("shape", ["plain", "typed", "opencode", "goose", "listed"])
def test_entries_are_read_back(shape: str) -> None:
    server = Server("/a b/c", ("-x", "ü"), {"A": "b"})
    assert read_back(shape, entry(shape, server)) == server
    for said in (None, 3, {}, {"command": 3}, {"command": "x", "args": "y"}, {"url": "https://x"}):
        assert read_back(shape, said) is None
