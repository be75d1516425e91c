"""What starts our server on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

from .entries import Server

__all__ = ["FORWARDED", "program", "server"]

FORWARDED = ("GROMA_DATA_DIR",)
"""What an entry says of our environment."""

FRONT = "groma-mcp"


def server(environment: Mapping[str, str]) -> Server:
    """The front (`groma-mcp`) where it was built, else this interpreter with `-m groma mcp`; always by absolute paths.

    A data directory that was chosen by the environment goes along: an agent that a desktop starts has another environment than this shell.
    """
    env = {name: os.path.abspath(os.path.expanduser(environment[name])) for name in FORWARDED if environment.get(name)}
    python = os.path.abspath(sys.executable)
    front = program(FRONT)
    return Server(front, ("--python", python), env) if front else Server(python, ("-m", "groma", "mcp"), env)


def program(name: str) -> str | None:
    """The path of a program that was installed with this groma; None if it was not."""
    return next((path for folder in _folders() if (path := shutil.which(name, path=folder))), None)


def _folders() -> Iterator[str]:
    """Where our programs may lie: beside the package (a build in a checkout), beside this interpreter (a virtual environment, of pipx and uv too),
    and where the installer says that it put `groma` (`pip install --user`, a system's Python that keeps its scripts elsewhere)."""
    yield str(Path(__file__).parents[1])
    yield os.path.dirname(os.path.abspath(sys.executable))
    for one in distributions(name="groma"):
        for file in one.files or ():
            if file.stem == "groma" and file.suffix in ("", ".exe"):
                yield os.path.normpath(one.locate_file(file).parent)  # type: ignore[call-overload]
