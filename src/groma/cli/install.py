"""`groma install`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ..agents.clients import CLIENTS, TYPES, Client, found, named
from ..agents.edits import Edit, Record, diff, recorded
from ..agents.entries import Server
from ..agents.install import MANAGER
from ..errors import ConfigurationError, GromaError, ReadOnly, UsageError
from ..places import project_root
from .shared import PATH, as_json, json_option, printable, say, settings

__all__ = ["LEFT", "Row", "answerable", "command", "made", "shape", "writable"]

NAMES = ", ".join(client.name for client in CLIENTS)
PLANNED, WRITTEN, UNCHANGED, TAKEN_OUT, REMOVED, LEFT = "planned", "written", "unchanged", "taken out", "removed", "left alone"
"""What became of a file: with `--print` nothing yet; it was there already; ours was taken out of it; it was ours and is gone; `why` says why not."""


@click.command("install", short_help="Put groma into your agents.")
@click.argument("client", nargs=-1)
@click.option(
    "--type", "types", multiple=True, type=click.Choice(TYPES), metavar="TYPE", help="mcp (default), instructions, hooks or skill; may be repeated."
)
@click.option("--project", type=PATH, metavar="PATH", help="Instructions go into this project's AGENTS.md or CLAUDE.md.")
@click.option("--bin", "folder", type=PATH, metavar="FOLDER", help="Also link knowledge-manager into an agent's bin folder.")
@click.option("--print", "only_print", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(
    client: tuple[str, ...], types: tuple[str, ...], project: str | None, folder: str | None, only_print: bool, yes: bool, as_json_: bool
) -> None:
    """Put groma into CLIENT's configuration, or into that of every agent found
    on this machine. The change is shown before it is written, comments stay,
    and at the end the configured server is started and asked for its tools.

    \b
    Examples:
      groma install --print
      groma install claude-code cursor
      groma install claude-code --type hooks --type skill
      groma install codex --type instructions --project ~/src/app
      groma install --bin ~/.agent/bin --yes
      groma install --print --json

    A file that is odd (broken, read-only, with names said twice) is left alone,
    and why is said; a link stays one, and the file it leads to is changed.
    `groma uninstall` gives each file back.
    """
    from ..agents.command import server

    held = settings()
    writable(held.read_only, held.origins["read_only"], "install")
    answerable(as_json_, only_print, yes)
    clients = named(client) if client or folder else found(os.environ)
    if not clients and not folder:
        raise GromaError(f"No agent that groma knows was found here; name one: groma install CLIENT. It knows {NAMES}.")
    root = project_root(project) if project else ""
    if root and "instructions" not in types:
        raise UsageError("--project says where instructions go; add --type instructions.")
    with recorded(held.data_dir, only_read=only_print) as record:
        rows = _planned(clients, types or ("mcp",), server(os.environ), root, folder, bool(client))
        if not as_json_:
            for row in rows:
                _told(row)
        if made(rows, record, only_print=only_print, yes=yes, quiet=as_json_):
            _tried(rows, quiet=as_json_)
    if as_json_:
        as_json({"schema": "groma.install/1", "done": [shape(row) for row in rows]})
    left = sum(row.state == LEFT or (row.server is not None and not row.server["ok"]) for row in rows)
    if left:
        raise ConfigurationError(f"{left} of what was asked for was not done: see {'what was printed' if as_json_ else 'above'}.")


@dataclass
class Row:
    """One thing for one client, and what became of it. `server`: whether what its file then names answers."""

    client: str
    title: str
    type: str
    path: str
    edit: Edit | None = None
    state: str = PLANNED
    why: str = ""
    verified: str = ""
    server: dict[str, Any] | None = None


def shape(row: Row) -> dict[str, Any]:
    """A row as `--json` has it."""
    change = shown(row.edit) if row.edit is not None and row.edit.changes else ""
    said = {"client": row.client, "title": row.title, "type": row.type, "path": row.path, "state": row.state, "why": row.why, "diff": change}
    return said | {"verified": row.verified, "server": row.server}


def _planned(clients: Sequence[Client], types: Sequence[str], ours: Server, root: str, folder: str | None, asked: bool) -> list[Row]:
    """What to write, for whom, and what is left alone."""
    from ..agents.install import file_of, linked, put

    rows: list[Row] = []
    for one in clients:
        for type_ in types:
            where = root if type_ == "instructions" else ""
            row = Row(one.name, one.title, type_, file_of(one, type_, os.environ, where), verified=one.verified)
            if type_ not in one.types() or not row.path:
                if asked:
                    hint = "; --project PATH writes into a project's own file" if type_ == "instructions" else ""
                    row.state, row.why = LEFT, f"there is no file for {type_} that groma writes{hint}"
                    rows.append(row)
                continue
            rows.append(row)
            try:
                row.edit = put(one, type_, ours, os.environ, where)
            except ConfigurationError as e:
                row.state, row.why = LEFT, e.message
    if folder:
        edit = linked(folder)
        rows.append(Row(MANAGER, MANAGER, "bin", edit.path, edit))
    return rows


def _told(row: Row) -> None:
    """Say what is to be done, or why not."""
    if row.edit is None:
        say([f"{row.title}: {row.why}"])
        return
    there = "" if row.edit.changes else "  (is there already)"
    note = f"; listed by its own tool {row.verified}" if row.verified else "; written from documentation, untried"
    real = f" (a link to {printable(os.path.realpath(row.path))})" if row.type != "bin" and os.path.islink(row.path) else ""
    click.echo(f"{row.title}: {printable(row.path)}{real}{there}{note if row.type != 'bin' else ''}")


def answerable(as_json_: bool, only_print: bool, yes: bool) -> None:
    """Raises UsageError where `--json` would have to ask."""
    if as_json_ and not only_print and not yes:
        raise UsageError("--json asks nothing: say --yes, or --print to see what would be written.")


def made(rows: Sequence[Row], record: Record, *, only_print: bool, yes: bool, gone: bool = False, quiet: bool = False) -> bool:
    """Show edits, ask, write each and say what became of it; False if nothing was to be written (`--print`).

    Raises UsageError if nobody can be asked.
    """
    todo: dict[str, list[Row]] = {}
    for row in rows:
        if row.edit is not None and row.edit.changes:
            todo.setdefault(row.path, []).append(row)
        elif row.edit is not None:
            row.state = UNCHANGED
    if not quiet:
        for edit in (same[0].edit for same in todo.values()):
            click.echo(shown(edit) if edit else "", nl=False)
    if only_print:
        return False
    if todo and not yes:
        if not (sys.stdin and sys.stdin.isatty()):
            raise UsageError("Nobody can be asked here; look at the change above, and say --yes.")
        click.confirm(f"Write {'this file' if len(todo) == 1 else f'these {len(todo)} files'}?", abort=True, err=True)
    for same in todo.values():
        edit = same[0].edit
        assert edit is not None
        try:
            record.apply(edit, last=gone)
            state, why = (REMOVED if edit.after is None else TAKEN_OUT) if gone else WRITTEN, ""
        except ConfigurationError as e:
            state, why = LEFT, e.message
            if not quiet:
                say([f"{same[0].title or 'groma'}: {why}"])
        for row in same:
            row.state, row.why = state, why
    return True


def shown(edit: Edit) -> str:
    """An edit as a diff, without credentials that stand beside ours, safe for a terminal."""
    from ..secrets import mask

    return "".join(f"{printable(line)}\n" for line in diff(edit, lambda text: mask(text).text).splitlines())


def _tried(rows: Iterable[Row], *, quiet: bool) -> None:
    """Start what each client would start, once a command, and say whether it answers."""
    from ..agents.install import configured
    from ..agents.trial import answered

    known: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.type != "mcp" or row.state == LEFT:
            continue
        (client,) = named((row.client,))
        server = configured(client, os.environ)
        key = repr(server)
        if server is None:
            known[key] = {"ok": False, "why": "its file names no server that can be started"}
        elif key not in known:
            try:
                told = answered(server, os.environ, folder=os.getcwd())
                known[key] = {"ok": True, "name": told.name, "version": told.version, "tools": list(told.tools), "seconds": round(told.seconds, 3)}
            except GromaError as e:
                known[key] = {"ok": False, "why": e.message}
        row.server = said = known[key]
        if not quiet:
            answer = (
                f"the server answers: {said['name']} {said['version']}, {len(said['tools'])} tools, {said['seconds']:.1f} s" if said["ok"] else ""
            )
            click.echo(f"{row.title}: {printable(answer or said['why'])}")


def writable(read_only: bool, origin: str, verb: str) -> None:
    """Raises ReadOnly in read-only mode: what was changed in others' files is kept in the data directory."""
    if read_only:
        raise ReadOnly(f"groma is read-only here (read_only is set by {origin}), so it does not {verb}.")
