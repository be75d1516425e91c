"""What several verbs share: opening the engine, progress on stderr, JSON on stdout, text that is safe on a terminal."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast
from unicodedata import category

import click

from .. import places
from ..config import Settings, load
from ..errors import StoreUnreachable

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Progress

__all__ = [
    "PATH",
    "Listing",
    "as_json",
    "background_option",
    "here",
    "json_option",
    "open_engine",
    "opened",
    "printable",
    "progress",
    "project_named",
    "root_of",
    "say",
    "settings",
    "waiting",
]

PATH = click.Path(readable=False)
"""The type of arguments that are paths: a shell completes them. Whether they can be read, the verbs say in their own words."""

background_option = click.option("--background", is_flag=True, help="Let a job do it; to follow it run: groma jobs.")
json_option = click.option("--json", "as_json_", is_flag=True, help="Print one JSON object.")


class Listing(click.Group):
    """A group that lists when no subcommand is named: `groma jobs --json` is `groma jobs list --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def settings() -> Settings:
    """The settings that hold, from this process's environment; those of a project's own file come on top where the project is known."""
    return load(os.environ, data_dir=places.data_dir(os.environ), config_file=places.config_file(os.environ))


@contextmanager
def open_engine(daemon: Literal["start", "ask", "none"] = "none") -> Iterator[Engine]:
    """An engine with those settings, closed at the end: that of the daemon, started if need be ("start") or only if it runs ("ask"), or our own.

    What stands in for it has those of its methods that travel (`serve.verbs`).
    """
    held = settings()
    if daemon != "none" and held.daemon != "off":
        from ..serve.client import connect

        try:
            remote = connect(held, os.environ, client="cli", start=daemon == "start", inside=lambda: opened(held))
        except StoreUnreachable as e:
            say([f"{e.message} Working without it."])
            remote = None
        if remote is not None:
            with remote:
                yield cast("Engine", remote)
            return
    with opened(held) as engine:
        yield engine


def opened(held: Settings) -> Engine:
    """An engine in this process."""
    from ..engine import Engine

    if not gc.isenabled():  # see `__main__`
        gc.freeze()
        gc.enable()
    return Engine(held)


def root_of(engine: Engine, path: str | None) -> str:
    """The folder a request means, as `places.project_root` says; a daemon has said already what project we are in."""
    said: str = getattr(engine, "project", "") if path is None else ""
    return said or places.project_root(path)


def here(engine: Engine | None = None) -> str:
    """The root of the project one is in; "" where that would be a home directory or wider."""
    root = root_of(engine, None) if engine is not None else places.project_root(None)
    return "" if places.is_wide(root) else root


def project_named(project: str | None) -> str | None:
    """What `--project` means: a folder if it is written like a path, else a name."""
    if project is None or not (project.startswith((".", "~")) or "/" in project or os.sep in project):
        return project
    return os.path.realpath(os.path.expanduser(project))


def as_json(value: dict[str, Any]) -> None:
    """Print one object, as UTF-8."""
    click.echo(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def say(sentences: Iterable[str]) -> None:
    """What a user should know beside the answer, on stderr."""
    for sentence in sentences:
        click.echo(f"groma: {printable(sentence)}", err=True)


def printable(text: str) -> str:
    """Without control characters: neither source code nor the name of a file may steer the terminal or break the line."""
    return "".join(c if c.isprintable() or c == "\t" or category(c) == "Zs" else c.encode("unicode_escape").decode() for c in text)


def waiting() -> None:
    """Say that another process holds the scope."""
    click.echo("groma: another process is indexing this folder; waiting for it", err=True)


def progress(label: str) -> Callable[[Progress], None]:
    """A reporter that draws a bar on stderr; on no terminal it says a line every few seconds. Quick runs stay silent."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    quiet_s, between_s = (1.0, 0.05) if terminal else (5.0, 5.0)
    begun = time.monotonic()
    due = begun + quiet_s
    drawn = False

    def report(p: Progress) -> None:
        nonlocal drawn, due
        now = time.monotonic()
        last = p.step == "settle"
        if not p.total or (now < due and not (last and drawn)):
            return
        due, drawn = now + between_s, True
        text = f"{label} [{'#' * int(30 * p.done / p.total):30}] {p.done}/{p.total} files  {p.done / max(now - begun, 1e-3):.0f}/s"
        click.echo(f"\r{text:<79}" if terminal else text, err=True, nl=last or not terminal)

    return report
