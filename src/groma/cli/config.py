"""`groma config`."""

from __future__ import annotations

import click

from ..config import SETTINGS
from ..places import project_root
from .shared import as_json, json_option, settings_for

__all__ = ["command"]


@click.group("config", short_help="Show the settings that hold.")
def command() -> None:
    """Settings: what holds here, and where each value comes from."""


@command.command("show")
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@json_option
def show(origin: bool, as_json_: bool) -> None:
    """Print every setting with its value.

    \b
    Example:
      groma config show --origin
    """
    settings = settings_for(project_root(None))
    if as_json_:
        rows = [
            {"name": s.name, "value": _plain(settings.values[s.name]), "origin": settings.origins[s.name], "variable": s.variable, "help": s.help}
            for s in SETTINGS
        ]
        as_json({"schema": "groma.config/1", "settings": rows})
        return
    for s in SETTINGS:
        click.echo(f"{s.name} = {_plain(settings.values[s.name])}" + (f"    # {settings.origins[s.name]}" if origin else ""))


def _plain(value: object) -> object:
    return value if isinstance(value, int) else str(value)
