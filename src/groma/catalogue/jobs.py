"""Jobs: what is to be done in the background, how far it is, and what became of it.

A job is taken by a process in a transaction that no other one can run beside, so that at most so many run at once, and one a root. Whether the
process that took a job still lives, the caller knows (`alive`): a job whose process died is looked at as what it becomes by that (`as_it_is`), and
written down as that by whoever takes the next one.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..values import value
from .database import Database
from .identity import uuid7

__all__ = [
    "ACTIVE",
    "KEPT",
    "OVER",
    "Job",
    "active",
    "as_it_is",
    "ask",
    "cancel",
    "claim",
    "end",
    "every",
    "get",
    "pause",
    "ready",
    "report",
    "resume",
    "settle",
    "staged",
    "submit",
]

ACTIVE = ("queued", "running", "paused")
OVER = ("done", "failed", "cancelled")
KEPT = 200
"""So many jobs that are over are kept, the newest."""
DEATHS = 5
"""After so many deaths in a row of processes that got nothing done, a job has failed."""

_COLUMNS = (
    "id, kind, root, arguments, caller, priority, state, asked, again, stage, step, done, total, rate, created, started, finished, owner, deaths, "
    "fault, error, result"
)
_ACTIVE = "state IN ('queued', 'running', 'paused')"
_OVER = "state IN ('done', 'failed', 'cancelled')"


@value
class Job:
    """`root` is the folder it is about, "" for all. `state` is one of `ACTIVE` or `OVER`; `asked` of one that runs is "", "pause" or "cancel".

    `done` of `total` (0: not known) in this run, `rate` a second; `step` is what it does now, `stage` what it need not do again. Times are seconds
    since the epoch; `started` is the begin of the last run. `owner` names the process that runs it; `deaths` counts those that died and got
    nothing done. `fault` is the name of the error that `error` is the sentence of; `result` what the work returned.
    """

    id: str
    kind: str
    root: str
    arguments: Mapping[str, Any]
    caller: str
    priority: int
    state: str
    asked: str
    again: bool
    stage: str
    step: str
    done: int
    total: int
    rate: float
    created: float
    started: float | None
    finished: float | None
    owner: str
    deaths: int
    fault: str
    error: str
    result: Mapping[str, Any]

    @property
    def eta_s(self) -> float | None:
        """How many seconds it will still take, if it goes on like this."""
        return (self.total - self.done) / self.rate if self.state == "running" and self.rate > 0 and self.total else None

    @property
    def over(self) -> bool:
        """Will nothing more come of it?"""
        return self.state in OVER


Alive = Callable[[str], bool]


def submit(db: Database, kind: str, root: str, arguments: Mapping[str, Any], *, caller: str, priority: int, again: bool) -> Job:
    """A job that is queued, or the same one that is not over: its priority is then the higher of both.

    `again`: if the same one runs already, it is run once more after that, for it may have passed by what is new.
    """
    said = json.dumps(arguments, sort_keys=True)
    digest = hashlib.blake2b(json.dumps((kind, root, said)).encode(), digest_size=16).hexdigest()
    while True:
        with db.transaction():
            db.execute(
                "INSERT INTO jobs (id, kind, root, arguments, digest, caller, priority, state, asked, again, stage, step, done, total, rate, "
                "created, owner, deaths, fault, error, result) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', '', 0, '', '', 0, 0, 0, ?, '', 0, '', '', '{}') "
                f"ON CONFLICT (digest) WHERE {_ACTIVE} DO NOTHING",
                (uuid7(), kind, root, said, digest, caller, priority, time.time()),
            )
            db.execute(
                "UPDATE jobs SET priority = CASE WHEN priority < ? THEN ? ELSE priority END, "
                f"again = CASE WHEN state = 'running' THEN ? ELSE again END WHERE digest = ? AND {_ACTIVE}",
                (priority, priority, int(again), digest),
            )
            if found := _some(db, f"digest = ? AND {_ACTIVE}", (digest,)):
                return found[0]


def get(db: Database, id: str) -> Job | None:
    """One job."""
    found = _some(db, "id = ?", (id,))
    return found[0] if found else None


def every(db: Database) -> list[Job]:
    """All of them: those that are not over in the order in which they would be taken, then those that are, the newest first."""
    active = _some(db, _ACTIVE, (), order="CASE state WHEN 'running' THEN 0 WHEN 'queued' THEN 1 ELSE 2 END, priority DESC, created, id")
    return active + _some(db, _OVER, (), order="finished DESC, id DESC")


def as_it_is(job: Job, alive: Alive) -> Job:
    """The job, or what it is now that the process which ran it has died."""
    if job.state != "running" or alive(job.owner):
        return job
    lost = replace(job, owner="", asked="", again=False, rate=0.0, step="")
    if job.asked == "cancel" and not job.again:
        return replace(lost, state="cancelled", finished=time.time())
    deaths = 1 if job.done else job.deaths + 1
    if job.asked == "pause":
        return replace(lost, state="paused", deaths=deaths)
    if deaths < DEATHS:
        return replace(lost, state="queued", deaths=deaths)
    error = f"The process of this job died {deaths} times and got nothing done; its memory may be too small (job_memory_mb)."
    return replace(lost, state="failed", deaths=deaths, finished=time.time(), fault="GromaError", error=error)


def active(db: Database) -> list[Job]:
    """Those that run or wait for their turn, in the order in which they would be taken."""
    return _some(db, "state IN ('queued', 'running')", (), order="priority DESC, created, id")


def ready(jobs: Sequence[Job], alive: Alive, at_once: int) -> tuple[list[Job], list[Job]]:
    """Of active jobs, those that run, and those that could be begun now, one after the other."""
    now = [as_it_is(job, alive) for job in jobs]
    running = [job for job in now if job.state == "running"]
    return running, list(_next(running, [job for job in now if job.state == "queued"], at_once))


def claim(db: Database, owner: str, alive: Alive, at_once: int) -> Job | None:
    """Take the next job for `owner`; None if there is none that may run beside those that do."""
    with db.transaction(alone=True):  # rows that two lock in another order would keep both waiting
        settle(db, alive)
        _, those = ready(active(db), alive, at_once)
        if not those:
            return None
        db.execute(
            "UPDATE jobs SET state = 'running', asked = '', owner = ?, started = ?, finished = NULL, step = '', done = 0, total = 0, rate = 0, "
            "fault = '', error = '' WHERE id = ?",
            (owner, time.time(), those[0].id),
        )
        return get(db, those[0].id)


def settle(db: Database, alive: Alive) -> None:
    """Write down what became of jobs whose process died."""
    for job in _some(db, "state = 'running'", ()):
        if (now := as_it_is(job, alive)) is not job:
            with db.transaction():
                if _some(db, "id = ? AND owner = ? AND state = 'running'", (job.id, job.owner)):  # else somebody was faster
                    _settle(db, now)


def _next(running: Sequence[Job], queued: Sequence[Job], at_once: int) -> Iterator[Job]:
    """Of what waits, what may run beside what runs: one a root; and what is about all roots runs alone, and is not overtaken."""
    busy = {job.root for job in running}
    for job in queued:
        if len(busy) >= at_once or "" in busy or (busy and not job.root):
            return
        if job.root not in busy:
            busy.add(job.root)
            yield job


def report(db: Database, id: str, owner: str, *, step: str, done: int, total: int, rate: float) -> None:
    """How far a job is."""
    db.execute(
        "UPDATE jobs SET step = ?, done = ?, total = ?, rate = ? WHERE id = ? AND owner = ? AND state = 'running'",
        (step, done, total, rate, id, owner),
    )


def staged(db: Database, id: str, owner: str, stage: str) -> None:
    """What a job need not do again, should it be interrupted."""
    db.execute("UPDATE jobs SET stage = ? WHERE id = ? AND owner = ? AND state = 'running'", (stage, id, owner))


def ask(db: Database, id: str, owner: str) -> str:
    """What is asked of a job that runs: "" (to go on), "pause" or "cancel"; "lost" if it is not this owner's any more."""
    rows = db.query("SELECT asked FROM jobs WHERE id = ? AND owner = ? AND state = 'running'", (id, owner))
    return str(rows[0][0]) if rows else "lost"


def end(db: Database, id: str, owner: str, state: str, *, fault: str = "", error: str = "", result: Mapping[str, Any] | None = None) -> None:
    """What became of a run of this owner: over, "paused", or "queued" to be gone on with later. One that was asked for again is queued."""
    with db.transaction():
        for job in _some(db, "id = ? AND owner = ? AND state = 'running'", (id, owner)):
            at = time.time() if state in OVER else None
            now = replace(job, state=state, finished=at, fault=fault, error=error, result=result or {}, owner="", asked="", deaths=0)
            if state in OVER:
                now = replace(now, stage="", state="queued" if job.again else state, finished=None if job.again else at)
            _settle(db, replace(now, again=False))


def pause(db: Database, id: str) -> bool:
    """Let a job that is queued wait, and ask one that runs to stop for now. False if it is neither nor paused."""
    with db.transaction():
        db.execute("UPDATE jobs SET state = 'paused' WHERE id = ? AND state = 'queued'", (id,))
        db.execute("UPDATE jobs SET asked = 'pause' WHERE id = ? AND state = 'running'", (id,))
        return bool(_some(db, f"id = ? AND {_ACTIVE}", (id,)))


def cancel(db: Database, id: str) -> bool:
    """End a job that waits, and ask one that runs to stop for good. False if it is over otherwise."""
    with db.transaction():
        db.execute("UPDATE jobs SET asked = 'cancel', again = 0 WHERE id = ? AND state = 'running'", (id,))
        if db.execute("UPDATE jobs SET state = 'cancelled', finished = ? WHERE id = ? AND state IN ('queued', 'paused')", (time.time(), id)):
            _trim(db)
        return bool(_some(db, "id = ? AND state IN ('running', 'cancelled')", (id,)))


def resume(db: Database, id: str) -> Job | None:
    """Queue a job that is paused or has failed, and let one go on that was asked to pause. The same one, if it was asked for meanwhile, is
    returned instead; None if there is nothing to go on with."""
    with db.transaction():
        job = get(db, id)
        if job is None or job.state in ("done", "cancelled") or job.asked == "cancel":
            return None
        same = f"digest = (SELECT digest FROM jobs WHERE id = ?) AND {_ACTIVE}"
        if job.state == "failed" and (found := _some(db, same, (id,))):
            return found[0]
        db.execute("UPDATE jobs SET asked = '' WHERE id = ? AND state = 'running'", (id,))
        db.execute(
            "UPDATE jobs SET state = 'queued', deaths = 0, finished = NULL, fault = '', error = '' WHERE id = ? AND state IN ('paused', 'failed')",
            (id,),
        )
        return get(db, id)


def _settle(db: Database, job: Job) -> None:
    """Write down what a run came to."""
    db.execute(
        "UPDATE jobs SET state = ?, asked = ?, again = ?, stage = ?, step = ?, rate = ?, finished = ?, owner = ?, deaths = ?, fault = ?, error = ?, "
        "result = ? WHERE id = ?",
        (job.state, job.asked, int(job.again), job.stage, job.step, job.rate, job.finished, job.owner, job.deaths, job.fault, job.error,
         json.dumps(job.result), job.id),
    )  # fmt: skip
    if job.over:
        _trim(db)


def _trim(db: Database) -> None:
    db.execute(
        f"DELETE FROM jobs WHERE {_OVER} AND id NOT IN (SELECT id FROM jobs WHERE {_OVER} ORDER BY finished DESC, id DESC LIMIT ?)",
        (KEPT,),
    )


def _some(db: Database, where: str, parameters: Sequence[object], order: str = "id") -> list[Job]:
    rows = db.query(f"SELECT {_COLUMNS} FROM jobs WHERE {where} ORDER BY {order}", parameters)
    return [Job(*_fields(row)) for row in rows]


def _fields(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:3], json.loads(row[3]), *row[4:8], bool(row[8]), *row[9:21], json.loads(row[21]))
