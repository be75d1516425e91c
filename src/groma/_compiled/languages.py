"""Which language a file is written in: twin of `groma._pure.languages`, whose table it shares."""

from __future__ import annotations

from .. import _rs
from .._pure.languages import Language, all_languages, by_name

__all__ = ["Language", "all_languages", "by_name", "detect"]


def detect(path: str, head: bytes) -> str | None:
    """The name of the language of the file `path` (POSIX) whose first bytes are `head`; None for text of no known language."""
    return _rs.detect(path, head)
