"""`groma mcp`, driven by the official SDK's own client: what an agent sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from mcp.client import Client
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, TextContent, TextResourceContents

from groma import __version__, core
from groma.config import load
from groma.engine import Engine
from groma.serve.freshness import Freshness
from groma.serve.mcp import server
from groma.serve.tools import Surface
from tests.processes import PATIENCE_S, Place, git, repository, unprivileged, write
from tests.serve.calls import STEERED, every_tool
from tests.serve.conftest import Connect, Session

pytestmark = pytest.mark.anyio
CORE = ["search_code", "read", "index_status", "recall", "remember", "forget"]


# ---------------------------------------------------------------------------------------------------------- the protocol


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")])
async def test_both_eras_of_the_protocol(connect: Connect, project: Path, mode: str, version: str) -> None:
    async with connect(project, mode=mode) as call:
        assert call.client.protocol_version == version
        assert [tool.name for tool in (await call.client.list_tools()).tools] == CORE
        found = await call("search_code", query="how often is a call retried")
        assert found["hits"][0]["path"] in ("app/retry.py", "docs/operations.md")
        if mode != "2026-07-28":  # adopted blindly: nothing was asked about the server
            assert call.client.server_info is not None
            assert (call.client.server_info.name, call.client.server_info.version) == ("groma", __version__)
            assert call.client.instructions is not None and "search_code" in call.client.instructions


async def test_the_tools_as_promised(connect: Connect, project: Path) -> None:
    async with connect(project) as call:
        listed = await call.client.list_tools()
    tools = {tool.name: tool for tool in listed.tools}
    promised: dict[str, dict[str, Any]] = {
        "search_code": {"query": ..., "max_results": 10, "repository": None, "language": None, "paths": None, "kinds": None},
        "read": {"id": None, "path": None, "start_line": None, "end_line": None, "around": 0},
        "index_status": {"repository": None},
    }
    for name, arguments in promised.items():
        schema = {"required": []} | tools[name].input_schema
        assert {key: ... if key in schema["required"] else value.get("default") for key, value in schema["properties"].items()} == arguments
        assert all(value["description"] for value in schema["properties"].values())
        assert schema["required"] == [key for key, default in arguments.items() if default is ...]
        assert schema["additionalProperties"] is False
        assert tools[name].annotations is not None and tools[name].annotations.read_only_hint is True
        assert "\n" not in (tools[name].description or "\n")
    assert len(listed.model_dump_json(by_alias=True, exclude_none=True)) <= 8_000


async def test_a_session_with_settings_of_its_own_is_answered_under_them(connect: Connect, project: Path, place: Place) -> None:
    """Another core in its own process, everything else by the daemon, whoever started that."""
    write(project / "app/large.py", "def unmistakably_large():\n    pass\n" + "# filler\n" * 200)
    place.groma("start", env={"GROMA_DAEMON": "auto"})
    others = {"GROMA_MAX_FILE_BYTES": "1024", "GROMA_CORE": "pure"}
    for name, value in others.items():
        async with connect(project, GROMA_DAEMON="auto") as usual, connect(project, GROMA_DAEMON="auto", **{name: value}) as other:
            one, two = [await call("search_code", query="unmistakably_large") for call in (usual, other)]
        assert one["core"] == core.NAME and two["core"] == (value if name == "GROMA_CORE" else core.NAME)
        assert one["hits"][0]["path"] == "app/large.py"
        assert any(hit["path"] == "app/large.py" for hit in two["hits"]) is (name == "GROMA_CORE")


async def test_a_server_buries_the_daemons_that_it_started(connect: Connect, project: Path, place: Place) -> None:
    async with connect(project, GROMA_DAEMON="auto") as call:
        for _ in range(2):
            assert (await call("search_code", query="how often is a call retried"))["hits"]
            pid = json.loads((place.data / "daemon.lock").read_text().rstrip("\0 "))["pid"]
            os.kill(pid, signal.SIGKILL)
            with anyio.fail_after(PATIENCE_S):
                while os.path.exists(f"/proc/{pid}"):
                    await anyio.sleep(0.02)


@pytest.mark.parametrize("daemon", ["off", "auto"])
async def test_every_tool_by_the_official_client(connect: Connect, place: Place, project: Path, daemon: str) -> None:
    """In the process that speaks the protocol, and behind the socket of a daemon: the same answers."""
    async with connect(project, toolset="full", GROMA_DAEMON=daemon) as call:

        def ask(tool: str, /, **arguments: Any) -> dict[str, Any]:
            return anyio.from_thread.run(partial(call, tool, **arguments))

        called = await anyio.to_thread.run_sync(lambda: {name for name, _ in every_tool(ask)})
        assert called == {tool.name for tool in (await call.client.list_tools()).tools} - set(STEERED)
        assert (place.data / "daemon.log").exists() is (daemon == "auto")
        listed = await call.client.list_resources()
        assert listed.resources[0].uri == "groma://status"


async def test_an_argument_nobody_knows_is_refused(connect: Connect, project: Path) -> None:
    async with connect(project) as call:
        assert "search_code has no argument 'path' (did you mean paths?); it has query, " in await call.refused(
            "search_code", query="retry", path="app"
        )
        assert await call.refused("search_code") == "The argument query is missing."
        assert "valid integer" in await call.refused("search_code", query="retry", max_results="many")


def test_nothing_but_the_protocol_on_standard_output(place: Place, project: Path) -> None:
    write(project / "broken.py", b"\xff\xfe\x00 not text")
    said, logged = _raw(place, project, [
        _request(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "0"}),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        _request(2, "tools/call", name="search_code", arguments={"query": "retry"}),
        "this is no protocol",
        _request(3, "tools/call", name="search_code", arguments={"query": ""}),
        _request(4, "tools/call", name="read", arguments={"path": "../../etc/passwd"}),
    ], answers=4)  # fmt: skip
    assert {m["id"] for m in said if "id" in m and "result" in m} == {1, 2, 3, 4}
    assert all(m["jsonrpc"] == "2.0" for m in said)
    assert "Traceback" not in logged


def test_a_closed_data_directory_is_searched_and_said_to_be_closed(place: Place, project: Path) -> None:
    place.groma("index", project)
    write(project / "late.py", "late = 1\n")
    for path in (place.data, *place.data.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    hello = _request(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "0"})
    ask = _request(2, "tools/call", name="search_code", arguments={"query": "call_with_retries"})
    other = _request(3, "tools/call", name="search_code", arguments={"query": "x", "repository": "app"})
    said, logged = _raw(place, project, [hello, ask, other], answers=3, before=unprivileged)
    results = {m["id"]: m["result"] for m in said}
    assert results[2]["structuredContent"]["hits"][0]["path"] == "app/retry.py"
    assert any("cannot be written" in sentence for sentence in results[2]["structuredContent"]["degraded"])
    assert results[3]["isError"] and "cannot be written" in results[3]["content"][0]["text"]
    assert logged == ""


def _request(number: int, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def _raw(place: Place, cwd: Path, lines: list[str], answers: int, before: Callable[[], None] | None = None) -> tuple[list[dict[str, Any]], str]:
    """What the server says on both streams to these lines; input ends once there are so many answers."""
    with open(place.folder / "log", "w+b") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "groma", "mcp"],
            cwd=cwd,
            env=place.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            preexec_fn=before,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("".join(line + "\n" for line in lines))
        process.stdin.flush()
        said: list[dict[str, Any]] = []
        while sum("result" in m for m in said) < answers:
            said.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        rest = process.stdout.read()
        assert process.wait(10) == 0
        log.seek(0)
        return [*said, *map(json.loads, rest.splitlines())], log.read().decode()


# ------------------------------------------------------------------------------------------------------------ search_code


async def test_an_unindexed_project_is_indexed_and_answered(connect: Connect, project: Path) -> None:
    async with connect(project) as call:
        before = await call.refused("index_status")
        assert before == f"{project} has not been indexed; run: groma index {project}, or call search_code, which indexes it first"
        begun = time.monotonic()
        found = await call("search_code", query="where is the time between two attempts decided")
        assert time.monotonic() - begun < 10
        assert list(found) == ["hits", "memories", "scopes", "degraded", "core"]
        best = found["hits"][0]
        assert list(best) == [
            "id", "path", "start_line", "end_line", "symbol", "kind", "language", "score", "why", "text", "masked", "stale",
        ]  # fmt: skip
        assert (best["path"], best["language"], best["masked"], best["stale"]) == ("app/retry.py", "python", False, False)
        lines = (project / "app/retry.py").read_text().split("\n")
        assert best["text"] == "\n".join(lines[best["start_line"] - 1 : best["end_line"]])
        (scope,) = found["scopes"]
        assert (scope["root"], scope["generation"], scope["indexed"], scope["known"]) == (str(project), 1, 5, 6)
        assert scope["skipped"] == {"empty": 1}
        assert (found["degraded"], found["core"]) == ([], core.NAME)

        status = await call("index_status")
        assert (status["root"], status["files"], status["stale_files"], status["finished"]) == (str(project), 5, 0, True)
        assert status["languages"] == {"go": 1, "markdown": 1, "python": 1, "text": 1, "toml": 1}


async def test_a_large_project_is_answered_with_what_is_there(connect: Connect, place: Place) -> None:
    large = _large(place)
    async with connect(large, GROMA_ANSWER_WITHIN_S="1") as call:
        begun = time.monotonic()
        first = await call("search_code", query="step 3 of module 7", max_results=3)
        assert time.monotonic() - begun < 10
        (scope,) = first["scopes"]
        assert scope["indexed"] < FILES
        assert scope["age_s"] is None
        assert f"{large} is still being indexed: this answer covers what is there so far; ask again in a moment" in first["degraded"]
        assert any("of an unknown number of files are searchable" in s or f"of {FILES} files are searchable" in s for s in first["degraded"])
        assert (await call("index_status"))["finished"] is False
        with anyio.fail_after(60):
            while (found := await call("search_code", query="step 3 of module 7", max_results=3))["degraded"]:
                assert found["scopes"][0]["indexed"] <= FILES
        assert (found["scopes"][0]["indexed"], found["scopes"][0]["known"]) == (FILES, FILES)
        assert found["hits"][0]["path"] == "m7.py"
        assert (await call("index_status"))["finished"] is True


FILES = 3_000 if core.NAME == "pure" else 12_000


def _large(place: Place) -> Path:
    """A folder that takes this machine seconds to index, with either core."""
    body = "    if value > {j}:\n        return value + other\n    return value - {j}"
    for i in range(FILES):
        steps = (f'def step_{i}_{j}(value, other):\n    """Step {j} of module {i}."""\n{body.format(j=j)}' for j in range(12))
        write(place.folder / "large" / f"m{i}.py", "\n\n\n".join(steps))
    return place.folder / "large"


async def test_edits_between_calls_are_seen_at_once(connect: Connect, project: Path) -> None:
    async with connect(project) as call:
        await call("search_code", query="retries")
        for i in range(3):
            write(project / f"app/fresh_{i}.py", f"def freshly_written_{i}():\n    return {i}\n")
            found = await call("search_code", query=f"freshly_written_{i}")
            assert found["hits"][0]["path"] == f"app/fresh_{i}.py"
        write(project / "app/retry.py", "# moved down\n" + (project / "app/retry.py").read_text())
        hit = next(h for h in (await call("search_code", query="call_with_retries"))["hits"] if "def call_with_retries" in h["text"])
        assert hit["text"] == "\n".join((project / "app/retry.py").read_text().split("\n")[hit["start_line"] - 1 : hit["end_line"]])
        (project / "app/retry.py").unlink()
        found = await call("search_code", query="call_with_retries")
        assert "app/retry.py" not in {h["path"] for h in found["hits"]}
        git(project, "checkout", "-q", ".")
        found = await call("search_code", query="call_with_retries")
        assert found["hits"][0]["path"] == "app/retry.py"


async def test_filters(connect: Connect, project: Path) -> None:
    async with connect(project) as call:

        async def paths(**narrow: Any) -> set[str]:
            return {h["path"] for h in (await call("search_code", query="retry limit save record call", **narrow))["hits"]}

        assert await paths() >= {"app/retry.py", "app/store.go", "docs/operations.md", "settings.toml"}
        assert await paths(language="go") == {"app/store.go"}
        assert await paths(paths=["app"]) == {"app/retry.py", "app/store.go"}
        assert await paths(paths=["docs", "*.toml"]) == {"docs/operations.md", "settings.toml"}
        assert await paths(kinds=["config"]) == {"settings.toml"}
        assert await paths(kinds=["function", "class"]) == {"app/retry.py", "app/store.go"}
        assert await paths(kinds=["code"], language="python") == {"app/retry.py"}
        assert await paths(paths=["nowhere"]) == set()
        assert len((await call("search_code", query="retry", max_results=1))["hits"]) == 1


async def test_what_cannot_be_answered_is_an_error_with_advice(connect: Connect, project: Path, place: Place) -> None:
    async with connect(project) as call:
        assert (await call.refused("search_code", query="")).startswith("The query is empty; say what you look for.")
        assert (await call.refused("search_code", query=" \n")).startswith("The query is empty")
        assert "between 1 and 100, not 0" in await call.refused("search_code", query="x", max_results=0)
        assert "Unknown kind thing; known: class, code, " in await call.refused("search_code", query="x", kinds=["thing"])
        assert "Unknown language klingon; known: bash, c, " in await call.refused("search_code", query="x", language="klingon")
        assert "does not exist; give the folder" in await call.refused("search_code", query="x", repository="nowhere")
        assert "is a file, not a folder" in await call.refused("search_code", query="x", repository="settings.toml")
        for wide in ("/", "~", str(place.home)):
            assert "too wide to index by accident; give a project's folder" in await call.refused("search_code", query="x", repository=wide)
        assert not list(place.data.glob("store-*"))  # no folder was indexed for a request that could not be answered


async def test_the_project_that_is_meant(connect: Connect, project: Path, place: Place) -> None:
    other = repository(place.folder / "other", {"billing/invoice.py": "def send_invoice(customer): pass\n"})

    async def root(call: Session, **arguments: str) -> str:
        found: str = (await call("search_code", query="invoice retry", **arguments))["scopes"][0]["root"]
        return found

    async with connect(project / "app") as call:
        assert await root(call) == str(project)
        assert await root(call, repository=str(other)) == str(other)
        assert await root(call, repository=".") == str(project / "app")
        assert (await call("index_status", repository=str(other)))["files"] == 1
    async with connect(project, CLAUDE_PROJECT_DIR=str(other)) as call:
        assert await root(call) == str(other)
        assert await root(call, repository="billing") == str(other / "billing")
        assert await root(call, repository=str(project)) == str(project)
    async with connect(project, CLAUDE_PROJECT_DIR=str(place.folder / "gone")) as call:
        assert "gone does not exist" in await call.refused("search_code", query="x")


async def test_many_calls_at_once(connect: Connect, project: Path) -> None:
    async with connect(project) as call:
        answers: list[dict[str, Any]] = []

        async def ask(i: int) -> None:
            write(project / f"app/part_{i}.py", f"def particular_{i}(): pass\n")
            found = await call("search_code", query=f"particular_{i}")
            assert found["hits"][0]["path"] == f"app/part_{i}.py"
            lines = await call("read", id=found["hits"][0]["id"])
            assert lines["text"] == f"def particular_{i}(): pass"
            answers.append(found)

        async with anyio.create_task_group() as together:
            for i in range(12):
                together.start_soon(ask, i)
        assert len(answers) == 12


# ------------------------------------------------------------------------------------------------------------------- read


async def test_read_by_id_and_around(connect: Connect, project: Path) -> None:
    long = "def first_steps(value):\n" + "".join(f"    value = value + {i}  # and on it goes\n" for i in range(60)) + "\n\n"
    target = "def find_the_needle(stack):\n    return [straw for straw in stack if straw.sharp]\n"
    write(project / "app/hay.py", long + target)
    source = (long + target).split("\n")
    async with connect(project) as call:
        hit = next(h for h in (await call("search_code", query="find_the_needle"))["hits"] if "find_the_needle" in h["text"])
        lines = await call("read", id=hit["id"])
        assert list(lines) == ["root", "path", "start_line", "end_line", "total_lines", "text", "masked", "degraded"]
        assert (lines["root"], lines["path"], lines["total_lines"], lines["masked"]) == (str(project), "app/hay.py", 65, False)
        assert target.strip() in lines["text"]
        assert lines["text"] == "\n".join(source[lines["start_line"] - 1 : lines["end_line"]])
        wider = await call("read", id=hit["id"], around=2)
        assert (wider["start_line"], wider["end_line"]) == (lines["start_line"] - 2, 65)
        assert (await call("read", id=hit["id"], around=1000))["text"] == "\n".join(source[:65])

        # The lines move: the same id finds them where they are now. They change: it says so.
        write(project / "app/hay.py", "import os\n\n\n" + long + target)
        moved = await call("read", id=hit["id"])
        assert (moved["text"], moved["start_line"]) == (lines["text"], lines["start_line"] + 3)
        write(project / "app/hay.py", long + target.replace("sharp", "thin"))
        assert "its lines have changed. Search again" in await call.refused("read", id=hit["id"])


async def test_read_by_path_and_range(connect: Connect, project: Path) -> None:
    source = (project / "app/retry.py").read_text().split("\n")
    async with connect(project) as call:
        lines = await call("read", path="app/retry.py", start_line=8, end_line=10)
        assert (lines["start_line"], lines["end_line"], lines["text"]) == (8, 10, "\n".join(source[7:10]))
        lines = await call("read", path="app/retry.py", start_line=8, end_line=10, around=3)
        assert (lines["start_line"], lines["end_line"]) == (5, 13)
        whole = await call("read", path="./app/../app/retry.py")
        assert (whole["path"], whole["start_line"], whole["end_line"], whole["text"]) == ("app/retry.py", 1, 22, "\n".join(source[:22]))
        assert (await call("read", path="app/retry.py", start_line=20, end_line=99))["end_line"] == 22
        assert (await call("read", path=str(project / "settings.toml")))["text"] == "[retry]\nlimit = 3"
        write(project / "long.txt", "".join(f"line {i}\n" for i in range(1, 1001)))
        assert (await call("read", path="long.txt", start_line=501))["end_line"] == 700


async def test_what_cannot_be_read_is_an_error_with_advice(connect: Connect, project: Path) -> None:
    table: list[tuple[dict[str, Any], str]] = [
        ({}, "Give either the id of a hit or a path."),
        ({"id": "0123456789abcdef", "path": "app/retry.py"}, "Give either the id of a hit or a path."),
        ({"id": "0123456789abcdef"}, "No passage has the id 0123456789abcdef any more"),
        ({"id": "ffffffffffffffff"}, "'ffffffffffffffff' is no id of a hit; ids are 16 hexadecimal digits"),
        ({"id": "retry"}, "'retry' is no id of a hit"),
        ({"id": "0123456789abcdef", "start_line": 1}, "First and last line go with a path"),
        ({"path": "app/retry.py", "start_line": 23}, "app/retry.py has 22 lines, and 23-22 are none of them; ask for lines between 1 and 22."),
        ({"path": "app/retry.py", "start_line": 0}, "ask for lines between 1 and 22"),
        ({"path": "app/retry.py", "start_line": 9, "end_line": 3}, "9-3 are none of them"),
        ({"path": "app/retry.py", "around": -1}, "around must not be negative, not -1"),
        ({"path": "void.py"}, "void.py is not in the index of {root}: empty"),
        ({"path": "out/made.py"}, "out/made.py is not in the index of {root}: ignored by the pattern 'out/' (.gitignore:1)"),
        ({"path": "nothing.py"}, "nothing.py is not in the index of {root}; paths are relative to the root."),
        ({"path": "app"}, "app is not in the index of {root}: a folder"),
        ({"path": "../project/app/retry.py"}, "lies outside of the folder"),
        ({"path": "/etc/hostname"}, "/etc/hostname lies in no project that groma has indexed; call search_code with its repository first."),
    ]
    async with connect(project) as call:
        for arguments, advice in table:
            assert advice.format(root=project) in await call.refused("read", **arguments)


async def test_a_hit_of_another_project_is_read_where_it_was_found(connect: Connect, project: Path, place: Place) -> None:
    git(project, "worktree", "add", "-q", place.folder / "twin")
    write(place.folder / "twin" / "app/retry.py", "# only in the twin\n" + (project / "app/retry.py").read_text())
    async with connect(project) as call:
        await call("search_code", query="Backoff delay")
        (hit,) = (await call("search_code", query="Backoff delay", max_results=1, language="python", repository=str(place.folder / "twin")))["hits"]
        lines = await call("read", id=hit["id"], around=100)
        assert lines["root"] == str(place.folder / "twin") and lines["text"].startswith("# only in the twin\n")
        assert (await call("read", path=str(place.folder / "twin" / "settings.toml")))["root"] == str(place.folder / "twin")


async def test_credentials_are_masked_in_search_and_read(connect: Connect, project: Path) -> None:
    secret = "ghp_" + "Zk3QvT9mXw7RbN2sLc8YdF5hJp4GaEuK6iVo"  # no real one
    write(project / "app/client.py", f'def connect_with_token():\n    token = "{secret}"\n    return token\n')
    write(project / ".env", f"TOKEN={secret}\n")
    async with connect(project) as call:
        found = await call("search_code", query="connect with token")
        assert found["hits"][0]["path"] == "app/client.py" and found["hits"][0]["masked"] is True
        by_id = await call("read", id=found["hits"][0]["id"])
        by_path = await call("read", path="app/client.py")
        assert (by_id["masked"], by_path["masked"]) == (True, True)
        assert by_path["text"].startswith("def connect_with_token():\n    token = ")
        assert secret not in json.dumps([found, by_id, by_path])
        assert "its name says that it holds secrets" in await call.refused("read", path=".env")


# ---------------------------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "indexing"])
def test_the_end_of_input_ends_the_process(place: Place, project: Path, busy: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "groma", "mcp"],
        cwd=_large(place) if busy else project,
        env=place.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    hello = _request(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "0"})
    process.stdin.write(hello + "\n" + _request(2, "tools/call", name="search_code", arguments={"query": "step"}) + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    if busy:
        until = time.monotonic() + 10
        while not list(place.data.glob("store-*")) and time.monotonic() < until:
            time.sleep(0.01)
        assert process.poll() is None
    else:
        assert json.loads(process.stdout.readline())["id"] == 2
    begun = time.monotonic()
    process.stdin.close()
    assert process.wait(10) == 0
    assert time.monotonic() - begun < 2
    assert process.stderr.read() == ""
    process.stdout.close()
    process.stderr.close()
    place.groma("verify", code=None if busy else 0)


def test_one_interrupt_is_enough(place: Place, project: Path) -> None:
    process = place.start("mcp", cwd=project, stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    hello = _request(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "0"})
    process.stdin.write(hello.encode() + b"\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    process.send_signal(signal.SIGINT)
    assert process.wait(2) == 130
    assert place.end(process, code=130).err == ""


# --------------------------------------------------------------------------------------------------------- in this process


def _server(engine: Engine, project: Path, toolset: str = "core") -> Server:
    return server(Surface(engine, Freshness(engine), cwd=os.getcwd(), environment={"CLAUDE_PROJECT_DIR": str(project)}, toolset=toolset), toolset)


async def test_the_server_over_any_transport(place: Place, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tools without a process between: what the coverage of this file is counted by."""
    monkeypatch.setenv("HOME", str(place.home))
    settings = load({"GROMA_ANSWER_WITHIN_S": "30"}, data_dir=place.data, config_file=place.folder / "none.toml")
    with Engine(settings) as engine:
        async with Client(_server(engine, project)) as client:
            call = Session(client)
            assert "call search_code, which indexes it first" in await call.refused("index_status")
            found = await call("search_code", query="call_with_retries")
            assert "call_with_retries" in found["hits"][0]["text"]
            assert (await call("read", id=found["hits"][0]["id"]))["path"] == "app/retry.py"
            assert (await call("read", path=str(project / "app/store.go"), start_line=1, end_line=1))["text"] == "package app"
            assert "lies in no project" in await call.refused("read", path="/etc/hostname")
            assert (await call("index_status"))["files"] == 5
            assert "too wide" in await call.refused("search_code", query="x", repository=os.sep)


async def test_progress_and_cancellation_reach_the_work(engine: Engine, project: Path, place: Place) -> None:
    large = _large(place)
    with Freshness(engine) as freshness:
        surface = Surface(engine, freshness, cwd=str(project), environment={}, toolset="full")
        async with Client(server(surface, "full")) as client:
            told: list[tuple[float, float | None, str | None]] = []
            begun = anyio.Event()

            async def progress(done: float, total: float | None, message: str | None) -> None:
                told.append((done, total, message))
                begun.set()

            async def index(scope: anyio.CancelScope) -> None:
                with scope:
                    await client.call_tool("index", {"repository": str(large)}, progress_callback=progress)

            async with anyio.create_task_group() as together:
                scope = anyio.CancelScope()
                together.start_soon(index, scope)
                with anyio.fail_after(60):
                    await begun.wait()
                scope.cancel()
            assert told and told[0][0] > 0
            with anyio.fail_after(60):  # the run ended: another one gets the folder, and ends what it began
                call = Session(client)
                assert (await call("index", repository=str(large)))["indexed"] == FILES


async def test_what_cannot_be_had_is_an_error_of_the_protocol(connect: Connect, project: Path) -> None:
    async with connect(project) as call:
        for ask in (
            lambda: call.client.read_resource("groma://file/../x"),
            lambda: call.client.read_resource("groma://nothing"),
            lambda: call.client.get_prompt("nothing", {}),
            lambda: call.client.list_resources(cursor="nonsense"),
        ):
            with pytest.raises(MCPError) as e:
                await ask()
            assert e.value.code == -32602 and e.value.message.endswith(".")
        text = (await call.client.read_resource("groma://file/settings.toml")).contents[0]
        assert isinstance(text, TextResourceContents) and text.text == "[retry]\nlimit = 3"
        (message,) = (await call.client.get_prompt("find_and_fix", {"problem": "retries never end"})).messages
        assert isinstance(message.content, TextContent) and "app/retry.py" in message.content.text
        found = await call.client.complete(PromptReference(type="ref/prompt", name="review_impact"), {"name": "target", "value": "app/"})
        assert found.completion.values == ["app/retry.py", "app/store.go"]


async def test_damage_comes_with_advice(place: Place, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place.home))
    place.groma("index", project)
    (place.data / "catalogue.db").write_bytes(b"this is no database" * 1000)
    for suffix in ("-wal", "-shm"):
        (place.data / f"catalogue.db{suffix}").unlink(missing_ok=True)
    with Engine(load({}, data_dir=place.data, config_file=place.folder / "none.toml")) as engine:
        async with Client(_server(engine, project)) as client:
            assert "Tell the user to run: groma rebuild" in await Session(client).refused("search_code", query="retry")
