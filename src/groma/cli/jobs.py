"""`groma jobs`: what is done in the background, how far it is, and how to steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..places import project_root
from ..shapes import job_shape
from ..types import LOCAL
from .shared import PATH, Listing, as_json, json_option, open_engine, printable

if TYPE_CHECKING:
    from ..jobs import Job

__all__ = ["command", "started"]

SHOWN = 20
"""So many jobs that are over are listed for people."""


@click.group("jobs", cls=Listing, short_help="See and steer what is done in the background.")
def command() -> None:
    """What is done in the background, and what became of it. Without a command: list.

    \b
    Examples:
      groma jobs
      groma jobs show 3f2a9c1e
      groma jobs pause 3f2a9c1e
      groma jobs resume 3f2a9c1e
      groma jobs maintain
    A job is named by its id, or by 8 characters or more of its begin or end.
    One that waits though nothing runs was interrupted: resume it.
    """


@command.command("list", short_help="All jobs: those that run, wait, are over.")
@json_option
def list_(as_json_: bool) -> None:
    """All jobs: those that run, wait, are paused; then what is over.

    \b
    Examples:
      groma jobs list
      groma jobs list --json
    """
    with open_engine() as engine:
        found = engine.jobs.list(LOCAL)
    if as_json_:
        as_json({"schema": "groma.jobs/1", "jobs": [job_shape(job) for job in found]})
        return
    over = [job for job in found if job.over]
    for job in [job for job in found if not job.over] + over[:SHOWN]:
        click.echo(_line(job))
    if not found:
        click.echo("no jobs")


@command.command("show", short_help="One job with all that is known of it.")
@click.argument("id")
@json_option
def show(id: str, as_json_: bool) -> None:
    """Show one job.

    \b
    Example:
      groma jobs show 3f2a9c1e
    """
    with open_engine() as engine:
        job = engine.jobs.show(LOCAL, id)
    if as_json_:
        _told(job, as_json_)
        return
    for name, value in job_shape(job).items():
        if value not in (None, "", {}, 0):
            click.echo(f"{name}: {printable(str(value))}")


@command.command("pause", short_help="Stop a job for now.")
@click.argument("id")
@json_option
def pause(id: str, as_json_: bool) -> None:
    """Stop a job for now. What it did so far stays, and it holds nothing.

    \b
    Example:
      groma jobs pause 3f2a9c1e
    """
    with open_engine() as engine:
        _told(engine.jobs.pause(LOCAL, id), as_json_)


@command.command("resume", short_help="Let a job go on.")
@click.argument("id")
@json_option
def resume(id: str, as_json_: bool) -> None:
    """Let a job go on that is paused, has failed or was interrupted.

    \b
    Example:
      groma jobs resume 3f2a9c1e
    """
    with open_engine() as engine:
        job = engine.jobs.resume(LOCAL, id)
        engine.jobs.start()
    _told(job, as_json_)


@command.command("cancel", short_help="Stop a job for good.")
@click.argument("id")
@json_option
def cancel(id: str, as_json_: bool) -> None:
    """Stop a job for good. What it did so far stays.

    \b
    Example:
      groma jobs cancel 3f2a9c1e
    """
    with open_engine() as engine:
        _told(engine.jobs.cancel(LOCAL, id), as_json_)


@command.command("maintain", short_help="Merge, sweep and tidy, in the background.")
@click.argument("path", required=False, type=PATH)
@json_option
def maintain(path: str | None, as_json_: bool) -> None:
    """Start a job that merges, sweeps and tidies what is kept of PATH, or all
    that is kept: then expired memories are forgotten, too, and stores that
    nothing has needed for a month removed.

    \b
    Examples:
      groma jobs maintain
      groma jobs maintain ~/src/app
    """
    started("maintenance", project_root(path) if path else "", as_json_)


def started(kind: str, root: str, as_json_: bool, **arguments: Any) -> None:
    """Ask for a job, see to it that it is done, and say so."""
    with open_engine() as engine:
        id = engine.jobs.submit(LOCAL, kind, root, **arguments)
        engine.jobs.start()
        job = engine.jobs.show(LOCAL, id)
    _told(job, as_json_)


def _told(job: Job, as_json_: bool) -> None:
    if as_json_:
        as_json({"schema": "groma.job/1", "job": job_shape(job)})
    else:
        click.echo(_line(job))


def _line(job: Job) -> str:
    state = f"{job.state}, to {job.asked}" if job.asked else job.state
    notes = [f"{job.done}/{job.total}"] if job.total else []
    if job.eta_s is not None:
        notes += [f"{job.rate:.0f}/s", f"{job.eta_s:.0f} s left"]
    if job.error:
        notes.append(printable(job.error))
    return "  ".join([job.id, job.kind, state, *notes, printable(job.root) or "everything"])
