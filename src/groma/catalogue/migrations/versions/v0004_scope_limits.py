"""Scopes: how large a file the last run took."""

from __future__ import annotations

from alembic import op

from groma.catalogue.schema import statements

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(revision, connection.dialect.name):  # type: ignore[arg-type]
        connection.exec_driver_sql(statement)
