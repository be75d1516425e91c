"""`groma mcp`."""

from __future__ import annotations

import os

import click

from .shared import open_engine

__all__ = ["command"]


@click.command("mcp", short_help="Serve an agent over MCP on standard input and output.")
def command() -> None:
    """Serve an agent over MCP on standard input and output, until input ends.

    \b
    Example (Claude Code):
      claude mcp add groma -- groma mcp

    The project is the one a call names, else CLAUDE_PROJECT_DIR, else the working directory.
    """
    from ..serve.mcp import serve

    with open_engine() as engine:
        serve(engine, os.environ)
