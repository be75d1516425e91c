"""The default store: SQLite rows and the mapped segment beside them. `store` is the adapter, `rows` the schema and its columns."""

from .rows import FORMAT
from .store import LocalStore, open_local

__all__ = ["FORMAT", "LocalStore", "open_local"]
