"""Tools over work in the background: see it, start it, steer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypedDict

from ...shapes import JobShape, job_shape
from .call import Call
from .tool import tool

__all__ = ["TOOLS"]

ID = "Its id, or 8 characters of its begin or end"


class Jobs(TypedDict):
    """What `groma jobs --json` gives."""

    jobs: list[JobShape]


class One(TypedDict):
    """One job."""

    job: JobShape


def _line(job: JobShape) -> str:
    notes = [f"{job['done']}/{job['total']}"] if job["total"] else []
    notes += [f"{job['eta_s']:.0f} s left"] if job["eta_s"] is not None else []
    return "  ".join([job["id"], job["kind"], job["state"], *notes, *([job["error"]] if job["error"] else []), job["root"] or "everything"])


def _one_text(found: One) -> str:
    return _line(found["job"])


def _shown(call: Call, steer: Callable[..., Any], id: str) -> One:
    return {"job": job_shape(steer(call.caller, id))}


@tool("Jobs", "What is done in the background, and what became of it.", lambda found: "\n".join(map(_line, found["jobs"])) or "No jobs.")
def jobs(call: Call) -> Jobs:
    return {"jobs": [job_shape(job) for job in call.engine.jobs.list(call.caller)]}


@tool("Show a job", "One job: how far it is, and what is left.", _one_text)
def job_show(call: Call, id: Annotated[str, ID]) -> One:
    return _shown(call, call.engine.jobs.show, id)


@tool("Start a job", "Index or rebuild a project, or tidy up what is kept, in the background.", _one_text, writes=True)
def job_submit(
    call: Call,
    kind: Literal["index", "rebuild", "maintenance"],
    repository: Annotated[str | None, "Folder; default: the current project"] = None,
) -> One:
    id = call.engine.jobs.submit(call.caller, kind, call.session.root(repository))
    call.engine.jobs.start()
    return _shown(call, call.engine.jobs.show, id)


@tool("Pause a job", "Stop a job for now; what it did so far stays.", _one_text, writes=True)
def job_pause(call: Call, id: Annotated[str, ID]) -> One:
    return _shown(call, call.engine.jobs.pause, id)


@tool("Resume a job", "Let a job go on that is paused, has failed or was interrupted.", _one_text, writes=True)
def job_resume(call: Call, id: Annotated[str, ID]) -> One:
    found = _shown(call, call.engine.jobs.resume, id)
    call.engine.jobs.start()
    return found


@tool("Cancel a job", "Stop a job for good; what it did so far stays.", _one_text, writes=True)
def job_cancel(call: Call, id: Annotated[str, ID]) -> One:
    return _shown(call, call.engine.jobs.cancel, id)


TOOLS = [jobs, job_show, job_submit, job_pause, job_resume, job_cancel]
