"""`groma status`."""

from __future__ import annotations

import os
from typing import Any

import click

from .. import __version__
from ..config import Settings
from ..shapes import scope_shape
from ..types import LOCAL
from .shared import as_json, json_option, open_engine, printable

__all__ = ["command"]

SHOWN_LANGUAGES = 8
UNSAID: dict[str, Any] = {"watch": True, "watched": 0, "not_watched": []}
"""What a daemon of another version may not say of itself."""


@click.command("status", short_help="What is indexed, and how fresh it is.")
@json_option
def command(as_json_: bool) -> None:
    """Every indexed folder: files, chunks, languages, what was left out, and how many files changed since.

    \b
    Examples:
      groma status
      groma status --json
    """
    with open_engine() as engine:
        scopes = engine.status(LOCAL)
        disk = engine.disk_bytes()
        folder = str(engine.folder)
        core = engine.core
        daemon = _daemon(engine.settings)
    if as_json_:
        rows = [scope_shape(s) for s in scopes]
        as_json({"schema": "groma.status/1", "scopes": rows, "core": core, "data_dir": folder, "disk_bytes": disk, "daemon": daemon})
        return
    for s in scopes:
        age = "never finished" if s.age_s is None else f"looked at {_ago(s.age_s)} ago"
        state = "" if s.finished else ", unfinished"
        click.echo(f"{printable(s.root)}: {s.files} files, {s.chunks} chunks, {age}, {s.stale_files} changed since{state}")
        if not os.path.isdir(s.root):
            click.echo("    the folder is gone; to remove it from the index, run: groma forget PATH")
        if s.languages:
            more = len(s.languages) - SHOWN_LANGUAGES
            named = [f"{name} {n}" for name, n in list(s.languages.items())[:SHOWN_LANGUAGES]]
            click.echo("    " + ", ".join([*named, f"{more} more"] if more > 0 else named))
        if s.skipped:
            click.echo("    left out: " + ", ".join(f"{n} {reason}" for reason, n in s.skipped.items()))
    if not scopes:
        click.echo("groma: nothing is indexed yet; run: groma index PATH", err=True)
    if daemon:
        version = f" of groma {printable(daemon['version'])}" if daemon["version"] != __version__ else ""
        watching = f"{daemon['watched']} folders watched" if daemon["watch"] else "no folder is watched (watch is off)"
        click.echo(
            f"daemon: process {daemon['pid']}{version}, up {_ago(daemon['uptime_s'])}, {daemon['rss_mb']:.0f} of {daemon['memory_mb']} MB,"
            f" {daemon['sessions']} sessions, {daemon['jobs']} jobs, {watching}"
        )
        for one in daemon["not_watched"]:
            click.echo(f"    {printable(one['root'])} is not watched, so that every question walks it: {printable(one['why'])}")
    click.echo(f"{disk / 1e6:.1f} MB in {folder}, core: {core}")


def _daemon(held: Settings) -> dict[str, Any] | None:
    """What a daemon that runs says of itself."""
    if held.daemon == "off":
        return None
    from ..serve.client import own_status

    said = own_status(held, os.environ)
    return None if said is None else UNSAID | said


def _ago(seconds: float) -> str:
    """A time as people say it: in the largest unit of which there are two at least."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
