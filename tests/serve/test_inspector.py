"""`groma mcp`, driven by the command line of the MCP Inspector: an independent client, in another language."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Place
from tools.inspector import command

INSPECTOR = command()
pytestmark = pytest.mark.skipif(INSPECTOR is None, reason="the MCP Inspector or a Node that runs it is not here: python tools/inspector.py")

Inspect = Callable[..., dict[str, Any]]


@pytest.fixture
def inspect(place: Place, project: Path) -> Inspect:
    """`inspect("tools/list", …)`: the object that the Inspector prints."""

    def run(method: str, *options: str, code: int = 0) -> dict[str, Any]:
        assert INSPECTOR is not None
        environment = place.environment()
        passed = [part for name in environment if name != "PATH" for part in ("-e", f"{name}={environment[name]}")]
        groma = [sys.executable, "-P", "-m", "groma", "mcp"]
        ran = subprocess.run(
            [*INSPECTOR, *groma, *passed, "--cwd", str(project), "--method", method, *options],
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == code, ran.stderr.decode()
        answer: dict[str, Any] = json.loads(ran.stdout)
        return answer

    return run


def call(inspect: Inspect, tool: str, *arguments: str) -> dict[str, Any]:
    answer = inspect("tools/call", "--tool-name", tool, *(["--tool-arg", *arguments] if arguments else []))
    assert answer["isError"] is False
    assert json.loads(answer["content"][0]["text"]) == answer["structuredContent"]
    structured: dict[str, Any] = answer["structuredContent"]
    return structured


def test_the_tools_are_listed_and_their_schemas_travel(inspect: Inspect) -> None:
    listed = inspect("tools/list", "--strict")
    assert [tool["name"] for tool in listed["tools"]] == ["search_code", "read", "index_status"]
    assert list(listed["tools"][0]["inputSchema"]["properties"]) == ["query", "max_results", "repository", "language", "paths", "kinds"]


def test_each_tool_is_called(inspect: Inspect, project: Path) -> None:
    found = call(inspect, "search_code", "query=call_with_retries", "max_results=2", 'paths=["app"]', "language=python")
    assert found["hits"][0]["path"] == "app/retry.py" and len(found["hits"]) <= 2
    lines = call(inspect, "read", f"id={found['hits'][0]['id']}")
    assert "def call_with_retries" in lines["text"]
    assert call(inspect, "read", "path=settings.toml", "start_line=2", "end_line=2")["text"] == "limit = 3"
    status = call(inspect, "index_status")
    assert (status["root"], status["files"], status["finished"]) == (str(project), 5, True)


def test_an_error_of_a_tool_is_one_for_the_inspector_too(inspect: Inspect) -> None:
    refused = inspect("tools/call", "--tool-name", "search_code", "--tool-arg", "query=x", "language=klingon", code=5)
    assert refused["isError"] is True and "Unknown language klingon; known: " in refused["content"][0]["text"]
