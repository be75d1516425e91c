"""The `knowledge-manager` command: what several agents know together. Its exit codes are those of `groma`."""

from __future__ import annotations

import os
from typing import Any

import click

from .. import __version__
from ..errors import GromaError
from ..records import KNOWLEDGE, SOURCES, Memory
from ..shapes import cleaned_shape, entry_shape, moment_shown, recalled_shape, receipt_shape, statistics_shape
from ..types import LOCAL
from .main import read_only_option, run
from .remember import receipt_text
from .shared import as_json, here, json_option, open_engine, printable, project_named

__all__ = ["cli", "main"]

HELP = """The knowledge store that agents share: decisions, architecture, implementation, configuration, issues.

\b
Examples:
  knowledge-manager store "Sessions live in Redis, for failover" --type decision --project shop --agent planner --tags infra,redis
  knowledge-manager store "The deploy token is in the vault under ci/deploy" --type credential-reference
  knowledge-manager search "where do sessions live" --limit 5
  knowledge-manager query --type issue --since 2026-01-01
  knowledge-manager cleanup --older-than 90d --dry-run

A credential reference says where a credential is kept: what looks like a credential itself is masked before anything is stored.
Nothing leaves this machine. Exit codes: 0 ok, 1 error, 2 wrong usage, 3 configuration or permission, 4 store unreachable, 7 data damaged.
"""

type_option = click.option("--type", "types", multiple=True, type=click.Choice(KNOWLEDGE), metavar="TYPE", help="Only this type; may be repeated.")
project_option = click.option("--project", metavar="PATH|NAME", help="Only of this project; default: all.")


@click.group(help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="knowledge-manager (groma) %(version)s")
@read_only_option
def cli(read_only: bool) -> None:
    """The root of all verbs."""
    if read_only:
        os.environ["GROMA_READ_ONLY"] = "true"


@cli.command(short_help="Keep an entry.")
@click.argument("text", nargs=-1, required=True)
@click.option("--type", "type_", type=click.Choice(KNOWLEDGE), default="general", show_default=True, metavar="TYPE", help=", ".join(KNOWLEDGE) + ".")
@click.option("--project", metavar="PATH|NAME", help="The project it belongs to; default: the one you are in.")
@click.option("--agent", metavar="NAME", help="The agent who says it.")
@click.option("--tags", multiple=True, metavar="TAG,TAG", help="May be repeated.")
@click.option("--source", type=click.Choice(SOURCES), metavar="SOURCE", help="human, agent, tool or import; default: agent, where --agent is given.")
@json_option
def store(
    text: tuple[str, ...],
    type_: str,
    project: str | None,
    agent: str | None,
    tags: tuple[str, ...],
    source: str | None,
    as_json_: bool,
) -> None:
    """Keep TEXT. What is known already is not kept twice; what it replaces stays, and is said."""
    fields: dict[str, Any] = {
        "agent": agent,
        "source": source or ("agent" if agent else None),
        "project": project_named(project),
        "tags": _split(tags) or None,
    }
    with open_engine() as engine:
        receipt = engine.memories.store(LOCAL, " ".join(text), here=here(), type=type_, **fields)
    if as_json_:
        as_json({"schema": "groma.knowledge.store/1", **receipt_shape(receipt), "type": type_})
    elif receipt.outcome == "rejected":
        raise GromaError(receipt.reason)
    else:
        click.echo(receipt_text(receipt))


@cli.command(short_help="The best entries for a text, with scores.")
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", default=10, show_default=True, metavar="N", help="How many.")
@type_option
@project_option
@json_option
def search(query: tuple[str, ...], limit: int, types: tuple[str, ...], project: str | None, as_json_: bool) -> None:
    """Entries about QUERY, best first. With --project also those that belong to no project."""
    with open_engine() as engine:
        answer = engine.memories.search(LOCAL, " ".join(query), limit=limit, types=types, project=project_named(project))
    if as_json_:
        found = [recalled_shape(one) for one in answer.memories]
        as_json({"schema": "groma.knowledge.search/1", "query": answer.query, "entries": found, "nothing_useful": answer.nothing_useful})
        return
    for one in answer.memories:
        click.echo(f"{one.score:.2f}  {_shown(one.memory)}")
    if answer.nothing_useful:
        click.echo("nothing useful is known about this", err=True)


@cli.command(short_help="Entries by filters, newest first.")
@type_option
@project_option
@click.option("--agent", metavar="NAME", help="Only of this agent.")
@click.option("--tags", multiple=True, metavar="TAG,TAG", help="Only with all of these tags.")
@click.option("--since", metavar="TIME", help="Made at this time (ISO 8601) or later.")
@click.option("--limit", default=100, show_default=True, metavar="N", help="How many on a page.")
@click.option("--after", metavar="ID", help="The page after the one that ended with this entry.")
@json_option
def query(
    types: tuple[str, ...],
    project: str | None,
    agent: str | None,
    tags: tuple[str, ...],
    since: str | None,
    limit: int,
    after: str | None,
    as_json_: bool,
) -> None:
    """Entries that all filters given hold for; superseded ones too, and marked."""
    filters: dict[str, Any] = {"types": types, "project": project_named(project), "agent": agent, "tags": _split(tags), "since": since}
    with open_engine() as engine:
        page = engine.memories.query(LOCAL, **filters, limit=limit, after=after)
    if as_json_:
        as_json({"schema": "groma.knowledge.query/1", "entries": [entry_shape(m) for m in page.entries], "next": page.next})
        return
    for m in page.entries:
        click.echo(_shown(m))
    if page.next:
        click.echo(f"there are more: --after {page.next}", err=True)


@cli.command(short_help="Exact counts by type, project, agent and age.")
@type_option
@project_option
@click.option("--agent", metavar="NAME", help="Only of this agent.")
@json_option
def stats(types: tuple[str, ...], project: str | None, agent: str | None, as_json_: bool) -> None:
    """How many entries there are, superseded and held ones counted too."""
    with open_engine() as engine:
        counted = engine.memories.statistics(LOCAL, types=types, project=project_named(project), agent=agent)
    by = {"type" if name == "kind" else name: dict(numbers) for name, numbers in counted.by.items()}
    if as_json_:
        as_json({"schema": "groma.knowledge.stats/1", **statistics_shape(counted)})
        return
    click.echo(f"{counted.total} entries")
    for name in ("type", "project", "agent", "age", "state"):
        told = ", ".join(f"{printable(value) or 'none'} {number}" for value, number in by[name].items())
        click.echo(f"by {name}: {told or 'none'}")


@cli.command(short_help="Forget old entries.")
@click.option("--older-than", required=True, metavar="AGE", help="Made longer ago than this, as 90d, 12h or 2w.")
@click.option("--dry-run", is_flag=True, help="Only say which.")
@type_option
@project_option
@json_option
def cleanup(older_than: str, dry_run: bool, types: tuple[str, ...], project: str | None, as_json_: bool) -> None:
    """Forget entries by age. It can be taken back as a whole."""
    with open_engine() as engine:
        cleaned = engine.memories.cleanup(LOCAL, older_than=older_than, dry_run=dry_run, types=types, project=project_named(project))
    if as_json_:
        as_json({"schema": "groma.knowledge.cleanup/1", **cleaned_shape(cleaned.ids, cleaned.batch, dry_run)})
        return
    for id in cleaned.ids:
        click.echo(id)
    click.echo(f"{len(cleaned.ids)} {'would be ' * dry_run}forgotten{f'; call {cleaned.batch}' * bool(cleaned.batch)}", err=True)


def _split(tags: tuple[str, ...]) -> list[str]:
    return [tag.strip() for some in tags for tag in some.split(",") if tag.strip()]


def _shown(m: Memory) -> str:
    notes = [m.kind, *(one for one in (m.project, m.agent, *m.tags) if one), str(moment_shown(m.created))[:10]]
    if m.superseded_by:
        notes.append(f"superseded by {m.superseded_by}")
    text = "\n".join(f"  {printable(line)}" for line in m.content.splitlines())
    return f"{m.id}  ({', '.join(map(printable, notes))})\n{text}"


def main() -> None:
    """Run the command line."""
    run(cli, "knowledge-manager")


if __name__ == "__main__":
    main()
