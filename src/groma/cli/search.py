"""`groma search`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..places import project_root
from ..types import LOCAL, Answer, Filter, Hit, Request
from .shared import PATH, as_json, json_option, open_engine, printable, progress, root_of, say, waiting

if TYPE_CHECKING:
    from ..engine import Engine
    from ..shapes import ReminderShape

__all__ = ["answer_json", "command"]

SNIPPET_LINES = 12
LINE_CHARACTERS = 400


@click.command("search", short_help="Search code, documents and configuration; best first.")
@click.argument("query", nargs=-1, required=True)
@click.option("--repo", type=PATH, multiple=True, metavar="PATH", help="Search exactly this folder; may be given several times.")
@click.option("--k", "-k", default=10, show_default=True, metavar="N", help="How many results.")
@click.option("--language", "-l", multiple=True, metavar="NAME", help="Only this language; may be given several times.")
@click.option("--path", "-p", "paths", multiple=True, metavar="GLOB", help="Only below this folder or matching this glob.")
@click.option("--kind", multiple=True, metavar="NAME", help="Only code, docs or config, or one kind such as function, class, section.")
@click.option("--near", type=PATH, metavar="FILE", help="The file you are in (relative to the root): what is close to it counts more.")
@click.option("--no-index", is_flag=True, help="Search what is indexed; do not look for changes or index a new folder (exit 6).")
@click.option("--explain", is_flag=True, help="Show how each score came about.")
@json_option
def command(
    query: tuple[str, ...],
    repo: tuple[str, ...],
    k: int,
    language: tuple[str, ...],
    paths: tuple[str, ...],
    kind: tuple[str, ...],
    near: str | None,
    no_index: bool,
    explain: bool,
    as_json_: bool,
) -> None:
    """Search for QUERY: a question, a symbol, a path.

    \b
    Examples:
      groma search "how are retries limited"
      groma search --repo ~/src/app HttpClient.send
      groma search --language go --path 'pkg/*' "parse flags" --json

    A folder that was never searched before is indexed first; later only what changed is read.
    """
    text = " ".join(query)
    named = [project_root(path) for path in repo]
    request = Request(text, k, Filter(frozenset(language), paths, frozenset(kind)), near, explain=explain)
    with open_engine("start") as engine:
        roots = list(dict.fromkeys(named or [root_of(engine, None)]))
        engine.check(LOCAL, request)  # before a whole folder is indexed for it
        said = [] if no_index else [sentence for root in roots for sentence in _freshen(engine, root)]
        answer = engine.search(LOCAL, roots, request)
    say(said)  # not before there is an answer: a search that fails gives its own reason, and that alone
    if as_json_:
        as_json(answer_json(answer, explain=explain))
    else:
        _print(answer, roots, explain=explain)


def _freshen(engine: Engine, root: str) -> list[str]:
    """Index a folder, or what changed in it; what there is to say. Where the data directory cannot be written, what is there is searched."""
    from ..errors import DiskFull, ReadOnly

    try:
        return engine.freshen(LOCAL, root, report=progress("indexing"), waiting=waiting)
    except (ReadOnly, DiskFull) as e:
        # The catalogue alone says whether there is anything to search. The store may be what could not be written, or be damaged where there
        # was no room to heal it; the search heals it or says why not.
        if root not in engine.roots(LOCAL):
            raise
        return [f"{e.message} Searching what is indexed."]


def answer_json(answer: Answer, *, explain: bool) -> dict[str, Any]:
    """The answer as `groma.search/1`."""
    return {
        "schema": "groma.search/1",
        "query_id": answer.query_id,
        "query": answer.query,
        "hits": [_hit_json(hit, explain=explain) for hit in answer.hits],
        "scopes": [
            {"root": c.root, "generation": c.generation, "age_s": c.age_s, "indexed": c.indexed, "known": c.known, "skipped": dict(c.skipped)}
            for c in answer.scopes
        ],
        "degraded": list(answer.degraded),
        "core": answer.core,
        "timings": dict(answer.timings),
        "memories": _reminders(answer),
    }


def _reminders(answer: Answer) -> list[ReminderShape]:
    if not answer.memories:
        return []
    from ..shapes import reminder_shape  # a search that has none to show does not wait for it

    return [reminder_shape(one) for one in answer.memories]


def _hit_json(hit: Hit, *, explain: bool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": hit.id,
        "scope": hit.scope,
        "path": hit.path,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "symbol": hit.symbol,
        "kind": hit.kind,
        "language": hit.language,
        "score": hit.score,
        "why": hit.why,
        "text": hit.text,
        "masked": hit.masked,
        "stale": hit.stale,
    }
    if explain:
        out["explain"] = {
            "score": hit.score,
            "factors": [
                {
                    "factor": c.factor,
                    "value": round(c.value, 6),
                    "weight": round(c.weight, 6),
                    "added": round(c.value * c.weight, 6),
                    "detail": c.detail,
                }
                for c in hit.explain
            ],
        }
    return out


def _print(answer: Answer, roots: Sequence[str], *, explain: bool) -> None:
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    color = terminal and not os.environ.get("NO_COLOR")
    names = [os.path.basename(root) for root in roots]
    called = {root: "" if len(roots) == 1 else f"{name if names.count(name) == 1 else root}/" for root, name in zip(roots, names, strict=True)}
    for hit in answer.hits:
        place = printable(f"{called[hit.scope]}{hit.path}:{hit.start_line}-{hit.end_line}")
        name = f"{hit.enclosing}.{hit.symbol}" if hit.enclosing and hit.symbol and hit.enclosing != hit.symbol else hit.symbol or hit.kind
        flags = "".join(f" [{flag}]" for flag, on in (("stale", hit.stale), ("masked", hit.masked)) if on)
        shown = _link(hit, place) if terminal else place
        click.echo(f"{click.style(shown, fg='green', bold=True) if color else shown}  {_printable(name)}  {_printable(hit.why)}{flags}")
        for c in hit.explain:
            detail = f": {_printable(c.detail)}" if c.detail else ""
            click.echo(f"    {c.value * c.weight:+.3f} = {c.weight:.3f} x {c.value:+.3f}  {c.factor}{detail}")
        if hit.explain:
            click.echo(f"    {hit.score:+.3f}   score")
        lines = hit.text.split("\n")
        width = len(str(hit.end_line))
        shown_lines = len(lines) if len(lines) <= SNIPPET_LINES + 1 else SNIPPET_LINES  # "1 more line" would take as much room as the line
        for i, line in enumerate(lines[:shown_lines]):
            click.echo(f"    {hit.start_line + i:>{width}}  {_printable(line)}".rstrip())
        if shown_lines < len(lines):
            click.echo(f"    {'':>{width}}  … {len(lines) - shown_lines} more lines")
        click.echo()
    if answer.memories:
        from ..shapes import reminder_text

        click.echo("remembered of these files:")
        for one in _reminders(answer):
            click.echo(f"    {_printable(reminder_text(one))}")
    if not answer.hits:
        click.echo("groma: nothing found", err=True)
    say(answer.degraded)


def _link(hit: Hit, place: str) -> str:
    """The place as a terminal hyperlink (OSC 8) to the file; terminals that do not know it show the text alone."""
    from pathlib import Path

    target = Path(hit.scope, hit.path).as_uri()
    return f"\x1b]8;;{target}#L{hit.start_line}\x1b\\{place}\x1b]8;;\x1b\\"


def _printable(text: str) -> str:
    return printable(text[:LINE_CHARACTERS]) + ("…" if len(text) > LINE_CHARACTERS else "")
