"""Making and upgrading the tables: one source, two ways, the same result."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groma.catalogue import manifests, memories, memory_events, memory_writes, migrate, schema, scopes
from groma.catalogue.database import Database
from groma.errors import CatalogueDamaged, ReadOnly, Refused
from groma.records import Memory
from tests.catalogue.samples import REPOSITORY, columns, unprivileged, worker
from tests.services import Postgres

HEAVY = "import sys; print([m for m in ('alembic', 'sqlalchemy', 'psycopg', 'mako') if m in sys.modules])"


def raw(where: str, *statements: str) -> None:
    """Run statements on the database itself, around groma."""
    if "://" in where:
        import psycopg

        with psycopg.connect(where, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
    else:
        import sqlite3

        connection = sqlite3.connect(where, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()


def version_0(where: str) -> None:
    """A catalogue from before the first revision: Alembic's row is there and empty, as `alembic downgrade base` leaves it."""
    raw(where, next(s for s in schema.creation("sqlite") if schema.VERSION_TABLE in s))


def shape(db: Database, where: str) -> list[tuple]:
    """Everything the database knows of its tables."""
    if "://" in where:
        columns = db.query(
            "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text, collation_name::text, "
            "character_maximum_length::int FROM information_schema.columns WHERE table_schema = current_schema()"
        )
        constraints = db.query(
            "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), '' FROM pg_constraint "
            "WHERE connamespace = current_schema()::regnamespace UNION ALL "
            "SELECT tablename::text, indexname::text, replace(indexdef, current_schema(), ''), '' FROM pg_indexes WHERE schemaname = current_schema()"
        )
        return sorted(columns + constraints, key=repr)
    return [(n, " ".join(s.split())) for n, s in db.query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")]


def in_new_process(where: str) -> str:
    """Open, read and write in a fresh interpreter; which heavy modules that loaded."""
    script = f"""
from groma.catalogue import generations, manifests, scopes
from groma.catalogue.database import Database
with Database.connect({where!r}) as db:
    scope = scopes.ensure(db, "/x")
    manifests.load(db, scope.id), generations.flip(db, scope.id, "code", "p")
    assert db.verify() == []
{HEAVY}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    return done.stdout.strip()


def test_alembic_is_loaded_only_to_upgrade(tmp_path: Path) -> None:
    where = str(tmp_path / "catalogue.db")
    assert in_new_process(where) == "[]"  # made
    assert in_new_process(where) == "[]"  # current
    old = str(tmp_path / "old.db")
    version_0(old)
    assert in_new_process(old) == "['alembic', 'sqlalchemy', 'mako']"
    assert in_new_process(old) == "[]"


def test_on_postgres_alembic_is_loaded_only_to_upgrade(server: Postgres) -> None:
    where = server.empty_database()
    assert in_new_process(where) == "['psycopg']"
    assert in_new_process(where) == "['psycopg']"
    old = server.empty_database()
    version_0(old)
    assert in_new_process(old) == "['alembic', 'sqlalchemy', 'psycopg', 'mako']"
    assert in_new_process(old) == "['psycopg']"


def test_every_revision_has_a_version_file_and_the_chain_is_whole() -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(migrate.SCRIPTS))
    chain = [s.revision for s in scripts.walk_revisions()][::-1]
    assert chain == list(schema.REVISIONS)
    assert scripts.get_heads() == [schema.HEAD]


def test_upgraded_and_fresh_catalogues_have_the_same_tables(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    fresh = request.getfixturevalue("server").empty_schema() if "://" in where else str(tmp_path / "fresh.db")
    version_0(where)
    with Database.connect(where) as old, Database.connect(fresh) as new:
        assert shape(old, where) == shape(new, fresh)
        assert old.query(f"SELECT version_num FROM {schema.VERSION_TABLE}") == [(schema.HEAD,)]
        assert old.verify() == new.verify() == []
        if "://" not in where:
            assert old.query("PRAGMA journal_mode") == [("wal",)]
        manifests.record(old, scopes.ensure(old, "/x").id, columns(["a.py"]))


def test_opening_again_and_upgrading_again_change_nothing(where: str) -> None:
    with Database.connect(where) as db:
        scope = scopes.ensure(db, "/x")
        manifests.record(db, scope.id, columns(["a.py"]))
        before = shape(db, where)
        migrate.upgrade(db._dialect)
        migrate.upgrade(db._dialect)
    with Database.connect(where) as db:
        assert shape(db, where) == before
        assert manifests.load(db, scope.id).paths == ["a.py"]


def later_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    """A groma to come, which has one more revision."""
    scripts = tmp_path / "50% migrations"
    shutil.copytree(migrate.SCRIPTS, scripts)
    first = next((scripts / "versions").glob("v0001_*.py")).read_text()
    (scripts / "versions" / "v9999_notes.py").write_text(
        first.replace('revision = "0001"\ndown_revision = None', f'revision = "9999"\ndown_revision = "{schema.HEAD}"')
    )
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)
    monkeypatch.setitem(schema.REVISIONS, "9999", (statement,))
    monkeypatch.setattr(schema, "HEAD", "9999")


def test_an_upgrade_keeps_what_is_there(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.connect(where) as db:
        scope = scopes.ensure(db, "/x")
        manifests.record(db, scope.id, columns(["a.py"]))
    with monkeypatch.context() as to_come:
        later_revision(tmp_path, to_come, "ALTER TABLE scopes ADD COLUMN note TEXT")
        with Database.connect(where) as db:
            assert scopes.find(db, "/x") == scope
            assert manifests.load(db, scope.id).paths == ["a.py"]
            assert db.query("SELECT note FROM scopes") == [(None,)]
            assert db.verify() == []
    with pytest.raises(Refused, match="newer groma"):
        Database.connect(where)


def before_memories(where: str) -> None:
    """A catalogue as the first groma left it, with a scope and a file in it."""
    dialect: schema.DialectName = "postgresql" if "://" in where else "sqlite"
    raw(
        where,
        *schema.statements("0001", dialect),
        f"CREATE TABLE {schema.VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, CONSTRAINT {schema.VERSION_TABLE}_pkc PRIMARY KEY (version_num))",
        f"INSERT INTO {schema.VERSION_TABLE} VALUES ('0001')",
        "INSERT INTO scopes (id, root, created_at, known_files, indexed_files) VALUES ('s', '/x', 1.5, 1, 1)",
        "INSERT INTO manifests (scope_id, path, size, mtime_ns, ctime_ns, inode, checked_ns) VALUES ('s', 'a.py', 1, 2, 3, 4, 5)",
    )


def test_a_catalogue_from_before_memories_is_upgraded_with_what_is_in_it(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    fresh = request.getfixturevalue("server").empty_schema() if "://" in where else str(tmp_path / "fresh.db")
    before_memories(where)
    with Database.connect(where) as old, Database.connect(fresh) as new:
        assert shape(old, where) == shape(new, fresh)
        assert old.verify() == []
        assert [(s.root, s.created_at) for s in scopes.all(old)] == [("/x", 1.5)]
        assert manifests.load(old, "s").paths == ["a.py"]
        assert memory_events.last(old) == 0
        added = memory_writes.add(old, memory_events.call("me"), Memory(id="m", content="one"))
        assert memories.get(old, "m") == added.memory


def test_an_upgrade_that_fails_leaves_everything_as_it_was(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.connect(where) as db:
        scope = scopes.ensure(db, "/x")
        before = shape(db, where)
    with monkeypatch.context() as to_come:
        later_revision(tmp_path, to_come, "ALTER TABLE no_such_table ADD COLUMN note TEXT")
        with pytest.raises(CatalogueDamaged, match="no_such_table"):
            Database.connect(where)
    with Database.connect(where) as db:
        assert scopes.find(db, "/x") == scope
        assert shape(db, where) == before
        assert db.verify() == []


def test_processes_that_upgrade_at_once(where: str) -> None:
    version_0(where)
    at = time.time() + 1.5
    workers = [worker("ensure", where, "/same", at) for _ in range(2)]
    assert len({w.communicate(timeout=60)[0] for w in workers}) == 1
    assert [w.returncode for w in workers] == [0] * 2
    with Database.connect(where) as db:
        assert db.verify() == []


def test_a_catalogue_of_a_newer_groma_is_left_alone(where: str) -> None:
    Database.connect(where).close()
    raw(where, f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(Refused, match=r"newer groma \(schema '9999', this one knows"):
        Database.connect(where)


def test_a_version_row_that_was_lost_is_damage(where: str) -> None:
    Database.connect(where).close()
    raw(where, f"DELETE FROM {schema.VERSION_TABLE}")
    with pytest.raises(CatalogueDamaged, match="not those of its version"):
        Database.connect(where)
    raw(where, f"INSERT INTO {schema.VERSION_TABLE} VALUES ('0001'), ('0000')")
    with pytest.raises(CatalogueDamaged, match="2 schema versions"):
        Database.connect(where)


def test_an_old_catalogue_that_cannot_be_written_is_not_upgraded(open_folder: Path) -> None:
    where = open_folder / "catalogue.db"
    version_0(str(where))
    where.chmod(0o444)
    open_folder.chmod(0o555)
    with pytest.raises(ReadOnly, match="must be upgraded and cannot be written"):
        unprivileged(lambda: Database.connect(where))
