"""The `groma` command: its verbs by name, and how errors become exit codes."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from keyword import iskeyword

import click

from .. import __version__

__all__ = ["main", "read_only_option", "run"]

VERBS = {
    "index": "Index a folder, or bring its index up to date.",
    "search": "Search code, documents and configuration; best first.",
    "status": "What is indexed, and how fresh it is.",
    "why": "Why a file is or is not in the index.",
    "remember": "Keep a fact, a decision, a preference.",
    "recall": "What is remembered about something; best first.",
    "retrieve": "Preferences, project context or where work stands.",
    "briefing": "What an agent should know when a session begins.",
    "timeline": "What changed in memory, in order.",
    "about": "All that is kept about you and this project.",
    "export": "Write memories as text.",
    "import": "Take in memories from files, all or nothing.",
    "memories": "List, change, promote and purge what is remembered.",
    "forget": "Forget memories, or remove a folder from the index.",
    "verify": "Check everything groma keeps for damage.",
    "rebuild": "Build the index anew from the files.",
    "jobs": "See and steer what is done in the background.",
    "doctor": "Check this installation.",
    "config": "Show the settings that hold.",
    "install": "Put groma into your agents.",
    "uninstall": "Take groma out of your agents.",
    "start": "Start the daemon that commands and agents share.",
    "stop": "Stop the daemon.",
    "restart": "Stop the daemon and start another.",
    "logs": "Show what the daemon logged.",
    "serve": "Be the daemon.",
    "mcp": "Serve an agent over MCP on standard input and output.",
    "hook": "Answer an agent's hook; called by the agent, not by you.",
    "demo": "A minute on your own repository, beside grep.",
    "bench": "Score groma on your own repository, beside grep.",
    "completion": "Print a shell completion script.",
}

HELP = """A local context engine for coding agents.

\b
Examples:
  groma search "where are ignore rules applied"
  groma search --repo ~/src/app --language python parse_config
  groma index .
  groma status
  groma bench .

Nothing leaves this machine. Exit codes: 0 ok, 1 error, 2 wrong usage, 3 configuration, permission or refused root,
4 store unreachable, 6 not indexed, 7 data damaged.
"""


class Verbs(click.Group):
    """A group that imports a verb's module when the verb is called, and lists all without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"groma.cli.{cmd_name}{'_' * iskeyword(cmd_name)}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as e:
            raise click.UsageError(f"{e.message} Commands: {', '.join(VERBS)}.", ctx) from e

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


read_only_option = click.option("--read-only", is_flag=True, help="Refuse everything that would change what groma keeps.")


@click.group(cls=Verbs, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="groma %(version)s")
@read_only_option
def cli(read_only: bool) -> None:
    """The root of all verbs."""
    if read_only:
        os.environ["GROMA_READ_ONLY"] = "true"  # where settings are read, and for processes that a verb starts


def main() -> None:
    """The `groma` command."""
    run(cli, "groma")


def run(command: click.Command, name: str) -> None:
    """Run a command line and exit with the code that DESIGN and `--help` name."""
    # No matrix here is large enough for threads, and those of NumPy, which spin while they wait for one, take a third of a search.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..errors import CatalogueDamaged, DataDamaged, GromaError

    for stream_name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, stream_name) is None:  # closed by who called us (`groma … >&-`): nobody listens, and no file of ours may take its place
            setattr(sys, stream_name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that is no valid text must not end a run
    if sys.getfilesystemencoding() != "utf-8":
        _say(f"names of files are UTF-8 here, and this locale says {sys.getfilesystemencoding()}; set PYTHONUTF8=1 or a UTF-8 locale.")
        sys.exit(3)
    try:
        command.main(prog_name=name, standalone_mode=False)
    except DataDamaged as e:
        advice = "" if "groma rebuild" in e.message else " Run: groma rebuild" + (" PATH" if isinstance(e, CatalogueDamaged) else "")
        _say(e.message + ("." if advice and not e.message.endswith(".") else "") + advice)
        sys.exit(e.exit_code)
    except GromaError as e:
        _say(e.message)
        sys.exit(e.exit_code)
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as e:
        e.show()
        sys.exit(e.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _say("stopped; what was indexed so far stays, and the next run goes on from there")
        # One that came while Python ran a text (as it does to make a dataclass, when a module is imported late) would in the end kill this
        # process by its signal, although it was caught here; running another text forgets that.
        eval("None")
        sys.exit(130)
    except OSError as e:  # standard output cannot be written (a reader that left, as in `groma search … | head`, is click's to notice)
        _say(f"{e.strerror or e}{f': {e.filename}' if e.filename else ''}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else the interpreter tries once more at its end, and complains
        sys.exit(1)


def _say(sentence: str) -> None:
    from .shared import say

    say([sentence])
