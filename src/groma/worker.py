"""The process that does jobs, one after the other until there is none (started by `jobs`, which hands it the settings on standard input).

It gives way to others, and takes half of the cores at most and so much memory; it is alive as long as it holds its lock, so that whoever
finds its job knows whether it died. What is asked of a job (to pause, to end) is seen by a thread beside the work, and heeded between two batches.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue.jobs import Job
    from .config import Settings
    from .data import DataDirectory
    from .engine import Engine
    from .types import Caller, Progress

__all__ = ["main"]

REPORT_S = 0.4
"""How often progress is written, and what is asked is read."""
GRACE_S = 5.0
"""Work that does not come to the end of a batch for so long after it was asked to is ended as by a crash, which costs nothing but that batch."""
NICE = 10
"""A tenth of the weight of who answers, where both want a core. At 19 it is a seventieth, and beside somebody's build nothing would come of it."""
TRIES = 3
"""How often a job is tried that found a database locked; each has waited for ten seconds."""


class Stopped(BaseException):
    """Raised between two batches of work that is to stop. (Nothing that handles errors must take it for one.)"""


def main() -> None:
    """The process."""
    said = json.load(sys.stdin.buffer)
    bound(said["values"]["job_memory_mb"])

    from .config import Settings
    from .errors import GromaError

    settings = Settings(said["values"] | {"data_dir": Path(said["values"]["data_dir"])}, said["origins"])
    try:
        Worker(settings).run()
    except GromaError as e:  # of the catalogue, before there was a job or after it
        sys.exit(f"groma: {e.message}")


def bound(memory_mb: int) -> None:
    """Lower what this process, and those it starts, may take, before any library looks at how much there is."""
    with suppress(OSError, AttributeError):
        os.nice(NICE)
    with suppress(OSError):  # of a session of its own the system may weigh the session instead
        Path("/proc/self/autogroup").write_text(str(NICE))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")  # should memory be short, a job can be done again
    cores = os.cpu_count() or 1
    with suppress(OSError, AttributeError):
        some = sorted(os.sched_getaffinity(0))
        cores = len(some)
        os.sched_setaffinity(0, some[-max(1, cores // 2) :])
    os.putenv("RAYON_NUM_THREADS", str(max(1, cores // 2)))
    os.putenv("OPENBLAS_NUM_THREADS", "1")
    with suppress(ImportError, OSError, ValueError):
        import resource

        # What it writes to of its own: neither files that are mapped, nor addresses that are only reserved, as RLIMIT_AS would count.
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        limit = memory_mb * 1_000_000
        resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


class Worker:
    """Takes jobs and does them."""

    def __init__(self, settings: Settings) -> None:
        from .data import DataDirectory

        self.settings = settings
        self.owner = f"{os.getpid()}-{time.time_ns():x}"
        self._desk: DataDirectory = DataDirectory(settings.data_dir)  # apart from the engine's: what is told of a job is not part of its work
        self._job: Job | None = None
        self._begun = 0.0
        self._first = 0
        self._now: Progress | None = None
        self._stop = ("", "")
        self._term = threading.Event()
        self._ended = threading.Event()

    def run(self) -> None:
        """Do what there is to do."""
        from .engine import Engine
        from .jobs import lock_path
        from .locks import exclusive, held

        lock = lock_path(self.settings.data_dir, self.owner)
        signal.signal(signal.SIGTERM, lambda *_: self._term.set())
        with exclusive(lock):
            watch = threading.Thread(target=self._watch, name="watch", daemon=True)
            watch.start()
            try:
                with Engine(self.settings) as engine:
                    while not self._term.is_set() and self._take():
                        self._do(engine)
            finally:
                self._ended.set()
                watch.join()
                self._desk.close()
                lock.unlink(missing_ok=True)
        for left in lock.parent.glob("worker-*.lock"):  # of workers that were killed
            if not held(left):
                left.unlink(missing_ok=True)

    def _take(self) -> bool:
        from .catalogue import jobs
        from .jobs import lock_path
        from .locks import held

        def alive(owner: str) -> bool:
            return held(lock_path(self.settings.data_dir, owner))

        self._now, self._begun = None, 0.0
        self._job = jobs.claim(self._desk.db, self.owner, alive, self.settings.jobs_at_once)
        return self._job is not None

    def _do(self, engine: Engine) -> None:
        from .catalogue import jobs
        from .config import demanding
        from .errors import GromaError, StoreUnreachable

        job = self._job
        assert job is not None
        state, fault, error = "done", "", ""
        result: dict[str, Any] = {}
        try:
            for left in reversed(range(TRIES)):
                try:
                    under = engine.under(demanding(self.settings, job.arguments.get("demanded", {})))
                    result = dict(WORK[job.kind](under, job, self))
                    break
                except StoreUnreachable:
                    if not left:
                        raise
        except Stopped:
            asked = self._stop[1] if self._stop[0] == job.id else ""
            state = {"pause": "paused", "cancel": "cancelled"}.get(asked, "queued")
        except GromaError as e:
            state, fault, error = "failed", type(e).__name__, e.message
        except MemoryError:
            state, fault = "failed", "GromaError"
            error = f"It needs more than {self.settings.job_memory_mb} MB of memory; raise job_memory_mb and resume it."
        except Exception as e:  # noqa: BLE001 - a fault of groma's must not take the jobs behind it along
            traceback.print_exc()
            at = traceback.extract_tb(e.__traceback__)[-1]
            state, fault, error = "failed", "GromaError", f"A fault of groma: {type(e).__name__}: {e} ({Path(at.filename).name}:{at.lineno})."
        if told := engine.told():
            result["told"] = told
        self._job = None
        if self._now is not None:
            self._write(job, self._now)
        jobs.end(self._desk.db, job.id, self.owner, state, fault=fault, error=error, result=result)

    # ------------------------------------------------------------------------------------------------------- beside and between

    def report(self, progress: Progress) -> None:
        """Take note of how far the work is. Raises Stopped if it shall go no further."""
        assert self._job is not None
        if self._term.is_set() or (self._stop[0] == self._job.id and self._stop[1]):
            raise Stopped
        if progress.done and not self._begun:
            self._begun = time.monotonic()
            self._first = progress.done
        elif progress.done and self._now is not None and progress.done < self._now.done:  # the next folder
            self._begun, self._first = time.monotonic(), progress.done
        self._now = progress

    def staged(self, stage: str) -> None:
        """Keep that a part of the work is done and must not be done again."""
        from .catalogue import jobs

        assert self._job is not None
        if self._job.stage != stage:
            jobs.staged(self._desk.db, self._job.id, self.owner, stage)

    def _watch(self) -> None:
        from .catalogue import jobs
        from .errors import GromaError

        written: Progress | None = None
        asked_at = 0.0
        while not self._ended.wait(REPORT_S):
            job, now = self._job, self._now
            if job is None:
                asked_at = 0.0
                continue
            with suppress(GromaError):  # a catalogue that is locked is asked again soon
                if now is not None and now is not written:
                    self._write(job, now)
                    written = now
                asked = jobs.ask(self._desk.db, job.id, self.owner)
                asked = "stop" if self._term.is_set() else asked if asked != "lost" else ""
                self._stop = (job.id, asked)
            if not self._stop[1] or job is not self._job:
                asked_at = 0.0
            elif not asked_at:
                asked_at = time.monotonic()
            elif time.monotonic() - asked_at > GRACE_S:
                os._exit(1)  # the job is what it was asked to be as soon as it has no process

    def _write(self, job: Job, now: Progress) -> None:
        from .catalogue import jobs

        took = time.monotonic() - self._begun
        rate = (now.done - self._first) / took if self._begun and took > 0 else 0.0
        jobs.report(self._desk.db, job.id, self.owner, step=now.step, done=now.done, total=now.total, rate=rate)


def _caller(job: Job) -> Caller:
    from .types import Caller

    return Caller(job.caller, frozenset({"owner"}))  # who asked was asked for its right then


def _index(engine: Engine, job: Job, worker: Worker) -> Mapping[str, Any]:
    summary = engine.index(_caller(job), job.root, consent=bool(job.arguments.get("consent")), report=worker.report)
    return _summed(summary)


def _rebuild(engine: Engine, job: Job, worker: Worker) -> Mapping[str, Any]:
    """What was emptied is only filled when the job is gone on with."""

    def report(progress: Progress) -> None:
        worker.staged("emptied")
        worker.report(progress)

    if job.stage == "emptied":
        roots = [job.root] if job.root else [root for root in engine.roots(_caller(job)) if os.access(root, os.R_OK | os.X_OK)]
        done = [(root, engine.index(_caller(job), root, consent=True, report=worker.report)) for root in roots]
    else:
        done = engine.rebuild(_caller(job), job.root or None, report=report)
    return {"scopes": [{"root": root, **_summed(summary)} for root, summary in done]}


def _import(engine: Engine, job: Job, worker: Worker) -> Mapping[str, Any]:
    """Done twice, where it was killed just when it was done, it finds everything known."""
    from .errors import UsageError

    files = []
    for name in job.arguments.get("files", ()):
        try:
            files.append((name, Path(name).read_bytes()))
        except OSError as e:
            raise UsageError(f"{name} cannot be read ({e.strerror}). Nothing was imported.") from e
    how = {name: job.arguments[name] for name in ("format", "project", "restore") if name in job.arguments}
    done = engine.memories.import_(_caller(job), files, here=job.arguments.get("here", ""), **how)
    return {"outcomes": dict(done.outcomes), "undo": done.batch or None}


def _maintenance(engine: Engine, job: Job, worker: Worker) -> Mapping[str, Any]:
    roots, expired, stores = engine.maintain(_caller(job), job.root or None, report=worker.report)
    return {"scopes": [{"root": root} for root in roots], "expired": expired, "stores_removed": stores}


def _summed(summary: Any) -> dict[str, int]:
    return {name: getattr(summary, name) for name in ("known", "indexed", "read", "attached", "gone")}


WORK: Mapping[str, Callable[[Any, Any, Worker], Mapping[str, Any]]] = {
    "index": _index,
    "rebuild": _rebuild,
    "import": _import,
    "maintenance": _maintenance,
}
