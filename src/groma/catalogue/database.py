"""One connection to the catalogue, whichever database holds it: transactions, statements, errors of ours.

SQL is written once, with `?` for a parameter, in the part of the language that SQLite and Postgres share. What they do differently is in
`sqlite` and `postgres`; what the tables mean is in the query modules. This module knows neither.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from ..errors import CatalogueDamaged, ConfigurationError, GromaError, ReadOnly, Refused, UsageError
from . import schema

__all__ = ["Database", "Dialect", "damaged"]

T = TypeVar("T")

KEPT = 64
"""So many answers of the catalogue are remembered while nobody writes."""


class Dialect(Protocol):
    """What differs between the two databases. Connections are DB-API ones that commit each statement unless one began a transaction."""

    name: schema.DialectName
    where: str
    """The database as messages name it, without a password."""
    shared: bool
    """May other programs keep their tables beside ours?"""
    read_only: bool
    """Known after `open`."""
    foreign: type[Exception]
    """Base of the exceptions that `error` understands."""
    begin: tuple[str, ...]
    """Statements that begin a transaction."""
    alone: tuple[str, ...]
    """Statements that begin a transaction beside which there is no other begun by them."""

    def open(self) -> Any:
        """A new connection. Raises our errors, or foreign ones for `error`."""

    def outdated(self) -> bool:
        """Is what stands at the address no longer what `open` opened? Asked before every statement outside a transaction."""

    def spelled(self, sql: str) -> str:
        """The statement with this driver's mark for a parameter."""

    def active(self, connection: Any) -> bool:
        """Is a transaction open?"""

    def prepare(self, connection: Any) -> None:
        """Whatever must be so before tables are made or upgraded, outside a transaction."""

    def tables(self, connection: Any) -> dict[str, frozenset[str]]:
        """Table → columns, of everything that is there."""

    def state(self, connection: Any) -> Hashable | None:
        """Another value whenever anything in the database may have changed; None where that is not cheap to know."""

    def scrub(self, connection: Any) -> bool:
        """See `Database.scrub`."""

    def problems(self, connection: Any) -> list[str]:
        """What this database finds wrong with its own data."""

    def error(self, e: Exception) -> GromaError | None:
        """Our error for a foreign one; None if it is a fault of groma, which nobody should hide."""


class Database:
    """The catalogue, open. For one thread at a time; any number of processes and connections may read and write at once.

    A statement commits by itself unless `transaction` encloses it. Waiting for others' locks ends after ten seconds with StoreUnreachable
    (retryable; nothing of the transaction was written): nothing is ever retried in here, the caller knows whether to.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._depth = 0
        self._doomed = False
        self._connection: Any = None
        self._opened = 0
        self._kept_at: Hashable | None = None
        self._kept: dict[Hashable, Any] = {}
        with self._translated():
            self._connection = dialect.open()
        try:
            self._ensure_schema()
        except BaseException:
            self.close()
            raise

    @classmethod
    def connect(cls, where: str | Path, *, read_only: bool = False) -> Database:
        """Open the catalogue at `where`: a path (SQLite; made, with its folder, if it is not there) or a `postgresql://` URL.

        A file or folder that cannot be written, or that is to be only read, is opened for reading, and the first write raises ReadOnly. Raises
        CatalogueDamaged for a file that groma did not write or that lost bytes, Refused for one that a newer groma wrote, NotIndexed if it is
        not there and is to be only read, ReadOnly if it has to be made or upgraded and cannot, DiskFull, StoreUnreachable, and
        ConfigurationError for a URL that is none of ours.
        """
        if isinstance(where, Path) or "://" not in where:
            from .sqlite import SqliteDialect

            return cls(SqliteDialect(Path(where), read_only=read_only))
        if where.startswith(("postgresql://", "postgres://")):
            try:
                from .postgres import PostgresDialect
            except ImportError as e:
                raise ConfigurationError("A catalogue on Postgres needs psycopg 3; run: pip install 'psycopg[binary]>=3.2'.") from e
            return cls(PostgresDialect(where, read_only=read_only))
        scheme = where.partition("://")[0]
        raise ConfigurationError(f"The catalogue can be a file or a postgresql:// URL, not {scheme}://.")

    @property
    def where(self) -> str:
        """The database as messages name it, without a password."""
        return self._dialect.where

    @property
    def read_only(self) -> bool:
        """Is it known that every write would raise ReadOnly?"""
        return self._dialect.read_only

    # --------------------------------------------------------------------------------------------------------------- statements

    @contextmanager
    def transaction(self, *, alone: bool = False) -> Iterator[None]:
        """All or nothing. One inside another is part of the outer one; one that is `alone` has no other such one beside it, of any process.

        SQLite: no other writer from here on, and every read sees one state. Postgres: read committed, rows are locked as they are written.
        A statement that failed dooms the whole, even if its error was caught inside: leaving then raises GromaError.
        """
        if self._depth:
            self._depth += 1
            try:
                yield
            except BaseException:
                self._doomed = True
                raise
            finally:
                self._depth -= 1
            return
        with self._exclusively(self._dialect.alone if alone else self._dialect.begin):
            yield

    @contextmanager
    def _exclusively(self, begin: Sequence[str]) -> Iterator[None]:
        self._renew()
        self._depth, self._doomed = 1, False
        try:
            for statement in begin:
                self._run(statement)
            yield
            if self._doomed:
                raise GromaError("A statement of this transaction had failed, so none of it was kept.")
            with self._translated():
                self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        finally:
            self._depth, self._doomed = 0, False

    def _undo(self) -> None:
        """Roll back, unless the database did so itself (a full disk, a lost connection)."""
        try:
            if self._dialect.active(self._connection):
                self._connection.execute("ROLLBACK")
        except self._dialect.foreign:
            # The error on its way out says more than this one; a connection that cannot roll back is closed by the database, which does.
            self._connection.close()

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Run one statement; the number of rows it changed."""
        return int(self._run(sql, parameters).rowcount)

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each row, within a transaction (outside one, SQLite would sync the disk for every row)."""
        with self.transaction(), self._translated():
            self._connection.cursor().executemany(self._dialect.spelled(sql), rows)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement's result."""
        cursor = self._run(sql, parameters)
        with self._translated():
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def _run(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        self._renew()
        with self._translated():
            return self._connection.execute(self._dialect.spelled(sql), parameters)

    def _renew(self) -> None:
        """Open again what was replaced: a long-lived process must neither read nor write a catalogue that was set aside."""
        if self._depth or not self._dialect.outdated():
            return
        with self._translated():
            self._connection.close()
            self._connection = self._dialect.open()
        self._opened += 1
        self._ensure_schema()

    def remembered(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What `ask` returned for `key`, unless anything was written since, by whichever process: then it is asked again.

        Where a database does not cheaply tell that, and within a transaction, it is asked each time. Whoever asks for something that grows
        within the answer bounds it; of answers, `KEPT` are kept.
        """
        if self._depth:
            return ask()
        self._renew()
        try:
            state = self._dialect.state(self._connection)
        except self._dialect.foreign:
            state = None
        if state is None:
            return ask()  # and let that say what is wrong
        if (self._opened, state) != self._kept_at or len(self._kept) >= KEPT:
            self._kept = {}
            self._kept_at = (self._opened, state)
        return self.recalled(key, ask)

    def recalled(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The same as of the last call of `remembered`: for what stays true even if somebody wrote since."""
        try:
            found: T = self._kept[key]
        except KeyError:
            found = self._kept[key] = ask()
        return found

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._dialect.foreign as e:
            self._doomed = True
            if (ours := self._dialect.error(e)) is None:
                raise
            raise ours from e
        except UnicodeEncodeError as e:
            self._doomed = True
            raise UsageError(f"A text that is not valid Unicode cannot be kept in the catalogue: {e.object!r}.") from e
        except UnicodeDecodeError as e:  # of a name in the schema that a message of SQLite's quotes, too
            self._doomed = True
            raise damaged(self.where, "it holds bytes that are no text") from e

    # ------------------------------------------------------------------------------------------------------------------- schema

    def _ensure_schema(self) -> None:
        """Bring the tables up to this groma's revision. Alembic is imported only if they are of an older one."""
        version = self._version()
        if version == schema.HEAD:
            return
        if self._dialect.read_only:
            raise ReadOnly(f"The catalogue {self.where} must be {'made' if version is None else 'upgraded'} and cannot be written.")
        with self._translated():
            self._dialect.prepare(self._connection)
        if version is None:
            self._create()
        else:
            from .migrate import upgrade

            upgrade(self._dialect)
        if (version := self._version()) != schema.HEAD:
            raise damaged(self.where, f"its schema is {version} after it was brought to {schema.HEAD}")

    def _version(self) -> str | None:
        """The revision of the tables; "" before the first, None if there are none. Raises if they are not for this groma."""
        with self._translated():
            tables = self._dialect.tables(self._connection)
        if schema.VERSION_TABLE not in tables:
            if tables and not self._dialect.shared:
                raise damaged(self.where, "it is an SQLite file of another program")
            if clash := sorted(tables.keys() & schema.columns().keys()):
                raise Refused(f"The {self.where} has tables {', '.join(clash)} that are not groma's; give groma its own database.")
            return None
        rows = self.query(f"SELECT version_num FROM {schema.VERSION_TABLE}")
        if len(rows) > 1:
            raise damaged(self.where, f"it has {len(rows)} schema versions at once")
        version = str(rows[0][0]) if rows else ""
        if version and version not in schema.REVISIONS:
            raise Refused(
                f"The catalogue {self.where} was written by a newer groma (schema {version!r}, this one knows {schema.HEAD}); update groma."
            )
        return version

    def _create(self) -> None:
        with self._exclusively(self._dialect.alone):
            if self._version() is None:  # else another process was faster
                for statement in schema.creation(self._dialect.name):
                    self._run(statement)

    def verify(self) -> list[str]:
        """Every problem found: by the database in its own pages, in references between tables, and in the shape of the tables."""
        problems: list[str] = []
        try:
            if (version := self._version()) != schema.HEAD:
                problems.append(f"schema version is {version or 'missing'}, expected {schema.HEAD}")
            with self._translated():
                there = self._dialect.tables(self._connection)
                for table, names in schema.columns().items():
                    if lost := sorted(names - there.get(table, frozenset())):
                        problems.append(f"table {table} has lost {', '.join(lost)}" if table in there else f"table {table} is missing")
                problems += self._dialect.problems(self._connection)
        except (CatalogueDamaged, Refused) as e:
            problems.append(e.message)
        return [f"catalogue: {problem}" for problem in problems]

    def scrub(self) -> bool:
        """Write the tables of memories anew, so that nothing of deleted rows is left in the database's own files and its log.

        Waits for everybody who reads; False if one did not let go in time, and the log still has old pages: call again. What a Postgres server
        archives of its log, and copies made of a file, are out of reach. Raises what writing raises.
        """
        if self._depth:
            raise GromaError("Within a transaction nothing can be scrubbed.")
        self._renew()
        with self._translated():
            return self._dialect.scrub(self._connection)

    # -------------------------------------------------------------------------------------------------------------------- close

    def close(self) -> None:
        """Let go of the connection, undoing a transaction that is open. Any thread may do this; twice does no harm."""
        if self._connection is not None:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def damaged(where: str, detail: str) -> CatalogueDamaged:
    """The error for bytes that groma did not write."""
    return CatalogueDamaged(f"The catalogue {where} is damaged: {detail}.", path=where, detail=detail)
