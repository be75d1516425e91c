"""`groma logs`."""

from __future__ import annotations

from collections import deque

import click

from .shared import printable, settings

__all__ = ["command"]


@click.command("logs", short_help="Show what the daemon logged.")
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(1), metavar="N", help="How many of the last lines.")
def command(lines: int) -> None:
    """Print the last lines of the daemon's log.

    \b
    Examples:
      groma logs
      groma logs -n 200

    It says when the daemon began and ended, what failed in it and why it was
    replaced; never what was asked or remembered.
    """
    from ..serve.client import LOG

    path = settings().data_dir / LOG
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as said:
            last = deque(said, lines)
    except FileNotFoundError:
        click.echo(f"groma: nothing has been logged in {printable(str(path))}", err=True)
        return
    for line in last:
        click.echo(printable(line.rstrip("\n")))
