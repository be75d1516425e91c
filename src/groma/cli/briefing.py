"""`groma briefing`."""

from __future__ import annotations

import click

from ..shapes import briefing_shape
from ..types import LOCAL
from .shared import as_json, here, json_option, open_engine, project_named, say

__all__ = ["command"]


@click.command("briefing", short_help="What an agent should know when a session begins.")
@click.option("--project", metavar="PATH|NAME", help="Of this project, and of none; default: the one you are in.")
@click.option("--tokens", default=1500, show_default=True, metavar="N", help="At most so many (four characters each).")
@json_option
def command(project: str | None, tokens: int, as_json_: bool) -> None:
    """Preferences first and whole, then the freshest of the project, fenced as
    data. The same memories give the same bytes, so that prompt caches hold.

    \b
    Examples:
      groma briefing
      groma briefing --tokens 500 --json
    """
    with open_engine("ask") as engine:
        answer = engine.memories.briefing(LOCAL, here=here(engine), project=project_named(project), tokens=tokens)
    if as_json_:
        as_json({"schema": "groma.briefing/1", **briefing_shape(answer)})
        return
    click.echo(answer.text.encode(), nl=False)
    if not answer.memories and not answer.left_out:
        say(["nothing is remembered that an agent should know now"])
    if answer.left_out:
        say([f"{answer.left_out} more did not fit into {tokens} tokens"])
