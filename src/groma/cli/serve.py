"""`groma serve`."""

from __future__ import annotations

import shlex
import sys

import click

from ..errors import UsageError
from .serving import serve
from .shared import settings

__all__ = ["command"]

UNIT = """[Unit]
Description=groma, a local context engine for coding agents

[Service]
Type=exec
ExecStart={command} -m groma serve --foreground
Restart=on-failure
TimeoutStopSec=15
KillMode=mixed

[Install]
WantedBy=default.target
"""


@click.command("serve", short_help="Be the daemon.")
@click.option("--foreground", is_flag=True, help="Answer in this process until it is stopped (SIGTERM; SIGINT twice ends it at once).")
@click.option("--systemd", is_flag=True, help="Print a systemd user unit that does this, and end.")
def command(foreground: bool, systemd: bool) -> None:
    """Be the daemon that commands and agents share; it listens on a socket that is this user's alone.

    \b
    Examples:
      groma serve --foreground
      groma serve --systemd > ~/.config/systemd/user/groma.service

    Where one runs already, this ends at once, with success.
    """
    held = settings()
    if systemd:
        click.echo(UNIT.format(command=shlex.quote(sys.executable)), nl=False)
        return
    if not foreground:
        raise UsageError("Say groma serve --foreground; to have it in the background: groma start.")
    serve(held)
