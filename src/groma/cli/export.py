"""`groma export`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

import click

from ..errors import UsageError
from ..types import LOCAL
from .shared import PATH, open_engine, project_named

__all__ = ["command"]


@click.command("export", short_help="Write memories as text.")
@click.option("--format", "format_", default="jsonl", show_default=True, metavar="FORMAT", help="jsonl, markdown, instructions or memory-server.")
@click.option("--out", type=PATH, metavar="FILE", help="Write this file, whole or not at all; default: standard output.")
@click.option("--project", metavar="PATH|NAME", help="Only of this project, and of none; default: everything.")
def command(format_: str, out: str | None, project: str | None) -> None:
    """Write every memory, also superseded and quarantined ones, a line each.

    \b
    Examples:
      groma export > memories.jsonl
      groma export --format markdown --out memories.md
      groma export --format instructions --project . --out CLAUDE.md

    jsonl and markdown are exact: groma import --restore brings them back.
    instructions (for CLAUDE.md, AGENTS.md) and memory-server have only what
    holds now; of a file of instructions, only what stands between groma's
    own markers is replaced.
    """
    with open_engine() as engine:
        existing = _existing(Path(out)) if out is not None and format_ == "instructions" else ""
        pieces = engine.memories.export(LOCAL, format_, project=project_named(project), existing=existing)
        if out is not None:
            _write(Path(os.path.realpath(out)), pieces)
            return
        for piece in pieces:
            click.echo(piece.encode(), nl=False)


def _existing(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"{path} cannot be read as UTF-8 text, so nothing is written into it ({getattr(e, 'strerror', None) or e}).") from e


def _write(path: Path, pieces: Iterable[str]) -> None:
    """Beside it first, then in its place, with the permissions it had; a new file is its owner's alone. Raises UsageError where that cannot be."""
    temporary = None
    try:
        with NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as f:
            temporary = Path(f.name)
            for piece in pieces:
                f.write(piece.encode())
            f.flush()
            os.fsync(f.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException as e:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(e, OSError):
            raise UsageError(f"{path} cannot be written ({e.strerror}); it is as it was.") from e
        raise
