"""`groma rebuild`."""

from __future__ import annotations

import click

from ..places import project_root
from ..types import LOCAL
from .jobs import started
from .shared import PATH, as_json, background_option, json_option, open_engine, printable, progress, say

__all__ = ["command"]


@click.command("rebuild", short_help="Build the index anew from the files.")
@click.argument("path", required=False, type=PATH)
@background_option
@json_option
def command(path: str | None, background: bool, as_json_: bool) -> None:
    """Build the index of PATH (or of everything that is indexed) anew from the files.

    \b
    Examples:
      groma rebuild
      groma rebuild ~/src/app
    """
    root = project_root(path) if path else None
    if background:
        started("rebuild", root or "", as_json_)
        return
    with open_engine() as engine:
        try:
            done = engine.rebuild(LOCAL, root, report=progress("rebuilding"))
        finally:
            say(engine.told())
    if as_json_:
        as_json({"schema": "groma.rebuild/1", "scopes": [{"root": r, "indexed": s.indexed, "read": s.read} for r, s in done]})
        return
    for one, summary in done:
        click.echo(f"{printable(one)}: {summary.indexed} files rebuilt")
