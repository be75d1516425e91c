"""Transactions, addresses and errors, the same on both databases."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from groma.catalogue import manifests, scopes
from groma.catalogue.database import Database
from groma.errors import CatalogueDamaged, ConfigurationError, GromaError, StoreUnreachable
from tests.catalogue.samples import columns


@pytest.fixture
def other(db: Database, where: str) -> Iterator[Database]:
    """A second connection."""
    with Database.connect(where) as database:
        yield database


def roots(db: Database) -> list[str]:
    return [s.root for s in scopes.all(db)]


def test_a_transaction_is_seen_by_others_when_it_is_whole(db: Database, other: Database) -> None:
    with db.transaction():
        scopes.ensure(db, "/a")
        scopes.ensure(db, "/b")
        assert roots(db) == ["/a", "/b"]
        assert roots(other) == []
    assert roots(other) == ["/a", "/b"]


def test_an_error_undoes_all_of_a_transaction(db: Database) -> None:
    scopes.ensure(db, "/before")
    with pytest.raises(KeyboardInterrupt), db.transaction():  # noqa: PT012
        scopes.ensure(db, "/a")
        raise KeyboardInterrupt
    assert roots(db) == ["/before"]
    scopes.ensure(db, "/after")
    assert roots(db) == ["/after", "/before"]


def test_an_inner_transaction_is_part_of_the_outer(db: Database, other: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction():  # noqa: PT012
        with db.transaction():
            scopes.ensure(db, "/a")
        assert roots(other) == []
        raise ZeroDivisionError
    assert roots(db) == []


@pytest.mark.parametrize("broken", ["SELECT * FROM no_such_table", "INSERT INTO scopes (id) VALUES ('x')", "SELEKT"])
def test_a_transaction_in_which_something_failed_keeps_nothing_even_if_the_error_was_caught(db: Database, broken: str) -> None:
    with pytest.raises(GromaError, match="had failed"), db.transaction():  # noqa: PT012
        scopes.ensure(db, "/a")
        with pytest.raises(Exception, match=r".+"):
            db.execute(broken)
    assert roots(db) == []
    with pytest.raises(GromaError, match="had failed"), db.transaction(), pytest.raises(ZeroDivisionError), db.transaction():  # noqa: PT012
        scopes.ensure(db, "/a")
        raise ZeroDivisionError
    assert roots(db) == []
    scopes.ensure(db, "/a")


def test_statements_alone_commit(db: Database, other: Database) -> None:
    assert db.execute("INSERT INTO scopes (id, root, created_at, known_files, indexed_files) VALUES (?, ?, ?, ?, ?)", ("i", "/r", 1.5, 2, 3)) == 1
    assert other.query("SELECT id, root, created_at, known_files, indexed_at FROM scopes") == [("i", "/r", 1.5, 2, None)]
    assert db.execute("DELETE FROM scopes WHERE root = ?", ("/none",)) == 0


def test_a_question_mark_in_a_literal_is_no_parameter_and_percent_is_itself(db: Database) -> None:
    sql = "SELECT 'really? it''s ?', '100%s %', ? AS \"what?\", 'a' LIKE 'a%', 7 % 4, ?"
    (row,) = db.query(sql, ("?", "%s"))
    assert (*row[:3], bool(row[3]), *row[4:]) == ("really? it's ?", "100%s %", "?", True, 3, "%s")


def test_a_transaction_of_many_rows_is_undone_whole(db: Database) -> None:
    scope = scopes.ensure(db, "/x")
    manifests.record(db, scope.id, columns(["kept.py"]))
    with pytest.raises(ZeroDivisionError), db.transaction():  # noqa: PT012
        manifests.record(db, scope.id, columns(f"{i}.py" for i in range(1000)))
        manifests.remove(db, scope.id, ["kept.py"])
        raise ZeroDivisionError
    assert manifests.load(db, scope.id).paths == ["kept.py"]


def test_a_reader_does_not_wait_for_a_writer(db: Database, other: Database) -> None:
    scope = scopes.ensure(db, "/x")
    manifests.record(db, scope.id, columns(["a.py"]))
    with db.transaction():
        manifests.record(db, scope.id, columns(["b.py"]))
        assert manifests.load(other, scope.id).paths == ["a.py"]


def test_waiting_for_a_lock_ends(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groma.catalogue.sqlite.BUSY_SECONDS", 1)
    pytest.importorskip("psycopg")
    monkeypatch.setattr("groma.catalogue.postgres.LOCK_SECONDS", 1)
    with Database.connect(where) as db, Database.connect(where) as other:
        scope = scopes.ensure(db, "/x")
        with db.transaction():
            scopes.begin_run(db, scope.id)
            with pytest.raises(StoreUnreachable) as caught:
                scopes.begin_run(other, scope.id)
            assert caught.value.retryable
        scopes.begin_run(other, scope.id)


def test_a_connection_may_be_closed_by_another_thread_and_twice(where: str) -> None:
    db = Database.connect(where)
    thread = threading.Thread(target=db.close)
    thread.start()
    thread.join()
    db.close()
    with Database.connect(where) as again:
        assert again.verify() == []


def test_closing_undoes_an_open_transaction(where: str) -> None:
    db = Database.connect(where)
    transaction = db.transaction()
    transaction.__enter__()
    scopes.ensure(db, "/x")
    db.close()
    with Database.connect(where) as again:
        assert roots(again) == []


def test_verify_finds_lost_tables_columns_and_references(db: Database) -> None:
    scope = scopes.ensure(db, "/x")
    manifests.record(db, scope.id, columns(["a.py"]))
    assert db.verify() == []
    db.execute("ALTER TABLE generations RENAME COLUMN profile TO prophile")
    assert db.verify() == ["catalogue: table generations has lost profile"]
    db.execute("DROP TABLE generations")
    assert "catalogue: table generations is missing" in db.verify()
    with pytest.raises(CatalogueDamaged, match="generations"):
        db.query("SELECT * FROM generations")


def test_verify_finds_rows_whose_scope_is_gone(db: Database, where: str) -> None:
    scope = scopes.ensure(db, "/x")
    manifests.record(db, scope.id, columns(["a.py"]))
    if "://" in where:
        db.execute("ALTER TABLE manifests DROP CONSTRAINT manifests_scope_id_fkey")
    else:
        db.execute("PRAGMA foreign_keys = OFF")
    scopes.delete(db, scope.id)
    assert db.verify() == ["catalogue: a row of manifests refers to a row of scopes that is not there"]


def test_a_fault_of_groma_is_not_hidden(db: Database) -> None:
    with pytest.raises(Exception, match="syntax error") as caught:
        db.execute("SELEKT 1")
    assert not isinstance(caught.value, GromaError)


# ------------------------------------------------------------------------------------------------------------------------ addresses


def test_a_path_is_made_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet?" / "50% #1.db"
    with Database.connect(path) as db:
        assert not db.read_only
        assert db.where == str(path)
        assert db.query("PRAGMA journal_mode") == [("wal",)]
        assert db.query("PRAGMA synchronous") == [(2,)]
        assert db.query("PRAGMA foreign_keys") == [(1,)]
        assert db.query("PRAGMA busy_timeout") == [(10_000,)]
    assert [p.name for p in path.parent.iterdir()] == ["50% #1.db"]


def test_memory_is_a_file_name_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Database.connect(":memory:").close()
    assert (tmp_path / ":memory:").exists()


@pytest.mark.parametrize("where", ["mysql://localhost/groma", "sqlite:///x.db", "postgresql+psycopg://localhost/x"])
def test_other_databases_are_refused(where: str) -> None:
    with pytest.raises(ConfigurationError, match=r"not \w+"):
        Database.connect(where)


def test_without_psycopg_a_postgres_url_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "groma.catalogue.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match="pip install"):
        Database.connect("postgresql://localhost/groma")


def test_two_sqlite_libraries_are_not_loaded() -> None:
    """One library a process: a second one would drop the first one's locks."""
    assert "pysqlite3" not in sys.modules
    assert sqlite3.sqlite_version_info >= (3, 24)
