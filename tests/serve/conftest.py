"""What the tests of the MCP face share: a place, a small project, and sessions of the official SDK's own client with the real `groma mcp`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

from groma.config import load
from groma.engine import Engine
from groma.serve.freshness import Freshness
from groma.serve.tools import Surface
from tests.processes import Place, repository

PROJECT: dict[str, str | bytes] = {
    "app/retry.py": '''"""Trying again."""

import time

LIMIT = 3


def call_with_retries(work, limit=LIMIT):
    """Call work until it succeeds, at most so many times."""
    for attempt in range(limit):
        try:
            return work()
        except ConnectionError:
            time.sleep(2**attempt)
    raise TimeoutError


class Backoff:
    """How long to wait between attempts."""

    def delay(self, attempt):
        return min(60, 2**attempt)
''',
    "app/store.go": """package app

// Save writes a record to disk.
func Save(record string) error {
\treturn nil
}
""",
    "docs/operations.md": "# Operations\n\n## Retries\n\nEvery call is tried three times.\n",
    "settings.toml": "[retry]\nlimit = 3\n",
    ".gitignore": "out/\n",
    "out/made.py": "made = True\n",
    "void.py": "",
}


class Session:
    """A client that is connected to a running `groma mcp`."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer of a tool; fails if it is an error."""
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult) and not result.is_error, result
        assert result.structured_content is not None
        return result.structured_content

    async def refused(self, tool: str, **arguments: Any) -> str:
        """The text of a tool error; fails if it is none."""
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult) and result.is_error, result
        (content,) = result.content
        assert isinstance(content, TextContent)
        assert "Traceback" not in content.text
        return content.text


Connect = Callable[..., AbstractAsyncContextManager[Session]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.still()


@pytest.fixture
def project(place: Place) -> Path:
    return repository(place.folder / "project", PROJECT)


@pytest.fixture
def connect(place: Place) -> Connect:
    """`async with connect(folder) as call`: a session of the SDK's client with `groma mcp` started in `folder`. What it logs must be nothing."""

    @asynccontextmanager
    async def session(cwd: Path, mode: str = "auto", toolset: str = "core", **environment: str) -> AsyncIterator[Session]:
        server = StdioServerParameters(
            command=sys.executable, args=["-P", "-m", "groma", "mcp", "--toolset", toolset], env=place.environment(**environment), cwd=cwd
        )
        with open(place.folder / "stderr", "w+", encoding="utf-8") as log:
            async with Client(stdio_client(server, errlog=log), mode=mode, read_timeout_seconds=60) as client:
                yield Session(client)
            log.seek(0)
            assert log.read() == ""

    return session


@pytest.fixture
def engine(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine of this process, with a data directory of its own."""
    monkeypatch.setenv("HOME", str(place.home))
    with Engine(load({"GROMA_ANSWER_WITHIN_S": "60"}, data_dir=place.data, config_file=place.folder / "none.toml")) as opened:
        yield opened


@pytest.fixture
def surface(engine: Engine, project: Path) -> Iterator[Surface]:
    """Every tool, for a session in the project."""
    with Freshness(engine) as freshness:
        yield Surface(engine, freshness, cwd=str(project), environment={}, toolset="full")
