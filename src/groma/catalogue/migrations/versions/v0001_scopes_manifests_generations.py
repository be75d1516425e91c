"""The first tables: scopes, their manifests and generations."""

from __future__ import annotations

from alembic import op

from groma.catalogue.schema import statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(revision, connection.dialect.name):  # type: ignore[arg-type]
        connection.exec_driver_sql(statement)
