"""Jobs with real processes: they are paused, ended and killed where they are, and whatever happens the work comes to its end once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groma.catalogue import jobs as rows
from groma.catalogue.database import Database
from groma.config import Settings, load
from groma.engine import Engine
from groma.errors import GromaError, NotIndexed, ReadOnly, Refused, RefusedRoot, UsageError
from groma.jobs import Job, lock_path
from groma.locks import exclusive, held
from groma.types import LOCAL, Caller, Progress, Request
from tests.faults.corpus import modules
from tests.processes import gone, repository

PATIENCE_S = 120
FILES = 4_000
"""So many that a run takes several seconds of the little that a job is given."""


def settings(data: Path, **given: str) -> Settings:
    return load({f"GROMA_{name.upper()}": value for name, value in given.items()}, data_dir=data, config_file=data / "none")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with Engine(settings(tmp_path / "data")) as engine:
        yield engine


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(repository(tmp_path_factory.mktemp("large") / "repo", modules(FILES), commit=False))


@pytest.fixture
def small(tmp_path: Path) -> str:
    return str(repository(tmp_path / "small", modules(12)))


@contextmanager
def running(engine: Engine) -> Iterator[threading.Event]:
    """A thread that does what the daemon does."""
    stop = threading.Event()
    thread = threading.Thread(target=engine.jobs.run_pending, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        engine.jobs.wake()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def until(engine: Engine, id: str, holds: Callable[[Job], bool]) -> Job:
    """The job as soon as something holds for it."""
    give_up = time.monotonic() + PATIENCE_S
    while not holds(job := engine.jobs.show(LOCAL, id)):
        assert time.monotonic() < give_up, job
        time.sleep(0.02)
    return job


def at_work(job: Job) -> bool:
    return job.state == "running" and job.done > 0


def caught(engine: Engine, id: str) -> Job:
    """The job in the middle of its work; its process stands still until `let_go`, and holds no lock that is needed to ask something of it."""
    while True:
        os.kill(pid(until(engine, id, at_work)), signal.SIGSTOP)
        job = engine.jobs.show(LOCAL, id)
        assert at_work(job), job
        with closing(sqlite3.connect(engine.folder / "catalogue.db", timeout=0)) as db, suppress(sqlite3.OperationalError):
            db.execute("BEGIN IMMEDIATE")
            return job
        let_go(job)


def let_go(job: Job) -> None:
    os.kill(pid(job), signal.SIGCONT)


def pid(job: Job) -> int:
    return int(job.owner.partition("-")[0])


def found(engine: Engine, root: str) -> int:
    """How many files of a root are searchable."""
    return engine.status(LOCAL, root)[0].files


def workers(engine: Engine) -> list[Path]:
    return [path for path in (engine.folder / "locks").glob("worker-*.lock") if held(path)]


def test_an_index_is_made_while_others_go_on(engine: Engine, large: str) -> None:
    seen: list[Progress] = []
    with running(engine):
        id = engine.jobs.submit(LOCAL, "index", large)
        future = engine.jobs.future(id, seen.append)
        job = until(engine, id, at_work)
        assert os.getpriority(os.PRIO_PROCESS, pid(job)) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
        assert len(os.sched_getaffinity(pid(job))) == max(1, len(os.sched_getaffinity(0)) // 2)
        assert engine.search(LOCAL, [large], Request("validate_ledger", 3)).hits
        until(engine, id, lambda job: job.eta_s is not None or job.over)
        done = future.result(PATIENCE_S)
    assert (done.state, done.result["read"], done.result["indexed"], done.error) == ("done", FILES, FILES, "")
    assert seen == sorted(seen, key=lambda p: p.done)
    assert len(seen) > 2
    assert found(engine, large) == FILES
    assert engine.jobs.wait(id) == done
    assert gone(pid(job))
    assert workers(engine) == []


def test_paused_it_keeps_nothing_busy_and_then_goes_on(engine: Engine, large: str) -> None:
    with running(engine):
        id = engine.jobs.submit(LOCAL, "index", large)
        future = engine.jobs.future(id)
        job = caught(engine, id)
        assert engine.jobs.pause(LOCAL, id).asked == "pause"
        let_go(job)
        paused = engine.jobs.wait(id, timeout=PATIENCE_S)
        assert (paused.state, paused.owner) == ("paused", "")
        assert 0 < paused.done < FILES
        with pytest.raises(GromaError, match=f"was paused; to go on with it run: groma jobs resume {id}"):
            future.result(PATIENCE_S)
        assert gone(pid(job))
        assert workers(engine) == []
        assert 0 < found(engine, large) < FILES
        engine.index(LOCAL, repository(Path(engine.folder.parent / "other"), modules(2)).__str__())
        assert engine.jobs.resume(LOCAL, id).state == "queued"
        done = engine.jobs.wait(id, timeout=PATIENCE_S)
    assert done.state == "done"
    assert 0 < done.result["read"] < FILES
    assert found(engine, large) == FILES


def test_cancelled_it_keeps_what_it_did(engine: Engine, large: str) -> None:
    with running(engine):
        id = engine.jobs.submit(LOCAL, "index", large)
        job = caught(engine, id)
        engine.jobs.cancel(LOCAL, id)
        let_go(job)
        cancelled = engine.jobs.wait(id, timeout=PATIENCE_S)
        assert (cancelled.state, cancelled.over) == ("cancelled", True)
        for verb in (engine.jobs.resume, engine.jobs.pause):
            with pytest.raises(UsageError, match="it is cancelled"):
                verb(LOCAL, id)
        another = engine.jobs.submit(LOCAL, "index", large)
        assert another != id
        assert engine.jobs.future(another).result(PATIENCE_S).result["read"] < FILES


def test_whoever_waits_for_a_lock_can_be_cancelled_too(engine: Engine, small: str) -> None:
    engine.index(LOCAL, small)
    (scope,) = engine._data.db.query("SELECT id FROM scopes")
    with running(engine), exclusive(engine.folder / "locks" / f"{scope[0]}.lock"):
        id = engine.jobs.submit(LOCAL, "index", small)
        job = until(engine, id, lambda job: job.state == "running")
        engine.jobs.cancel(LOCAL, id)
        assert engine.jobs.wait(id, timeout=PATIENCE_S).state == "cancelled"
        assert gone(pid(job))


def test_killed_it_is_gone_on_with(engine: Engine, large: str) -> None:
    with running(engine):
        id = engine.jobs.submit(LOCAL, "index", large)
        future = engine.jobs.future(id)
        job = caught(engine, id)
        os.kill(pid(job), signal.SIGKILL)
        again = until(engine, id, lambda now: now.owner not in ("", job.owner))
        assert again.deaths == 1
        done = future.result(PATIENCE_S)
    assert 0 < done.result["read"] < FILES
    assert found(engine, large) == FILES
    assert engine.verify(LOCAL) == (1, [])
    assert list((engine.folder / "locks").glob("worker-*.lock")) == []


DAEMON = """
import sys, threading
from pathlib import Path
from groma.config import load
from groma.engine import Engine
with Engine(load({}, data_dir=Path(sys.argv[1]), config_file=Path(sys.argv[1]) / "none")) as engine:
    engine.jobs.run_pending(threading.Event())
"""


@pytest.mark.parametrize("worker_too", [False, True])
def test_a_daemon_that_is_killed_costs_no_job(engine: Engine, large: str, worker_too: bool) -> None:
    id = engine.jobs.submit(LOCAL, "index", large)
    with subprocess.Popen([sys.executable, "-c", DAEMON, str(engine.folder)]) as daemon:
        job = until(engine, id, at_work)
        daemon.kill()
    if worker_too:
        os.kill(pid(job), signal.SIGKILL)
        assert until(engine, id, lambda now: now.state != "running").state == "queued"
    with running(engine):
        done = engine.jobs.wait(id, timeout=PATIENCE_S)
    assert done.state == "done"
    assert (done.started == job.started) is not worker_too  # the first process went on, or another one
    assert (done.result["read"] == FILES) is not worker_too  # where it had been
    assert found(engine, large) == FILES


def test_a_daemon_that_ends_puts_down_what_it_has_in_hand(engine: Engine, large: str) -> None:
    id = engine.jobs.submit(LOCAL, "index", large)
    with running(engine):
        job = until(engine, id, at_work)
    now = engine.jobs.show(LOCAL, id)
    assert (now.state, now.owner, now.deaths) == ("queued", "", 0)
    assert gone(pid(job))
    with running(engine):
        assert engine.jobs.wait(id, timeout=PATIENCE_S).result["read"] < FILES


def test_without_a_daemon_processes_do_what_there_is_to_do(engine: Engine, tmp_path: Path) -> None:
    roots = [str(repository(tmp_path / f"repo{n}", modules(30, n))) for n in range(5)]
    ids = [engine.jobs.submit(LOCAL, "index", root) for root in roots]
    engine.jobs.start()
    assert len(engine.jobs._started) == 2
    assert [engine.jobs.wait(id, timeout=PATIENCE_S).state for id in ids] == ["done"] * 5
    assert [found(engine, root) for root in roots] == [30] * 5


def test_asked_for_twice_it_is_one_job_that_sees_what_came_between(engine: Engine, large: str) -> None:
    new = Path(large) / "src" / "part00" / "new.py"
    try:
        with running(engine):
            id = engine.jobs.submit(LOCAL, "index", large)
            job = caught(engine, id)
            new.write_text("def entirely_new_words():\n    return 'a walrus'\n")
            assert engine.jobs.submit(LOCAL, "index", large) == id
            let_go(job)
            assert engine.jobs.wait(id, timeout=PATIENCE_S).result["read"] == 1
        assert engine.search(LOCAL, [large], Request("entirely_new_words", 1)).hits[0].path == "src/part00/new.py"
        assert len(engine.jobs.list(LOCAL)) == 1
    finally:
        new.unlink()


def test_a_rebuild_that_is_killed_is_only_filled(engine: Engine, large: str, small: str) -> None:
    engine.index(LOCAL, small)
    engine.index(LOCAL, large)
    number = engine.status(LOCAL, large)[0].generation
    with running(engine):
        id = engine.jobs.submit(LOCAL, "rebuild")
        until(engine, id, lambda job: job.state == "running" and job.total == FILES)  # not the small one
        job = caught(engine, id)
        os.kill(pid(job), signal.SIGKILL)
        again = until(engine, id, lambda now: now.owner not in ("", job.owner))
        assert again.stage == "emptied"
        done = engine.jobs.wait(id, timeout=PATIENCE_S)
    read = {scope["root"]: scope["read"] for scope in done.result["scopes"]}
    assert set(read) == {large, small}
    assert read[large] < FILES
    assert (found(engine, large), found(engine, small)) == (FILES, 12)
    assert engine.status(LOCAL, large)[0].generation >= number
    assert engine.verify(LOCAL) == (2, [])


def test_import(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text('{"content": "We deploy from the release branch"}\n{"content": "The queue is Redis"}\n')
    (tmp_path / "bad.jsonl").write_text('{"content": "cut')
    with running(engine):
        id = engine.jobs.submit(LOCAL, "import", files=[str(tmp_path / "notes.jsonl")], here="")
        done = engine.jobs.wait(id, timeout=PATIENCE_S)
        assert done.result["outcomes"] == {"stored": 2}
        assert engine.memories.recall(LOCAL, "which branch do we deploy from", here="").memories
        assert engine.memories.undo(LOCAL, done.result["undo"]).memories
        for name, sentence in (("bad.jsonl", "bad.jsonl"), ("none.jsonl", "cannot be read")):
            failing = engine.jobs.submit(LOCAL, "import", files=[str(tmp_path / name)], here="")
            with pytest.raises(UsageError, match=sentence):
                engine.jobs.future(failing).result(PATIENCE_S)
            failed = engine.jobs.show(LOCAL, failing)
            assert (failed.state, failed.fault) == ("failed", "UsageError")


def test_maintenance(engine: Engine, small: str) -> None:
    engine.index(LOCAL, small)
    engine.memories.remember(LOCAL, [{"content": "We are in the middle of the login form", "level": "SESSION_STATE"}, {"content": "Redis"}], here="")
    engine._data.db.execute("UPDATE memories SET expires = 1 WHERE level = 'SESSION_STATE'")
    old, young = (engine.folder / f"store-{name}.db" for name in ("0ld", "y0ung"))
    for path in (old, young):
        path.write_bytes(b"")
    os.utime(old, (1, 1))
    with running(engine):
        done = engine.jobs.wait(engine.jobs.submit(LOCAL, "maintenance"), timeout=PATIENCE_S)
        assert done.state == "done", done
        assert done.result == {"scopes": [{"root": small}], "expired": 1, "stores_removed": ["0ld"]}
        assert (old.exists(), young.exists(), (engine.folder / "memories.index").exists()) == (False, True, True)
        assert engine.jobs.wait(engine.jobs.submit(LOCAL, "maintenance", small), timeout=PATIENCE_S).result["expired"] == 0
    assert engine.search(LOCAL, [small], Request("render", 3)).hits
    assert engine.verify(LOCAL) == (1, [])


def test_what_fails_says_why_and_goes_on_when_it_is_resumed(engine: Engine, small: str, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    id = engine.jobs.submit(LOCAL, "index", small)
    os.rename(small, moved)
    with running(engine):
        with pytest.raises(Refused, match="cannot be read"):
            engine.jobs.future(id).result(PATIENCE_S)
        os.rename(moved, small)
        assert engine.jobs.resume(LOCAL, id[:13]).id == id
        assert engine.jobs.wait(id, timeout=PATIENCE_S).state == "done"


BOUND = """
import mmap, os, sys
from groma.worker import bound
bound(300)
with open(sys.argv[1], "wb+") as f:
    f.truncate(500_000_000)
    mapped = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
    sum(mapped[at] for at in range(0, 500_000_000, 10_000_000))
held = bytearray(100_000_000)
try:
    bytearray(300_000_000)
except MemoryError:
    print("refused")
"""


def test_memory_is_bounded_and_maps_are_not(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", BOUND, str(tmp_path / "map")], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.returncode) == ("refused\n", 0), ran.stderr


def test_a_process_that_can_do_nothing_is_not_started_for_ever(small: str, tmp_path: Path) -> None:
    """It dies before it has taken a job: its catalogue is not for it."""
    with Engine(settings(tmp_path / "data")) as engine:
        id = engine.jobs.submit(LOCAL, "index", small)
        spawned = []
        spawn = engine.jobs._spawn
        engine.jobs._settings = replace(engine.settings, values={**engine.settings.values, "data_dir": tmp_path / "none" / "\0"})  # type: ignore[misc]
        engine.jobs._spawn = lambda **how: spawned.append(spawn(**how)) or spawned[-1]  # type: ignore[method-assign,func-returns-value]
        with running(engine):
            give_up = time.monotonic() + PATIENCE_S
            while len(spawned) < 2 and time.monotonic() < give_up:
                time.sleep(0.05)
            assert [child.wait() != 0 for child in spawned[:2]] == [True, True]
        assert len(spawned) == 2
        assert engine.jobs.show(LOCAL, id).state == "queued"


def test_what_is_refused(engine: Engine, small: str, tmp_path: Path) -> None:
    for root in ("/", str(Path.home())):
        with pytest.raises(RefusedRoot):
            engine.jobs.submit(LOCAL, "index", root)
    with pytest.raises(Refused, match="cannot be read"):
        engine.jobs.submit(LOCAL, "index", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="no job of the kind bake; there are index, rebuild"):
        engine.jobs.submit(LOCAL, "bake")
    with pytest.raises(UsageError, match="knows no colour"):
        engine.jobs.submit(LOCAL, "index", small, colour=1)
    with pytest.raises(UsageError, match="JSON"):
        engine.jobs.submit(LOCAL, "import", files={small})
    for id in ("", "0", "nothing-at-all"):
        with pytest.raises(UsageError, match="No job has the id"):
            engine.jobs.show(LOCAL, id)
    with pytest.raises(NotIndexed, match="no job"):
        engine.jobs.wait("nothing-at-all")
    assert engine.jobs.list(LOCAL) == []


def test_who_may_see_some_folders_sees_their_jobs_and_starts_no_others(engine: Engine, small: str, tmp_path: Path) -> None:
    engine.index(LOCAL, small)
    other = str(repository(tmp_path / "other", modules(2)))
    engine.index(LOCAL, other)
    (scope,) = engine._data.db.query("SELECT id FROM scopes WHERE root = ?", (small,))
    guest = Caller("guest", frozenset({"owner"}), frozenset(scope))
    seen, hidden = engine.jobs.submit(guest, "index", small), engine.jobs.submit(LOCAL, "index", other)
    assert [job.id for job in engine.jobs.list(guest)] == [seen]
    assert engine.jobs.show(guest, seen).caller == "guest"
    with pytest.raises(UsageError, match="No job"):
        engine.jobs.cancel(guest, hidden)
    for kind in ("index", "rebuild", "maintenance"):
        with pytest.raises(NotIndexed):
            engine.jobs.submit(guest, kind, other)
    with pytest.raises(Refused, match="only for folders it may see"):
        engine.jobs.submit(guest, "rebuild")
    with pytest.raises(Refused, match="may not start jobs"):
        engine.jobs.submit(Caller("reader"), "maintenance", small)


def test_read_only(engine: Engine, small: str) -> None:
    id = engine.jobs.submit(LOCAL, "index", small)
    with Engine(settings(engine.folder, read_only="on")) as reader:
        assert [job.id for job in reader.jobs.list(LOCAL)] == [id]
        calls: list[tuple[Any, ...]] = [(reader.jobs.submit, "index", small), (reader.jobs.submit, "maintenance")]
        calls += [(verb, id) for verb in (reader.jobs.pause, reader.jobs.resume, reader.jobs.cancel)]
        for verb, *arguments in calls:
            with pytest.raises(ReadOnly, match="read-only here"):
                verb(LOCAL, *arguments)


def test_a_closed_engine_lets_nobody_wait(small: str, tmp_path: Path) -> None:
    with Engine(settings(tmp_path / "data")) as engine:
        future = engine.jobs.future(engine.jobs.submit(LOCAL, "index", small))
    with pytest.raises(GromaError, match="was closed while the job"):
        future.result(0)
    with Engine(settings(tmp_path / "data")) as engine:
        (job,) = engine.jobs.list(LOCAL)
        with pytest.raises(TimeoutError, match="is still queued"):
            engine.jobs.wait(job.id, timeout=0)


def test_a_job_that_kills_its_process_each_time_fails(engine: Engine, small: str) -> None:
    id = engine.jobs.submit(LOCAL, "index", small)
    with Database.connect(engine.folder / "catalogue.db") as db:
        for n in range(rows.DEATHS):
            with suppress(FileNotFoundError):
                lock_path(engine.folder, f"{n}-dead").unlink()
            assert rows.claim(db, f"{n}-dead", lambda owner: held(lock_path(engine.folder, owner)), 1) is not None
    assert engine.jobs.show(LOCAL, id).state == "failed"
    with running(engine):
        with pytest.raises(GromaError, match="died 5 times"):
            engine.jobs.future(id).result(PATIENCE_S)
        assert engine.jobs.resume(LOCAL, id).state == "queued"
        assert engine.jobs.wait(id, timeout=PATIENCE_S).state == "done"


def test_what_is_forgotten_is_not_indexed_again_by_a_job_that_waited(engine: Engine, small: str) -> None:
    engine.index(LOCAL, small)
    ids = [engine.jobs.submit(LOCAL, kind, small) for kind in ("index", "rebuild", "maintenance")]
    engine.forget(LOCAL, small)
    assert [engine.jobs.show(LOCAL, id).state for id in ids] == ["cancelled", "cancelled", "queued"]
    with running(engine):
        until(engine, ids[-1], lambda job: job.over)
    assert engine.roots(LOCAL) == []


def test_a_run_is_ended_by_who_forgets_its_folder(engine: Engine, large: str) -> None:
    with running(engine):
        id = engine.jobs.submit(LOCAL, "index", large)
        until(engine, id, at_work)
        engine.forget(LOCAL, large)
        job = until(engine, id, lambda job: job.over)
    assert job.state == "cancelled" and job.done < FILES and engine.roots(LOCAL) == []
