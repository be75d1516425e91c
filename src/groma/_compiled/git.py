"""What git knows about a folder, read in the core. Twin of `groma._pure.git`, which says what each of these does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import _rs
from .._shared import ASSUME_VALID, INTENT_TO_ADD, SKIP_WORKTREE, Index, Repository

if TYPE_CHECKING:  # what project one is in, a hook asks, too
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "ASSUME_VALID",
    "EMPTY_BLOB",
    "INTENT_TO_ADD",
    "SKIP_WORKTREE",
    "Index",
    "Repository",
    "blob_id",
    "clean_rows",
    "commit_id",
    "head",
    "is_git_directory",
    "read_index",
    "repository",
    "repository_at",
    "settings_of",
    "top_level",
    "user_folder",
    "user_settings",
]

blob_id = _rs.blob_id
commit_id = _rs.commit_id
head = _rs.head
top_level = _rs.top_level
is_git_directory = _rs.is_git_directory
user_settings = _rs.user_settings

EMPTY_BLOB = blob_id(b"")


def user_folder() -> str:
    """See the twin, which few commands need and none that must be quick."""
    from .._pure.git import user_folder as plain

    return plain()


def repository(root: str) -> Repository | None:
    """See the twin."""
    found = _rs.repository(root)
    return Repository(*found) if found else None


def repository_at(folder: str) -> Repository | None:
    """See the twin."""
    found = _rs.repository_at(folder)
    return Repository(*found) if found else None


def settings_of(text: str) -> Iterator[tuple[str, str]]:
    """The (key, value) pairs of a configuration file, in its order. A line git would refuse is passed over."""
    return iter(_rs.settings_of(text))


def read_index(repository: Repository) -> Index:
    """See the twin."""
    return Index(*_rs.read_index(repository.git_dir, repository.sha256))


def clean_rows(index: Index) -> npt.NDArray[np.bool_]:
    """See the twin."""
    columns = (index.mtimes_ns, index.sizes, index.modes, index.stages, index.flags)
    rows: npt.NDArray[np.bool_] = _rs.clean_rows(index.oids, columns, index.written_ns)
    return rows
