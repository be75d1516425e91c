"""`groma about`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import click

from ..records import LEVELS, Memory, is_live
from ..shapes import about_shape
from ..types import LOCAL
from .shared import as_json, here, json_option, open_engine, printable, project_named

__all__ = ["command"]


@click.command("about", short_help="All that is kept about you and this project.")
@click.option("--project", metavar="PATH|NAME", help="About this project; default: the one you are in.")
@json_option
def command(project: str | None, as_json_: bool) -> None:
    """Every memory of yours and of this project, superseded, held back and
    forgotten ones too, and where they are kept.

    \b
    Examples:
      groma about
      groma about --project ~/src/app --json
    """
    with open_engine() as engine:
        answer = engine.memories.about(LOCAL, here=here(), project=project_named(project))
    if as_json_:
        as_json({"schema": "groma.about/1", **about_shape(answer)})
        return
    about = f" and {printable(answer.project)}" if answer.project else ""
    click.echo(f"{len(answer.memories)} memories about you{about}, kept in {printable(answer.folder)}")
    for level in LEVELS:
        some = [m for m in answer.memories if m.level == level]
        if some:
            click.echo(f"\n{level}")
        for m in some:
            click.echo("\n".join(_shown(m)))


def _shown(m: Memory) -> Iterator[str]:
    now = time.time()
    notes = [m.source + (f" {m.agent}" if m.agent else ""), m.scope]
    notes += [m.state] if m.state != "active" else []
    if m.forgotten is not None:
        notes.append("forgotten")
    elif m.superseded_by is not None:
        notes.append(f"superseded by {m.superseded_by}")
    elif not is_live(m, now):
        notes.append("expired")
    yield f"  {m.id}  ({', '.join(map(printable, notes))})"
    yield from (f"    {printable(line)}" for line in m.content.splitlines())
