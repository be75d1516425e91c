"""`groma status`."""

from __future__ import annotations

from typing import Any

import click

from ..types import LOCAL
from .shared import as_json, engine_for, json_option

__all__ = ["command"]


@click.command("status", short_help="What is indexed, and how fresh it is.")
@json_option
def command(as_json_: bool) -> None:
    """Every indexed folder: files, chunks, languages, what was left out, and how many files changed since.

    \b
    Example:
      groma status --json
    """
    with engine_for() as engine:
        scopes = engine.status(LOCAL)
        disk = engine.disk_bytes()
        folder = str(engine.folder)
        core = engine.core
    if as_json_:
        rows: list[dict[str, Any]] = [
            {
                "root": s.root,
                "files": s.files,
                "chunks": s.chunks,
                "languages": s.languages,
                "skipped": s.skipped,
                "generation": s.generation,
                "age_s": s.age_s,
                "stale_files": s.stale_files,
            }
            for s in scopes
        ]
        as_json({"schema": "groma.status/1", "scopes": rows, "core": core, "data_dir": folder, "disk_bytes": disk, "daemon": None})
        return
    for s in scopes:
        age = "never finished" if s.age_s is None else f"looked at {s.age_s:.0f} s ago"
        click.echo(f"{s.root}: {s.files} files, {s.chunks} chunks, {age}, {s.stale_files} changed since" + ("" if s.finished else ", unfinished"))
        click.echo("    " + ", ".join(f"{name} {n}" for name, n in list(s.languages.items())[:8]))
        if s.skipped:
            click.echo("    left out: " + ", ".join(f"{n} {reason}" for reason, n in s.skipped.items()))
    if not scopes:
        click.echo("groma: nothing is indexed yet; run: groma index PATH", err=True)
    click.echo(f"{disk / 1e6:.1f} MB in {folder}, core: {core}")
