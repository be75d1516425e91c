"""`groma import`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from ..shapes import imported_shape
from ..types import LOCAL
from .jobs import started
from .shared import PATH, as_json, background_option, here, json_option, open_engine, printable, project_named

if TYPE_CHECKING:
    from ..memories.exchange import Imported

__all__ = ["command"]

MOST_BYTES = 200_000_000
"""A file of more than this is not read to its end: the engine refuses it."""


@click.command("import", short_help="Take in memories from files, all or nothing.")
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option(
    "--format", "format_", metavar="FORMAT", help="jsonl, markdown, instructions, memory-server, mem0 or lancedb; default: told by the file."
)
@click.option("--project", metavar="PATH|NAME", help="Where all of it belongs; default: what it says, else the project you are in.")
@click.option("--restore", is_flag=True, help="Put back what groma export wrote: ids, sources, links, forgotten ones too.")
@background_option
@json_option
def command(files: tuple[str, ...], format_: str | None, project: str | None, restore: bool, background: bool, as_json_: bool) -> None:
    """Take in what FILES say, all or nothing; - reads standard input.

    \b
    Examples:
      groma import CLAUDE.md AGENTS.md
      groma import --format mem0 --project . mem0.json
      groma import --restore memories.jsonl

    What comes from a file has the source import; what it calls a preference
    waits to be promoted. With --restore a file is believed: use it for your
    own exports.
    """
    if background:
        if "-" in files:
            raise UsageError("A job cannot read standard input; name files.")
        given = {"format": format_, "project": project_named(project), "restore": restore or None, "here": here() or None}
        paths = [os.path.realpath(name) for name in files]
        started("import", here(), as_json_, files=paths, **{name: v for name, v in given.items() if v is not None})
        return
    with open_engine() as engine:
        read = ((name, _read(name)) for name in files)
        done = engine.memories.import_(LOCAL, read, here=here(), format=format_, project=project_named(project), restore=restore)
    _show(done, as_json_)


def _read(name: str) -> bytes:
    try:
        if name == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        if os.path.isdir(name):
            raise UsageError(f"{name} is a folder; name the files in it.")
        with open(name, "rb") as f:
            return f.read(MOST_BYTES + 1)
    except OSError as e:
        raise UsageError(f"{name} cannot be read ({e.strerror}). Nothing was imported.") from e


def _show(done: Imported, as_json_: bool) -> None:
    if as_json_:
        as_json({"schema": "groma.import/1", **imported_shape(done)})
        return
    click.echo(", ".join(f"{n} {outcome}" for outcome, n in done.outcomes.items()) or "nothing to import")
    if done.batch:
        click.echo(f"to take it back: {done.batch}")
    for one in done.lines:
        if one.receipt.outcome in ("rejected", "quarantined"):
            click.echo(f"{printable(one.file)}:{one.line}: {one.receipt.outcome}: {printable(one.receipt.reason)}", err=True)
