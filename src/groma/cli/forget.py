"""`groma forget`."""

from __future__ import annotations

import os

import click

from ..places import project_root
from ..types import LOCAL
from .shared import as_json, engine_for, json_option

__all__ = ["command"]


@click.command("forget", short_help="Remove a folder from the index.")
@click.argument("path")
@json_option
def command(path: str, as_json_: bool) -> None:
    """Remove PATH from the index; its files are not touched. What no other indexed folder shares is wiped.

    \b
    Example:
      groma forget ~/src/old
    """
    root = project_root(path) if os.path.isdir(path) else os.path.realpath(path)  # a folder that is gone can be forgotten too
    with engine_for() as engine:
        engine.forget(LOCAL, root)
    if as_json_:
        as_json({"schema": "groma.forget/1", "root": root})
    else:
        click.echo(f"{root}: forgotten")
