"""Work in the background: the verbs that ask for jobs, watch and steer them, and what starts the processes that do them (`worker`).

A job is a row of the catalogue (`catalogue.jobs`), and nothing else of it has to last: every kind of work can be interrupted at any moment and
gone on with. Any process may ask and steer; whoever makes something wait to be done sees to it that there is a process to do it: a daemon by
`run_pending`, everybody else by `start`. A worker takes one job after the other until there is none, and is alive as long as it holds its lock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import errors
from .catalogue import jobs, scopes
from .catalogue.jobs import Job
from .config import Settings
from .data import DataDirectory
from .errors import GromaError, NotIndexed, Refused, UsageError
from .locks import held
from .types import Caller, Progress
from .values import value

__all__ = ["KINDS", "Job", "Jobs", "lock_path"]

KINDS: Mapping[str, frozenset[str]] = {
    "index": frozenset({"consent"}),
    "rebuild": frozenset(),
    "import": frozenset({"files", "format", "project", "restore", "here"}),
    "maintenance": frozenset(),
}
"""The kinds of jobs, with the arguments that each knows: those of the engine's verb. What is about everything has the root ""."""
AT_LEAST = 8
"""So many characters of a job's id, at its begin or end, name it."""

LOOK_S = 0.1
"""How often a job that somebody waits for is looked at: it may be another process that does it."""
IDLE_S = 1.0
"""How often it is looked whether a process died that this one did not start."""
BACK_OFF_S = (1.0, 30.0)
"""How long no process is started after one ended with an error: at first, and at most."""
STOP_S = 10.0
"""How long processes have to stop by themselves. They do so between two batches, which is a matter of a second."""

# -P: a module in the working directory (somebody's repository) must not stand in for one of ours.
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from groma.worker import main; main()"
_HOME = str(Path(__file__).resolve().parents[1])


def lock_path(folder: Path, owner: str) -> Path:
    """The lock that a worker holds in the data directory `folder` as long as it lives; an owner is its process number and when it began."""
    return folder / "locks" / f"worker-{owner}.lock"


Children = list[subprocess.Popen[bytes]]


@value
class _Watched:
    """Who waits for a job."""

    id: str
    progress: Callable[[Progress], None] | None
    future: Future[Job]


class Jobs:
    """The verbs. Threads may share it."""

    def __init__(
        self,
        data: DataDirectory,
        settings: Settings,
        may_write: Callable[[Caller, str], None],
        may_index: Callable[[Caller, str, bool], None],
        roots: Callable[[Caller], list[str]],
    ) -> None:
        """`may_write(caller, verb)` and `may_index(caller, root, consent)` raise where this caller may not; `roots` are those it may see."""
        self._data = data
        self._settings = settings
        self._may_write = may_write
        self._may_index = may_index
        self._roots = roots
        self._changed = threading.Condition()
        self._watched: list[_Watched] = []
        self._watcher: threading.Thread | None = None
        self._closed = False
        self._wakes = 0
        self._started: list[subprocess.Popen[bytes]] = []

    def close(self) -> None:
        """End what watches. Jobs go on: they are other processes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._watcher is not None:
            self._watcher.join()
        for child in self._started:
            child.poll()
            child.returncode = child.returncode or 0  # who outlives this process is not its child any more, and that is meant

    # ------------------------------------------------------------------------------------------------------------------- asking

    def submit(self, caller: Caller, kind: str, root: str = "", *, priority: int = 0, **arguments: Any) -> str:
        """Ask for a job; its id. What is asked for already and not over is the same job: of the priorities the higher one counts.

        `root` is an absolute path, "" for all there is; `arguments` are those of the verb (`KINDS`), as JSON can hold them. An index run that is
        asked for while it runs is done once more. Raises UsageError for what no job can do, and what the verb would raise at once.
        """
        if kind not in KINDS:
            raise UsageError(f"There is no job of the kind {kind}; there are {', '.join(KINDS)}.")
        if strange := arguments.keys() - KINDS[kind]:
            raise UsageError(f"A job of the kind {kind} knows no {', '.join(sorted(strange))}.")
        if kind == "index":
            self._may_index(caller, root, bool(arguments.get("consent")))
        self._may_write(caller, "start jobs")
        if caller.scopes is not None and root not in self._roots(caller):
            raise Refused(f"{caller.name} may start jobs only for folders it may see.") if not root else _not_indexed(root)
        if kind == "index":
            scopes.ensure(self._data.db, root)  # from here on the folder is unfinished, and who asks about it is told so
        try:
            job = jobs.submit(self._data.db, kind, root, arguments, caller=caller.name, priority=priority, again=kind == "index")
        except TypeError as e:
            raise UsageError(f"The arguments of a job must be such as JSON can hold: {e}.") from e
        self.wake()
        return job.id

    def list(self, caller: Caller) -> list[Job]:
        """Every job the caller may see: those that run, wait or are paused, then those that are over, the newest first (200 are kept)."""
        found = [jobs.as_it_is(job, self._alive) for job in jobs.every(self._data.db)]
        if caller.scopes is None:
            return found
        roots = set(self._roots(caller))
        return [job for job in found if job.root in roots]

    def show(self, caller: Caller, id: str) -> Job:
        """One job, named by its id or the begin or end of it. Raises UsageError if none or several are meant."""
        if (job := jobs.get(self._data.db, id)) is not None and caller.scopes is None:
            return jobs.as_it_is(job, self._alive)
        found = [job for job in self.list(caller) if len(id) >= AT_LEAST and (job.id.startswith(id) or job.id.endswith(id))]
        if len(found) != 1:
            raise UsageError(f"{'Several jobs have' if found else 'No job has'} the id {id}; to see them run: groma jobs")
        return found[0]

    def pause(self, caller: Caller, id: str) -> Job:
        """Stop a job for now, between two batches; what it did stays done, and it keeps nothing busy. Raises UsageError if it is over."""
        return self._steer(caller, "pause", id, jobs.pause)

    def cancel(self, caller: Caller, id: str) -> Job:
        """Stop a job for good, between two batches; what it did stays done. Raises UsageError if it is over already."""
        return self._steer(caller, "cancel", id, jobs.cancel)

    def resume(self, caller: Caller, id: str) -> Job:
        """Let a job go on that is paused or has failed; the same one, where it was asked for again meanwhile. Raises UsageError if it is over."""
        return self._steer(caller, "resume", id, jobs.resume)

    def _steer(self, caller: Caller, verb: str, id: str, do: Callable[..., Any]) -> Job:
        self._may_write(caller, f"{verb} jobs")
        job = self.show(caller, id)
        jobs.settle(self._data.db, self._alive)
        done = do(self._data.db, job.id)
        self.wake()
        now = done if isinstance(done, Job) else jobs.get(self._data.db, job.id)
        if not done or now is None:
            raise UsageError(f"The job {job.id} cannot be {verb.removesuffix('e')}{'l' * (verb == 'cancel')}ed: it is {(now or job).state}.")
        return jobs.as_it_is(now, self._alive)

    # ------------------------------------------------------------------------------------------------------------------ waiting

    def wait(self, id: str, progress: Callable[[Progress], None] | None = None, *, timeout: float | None = None) -> Job:
        """Wait until a job rests: done, failed, cancelled or paused; it is returned in that state. `progress` is called in this thread.

        Raises TimeoutError after `timeout` seconds; NotIndexed for a job that is not there any more (its catalogue was set aside).
        """
        until = None if timeout is None else time.monotonic() + timeout
        seen: Progress | None = None
        while True:
            job = self._look(id)
            if job.total and (now := Progress(job.step, job.done, job.total)) != seen:
                seen = now
                if progress is not None:
                    progress(now)
            if job.over or job.state == "paused":
                return job
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"The job {id} is still {job.state}.")
            with self._changed:
                self._changed.wait(LOOK_S)

    def future(self, id: str, progress: Callable[[Progress], None] | None = None) -> Future[Job]:
        """The job when it is done. The exception is the one the work raised; GromaError if the job was cancelled or paused.

        `progress` is called in a thread that all futures share: it must be quick.
        """
        future: Future[Job] = Future()
        future.set_running_or_notify_cancel()
        with self._changed:
            if self._closed:
                raise GromaError("This engine is closed.")
            self._watched.append(_Watched(id, progress, future))
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="jobs", daemon=True)
                self._watcher.start()
            self._changed.notify_all()
        return future

    def _watch(self) -> None:
        seen: dict[int, Progress] = {}
        while True:
            with self._changed:
                if not self._closed:
                    self._changed.wait(LOOK_S if self._watched else None)
                watched, closed = list(self._watched), self._closed
            over = []
            for one in watched:
                try:
                    job = self._look(one.id)
                    now = Progress(job.step, job.done, job.total)
                    if one.progress is not None and now.total and seen.get(id(one)) != now:
                        seen[id(one)] = now
                        one.progress(now)
                    if job.state == "done":
                        one.future.set_result(job)
                    elif job.over or job.state == "paused":
                        one.future.set_exception(_raised(job))
                    elif closed:
                        one.future.set_exception(GromaError(f"This engine was closed while the job {job.id} was {job.state}."))
                    else:
                        continue
                except Exception as e:  # noqa: BLE001 - whoever waits is told, whatever it is
                    one.future.set_exception(e)
                over.append(one)
                seen.pop(id(one), None)
            with self._changed:
                self._watched = [one for one in self._watched if not any(one is gone for gone in over)]
            if closed:
                return

    def _look(self, id: str) -> Job:
        job = self._data.db.remembered(("job", id), lambda: jobs.get(self._data.db, id))
        if job is None:
            raise NotIndexed(f"There is no job {id} (any more).", job=id)
        return jobs.as_it_is(job, self._alive)

    def _alive(self, owner: str) -> bool:
        return held(lock_path(self._data.folder, owner))

    # ------------------------------------------------------------------------------------------------------------------ running

    def wake(self) -> None:
        """Let `run_pending` and whoever waits look now."""
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()

    def start(self) -> None:
        """See to it that what waits is done, by processes that outlive this one. For who does not call `run_pending`."""
        self._started = [child for child in self._started if child.poll() is None]
        _, ready = self._pending()
        self._started += [self._spawn(alone=True) for _ in ready]

    def run_pending(self, stop: threading.Event) -> None:
        """Keep processes at work while there is something to do, until `stop` is set (call `wake` then): they are asked to stop, too, and what
        they had in hand is queued. Jobs whose process died are gone on with, whoever had started it."""
        children: Children = []
        back_off, not_before = BACK_OFF_S[0], 0.0
        try:
            while not stop.is_set():
                wakes = self._wakes
                ended = [child.returncode for child in children if child.poll() is not None]
                children = [child for child in children if child.returncode is None]
                if any(ended):
                    not_before = time.monotonic() + back_off
                    back_off = min(2 * back_off, BACK_OFF_S[1])
                elif ended:
                    back_off = BACK_OFF_S[0]
                with suppress(GromaError):  # the catalogue may be locked, or set aside: it is looked at again
                    if time.monotonic() >= not_before:
                        children += [self._spawn() for _ in range(self._lacking({child.pid for child in children}))]
                with self._changed:
                    if self._wakes == wakes and not stop.is_set():
                        self._changed.wait(LOOK_S if children else IDLE_S)
        finally:
            _end(children)

    def is_asked_for(self, kind: str, root: str) -> bool:
        """Is there such a job that is being done, or waits to be?"""
        return any(job.kind == kind and job.root == root for job in self._active())

    def _active(self) -> Sequence[Job]:
        return self._data.db.remembered(("jobs",), lambda: jobs.active(self._data.db))

    def _pending(self) -> tuple[Sequence[Job], Sequence[Job]]:
        return jobs.ready(self._active(), self._alive, self._settings.jobs_at_once)

    def _lacking(self, ours: set[int]) -> int:
        """How many processes are to be started: one for each job that could be begun, less those that have just started."""
        if self._settings.read_only:
            return 0
        running, ready = self._pending()
        busy = sum(int(job.owner.partition("-")[0]) in ours for job in running)
        return max(0, len(ready) - (len(ours) - busy))

    def _spawn(self, *, alone: bool = False) -> subprocess.Popen[bytes]:
        """A worker. It is told the settings that hold here; one that is `alone` has no output."""
        told = {"values": {name: str(v) if isinstance(v, Path) else v for name, v in self._settings.values.items()}}
        try:
            child = subprocess.Popen(
                [sys.executable, "-P", "-c", _CODE, _HOME],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if alone else None,
                cwd=self._data.folder,
                start_new_session=True,  # an interrupt from a terminal is not meant for it
            )
        except OSError as e:
            raise GromaError(f"No process can be started for jobs: {e}.") from e
        assert child.stdin is not None
        with suppress(OSError), child.stdin:  # it may have died already
            child.stdin.write(json.dumps({**told, "origins": dict(self._settings.origins)}).encode())
        return child


def _end(children: Children) -> None:
    until = time.monotonic() + STOP_S
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _raised(job: Job) -> GromaError:
    """The error of a job that did not come to its end."""
    if job.state != "failed":
        advice = f"; to go on with it run: groma jobs resume {job.id}" if job.state == "paused" else ""
        return GromaError(f"The job {job.id} ({job.kind} {job.root}) was {job.state}{advice}.", job=job.id)
    kind = getattr(errors, job.fault, GromaError)
    error: GromaError = kind(job.error, job=job.id)
    return error


def _not_indexed(root: str) -> NotIndexed:
    return NotIndexed(f"{root} has not been indexed; run: groma index {root}", root=root)
