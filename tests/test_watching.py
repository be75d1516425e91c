"""Watching a folder: everything that changes what a walk finds is told by the next look, without waiting; what changes nothing of it is not."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from groma.watching import WATCHES, CannotWatch, Watch, system_limit
from tests.processes import git, repository, write

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="watching is tested on Linux only")

MANY = 1_000_000
FILES: dict[str, str | bytes] = {
    "src/a.py": "a = 1\n",
    "src/deep/b.py": "b = 1\n",
    "c.md": "# C\n",
    ".gitignore": "out/\n*.log\n",
    "out/made.py": "made = 1\n",
    "node_modules/x/index.js": "1\n",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where git's settings of the user lie."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/git").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo", FILES)


@pytest.fixture
def watch(root: Path) -> Iterator[Watch]:
    with_watch = Watch(str(root))
    walked(with_watch)
    yield with_watch
    with_watch.close()


def walked(watch: Watch) -> None:
    """Arm until nothing is unsettled: a file of git's settings that is younger than the clock's tick is looked at again."""
    for _ in range(MANY):
        watch.arm(MANY)
        watch.look()
        watch.walked()
        if not watch.changed:
            break
    assert not watch.changed


def mapped(root: Path) -> None:
    with (root / "src/a.py").open("r+b") as f, mmap.mmap(f.fileno(), 0) as memory:
        memory[0:1] = b"b"


def kept_open(root: Path) -> None:
    KEPT.append((root / "src/a.py").open("a"))
    KEPT[-1].write("more")
    KEPT[-1].flush()


KEPT: list[TextIO] = []


@pytest.mark.parametrize(
    "do",
    [
        lambda root: (root / "src/a.py").write_text("a = 2\n"),
        lambda root: (root / "src/deep/new.py").write_text(""),
        lambda root: (root / "c.md").unlink(),
        lambda root: (root / "c.md").rename(root / "src/c.md"),
        lambda root: (root / "c.md").rename(root.parent / "c.md"),
        lambda root: os.truncate(root / "c.md", 1),
        lambda root: (root / "c.md").chmod(0),
        lambda root: os.utime(root / "c.md"),
        lambda root: os.link(root / "c.md", root / "d.md"),
        lambda root: os.symlink("c.md", root / "e.md"),
        lambda root: os.mkfifo(root / "f.md"),
        lambda root: (root / "src/empty").mkdir(),
        lambda root: (root / "src/deep").chmod(0o500),
        lambda root: shutil.rmtree(root / "src/deep"),
        lambda root: (root / "src/deep").rename(root / "src/other"),
        lambda root: (root / "src/deep").rename(root.parent / "other"),
        lambda root: (root / ".groma.toml").write_text(""),
        lambda root: (root / ".gitattributes").write_text(""),
        mapped,
        kept_open,
    ],
)  # fmt: skip
def test_a_change_is_told_at_once_and_once(root: Path, watch: Watch, do: Callable[[Path], object]) -> None:
    do(root)
    assert watch.look() and watch.changed
    assert not watch.look() and watch.changed
    walked(watch)


@pytest.mark.parametrize(
    "do",
    [
        lambda root: (root / "src/a.py").read_text(),
        lambda root: list(root.glob("**/*")),
        lambda root: (root / "a.log").write_text("ignored"),
        lambda root: (root / "out/made.py").write_text("ignored"),
        lambda root: (root / "out/more").mkdir(),
        lambda root: (root / "node_modules/y").mkdir(),
        lambda root: (root.parent / "beside").write_text("outside"),
        lambda root: (root / ".git/index.lock").write_text(""),
        lambda root: git(root, "status"),
        lambda root: git(root, "commit", "-q", "--allow-empty", "-m", "nothing"),
        lambda root: git(root, "branch", "other"),
    ],
)  # fmt: skip
def test_what_changes_nothing_is_not_told(root: Path, watch: Watch, do: Callable[[Path], object]) -> None:
    do(root)
    assert not watch.look() and not watch.changed


def test_git_refreshing_its_index_is_no_change_but_during_a_walk(root: Path, watch: Watch) -> None:
    os.utime(root / "c.md")
    watch.look()
    watch.arm(MANY)
    git(root, "update-index", "--refresh")
    watch.look()
    watch.walked()
    assert watch.changed
    walked(watch)
    git(root, "update-index", "--force-write-index")
    assert not watch.look()


@pytest.mark.parametrize(
    "do",
    [
        lambda root: git(root, "add", "-f", "out/made.py"),
        lambda root: git(root, "rm", "-q", "--cached", "c.md"),
        lambda root: git(root, "config", "core.ignoreCase", "true"),
        lambda root: write(root / ".git/info/exclude", "*.md\n"),
        lambda root: shutil.rmtree(root / ".git"),
        lambda root: git(root / "src", "init", "-q"),
        lambda root: (root / "src/.gitignore").write_text("deep\n"),
        lambda root: (root / ".gromaignore").write_text("src\n"),
        lambda root: (root / ".gitignore").unlink(),
    ],
)  # fmt: skip
def test_whatever_decides_what_is_wanted_is_told(root: Path, watch: Watch, do: Callable[[Path], object]) -> None:
    do(root)
    assert watch.look() and watch.changed
    walked(watch)


def test_what_becomes_wanted_is_watched_and_what_is_not_any_more_is_let_go(root: Path, watch: Watch) -> None:
    before = watch.folders
    (root / ".gitignore").write_text("")
    walked(watch)
    assert watch.folders == before + 1
    write(root / "out/made.py", "made = 2\n")
    assert watch.look()
    (root / ".gitignore").write_text("out/\nsrc/\n")  # what is tracked in src stays wanted
    walked(watch)
    assert watch.folders == before
    write(root / "out/made.py", "made = 3\n")
    write(root / "src/new.py", "")
    assert not watch.look()
    (root / "src/deep/b.py").write_text("b = 2\n")
    assert watch.look()


def test_new_and_moved_folders_are_watched_where_they_are(root: Path, watch: Watch) -> None:
    write(root / "new/and/deep/one.py", "")
    write(root.parent / "coming/deep/one.py", "")
    (root.parent / "coming").rename(root / "came")
    (root / "src").rename(root / "lib")
    walked(watch)
    for path in ("new/and/deep/one.py", "came/deep/one.py", "lib/deep/b.py"):
        write(root / path, "1")
        assert watch.look(), path
        walked(watch)
    shutil.rmtree(root / "lib")
    write(root / "lib/a.py", "")
    walked(watch)
    write(root / "lib/a.py", "1")
    assert watch.look()


def test_a_folder_inside_a_repository(root: Path) -> None:
    watch = Watch(str(root / "src"))
    walked(watch)
    (root / "c.md").write_text("beside it")
    assert not watch.look()
    for do in (lambda: (root / ".gitignore").write_text("deep/\n"), lambda: git(root, "rm", "-q", "--cached", "src/a.py")):
        do()
        assert watch.look()
        walked(watch)
    watch.close()


def test_settings_of_the_user(root: Path, watch: Watch, home: Path) -> None:
    steps = [
        ("git/ignore", "*.md"),
        ("git/config", "[include]\npath = more\n"),
        ("git/more", f"[core]\nexcludesFile = {home}/mine\n"),
        ("mine", "*.py"),
    ]
    for path, text in steps:
        write(home / path, text)
        assert watch.look(), path
        walked(watch)


def test_a_repository_that_comes_above_the_root(tmp_path: Path) -> None:
    folder = tmp_path / "outer/inner"
    write(folder / "a.py", "")
    watch = Watch(str(folder))
    walked(watch)
    git(tmp_path / "outer", "init", "-q")
    assert watch.look()
    walked(watch)
    write(tmp_path / "outer/.gitignore", "a.py\n")
    assert watch.look()
    watch.close()


def test_worktrees_and_submodules_have_their_git_elsewhere(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-q", tmp_path / "tree")
    git(tmp_path / "tree", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", root, "sub")
    watch = Watch(str(tmp_path / "tree"))
    walked(watch)
    for folder in ("", "sub"):
        git(tmp_path / "tree" / folder, "rm", "-q", "--cached", "c.md")
        assert watch.look(), folder
        walked(watch)
    watch.close()


def test_a_queue_that_overflowed_is_told(root: Path, watch: Watch) -> None:
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with (root / "src/a.py").open("w") as a, (root / "c.md").open("w") as c:
        for _ in range(queue // 2 + 100):  # in turns: equal events that follow one another are one
            for f in (a, c):
                f.write("x")
                f.flush()
    (root / "src/unseen").mkdir()
    assert watch.look() and watch.overflows == 1
    walked(watch)
    write(root / "src/unseen/one.py", "")
    assert watch.look() and watch.overflows == 1


def test_a_root_that_went_or_is_another(root: Path, watch: Watch) -> None:
    root.rename(root.with_name("moved"))
    assert watch.look() and watch.look()
    with pytest.raises(CannotWatch, match="cannot be read"):
        watch.arm(MANY)
    repository(root, FILES)
    assert watch.look()
    walked(watch)
    write(root / "src/a.py", "1")
    assert watch.look()
    walked(watch)
    root.parent.rename(root.parent.with_name("all moved"))
    assert watch.look()
    root.parent.with_name("all moved").rename(root.parent)
    walked(watch)


def test_more_folders_than_may_be_watched(root: Path, watch: Watch) -> None:
    with pytest.raises(CannotWatch, match="more than 3 folders") as caught:
        Watch(str(root)).arm(3)
    assert caught.value.limit == WATCHES
    write(root / "one/two/three/four/five.py", "")
    with pytest.raises(CannotWatch, match="folders"):
        watch.arm(watch.folders)
    assert watch.changed


def alone(*arguments: str | Path, before: str) -> subprocess.CompletedProcess[str]:
    """A Python in namespaces of its own, after a command of the shell there that changes what only holds in them."""
    command = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{before} || exit 77; exec "$@"', "sh"]
    ran = subprocess.run([*command, sys.executable, "-c", *arguments], capture_output=True, text=True, check=False)
    if ran.returncode == 77 or "unshare" in ran.stderr:
        pytest.skip(f"no namespaces here: {ran.stderr}")
    return ran


def test_when_the_systems_watches_are_used_up(root: Path) -> None:
    code = "import sys; from groma.watching import *; Watch(sys.argv[1]).arm(1000)"
    ran = alone(code, root, before="echo 3 > /proc/sys/user/max_inotify_watches")
    assert "CannotWatch: this user's watches are used up (a larger fs.inotify.max_user_watches would help)" in ran.stderr
    ran = alone(code, root, before="echo 0 > /proc/sys/user/max_inotify_instances")
    assert "CannotWatch: this user's watches are used up (a larger fs.inotify.max_user_instances would help)" in ran.stderr
    assert system_limit() > 0


def test_what_is_mounted_into_it_is_watched_too(root: Path) -> None:
    code = """
import subprocess, sys
from groma.watching import Watch
root = sys.argv[1]
watch = Watch(root)
def walked():
    while True:
        watch.arm(1000); watch.look(); watch.walked()
        if not watch.changed: return
walked()
for point in (root + "/src/deep", root + "/out"):
    subprocess.run(["mount", "-t", "tmpfs", "none", point], check=True)
    print(watch.look()); walked()
open(root + "/src/deep/new.py", "w").close()
print(watch.look()); walked()
subprocess.run(["umount", root + "/src/deep"], check=True)
print(watch.look()); walked()
open(root + "/src/deep/b.py", "w").close()
print(watch.look())
subprocess.run(["mount", "--rbind", "/proc", root + "/out"], check=True)
print(watch.look()); walked()
subprocess.run(["mount", "--rbind", "/proc", root + "/src/deep"], check=True)
watch.look(); watch.arm(100000)
"""
    ran = alone(code, root, before="mount -t tmpfs none /mnt")
    assert ran.stdout.split() == ["True"] * 6, ran
    assert "(proc) that does not tell of all changes" in ran.stderr


def test_a_file_system_that_others_may_write_is_not_watched() -> None:
    watch = Watch("/sys/kernel/mm")
    with pytest.raises(CannotWatch, match="/sys/kernel/mm lies on a file system") as caught:
        watch.arm(MANY)
    assert caught.value.limit == ""
    watch.close()


def test_another_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CannotWatch, match="this system is not Linux"):
        Watch(str(tmp_path))


def test_nothing_stays_open(root: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for _ in range(3):
        watch = Watch(str(root))
        watch.arm(MANY)
        assert watch.folders > 4 and count() > before
        watch.close()
        watch.close()
    assert count() == before


def test_a_root_that_is_a_link_to_another_folder_now(root: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", FILES)
    link = tmp_path / "link"
    link.symlink_to(root)
    watch = Watch(str(link))
    walked(watch)
    link.unlink()
    link.symlink_to(other)
    assert watch.look()
    walked(watch)
    (root / "c.md").unlink()
    assert not watch.look()
    (other / "c.md").unlink()
    assert watch.look()
    watch.close()
