"""`groma memories`: what is remembered, one by one, and what may become of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..errors import GromaError, UsageError
from ..records import KINDS, LEVELS, SOURCES, STATES, Memory, Selection
from ..shapes import changed_shape, event_shape, memory_shape, moment_shown, purged_shape
from ..types import LOCAL
from .shared import Listing, as_json, json_option, open_engine, printable, project_named

if TYPE_CHECKING:
    from ..memories.lifecycle import Changed, Purged

__all__ = ["command", "line"]

SHOWN = 100
"""So many characters of a memory are shown in a list."""


@click.group("memories", cls=Listing, short_help="List, change, promote and purge what is remembered.")
def command() -> None:
    """What is remembered. Without a command: list.

    \b
    Examples:
      groma memories
      groma memories --project . --tag deploy --json
      groma memories show 3f2a9c1e
      groma memories update 3f2a9c1e "We deploy on Tuesdays"
      groma memories undo 0192f0c4-7d1e-7c33-9a51-8f0e6b2d4c10
    A memory is named by its id, or by 8 characters or more of its begin or end.
    """


@command.command("list", short_help="Memories, newest first.")
@click.option("--project", "projects", multiple=True, metavar="PATH|NAME", help="Only of this project.")
@click.option("--level", "levels", multiple=True, type=click.Choice(LEVELS, case_sensitive=False), metavar="LEVEL", help="Only this level.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), metavar="KIND", help="Only this kind.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only with all of these tags.")
@click.option("--source", "sources", multiple=True, type=click.Choice(SOURCES), metavar="SOURCE", help="human, agent, tool or import.")
@click.option("--agent", "agents", multiple=True, metavar="NAME", help="Only what this agent said.")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), metavar="STATE", help="active, proposed or quarantined.")
@click.option("--all", "every", is_flag=True, help="Also what was superseded, was forgotten or has expired.")
@click.option("--limit", default=100, show_default=True, metavar="N", help="How many.")
@click.option("--after", metavar="ID", help="The last memory of the page before.")
@json_option
def list_(projects: tuple[str, ...], every: bool, limit: int, after: str | None, as_json_: bool, **given: Any) -> None:
    """Memories, newest first; whatever is not active is marked.

    \b
    Examples:
      groma memories list --state proposed
      groma memories list --all --limit 20
    """
    gone = None if every else False
    wanted = Selection(projects=_projects(projects), superseded=gone, forgotten=gone, expired=gone, **given)
    with open_engine() as engine:
        page = engine.memories.list(LOCAL, wanted, limit=limit, after=after)
    if as_json_:
        as_json({"schema": "groma.memories/1", "memories": [memory_shape(m) for m in page.memories], "total": page.total, "after": page.after})
        return
    for m in page.memories:
        click.echo(line(m))
    if page.after:
        click.echo(f"groma: {page.total} in all; the next: --after {page.after}", err=True)
    elif not page.memories:
        click.echo("groma: no such memory", err=True)


@command.command("show", short_help="One memory with all its fields.")
@click.argument("id")
@json_option
def show(id: str, as_json_: bool) -> None:
    """Show one memory whole, whatever became of it.

    \b
    Example:
      groma memories show 3f2a9c1e
    """
    with open_engine() as engine:
        m = engine.memories.get(LOCAL, id)
    if as_json_:
        as_json({"schema": "groma.memory/1", "memory": memory_shape(m)})
        return
    click.echo("\n".join(printable(one) for one in m.content.splitlines()) + "\n")
    for name, value in memory_shape(m).items():
        if name != "content" and value not in (None, "", [], 0):
            click.echo(f"{name}: {printable(_said(value))}")


@command.command("update", short_help="Change what a memory says, or a field of it.")
@click.argument("id")
@click.argument("text", nargs=-1)
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), metavar="LEVEL", help="USER_PREFERENCE, PROJECT_CONTEXT or SESSION_STATE.")
@click.option("--category", metavar="NAME", help="What it is about, in a word.")
@click.option("--scope", metavar="SCOPE", help="global, project, path:PATH or symbol:NAME.")
@click.option("--project", metavar="PATH|NAME", help="The project it belongs to.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="All its tags from now on.")
@click.option("--importance", type=float, metavar="0..1", help="How much it matters.")
@click.option("--valid-from", metavar="TIME", help="From when it holds (ISO 8601).")
@click.option("--valid-to", metavar="TIME", help="Until when it holds.")
@click.option("--anchor", "anchors", multiple=True, metavar="PATH[#SYMBOL]", help="All the code it speaks of.")
@json_option
def update(id: str, text: tuple[str, ...], as_json_: bool, **given: Any) -> None:
    """Change the memory ID: its TEXT, if one is given, and these fields. How it was stays in its history.

    \b
    Examples:
      groma memories update 3f2a9c1e "We deploy on Tuesdays"
      groma memories update 3f2a9c1e --tag deploy --importance 0.9
    """
    given["project"] = project_named(given["project"])
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v is not None and v != ()}
    if text:
        fields["content"] = " ".join(text)
    with open_engine() as engine:
        changed = engine.memories.update(LOCAL, id, fields)
    _show(changed, "updated", as_json_, "it is so already")


@command.command("promote", short_help="Let memories take part that wait for a human.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@json_option
def promote(ids: tuple[str, ...], as_json_: bool) -> None:
    """Let memories be recalled that were proposed by an agent, or quarantined.

    \b
    Example:
      groma memories promote 3f2a9c1e
    """
    with open_engine() as engine:
        changed = engine.memories.promote(LOCAL, ids)
    _show(changed, "promoted", as_json_, "they are active already")


@command.command("history", short_help="Every change of a memory.")
@click.argument("id")
@json_option
def history(id: str, as_json_: bool) -> None:
    """Every change of one memory, oldest first, with the call that undo takes back.

    \b
    Example:
      groma memories history 3f2a9c1e
    """
    with open_engine() as engine:
        events = engine.memories.history(LOCAL, id)
    if as_json_:
        as_json({"schema": "groma.history/1", "id": events[0].id, "events": [event_shape(e) for e in events]})
        return
    for e in events:
        before = "" if e.previous is None else f"  was: {_start(e.previous)}"
        click.echo(f"{moment_shown(e.at)}  {e.verb}  by {printable(e.actor)}  (undo {e.batch}){before}")


@command.command("undo", short_help="Take a whole call back.")
@click.argument("batch")
@json_option
def undo(batch: str, as_json_: bool) -> None:
    """Take back everything that one call changed. Calls are named by what changes something, and by history.

    \b
    Example:
      groma memories undo 0192f0c4-7d1e-7c33-9a51-8f0e6b2d4c10
    """
    with open_engine() as engine:
        changed = engine.memories.undo(LOCAL, batch)
    _show(changed, "as it was", as_json_, "")


@command.command("purge", short_help="Destroy memories for good, and prove it.")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--forgotten", is_flag=True, help="All that was forgotten, instead of ids.")
@json_option
def purge(ids: tuple[str, ...], forgotten: bool, as_json_: bool) -> None:
    """Destroy memories with their history; nothing brings them back. All files are then searched for what they said.

    \b
    Examples:
      groma memories purge 3f2a9c1e
      groma memories purge --forgotten
    """
    if bool(ids) == forgotten:
        raise UsageError("Give either the ids of memories to purge or --forgotten.")
    with open_engine() as engine:
        done = engine.memories.purge(LOCAL, Selection(superseded=None, forgotten=True, expired=None) if forgotten else ids)
    if as_json_:
        as_json({"schema": "groma.purge/1", **purged_shape(done)})
    else:
        for id in done.ids:
            click.echo(f"purged {id}")
        click.echo(f"{done.files} files ({done.bytes / 1e6:.1f} MB) searched for what they said: {_found(done)}")
    if not done.proven:
        sys.stdout.flush()
        raise GromaError(_left(done))


def _found(done: Purged) -> str:
    if done.others:
        return f"only where other memories say the same ({', '.join(done.others[:3])}{', …' if len(done.others) > 3 else ''})"
    return "nothing left" if done.proven else "not all is gone"


def _left(done: Purged) -> str:
    if not done.scrubbed:
        return "Another process held the log of the catalogue, where old pages may be left; run the same with the whole ids again."
    return f"Bytes of what they said are left in {', '.join(done.found)}: remove what is a copy of a damaged file."


def line(m: Memory) -> str:
    """A memory on one line."""
    notes = [m.level, *([m.project] if m.project else []), *(f"#{tag}" for tag in m.tags)]
    if m.state != "active":
        notes.append(m.state)
    if m.superseded_by:
        notes.append(f"superseded by {m.superseded_by}")
    if m.forgotten is not None:
        notes.append("forgotten")
    return f"{m.id}  {str(moment_shown(m.created))[:10]}  {_start(m)}  ({printable(', '.join(notes))})"


def _start(m: Memory) -> str:
    text = " ".join(m.content.split())
    return printable(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")


def _show(changed: Changed, what: str, as_json_: bool, nothing: str) -> None:
    if as_json_:
        as_json({"schema": "groma.changed/1", **changed_shape(changed.memories, changed.batch)})
        return
    for m in changed.memories if changed.batch else ():
        click.echo(f"{what}: {line(m)}")
    if changed.batch:
        click.echo(f"groma: to take this back: groma memories undo {changed.batch}", err=True)
    else:
        click.echo(f"groma: nothing was changed: {nothing}", err=True)


def _projects(named: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(project_named(one)) for one in named)


def _said(v: object) -> str:
    if isinstance(v, list):
        return ", ".join(_said(one) for one in v)
    return " ".join(f"{name}={one}" for name, one in v.items() if one) if isinstance(v, dict) else str(v)
