"""`groma install`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from ..agents.clients import CLIENTS, TYPES, Client, found, named
from ..agents.edits import Edit, Record, diff, recorded
from ..agents.entries import Server
from ..errors import ConfigurationError, GromaError, ReadOnly, UsageError
from ..places import project_root
from .shared import PATH, printable, say, settings

__all__ = ["command", "made", "shown", "writable"]

NAMES = ", ".join(client.name for client in CLIENTS)


@click.command("install", short_help="Put groma into your agents.")
@click.argument("client", nargs=-1)
@click.option(
    "--type", "types", multiple=True, type=click.Choice(TYPES), metavar="TYPE", help="mcp (default), instructions, hooks or skill; may be repeated."
)
@click.option("--project", type=PATH, metavar="PATH", help="Instructions go into this project's AGENTS.md or CLAUDE.md.")
@click.option("--bin", "folder", type=PATH, metavar="FOLDER", help="Also link knowledge-manager into an agent's bin folder.")
@click.option("--print", "only_print", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(client: tuple[str, ...], types: tuple[str, ...], project: str | None, folder: str | None, only_print: bool, yes: bool) -> None:
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

    A file that is odd (broken, read-only, a link, with names said twice) is left
    alone, and why is said. `groma uninstall` gives each file back.
    """
    from ..agents.command import server

    held = settings()
    writable(held.read_only, held.origins["read_only"], "install")
    clients = named(client) if client or folder else found(os.environ)
    if not clients and not folder:
        raise GromaError(f"No agent that groma knows was found here; name one: groma install CLIENT. It knows {NAMES}.")
    root = project_root(project) if project else ""
    if root and "instructions" not in types:
        raise UsageError("--project says where instructions go; add --type instructions.")
    ours = server(os.environ)
    with recorded(held.data_dir) as record:
        planned, left = _planned(clients, types or ("mcp",), ours, root, folder, bool(client))
        if made([edit for _, edit in planned], record, only_print=only_print, yes=yes):
            left += _tried(clients if "mcp" in (types or ("mcp",)) else [], left)
    if left:
        raise ConfigurationError(f"{len(left)} of what was asked for was not done: see above.")


def _planned(
    clients: Sequence[Client], types: Sequence[str], ours: Server, root: str, folder: str | None, asked: bool
) -> tuple[list[tuple[str, Edit]], list[str]]:
    """What to write, with whom it is for; and the names of those that are left alone."""
    from ..agents.install import linked, put

    planned: dict[str, tuple[str, Edit]] = {}
    left: list[str] = []
    for one in clients:
        for type_ in types:
            if type_ not in one.types() or (type_ == "instructions" and not root and not one.instructions):
                if asked:
                    hint = "; --project PATH writes into a project's own file" if type_ == "instructions" else ""
                    say([f"{one.title}: there is no file for {type_} that groma writes{hint}"])
                    left.append(one.name)
                continue
            try:
                edit = put(one, type_, ours, os.environ, root if type_ == "instructions" else "")
            except ConfigurationError as e:
                say([f"{one.title}: {e.message}"])
                left.append(one.name)
                continue
            planned.setdefault(edit.path, (one.title, edit))
    if folder:
        edit = linked(folder)
        planned[edit.path] = ("knowledge-manager", edit)
    for title, edit in planned.values():
        state = "" if edit.changes else "  (is there already)"
        note = next(
            (
                f"; {'listed by its own tool ' + c.verified if c.verified else 'written from documentation, untried'}"
                for c in clients
                if c.title == title
            ),
            "",
        )
        click.echo(f"{title}: {printable(edit.path)}{state}{note}")
    return list(planned.values()), left


def made(edits: Sequence[Edit], record: Record, *, only_print: bool, yes: bool, gone: bool = False) -> bool:
    """Show edits, ask, write them; True unless nothing was to be written at all (`--print`). Raises GromaError if nobody can be asked."""
    todo = [edit for edit in edits if edit.changes]
    for edit in todo:
        click.echo(shown(edit), nl=False)
    if only_print:
        return False
    if todo and not yes:
        if not (sys.stdin and sys.stdin.isatty()):
            raise UsageError("Nobody can be asked here; look at the change above, and say --yes.")
        click.confirm(f"Write {'this file' if len(todo) == 1 else f'these {len(todo)} files'}?", abort=True, err=True)
    for edit in todo:
        record.apply(edit, last=gone)
    return True


def shown(edit: Edit) -> str:
    """An edit as a diff, without credentials that stand beside ours, safe for a terminal."""
    from ..secrets import mask

    return "".join(f"{printable(line)}\n" for line in diff(edit, lambda text: mask(text).text).splitlines())


def _tried(clients: Iterable[Client], left: Sequence[str]) -> Iterator[str]:
    """Start what each client would start, once a command; yields the names of those whose server does not answer."""
    from ..agents.install import configured
    from ..agents.trial import answered

    known: dict[str, str] = {}
    for client in clients:
        if client.name in left:
            continue
        server = configured(client, os.environ)
        if server is None:
            say([f"{client.title}: its file names no server that can be started"])
            yield client.name
            continue
        key = repr(server)
        if key not in known:
            try:
                told = answered(server, os.environ, folder=os.getcwd())
                known[key] = f"the server answers: {told.name} {told.version}, {len(told.tools)} tools, {told.seconds:.1f} s"
            except GromaError as e:
                known[key] = e.message
        click.echo(f"{client.title}: {printable(known[key])}")
        if not known[key].startswith("the server answers"):
            yield client.name


def writable(read_only: bool, origin: str, verb: str) -> None:
    """Raises ReadOnly in read-only mode: what was changed in others' files is kept in the data directory."""
    if read_only:
        raise ReadOnly(f"groma is read-only here (read_only is set by {origin}), so it does not {verb}.")
