"""Jobs: what is done in the background, how far it is, and what became of it."""

from __future__ import annotations

from alembic import op

from groma.catalogue.schema import statements

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(revision, connection.dialect.name):  # type: ignore[arg-type]
        connection.exec_driver_sql(statement)
