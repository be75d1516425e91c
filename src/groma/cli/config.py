"""`groma config`."""

from __future__ import annotations

from pathlib import Path

import click

from ..config import SETTINGS, within
from ..places import project_root
from .shared import as_json, json_option, printable, settings

__all__ = ["command"]


@click.group("config", short_help="Show the settings that hold.")
def command() -> None:
    """Settings: what holds here, and where each value comes from.

    \b
    Examples:
      groma config show
      groma config show --origin
    """


@command.command("show")
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@json_option
def show(origin: bool, as_json_: bool) -> None:
    """Print every setting with its value.

    \b
    Example:
      groma config show --origin
    """
    held = within(settings(), Path(project_root(None)))
    if as_json_:
        rows = [
            {"name": s.name, "value": _plain(held.values[s.name]), "origin": held.origins[s.name], "variable": s.variable, "help": s.help}
            for s in SETTINGS
        ]
        as_json({"schema": "groma.config/1", "settings": rows})
        return
    lines = [(f"{s.name} = {printable(_toml(held.values[s.name]))}", printable(held.origins[s.name])) for s in SETTINGS]
    width = max(len(line) for line, _ in lines)
    for line, where in lines:
        click.echo(f"{line:<{width}}  # {where}" if origin else line)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(value: object) -> object:
    return value if isinstance(value, int) else str(value)
