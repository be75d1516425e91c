"""Jobs in the catalogue: one of each, taken one at a time in order, and what becomes of them, also when nobody can say so any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from groma.catalogue import jobs, schema, scopes
from groma.catalogue.database import Database
from groma.catalogue.jobs import Job
from tests.catalogue.test_schema import raw, shape


def everybody(_owner: str) -> bool:
    return True


def nobody(_owner: str) -> bool:
    return False


def ask(db: Database, root: str = "/x", kind: str = "index", *, priority: int = 0, again: bool = False, **arguments: object) -> Job:
    return jobs.submit(db, kind, root, arguments, caller="me", priority=priority, again=again)


def take(db: Database, owner: str = "w", alive: Callable[[str], bool] = everybody, at_once: int = 9) -> Job:
    job = jobs.claim(db, owner, alive, at_once)
    assert job is not None
    return job


def state(db: Database, id: str) -> str:
    job = jobs.get(db, id)
    assert job is not None
    return job.state


def test_a_job_from_its_begin_to_its_end(db: Database) -> None:
    before = time.time()
    asked = ask(db, consent=True)
    assert (asked.state, asked.kind, asked.root, asked.arguments, asked.caller) == ("queued", "index", "/x", {"consent": True}, "me")
    assert (asked.done, asked.total, asked.started, asked.finished, asked.eta_s, asked.over) == (0, 0, None, None, None, False)
    assert before <= asked.created <= time.time()
    taken = take(db)
    assert (taken.id, taken.state, taken.owner) == (asked.id, "running", "w")
    assert taken.started is not None
    jobs.report(db, asked.id, "w", step="index", done=25, total=100, rate=50.0)
    told = jobs.get(db, asked.id)
    assert told is not None
    assert (told.step, told.done, told.total, told.rate, told.eta_s) == ("index", 25, 100, 50.0, 1.5)
    assert jobs.ask(db, asked.id, "w") == ""
    jobs.end(db, asked.id, "w", "done", result={"read": 100})
    over = jobs.get(db, asked.id)
    assert over is not None
    assert (over.state, over.owner, over.result, over.eta_s, over.over) == ("done", "", {"read": 100}, None, True)
    assert over.finished is not None
    assert jobs.claim(db, "w", everybody, 9) is None
    assert db.verify() == []


def test_the_same_asked_for_twice_is_one_job(db: Database) -> None:
    one = ask(db)
    assert ask(db, priority=5).id == one.id
    assert ask(db, priority=1).id == one.id
    assert [job.priority for job in jobs.every(db)] == [5]
    others = {ask(db, "/y").id, ask(db, kind="rebuild").id, ask(db, consent=True).id}
    assert len({one.id, *others}) == 4
    assert jobs.pause(db, one.id)
    assert ask(db).id == one.id
    assert state(db, one.id) == "paused"
    assert jobs.cancel(db, one.id)
    assert ask(db).id != one.id


def test_asked_for_again_while_it_runs_it_runs_once_more(db: Database) -> None:
    one = ask(db)
    take(db)
    assert ask(db).id == one.id
    jobs.end(db, one.id, "w", "done")
    assert state(db, one.id) == "done"
    two = ask(db)
    take(db)
    assert {ask(db, again=True).id for _ in range(3)} == {two.id}
    jobs.end(db, two.id, "w", "done")
    assert state(db, two.id) == "queued"
    take(db)
    jobs.end(db, two.id, "w", "done")
    assert state(db, two.id) == "done"


def test_who_is_asked_to_stop_and_then_again_is_asked_for_starts_again(db: Database) -> None:
    one = ask(db)
    take(db)
    jobs.cancel(db, one.id)
    ask(db, again=True)
    jobs.end(db, one.id, "w", "cancelled")
    assert state(db, one.id) == "queued"
    take(db)
    ask(db, again=True)
    jobs.cancel(db, one.id)
    jobs.end(db, one.id, "w", "cancelled")
    assert state(db, one.id) == "cancelled"


def test_the_order_is_priority_then_age_and_one_runs_a_root(db: Database) -> None:
    roots = {ask(db, "/a").id: "a", ask(db, "/b").id: "b", ask(db, "/a", "rebuild").id: "a rebuilt", ask(db, "/c", priority=1).id: "c"}
    order = []
    while job := jobs.claim(db, f"w{len(order)}", everybody, 9):
        order.append(roots[job.id])
    assert order == ["c", "a", "b"]
    assert [roots[job.id] for job in jobs.every(db)] == ["c", "a", "b", "a rebuilt"]
    (first,) = [job for job in jobs.every(db) if roots[job.id] == "a"]
    jobs.end(db, first.id, first.owner, "done")
    assert roots[take(db, "w9").id] == "a rebuilt"


def test_no_more_than_so_many_run_at_once(db: Database) -> None:
    for n in range(5):
        ask(db, f"/{n}")
    taken = [take(db, f"w{n}", at_once=2) for n in range(2)]
    assert jobs.claim(db, "late", everybody, 2) is None
    running, ready = jobs.ready(jobs.active(db), everybody, 4)
    assert ([job.id for job in running], [job.root for job in ready]) == ([job.id for job in taken], ["/2", "/3"])
    jobs.end(db, taken[0].id, "w0", "done")
    assert take(db, "late", at_once=2).root == "/2"


def test_what_is_about_everything_runs_alone_and_is_not_overtaken(db: Database) -> None:
    first = ask(db, "/a")
    take(db)
    ask(db, "", "rebuild")
    ask(db, "/b")
    assert jobs.claim(db, "w2", everybody, 9) is None
    jobs.end(db, first.id, "w", "done")
    assert take(db).kind == "rebuild"
    assert jobs.claim(db, "w2", everybody, 9) is None


def test_pause_and_resume(db: Database) -> None:
    one = ask(db)
    assert jobs.pause(db, one.id)
    assert state(db, one.id) == "paused"
    assert jobs.claim(db, "w", everybody, 9) is None
    again = jobs.resume(db, one.id)
    assert again is not None
    assert again.state == "queued"
    take(db)
    assert jobs.pause(db, one.id)
    assert jobs.ask(db, one.id, "w") == "pause"
    assert jobs.resume(db, one.id) is not None
    assert jobs.ask(db, one.id, "w") == ""  # before it was heeded
    jobs.pause(db, one.id)
    jobs.end(db, one.id, "w", "paused")
    assert (state(db, one.id), jobs.ask(db, one.id, "w")) == ("paused", "lost")
    assert jobs.cancel(db, one.id)
    assert not jobs.pause(db, one.id)
    assert jobs.resume(db, one.id) is None
    assert jobs.cancel(db, one.id)  # it is
    assert not jobs.cancel(db, "nothing")


def test_what_failed_can_be_gone_on_with_unless_it_was_asked_for_since(db: Database) -> None:
    one = ask(db)
    take(db)
    jobs.staged(db, one.id, "w", "half")
    jobs.end(db, one.id, "w", "failed", fault="DiskFull", error="No room.")
    failed = jobs.get(db, one.id)
    assert failed is not None
    assert (failed.state, failed.fault, failed.error) == ("failed", "DiskFull", "No room.")
    two = ask(db)
    assert two.id != one.id
    found = jobs.resume(db, one.id)
    assert found is not None
    assert found.id == two.id
    jobs.cancel(db, two.id)
    found = jobs.resume(db, one.id)
    assert found is not None
    assert (found.id, found.state, found.error) == (one.id, "queued", "")


def test_a_job_whose_process_died_is_taken_again(db: Database) -> None:
    one = ask(db)
    take(db)
    jobs.staged(db, one.id, "w", "half")
    (seen,) = jobs.every(db)
    assert jobs.as_it_is(seen, nobody).state == "queued"
    assert jobs.as_it_is(seen, everybody) is seen
    assert jobs.claim(db, "w2", everybody, 9) is None
    taken = take(db, "w2", lambda owner: owner == "w2")
    assert (taken.id, taken.owner, taken.stage, taken.deaths) == (one.id, "w2", "half", 1)
    # What the first one says now, if it was not dead after all, counts no more.
    jobs.report(db, one.id, "w", step="index", done=99, total=100, rate=1.0)
    jobs.end(db, one.id, "w", "done")
    assert jobs.get(db, one.id) == taken
    assert jobs.ask(db, one.id, "w") == "lost"


@pytest.mark.parametrize(("steer", "becomes"), [(jobs.pause, "paused"), (jobs.cancel, "cancelled")])
def test_what_was_asked_of_a_process_that_died_is_so(db: Database, steer: Callable[[Database, str], bool], becomes: str) -> None:
    one = ask(db)
    take(db)
    steer(db, one.id)
    (seen,) = jobs.every(db)
    assert jobs.as_it_is(seen, nobody).state == becomes
    ask(db, "/y")
    assert take(db, "w2", nobody).root == "/y"
    assert state(db, one.id) == becomes


def test_one_that_dies_again_and_again_has_failed_but_not_if_it_gets_on(db: Database) -> None:
    one = ask(db)
    for n in range(jobs.DEATHS):
        assert take(db, f"w{n}", nobody).deaths == n
    assert jobs.claim(db, "w", nobody, 9) is None
    failed = jobs.get(db, one.id)
    assert failed is not None
    assert failed.state == "failed"
    assert f"died {jobs.DEATHS} times" in failed.error
    jobs.resume(db, one.id)
    for n in range(2 * jobs.DEATHS):
        take(db, f"w{n}", nobody)
        jobs.report(db, one.id, f"w{n}", step="index", done=1, total=9, rate=1.0)
    assert state(db, one.id) == "running"


def test_only_the_newest_of_those_that_are_over_are_kept(db: Database) -> None:
    waiting = ask(db, "/waits")
    jobs.pause(db, waiting.id)
    with db.transaction():
        for n in range(jobs.KEPT + 5):
            ask(db, f"/{n}", again=True)
    for _ in range(jobs.KEPT + 5):
        job = take(db)
        jobs.end(db, job.id, "w", "done")
    found = jobs.every(db)
    assert len(found) == jobs.KEPT + 1
    assert found[0].id == waiting.id
    assert (found[1].root, found[-1].root) == (f"/{jobs.KEPT + 4}", "/5")


def test_those_who_take_at_once_take_each_job_once_and_never_too_many(where: str) -> None:
    with Database.connect(where) as db:
        ids = {ask(db, f"/{n}").id for n in range(30)}
    took: list[str] = []
    many: list[int] = []

    def work(owner: str) -> None:
        with Database.connect(where) as db:
            while job := jobs.claim(db, owner, everybody, 3):
                many.append(sum(one.state == "running" for one in jobs.active(db)))
                took.append(job.id)
                jobs.end(db, job.id, owner, "done")

    with ThreadPoolExecutor(5) as threads:
        for end in [threads.submit(work, f"w{n}") for n in range(5)]:
            end.result()
    assert sorted(took) == sorted(ids)
    assert max(many) <= 3


def test_a_catalogue_from_before_jobs_is_upgraded_with_what_is_in_it(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    dialect: schema.DialectName = "postgresql" if "://" in where else "sqlite"
    version = (
        f"CREATE TABLE {schema.VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, CONSTRAINT {schema.VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
    )
    raw(
        where,
        *schema.statements("0001", dialect),
        *schema.statements("0002", dialect),
        version,
        f"INSERT INTO {schema.VERSION_TABLE} VALUES ('0002')",
        "INSERT INTO scopes (id, root, created_at, known_files, indexed_files) VALUES ('s', '/x', 1.5, 1, 1)",
    )
    fresh = request.getfixturevalue("server").empty_schema() if "://" in where else str(tmp_path / "fresh.db")
    with Database.connect(where) as old, Database.connect(fresh) as new:
        assert shape(old, where) == shape(new, fresh)
        assert old.verify() == []
        assert [(s.root, s.created_at) for s in scopes.all(old)] == [("/x", 1.5)]
        ask(old)
        assert take(old).root == "/x"
