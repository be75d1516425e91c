"""The catalogue in a Postgres database: how it is reached, and what its errors mean to a user. The only module that imports psycopg."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from ..errors import ConfigurationError, DiskFull, GromaError, ReadOnly, Refused, StoreUnreachable, UsageError
from .database import damaged
from .schema import DialectName, by_table, columns

__all__ = ["PostgresDialect"]

LOCK_SECONDS = 10
CONNECT_SECONDS = 10

_ADVISORY_LOCK = 0x67726F6D61  # "groma"

# A lost connection, a full server, a lock or a deadlock: the same call may well succeed later.
_PASSING = (psycopg.OperationalError, psycopg.InterfaceError, pg.SerializationFailure)
_PARENTS = {"manifests": ("scope_id", "scopes"), "generations": ("scope_id", "scopes"), "memory_anchors": ("memory_id", "memories")}
"""Which row a row of a table belongs to. (Events of memories may outlive them.)"""
_DAMAGED = (pg.DataCorrupted, pg.IndexCorrupted, pg.UndefinedTable, pg.UndefinedColumn)


class PostgresDialect:
    """A database, or a schema of one (by `options=-csearch_path=…` in the URL), whose tables groma makes."""

    name: DialectName = "postgresql"
    shared = True
    read_only = False
    foreign: type[Exception] = psycopg.Error
    begin: tuple[str, ...] = ("BEGIN",)
    alone: tuple[str, ...] = ("BEGIN", f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self._asked = read_only
        try:
            self._arguments = conninfo_to_dict(url)
        except psycopg.ProgrammingError as e:
            # The message of libpq may quote the URL, password and all.
            raise ConfigurationError("The catalogue's postgresql:// URL cannot be understood; expected postgresql://user@host/database.") from e
        named = {key: self._arguments.get(key) for key in ("user", "host", "port", "dbname")}
        self.where = "postgresql database " + " ".join(f"{key}={value}" for key, value in named.items() if value)

    def open(self) -> psycopg.Connection[Any]:
        settings: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "application_name": "groma", **self._arguments, "client_encoding": "utf8"}
        connection: psycopg.Connection[Any] = psycopg.connect(make_conninfo(**settings), autocommit=True)
        try:
            connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            if self._asked:
                connection.execute("SET default_transaction_read_only = on")
            state = connection.execute("SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool").fetchone()
        except BaseException:
            connection.close()
            raise
        self.read_only = bool(state and state[0])
        return connection

    def outdated(self) -> bool:
        return False

    def spelled(self, sql: str) -> str:
        return _with_percent(sql)

    def active(self, connection: psycopg.Connection[Any]) -> bool:
        return connection.info.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)

    def prepare(self, connection: psycopg.Connection[Any]) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise ConfigurationError(f"{self.where} has the encoding {encoding}; groma needs a database made with ENCODING 'UTF8'.")

    def tables(self, connection: psycopg.Connection[Any]) -> dict[str, frozenset[str]]:
        rows = connection.execute(
            "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema()"
        ).fetchall()
        return by_table(rows)

    def state(self, connection: Any) -> None:
        return None

    def scrub(self, connection: psycopg.Connection[Any]) -> bool:
        for table in ("memories", "memory_anchors", "memory_events"):
            connection.execute(f"VACUUM FULL {table}")
        return True

    def problems(self, connection: psycopg.Connection[Any]) -> list[str]:
        """Reads every row of our tables (a damaged page raises), and looks for references and indexes that are not as they should be."""
        found = []
        for table in columns():
            connection.execute(f"SELECT sum(length(t::text)) FROM {table} t")
            if table in _PARENTS:
                column, parent = _PARENTS[table]
                orphans = connection.execute(
                    f"SELECT 1 FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.id = t.{column}) LIMIT 100"
                ).fetchall()
                found += [f"a row of {table} refers to a row of {parent} that is not there"] * len(orphans)
        broken = connection.execute(
            "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class c ON c.oid = indrelid "
            "WHERE NOT indisvalid AND c.relnamespace = current_schema()::regnamespace"
        ).fetchall()
        return found + [f"index {name} is not valid" for (name,) in broken]

    def error(self, e: Exception) -> GromaError | None:
        if isinstance(e, pg.DiskFull):
            return DiskFull(f"No room left for the catalogue in the {self.where}; free some space and run the same command again.")
        if isinstance(e, pg.ReadOnlySqlTransaction):
            return ReadOnly(f"The catalogue in the {self.where} cannot be written: it is a standby or set to read-only.")
        if isinstance(e, pg.InsufficientPrivilege):
            return Refused(f"The {self.where} refuses: {_first_line(e)}.")
        if isinstance(e, pg.InvalidSchemaName):
            return ConfigurationError(f"The {self.where} has no schema to make tables in: {_first_line(e)}.")
        if isinstance(e, pg.ProgramLimitExceeded):
            return UsageError(f"The {self.where} cannot hold a path or root this long: {_first_line(e)}.")
        if isinstance(e, _DAMAGED):
            return damaged(self.where, _first_line(e))
        if isinstance(e, _PASSING):
            return StoreUnreachable(f"The {self.where} does not answer: {_first_line(e)}.")
        return None


def _first_line(e: Exception) -> str:
    return (str(e).strip().splitlines() or [type(e).__name__])[0].rstrip(".")


_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\?|%")


@lru_cache
def _with_percent(sql: str) -> str:
    """`?` becomes `%s`, but not in a literal or a quoted name; `%` is doubled everywhere, as psycopg wants it."""
    return _TOKEN.sub(lambda m: "%s" if m[0] == "?" else m[0].replace("%", "%%"), sql)
