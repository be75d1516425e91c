"""`groma uninstall`."""

from __future__ import annotations

import os

import click

from ..agents.clients import CLIENTS, TYPES, named
from ..agents.edits import recorded
from ..agents.install import MANAGER
from ..errors import ConfigurationError
from ..places import project_root
from .install import LEFT, Row, answerable, made, shape, writable
from .shared import PATH, as_json, json_option, printable, say, settings

__all__ = ["command"]


@click.command("uninstall", short_help="Take groma out of your agents.")
@click.argument("client", nargs=-1)
@click.option(
    "--type", "types", multiple=True, type=click.Choice(TYPES), metavar="TYPE", help="Only this; may be repeated. Default: all that is ours."
)
@click.option("--project", type=PATH, metavar="PATH", help="Take the instructions out of this project's file.")
@click.option("--bin", "folder", type=PATH, metavar="FOLDER", help="Take knowledge-manager out of this folder.")
@click.option("--print", "only_print", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(
    client: tuple[str, ...], types: tuple[str, ...], project: str | None, folder: str | None, only_print: bool, yes: bool, as_json_: bool
) -> None:
    """Take groma out of CLIENT's configuration, or out of everything it was put
    into. A file that nothing else changed since is given back byte for byte;
    from another one only our entry goes.

    \b
    Examples:
      groma uninstall --print
      groma uninstall cursor
      groma uninstall claude-code --type hooks --yes
      groma uninstall --yes --json

    What groma indexed and remembers stays: groma forget removes that.
    """
    from ..agents.install import file_of, forgotten, taken_out, unlinked

    held = settings()
    writable(held.read_only, held.origins["read_only"], "uninstall")
    answerable(as_json_, only_print, yes)
    root = project_root(project) if project else ""
    everything = not client and not types and not project and not folder
    rows: dict[str, Row] = {}
    with recorded(held.data_dir, only_read=only_print) as record:
        for one in [] if folder and not client else named(client) if client else CLIENTS:
            for type_ in types or (("instructions",) if root else TYPES):
                where = root if type_ == "instructions" else ""
                row = Row(one.name, one.title, type_, file_of(one, type_, os.environ, where), verified=one.verified)
                try:
                    row.edit = taken_out(one, type_, record, os.environ, where)
                except ConfigurationError as e:
                    if not client and row.path not in record.paths():  # it is no business of ours
                        continue
                    row.state, row.why = LEFT, e.message
                if row.edit is not None or row.state == LEFT:
                    rows.setdefault(row.path, row)
        if folder and (edit := unlinked(folder, record)) is not None:
            rows[edit.path] = Row(MANAGER, MANAGER, "bin", edit.path, edit)
        for path in record.paths() if everything else ():
            if path in rows:
                continue
            row = Row("", "", "bin" if os.path.basename(path) == MANAGER else "instructions", path)
            try:
                row.edit = forgotten(record, path)
            except ConfigurationError as e:
                row.state, row.why = LEFT, e.message
            if row.edit is not None or row.state == LEFT:
                rows[path] = row
        if not as_json_:
            for row in rows.values():
                if row.edit is None:
                    say([f"{row.title}: {row.why}" if row.title else row.why])
                else:
                    click.echo(printable(row.path) + ("  (removed)" if row.edit.after is None else ""))
        made(list(rows.values()), record, only_print=only_print, yes=yes, gone=True, quiet=as_json_)
    if as_json_:
        as_json({"schema": "groma.uninstall/1", "done": [shape(row) for row in rows.values()]})
    elif not rows:
        click.echo("groma: nothing of groma is there", err=True)
    left = sum(row.state == LEFT for row in rows.values())
    if left:
        raise ConfigurationError(f"{left} {'file was' if left == 1 else 'files were'} left alone: see {'what was printed' if as_json_ else 'above'}.")
