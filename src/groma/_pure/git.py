"""What git knows about a folder, read from git's own files: its repository, settings, index and branch.

No git process is started (its start alone costs more than a warm walk) and no GIT_* variable is read: a folder means
the same to every caller. Whatever is missing, damaged, of a newer format or not a plain file answers like "git does not
know", never with an exception. It deliberately does not know ignore rules, objects or history.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from hashlib import sha1, sha256
from struct import error as StructError
from struct import unpack_from

import numpy as np
import numpy.typing as npt

from .._shared import ASSUME_VALID, INTENT_TO_ADD, SKIP_WORKTREE, Index, Repository

__all__ = [
    "ASSUME_VALID",
    "EMPTY_BLOB",
    "INTENT_TO_ADD",
    "OPEN_FLAGS",
    "SKIP_WORKTREE",
    "Index",
    "Repository",
    "blob_id",
    "clean_rows",
    "commit_id",
    "head",
    "is_git_directory",
    "is_true",
    "read_index",
    "read_regular",
    "repository",
    "repository_at",
    "settings_of",
    "top_level",
    "user_folder",
    "user_settings",
]


def blob_id(data: bytes) -> bytes:
    """The 20-byte id under which git stores `data` as a blob: SHA-1 over "blob <size>\\0" and the data."""
    # Not for security: the id must be the one git gives, whatever a hardened OpenSSL build says of SHA-1.
    digest = sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.digest()


EMPTY_BLOB = blob_id(b"")


# -------------------------------------------------------------------------------------------------- reading small files

OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Never blocks on a FIFO that lies where a file is expected."""


LARGEST = 100 << 20
"""Settings, rules and attributes of more bytes are not read, as in git."""
LARGEST_INDEX = 1 << 30
"""Some ten million files."""


def read_regular(path: str | bytes, *, follow: bool = True, most: int = LARGEST) -> tuple[bytes, os.stat_result] | None:
    """A regular file's bytes and its stat from before the reading; None if it is missing, unreadable, too large or no file.

    Without `follow` a symbolic link at the end of `path` counts as missing.
    """
    try:
        descriptor = os.open(path, OPEN_FLAGS if follow else OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0))
    except (OSError, ValueError):  # ValueError: a NUL in a path that came out of a file
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            return None
        parts = [os.read(descriptor, status.st_size + 1)]
        while parts[-1]:
            parts.append(os.read(descriptor, 1 << 20))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return b"".join(parts), status


def _first_line(path: str) -> str | None:
    found = read_regular(path)
    if found is None:
        return None
    return os.fsdecode(found[0].partition(b"\n")[0].rstrip(b"\r"))


# --------------------------------------------------------------------------------------------------------- repositories


def repository(root: str) -> Repository | None:
    """The repository whose work tree `root` lies in: that of this folder itself or of the nearest folder above it.

    None in a bare repository, inside a git directory, and where there is no git. As in git, the search ends at a mount
    point.
    """
    folder = os.path.realpath(root)
    try:
        device = os.stat(folder).st_dev
        while True:
            git_dir = _git_dir(folder)
            if git_dir is not None:
                return _open_repository(folder, git_dir)
            parent = os.path.dirname(folder)
            if parent == folder or is_git_directory(folder) or os.stat(parent).st_dev != device:
                return None
            folder = parent
    except OSError:
        return None


def repository_at(folder: str) -> Repository | None:
    """The repository whose work tree has exactly `folder` as its top, or None."""
    git_dir = _git_dir(folder)
    return None if git_dir is None else _open_repository(folder, git_dir)


def top_level(path: str) -> str | None:
    """The nearest folder at or above `path` that is the top of a git work tree; symbolic links resolved."""
    found = repository(path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path)))
    return found.top if found else None


def head(path: str) -> str | None:
    """What is checked out at `path`: the branch's name, or 7 digits of a detached commit; None if git does not say."""
    found = repository(path)
    line = _first_line(os.path.join(found.git_dir, "HEAD")) if found else None
    if line is None:
        return None
    if line.startswith("ref:"):
        name = line[4:].strip(_BLANKS).removeprefix("refs/heads/")
        return None if name == ".invalid" else name  # what HEAD says where refs are kept in a reftable
    return line[:7] if _is_hex(line) else None


def commit_id(path: str) -> str | None:
    """The id of the commit that is checked out at `path`, 40 or 64 small hexadecimal digits; None before the first one, or if git does not say."""
    found = repository(path)
    line = _first_line(os.path.join(found.git_dir, "HEAD")) if found else None
    for _ in range(MOST_REFS):
        if found is None or line is None:
            return None
        if _is_hex(line):
            return line.lower()
        name = line.removeprefix("ref:").strip(_BLANKS)
        if not line.startswith("ref:") or not name.startswith("refs/") or ".." in name:
            return None
        line = _first_line(os.path.join(found.git_dir, name)) or _first_line(os.path.join(found.common_dir, name)) or _packed(found.common_dir, name)
    return None


MOST_REFS = 5
"""Names that lead to one another, as git follows them."""


def _packed(common_dir: str, name: str) -> str | None:
    """The commit of a reference that lies packed with others."""
    found = read_regular(os.path.join(common_dir, "packed-refs"))
    for line in found[0].split(b"\n") if found else ():
        id, _, of = line.rstrip(b"\r").partition(b" ")
        if of == os.fsencode(name):
            return os.fsdecode(id)
    return None


def is_git_directory(folder: str) -> bool:
    """Whether `folder` is git's own storage (a `.git` or a bare repository): HEAD, objects, refs, as git tests it."""
    line = _first_line(os.path.join(folder, "HEAD"))
    if line is None or not (line.startswith("ref:") or _is_hex(line)):
        return False
    common = _common_dir(folder)
    return os.path.isdir(os.path.join(common, "objects")) and os.path.isdir(os.path.join(common, "refs"))


_BLANKS = " \t\n\r"
"""What git takes for blank: no other character that Unicode or Python calls so."""


def _is_hex(text: str) -> bool:
    return len(text) in (40, 64) and not text.strip("0123456789abcdefABCDEF")


def _common_dir(git_dir: str) -> str:
    line = _first_line(os.path.join(git_dir, "commondir"))
    return os.path.normpath(os.path.join(git_dir, line)) if line else git_dir


def _git_dir(top: str) -> str | None:
    """Where `top/.git` is or, being a file (in worktrees and submodules), points to, if that is a git directory."""
    path = os.path.join(top, ".git")
    line = _first_line(path)
    if line is not None:
        if not line.startswith("gitdir:"):
            return None
        path = os.path.normpath(os.path.join(top, line[len("gitdir:") :].strip(_BLANKS)))
    return path if is_git_directory(path) else None


def _open_repository(top: str, git_dir: str) -> Repository | None:
    common = _common_dir(git_dir)
    settings = _read_settings(os.path.join(common, "config"))
    if is_true(settings.get("extensions.worktreeconfig", "false")):
        settings |= _read_settings(os.path.join(git_dir, "config.worktree"))
    if git_dir == common and is_true(settings.get("core.bare", "false")):
        return None  # a linked worktree of a bare repository is a work tree, the bare one is not
    return Repository(top, git_dir, common, settings)


# ------------------------------------------------------------------------------------------------------------- settings


def user_settings() -> dict[str, str]:
    """git's settings of this machine and user; ~/.gitconfig wins over its XDG place, that over /etc/gitconfig."""
    settings: dict[str, str] = {}
    for path in ("/etc/gitconfig", os.path.join(user_folder(), "config"), os.path.expanduser("~/.gitconfig")):
        settings |= _read_settings(path)
    return settings


def user_folder() -> str:
    """Where git keeps a user's files by default: $XDG_CONFIG_HOME/git or ~/.config/git."""
    return os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "git")


def is_true(value: str) -> bool:
    """What git takes a setting's text for where it wants a yes or no."""
    return value.lower() not in ("false", "no", "off", "0", "")


MOST_INCLUDED = 1000
"""Files that one file of settings may include, the included ones' counted: a few that include one another twice would be read for ever."""


def _read_settings(path: str) -> dict[str, str]:
    """A git configuration file; `include.path` is followed where it stands, `includeIf` is not."""
    left = iter(range(MOST_INCLUDED))

    def read(path: str, depth: int) -> dict[str, str]:
        found = read_regular(path)
        settings: dict[str, str] = {}
        for key, value in settings_of(os.fsdecode(found[0])) if found else ():
            settings[key] = value
            if key == "include.path" and depth < 10 and next(left, None) is not None:  # git's own limit
                settings |= read(os.path.join(os.path.dirname(path), os.path.expanduser(value)), depth + 1)
        return settings

    return read(path, 0)


_SECTION = re.compile(r'\[[ \t\n\r]*([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?[ \t\n\r]*\]')
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*(=|(?=[\n#;]))")
_BLANK = re.compile(r"(?:[ \t\n\r]|[#;][^\n]*)*")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


def settings_of(text: str) -> Iterator[tuple[str, str]]:
    """The (key, value) pairs of a configuration file, in its order. A line git would refuse is passed over."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n") + "\n"
    section = ""
    position = 0
    while True:
        position = _BLANK.match(text, position).end()  # type: ignore[union-attr]  # it also matches nothing
        if position == len(text):
            return
        if header := _SECTION.match(text, position):
            section = header[1].lower()
            if header[2] is not None:
                section += "." + re.sub(r"\\(.)", r"\1", header[2])
            position = header.end()
        elif section and (key := _KEY.match(text, position)):
            value = "true"
            position = key.end()
            if key[2]:
                value, position = _setting_value(text, position)
            yield f"{section}.{key[1].lower()}", value
        else:
            position = text.index("\n", position)


def _setting_value(text: str, position: int) -> tuple[str, int]:
    """What stands after `=`, quotes, escapes and continued lines resolved, comments dropped; and where it ends."""
    value: list[str] = []
    kept = 0  # length up to the last character that is not a blank outside of quotes
    quoted = False
    while (character := text[position]) != "\n":
        position += 1
        if character == '"':
            quoted = not quoted
            kept = len(value)
        elif character in "#;" and not quoted:
            position = text.index("\n", position)
        elif character == "\\":
            if text[position] != "\n":
                value.append(_ESCAPES.get(text[position], text[position]))
                kept = len(value)
            position = min(position + 1, len(text) - 1)
        elif quoted or character not in _BLANKS:
            value.append(character)
            kept = len(value)
        elif value:
            value.append(character)
    return "".join(value[:kept]), position


# ---------------------------------------------------------------------------------------------------------------- index

_REGULAR = 0o100000
_KIND = 0o170000


def read_index(repository: Repository) -> Index:
    """The repository's index: versions 2, 3 and 4. None written yet is an empty one; never raises for what is in it."""
    found = read_regular(os.path.join(repository.git_dir, "index"), most=LARGEST_INDEX)
    if found is None:
        return _paths_only([], None)
    data, status = found
    width = 32 if repository.sha256 else 20
    try:
        paths, offsets, flags, base = _entries(data, width)
        if base is not None:
            return _paths_only(_unsplit(repository, paths, base, width), "split")
        if width != 20:
            return _paths_only(paths, "sha256")
        return _columns(data, paths, offsets, flags, status.st_mtime_ns)
    except (IndexError, ValueError, StructError):
        return _paths_only([], "damaged")


def clean_rows(index: Index) -> npt.NDArray[np.bool_]:
    """The rows whose id may be believed for a file that still has the row's stat; all others must be read.

    Left out: conflicts, links and submodules, what the user told git to assume or skip, and git's racy entries: a file
    modified no earlier than the index was written may have changed after git looked at it without its stat showing it.
    """
    believed: npt.NDArray[np.bool_] = (index.stages == 0) & (index.modes & _KIND == _REGULAR)
    believed &= index.flags & (ASSUME_VALID | SKIP_WORKTREE | INTENT_TO_ADD) == 0
    believed &= index.mtimes_ns < index.written_ns
    # Size 0 is also git's mark for "known to be racy" (on any other blob than the empty one).
    for row in np.flatnonzero(believed & (index.sizes == 0)).tolist():
        believed[row] = index.oids[20 * row : 20 * row + 20] == EMPTY_BLOB
    return believed


def _paths_only(paths: list[bytes], problem: str | None) -> Index:
    none = np.zeros(0, np.int64)
    return Index(paths, b"", none, none, none, none, none, none, none, 0, problem)


LONGEST_PATHS = 64
"""An entry of version 4 takes that many bytes and says what it shares with the path before it, so a small file could tell of paths beyond
all memory. With paths as long as a system takes (4,096 bytes) they are so many times the file."""


def _entries(data: bytes, width: int) -> tuple[list[bytes], list[int], list[int], bytes | None]:
    """Paths, offsets of the fixed fields, flags, and the `link` extension (of a split index) of an index file.

    Raises ValueError, IndexError or struct.error if `data` is not a whole index of a version we read.
    """
    end = len(data) - width
    signature, version, count = unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3, 4) or end < 12:
        raise ValueError("not an index")
    # A checksum of zeros is what `index.skipHash` writes.
    if data[end:] not in (bytes(width), (sha256 if width == 32 else sha1)(data[:end], usedforsecurity=False).digest()):
        raise ValueError("checksum")
    paths: list[bytes] = []
    offsets: list[int] = []
    all_flags: list[int] = []
    fixed = 42 + width
    position = 12
    path = b""
    room = LONGEST_PATHS * len(data)
    for _ in range(count):
        flags = data[position + fixed - 2] << 8 | data[position + fixed - 1]
        start = position + fixed
        if flags & 0x4000:  # the extended flags of version 3 on
            flags |= (data[start] << 8 | data[start + 1]) << 16
            start += 2
        if version == 4:
            byte = data[start]
            start += 1
            strip = byte & 0x7F
            while byte & 0x80:
                byte = data[start]
                start += 1
                strip = (strip + 1 << 7) | (byte & 0x7F)
            stop = data.index(0, start, end)
            if strip > len(path):
                raise ValueError("more taken away than there is")
            path = path[: len(path) - strip] + data[start:stop]
            following = stop + 1
        else:
            length = flags & 0xFFF
            stop = data.index(0, start, end) if length == 0xFFF else start + length
            path = data[start:stop]
            following = position + (stop - position + 8 & ~7)
        if following > end:
            raise ValueError("cut short")
        room -= len(path)
        if room < 0:
            raise ValueError("more paths than can be")
        paths.append(path)
        offsets.append(position)
        all_flags.append(flags)
        position = following
    base = None
    while position + 8 <= end:
        name, size = unpack_from(">4sI", data, position)
        if name == b"link":
            base = data[position + 8 : position + 8 + size]
        elif name != b"sdir" and 97 <= name[0] <= 122:
            raise ValueError("an extension that must be understood")
        position += 8 + size
    return paths, offsets, all_flags, base if base is not None and base[:width].strip(b"\0") else None


def _columns(data: bytes, paths: list[bytes], offsets: list[int], flags: list[int], written_ns: int) -> Index:
    """The fixed fields of all entries in one gather: a Python loop over ten fields would cost more than the walk."""
    starts = np.array(offsets, np.int64)
    fields = np.frombuffer(data, np.uint8)[starts[:, None] + np.arange(60)]
    words = np.ascontiguousarray(fields[:, :40]).view(">u4").astype(np.int64)
    all_flags = np.array(flags, np.int64)
    return Index(
        paths,
        fields[:, 40:].tobytes(),
        words[:, 2] * 1_000_000_000 + words[:, 3],
        words[:, 0] * 1_000_000_000 + words[:, 1],
        words[:, 9],
        words[:, 5],
        words[:, 6],
        all_flags >> 12 & 3,
        all_flags,
        written_ns,
        None,
    )


def _unsplit(repository: Repository, paths: list[bytes], link: bytes, width: int) -> list[bytes]:
    """The tracked paths of a split index: the shared file's less the deleted ones, and the named ones of this file."""
    found = read_regular(os.path.join(repository.git_dir, "sharedindex." + link[:width].hex()), most=LARGEST_INDEX)
    if found is None:
        raise ValueError("no shared index")
    shared, _, _, _ = _entries(found[0], width)
    deleted = _set_bits(link, width, len(shared)) if len(link) > width else set()
    return sorted({path for row, path in enumerate(shared) if row not in deleted} | {path for path in paths if path})


def _set_bits(data: bytes, position: int, limit: int) -> set[int]:
    """The bits below `limit` set in the EWAH bitmap at `position`: runs of equal 64-bit words, then literal words."""
    _, count = unpack_from(">II", data, position)
    words = unpack_from(f">{count}Q", data, position + 8)
    bits: set[int] = set()
    word = bit = 0
    while word < count:
        marker = words[word]
        run, literals = marker >> 1 & 0xFFFFFFFF, marker >> 33
        if marker & 1:
            bits.update(range(bit, min(bit + 64 * run, limit)))
        bit += 64 * run
        for literal in words[word + 1 : word + 1 + literals]:
            bits.update(bit + place for place in range(64) if literal >> place & 1)
            bit += 64
        word += 1 + literals
    return bits
