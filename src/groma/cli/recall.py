"""`groma recall`."""

from __future__ import annotations

import click

from ..records import KINDS, LEVELS, Recalled, Remembered
from ..shapes import moment_shown, recollection_shape
from ..types import LOCAL
from .shared import as_json, here, json_option, open_engine, printable, project_named

__all__ = ["command", "show"]


@click.command("recall", short_help="What is remembered about something; best first.")
@click.argument("query", nargs=-1, required=True)
@click.option("--k", "-k", default=10, show_default=True, metavar="N", help="How many.")
@click.option("--project", metavar="PATH|NAME", help="Of this project, and of none; default: the one you are in.")
@click.option("--level", "levels", multiple=True, type=click.Choice(LEVELS, case_sensitive=False), metavar="LEVEL", help="Only this level.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), metavar="KIND", help="Only this kind.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only with this tag; may be given several times.")
@click.option("--as-of", metavar="TIME", help="What held at this time (ISO 8601).")
@json_option
def command(
    query: tuple[str, ...],
    k: int,
    project: str | None,
    levels: tuple[str, ...],
    kinds: tuple[str, ...],
    tags: tuple[str, ...],
    as_of: str | None,
    as_json_: bool,
) -> None:
    """What is remembered about QUERY. A time in it counts ("what did we decide last week").

    \b
    Examples:
      groma recall "how do we deploy"
      groma recall --as-of 2026-01-01 "which database"
    """
    with open_engine("start") as engine:
        answer = engine.memories.recall(
            LOCAL, " ".join(query), k=k, project=project_named(project), here=here(engine), levels=levels, kinds=kinds, tags=tags, as_of=as_of
        )
    show(answer, as_json_)


def show(answer: Remembered, as_json_: bool) -> None:
    """Print what is remembered, as JSON or as people read it."""
    if as_json_:
        as_json({"schema": "groma.recall/1", **recollection_shape(answer)})
        return
    for one in answer.memories:
        click.echo(_shown(one))
    if answer.nothing_useful:
        click.echo("nothing useful is remembered about this", err=True)


def _shown(one: Recalled) -> str:
    m = one.memory
    notes = [m.level, f"{m.source}{f' {m.agent}' if m.agent else ''}", str(moment_shown(m.created))[:10]]
    if m.superseded_by:
        notes.append(f"superseded by {m.superseded_by}")
    elif not one.valid:
        notes.append("not valid now")
    notes += [f"{a.path}{f'#{a.symbol}' if a.symbol else ''} {state}" for a, state in one.anchors]
    text = "\n".join(f"  {printable(line)}" for line in m.content.splitlines())
    return f"{one.score:.2f}  {m.id}  ({', '.join(map(printable, notes))})\n{text}"
