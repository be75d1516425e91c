"""`groma stop`."""

from __future__ import annotations

import os

import click

from .shared import settings

__all__ = ["command"]


@click.command("stop", short_help="Stop the daemon.")
def command() -> None:
    """Stop the daemon, if there is one; returns when it has ended.

    \b
    Example:
      groma stop

    What it was asked to write is written first.
    """
    from ..serve.client import stop

    pid = stop(settings(), os.environ)
    click.echo("groma: no daemon runs" if pid is None else f"groma: the daemon (process {pid}) has ended")
