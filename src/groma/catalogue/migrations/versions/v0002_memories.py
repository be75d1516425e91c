"""Memories: the records, their anchors, the history of their changes."""

from __future__ import annotations

from alembic import op

from groma.catalogue.schema import statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(revision, connection.dialect.name):  # type: ignore[arg-type]
        connection.exec_driver_sql(statement)
