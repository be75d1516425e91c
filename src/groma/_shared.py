"""What both cores share: the values and tables that the plain core and its compiled twin take, give and name alike.

It lies here so that either of them can be used without loading the other's code; what crosses the door beside it is in `types`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from zlib import crc32

from .types import Ints
from .values import value

__all__ = [
    "ASSUME_VALID",
    "IGNORED",
    "INTENT_TO_ADD",
    "JUNK",
    "JUNK_SOURCE",
    "ONLY_TRACKED",
    "PASSAGE_VERSION",
    "RULE_FILES",
    "SCAN_REASONS",
    "SETTLED_COARSE_NS",
    "SETTLED_NS",
    "SKIP_WORKTREE",
    "STOP_WORDS",
    "TOKENS_VERSION",
    "WALK_REASONS",
    "WANTED",
    "Index",
    "Known",
    "Listing",
    "Masked",
    "Repository",
    "Span",
    "Verdict",
    "term_id",
    "word_hash",
]


# -------------------------------------------------------------------------------------------------------------------------------------- walk

WALK_REASONS = {
    "broken-symlink": "a symbolic link to nothing",
    "git-directory": "git's own storage: a bare repository",
    "name-not-utf8": "its name is not valid UTF-8",
    "not-a-regular-file": "a FIFO, socket or device",
    "path-too-long": "its path is longer than the system can open",
    "secrets-file": "its name says that it holds secrets; it is never read",
    "symlink": "a symbolic link; what it leads to is listed under its own name",
    "symlink-loop": "a symbolic link that leads back to itself or to a folder that it lies in",
    "symlink-outside": "a symbolic link that leaves the root",
    "too-large": "larger than max_file_bytes",
    "unreadable": "cannot be read",
}
"""Why a path that no rule ignores is not listed: reason → what it means."""

SETTLED_NS = 50_000_000
"""How much older than our look at a file its times must be for equal times to prove it unchanged.

A file's times come from the kernel's coarse clock, which stands still for up to 10 ms (CONFIG_HZ=100): a write up to
one tick after our look may leave the very times that we saw. Five ticks leave room for virtual machines that lose some.
The price: a file written less than 50 ms before a walk is read once more by the next one.
"""
SETTLED_COARSE_NS = 2_050_000_000
"""The same where a time is whole seconds: FAT counts in twos, HFS+ in ones. A false alarm costs one reading."""


@value
class Known:
    """What an earlier walk of the same root found: columns of equal length in any order, as in `Listing`."""

    paths: Sequence[str]
    sizes: Ints
    mtimes_ns: Ints
    ctimes_ns: Ints
    inodes: Ints
    blobs: Sequence[bytes]
    checked_ns: Ints


@value
class Listing:
    """The files of a folder as columns, one row a file, sorted by path (bytewise).

    `paths` are POSIX, relative to the root, valid UTF-8. `sizes` are bytes, times nanoseconds since the epoch, `inodes`
    cut to 63 bits. `blobs` are git blob ids, 20 bytes. An id from git's index names what git stores, and where git
    converts line ends on the way that is not what lies on disk: a blob whose size is not the row's must be read.
    `checked_ns` is the clock from before the look at the file; 0 if the file kept changing while it was read, so that
    no later walk believes these times.

    `from_index`, `from_known` and `hashed` count where the ids came from and add up to the rows. `skipped` are (path,
    reason of `REASONS`), sorted; a folder stands for all in it, bytes that are no UTF-8 are shown as backslash escapes.
    """

    paths: list[str]
    sizes: Ints
    mtimes_ns: Ints
    ctimes_ns: Ints
    inodes: Ints
    blobs: list[bytes]
    checked_ns: Ints
    from_index: int
    from_known: int
    hashed: int
    skipped: list[tuple[str, str]]


# --------------------------------------------------------------------------------------------------------------------------------------- git

ASSUME_VALID = 0x8000
SKIP_WORKTREE = 0x4000 << 16
INTENT_TO_ADD = 0x2000 << 16


@value
class Repository:
    """A git work tree. All paths are absolute.

    `top` is the work tree's top folder, `git_dir` holds its index and HEAD, `common_dir` what linked worktrees share
    (the same folder for a plain clone). `settings` are the repository's own, keys "section.name" or
    "section.subsection.name" in lower case but for the subsection; what the user's files say is in `user_settings()`.
    """

    top: str
    git_dir: str
    common_dir: str
    settings: Mapping[str, str]

    @property
    def sha256(self) -> bool:
        """Whether objects are named by SHA-256: its ids are of no use to us, its index still says what is tracked."""
        return self.settings.get("extensions.objectformat", "sha1").lower() == "sha256"


@value
class Index:
    """A git index as columns, one row an entry, in git's order (by path, then stage).

    `oids` holds 20 bytes a row, row after row. Times are nanoseconds, sizes bytes, inodes the 32 bits that git keeps;
    `modes` are git's (0o100644, 0o100755, 0o120000, 0o160000); `flags` carry ASSUME_VALID, SKIP_WORKTREE and
    INTENT_TO_ADD. `written_ns` is the index file's own modification time. `problem` is None where ids and times can be
    used; else it says why not ("sha256", "split", "damaged"), and only `paths` has rows, as far as they could be read:
    a file is tracked whether or not its id is of use.
    """

    paths: list[bytes]
    oids: bytes
    mtimes_ns: Ints
    ctimes_ns: Ints
    sizes: Ints
    inodes: Ints
    modes: Ints
    stages: Ints
    flags: Ints
    written_ns: int
    problem: str | None


# ------------------------------------------------------------------------------------------------------------------------------------ ignore

WANTED, ONLY_TRACKED, IGNORED = range(3)

JUNK = (
    b"node_modules/",
    b".venv/",
    b"venv/",
    b"__pycache__/",
    b".tox/",
    b".nox/",
    b".mypy_cache/",
    b".pytest_cache/",
    b".ruff_cache/",
    b".hg/",
    b".svn/",
)
"""Ignored where nothing else speaks: one `!name/` line in any rule file brings a folder back."""

JUNK_SOURCE = "groma's own list"
"""What is named as the source of a verdict from JUNK."""
RULE_FILES = frozenset((b".git", b".gitignore", b".gromaignore"))
"""Names that `enter` wants to know of before it looks."""


@value
class Verdict:
    """Why a path is or is not ignored.

    `source`, `line` and `pattern` name the deciding line, also if it is one that brings the path back; they are None, 0
    and "" if no rule speaks of it. `matched` is the path that line matched: the path asked about, or a folder above it
    (relative to the root). `tracked` tells whether git tracks the file, which outweighs git's own rules.
    """

    path: str
    ignored: bool
    tracked: bool
    source: str | None = None
    line: int = 0
    pattern: str = ""
    matched: str = ""


# -------------------------------------------------------------------------------------------------------------------------------------- scan

SCAN_REASONS = {
    "binary": "not text",
    "generated": "generated by a program",
    "minified": "minified",
    "empty": "empty",
    "too-large": "larger than max_file_bytes",
    "unreadable": "cannot be read",
    "vanished": "was gone when it was to be read",
}
"""The word that is recorded, and what it means."""


# ----------------------------------------------------------------------------------------------------------------------------------- masking

Span = tuple[int, int, str]
"""Start and end in characters (end exclusive) and the name of the rule."""


@value
class Masked:
    """A text whose credentials are covered.

    `text` has as many characters as the original and the same line breaks. `spans` lists what was covered: sorted, not
    overlapping, never across a line break; empty if nothing was found.
    """

    text: str
    spans: tuple[Span, ...]


# ------------------------------------------------------------------------------------------------------------------------------------ tokens

TOKENS_VERSION = 1

STOP_WORDS = frozenset(
    (
        "a across after all an and any are as at be been before between by can do does done during each for from get "
        "gets has have how i if in into is it it's its not of on one or so such than that the their them then there "
        "these this those to under up use used uses using via was were what when where which while who why will with "
        "within you your"
    ).split()
)


@lru_cache(262_144)
def term_id(token: str) -> int:
    """The 29-bit id of a token; fixed for ever, every store and both cores agree on it."""
    return crc32(token.encode("utf-8")) & 0x1FFFFFFF


def word_hash(name: str) -> int:
    """A 32-bit hash of an identifier as it is written, for "who mentions what is defined only here"."""
    return crc32(name.encode("utf-8"))


# ----------------------------------------------------------------------------------------------------------------------------------- passage

PASSAGE_VERSION = 1
