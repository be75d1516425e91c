"""`groma restart`."""

from __future__ import annotations

import os

import click

from .shared import settings
from .start import started

__all__ = ["command"]


@click.command("restart", short_help="Stop the daemon and start another.")
def command() -> None:
    """Stop the daemon, if there is one, and start another; returns when it answers.

    \b
    Example:
      groma restart
    """
    from ..serve.client import stop

    held = settings()
    stop(held, os.environ)
    click.echo(f"groma: the daemon runs (process {started(held)})")
