"""Alembic's folder: one file a revision in `versions`, each running the statements that `schema` holds for it."""
