"""The walk over real folders: what is listed and skipped, and where the blob ids come from."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from groma._pure import walk as module
from groma._pure.git import blob_id
from groma._pure.walk import REASONS, SETTLED_COARSE_NS, SETTLED_NS, Known, Listing, secrets_file, settled, walk
from tests.pure.cores import CORES, take

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
MOST = 1_000_000


@pytest.fixture(scope="module", params=CORES, autouse=True)
def core(request: pytest.FixtureRequest) -> Iterator[str]:
    """The core that the names of this file are from."""
    yield from take(sys.modules[__name__], request.param, walk="walk", secrets_file="walk", settled="walk", blob_id="git")


@pytest.fixture
def plain(core: str) -> None:
    """For tests that change files in the middle of a reading: the compiled core has its own of these, in rust/core/src/walk/tests.rs."""
    if core != "pure":
        pytest.skip("tested in rust/core/src/walk/tests.rs")


@contextmanager
def opened(folder: Path) -> Iterator[set[str]]:
    """The files below `folder` that are opened meanwhile, but for rule files and git's: the kernel keeps the list."""
    if not sys.platform.startswith("linux"):
        pytest.skip("needs inotify")
    system = ctypes.CDLL(None, use_errno=True)
    descriptor = system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert descriptor >= 0, os.strerror(ctypes.get_errno())
    names: set[str] = set()
    try:
        folders = {
            system.inotify_add_watch(descriptor, os.fsencode(place), 0x20): place
            for place, _, _ in os.walk(folder)
            if ".git" not in place[len(str(folder)) :].split("/")
        }
        assert min(folders) > 0, os.strerror(ctypes.get_errno())
        yield names
        try:
            events = os.read(descriptor, 1 << 20)
        except BlockingIOError:
            events = b""
        while events:
            watch, mask, _, length = struct.unpack_from("iIII", events)
            name = os.fsdecode(events[16 : 16 + length].rstrip(b"\0"))
            if not mask & 0x40000000 and name not in (".gitignore", ".gromaignore", ".gitattributes"):
                names.add(os.path.relpath(os.path.join(folders[watch], name), folder))
            events = events[16 + length :]
    finally:
        os.close(descriptor)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of our own: the user's git settings must not decide."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".gitconfig").write_text(
        '[user]\n name = t\n email = t@example.org\n[init]\n defaultBranch = main\n[protocol "file"]\n allow = always\n'
    )
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True)
    assert done.returncode == 0, done.stderr
    return os.fsdecode(done.stdout).rstrip("\n")


def write(path: Path, content: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def known(listing: Listing) -> Known:
    return Known(
        listing.paths,
        listing.sizes,
        listing.mtimes_ns,
        listing.ctimes_ns,
        listing.inodes,
        listing.blobs,
        listing.checked_ns,
    )


def grow_old() -> None:
    """Lets the files' times become old enough to be believed; a ctime cannot be set."""
    time.sleep(SETTLED_NS / 1e9 + 0.02)


def settle(repo: Path) -> None:
    """Makes the index younger than all files in it, as if a second had passed."""
    status = (repo / ".git/index").stat()
    os.utime(repo / ".git/index", ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q")
    return folder


@pytest.fixture
def memory_place(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is such a place: thousands of folders, which some disks take seconds to remove."""
    place = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path))
    yield place
    subprocess.run(["rm", "-rf", str(place)], check=True)  # pytest's own cleaning recurses


def committed(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        write(folder / name, content)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    settle(folder)


def counts(listing: Listing) -> tuple[int, int, int]:
    return listing.from_index, listing.from_known, listing.hashed


# ------------------------------------------------------------------------------------------------------- what is listed


def test_columns_are_true_and_sorted_bytewise(tmp_path: Path) -> None:
    names = ["b", "a/z", "a.x", "a-", "ab", "é", "\U0001f600", "\uffee", "new\nline", "quo\"te's", " ", "a/y/x"]
    for name in names:
        write(tmp_path / name, name)
    before = time.time_ns()
    listing = walk(str(tmp_path), None, max_file_bytes=MOST)
    assert listing.paths == sorted(names, key=str.encode)
    for row, path in enumerate(listing.paths):
        status = (tmp_path / path).stat()
        assert listing.sizes[row] == status.st_size
        assert listing.mtimes_ns[row] == status.st_mtime_ns and listing.ctimes_ns[row] == status.st_ctime_ns
        assert listing.inodes[row] == status.st_ino & (2**63 - 1)
        assert listing.blobs[row] == blob_id(path.encode())
        assert before <= listing.checked_ns[row] <= time.time_ns()
    assert all(column.dtype == np.int64 for column in (listing.sizes, listing.mtimes_ns, listing.inodes, listing.checked_ns))
    assert counts(listing) == (0, 0, len(names)) and listing.skipped == []


def test_an_empty_folder_and_an_empty_repository(tmp_path: Path) -> None:
    assert walk(str(tmp_path), None, max_file_bytes=MOST).paths == []
    if shutil.which("git"):
        git(tmp_path, "init", "-q")
        listing = walk(str(tmp_path), known(walk(str(tmp_path), None, max_file_bytes=MOST)), max_file_bytes=MOST)
        assert listing.paths == [] and listing.sizes.dtype == np.int64 and listing.skipped == []


def test_a_root_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        walk(str(tmp_path / "file"), None, max_file_bytes=MOST)
    with pytest.raises(FileNotFoundError):
        walk(str(tmp_path / "nothing"), None, max_file_bytes=MOST)


def test_what_is_no_file_is_skipped_with_its_reason(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root / "file", "x")
    write(root / "sub/file", "x")
    write(tmp_path / "outside/file", "x")
    write(root / "big", b"x" * 101)
    write(root / ".env", "PASSWORD=1")
    os.mkfifo(root / "fifo")
    links = {
        "to-file": "file",
        "to-folder": "sub",
        "sub/up": "..",
        "sub/here": ".",
        "self": "self",
        "to-outside": "../outside",
        "to-outside-file": "../outside/file",
        "to-parent": "..",
        "to-nothing": "nothing",
        "to-device": "/dev/null",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(root)  # the path of a socket must be short
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    for name in (b"bad\xff.py", b"bad\xff/file"):
        path = os.fsencode(root) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            pass
    listing = walk(str(root), None, max_file_bytes=100)
    assert listing.paths == ["file", "sub/file"]
    assert dict(listing.skipped) == {
        "big": "too-large",
        ".env": "secrets-file",
        "fifo": "not-a-regular-file",
        "socket": "not-a-regular-file",
        "to-file": "symlink",
        "to-folder": "symlink",
        "sub/up": "symlink-loop",
        "sub/here": "symlink-loop",
        "self": "symlink-loop",
        "to-outside": "symlink-outside",
        "to-outside-file": "symlink-outside",
        "to-parent": "symlink-outside",
        "to-nothing": "broken-symlink",
        "to-device": "symlink-outside",
        "bad\\xff": "name-not-utf8",
        "bad\\xff.py": "name-not-utf8",
    }
    assert listing.skipped == sorted(listing.skipped)
    assert {reason for _, reason in listing.skipped} <= set(REASONS)


def test_the_root_may_be_reached_through_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real/file", "x")
    (tmp_path / "real/link").symlink_to("file")
    (tmp_path / "link").symlink_to("real")
    listing = walk(str(tmp_path / "link"), None, max_file_bytes=MOST)
    assert listing.paths == ["file"] and listing.skipped == [("link", "symlink")]


def test_what_may_not_be_read_is_skipped(memory_place: Path) -> None:
    write(memory_place / "file").chmod(0)
    write(memory_place / "folder/file")
    (memory_place / "folder").chmod(0)
    memory_place.chmod(0o755)
    as_root = os.geteuid() == 0
    try:
        if as_root:  # who may read everything
            os.seteuid(65534)
        listing = walk(str(memory_place), None, max_file_bytes=MOST)
    finally:
        if as_root:
            os.seteuid(0)
        (memory_place / "folder").chmod(0o700)
    assert listing.paths == [] and listing.skipped == [("file", "unreadable"), ("folder", "unreadable")]


def test_three_thousand_folders_deep(memory_place: Path) -> None:
    here = os.getcwd()
    os.chdir(memory_place)
    try:
        for depth in range(3000):
            os.mkdir("d")
            os.chdir("d")
            if depth in (1, 1500):
                Path("file").touch()
    finally:
        os.chdir(here)
    listing = walk(str(memory_place), None, max_file_bytes=MOST)
    assert listing.paths == ["d/" * 1501 + "file", "d/d/file"]
    assert [reason for _, reason in listing.skipped] == ["path-too-long"]


@needs_git
def test_git_storage_is_not_source(tmp_path: Path, repo: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "store.git")
    listing = walk(str(tmp_path / "store.git"), None, max_file_bytes=MOST)
    assert listing.paths == [] and listing.skipped == [(".", "git-directory")]
    git(repo, "init", "-q", "--bare", "fixtures/untracked.git")
    git(repo, "init", "-q", "--bare", "fixtures/tracked.git")
    git(repo, "add", "-f", "fixtures/tracked.git/HEAD", "fixtures/tracked.git/config")
    listing = walk(str(repo), None, max_file_bytes=MOST)
    assert listing.skipped == [("fixtures/untracked.git", "git-directory")]
    assert "fixtures/tracked.git/HEAD" in listing.paths


# ------------------------------------------------------------------------------------------------- ids from git's index


@needs_git
def test_clean_tracked_files_are_not_opened(repo: Path) -> None:
    committed(repo, {"a.py": "a", "sub/b.py": "b", "empty": ""})
    write(repo / "untracked", "u")
    with opened(repo) as files:
        listing = walk(str(repo), None, max_file_bytes=MOST)
    assert counts(listing) == (3, 0, 1) and files == {"untracked"}
    assert listing.blobs == [blob_id(content) for content in (b"a", b"", b"b", b"u")]
    assert walk(str(repo / "sub"), None, max_file_bytes=MOST).from_index == 1


@needs_git
def test_changed_and_racy_files_are_read(repo: Path) -> None:
    committed(repo, {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"})
    (repo / "e").chmod(0o755)  # nothing but another ctime
    write(repo / "a", "other")
    shutil.copy2(repo / "b", repo / "b2")
    os.replace(repo / "b2", repo / "b")  # same content, size and mtime: another inode and ctime
    listing = walk(str(repo), None, max_file_bytes=MOST)
    assert counts(listing) == (2, 0, 3)
    assert listing.blobs == [blob_id(content) for content in (b"other", b"2", b"3", b"4", b"5")]
    status = (repo / "c").stat()
    os.utime(repo / ".git/index", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert walk(str(repo), None, max_file_bytes=MOST).from_index == 0


@needs_git
def test_a_change_within_one_clock_tick_is_seen(repo: Path) -> None:
    """The classic race: same size, same times, other content, right after `git add`."""
    for attempt in range(20):
        path = write(repo / "racy", f"{attempt:04d}")
        git(repo, "add", "racy")
        write(path, f"{attempt + 5000:04d}")
        assert walk(str(repo), None, max_file_bytes=MOST).blobs == [blob_id(b"%04d" % (attempt + 5000))]


@needs_git
def test_assumed_skipped_and_intended_files_are_read(repo: Path) -> None:
    committed(repo, {"a": "1", "b": "2", "c": "3"})
    git(repo, "update-index", "--assume-unchanged", "a")
    git(repo, "update-index", "--skip-worktree", "b")
    write(repo / "d", "4")
    git(repo, "add", "-N", "d")
    settle(repo)
    listing = walk(str(repo), None, max_file_bytes=MOST)
    assert counts(listing) == (1, 0, 3)
    assert listing.blobs == [blob_id(content) for content in (b"1", b"2", b"3", b"4")]


@needs_git
@pytest.mark.parametrize("index_version", ["2", "4"])
def test_worktrees_and_submodules_use_their_own_index(tmp_path: Path, repo: Path, index_version: str) -> None:
    git(tmp_path, "init", "-q", "library")
    committed(tmp_path / "library", {"x.c": "x", ".gitignore": "*.o"})
    committed(repo, {"a": "1", ".gitignore": "*.c\nlibs/\n"})
    git(repo, "submodule", "--quiet", "add", "-f", "../library", "libs/x")
    git(repo, "commit", "-qm", "two")
    write(repo / "libs/x/new.c", "n")
    write(repo / "libs/x/new.o", "o")
    write(repo / "libs/other", "not tracked, so ignored")
    git(repo, "worktree", "add", "-q", "../tree")
    for folder in (repo, repo / "libs/x", tmp_path / "tree"):
        git(folder, "update-index", "--index-version", index_version)
        index = Path(git(folder, "rev-parse", "--absolute-git-dir")) / "index"
        os.utime(index, ns=(time.time_ns() + 10**9,) * 2)
    listing = walk(str(repo), None, max_file_bytes=MOST)
    assert listing.paths == [".gitignore", ".gitmodules", "a", "libs/x/.gitignore", "libs/x/new.c", "libs/x/x.c"]
    assert counts(listing) == (5, 0, 1)
    inner = walk(str(repo / "libs/x"), None, max_file_bytes=MOST)
    assert inner.paths == [".gitignore", "new.c", "x.c"] and counts(inner) == (2, 0, 1)
    tree = walk(str(tmp_path / "tree"), None, max_file_bytes=MOST)
    assert tree.paths == [".gitignore", ".gitmodules", "a"] and counts(tree) == (3, 0, 0)


@needs_git
def test_indexes_that_are_of_no_use(tmp_path: Path, repo: Path) -> None:
    committed(repo, {"kept.o": "1", "a": "2"})
    write(repo / ".gitignore", "*.o\n")
    write(repo / "new.o", "3")
    expected = [".gitignore", "a", "kept.o"]
    assert walk(str(repo), None, max_file_bytes=MOST).paths == expected
    git(repo, "update-index", "--split-index")
    split = walk(str(repo), None, max_file_bytes=MOST)
    assert split.paths == expected and split.hashed == 3
    write(repo / ".git/index", (repo / ".git/index").read_bytes()[:-30])
    assert walk(str(repo), None, max_file_bytes=MOST).paths == [".gitignore", "a"]
    git(tmp_path, "init", "-q", "--object-format=sha256", "other")
    committed(tmp_path / "other", {"kept.o": "1"})
    write(tmp_path / "other/.gitignore", "*.o\n")
    sha256 = walk(str(tmp_path / "other"), None, max_file_bytes=MOST)
    assert sha256.paths == [".gitignore", "kept.o"] and sha256.hashed == 2
    assert sha256.blobs[1] == blob_id(b"1")


@needs_git
@pytest.mark.parametrize(
    ("attributes", "read"),
    [
        ("*.bin filter=shout\n", {"a.bin"}),
        ("[attr]loud filter=shout\n*.txt loud\n", {"b.txt", "sub/c.txt"}),
        ("/*.txt eol=crlf\n", {"b.txt"}),
        ("sub/** ident\n", {"sub/c.txt"}),
        ('"b.txt" working-tree-encoding=UTF-16LE\n', {"a.bin", "b.txt", "sub/c.txt"}),
        ("* text=auto\n*.bin -filter\n# *.txt filter=shout\n", set()),
    ],
)
def test_files_that_git_converts_are_read(repo: Path, attributes: str, read: set[str]) -> None:
    git(repo, "config", "filter.shout.clean", "tr a-z A-Z")
    committed(repo, {".gitattributes": attributes, "a.bin": "abcd", "b.txt": "abcd", "sub/c.txt": "abcd"})
    with opened(repo) as files:
        listing = walk(str(repo), None, max_file_bytes=MOST)
    assert files == read and listing.hashed == len(read) + (attributes[0] == '"')  # the one that speaks of all files, itself too
    assert listing.blobs[1:] == [blob_id(b"abcd")] * 3
    with opened(repo) as files:
        walk(str(repo / "sub"), None, max_file_bytes=MOST)
    assert files == read & {"sub/c.txt"}


@needs_git
def test_conversions_come_from_settings_and_other_files_too(repo: Path, home: Path) -> None:
    committed(repo, {"a": "1", "b": "2"})
    write(repo / ".git/info/attributes", "a filter=x\n")
    assert walk(str(repo), None, max_file_bytes=MOST).hashed == 1
    write(home / ".config/git/attributes", "b ident\n")
    assert walk(str(repo), None, max_file_bytes=MOST).hashed == 2
    (home / ".config/git/attributes").unlink()
    (repo / ".git/info/attributes").unlink()
    assert walk(str(repo), None, max_file_bytes=MOST).hashed == 0
    git(repo, "config", "core.autocrlf", "input")
    assert walk(str(repo), None, max_file_bytes=MOST).hashed == 2


# --------------------------------------------------------------------------------------------- ids from an earlier walk


def test_unchanged_files_keep_their_ids_unread(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        write(tmp_path / name, name)
    grow_old()
    first = walk(str(tmp_path), None, max_file_bytes=MOST)
    again = walk(str(tmp_path), known(first), max_file_bytes=MOST)
    assert counts(again) == (0, 4, 0) and again.blobs == first.blobs
    write(tmp_path / "a", "A")
    (tmp_path / "b").unlink()
    write(tmp_path / "e", "e")
    os.utime(tmp_path / "c")
    third = walk(str(tmp_path), known(again), max_file_bytes=MOST)
    assert third.paths == ["a", "c", "d", "e"] and counts(third) == (0, 1, 3)
    assert third.blobs == [blob_id(content) for content in (b"A", b"c", b"d", b"e")]


def test_a_file_younger_than_the_clock_is_sure_of_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "a", "a")
    first = walk(str(tmp_path), None, max_file_bytes=MOST)
    assert walk(str(tmp_path), known(first), max_file_bytes=MOST).hashed == 1
    grow_old()
    second = walk(str(tmp_path), known(first), max_file_bytes=MOST)  # its check lies too near the writing
    assert second.hashed == 1
    assert walk(str(tmp_path), known(second), max_file_bytes=MOST).from_known == 1
    for mtime_ns, hashed in ((10**18, 0), (time.time_ns() // 10**9 * 10**9, 1)):  # whole seconds: maybe a clock of whole seconds
        os.utime(tmp_path / "a", ns=(mtime_ns, mtime_ns))
        grow_old()
        third = walk(str(tmp_path), None, max_file_bytes=MOST)
        assert walk(str(tmp_path), known(third), max_file_bytes=MOST).hashed == hashed


def test_edits_of_one_size_within_one_tick_are_all_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "0000")
    listing = walk(str(tmp_path), None, max_file_bytes=MOST)
    for number in range(1, 200):
        write(path, f"{number:04d}")
        listing = walk(str(tmp_path), known(listing), max_file_bytes=MOST)
        assert listing.blobs == [blob_id(b"%04d" % number)]


def test_a_file_that_vanishes_meanwhile_is_left_out(plain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / name, name)
    real = module._read

    def vanish(path: bytes, most: int) -> object:
        if path.endswith(b"/b"):
            os.unlink(path)
        if path.endswith(b"/c"):
            os.unlink(path)
            os.symlink("a", path)
        return real(path, most)

    monkeypatch.setattr(module, "_read", vanish)
    listing = walk(str(tmp_path), None, max_file_bytes=MOST)
    assert listing.paths == ["a"] and listing.blobs == [blob_id(b"a")] and len(listing.sizes) == 1
    assert listing.skipped == [] and counts(listing) == (0, 0, 1)


def test_a_file_that_keeps_changing_is_taken_as_read_and_not_believed_later(plain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "log", b"x" * 10_000)
    real = module._bytes_of

    def and_grow(*arguments: int) -> bytes:
        data = real(*arguments)
        with open(path, "ab") as stream:
            stream.write(b"y")
        return data

    with monkeypatch.context() as patch:
        patch.setattr(module, "_bytes_of", and_grow)
        listing = walk(str(tmp_path), None, max_file_bytes=MOST)
    assert listing.checked_ns.tolist() == [0]
    assert listing.blobs == [blob_id(path.read_bytes()[: int(listing.sizes[0])])]
    grow_old()
    assert walk(str(tmp_path), known(listing), max_file_bytes=MOST).hashed == 1


def test_a_file_that_changes_once_while_it_is_read_is_read_again(plain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a", "before")
    real = module._bytes_of
    reads: list[bytes] = []

    def and_change(*arguments: int) -> bytes:
        reads.append(real(*arguments))
        if len(reads) == 1:
            write(path, "changed meanwhile")
        return reads[-1]

    monkeypatch.setattr(module, "_bytes_of", and_change)
    listing = walk(str(tmp_path), None, max_file_bytes=MOST)
    assert listing.blobs == [blob_id(b"changed meanwhile")] and listing.sizes.tolist() == [17]
    assert reads == [b"before", b"changed meanwhile"] and listing.checked_ns[0] > 0


def test_a_file_that_outgrows_the_limit_while_it_is_read(plain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "log", b"x" * 90)
    real = module._read
    monkeypatch.setattr(module, "_read", lambda name, most: write(path, b"x" * 5000) and real(name, most))
    listing = walk(str(tmp_path), None, max_file_bytes=100)
    assert listing.paths == [] and listing.skipped == [("log", "too-large")]


def test_when_equal_times_are_proof() -> None:
    day = 86_400_000_000_000
    fine, coarse = day + 5, day
    rows = [
        (fine, fine, fine + SETTLED_NS, True),
        (fine, fine, fine + SETTLED_NS - 1, False),
        (fine, fine + 7, fine + SETTLED_NS, False),
        (fine + 7, fine, fine + SETTLED_NS, False),
        (fine, fine, 0, False),
        (coarse, fine, coarse + SETTLED_COARSE_NS - 1, False),
        (fine, coarse, coarse + SETTLED_COARSE_NS - 1, False),
        (0, fine, fine + SETTLED_NS, True),
        (fine, coarse, fine + SETTLED_COARSE_NS, True),
        (-coarse, -coarse, 0, True),
        (1 << 62, (1 << 63) - 1, day, False),
    ]
    mtimes, ctimes, checked, expected = (list(column) for column in zip(*rows, strict=True))
    found = settled(np.array(mtimes), np.array(ctimes), np.array(checked))
    assert found.tolist() == expected and found.dtype == np.bool_


@pytest.mark.parametrize("seconds", [-(1 << 34), -1, 0, (1 << 32) + 5, (1 << 34)])
def test_times_far_from_ours(memory_place: Path, seconds: int) -> None:
    """Some lie beyond what 64 bits of nanoseconds hold."""
    write(memory_place / "a", "a")
    os.utime(memory_place / "a", ns=(0, seconds * 10**9 + 3))
    listing = walk(str(memory_place), None, max_file_bytes=MOST)
    status = (memory_place / "a").stat()  # as far as the file system keeps it
    assert listing.mtimes_ns.tolist() == [min(max(status.st_mtime_ns, -(1 << 63)), (1 << 63) - 1)]
    assert listing.blobs == [blob_id(b"a")]
    grow_old()
    again = walk(str(memory_place), known(listing), max_file_bytes=MOST)
    assert again.mtimes_ns.tolist() == listing.mtimes_ns.tolist()


# -------------------------------------------------------------------------------------------------------------- secrets

SECRET = """
.env .env.local sub/.env.production .ENV .env-prod .env.example.local .envrc server.pem a/b/tls.KEY x.p12 x.pfx x.jks
x.keystore x.kdbx private.asc my-secret-key.asc .ssh/id_rsa id_ed25519 id_dsa id_ecdsa .netrc _netrc .pgpass .htpasswd
.npmrc .pypirc .git-credentials credentials.json service-account.json service-account-prod.json service_account.json
terraform.tfstate a.tfstate.backup .docker/config.json home/.aws/credentials .kube/config
"""
PLAIN = """
.env.example .env.sample .env.template .env.dist .env.local.example .environment env.py x.env id_rsa.pub config.json
credentials config docker/config.json my.docker/config.json kube/config pubkey.asc key.py pem.py monkey a.keys
service.json npmrc secret.py
"""


@pytest.mark.parametrize("path", SECRET.split())
def test_a_secrets_file(path: str, tmp_path: Path) -> None:
    assert secrets_file(path)
    write(tmp_path / path, "hidden")
    listing = walk(str(tmp_path), None, max_file_bytes=MOST)
    assert listing.paths == [] and listing.skipped == [(path, "secrets-file")]


@pytest.mark.parametrize("path", PLAIN.split())
def test_no_secrets_file(path: str, tmp_path: Path) -> None:
    assert not secrets_file(path)
    write(tmp_path / path, "shown")
    assert walk(str(tmp_path), None, max_file_bytes=MOST).paths == [path]


@needs_git
def test_a_secrets_file_stays_out_though_tracked_and_wanted(repo: Path) -> None:
    committed(repo, {".env": "PASSWORD=1", ".gromaignore": "!.env\n"})
    listing = walk(str(repo), None, max_file_bytes=MOST)
    assert listing.paths == [".gromaignore"] and listing.skipped == [(".env", "secrets-file")]
    write(repo / ".gitignore", ".env.*\n")
    write(repo / ".env.local", "x")  # ignored: not worth a word
    assert walk(str(repo), None, max_file_bytes=MOST).skipped == [(".env", "secrets-file")]
