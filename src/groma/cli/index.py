"""`groma index`."""

from __future__ import annotations

import time

import click

from ..places import project_root
from ..types import LOCAL
from .jobs import started
from .shared import PATH, as_json, background_option, json_option, open_engine, printable, progress, root_of, say, waiting

__all__ = ["command"]


@click.command("index", short_help="Index a folder, or bring its index up to date.")
@click.argument("path", required=False, type=PATH)
@click.option("--yes", is_flag=True, help="Index even a home directory or the root of a file system.")
@background_option
@json_option
def command(path: str | None, yes: bool, background: bool, as_json_: bool) -> None:
    """Index PATH, or bring its index up to date.

    \b
    Examples:
      groma index
      groma index ~/src/app
      groma index --background

    Without PATH: the nearest git top level, else the working directory. Only what changed is read.
    """
    named = project_root(path) if path else None
    if background:
        started("index", named or project_root(None), as_json_, **({"consent": True} if yes else {}))
        return
    begun = time.perf_counter()
    with open_engine("start") as engine:
        root = named or root_of(engine, None)
        summary = engine.index(LOCAL, root, consent=yes, report=progress("indexing"), waiting=waiting)
        chunks, skipped = engine.extent(LOCAL, root)
        core = engine.core
        say(engine.told())
    seconds = time.perf_counter() - begun
    if as_json_:
        from ..shapes import index_shape

        as_json({"schema": "groma.index/1", **index_shape(root, summary, chunks, skipped, seconds, core)})
        return
    click.echo(f"{printable(root)}: {summary.indexed} files in {chunks} chunks, {summary.read} read, {summary.gone} gone, {seconds:.2f} s")
    if skipped:
        click.echo("left out: " + ", ".join(f"{n} {reason}" for reason, n in skipped.items()))
