"""Git's own files, read by us and by git: blob ids, repositories, settings, indexes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groma._pure import git as ours
from groma._pure.git import blob_id, clean_rows, commit_id, head, read_index, read_regular, repository, top_level
from tests.pure.cores import CORES, take

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git to compare with")


@pytest.fixture(scope="module", params=CORES, autouse=True)
def core(request: pytest.FixtureRequest) -> Iterator[str]:
    """The core that the names of this file are from."""
    yield from take(
        sys.modules[__name__],
        request.param,
        ours="git.",
        **dict.fromkeys(("blob_id", "clean_rows", "commit_id", "head", "read_index", "repository", "top_level"), "git"),
    )


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder of our own: the user's git settings must not decide."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".gitconfig").write_text(
        '[user]\n name = t\n email = t@example.org\n[init]\n defaultBranch = main\n[protocol "file"]\n allow = always\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(folder))
        patch.delenv("XDG_CONFIG_HOME", raising=False)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield folder


def git(folder: Path, *arguments: str, feed: bytes | None = None) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], input=feed, capture_output=True)
    assert done.returncode == 0, done.stderr
    return os.fsdecode(done.stdout).rstrip("\n")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q")
    return folder


def commit(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")


def index_of(folder: Path) -> ours.Index:
    found = repository(str(folder))
    assert found is not None
    return read_index(found)


def staged(folder: Path) -> list[tuple[bytes, str, str, str]]:
    """(path, mode, id, stage) as git prints its index."""
    rows = []
    for record in git(folder, "ls-files", "-sz").split("\0")[:-1]:
        fields, _, path = record.partition("\t")
        mode, oid, stage = fields.split(" ")
        rows.append((os.fsencode(path), mode, oid, stage))
    return rows


def ours_staged(index: ours.Index) -> list[tuple[bytes, str, str, str]]:
    return [
        (path, f"{index.modes[row]:06o}", index.oids[20 * row : 20 * row + 20].hex(), str(index.stages[row])) for row, path in enumerate(index.paths)
    ]


# ------------------------------------------------------------------------------------------------------------- blob ids


@pytest.mark.parametrize("data", [b"", b"a", b"\0\r\n\xff", b"x" * 100_000])
def test_blob_id_is_gits(repo: Path, data: bytes) -> None:
    assert blob_id(data).hex() == git(repo, "hash-object", "--stdin", feed=data)


# --------------------------------------------------------------------------------------------------------- repositories


def test_the_nearest_repository_above(repo: Path) -> None:
    (repo / "a/b").mkdir(parents=True)
    (repo / "a/file").touch()
    git(repo / "a/b", "init", "-q")
    assert top_level(str(repo)) == top_level(str(repo / "a")) == top_level(str(repo / "a/file")) == str(repo)
    assert top_level(str(repo / "a/b")) == str(repo / "a/b")
    assert repository(str(repo.parent)) is None and top_level(str(repo.parent)) is None
    link = repo.parent / "link"
    link.symlink_to(repo / "a")
    assert top_level(str(link)) == str(repo)


def test_a_bare_repository_is_no_work_tree(tmp_path: Path, repo: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "repo/store.git")
    assert repository(str(repo / "store.git")) is None
    assert repository(str(repo / "store.git/hooks")) is None
    assert repository(str(repo / ".git/hooks")) is None
    assert ours.is_git_directory(str(repo / "store.git")) and not ours.is_git_directory(str(repo))
    commit(repo, {"a": b"a"})
    git(repo, "config", "core.bare", "true")
    assert repository(str(repo)) is None
    git(repo, "worktree", "add", "-q", "../tree")  # is one all the same
    assert top_level(str(tmp_path / "tree")) == str(tmp_path / "tree")


def test_worktrees_share_the_common_folder_but_not_the_index(tmp_path: Path, repo: Path) -> None:
    commit(repo, {"a": b"a", "b": b"b"})
    git(repo, "worktree", "add", "-q", "-b", "side", "../tree")
    git(tmp_path / "tree", "rm", "-q", "b")
    found = repository(str(tmp_path / "tree"))
    assert found is not None
    assert found.common_dir == str(repo / ".git")
    assert found.git_dir == git(tmp_path / "tree", "rev-parse", "--absolute-git-dir")
    assert read_index(found).paths == [b"a"] and index_of(repo).paths == [b"a", b"b"]
    git(repo, "config", "extensions.worktreeConfig", "true")
    git(tmp_path / "tree", "config", "--worktree", "core.ignoreCase", "true")
    found = repository(str(tmp_path / "tree"))
    assert found and found.settings["core.ignorecase"] == "true"
    assert "core.ignorecase" not in ours.repository(str(repo)).settings  # type: ignore[union-attr]


def test_submodules_are_repositories_of_their_own(tmp_path: Path, repo: Path) -> None:
    git(tmp_path, "init", "-q", "library")
    commit(tmp_path / "library", {"x": b"x"})
    git(repo, "submodule", "--quiet", "add", "../library", "libs/x")
    found = repository(str(repo / "libs/x"))
    assert found and found.top == str(repo / "libs/x") and found.git_dir == str(repo / ".git/modules/libs/x")
    assert read_index(found).paths == [b"x"]
    rows = ours_staged(index_of(repo))
    assert rows == staged(repo) and rows[1][1] == "160000"
    assert clean_rows(index_of(repo))[1] == False  # noqa: E712  a commit's id is no blob's


@pytest.mark.parametrize("content", [b"", b"gitdir: nowhere\n", b"gitdir: \0\n", b"nonsense", b"\xff\xfe", b"gitdir: .."])
def test_a_git_file_that_leads_nowhere_is_no_repository(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".git").write_bytes(content)
    assert repository(str(tmp_path)) is None


def test_the_commit_that_is_checked_out(repo: Path) -> None:
    assert commit_id(str(repo)) is None
    commit(repo, {"a/b": b"1"})
    first = git(repo, "rev-parse", "HEAD")
    assert commit_id(str(repo)) == commit_id(str(repo / "a")) == first
    git(repo, "pack-refs", "--all")
    assert not (repo / ".git/refs/heads/main").exists() and commit_id(str(repo)) == first
    git(repo, "worktree", "add", "-q", "-b", "topic/one", "../tree")
    commit(repo, {"a/b": b"2"})  # on main: loose again, beside the packed one, which is old
    second = git(repo, "rev-parse", "HEAD")
    assert (commit_id(str(repo)), commit_id(str(repo.parent / "tree"))) == (second, first)
    git(repo, "checkout", "-q", "--detach")
    assert commit_id(str(repo)) == second
    for line in ("ref: refs/heads/.invalid", "ref: refs/heads/none", "ref: ../config", "ref: refs/../config", "nonsense"):
        (repo / ".git/HEAD").write_text(f"{line}\n")
        assert commit_id(str(repo)) is None
    (repo / ".git/HEAD").write_text("ref: refs/heads/a\n")
    (repo / ".git/refs/heads/a").write_text("ref: refs/heads/a\n")  # for ever
    assert commit_id(str(repo)) is None
    assert commit_id(str(repo.parent)) is None


def test_head_names_branch_or_commit(repo: Path) -> None:
    assert head(str(repo)) == "main"
    commit(repo, {"a/b": b"1"})
    git(repo, "checkout", "-q", "-b", "topic/one")
    assert head(str(repo / "a")) == "topic/one"
    git(repo, "checkout", "-q", "--detach")
    assert head(str(repo)) == git(repo, "rev-parse", "HEAD")[:7]
    (repo / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    assert head(str(repo)) is None
    assert head(str(repo.parent)) is None


# ------------------------------------------------------------------------------------------------------------- settings


def test_settings_read_as_git_reads_them(tmp_path: Path) -> None:
    text = (
        '\ufeff; comment\n[core]\n\tbare = false # no\n\texcludesFile = "a # b" \\\n  c  \n\tignoreCase\n'
        '[remote "ori\\"g]in"] url = x  y   ; z\n[a "B.c"]\n K-1 = \\"q\\" \\\\ \\t.\n\n'
        '[Last]empty=\nkept = "  "\r\nlast = 1'
    )
    (tmp_path / "config").write_text(text, newline="")
    theirs: dict[str, str] = {}
    for entry in git(tmp_path, "config", "-f", "config", "-lz").split("\0")[:-1]:
        key, equals, value = entry.partition("\n")
        theirs[key] = value if equals else "true"
    assert dict(ours.settings_of(text)) == theirs
    assert len(theirs) == 8


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='[]"\\=#; \n\tab.-\0é', max_size=40))
def test_any_settings_text_is_read_without_a_stumble(text: str) -> None:
    dict(ours.settings_of(text))


def test_settings_that_include_one_another_again_and_again_are_read_in_a_moment(repo: Path) -> None:
    with open(repo / ".git/config", "a") as f:
        f.write("[include]\n" + "path = config\n" * 9 + "[last]\nword = here\n")  # nine to the tenth are three milliards
    found = repository(str(repo))
    assert found is not None and found.settings["last.word"] == "here"


# ---------------------------------------------------------------------------------------------------------------- index

FILES = {
    "a": b"1",
    "dir/sub/b.py": b"22",
    "dir/sub/c.py": b"",
    "dir.x": b"4444",
    "é/new\nline": b"5",
    "quo\"te's": b"6",
    "n" * 200 + "/" + "m" * 200 + "/" + "o" * 200: b"7",
}


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_the_index_of_every_version(repo: Path, version: str) -> None:
    commit(repo, FILES)
    (repo / os.fsdecode(b"bytes\xff")).write_bytes(b"8")
    long = "/".join("d" * 200 for _ in range(19)) + "/" + "e" * 250  # longer than the 12 bits that hold a length
    git(repo, "update-index", "--add", "--cacheinfo", f"100644,{'1' * 40},{long}y")
    git(repo, "update-index", "--add", "--cacheinfo", f"100644,{'2' * 40},{long}z")
    git(repo, "add", "-A", "--", os.fsdecode(b"bytes\xff"))
    (repo / "later").write_bytes(b"")
    git(repo, "update-index", "--index-version", version)
    if version == "3":
        git(repo, "add", "-N", "later")
    assert (repo / ".git/index").read_bytes()[7] == int(version)
    index = index_of(repo)
    assert index.problem is None
    assert ours_staged(index) == staged(repo)
    for row, path in enumerate(index.paths):
        if index.sizes[row]:
            status = os.lstat(os.fsencode(repo) + b"/" + path)
            assert index.sizes[row] == status.st_size
            assert index.mtimes_ns[row] == status.st_mtime_ns and index.ctimes_ns[row] == status.st_ctime_ns
            assert index.inodes[row] == status.st_ino & 0xFFFFFFFF
    assert index.written_ns == (repo / ".git/index").stat().st_mtime_ns


def settle(folder: Path) -> None:
    """Makes the index younger than all files in it, as if a second had passed."""
    status = (folder / ".git/index").stat()
    os.utime(folder / ".git/index", ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def believed(folder: Path) -> set[bytes]:
    index = index_of(folder)
    return {index.paths[row] for row in np.flatnonzero(clean_rows(index)).tolist()}


def test_rows_that_are_not_believed(repo: Path) -> None:
    commit(repo, {"plain": b"1", "assumed": b"2", "skipped": b"3", "empty": b""})
    (repo / "link").symlink_to("plain")
    git(repo, "add", "link")
    (repo / "intended").write_bytes(b"4")
    git(repo, "add", "-N", "intended")
    git(repo, "update-index", "--assume-unchanged", "assumed")
    git(repo, "update-index", "--skip-worktree", "skipped")
    settle(repo)
    index = index_of(repo)
    flags = dict(zip(index.paths, index.flags.tolist(), strict=True))
    assert flags[b"assumed"] & ours.ASSUME_VALID
    assert flags[b"skipped"] & ours.SKIP_WORKTREE
    assert flags[b"intended"] & ours.INTENT_TO_ADD
    assert believed(repo) == {b"plain", b"empty"}


def test_conflicts_are_not_believed(repo: Path) -> None:
    commit(repo, {"a": b"1\n", "b": b"1\n"})
    git(repo, "checkout", "-qb", "side")
    commit(repo, {"a": b"2\n"})
    git(repo, "checkout", "-q", "main")
    commit(repo, {"a": b"3\n"})
    subprocess.run(["git", "-C", str(repo), "merge", "-q", "side"], capture_output=True)
    settle(repo)
    index = index_of(repo)
    assert index.paths == [b"a", b"a", b"a", b"b"] and index.stages.tolist() == [1, 2, 3, 0]
    assert ours_staged(index) == staged(repo)
    assert believed(repo) == {b"b"}


def test_racy_rows_are_not_believed(repo: Path) -> None:
    commit(repo, {"a": b"1", "b": b"2"})
    settle(repo)
    assert believed(repo) == {b"a", b"b"}
    written = (repo / ".git/index").stat().st_mtime_ns + 5_000_000_000
    os.utime(repo / "a", ns=(written, written))
    git(repo, "update-index", "-q", "--refresh")
    os.utime(repo / ".git/index", ns=(written, written))
    assert believed(repo) == {b"b"}
    # git marks a racy file that did change with size 0, so that a later look finds it changed
    index = index_of(repo)
    row = index.paths.index(b"a")
    index.sizes[row] = 0
    index.mtimes_ns[row] = written - 1
    assert not clean_rows(index)[row]


def test_a_split_index_still_says_what_is_tracked(repo: Path) -> None:
    commit(repo, {f"f{number:03}": b"%d" % number for number in range(400)})
    git(repo, "config", "splitIndex.maxPercentChange", "100")
    git(repo, "update-index", "--split-index")
    (repo / "f003").write_bytes(b"changed")
    (repo / "added").write_bytes(b"new")
    git(repo, "add", "f003", "added")
    git(repo, "rm", "-q", "--cached", "f007", *(f"f{number}" for number in range(150, 330)), "f399")
    index = index_of(repo)
    assert index.problem == "split" and list((repo / ".git").glob("sharedindex.*"))
    assert index.paths == sorted(os.fsencode(path) for path in git(repo, "ls-files").split("\n"))
    for shared in (repo / ".git").glob("sharedindex.*"):
        shared.unlink()
    assert index_of(repo).problem == "damaged"


def test_a_sha256_repository_still_says_what_is_tracked(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    commit(tmp_path, FILES)
    index = index_of(tmp_path)
    assert index.problem == "sha256"
    assert index.paths == [path for path, *_ in staged(tmp_path)]
    assert head(str(tmp_path)) == "main"


def test_a_sparse_index_and_one_without_checksum(repo: Path) -> None:
    commit(repo, {"in/a": b"1", "out/b": b"2", "c": b"3"})
    git(repo, "config", "index.skipHash", "true")
    git(repo, "sparse-checkout", "set", "--cone", "--sparse-index", "in")
    index = index_of(repo)
    assert index.problem is None
    assert {b"in/a", b"c"} <= set(index.paths)
    data = (repo / ".git/index").read_bytes()
    (repo / ".git/index").write_bytes(data[:-20] + bytes(20))
    assert index_of(repo).paths == index.paths


def test_an_index_that_would_unfold_beyond_all_memory_is_damaged(repo: Path) -> None:
    entry, long = bytes(62), b"p" * 300_000
    for count, problem in ((40, None), (200_000, "damaged")):  # the latter are 60 GB of paths in a file of 13 MB
        entries = entry + b"\0" + long + b"\0" + (entry + b"\0q\0") * count
        (repo / ".git/index").write_bytes(b"DIRC" + (4).to_bytes(4) + (count + 1).to_bytes(4) + entries + bytes(20))
        index = index_of(repo)
        assert index.problem == problem
        assert len(index.paths) == (count + 1 if problem is None else 0)


def test_no_index_is_an_empty_one(repo: Path) -> None:
    index = index_of(repo)
    assert index.paths == [] and index.problem is None and len(clean_rows(index)) == 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_index_is_never_an_exception(damaged: tuple[Path, dict[int, bytes]], data: st.DataObject) -> None:
    folder, contents = damaged
    good = contents[data.draw(st.sampled_from(sorted(contents)))]
    content = bytearray(good)
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    if data.draw(st.booleans()) and len(content) > 20:  # past the checksum
        content[-20:] = bytes(20)
    (folder / ".git/index").write_bytes(content)
    index = index_of(folder)
    assert index.problem in (None, "damaged", "split")
    if content == good:
        assert index.problem is None and len(index.paths) == len(FILES)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, bytes]]:
    folder = tmp_path_factory.mktemp("damaged")
    git(folder, "init", "-q")
    commit(folder, FILES)
    contents = {}
    for version in (2, 4):
        git(folder, "update-index", "--index-version", str(version))
        contents[version] = (folder / ".git/index").read_bytes()
    return folder, contents


def test_fifos_where_git_keeps_files_do_not_block(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for name in ("index", "config", "HEAD"):
        path = tmp_path / ".git" / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        repository(str(tmp_path))
    assert repository(str(tmp_path)) is None
    assert read_regular(str(tmp_path / ".git/index")) is None
