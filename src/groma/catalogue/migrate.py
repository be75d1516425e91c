"""Upgrades a catalogue of an older revision with Alembic. Imported only when there is one: Alembic and SQLAlchemy cost half a second."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from .database import Dialect, damaged

__all__ = ["upgrade"]

SCRIPTS = Path(__file__).with_name("migrations")

_URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}


def upgrade(dialect: Dialect) -> None:
    """Bring the tables to the newest revision, in one transaction that no other process can run beside; nothing to do is no error.

    It opens a connection of its own, since SQLAlchemy leaves its adapters on one. Raises CatalogueDamaged if the tables are not what their
    version row says.
    """
    engine = sqlalchemy.create_engine(_URLS[dialect.name], creator=dialect.open, poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    try:
        with engine.connect() as connection:
            for statement in dialect.alone:
                connection.exec_driver_sql(statement)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except DBAPIError as e:
        foreign = e.orig if isinstance(e.orig, dialect.foreign) else None
        if foreign is not None and (ours := dialect.error(foreign)) is not None:
            raise ours from e
        raise damaged(dialect.where, f"its tables are not those of its version ({e.orig})") from e
    finally:
        engine.dispose()
