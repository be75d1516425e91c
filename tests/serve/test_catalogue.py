"""The static catalogue is current, and is what a server over the official library answers, in both eras of the protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client

from groma.engine import Engine
from groma.serve.freshness import Freshness
from groma.serve.mcp import server
from groma.serve.tools import TOOLSETS, Surface, catalogue
from tests.processes import Place
from tools import catalogue as script

pytestmark = pytest.mark.anyio


def test_the_file_of_the_front_is_current() -> None:
    assert script.PATH.read_text("utf-8") == script.text(), "run: python tools/catalogue.py"


def test_the_command_prints_it(place: Place) -> None:
    assert place.groma("mcp", "--catalogue").json == catalogue()
    assert place.groma("mcp", "--catalogue", "--toolset", "full").json == catalogue("full")
    assert not place.data.exists()


def plain(model: Any, *left_out: str) -> Any:
    return {k: v for k, v in model.model_dump(by_alias=True, mode="json", exclude_none=True).items() if k not in left_out}


@pytest.mark.parametrize("toolset", TOOLSETS)
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])
async def test_it_is_what_the_library_answers(engine: Engine, project: Path, toolset: str, mode: str) -> None:
    said = catalogue(toolset)
    with Freshness(engine) as freshness:
        answers = Surface(engine, freshness, cwd=str(project), environment={}, toolset=toolset)
        async with Client(server(answers, toolset), mode=mode) as client:
            tools, prompts, templates = await client.list_tools(), await client.list_prompts(), await client.list_resource_templates()
            assert [plain(one) for one in tools.tools] == said["tools"]
            assert [plain(one) for one in prompts.prompts] == said["prompts"]
            assert [plain(one) for one in templates.resource_templates] == said["resourceTemplates"]
            if mode != "legacy":
                hint = {"ttlMs": tools.ttl_ms, "cacheScope": tools.cache_scope}
                assert hint == said["cached"]["tools/list"] == said["cached"]["prompts/list"]
            if mode != "2026-07-28":  # adopted blindly: nothing was asked about the server
                assert client.server_info is not None and client.server_capabilities is not None
                assert plain(client.server_info) == said["serverInfo"]
                assert plain(client.server_capabilities) == said["capabilities"]
                assert client.instructions == said["instructions"]
