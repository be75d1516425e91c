"""What several verbs share: opening the engine, progress on stderr, JSON on stdout."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .. import places
from ..config import Settings, load

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Progress

__all__ = ["as_json", "engine_for", "json_option", "progress", "settings_for", "waiting"]

json_option = click.option("--json", "as_json_", is_flag=True, help="Print one JSON object.")


def settings_for(project: str | None = None) -> Settings:
    """The settings that hold for a project, from this process's environment."""
    from pathlib import Path

    return load(
        os.environ,
        data_dir=places.data_dir(os.environ),
        config_file=places.config_file(os.environ),
        project=Path(project) if project else None,
    )


@contextmanager
def engine_for(project: str | None = None) -> Iterator[Engine]:
    """An engine with those settings, closed at the end."""
    from ..engine import Engine

    with Engine(settings_for(project)) as engine:
        yield engine


def as_json(value: dict[str, Any]) -> None:
    """Print one object, as UTF-8."""
    sys.stdout.buffer.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def waiting() -> None:
    """Say that another process holds the scope."""
    click.echo("groma: another process is indexing this folder; waiting for it", err=True)


def progress(label: str) -> Callable[[Progress], None]:
    """A reporter that draws a bar on stderr; on no terminal it says a line every few seconds. Quick runs stay silent."""
    begun = time.monotonic()
    drawn = 0.0
    terminal = sys.stderr.isatty()

    def report(p: Progress) -> None:
        nonlocal drawn
        now = time.monotonic()
        last = p.step == "settle" or (p.total and p.done == p.total)
        if p.step == "walk" or not p.total or (now - begun < 0.4 and not last) or (not terminal and now - drawn < 5 and not last):
            return
        if last and not drawn and now - begun < 0.4:
            return
        drawn = now
        share = p.done / p.total
        rate = p.done / max(now - begun, 1e-3)
        text = f"{label} [{'#' * int(30 * share):30}] {p.done}/{p.total} files  {rate:.0f}/s"
        if p.step == "settle":
            text += "\n" if terminal else ""
        click.echo(("\r" + text) if terminal else text, err=True, nl=not terminal)

    return report
