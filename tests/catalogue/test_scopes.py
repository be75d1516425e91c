"""Scopes: one row a root, and how far its runs came."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from groma.catalogue import generations, manifests, scopes
from groma.catalogue.database import Database
from groma.catalogue.identity import uuid7
from groma.errors import NotIndexed, UsageError
from tests.catalogue.samples import columns, worker


def test_a_root_has_one_scope(db: Database) -> None:
    before = time.time()
    scope = scopes.ensure(db, "/home/me/project")
    assert before <= scope.created_at <= time.time()
    assert scope == scopes.Scope(scope.id, "/home/me/project", scope.created_at, None, None, 0, 0, None)
    assert scopes.ensure(db, "/home/me/project") == scopes.find(db, "/home/me/project") == scope
    assert scopes.find(db, "/home/me/Project") is None
    assert scopes.find(db, "/home/me/project/") is None


@pytest.mark.parametrize("root", ["/a b", '/it\'s "quoted"', "/new\nline", "/100%s ?", "/ordner/größe/文件夹/🦀", "C:\\Users\\me"])
def test_any_text_is_a_root(db: Database, root: str) -> None:
    scope = scopes.ensure(db, root)
    assert scopes.find(db, root) == scope
    assert scope.root == root


def test_a_root_that_is_not_unicode_is_refused(db: Database) -> None:
    with pytest.raises(UsageError, match="not valid Unicode"):
        scopes.ensure(db, "/caf\udce9")
    assert scopes.all(db) == []


def test_all_are_ordered_by_the_bytes_of_their_root(db: Database) -> None:
    for root in ("/b", "/a/x", "/B", "/a", "/ä", "/a-b"):
        scopes.ensure(db, root)
    assert [s.root for s in scopes.all(db)] == ["/B", "/a", "/a-b", "/a/x", "/b", "/ä"]


def test_a_run_begins_and_finishes(db: Database) -> None:
    scope = scopes.ensure(db, "/x")
    before = time.time()
    scopes.begin_run(db, scope.id)
    begun = scopes.ensure(db, "/x")
    assert begun.started_at is not None
    assert before <= begun.started_at <= time.time()
    assert (begun.indexed_at, begun.known, begun.indexed) == (None, 0, 0)

    scopes.finish_run(db, scope.id, known=12, indexed=10, max_file_bytes=1_000)
    finished = scopes.ensure(db, "/x")
    assert finished.indexed_at is not None
    assert begun.started_at <= finished.indexed_at <= time.time()
    assert (finished.started_at, finished.known, finished.indexed) == (None, 12, 10)

    scopes.begin_run(db, scope.id)
    again = scopes.ensure(db, "/x")
    assert (again.indexed_at, again.known, again.indexed, again.max_file_bytes) == (finished.indexed_at, 12, 10, 1_000)


def test_deleting_takes_everything_of_the_scope_and_nothing_else(db: Database) -> None:
    kept, gone = scopes.ensure(db, "/kept"), scopes.ensure(db, "/gone")
    for scope in (kept, gone):
        manifests.record(db, scope.id, columns(["a.py", "b.py"]))
        generations.flip(db, scope.id, "code", "p")
    scopes.delete(db, gone.id)
    scopes.delete(db, gone.id)
    assert [s.root for s in scopes.all(db)] == ["/kept"]
    assert manifests.load(db, gone.id).paths == []
    assert generations.current(db, gone.id, "code") is None
    assert manifests.load(db, kept.id).paths == ["a.py", "b.py"]
    assert db.verify() == []


def test_what_is_written_under_a_forgotten_scope_is_refused(db: Database) -> None:
    scope = scopes.ensure(db, "/x")
    scopes.delete(db, scope.id)
    for write in (
        lambda: scopes.begin_run(db, scope.id),
        lambda: scopes.finish_run(db, scope.id, known=1, indexed=1, max_file_bytes=1),
        lambda: manifests.record(db, scope.id, columns(["a.py"])),
        lambda: manifests.remove(db, scope.id, ["a.py"]),
        lambda: generations.flip(db, scope.id, "code", "p"),
    ):
        with pytest.raises(NotIndexed):
            write()
    assert db.verify() == []


def test_processes_that_ask_at_once_for_a_new_root_get_one_scope(where: str) -> None:
    """On a catalogue that is not there either: they race to make it, too."""
    at = time.time() + 1.5
    workers = [worker("ensure", where, "/same", at) for _ in range(4)]
    ids = {w.communicate(timeout=60)[0] for w in workers}
    assert [w.returncode for w in workers] == [0] * 4
    with Database.connect(where) as db:
        assert ids == {f"{s.id}\n" for s in scopes.all(db)}
        assert len(ids) == 1
        assert db.verify() == []


def test_connections_that_ask_at_once_for_a_new_root_get_one_scope(where: str) -> None:
    Database.connect(where).close()

    def ask(i: int) -> str:
        with Database.connect(where) as db:
            return scopes.ensure(db, f"/root{i % 5}").id

    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(ask, range(40)))
    assert len(set(ids)) == 5


def test_ids_are_version_7_and_sort_by_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = []
    for _ in range(3):
        ids.append(uuid7())
        time.sleep(0.002)
    assert ids == sorted(ids)
    for text in ids:
        value = uuid.UUID(text)
        assert (value.version, value.variant) == (7, uuid.RFC_4122)
        assert before <= value.int >> 80 <= time.time_ns() // 1_000_000
    assert len({uuid7() for _ in range(2000)}) == 2000
