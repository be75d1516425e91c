"""`groma remember`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import click

from ..errors import GromaError, UsageError
from ..records import KINDS, LEVELS, SOURCES
from ..shapes import receipt_shape
from ..types import LOCAL
from .shared import PATH, as_json, here, json_option, open_engine, printable, project_named

if TYPE_CHECKING:
    from ..engine import Engine
    from ..records import Receipt

__all__ = ["command", "receipt_text"]

AT_ONCE = 100
"""So many lines are kept in one transaction, if they are there already."""
LINE_BYTES = 10_000_000
"""A line longer than this is refused without being read as JSON."""


@click.command("remember", short_help="Keep a fact, a decision, a preference.")
@click.argument("text", nargs=-1)
@click.option("--jsonl", "lines", type=PATH, metavar="FILE", help="One JSON object a line, with the fields below; - reads standard input.")
@click.option(
    "--level", type=click.Choice(LEVELS, case_sensitive=False), metavar="LEVEL", help="USER_PREFERENCE, PROJECT_CONTEXT …; default: told by the text."
)
@click.option("--kind", type=click.Choice(KINDS), default="memory", metavar="KIND", help="Its type in the knowledge store, as decision or issue.")
@click.option("--category", metavar="NAME", help="What it is about, in a word.")
@click.option("--scope", metavar="SCOPE", help="global, project, path:PATH or symbol:NAME; default: the project, where there is one.")
@click.option("--project", metavar="PATH|NAME", help="The project it belongs to; default: the one you are in.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="May be given several times.")
@click.option("--importance", type=float, metavar="0..1", help="How much it matters.")
@click.option("--source", type=click.Choice(SOURCES), metavar="SOURCE", help="human (the default), agent, tool or import.")
@click.option("--session", metavar="ID", help="The session it belongs to.")
@click.option("--agent", metavar="NAME", help="The agent who says it.")
@click.option("--valid-from", metavar="TIME", help="From when it holds (ISO 8601).")
@click.option("--valid-to", metavar="TIME", help="Until when it holds.")
@click.option("--supersedes", metavar="ID", help="The memory it replaces.")
@click.option("--anchor", "anchors", multiple=True, metavar="PATH[#SYMBOL]", help="Code it speaks of; may be given several times.")
@json_option
def command(text: tuple[str, ...], lines: str | None, kind: str, as_json_: bool, **given: Any) -> None:
    """Keep TEXT. What is known already is not kept twice; what it replaces stays, and is said.

    \b
    Examples:
      groma remember "We deploy from the release branch, never from main"
      groma remember --level USER_PREFERENCE "Prefer pathlib over os.path"
      groma remember --anchor src/cache.py#Cache "Invalidated by sequence numbers"
      groma remember --json --jsonl notes.jsonl
    """
    if bool(text) == (lines is not None):
        raise UsageError("Give either a text to remember or --jsonl FILE.")
    given["project"] = project_named(given["project"])
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v is not None and v != ()}
    with open_engine("start") as engine:
        if lines is None:
            (receipt,) = engine.memories.remember(LOCAL, [{"content": " ".join(text), **fields}], here=here(engine), kind=kind)
            if receipt.outcome == "rejected" and not as_json_:
                raise GromaError(receipt.reason)
            _show([receipt], as_json_)
            return
        if fields:
            raise UsageError(f"With --jsonl every line says its own fields; {', '.join(f'--{n}' for n in fields)} can only be given with a text.")
        try:
            stream = click.open_file(lines, "rb")
        except OSError as e:
            raise UsageError(f"{lines} cannot be read ({e.strerror}); give a file with one JSON object a line, or - for standard input.") from e
        with stream:
            for some in _batches(stream):
                _show(_kept(engine, some, kind), as_json_)


def _kept(engine: Engine, lines: list[bytes], kind: str) -> list[Receipt]:
    """A receipt each: lines that are no JSON object are refused here, the others by the engine."""
    from ..records import Receipt

    read = [_read(line) for line in lines]
    receipts = iter(engine.memories.remember(LOCAL, [said for said, wrong in read if not wrong], here=here(engine), kind=kind))
    return [Receipt(None, "rejected", wrong) if wrong else next(receipts) for _, wrong in read]


def _read(line: bytes) -> tuple[Any, str]:
    if len(line) > LINE_BYTES:
        return None, f"The line has {len(line):,} bytes; at most {LINE_BYTES:,} are read."
    try:
        return json.loads(line.decode("utf-8")), ""
    except UnicodeDecodeError as e:
        return None, f"The line is not UTF-8 (byte {e.start})."
    except RecursionError:
        return None, "The line is nested too deeply."
    except ValueError as e:
        return None, f"The line is not JSON: {e}."


def _batches(stream: IO[bytes]) -> Iterator[list[bytes]]:
    """The lines of a stream, as many at once as are there already: who waits for an answer to each line gets it."""
    rest = b""
    while data := os.read(stream.fileno(), 1 << 20):
        *whole, rest = (rest + data).split(b"\n")
        yield from _some(whole)
    yield from _some([rest])


def _some(lines: list[bytes]) -> Iterator[list[bytes]]:
    said = [line for line in lines if line.strip()]
    for i in range(0, len(said), AT_ONCE):
        yield said[i : i + AT_ONCE]


def _show(receipts: list[Receipt], as_json_: bool) -> None:
    for receipt in receipts:
        if as_json_:
            as_json({"schema": "groma.remember/1", **receipt_shape(receipt)})
        else:
            click.echo(receipt_text(receipt))
    sys.stdout.flush()


def receipt_text(receipt: Receipt) -> str:
    """A receipt as people read it."""
    if receipt.outcome == "rejected":
        return f"rejected: {printable(receipt.reason)}"
    target = f" {receipt.target}" if receipt.target and receipt.target != receipt.id else ""
    masked = ", credentials in it masked" if receipt.masked else ""
    return f"{receipt.outcome}{target}: {receipt.id} ({receipt.level}{masked}; {printable(receipt.reason)})"
