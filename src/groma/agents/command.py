"""What starts our server on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .entries import Server

__all__ = ["FORWARDED", "server"]

FORWARDED = ("GROMA_DATA_DIR",)
"""What an entry says of our environment."""

FRONT = "groma-mcp.exe" if os.name == "nt" else "groma-mcp"


def server(environment: Mapping[str, str]) -> Server:
    """The front (`groma-mcp`) where it was built, else this interpreter with `-m groma mcp`; always by absolute paths.

    A data directory that was chosen by the environment goes along: an agent that a desktop starts has another environment than this shell.
    """
    env = {name: os.path.abspath(os.path.expanduser(environment[name])) for name in FORWARDED if environment.get(name)}
    python = os.path.abspath(sys.executable)
    for folder in (Path(__file__).parents[1], Path(python).parent):
        front = folder / FRONT
        if front.is_file() and os.access(front, os.X_OK):
            return Server(str(front), ("--python", python), env)
    return Server(python, ("-m", "groma", "mcp"), env)
