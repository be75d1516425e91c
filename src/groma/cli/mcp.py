"""`groma mcp`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from .shared import as_json, opened, settings

if TYPE_CHECKING:
    from ..serve.tools import Surface

__all__ = ["command"]


@click.command("mcp", short_help="Serve an agent over MCP on standard input and output.")
@click.option("--toolset", type=click.Choice(("core", "full")), default="core", show_default=True, help="Six tools, or every verb.")
@click.option("--catalogue", "catalogue_", is_flag=True, help="Print what the server says of itself, as JSON.")
def command(toolset: str, catalogue_: bool) -> None:
    """Serve an agent over MCP on standard input and output, until input ends.

    \b
    Examples:
      claude mcp add groma -- groma mcp
      groma mcp --toolset full

    The project is the one a call names, else CLAUDE_PROJECT_DIR, else the
    working directory.
    """
    if catalogue_:
        from ..serve.tools import catalogue

        as_json(catalogue(toolset))
        return
    from ..serve.agent import Agent
    from ..serve.mcp import serve

    held = settings()

    def inside() -> Surface:
        from ..serve.freshness import Freshness
        from ..serve.tools import Surface

        engine = opened(held)
        return Surface(engine, Freshness(engine), cwd=os.getcwd(), environment=os.environ, toolset=toolset)

    serve(Agent(held, os.environ, inside, toolset=toolset), toolset)
