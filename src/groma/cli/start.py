"""`groma start`."""

from __future__ import annotations

import os
from typing import NoReturn

import click

from ..config import Settings
from ..errors import ConfigurationError, GromaError
from .shared import settings

__all__ = ["command", "started"]


@click.command("start", short_help="Start the daemon that commands and agents share.")
def command() -> None:
    """Start the daemon, unless it runs already; returns when it answers.

    \b
    Example:
      groma start

    It is started on demand by search, recall, remember, index and agents, and
    ends when nobody has been connected for a while (setting daemon_idle_s).
    """
    held = settings()
    click.echo(f"groma: the daemon runs (process {started(held)})")


def started(held: Settings) -> int:
    """Start the daemon if there is none; its process. Raises ConfigurationError where it is turned off."""
    from ..serve.client import connect, own_status

    if held.daemon == "off" or held.read_only:
        name = "read_only" if held.read_only else "daemon"
        raise ConfigurationError(f"No daemon is started here ({name} is set by {held.origins[name]}).")
    remote = connect(held, os.environ, client="cli", start=True, inside=_nothing)
    if remote is not None:
        remote.close()
    if (said := own_status(held, os.environ)) is None:
        raise GromaError(f"No daemon can serve {held.data_dir} with these settings; see: groma logs")
    return int(said["pid"])


def _nothing() -> NoReturn:
    raise AssertionError("nothing is asked of it")
