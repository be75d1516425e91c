"""`groma timeline`."""

from __future__ import annotations

import click

from ..shapes import change_shape, moment_shown
from ..types import LOCAL
from .shared import as_json, here, json_option, open_engine, printable, project_named, say

__all__ = ["command"]


@click.command("timeline", short_help="What changed in memory, in order.")
@click.option("--since", required=True, metavar="TIME", help='From when (ISO 8601, or as in "3 days ago").')
@click.option("--until", metavar="TIME", help="Until before when; default: now.")
@click.option("--project", metavar="PATH|NAME", help="Of this project, and of none; default: the one you are in.")
@json_option
def command(since: str, until: str | None, project: str | None, as_json_: bool) -> None:
    """Every change since a time, oldest first: what was added, replaced, taken back.

    \b
    Examples:
      groma timeline --since yesterday
      groma timeline --since 2026-11-01 --until 2026-11-08 --json
    """
    with open_engine() as engine:
        changes = engine.memories.timeline(LOCAL, since, until, here=here(), project=project_named(project))
    if as_json_:
        as_json({"schema": "groma.timeline/1", "changes": [change_shape(one) for one in changes]})
        return
    for one in changes:
        content = " ".join(one.memory.content.split()) if one.memory else ""
        click.echo(f"{moment_shown(one.at)}  {one.verb:9}  {one.id}  {printable(content)[:200]}")
    if not changes:
        say(["nothing changed"])
