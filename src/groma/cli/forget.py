"""`groma forget`."""

from __future__ import annotations

import os

import click

from ..errors import NotIndexed
from ..places import project_root
from ..types import LOCAL
from .shared import PATH, as_json, json_option, open_engine, printable, say

__all__ = ["command"]


@click.command("forget", short_help="Remove a folder from the index.")
@click.argument("path", type=PATH)
@json_option
def command(path: str, as_json_: bool) -> None:
    """Remove PATH from the index; its files are not touched. What no other indexed folder shares is wiped.

    \b
    Example:
      groma forget ~/src/old
    """
    root = project_root(path) if os.path.isdir(path) else os.path.realpath(path)  # a folder that is gone can be forgotten too
    with open_engine() as engine:
        try:
            engine.forget(LOCAL, root)
        except NotIndexed as e:
            raise NotIndexed(f"{root} is not indexed: there is nothing to forget. `groma status` lists what is.", root=root) from e
        say(engine.told())
    if as_json_:
        as_json({"schema": "groma.forget/1", "root": root})
    else:
        click.echo(f"{printable(root)}: forgotten")
