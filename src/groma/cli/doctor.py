"""`groma doctor`."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import time

import click

from .. import __version__
from ..config import Settings
from ..errors import GromaError
from ..types import LOCAL
from .shared import as_json, json_option, open_engine, printable

__all__ = ["command"]


@click.command("doctor", short_help="Check this installation.")
@json_option
def command(as_json_: bool) -> None:
    """Check that everything groma needs is here and works: data directory, SQLite, grammars, model.

    \b
    Example:
      groma doctor

    Exit codes: 0 all is well, 1 something is not.
    """
    checks: list[tuple[str, bool, str]] = [
        ("groma", True, __version__),
        ("python", sys.version_info >= (3, 11), platform.python_version()),
        ("sqlite", sqlite3.sqlite_version_info >= (3, 37), sqlite3.sqlite_version),
    ]
    with open_engine() as engine:
        core = engine.core
        checks.append(("core", True, f"{core} ({engine.core_why})" if engine.core_why else core))
        folder = engine.folder
        parent = next(p for p in (folder, *folder.parents) if p.exists())
        usable = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
        checks.append(
            ("data directory", usable, str(folder) if usable else f"{folder} cannot be written; set GROMA_DATA_DIR to a folder you may write")
        )
        begun = time.perf_counter()
        broken = engine.broken_grammars()
        checks.append(("grammars", not broken, ", ".join(broken) or f"all load, {1e3 * (time.perf_counter() - begun):.0f} ms"))
        checks.append(("model", True, engine.model_id))
        try:
            checks.append(("indexed folders", True, str(len(engine.roots(LOCAL)))))
        except GromaError as e:
            checks.append(("indexed folders", False, e.message))
        checks.append(("watching", True, _watching(engine.settings)))
    if as_json_:
        as_json(
            {
                "schema": "groma.doctor/1",
                "checks": [{"name": n, "ok": ok, "detail": d} for n, ok, d in checks],
                "core": core,
            }
        )
    else:
        for name, ok, detail in checks:
            click.echo(f"{'ok ' if ok else 'BAD'}  {name}: {printable(detail)}")
    sys.exit(0 if all(ok for _, ok, _ in checks) else 1)


def _watching(held: Settings) -> str:
    """Which folders are watched for changes, so that questions need not walk them; and what would help where one is not. Never wrong, only slower."""
    if not held.watch:
        return f"off (watch is set by {held.origins['watch']}); every question walks its folder"
    from ..serve.client import own_status
    from ..watching import more

    said = own_status(held, os.environ) if held.daemon != "off" else None
    if said is None:
        return "no daemon runs that would watch"
    missed = said.get("not_watched", [])
    told = [f"{one['root']} is not watched, so that every question walks it: {one['why']}" for one in missed]
    return "; ".join(
        [f"{said.get('watched', 0)} folders are watched", *told, *(more(limit) for limit in sorted({one["limit"] for one in missed} - {""}))]
    )
