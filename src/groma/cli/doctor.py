"""`groma doctor`."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import time

import click

from .. import __version__
from ..types import LOCAL
from .shared import as_json, engine_for, json_option

__all__ = ["command"]


@click.command("doctor", short_help="Check this installation.")
@json_option
def command(as_json_: bool) -> None:
    """Check that everything groma needs is here and works: data directory, SQLite, grammars, model.

    \b
    Example:
      groma doctor
    """
    checks: list[tuple[str, bool, str]] = [
        ("groma", True, __version__),
        ("python", sys.version_info >= (3, 11), platform.python_version()),
        ("sqlite", sqlite3.sqlite_version_info >= (3, 37), sqlite3.sqlite_version),
    ]
    with engine_for() as engine:
        checks.append(("core", True, engine.core))
        folder = engine.folder
        parent = next(p for p in (folder, *folder.parents) if p.exists())
        checks.append(("data directory", os.access(parent, os.W_OK), str(folder)))
        begun = time.perf_counter()
        broken = engine.broken_grammars()
        checks.append(("grammars", not broken, ", ".join(broken) or f"all load, {1e3 * (time.perf_counter() - begun):.0f} ms"))
        checks.append(("model", True, engine.model_id))
        checks.append(("indexed folders", True, str(len(engine.roots(LOCAL)))))
    if as_json_:
        as_json(
            {
                "schema": "groma.doctor/1",
                "checks": [{"name": n, "ok": ok, "detail": d} for n, ok, d in checks],
                "core": next(d for n, _, d in checks if n == "core"),
            }
        )
    else:
        for name, ok, detail in checks:
            click.echo(f"{'ok ' if ok else 'BAD'}  {name}: {detail}")
    sys.exit(0 if all(ok for _, ok, _ in checks) else 1)
