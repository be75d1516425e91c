"""`groma forget`: memories, or a folder of the index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ..drafts import moment
from ..errors import NotIndexed, UsageError
from ..places import project_root
from ..records import SOURCES, Selection
from ..shapes import forgotten_shape, moment_shown
from ..types import LOCAL
from .memories import line
from .shared import PATH, as_json, json_option, open_engine, printable, project_named, say

if TYPE_CHECKING:
    from ..engine import Engine

__all__ = ["command"]

SELECTS = "--tag, --scope, --source, --project, --before"


@click.command("forget", short_help="Forget memories, or remove a folder from the index.")
@click.argument("path", type=PATH, required=False)
@click.option("--id", "ids", multiple=True, metavar="ID", help="A memory; may be given several times.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Memories with all of these tags.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="Of this scope: global, project, path:PATH …")
@click.option("--source", "sources", multiple=True, type=click.Choice(SOURCES), metavar="SOURCE", help="From human, agent, tool or import.")
@click.option("--project", "projects", multiple=True, metavar="PATH|NAME", help="Of this project.")
@click.option("--before", metavar="TIME", help="Made before this time (ISO 8601).")
@click.option("--preview", is_flag=True, help="Only show which memories these are.")
@json_option
def command(path: str | None, ids: tuple[str, ...], before: str | None, preview: bool, as_json_: bool, **given: Any) -> None:
    """Forget memories; for 30 days (setting memories_undo_days) that can be undone. Or remove the folder PATH from the index; its files are not
    touched, and what no other indexed folder shares is wiped.

    \b
    Examples:
      groma forget --id 3f2a9c1e
      groma forget --source agent --before 2026-01-01 --preview
      groma forget ~/src/old
    Of several options, a memory must fit all. `groma memories purge` destroys.
    """
    chosen = any(given.values()) or before is not None
    if (path is not None) == (chosen or bool(ids)):
        raise UsageError(
            "Give either the PATH of an indexed folder, or what memories are meant: --id, --tag, --scope, --source, --project, --before."
        )
    if ids and chosen:
        raise UsageError(f"Give either --id or what selects memories: {SELECTS}.")
    if path is not None and preview:
        raise UsageError("--preview is for memories; what is indexed of a folder, `groma status` shows.")
    with open_engine() as engine:
        if path is not None:
            _folder(engine, path, as_json_)
            return
        given["projects"] = tuple(str(project_named(one)) for one in given["projects"])
        until = None if before is None else moment("before", before)
        wanted = ids or Selection(until=until, superseded=None, expired=None, **given)
        changed = engine.memories.forget(LOCAL, wanted, preview=preview)
    if as_json_:
        as_json({"schema": "groma.forgotten/1", **forgotten_shape(changed, preview)})
        return
    for m in changed.memories:
        click.echo(f"{'would be forgotten' if preview else 'forgotten'}: {line(m)}")
    if changed.batch:
        end = "" if changed.until is None else f" (until {str(moment_shown(changed.until))[:10]}; then it is destroyed)"
        click.echo(f"groma: to take this back{end}: groma memories undo {changed.batch}", err=True)
    elif not changed.memories:
        click.echo("groma: nothing to forget: no memory fits, or it was forgotten before", err=True)


def _folder(engine: Engine, path: str, as_json_: bool) -> None:
    root = project_root(path) if os.path.isdir(path) else os.path.realpath(path)  # a folder that is gone can be forgotten too
    try:
        engine.forget(LOCAL, root)
    except NotIndexed as e:
        raise NotIndexed(f"{root} is not indexed: there is nothing to forget. `groma status` lists what is.", root=root) from e
    say(engine.told())
    if as_json_:
        as_json({"schema": "groma.forget/1", "root": root})
    else:
        click.echo(f"{printable(root)}: forgotten")
