"""The walk: every file of a folder that may be indexed, with the git blob id of its content, as columns.

Most files are never opened: a file whose stat is what an earlier walk or git's index recorded keeps the id from there;
only the rest is read and hashed. What is passed over for another reason than being ignored is named with its reason. It
deliberately does not know what is in the files: binary, generated or minified is for `scan` to judge.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from errno import EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR

import numpy as np
import numpy.typing as npt

from .._shared import SETTLED_COARSE_NS, SETTLED_NS, Known, Listing
from .._shared import WALK_REASONS as REASONS
from ..types import Ints
from ..values import value
from .git import OPEN_FLAGS, Index, blob_id, clean_rows, is_git_directory, is_true, read_regular, user_folder
from .ignore import (
    IGNORED,
    ONLY_TRACKED,
    RULE_FILES,
    Checkout,
    Ground,
    Patterns,
    child,
    compile_patterns,
    enter,
    fate,
    last_match,
    shown,
    survey,
)

__all__ = ["REASONS", "SETTLED_COARSE_NS", "SETTLED_NS", "Known", "Listing", "secrets_file", "settled", "walk"]


def settled(mtimes_ns: Ints, ctimes_ns: Ints, checked_ns: Ints) -> npt.NDArray[np.bool_]:
    """Per file: whether times that were equal at a look at `checked_ns` and are so now prove that it did not change."""
    proven = np.ones(len(checked_ns), dtype=np.bool_)
    for times in (mtimes_ns, ctimes_ns):  # each by its own clock: a copy keeps whole seconds, and is told by when it was made
        proven &= checked_ns - times >= np.where(times % 1_000_000_000 == 0, SETTLED_COARSE_NS, SETTLED_NS)
    return proven


READ_ATTEMPTS = 3
"""How often a file that changes while it is read is read again before its bytes are taken as they came."""


def walk(root: str, known: Known | None, *, max_file_bytes: int) -> Listing:
    """Lists what may be indexed below the folder `root`; files larger than `max_file_bytes` are skipped.

    Git's ignore rules and `.gromaignore` hold as `ignore` describes them. Links are never followed. A file that
    vanishes meanwhile is left out. Raises OSError if `root` itself is not a folder that can be listed.
    """
    found = _look_around(root, max_file_bytes)
    return _identify(found, known, max_file_bytes)


# ----------------------------------------------------------------------------------------------------- 1. what is there

Row = tuple[bytes, int, int, int, int, int, int]
"""Path below the root, size, mtime, ctime, inode, number of the checkout, row of its index; -1: none to believe."""


@value
class _Found:
    base: bytes
    rows: list[Row]
    checkouts: list[Checkout]
    skipped: list[tuple[str, str]]
    looked_ns: int


def _look_around(root: str, max_file_bytes: int) -> _Found:
    """Lists and stats, reading only rule files. Folders wait on our own stack: they may nest deeper than Python's."""
    looked_ns = time.time_ns()
    start = survey(root)
    lead = len(start.path)
    rows: list[Row] = []
    skipped: list[tuple[str, str]] = []
    checkouts = [start.checkout] if start.checkout else []
    stack = [(start, _conversions_above(start), len(checkouts) - 1)]
    while stack:
        ground, conversions, number = stack.pop()
        try:
            with os.scandir(ground.folder) as listing:
                entries = list(listing)
        except OSError as error:
            if len(ground.path) == lead:
                raise
            _note(skipped, ground.path[lead:-1], error)
            continue
        names = {entry.name for entry in entries}
        if _is_bare(ground, names):
            skipped.append((shown(ground.path[lead:-1]) or ".", "git-directory"))
            continue
        if not names.isdisjoint(RULE_FILES):
            outer = ground.checkout
            ground = enter(ground, names)
            if ground.checkout is not None and ground.checkout is not outer:
                checkouts.append(ground.checkout)
                number = len(checkouts) - 1
                conversions = _conversions_above(ground)
        if ground.checkout is not None and b".gitattributes" in names:
            conversions = conversions.with_file(ground.folder + b".gitattributes", ground.path, follow=False)
        tracked: Mapping[bytes, int] = ground.checkout.rows if ground.checkout else {}
        origin = ground.checkout.origin if ground.checkout else 0
        prefix = ground.path
        for entry in entries:
            name = entry.name
            if name == b".git":
                continue
            path = prefix + name
            below = path[lead:]
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                what = fate(ground, name, path, is_folder)
                if what == IGNORED:
                    continue
                if not name.isascii() and not _is_utf8(name):
                    skipped.append((shown(below), "name-not-utf8"))
                elif is_folder:
                    stack.append((child(ground, name, what == ONLY_TRACKED), conversions, number))
                elif entry.is_symlink():
                    skipped.append((below.decode(), _link_reason(ground.folder + name, start.folder)))
                elif not entry.is_file(follow_symlinks=False):
                    skipped.append((below.decode(), "not-a-regular-file"))
                elif _is_secret(name, ground.folder):
                    skipped.append((below.decode(), "secrets-file"))
                else:
                    status = entry.stat(follow_symlinks=False)
                    if status.st_size > max_file_bytes:
                        skipped.append((below.decode(), "too-large"))
                        continue
                    row = tracked.get(path[origin:] if origin else path, -1)
                    if row >= 0 and conversions.concern(name, path):
                        row = -1
                    inode = status.st_ino & _INODE_BITS
                    rows.append((below, status.st_size, status.st_mtime_ns, status.st_ctime_ns, inode, number, row))
            except OSError as error:
                _note(skipped, below, error)
    return _Found(start.folder, rows, checkouts, skipped, looked_ns)


_INODE_BITS = (1 << 63) - 1
_BARE = frozenset((b"HEAD", b"objects", b"refs"))


def _is_bare(ground: Ground, names: set[bytes]) -> bool:
    """Whether a folder is a bare repository, and not one whose files are tracked as they lie (as test data)."""
    if not names >= _BARE or not is_git_directory(os.fsdecode(ground.folder)):
        return False
    return ground.checkout is None or not ground.checkout.holds_below(ground.path)


def _note(skipped: list[tuple[str, str]], path: bytes, error: OSError) -> None:
    """Records what could not be read; what is gone, or is no longer what it was a moment ago, is the next walk's."""
    if error.errno not in (ENOENT, ENOTDIR, EISDIR, ELOOP):
        skipped.append((shown(path), "path-too-long" if error.errno == ENAMETOOLONG else "unreadable"))


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _link_reason(path: bytes, root: bytes) -> str:
    """Why the symbolic link at `path` is not followed; `root` ends in a slash."""
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == ELOOP:
            return "symlink-loop"
        return "broken-symlink" if error.errno in (ENOENT, ENOTDIR) else "unreadable"
    target = os.path.realpath(path).removesuffix(b"/") + b"/"
    if not target.startswith(root):
        return "symlink-outside"
    return "symlink-loop" if path.startswith(target) else "symlink"


# ----------------------------------------------------------------------------------- what git stores other than it lies

_CONVERTING = frozenset((b"filter", b"ident", b"working-tree-encoding"))


@value
class Conversions:
    """Which files git may store with other bytes than lie on disk (LFS, encodings, CRLF): index ids not for us.

    Only asked "may it?", so no attribute that is taken back later is followed. `* text=auto` alone is not among them:
    nearly every file it names lies as it is stored, and one that does not gives itself away by its size.
    """

    everything: bool
    words: frozenset[bytes]
    files: tuple[tuple[int, Patterns], ...]
    fold: bool

    def concern(self, name: bytes, path: bytes) -> bool:
        """Whether the file `name` at `path` (from the ground's origin) may be stored with other bytes."""
        if self.everything or not self.files:
            return self.everything
        if self.fold:
            name, path = name.lower(), path.lower()
        return any(last_match(patterns, name, path[base:], False) is not None for base, patterns in self.files)

    def with_file(self, attributes: str | bytes, base: bytes, *, follow: bool) -> Conversions:
        """These and what an attributes file adds for paths below `base` (from the ground's origin)."""
        content = read_regular(attributes, follow=follow)
        words = self.words
        lines = []
        for fields in (line.split() for line in content[0].split(b"\n")) if content else ():
            if not fields or fields[0].startswith(b"#"):
                continue
            if not any(field.partition(b"=")[0] in words or field == b"eol=crlf" for field in fields[1:]):
                continue
            if fields[0].startswith(b"[attr]"):
                words |= {fields[0].removeprefix(b"[attr]")}
            else:
                lines.append(b"*" if fields[0].startswith((b'"', b"!")) else fields[0])  # quoted: not worth unquoting
        added = ((len(base), compile_patterns(b"\n".join(lines), self.fold)),) if lines else ()
        return Conversions(self.everything, words, self.files + added, self.fold)


def _conversions_above(ground: Ground) -> Conversions:
    """The conversions in force at a root or a nested repository's top, but for its own `.gitattributes`."""
    checkout = ground.checkout
    if checkout is None:
        return Conversions(False, _CONVERTING, (), False)
    settings = {**ground.user, **checkout.repository.settings}
    everything = is_true(settings.get("core.autocrlf", "false")) or settings.get("core.eol") == "crlf"
    conversions = Conversions(everything, _CONVERTING, (), ground.rules.fold)
    users = settings.get("core.attributesfile", os.path.join(user_folder(), "attributes"))
    top = checkout.repository.top
    base = ground.path[: checkout.origin]
    for path in ("/etc/gitattributes", os.path.join(top, os.path.expanduser(users))):
        conversions = conversions.with_file(path, base, follow=True)
    conversions = conversions.with_file(os.path.join(checkout.repository.common_dir, "info/attributes"), base, follow=True)
    folder = os.fsencode(top).removesuffix(b"/") + b"/"
    for name in ground.path[checkout.origin :].split(b"/")[:-1]:  # the folders between the top and the root
        conversions = conversions.with_file(folder + b".gitattributes", base, follow=False)
        folder += name + b"/"
        base += name + b"/"
    return conversions


# --------------------------------------------------------------------------------------- 2. what is known, and the rest


def _identify(found: _Found, known: Known | None, max_file_bytes: int) -> Listing:
    """Gives every file its blob id: from `known`, else from its repository's index, else by reading it."""
    found.rows.sort()
    raw, *numbers = zip(*found.rows, strict=True) if found.rows else [()] * 7
    paths = [path.decode() for path in raw]
    sizes, mtimes, ctimes, inodes, checkouts, index_rows = (_column(column) for column in numbers)
    checked = np.full(len(paths), found.looked_ns, np.int64)
    blobs: list[bytes] = [b""] * len(paths)
    open_rows = np.ones(len(paths), np.bool_)
    from_known = 0
    if known is not None:
        for row, old in _unchanged(paths, sizes, mtimes, ctimes, inodes, known):
            blobs[row] = known.blobs[old]
            open_rows[row] = False
            from_known += 1
    from_index = 0
    for number, checkout in enumerate(found.checkouts):
        rows = np.flatnonzero(open_rows & (checkouts == number) & (index_rows >= 0))
        at = index_rows[rows]
        same = _same_as_index(checkout.index, at, sizes[rows], mtimes[rows], ctimes[rows], inodes[rows])
        for row, entry in zip(rows[same].tolist(), at[same].tolist(), strict=True):
            blobs[row] = checkout.index.oids[20 * entry : 20 * entry + 20]
            from_index += 1
        open_rows[rows[same]] = False
    gone = np.zeros(len(paths), np.bool_)
    for row in np.flatnonzero(open_rows).tolist():
        try:
            look = _read(found.base + raw[row], max_file_bytes)
        except OSError as error:
            _note(found.skipped, raw[row], error)
            gone[row] = True
            continue
        if look is None:
            found.skipped.append((paths[row], "too-large"))
            gone[row] = True
            continue
        blobs[row], status, sizes[row], checked[row] = look
        mtimes[row], ctimes[row] = _column((status.st_mtime_ns, status.st_ctime_ns))
        inodes[row] = status.st_ino & _INODE_BITS
    stay = np.flatnonzero(~gone)
    if gone.any():
        paths = [paths[row] for row in stay.tolist()]
        blobs = [blobs[row] for row in stay.tolist()]
    return Listing(
        paths,
        sizes[stay],
        mtimes[stay],
        ctimes[stay],
        inodes[stay],
        blobs,
        checked[stay],
        from_index,
        from_known,
        len(paths) - from_index - from_known,
        sorted(found.skipped),
    )


def _column(values: Sequence[int]) -> Ints:
    """Numbers as a column; times that 64 bits do not hold (before 1677, after 2262) become the nearest that they do."""
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array([min(max(value, -(1 << 63)), (1 << 63) - 1) for value in values], np.int64)


def _unchanged(paths: list[str], sizes: Ints, mtimes: Ints, ctimes: Ints, inodes: Ints, known: Known) -> Iterator[tuple[int, int]]:
    """The (row, row of `known`) whose stat is the same and old enough to prove that the content is."""
    if not paths or not len(known.paths):
        return
    places = {path: place for place, path in enumerate(known.paths)}
    old = np.array([places.get(path, -1) for path in paths], np.int64)
    same = (old >= 0) & (known.sizes[old] == sizes) & (known.inodes[old] == inodes)
    same &= (known.mtimes_ns[old] == mtimes) & (known.ctimes_ns[old] == ctimes)
    same &= settled(mtimes, ctimes, known.checked_ns[old])
    rows = np.flatnonzero(same)
    yield from zip(rows.tolist(), old[rows].tolist(), strict=True)


def _same_as_index(index: Index, at: Ints, sizes: Ints, mtimes: Ints, ctimes: Ints, inodes: Ints) -> npt.NDArray[np.bool_]:
    """For files at the index rows `at`: whether their stat is the one git recorded when it last saw them clean."""
    if index.problem or not len(at):
        return np.zeros(len(at), np.bool_)
    same: npt.NDArray[np.bool_] = clean_rows(index)[at] & (index.sizes[at] == sizes)
    same &= (index.mtimes_ns[at] == _as_git_keeps(mtimes)) & (index.ctimes_ns[at] == _as_git_keeps(ctimes))
    # 0: written where inodes mean nothing to git (Windows, JGit)
    same &= (index.inodes[at] == inodes & 0xFFFFFFFF) | (index.inodes[at] == 0)
    return same


def _as_git_keeps(times: Ints) -> Ints:
    """Times with their seconds cut to 32 bits."""
    return (times // 1_000_000_000 & 0xFFFFFFFF) * 1_000_000_000 + times % 1_000_000_000


def _read(path: bytes, max_bytes: int) -> tuple[bytes, os.stat_result, int, int] | None:
    """A file's blob id, stat, size and when it was looked at; None if it grew beyond `max_bytes`. Raises OSError.

    A file that changes meanwhile is read again; one that will not stay still is taken as it was read, with 0 for the
    time.
    """
    descriptor = os.open(path, OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0))
    try:
        for _ in range(READ_ATTEMPTS):
            looked_ns = time.time_ns()
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise FileNotFoundError(ENOENT, "replaced by something else than a file", path)
            data = _bytes_of(descriptor, before.st_size, max_bytes + 1)
            if len(data) > max_bytes:
                return None
            after = os.fstat(descriptor)
            times = (before.st_mtime_ns, before.st_ctime_ns)
            if len(data) == after.st_size and times == (after.st_mtime_ns, after.st_ctime_ns):
                return blob_id(data), after, len(data), looked_ns
            os.lseek(descriptor, 0, os.SEEK_SET)
        return blob_id(data), after, len(data), 0
    finally:
        os.close(descriptor)


def _bytes_of(descriptor: int, size: int, most: int) -> bytes:
    """What is left to read, at most `most` bytes; `size` is what to expect."""
    parts = []
    wanted = min(size + 1, most)
    while wanted > 0 and (part := os.read(descriptor, wanted)):
        parts.append(part)
        most -= len(part)
        wanted = min(1 << 20, most)
    return b"".join(parts)


# -------------------------------------------------------------------------------------------------------------- secrets

_SECRET_NAMES = frozenset(
    b"id_rsa id_dsa id_ecdsa id_ecdsa_sk id_ed25519 id_ed25519_sk .netrc _netrc .pgpass .htpasswd .npmrc .pypirc "
    b".git-credentials credentials.json .envrc".split()
)
_SECRET_ENDS = (b".pem", b".key", b".p12", b".pfx", b".jks", b".keystore", b".kdbx", b".tfstate", b".tfstate.backup")
_SECRET_PLACES = (b"/.docker/config.json", b"/.aws/credentials", b"/.kube/config")
_SECRET_SHAPES = re.compile(
    rb"""\.env(?![a-z])(?!.*[._-](?:example|sample|template|dist)$).*   # .env, .env.production, .env-local
    | service[-_]?account.*\.json
    | .*(?:private|secret).*\.asc""",
    re.VERBOSE | re.DOTALL,
)


def secrets_file(path: str) -> bool:
    """Whether a file's name (and the folder's it is in) says that it holds secrets. Case does not matter; nothing is
    read.
    """
    folder, slash, name = path.rpartition("/")
    return _is_secret(os.fsencode(name), os.fsencode("/" + folder + slash))


def _is_secret(name: bytes, folder: bytes) -> bool:
    """The same for a name and its folder's path, which begins and ends in a slash."""
    name = name.lower()
    return (
        name in _SECRET_NAMES
        or name.endswith(_SECRET_ENDS)
        or ((name.startswith((b".env", b"service")) or name.endswith(b".asc")) and _SECRET_SHAPES.fullmatch(name) is not None)
        or (name in _PLACED_NAMES and (folder.lower() + name).endswith(_SECRET_PLACES))
    )


_PLACED_NAMES = frozenset(place.rpartition(b"/")[2] for place in _SECRET_PLACES)
