"""`groma why`."""

from __future__ import annotations

import os

import click

from ..errors import UsageError
from ..places import project_root
from ..shapes import why_shape
from ..types import LOCAL
from .shared import PATH, as_json, json_option, open_engine, printable

__all__ = ["command"]


@click.command("why", short_help="Why a file is or is not in the index.")
@click.argument("path", type=PATH)
@click.option("--repo", type=PATH, metavar="PATH", help="The indexed folder that PATH is relative to.")
@json_option
def command(path: str, repo: str | None, as_json_: bool) -> None:
    """Why PATH is or is not in the index, and what is known of it.

    \b
    Examples:
      groma why src/app.py
      groma why node_modules/left-pad/index.js
      groma why --repo ~/src/app src/app.py

    Without --repo, PATH belongs to the innermost indexed folder that it lies in.
    """
    with open_engine() as engine:
        if repo is not None:
            root = project_root(repo)
            absolute = os.path.join(root, path)
        else:
            absolute = os.path.abspath(path)
            root = _innermost(absolute, engine.roots(LOCAL)) or project_root(None)
        real = os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))
        below = os.path.relpath(real, root)
        if below.split(os.sep)[0] == os.pardir:
            raise UsageError(f"{path} lies outside of {root}; say --repo to ask about another folder.")
        why = engine.why(LOCAL, root, below.replace(os.sep, "/"))
    if as_json_:
        as_json({"schema": "groma.why/1", **why_shape(root, why)})
        return
    click.echo(f"{printable(why.path)}: {'' if why.indexed else 'not indexed: '}{printable(why.reason)}")
    if why.chunks:
        click.echo(f"    {why.language or 'text'}, {why.lines} lines, {why.chunks} chunks" + (f", {why.note}" if why.note else ""))
        for name, kind, line, signature in why.symbols:
            click.echo(f"    {line:>6}  {kind} {printable(name)}  {printable(signature)}")
        if why.imports:
            click.echo(f"    imports {printable(', '.join(why.imports))}")


def _innermost(path: str, roots: list[str]) -> str | None:
    """The innermost of `roots` that an absolute path lies in."""
    folder = os.path.realpath(os.path.dirname(path)) + os.sep
    return max((root for root in roots if folder.startswith(root.rstrip(os.sep) + os.sep)), key=len, default=None)
