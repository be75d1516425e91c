"""What only Postgres does: passwords, permissions, standbys, other tables, lost connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from groma.catalogue import manifests, schema, scopes
from groma.catalogue.database import Database
from groma.errors import ConfigurationError, GromaError, ReadOnly, Refused, StoreUnreachable, UsageError
from tests.catalogue.samples import columns
from tests.services import Postgres


@pytest.fixture(autouse=True)
def _psycopg() -> None:
    pytest.importorskip("psycopg")


@pytest.fixture
def db(server: Postgres) -> Iterator[Database]:
    with Database.connect(server.empty_schema()) as database:
        yield database


@pytest.mark.parametrize(
    "where",
    ["postgresql://me:secret@/x?host=/nonexistent", "postgresql://me:secret@127.0.0.1:1/x", "postgres://me:secret@[::1]:1/x?connect_timeout=2"],
)
def test_a_server_that_is_not_there(where: str) -> None:
    with pytest.raises(StoreUnreachable) as caught:
        Database.connect(where)
    assert (caught.value.exit_code, caught.value.retryable) == (4, True)
    assert "user=me" in caught.value.message
    assert "secret" not in caught.value.message


def test_a_url_that_is_none_does_not_show_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Database.connect("postgresql://me:secret@host/x?no_such_option=1")
    assert "secret" not in caught.value.message
    assert "\n" not in caught.value.message


def test_a_database_that_is_not_there(server: Postgres) -> None:
    with pytest.raises(StoreUnreachable, match="does not exist"):
        Database.connect(server.url("nonesuch"))


def test_a_lost_connection(server: Postgres, db: Database) -> None:
    (pid,) = db.query("SELECT pg_backend_pid()")[0]

    def lose_it() -> None:
        with db.transaction():
            scopes.ensure(db, "/x")
            server.run(f"SELECT pg_terminate_backend({pid})")
            scopes.ensure(db, "/y")

    with pytest.raises(StoreUnreachable, match="does not answer"):
        lose_it()
    with pytest.raises(StoreUnreachable):
        scopes.all(db)
    with pytest.raises(StoreUnreachable):
        db.verify()
    with pytest.raises(StoreUnreachable), db.transaction():
        pass


def test_a_database_that_may_only_be_read(server: Postgres) -> None:
    where = server.empty_database()
    with Database.connect(where) as db:
        assert not db.read_only
        scopes.ensure(db, "/x")
    name = where.split("/")[3].split("?")[0]
    server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with Database.connect(where) as db:
        assert db.read_only
        assert [s.root for s in scopes.all(db)] == ["/x"]
        assert db.verify() == []
        with pytest.raises(ReadOnly):
            scopes.ensure(db, "/y")
        with pytest.raises(ReadOnly), db.transaction():
            scopes.begin_run(db, scopes.ensure(db, "/x").id)
        assert scopes.find(db, "/y") is None
    other = server.empty_database()
    name = other.split("/")[3].split("?")[0]
    server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(ReadOnly, match="must be made"):
        Database.connect(other)


def test_a_role_without_rights(server: Postgres) -> None:
    where = server.empty_schema()
    schema = where.rpartition("D")[2]
    Database.connect(where).close()
    server.run("CREATE ROLE guest LOGIN")
    guest = where.replace("//groma@", "//guest@")
    try:
        with pytest.raises(GromaError) as caught:
            Database.connect(guest)
        assert caught.value.exit_code == 3
        server.run(f"GRANT USAGE ON SCHEMA {schema} TO guest", f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO guest")
        with Database.connect(guest) as db:
            assert scopes.all(db) == []
            with pytest.raises(Refused, match="permission denied"):
                scopes.ensure(db, "/x")
    finally:
        server.run("DROP OWNED BY guest", "DROP ROLE guest")


def test_a_schema_that_is_not_there(server: Postgres) -> None:
    with pytest.raises(ConfigurationError, match="no schema"):
        Database.connect(f"{server.url('postgres')}&options=-csearch_path%3Dnonesuch")


def test_other_programs_tables_are_left_alone(server: Postgres) -> None:
    where = server.empty_database()
    with Database.connect(where) as db:
        for table in reversed(schema.columns()):
            db.execute(f"DROP TABLE {table}")
        db.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        db.execute("INSERT INTO alembic_version VALUES ('abc')")
    with Database.connect(where) as db:
        scopes.ensure(db, "/x")
        assert db.query("SELECT version_num FROM alembic_version") == [("abc",)]
        assert db.verify() == []
        for table in reversed(schema.columns()):
            db.execute(f"DROP TABLE {table}")
        db.execute("CREATE TABLE scopes (oauth TEXT)")
    with pytest.raises(Refused, match="tables scopes that are not groma's"):
        Database.connect(where)


def test_a_database_in_another_encoding(server: Postgres) -> None:
    with pytest.raises(ConfigurationError, match="encoding LATIN1"):
        Database.connect(server.empty_database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))


def test_order_does_not_follow_the_locale_of_the_database(server: Postgres) -> None:
    try:
        where = server.empty_database("LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' TEMPLATE template0")
    except Exception as e:  # noqa: BLE001 - a build without ICU
        pytest.skip(f"no other locale to test with: {e}")
    with Database.connect(where) as db:
        assert db.query("SELECT 'a' < 'B'") == [(True,)]
        scope = scopes.ensure(db, "/x").id
        manifests.record(db, scope, columns(["a", "B", "ä", "-", "A", "_", "z"]))
        assert manifests.load(db, scope).paths == ["-", "A", "B", "_", "a", "z", "ä"]


def test_a_path_too_long_for_an_index(db: Database) -> None:
    import random

    scope = scopes.ensure(db, "/x").id
    manifests.record(db, scope, columns(["deep/" * 800]))
    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=4000))
    with pytest.raises(UsageError, match="this long"):
        manifests.record(db, scope, columns(["a.py", noise]))
    assert manifests.load(db, scope).paths == ["deep/" * 800]


def test_of_two_transactions_that_wait_for_one_another_one_fails_and_may_be_tried_again(server: Postgres) -> None:
    where = server.empty_schema()
    with Database.connect(where) as db:
        a, b = (scopes.ensure(db, root).id for root in ("/a", "/b"))
    barrier = threading.Barrier(2)
    failures: list[GromaError] = []

    def cross(first: str, second: str) -> None:
        with Database.connect(where) as db:
            try:
                with db.transaction():
                    scopes.claim(db, first)
                    barrier.wait(10)
                    scopes.finish_run(db, second, known=1, indexed=1, max_file_bytes=1)
            except StoreUnreachable as e:
                failures.append(e)

    threads = [threading.Thread(target=cross, args=pair) for pair in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [e.retryable for e in failures] == [True]
    with Database.connect(where) as db:
        assert sorted(s.known for s in scopes.all(db)) == [0, 1]
