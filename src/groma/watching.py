"""What happens below a folder, told at the moment it is asked for: the one module that knows how this system watches folders.

On Linux it speaks to inotify itself. The kernel queues an event before the call that made it (a write, a rename, a removal) returns, so who drains
the queue when a question comes knows of everything that was finished before the question. Libraries that watch for us hand events on after a
while, from threads of their own: an empty list of theirs proves nothing, and that proof is all we want. Elsewhere `Watch` says that it cannot.

Folders are watched, never files, and only those that the walk enters (`core.walk`; its rules of ignoring are asked, not repeated), so that neither
`node_modules` nor a build's output costs anything. A folder is watched before it is listed, so nothing in it falls between. What a walk reads
besides those folders is looked after as well: git's index (only which files are tracked matters), its settings and excludes, by watching its
folder; what lies outside of the root (the user's git settings, excludes and attributes; rule files and `.git` above the root), by its stat.

What gives no event: writes of another host, so only file systems of this one are watched; writes through a mapping, which are told when it is
unmapped; writes through a hard link of another folder. Whoever relies on this walks from time to time all the same.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import select
import stat
import struct
import sys
import time
from array import array
from contextlib import suppress

from . import core

__all__ = ["WATCHES", "CannotWatch", "Watch", "more", "system_limit"]

WATCHES, INSTANCES = "max_user_watches", "max_user_instances"
"""Limits of this system, below fs.inotify: of folders, and of roots, that all processes of a user watch together."""


class CannotWatch(Exception):
    """Why a folder is not watched, as a part of a sentence. `limit`: the limit of this system because of which; "" where it is none of those."""

    def __init__(self, why: str, *, limit: str = "") -> None:
        super().__init__(why)
        self.limit = limit


LOCAL_KINDS = frozenset(
    "ext2 ext3 ext4 xfs btrfs bcachefs f2fs jfs reiserfs nilfs2 zfs tmpfs ramfs rootfs overlay vfat exfat msdos ntfs3 hfsplus udf"
    " iso9660 squashfs erofs fuseblk".split()
)
"""File systems on which nobody but this kernel writes. Of any other, such as nfs, cifs, 9p, virtiofs or fuse.*, it may not be told."""

_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x4, 0x8, 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _UNMOUNT, _OVERFLOW, _IGNORED = 0x400, 0x800, 0x2000, 0x4000, 0x8000
_ONLY_FOLDERS, _NO_LINKS, _NO_UNLINKED, _IS_FOLDER = 0x01000000, 0x02000000, 0x04000000, 0x40000000
_MASK = (
    _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
    | _ONLY_FOLDERS | _NO_LINKS | _NO_UNLINKED
)  # fmt: skip
"""Nothing that reading causes. A write through a mapping is told by the closing of the file, which comes after it is unmapped."""
_EVENT = struct.Struct("iIII")
_BUFFER = 1 << 18

_GIT_FILES = frozenset((b"index", b"HEAD", b"config", b"config.worktree", b"commondir", b"info", b"exclude", b"attributes", b"objects", b"refs"))
"""Names in git's own folders that decide what a walk lists. Where HEAD points does not, so a commit is no change and a switch is one of files."""
_ALWAYS = frozenset((b".gitattributes", b".groma.toml"))
"""Read by a run whether or not a rule ignores them."""
LONGEST_GIT_S = 120.0
"""A lock of git's that is older was left behind by a crash."""
MOST_ARRIVALS = 10_000
"""New folders waiting to be watched; of more than that all are looked for anew, so that a storm takes no memory."""


class _Checkout:
    """A repository whose work tree is watched: what of it decides what a walk lists."""

    def __init__(self, top: str) -> None:
        self.top = top
        self.state = core.repository_at(top)
        self._seen = 0  # stands for the paths of its index

    def watched(self) -> bool:
        """Say that its folders are watched from now on; whether it was what it is now when it was looked up."""
        self._seen = self._tracked()
        return core.repository_at(self.top) == self.state

    def _tracked(self) -> int:
        return hash(tuple(core.read_index(self.state).paths)) if self.state else 0

    def differs(self, name: bytes) -> bool:
        """Does a change of the file `name` in git's folders change what a walk lists?"""
        if name == b"index" and self.state is not None:
            return self._tracked() != self._seen
        if name in (b"HEAD", b"config", b"config.worktree", b"objects", b"refs"):
            return core.repository_at(self.top) != self.state
        return True

    @property
    def folders(self) -> list[str]:
        if self.state is None:
            return [os.path.join(self.top, ".git")]  # not a repository yet, or no more
        common = self.state.common_dir
        return list(dict.fromkeys((self.state.git_dir, common, os.path.join(common, "info"))))


class Watch:
    """Of one root. `arm`, then walk, then `walked`: from `arm` on, every `look` tells whether the walk must be made again.

    Not for two threads at once.
    """

    def __init__(self, root: str) -> None:
        """Watches nothing yet. Raises CannotWatch."""
        if not sys.platform.startswith("linux"):
            raise CannotWatch("this system is not Linux")
        self._given = root
        self.root = os.path.realpath(root)
        self.changed = True
        """Has anything happened since `arm`?"""
        self.overflows = 0
        """How often the system had lost events: after each of them, everything is looked for anew."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = -1
        self._mounts = _Mounts()
        self._grounds: dict[int, core.Ground | None] = {}  # by watch; None: a folder with two names
        self._checkouts: dict[int, list[_Checkout]] = {}  # by watch of a folder of git's
        self._outside: dict[str, tuple[int, ...]] = {}
        self._unsettled = False
        self._unreadable = False
        self._identity = (0, 0)
        self._arrivals: dict[bytes, core.Ground] = {}
        self._lost = True  # must all be looked for anew?
        self._walking = False
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            code = ctypes.get_errno()
            self.close()
            raise CannotWatch(_used_up(INSTANCES), limit=INSTANCES) if code == errno.EMFILE else CannotWatch(os.strerror(code))

    def fileno(self) -> int:
        """Readable when there is something to `look` at."""
        return self._fd

    @property
    def folders(self) -> int:
        """How many are watched, each of them one of the system's watches."""
        return len(self._grounds) + len(self._checkouts)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._mounts.close()

    @property
    def git_is_writing(self) -> bool:
        """Is a git command in the middle of changing a work tree here?"""
        folders = {checkout.state.git_dir for several in self._checkouts.values() for checkout in several if checkout.state}
        now = time.time()
        for folder in folders:
            with suppress(OSError):
                if now - os.stat(os.path.join(folder, "index.lock")).st_mtime < LONGEST_GIT_S:
                    return True
        return False

    # ------------------------------------------------------------------------------------------------------------ what happened

    def look(self) -> bool:
        """Whether anything happened since the last look; `changed` is whether anything did since `arm`. Takes no longer for a larger tree."""
        news = self._drain()
        if not self._is_there() or self._mounts.changed(self.root):
            self._lost = news = True
        if self._unsettled or any(_sign(path) != seen for path, seen in self._outside.items()):
            self._lost = news = True
        self.changed |= news
        return news

    def walked(self) -> None:
        """Say, right after a look, that the walk which `arm` preceded is over."""
        self._walking = False

    def _is_there(self) -> bool:
        try:
            status = os.stat(self._given)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def _drain(self) -> bool:
        """Read what is queued now, not what comes meanwhile: it must end."""
        left, news = _queued_bytes(self._fd), False
        while left > 0:
            try:
                data = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                break
            left -= len(data)
            news = self._take(data, news)
        return news

    def _take(self, data: bytes, news: bool) -> bool:
        """Whether events say that a walk would find something else. Once that is known, of files only those that set rules are looked at."""
        at = 0
        while at < len(data):
            wd, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size + length
            name = data[at - length : at].rstrip(b"\0")
            if mask & _OVERFLOW:
                self.overflows += 1
                self._lost = news = True
                continue
            if mask & _IGNORED:
                self._grounds.pop(wd, None)
                self._checkouts.pop(wd, None)
                continue
            if wd in self._checkouts and (not name or name in _GIT_FILES):
                news = self._of_git(wd, name) or news
            if wd in self._grounds:
                news = self._of_folder(self._grounds[wd], mask, name, news) or news
        return news

    def _of_git(self, wd: int, name: bytes) -> bool:
        # While a walk reads the index, that it is as it was before does not mean that it was so all the time.
        if self._lost or not (self._walking or any(checkout.differs(name) for checkout in self._checkouts[wd])):
            return self._lost
        self._lost = True
        return True

    def _of_folder(self, ground: core.Ground | None, mask: int, name: bytes, news: bool) -> bool:
        if ground is None or mask & (_UNMOUNT | _MOVE_SELF) or name in core.RULE_FILES:
            self._lost = True
            return True
        if not name:  # of the folder itself: the folder above tells it too, where it is not the root
            return ground.folder.rstrip(b"/") == os.fsencode(self.root)
        if name in _ALWAYS:
            return True
        is_folder = bool(mask & _IS_FOLDER)
        if (news and not is_folder) or core.fate(ground, name, ground.path + name, is_folder) == core.IGNORED:
            return False
        if is_folder:
            if mask & (_CREATE | _MOVED_TO):
                self._arrivals[ground.folder + name] = ground
                self._lost |= len(self._arrivals) > MOST_ARRIVALS
            elif mask & _MOVED_FROM or (mask & _ATTRIB and self._unreadable):
                self._lost = True
        return True

    # ------------------------------------------------------------------------------------------------------------ what is watched

    def arm(self, most: int) -> bool:
        """Watch all that a walk begun from now on will list, in at most `most` folders; whether anything had changed since it was last armed.

        Raises CannotWatch; then close it.
        """
        self.look()
        had, self.changed, self._walking = self.changed, False, True
        try:
            if self._lost:
                self._lost = False
                self._everything(most)
            else:
                arrivals, self._arrivals = self._arrivals, {}
                for path, ground in arrivals.items():
                    name = os.path.basename(path)
                    what = core.fate(ground, name, ground.path + name, True)
                    self._below(core.ground_below(ground, name, what == core.ONLY_TRACKED), most)
            self._check_kinds()
        except BaseException:
            self._lost = self.changed = True
            raise
        return had

    def _everything(self, most: int) -> None:
        begun_ns = time.time_ns()
        before = self._grounds.keys() | self._checkouts.keys()
        self._grounds, self._checkouts, self._arrivals, self._outside = {}, {}, {}, {}
        self._unreadable = False
        self.root = os.path.realpath(self._given)
        self._mounts.changed(self.root)
        try:
            status = os.stat(self._given)
        except OSError as e:
            raise CannotWatch(f"it cannot be read ({e.strerror})") from e
        self._identity = (status.st_dev, status.st_ino)
        user = core.user_folder()
        for path in ("/etc/gitconfig", os.path.join(user, "config"), os.path.expanduser("~/.gitconfig")):
            self._settings(path)
        found = core.repository(self.root)
        self._above(found.top if found else None)
        if found:
            self._checkout(found.top)
        else:
            self._users(self.root, {})
        self._below(core.survey_ground(self.root), most)
        for wd in before - self._grounds.keys() - self._checkouts.keys():
            self._libc.inotify_rm_watch(self._fd, wd)
        self._unsettled = any(begun_ns - seen[1] < core.SETTLED_NS for seen in self._outside.values() if len(seen) > 1)

    def _below(self, start: core.Ground, most: int) -> None:
        """Watch a folder and those below it that a walk enters. One that vanishes meanwhile is left to the events of the one above."""
        stack = [start]
        while stack:
            ground = stack.pop()
            wd = self._add(ground.folder)
            if wd is None:
                continue
            try:
                with os.scandir(ground.folder) as listing:
                    rules, names = set(), []
                    for entry in listing:
                        if entry.name in core.RULE_FILES:
                            rules.add(entry.name)
                        if entry.name != b".git" and entry.is_dir(follow_symlinks=False):
                            names.append(entry.name)
            except OSError as e:
                self._unreadable |= e.errno in (errno.EACCES, errno.EPERM)
                continue
            if b".git" in rules:
                self._checkout(os.fsdecode(ground.folder.rstrip(b"/")) or "/")
            if rules:
                ground = core.enter_ground(ground, rules)
            if wd in self._grounds and ((other := self._grounds[wd]) is None or other.folder != ground.folder):
                self._grounds[wd] = None
            else:
                self._grounds[wd] = ground
            if self.folders > most:
                raise CannotWatch(f"it has more than {most} folders", limit=WATCHES)
            for name in names:
                what = core.fate(ground, name, ground.path + name, True)
                if what != core.IGNORED:
                    stack.append(core.ground_below(ground, name, what == core.ONLY_TRACKED))

    def _add(self, path: bytes) -> int | None:
        wd: int = self._libc.inotify_add_watch(self._fd, path.rstrip(b"/") or b"/", _MASK)
        if wd >= 0:
            return wd
        code = ctypes.get_errno()
        if code in (errno.ENOSPC, errno.ENOMEM):
            raise CannotWatch(_used_up(WATCHES), limit=WATCHES)
        self._unreadable |= code in (errno.EACCES, errno.EPERM)
        return None

    # --------------------------------------------------------------------------------------------------- what else a walk reads

    def _checkout(self, top: str) -> None:
        """Watch the folders of git's own of the checkout at `top`."""
        if any(checkout.top == top for several in self._checkouts.values() for checkout in several):
            return
        checkout = _Checkout(top)
        for folder in checkout.folders:
            if (wd := self._add(os.fsencode(folder))) is not None:
                self._checkouts.setdefault(wd, []).append(checkout)
                self._mounts.check(os.path.realpath(folder))
        if not checkout.watched():
            self._lost = self.changed = True
        if checkout.state is not None:
            self._settings(os.path.join(checkout.state.common_dir, "config"), own=True)
            self._users(top, dict(checkout.state.settings))

    def _settings(self, path: str, *, own: bool = False, depth: int = 0) -> None:
        """Keep an eye on a file of git's settings (if it is not a repository's own, which is watched) and on those it includes."""
        if not own:
            if path in self._outside or depth > 10:
                return
            self._outside[path] = _sign(path)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return
            with open(path, encoding="utf-8", errors="surrogateescape") as f:
                pairs = list(core.settings_of(f.read(1 << 20)))
        except (OSError, ValueError):
            return
        for key, value in pairs:
            if key == "include.path":
                self._settings(os.path.join(os.path.dirname(path), os.path.expanduser(value)), depth=depth + 1)

    def _users(self, top: str, settings: dict[str, str]) -> None:
        """Keep an eye on the user's own rules and attributes, as they hold for the work tree at `top`."""
        settings = {**core.user_settings(), **settings}
        for key, default in (("core.excludesfile", "ignore"), ("core.attributesfile", "attributes")):
            path = os.path.join(top, os.path.expanduser(settings.get(key, os.path.join(core.user_folder(), default))))
            self._outside[path] = _sign(path)
        self._outside["/etc/gitattributes"] = _sign("/etc/gitattributes")

    def _above(self, top: str | None) -> None:
        """Keep an eye on what lies in the folders from `top` to above the root; without a repository, on the coming of one."""
        folder = self.root
        while folder not in (top, "/"):
            folder = os.path.dirname(folder)
            for name in (".git", ".gitignore", ".gromaignore", ".gitattributes") if top else (".git",):
                path = os.path.join(folder, name)
                self._outside[path] = _sign(path)

    def _check_kinds(self) -> None:
        """Raises CannotWatch if anything watched lies on a file system that others may write."""
        self._mounts.check(self.root)
        if inside := self._mounts.below(self.root):
            watched = {ground.folder.rstrip(b"/") for ground in self._grounds.values() if ground is not None}
            for point in inside:
                if os.fsencode(point) in watched:
                    self._mounts.check(point)


def _sign(path: str) -> tuple[int, ...]:
    """What tells that a file changed; of a `.git`, only that it is another one."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ()
    if stat.S_ISDIR(status.st_mode):
        return (status.st_ino,)
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


# --------------------------------------------------------------------------------------------------------------- the system's


def _queued_bytes(fd: int) -> int:
    import fcntl  # not everywhere
    import termios

    size = array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, size)
    return size[0]


_USUAL = {WATCHES: 8192, INSTANCES: 128}


def system_limit(name: str = WATCHES) -> int:
    """How many folders (or roots) one user of this system may watch."""
    try:
        with open(f"/proc/sys/fs/inotify/{name}", encoding="ascii") as f:
            return int(f.read())
    except (OSError, ValueError):
        return _USUAL[name]


def more(limit: str) -> str:
    """A sentence on how a user has more of what was used up, with what there is of it now."""
    now = system_limit(limit)
    return f"fs.inotify.{limit} is {now}: to have more, run: sudo sysctl fs.inotify.{limit}={max(4 * now, 64 * _USUAL[limit])}"


def _used_up(limit: str) -> str:
    return f"this user's watches are used up (a larger fs.inotify.{limit} would help)"


_ESCAPE = re.compile(rb"\\([0-7]{3})")


class _Mounts:
    """What is mounted where. The kernel says when that changes, so that asking costs one call."""

    def __init__(self) -> None:
        try:
            self._fd = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as e:
            raise CannotWatch("this system does not tell what is mounted") from e
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLPRI)
        self._table: list[tuple[str, str, str]] = []
        self._read()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def changed(self, root: str) -> bool:
        """Whether anything that concerns a root was mounted or unmounted since the last call."""
        if not self._poll.poll(0):
            return False
        before = self._concern(root)
        self._read()
        return self._concern(root) != before

    def check(self, path: str) -> None:
        """Raises CannotWatch where others may write without this system being told. `path` has no links in it."""
        kind = ""
        longest = -1
        for point, of, _ in self._table:
            if len(point) >= longest and (path == point or path.startswith(point.rstrip("/") + "/")):  # of two at one point the later one counts
                kind, longest = of, len(point)
        if kind not in LOCAL_KINDS:
            raise CannotWatch(f"{path} lies on a file system ({kind or 'unknown'}) that does not tell of all changes")

    def below(self, root: str) -> list[str]:
        return [point for point, _, _ in self._table if point.startswith(root.rstrip("/") + "/")]

    def _concern(self, root: str) -> list[str]:
        return [line for point, _, line in self._table if point.startswith(root) or root.startswith(point.rstrip("/") + "/")]

    def _read(self) -> None:
        parts = []
        os.lseek(self._fd, 0, os.SEEK_SET)
        with suppress(OSError):
            while part := os.read(self._fd, 1 << 16):
                parts.append(part)
        self._table = []
        for line in b"".join(parts).splitlines():
            fields, _, rest = line.partition(b" - ")
            where = fields.split(b" ")
            if len(where) > 4:
                point = os.fsdecode(_ESCAPE.sub(lambda found: bytes((int(found[1], 8),)), where[4]))
                self._table.append((point, rest.split(b" ")[0].decode("ascii", "replace"), os.fsdecode(line)))
