"""Is the compiled library there, and was it made from the sources that lie beside it?

In a checkout a library stays behind when the sources move on, and would be used without a word. So it carries two CRC-32 of what it was made
from (`rust/py/build.rs`): over paths and sizes, and over contents. Here they are compared, the contents only where a source is younger than the
library or the first differs. An installed package has no sources and nothing to compare.
"""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

from .. import __version__

__all__ = ["problem"]

ROOT = Path(__file__).parents[3]
FOLDERS = ("rust/core", "rust/py", "src/groma/languages", "src/groma/masking")
ENDINGS = (".rs", ".scm", ".toml", ".txt")
FILES = ("Cargo.lock", "Cargo.toml")


def problem() -> str | None:
    """Why the library that is there must not be used, as the rest of a sentence about it; None if it may be.

    Raises ImportError if there is none.
    """
    from .._rs import LISTING, SOURCES, VERSION
    from .._rs import __file__ as library

    if __version__ != VERSION:
        return f"belongs to groma {VERSION}, and this is {__version__}"
    if not (ROOT / "rust" / "py" / "Cargo.toml").is_file():
        return None
    try:
        listing, newest = _listing(ROOT)
        if newest <= os.stat(library).st_mtime_ns and _listed(listing) == LISTING:
            return None
        return None if _contents(ROOT, listing) == SOURCES else "was made from other sources than those beside it"
    except OSError as e:  # a source is being replaced just now
        return f"cannot be compared with the sources beside it ({e.strerror}: {e.filename})"


def _listing(root: Path) -> tuple[list[tuple[str, int]], int]:
    """Path and size of every source, by path; and when the youngest was changed, in nanoseconds."""
    found = []
    newest = 0
    for name in FILES:
        stat = os.stat(root / name)
        found.append((name, stat.st_size))
        newest = max(newest, stat.st_mtime_ns)
    waiting = list(FOLDERS)
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{folder}/{entry.name}")
                elif entry.name.endswith(ENDINGS):
                    stat = entry.stat()
                    found.append((f"{folder}/{entry.name}", stat.st_size))
                    newest = max(newest, stat.st_mtime_ns)
    return sorted(found, key=lambda f: f[0].encode()), newest


def _listed(listing: list[tuple[str, int]]) -> int:
    return crc32("".join(f"{name}\0{size}\0" for name, size in listing).encode())


def _contents(root: Path, listing: list[tuple[str, int]]) -> int:
    crc = 0
    for name, _ in listing:
        data = (root / name).read_bytes()
        crc = crc32(data, crc32(f"{name}\0{len(data)}\0".encode(), crc))
    return crc
