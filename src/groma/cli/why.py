"""`groma why`."""

from __future__ import annotations

import os

import click

from ..places import project_root
from ..types import LOCAL
from .shared import as_json, engine_for, json_option

__all__ = ["command"]


@click.command("why", short_help="Why a file is or is not in the index.")
@click.argument("path")
@click.option("--repo", metavar="PATH", help="The indexed folder that PATH is relative to.")
@json_option
def command(path: str, repo: str | None, as_json_: bool) -> None:
    """Why PATH is or is not in the index, and what is known of it.

    \b
    Examples:
      groma why src/app.py
      groma why node_modules/left-pad/index.js
    """
    root = project_root(repo)
    if repo is None or os.path.isabs(path):
        absolute = os.path.join(os.path.realpath(os.path.dirname(os.path.abspath(path))), os.path.basename(path))
        path = os.path.relpath(absolute, root)
    with engine_for(root) as engine:
        why = engine.why(LOCAL, root, path.replace(os.sep, "/"))
    if as_json_:
        as_json(
            {
                "schema": "groma.why/1",
                "root": root,
                "path": why.path,
                "indexed": why.indexed,
                "reason": why.reason,
                "language": why.language,
                "lines": why.lines,
                "chunks": why.chunks,
                "symbols": [{"name": n, "kind": k, "line": line, "signature": s} for n, k, line, s in why.symbols],
                "imports": list(why.imports),
                "calls": list(why.calls),
                "note": why.note,
            }
        )
        return
    click.echo(f"{why.path}: {why.reason}")
    if why.indexed:
        click.echo(f"    {why.language or 'text'}, {why.lines} lines, {why.chunks} chunks" + (f", {why.note}" if why.note else ""))
        for name, kind, line, signature in why.symbols:
            click.echo(f"    {line:>6}  {kind} {name}  {signature}")
        if why.imports:
            click.echo(f"    imports {', '.join(why.imports)}")
