"""`groma verify`."""

from __future__ import annotations

import sys

import click

from ..places import project_root
from ..types import LOCAL
from .shared import PATH, as_json, json_option, open_engine, printable

__all__ = ["command"]


@click.command("verify", short_help="Check everything groma keeps for damage.")
@click.argument("path", required=False, type=PATH)
@json_option
def command(path: str | None, as_json_: bool) -> None:
    """Read all that groma keeps (for PATH, or everything) and say what is damaged.

    \b
    Examples:
      groma verify
      groma verify ~/src/app

    Exit codes: 0 clean (an unfinished run is clean), 6 nothing is indexed, 7 damaged; then run: groma rebuild
    """
    root = project_root(path) if path else None
    with open_engine() as engine:
        scopes, problems = engine.verify(LOCAL, root)
        memories = 0 if problems or root else engine.memories.count(LOCAL)
    code = 7 if problems else 0 if scopes or memories else 6
    if as_json_:
        as_json({"schema": "groma.verify/1", "scopes": scopes, "memories": memories, "problems": problems})
    elif problems:
        for problem in problems:
            click.echo(printable(problem))
        lost = any("catalogue" in problem for problem in problems)
        click.echo(f"groma: damaged; `groma rebuild{' PATH' if lost else ''}` builds the index anew from the files", err=True)
    elif code == 0:
        kept = f", {memories} memor{'ies' if memories != 1 else 'y'}" if memories else ""
        click.echo(f"clean: {scopes} indexed folder{'s' if scopes != 1 else ''}{kept}")
    else:
        click.echo("groma: nothing is indexed", err=True)
    sys.exit(code)
