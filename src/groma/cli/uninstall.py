"""`groma uninstall`."""

from __future__ import annotations

import os

import click

from ..agents.clients import CLIENTS, TYPES, named
from ..agents.edits import Edit, recorded
from ..errors import ConfigurationError
from ..places import project_root
from .install import made, writable
from .shared import PATH, printable, say, settings

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
def command(client: tuple[str, ...], types: tuple[str, ...], project: str | None, folder: str | None, only_print: bool, yes: bool) -> None:
    """Take groma out of CLIENT's configuration, or out of everything it was put
    into. A file that nothing else changed since is given back byte for byte;
    from another one only our entry goes.

    \b
    Examples:
      groma uninstall --print
      groma uninstall cursor
      groma uninstall claude-code --type hooks --yes

    What groma indexed and remembers stays: groma forget removes that.
    """
    from ..agents.install import forgotten, taken_out, unlinked

    held = settings()
    writable(held.read_only, held.origins["read_only"], "uninstall")
    root = project_root(project) if project else ""
    everything = not client and not types and not project and not folder
    edits: dict[str, Edit] = {}
    left = 0
    with recorded(held.data_dir) as record:
        for one in [] if folder and not client else named(client) if client else CLIENTS:
            for type_ in types or (("instructions",) if root else TYPES):
                try:
                    edit = taken_out(one, type_, record, os.environ, root if type_ == "instructions" else "")
                except ConfigurationError as e:
                    if client or e.message.partition(":")[0] in record.paths():  # else it is no business of ours
                        say([f"{one.title}: {e.message}"])
                        left += 1
                    continue
                if edit is not None:
                    edits.setdefault(edit.path, edit)
        if folder and (edit := unlinked(folder, record)) is not None:
            edits[edit.path] = edit
        for path in record.paths() if everything else ():
            try:
                if path not in edits and (edit := forgotten(record, path)) is not None:
                    edits[path] = edit
            except ConfigurationError as e:
                say([e.message])
                left += 1
        for edit in edits.values():
            click.echo(printable(edit.path) + ("  (removed)" if edit.after is None else ""))
        made(list(edits.values()), record, only_print=only_print, yes=yes, gone=True)
    if not edits:
        click.echo("groma: nothing of groma is there", err=True)
    if left:
        raise ConfigurationError(f"{left} {'file was' if left == 1 else 'files were'} left alone: see above.")
