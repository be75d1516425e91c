"""`groma-mcp`, the front in Rust: what an agent sees of it, beside `groma mcp` in Python, with the daemon, without one, and when one goes away."""

from __future__ import annotations

import itertools
import json
import os
import queue
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from groma import __version__, core
from groma.config import load
from groma.serve import client as daemon
from groma.serve.tools import catalogue
from tests.processes import PATIENCE_S, Place, children, gone, installed, unprivileged, write

ROOT = Path(__file__).parents[2]
BUILT = (Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "front" / "groma-mcp", Path(sys.executable).parent / "groma-mcp")
FRONT = next((path for path in BUILT if path.is_file()), None)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(FRONT is None, reason="groma-mcp was not built (make setup, where cargo is): the front is NOT tested"),
]

PYTHON = [sys.executable, "-P", "-m", "groma", "mcp"]
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}


def front(*options: str) -> list[str]:
    assert FRONT is not None
    return [str(FRONT), "--python", sys.executable, *options]


def message(number: Any, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


class Talk:
    """A server and the lines that go to and fro."""

    def __init__(self, command: list[str], place: Place, cwd: Path, before: Callable[[], None] | None = None, **environment: str) -> None:
        self.log = place.folder / f"stderr-{next(_NUMBERS)}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env=place.environment(**environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=before,
            )
        self.heard: list[dict[str, Any]] = []
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._numbers = itertools.count(1)
        self.modern = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def send(self, *lines: str | bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines))
        self.process.stdin.flush()

    def next(self) -> dict[str, Any] | None:
        """The next line; None at the end of output."""
        line = self._lines.get(timeout=PATIENCE_S)
        if not line:
            return None
        said: dict[str, Any] = json.loads(line)
        self.heard.append(said)
        return said

    def answer(self, number: Any) -> dict[str, Any]:
        """The answer to a request; what else is said stays in `heard`."""
        for said in self.heard:
            if said.get("id") == number and said.get("id") is not None:
                return said
        while (heard := self.next()) is not None:
            if heard.get("id") == number:
                return heard
        raise AssertionError(f"no answer to {number}; stderr: {self.log.read_text()}")

    def start(self, method: str, **params: Any) -> int:
        """Ask something and go on; the number of the request."""
        number = next(self._numbers)
        self.send(message(number, method, **({"_meta": META} if self.modern else {}) | params))
        return number

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self.answer(self.start(method, **params))

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool that succeeds."""
        said = self.ask("tools/call", name=tool, arguments=arguments)
        assert said["result"]["isError"] is False, said
        result: dict[str, Any] = said["result"]
        return result

    def hello(self) -> dict[str, Any]:
        said = self.ask("initialize", **HELLO)
        self.send('{"jsonrpc":"2.0","method":"notifications/initialized"}')
        result: dict[str, Any] = said["result"]
        return result

    def end(self) -> tuple[int, list[dict[str, Any]], str]:
        """Close the input: how it ended, all that it said, and what it complained of."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        while self.next() is not None:
            pass
        return self.process.wait(PATIENCE_S), self.heard, self.log.read_text()


_NUMBERS = itertools.count()

Begin = Callable[..., Talk]


@pytest.fixture
def begin(place: Place, project: Path) -> Iterator[Begin]:
    """`begin(*options, **environment)`: a front in the project. What still runs at the end is killed, and so is the daemon of this place."""
    begun = []

    def talk(*options: str, cwd: Path | None = None, before: Callable[[], None] | None = None, **environment: str) -> Talk:
        begun.append(Talk(front(*options), place, cwd or project, before, **{"GROMA_DAEMON": "auto"} | environment))
        return begun[-1]

    yield talk
    for one in begun:
        one.process.kill()
        one.process.wait()
    place.still()


def status(place: Place, **environment: str) -> dict[str, Any] | None:
    """What the daemon of this place says of itself."""
    env = place.environment(**environment)
    return daemon.own_status(load(env, data_dir=place.data, config_file=place.folder / "none"), env)


def daemon_of(place: Place, **environment: str) -> int | None:
    said = status(place, **environment)
    return None if said is None else int(said["pid"])


@contextmanager
def nobody_writes(place: Place) -> Iterator[None]:
    """Nothing can be written to the catalogue meanwhile: who wants to waits."""
    held = sqlite3.connect(place.data / "catalogue.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        held.close()


# ---------------------------------------------------------------------------------------------------------- the protocol


@pytest.mark.parametrize("daemon", ["auto", "off"])
@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")])
async def test_both_eras_by_the_official_client(place: Place, project: Path, begin: Begin, mode: str, version: str, daemon: str) -> None:
    server = StdioServerParameters(command=front()[0], args=front()[1:], env=place.environment(GROMA_DAEMON=daemon), cwd=project)
    with open(place.folder / "stderr", "w+", encoding="utf-8") as log:
        async with Client(stdio_client(server, errlog=log), mode=mode, read_timeout_seconds=PATIENCE_S) as client:
            assert client.protocol_version == version
            listed = await client.list_tools()
            assert [tool.name for tool in listed.tools] == [tool["name"] for tool in catalogue()["tools"]]
            found = await client.call_tool("search_code", {"query": "how often is a call retried"})
            assert found.structured_content is not None
            assert found.structured_content["hits"][0]["path"] in ("app/retry.py", "docs/operations.md")
            refused = await client.call_tool("read", {"path": "../../etc/passwd"})
            assert refused.is_error
            assert (await client.list_resources()).resources is not None
            if mode != "2026-07-28":  # adopted blindly: nothing was asked about the server
                assert client.server_info is not None
                assert (client.server_info.name, client.server_info.version) == ("groma", __version__)
                assert client.instructions == catalogue()["instructions"]
        log.seek(0)
        assert log.read() == ""


REQUESTS: dict[str, list[str]] = {
    "handshake": [
        message(1, "tools/list"),
        message(2, "ping"),
        message(3, "initialize", protocolVersion="2025-11-25"),
        message(4, "initialize", **HELLO),
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        *(message(f"list {i}", method) for i, method in enumerate(("tools/list", "prompts/list", "resources/list", "resources/templates/list"))),
        message(5, "tools/list", cursor="x"),
        message(6, "nothing/known"),
        message(7, "logging/setLevel", level="info"),
        message(8, "server/discover"),
        message(9, "tools/list", _meta=META),
        message(10, "tools/call", name="nothing", arguments={}),
        message(11, "tools/call", arguments={}),
        message(12, "tools/call", name="search_code", arguments=[]),
        message(13, "tools/call", name="search_code", arguments={"query": "x", "surplus": 1}),
        message(14, "resources/read", uri="groma://nothing"),
        message(15, "resources/read"),
        message(16, "prompts/get", name="nothing"),
        message(17, "prompts/get", name="nothing", arguments={"a": 1}),
        message(18, "completion/complete", ref={"type": "ref/prompt", "name": "nothing"}, argument={"name": "a", "value": ""}),
        message(19, "completion/complete", ref={"type": "ref/prompt", "name": "nothing"}),
        message(20, "initialize", **{**HELLO, "protocolVersion": "2026-07-28"}),
        message(21, "initialize", **{**HELLO, "protocolVersion": "2024-11-05"}),
        message(22, "subscriptions/listen"),
        '{"jsonrpc":"2.0","method":"notifications/nothing/known"}',
        '{"jsonrpc":"2.0","id":99,"result":{}}',
    ],
    "modern": [
        message(1, "server/discover", _meta=META),
        message(2, "ping", _meta=META),
        *(message(f"list {i}", m, _meta=META) for i, m in enumerate(("tools/list", "prompts/list", "resources/list", "resources/templates/list"))),
        message(3, "initialize", **HELLO),
        message(4, "initialize"),
        message(5, "tools/list"),
        message(6, "tools/list", _meta={"io.modelcontextprotocol/protocolVersion": "2026-07-28"}),
        message(7, "tools/list", _meta={**META, "io.modelcontextprotocol/protocolVersion": "2030-01-01"}),
        message(8, "tools/list", _meta={**META, "io.modelcontextprotocol/protocolVersion": 7}),
        message(9, "tools/call", name="nothing", arguments={}, _meta=META),
        message(10, "tools/call", _meta=META),
        message(11, "tools/call", name="index_status", arguments={"repository": "/nowhere"}, _meta=META),
        message(12, "resources/read", uri="groma://nothing", _meta=META),
        message(13, "prompts/get", name="nothing", _meta=META),
        message(14, "nothing/known", _meta=META),
        message(15, "subscriptions/listen", notifications={}, _meta=META),
    ],
}


@pytest.mark.parametrize(("name", "value"), [("GROMA_MAX_FILE_BYTES", "1024"), ("GROMA_CORE", "pure")])
def test_a_session_with_settings_of_its_own_is_answered_under_them(begin: Begin, place: Place, project: Path, name: str, value: str) -> None:
    write(project / "app/large.py", "def unmistakably_large():\n    pass\n" + "# filler\n" * 200)
    usual, other = begin(), begin(**{name: value})
    found = []
    for talk in (usual, other):
        talk.hello()
        found.append(talk.call("search_code", query="unmistakably_large")["structuredContent"])
    assert found[0]["core"] == core.NAME and found[1]["core"] == (value if name == "GROMA_CORE" else core.NAME)
    large = [any(hit["path"] == "app/large.py" for hit in one["hits"]) for one in found]
    assert large == [True, name == "GROMA_CORE"]


@pytest.mark.parametrize("daemon", ["auto", "off"])
@pytest.mark.parametrize("toolset", ["core", "full"])
@pytest.mark.parametrize("era", ["handshake", "modern"])
def test_it_answers_what_the_python_server_answers(place: Place, project: Path, begin: Begin, era: str, toolset: str, daemon: str) -> None:
    said = {}
    talks = {"front": begin("--toolset", toolset, GROMA_DAEMON=daemon), "python": Talk([*PYTHON, "--toolset", toolset], place, project)}
    wanted = [json.loads(line)["id"] for line in REQUESTS[era] if "method" in json.loads(line) and "id" in json.loads(line)]
    for name, talk in talks.items():
        talk.send(*REQUESTS[era])
        while len(talk.heard) < len(wanted):
            assert talk.next() is not None, talk.log.read_text()
        _, heard, _ = talk.end()
        said[name] = {answer["id"]: answer for answer in heard}
        assert set(said[name]) == set(wanted) and len(heard) == len(wanted)
    for number in wanted:
        assert said["front"][number] == said["python"][number]


@pytest.mark.parametrize(
    ("line", "number", "code"),
    [
        ("this is no protocol", None, -32700),
        ('{"jsonrpc":"2.0","id":1,"method":"ping"', None, -32700),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}', None, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', None, -32700),
        ("[]", None, -32600),
        ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None, -32600),
        ("[1, 2", None, -32700),
        ('"ping"', None, -32600),
        ("null", None, -32600),
        ('{"jsonrpc":"1.0","id":7,"method":"ping"}', 7, -32600),
        ('{"id":"seven","method":"ping"}', "seven", -32600),
        ('{"jsonrpc":"2.0","id":null,"method":"ping"}', None, -32600),
        ('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', None, -32600),
        ('{"jsonrpc":"2.0","id":[1],"method":"ping"}', None, -32600),
        ('{"jsonrpc":"2.0","id":8,"method":8}', 8, -32600),
        ('{"jsonrpc":"2.0","id":9}', 9, -32600),
        ('{"jsonrpc":"2.0","id":10,"method":"ping","params":[1]}', 10, -32602),
        (b'{"jsonrpc":"2.0","id":11,"method":"ping","params":{"a":"' + b"x" * (32 << 20) + b'"}}', None, -32600),
        ('{"jsonrpc":"2.0","id":12,"method":"' + "x" * 100_000 + '"}', 12, -32601),
        ('{"jsonrpc":"2.0","id":13,"method":"tools/call","params":{"name":"read","arguments":' + "[" * 100_000 + "]" * 100_000 + "}}", 13, -32602),
    ],
)
def test_what_is_no_message_is_told_so_and_the_session_goes_on(begin: Begin, line: str | bytes, number: Any, code: int) -> None:
    talk = begin(GROMA_DAEMON="off")
    talk.send(message("a", "initialize", **HELLO), line, "", "  \r", message("b", "ping"))
    assert talk.answer("a")["result"]["serverInfo"]["name"] == "groma"
    wrong = talk.next()
    assert wrong is not None
    assert (wrong["id"], wrong["error"]["code"]) == (number, code)
    assert talk.next() == {"jsonrpc": "2.0", "id": "b", "result": {}}


def test_ids_come_back_as_they_were(begin: Begin) -> None:
    talk = begin(GROMA_DAEMON="off")
    for raw in ('"\\u0061\\"b"', "0", "-5", "123456789012345678901234567890", '""'):
        talk.send('{"method":"ping","jsonrpc":"2.0","id":' + raw + "}")
        assert talk.next() == {"jsonrpc": "2.0", "id": json.loads(raw), "result": {}}


@pytest.mark.parametrize("toolset", ["core", "full"])
def test_the_catalogue_compiled_in_is_that_of_the_definitions(begin: Begin, toolset: str) -> None:
    now = catalogue(toolset)
    talk = begin("--toolset", toolset, GROMA_DAEMON="off")
    talk.modern = True
    discovered = talk.ask("server/discover")["result"]
    assert (discovered["capabilities"], discovered["instructions"]) == (now["capabilities"], now["instructions"])
    assert discovered["_meta"]["io.modelcontextprotocol/serverInfo"] == now["serverInfo"]
    assert talk.ask("tools/list")["result"]["tools"] == now["tools"], "groma-mcp is older than the definitions: make setup"
    assert talk.ask("prompts/list")["result"]["prompts"] == now["prompts"]
    assert talk.ask("resources/templates/list")["result"]["resourceTemplates"] == now["resourceTemplates"]


@pytest.mark.parametrize("daemon", ["auto", "off"])
def test_big_messages_pass_both_ways(project: Path, begin: Begin, daemon: str) -> None:
    write(project / "large.txt", "".join(f"line {i} ü\n" for i in range(20_000)))
    talk = begin(GROMA_DAEMON=daemon)
    talk.hello()
    talk.call("search_code", query="line")
    read = talk.call("read", path="large.txt", start_line=1, end_line=20_000)
    assert "line 19999 ü" in read["structuredContent"]["text"]
    assert "result" in talk.ask("tools/call", name="search_code", arguments={"query": "retry " * 500_000})
    assert talk.call("index_status")["structuredContent"]["files"] > 0


@pytest.mark.parametrize("daemon", ["auto", "off"])
def test_requests_overlap_and_each_is_answered_once(begin: Begin, daemon: str) -> None:
    talk = begin(GROMA_DAEMON=daemon)
    talk.hello()
    numbers = [talk.start("tools/call", name="search_code", arguments={"query": f"retry {i}"}) for i in range(40)]
    numbers += [talk.start("ping") for _ in range(40)]
    while len(talk.heard) < 1 + len(numbers):
        talk.next()
    assert sorted(said["id"] for said in talk.heard[1:]) == numbers
    assert all("result" in said for said in talk.heard)


def test_the_command_line(place: Place) -> None:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        assert FRONT is not None
        return subprocess.run(
            [FRONT, *options], env=place.environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S
        )

    assert run("--version").stdout == f"groma-mcp {__version__}\n"
    helped = run("--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert max(map(len, helped.stdout.splitlines())) <= 80 and "Examples:" in helped.stdout
    for wrong in (["--toolset", "all"], ["--python"], ["--nothing"], ["word"]):
        refused = run(*wrong)
        assert (refused.returncode, refused.stdout) == (2, "") and refused.stderr.startswith("groma: ")
    assert run().returncode == 0


# ---------------------------------------------------------------------------------------------------------------- its end


@pytest.mark.parametrize("daemon", ["auto", "off"])
def test_it_ends_with_its_input_and_leaves_nothing(place: Place, begin: Begin, daemon: str) -> None:
    talk = begin(GROMA_DAEMON=daemon)
    talk.hello()
    talk.call("search_code", query="retry")
    before = [pid for pid in children(talk.process.pid) if pid != daemon_of(place)]
    assert len(before) == (1 if daemon == "off" else 0)
    code, _, complained = talk.end()
    assert (code, complained) == (0, "")
    assert all(gone(pid) for pid in before)
    assert (daemon_of(place) is not None) == (daemon == "auto")


def test_what_was_asked_just_before_the_end_is_answered(begin: Begin) -> None:
    talk = begin()
    talk.hello()
    talk.call("search_code", query="retry")
    number = talk.start("tools/call", name="index_status", arguments={})
    code, heard, _ = talk.end()
    assert code == 0 and heard[-1]["id"] == number and heard[-1]["result"]["isError"] is False


@pytest.mark.parametrize("daemon", ["auto", "off"])
def test_it_ends_with_who_started_it_though_its_input_stays_open(place: Place, project: Path, begin: Begin, daemon: str) -> None:
    reading, writing = os.pipe()
    listening, saying = os.pipe()
    starter = "import subprocess, sys, time; reading, saying, *command = sys.argv[1:]"
    starter += "; print(subprocess.Popen(command, stdin=int(reading), stdout=int(saying)).pid, flush=True); time.sleep(600)"
    env = place.environment(GROMA_DAEMON=daemon)
    command = [sys.executable, "-c", starter, str(reading), str(saying), *front()]
    with subprocess.Popen(command, cwd=project, env=env, pass_fds=(reading, saying), stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.write(writing, (message(1, "initialize", **HELLO) + "\n" + message(2, "tools/call", name="index_status", arguments={}) + "\n").encode())
        with open(listening, "rb", closefd=False) as answers:
            assert {json.loads(answers.readline())["id"], json.loads(answers.readline())["id"]} == {1, 2}
        own = [one for one in children(pid) if one != daemon_of(place)]
        parent.kill()
        parent.wait()
        assert all(gone(one) for one in (pid, *own))
    for descriptor in (reading, writing, listening, saying):
        os.close(descriptor)


def test_it_ends_when_nobody_listens(place: Place, project: Path) -> None:
    env = place.environment(GROMA_DAEMON="off")
    with subprocess.Popen(front(), cwd=project, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.close()
        process.stdin.write(b"no protocol\n")
        process.stdin.flush()
        assert process.wait(PATIENCE_S) == 0


# ------------------------------------------------------------------------------------------------------------- the daemon


def test_the_daemon_is_started_once_for_all(place: Place, begin: Begin) -> None:
    assert daemon_of(place) is None
    talks = [begin() for _ in range(10)]
    for talk in talks:
        talk.send(message(1, "initialize", **HELLO))
        talk.send(message("s", "tools/call", name="search_code", arguments={"query": "retry"}))
    assert all(talk.answer("s")["result"]["isError"] is False for talk in talks)
    said = status(place)
    assert said is not None and said["sessions"] >= 10
    # The command line finds the same one.
    assert place.groma("status", "--json", env={"GROMA_DAEMON": "auto"}).json["daemon"]["pid"] == said["pid"]
    for talk in talks:
        code, _, complained = talk.end()
        assert (code, complained) == (0, "")
    assert daemon_of(place) == said["pid"]


def test_fifty_open_and_close_cleanly(place: Place, begin: Begin) -> None:
    talks = [begin() for _ in range(50)]
    for talk in talks:
        talk.send(
            message(1, "initialize", **HELLO), message(2, "tools/list"), message(3, "tools/call", name="search_code", arguments={"query": "retry"})
        )
    for talk in talks:
        assert talk.answer(3)["result"]["isError"] is False
    for talk in talks:
        assert talk.process.stdin is not None
        talk.process.stdin.close()
    for talk in talks:
        assert talk.process.wait(PATIENCE_S) == 0 and talk.log.read_text() == ""
    until = time.monotonic() + PATIENCE_S
    while (said := status(place)) is not None and said["sessions"] > 1 and time.monotonic() < until:
        time.sleep(0.01)
    assert said is not None and said["sessions"] == 1  # who asks


@pytest.mark.parametrize("where", ["runtime", "loose runtime", "temporary", "long temporary"])
def test_it_finds_the_socket_where_python_puts_it(place: Place, begin: Begin, where: str) -> None:
    folder = place.folder / ("t" * 100 if where == "long temporary" else "t")
    folder.mkdir(mode=0o755 if where == "loose runtime" else 0o700)
    environment = {"XDG_RUNTIME_DIR" if "runtime" in where else "TMPDIR": str(folder)}
    place.groma("start", env={"GROMA_DAEMON": "auto"} | environment)
    pid = daemon_of(place, **environment)
    assert pid is not None
    try:
        os.truncate(place.data / daemon.LOCK, 0)  # which would tell where it is
        talk = begin(**environment)
        talk.hello()
        talk.ask("resources/list")
        said = status(place, **environment)
        assert said is not None and (said["pid"], said["sessions"]) == (pid, 2)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_the_users_settings_say_where_things_are(place: Place, begin: Begin) -> None:
    kept = place.folder / "kept elsewhere"
    write(place.home / ".config/groma/config.toml", f'data_dir = "{kept}"\n')
    talk = begin(GROMA_DATA_DIR="")
    talk.hello()
    talk.call("search_code", query="retry")
    assert (kept / "catalogue.db").is_file() and not place.data.exists()
    place.groma("stop", env={"GROMA_DATA_DIR": ""})
    wrong = begin("--data-dir", str(place.folder / "named"), GROMA_DATA_DIR="")
    wrong.hello()
    wrong.call("search_code", query="retry")
    assert (place.folder / "named/catalogue.db").is_file()
    place.groma("stop", env={"GROMA_DATA_DIR": str(place.folder / "named")})


def test_settings_that_cannot_be_read_are_said_to_the_agent(place: Place, begin: Begin) -> None:
    write(place.home / ".config/groma/config.toml", "data_dir = [\n")
    talk = begin(GROMA_DATA_DIR="")
    talk.hello()
    refused = talk.ask("tools/call", name="search_code", arguments={"query": "x"})["result"]
    assert refused["isError"] is True and "config.toml cannot be read as TOML" in refused["content"][0]["text"]
    (place.home / ".config/groma/config.toml").unlink()
    talk.call("search_code", query="retry")
    place.groma("stop", env={"GROMA_DATA_DIR": ""})


def test_a_daemon_that_was_killed_is_replaced(place: Place, begin: Begin) -> None:
    talk = begin()
    talk.hello()
    talk.call("search_code", query="retry")
    first = daemon_of(place)
    assert first is not None
    for end in (signal.SIGKILL, signal.SIGTERM):
        pid = daemon_of(place)
        assert pid is not None
        os.kill(pid, end)
        found = talk.call("search_code", query="how often is a call retried")
        assert found["structuredContent"]["hits"]
    code, _, complained = talk.end()
    assert (code, complained) == (0, "")


def test_of_a_copied_data_directory_it_asks_no_daemon_but_its_own(place: Place, begin: Begin) -> None:
    talk = begin()
    talk.hello()
    talk.call("remember", content="We retry three times")
    copied = shutil.copytree(place.data, place.folder / "copied")
    other = begin(GROMA_DATA_DIR=str(copied))
    other.hello()
    other.call("remember", content="Only the copy knows of the warehouse")
    assert json.loads((copied / "daemon.lock").read_text())["pid"] != daemon_of(place)
    assert "warehouse" not in place.groma("export").out
    assert "warehouse" in place.groma("export", env={"GROMA_DATA_DIR": str(copied)}).out


def test_what_only_reads_is_asked_again_and_of_a_write_nobody_knows(place: Place, project: Path, begin: Begin) -> None:
    talk = begin()
    talk.hello()
    talk.call("search_code", query="retry")
    pid = daemon_of(place)
    assert pid is not None
    with nobody_writes(place):
        write(project / "late.py", "def arrived_late():\n    return 1\n")
        wrote = talk.start("tools/call", name="remember", arguments={"content": "Builds run on four machines."})
        read = talk.start("tools/call", name="search_code", arguments={"query": "arrived_late"})
        talk.ask("tools/call", name="nothing")  # answered at once; what was sent before it has arrived
        os.kill(pid, signal.SIGKILL)
        lost = talk.answer(wrote)["result"]
        assert lost["isError"] is True and "whether this was done is not known" in lost["content"][0]["text"]
    hits = talk.answer(read)["result"]["structuredContent"]["hits"]
    assert hits[0]["path"] == "late.py"
    assert daemon_of(place) not in (None, pid)


@pytest.mark.parametrize("daemon", ["auto", "off"])
def test_a_request_that_was_cancelled_is_not_answered(place: Place, project: Path, begin: Begin, daemon: str) -> None:
    talk = begin(GROMA_DAEMON=daemon)
    talk.hello()
    talk.call("search_code", query="retry")
    with nobody_writes(place):
        write(project / "late.py", "late = 1\n")
        number = talk.start("tools/call", name="search_code", arguments={"query": "late"})
        talk.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}))
        talk.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 12345}}))
        talk.ask("tools/call", name="nothing")
    talk.call("search_code", query="late")
    _, heard, _ = talk.end()
    assert number not in [said.get("id") for said in heard]


def test_where_no_daemon_can_be_had_a_server_of_its_own_answers_and_says_so(place: Place, begin: Begin) -> None:
    (place.data / "daemon.log").mkdir(parents=True)
    talk = begin()
    talk.hello()
    talk.call("search_code", query="retry")
    assert len(children(talk.process.pid)) == 1
    _, _, complained = talk.end()
    assert "this session is answered by a server of its own" in complained and complained.count("\n") == 1


def test_a_server_of_its_own_that_was_killed_is_replaced(begin: Begin) -> None:
    talk = begin(GROMA_DAEMON="off")
    talk.hello()
    for _ in range(2):
        talk.call("search_code", query="retry")
        (own,) = children(talk.process.pid)
        os.kill(own, signal.SIGKILL)
    assert talk.call("index_status")["structuredContent"]["files"] > 0


def test_a_closed_data_directory_is_answered_from_without_a_daemon(place: Place, project: Path, begin: Begin) -> None:
    place.groma("index", project, env={"GROMA_DAEMON": "off"})
    for path in (place.data, *place.data.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    talk = begin(before=unprivileged)
    talk.hello()
    assert talk.call("search_code", query="call_with_retries")["structuredContent"]["hits"][0]["path"] == "app/retry.py"
    assert daemon_of(place) is None


def test_without_python_it_says_what_to_do(place: Place, project: Path) -> None:
    assert FRONT is not None
    alone = Path(shutil.copy(FRONT, place.folder / "groma-mcp"))
    talk = Talk([str(alone)], place, project, PATH="/nowhere")
    talk.hello()
    refused = talk.ask("tools/call", name="search_code", arguments={"query": "x"})["result"]
    assert refused["isError"] is True and "--python PATH" in refused["content"][0]["text"]
    assert talk.ask("resources/list")["error"]["code"] == -32603
    code, _, complained = talk.end()
    assert code == 0 and "Traceback" not in complained


def test_it_finds_the_groma_beside_it_through_a_link(place: Place, project: Path) -> None:
    assert FRONT is not None
    script = write(place.folder / "bin/groma", f'#!/bin/sh\nexec "{sys.executable}" -P -m groma "$@"\n')
    script.chmod(0o755)
    shutil.copy(FRONT, place.folder / "bin/groma-mcp")
    (place.folder / "elsewhere").mkdir()
    linked = place.folder / "elsewhere/groma-mcp"
    linked.symlink_to(place.folder / "bin/groma-mcp")
    talk = Talk([str(linked)], place, project, PATH="/bin:/usr/bin", GROMA_DAEMON="off")
    talk.hello()
    talk.call("search_code", query="retry")
    assert talk.end()[0] == 0


@pytest.mark.parametrize("daemon", ["auto", "off"])
def test_progress_carries_the_token_of_the_client(place: Place, project: Path, begin: Begin, daemon: str) -> None:
    talk = begin(GROMA_DAEMON=daemon)
    talk.hello()
    talk.call("search_code", query="retry")
    for token in ("a token", 7):
        with nobody_writes(place):
            write(project / f"late_{token}.py", "late = 1\n")
            number = talk.start("tools/call", name="search_code", arguments={"query": "late"}, _meta={"progressToken": token})
            while (said := talk.next()) is not None and said.get("method") != "notifications/progress":
                pass
        assert said is not None and said["params"]["progressToken"] == token and said["params"]["progress"] >= 0
        assert talk.answer(number)["result"]["isError"] is False


# ----------------------------------------------------------------------------------------------------------------- other versions


def test_a_session_goes_on_when_a_newer_daemon_comes(place: Place, project: Path, begin: Begin) -> None:
    older = installed(place.folder / "older", "0.1.0")
    newer = installed(place.folder / "newer", "0.2.0")
    talk = begin(**older)
    talk.hello()
    kept = [talk.call("remember", content="Said before the newer one came")["structuredContent"]["id"]]
    first = status(place)
    assert first is not None and first["version"] == "0.1.0"
    numbers = [talk.start("tools/call", name="remember", arguments={"content": f"Fact {n} holds for service {n}"}) for n in range(12)]
    place.groma("search", "retry", cwd=project, env={"GROMA_DAEMON": "auto"} | newer)
    for number in numbers:
        result = talk.answer(number)["result"]
        if result["isError"]:
            assert "whether this was done is not known" in result["content"][0]["text"]
        else:
            kept.append(result["structuredContent"]["id"])
    kept.append(talk.call("remember", content="Said after the newer one came")["structuredContent"]["id"])
    assert talk.call("search_code", query="how often is a call retried")["structuredContent"]["hits"]
    second = status(place)
    assert second is not None and second["version"] == "0.2.0" and gone(first["pid"])
    found = [line["id"] for line in map(json.loads, place.groma("export").out.splitlines()) if "content" in line]
    assert len(found) == len(set(found)) and set(kept) <= set(found) and len(kept) > 2
    code, _, complained = talk.end()
    assert (code, complained) == (0, "")


def test_a_session_goes_on_when_groma_is_updated_under_it(place: Place, begin: Begin) -> None:
    site = installed(place.folder / "site", "0.1.0")
    installed(place.folder / "new", "0.2.0")
    talk = begin(**site)
    talk.hello()
    talk.call("search_code", query="retry")
    first = status(place)
    os.rename(place.folder / "site/groma", place.folder / "site/~groma")
    os.rename(place.folder / "new/groma", place.folder / "site/groma")
    shutil.rmtree(place.folder / "site/~groma")
    assert first is not None and gone(first["pid"])  # it notices by itself
    assert talk.call("search_code", query="how often is a call retried")["structuredContent"]["hits"]
    second = status(place)
    assert second is not None and second["version"] == "0.2.0"
    code, _, complained = talk.end()
    assert (code, complained) == (0, "")


def test_a_front_that_is_newer_than_its_python_ends_nobodys_daemon(place: Place, begin: Begin) -> None:
    older = installed(place.folder / "older", "0.0.9")
    pids = set()
    for _ in range(2):
        talk = begin(**older)
        talk.hello()
        assert talk.call("search_code", query="retry")["structuredContent"]["hits"]
        said = status(place)
        assert said is not None and said["version"] == "0.0.9"
        pids.add(said["pid"])
        assert talk.end()[2] == f"groma: groma-mcp is {__version__}, and the groma it works with is 0.0.9\n"
    assert len(pids) == 1
