"""`groma mcp`, driven by the command line of the MCP Inspector: an independent client, in another language."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from groma.serve.tools import catalogue
from tests.processes import Place
from tests.serve.calls import STEERED, every_tool
from tools.inspector import command

INSPECTOR = command()
pytestmark = pytest.mark.skipif(INSPECTOR is None, reason="the MCP Inspector or a Node that runs it is not here: python tools/inspector.py")

Inspect = Callable[..., dict[str, Any]]


@pytest.fixture
def inspect(place: Place, project: Path) -> Inspect:
    """`inspect("tools/list", …)`: the object that the Inspector prints."""

    def run(method: str, *options: str, toolset: str = "core", code: int = 0) -> dict[str, Any]:
        assert INSPECTOR is not None
        environment = place.environment()
        passed = [part for name in environment if name != "PATH" for part in ("-e", f"{name}={environment[name]}")]
        groma = [sys.executable, "-P", "-m", "groma", "mcp", "--toolset", toolset]
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


def call(inspect: Inspect, tool: str, /, **arguments: Any) -> dict[str, Any]:
    given = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in arguments.items()]
    answer = inspect("tools/call", "--tool-name", tool, *(["--tool-arg", *given] if given else []))
    assert answer["isError"] is False, answer
    assert answer["content"][0]["text"]
    structured: dict[str, Any] = answer["structuredContent"]
    return structured


def test_the_tools_are_listed_and_their_schemas_travel(inspect: Inspect) -> None:
    listed = inspect("tools/list", "--strict")
    assert [tool["name"] for tool in listed["tools"]] == ["search_code", "read", "index_status", "recall", "remember", "forget"]
    assert list(listed["tools"][0]["inputSchema"]["properties"]) == ["query", "max_results", "repository", "language", "paths", "kinds"]
    assert len(json.dumps(listed["tools"])) <= 8_000


@pytest.mark.slow
def test_each_tool_is_called(inspect: Inspect) -> None:
    called = {name for name, _ in every_tool(partial(call, partial(inspect, toolset="full")))}
    assert called == {tool["name"] for tool in catalogue("full")["tools"]} - set(STEERED)
    for tool in STEERED:
        refused = inspect("tools/call", "--tool-name", tool, "--tool-arg", "id=000000000000", toolset="full", code=5)
        assert refused["isError"] is True and "job" in refused["content"][0]["text"]


def test_an_error_of_a_tool_is_one_for_the_inspector_too(inspect: Inspect) -> None:
    refused = inspect("tools/call", "--tool-name", "search_code", "--tool-arg", "query=x", "language=klingon", code=5)
    assert refused["isError"] is True and "Unknown language klingon; known: " in refused["content"][0]["text"]


def test_resources_and_prompts(inspect: Inspect, project: Path) -> None:
    call(inspect, "search_code", query="retry")
    uris = [one["uri"] for one in inspect("resources/list")["resources"]]
    assert uris[0] == "groma://status" and "groma://file/app/retry.py" in uris
    assert [one["name"] for one in inspect("resources/templates/list")["resourceTemplates"]] == ["file", "memory"]
    (content,) = inspect("resources/read", "--uri", "groma://file/settings.toml?start=2&end=2")["contents"]
    assert content["text"] == "limit = 3"
    assert [one["name"] for one in inspect("prompts/list")["prompts"]] == ["onboard", "find_and_fix", "review_impact"]
    got = inspect("prompts/get", "--prompt-name", "review_impact", "--prompt-args", "target=app/retry.py")
    assert "function call_with_retries" in got["messages"][0]["content"]["text"] and str(project) not in got["description"]
