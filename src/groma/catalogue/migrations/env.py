"""What Alembic runs: the connection and its open transaction come from `migrate.upgrade`, which also commits."""

from __future__ import annotations

from alembic import context

from groma.catalogue.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
