"""`groma retrieve`."""

from __future__ import annotations

import click

from ..types import LOCAL
from .recall import show
from .shared import here, json_option, open_engine, project_named

__all__ = ["command"]

LEVELS = ("preferences", "project-context", "session-state")
PROJECT_HELP = "Of this project, and of none; default: the one you are in."


@click.command("retrieve", short_help="Preferences, project context or where work stands.")
@click.argument("what", type=click.Choice(LEVELS), metavar="preferences|project-context|session-state")
@click.argument("query", nargs=-1)
@click.option("--limit", type=int, metavar="N", help="How many; default: 5, of session-state 3.")
@click.option("--project", metavar="PATH|NAME", help=PROJECT_HELP)
@json_option
def command(what: str, query: tuple[str, ...], limit: int | None, project: str | None, as_json_: bool) -> None:
    """What is remembered of one level: preferences and project context that
    bear on QUERY, best first; session state newest first, without QUERY too.

    \b
    Examples:
      groma retrieve preferences "how to name tests"
      groma retrieve project-context --limit 3 "which database"
      groma retrieve session-state
    """
    with open_engine("start") as engine:
        of = {
            "preferences": engine.memories.retrieve_preferences,
            "project-context": engine.memories.retrieve_project_context,
            "session-state": engine.memories.retrieve_session_state,
        }[what]
        more = {} if limit is None else {"limit": limit}
        answer = of(LOCAL, " ".join(query), here=here(engine), project=project_named(project), **more)
    show(answer, as_json_)
