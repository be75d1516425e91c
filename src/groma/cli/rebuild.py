"""`groma rebuild`."""

from __future__ import annotations

import click

from ..places import project_root
from ..types import LOCAL
from .shared import as_json, engine_for, json_option, progress

__all__ = ["command"]


@click.command("rebuild", short_help="Build the index anew from the files.")
@click.argument("path", required=False)
@json_option
def command(path: str | None, as_json_: bool) -> None:
    """Build the index of PATH (or of everything that is indexed) anew from the files.

    \b
    Examples:
      groma rebuild
      groma rebuild ~/src/app
    """
    root = project_root(path) if path else None
    with engine_for(root) as engine:
        done = engine.rebuild(LOCAL, root, report=progress("rebuilding"))
        said = engine.told()
    for sentence in said:
        click.echo(f"groma: {sentence}", err=True)
    if as_json_:
        as_json({"schema": "groma.rebuild/1", "scopes": [{"root": r, "indexed": s.indexed, "read": s.read} for r, s in done]})
        return
    for one, summary in done:
        click.echo(f"{one}: {summary.indexed} files rebuilt")
