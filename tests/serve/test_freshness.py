"""What a question waits for, what is indexed unasked, and that no question is answered without a change that was finished before it."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from groma.config import load
from groma.engine import Engine
from groma.errors import ReadOnly, RefusedRoot
from groma.serve import freshness as module
from groma.serve.freshness import Freshness
from groma.types import LOCAL, Request
from tests.processes import Place, git, repository, write

PATIENCE_S = 60.0
FILES: dict[str, str | bytes] = {f"src/part{i // 10}/unit{i}.py": f"def of_unit_{i}():\n    return {i}\n" for i in range(60)}
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="watching is tested on Linux only")


class Runs:
    """Starts index runs as the daemon will, and hands each of them to the test. One may be held back at its beginning or its end."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.count = 0
        self.begun: queue.Queue[str] = queue.Queue()
        self.ended: queue.Queue[str] = queue.Queue()
        self.may_end = threading.Event()
        self.may_end.set()
        self.threads = ThreadPoolExecutor()

    def __call__(self, root: str, engine: Engine) -> Future[Any]:
        return self.threads.submit(self._work, root, engine)

    def _work(self, root: str, engine: Engine) -> Any:
        self.count += 1
        self.begun.put(root)
        try:
            return engine.index(LOCAL, root)
        finally:
            assert self.may_end.wait(PATIENCE_S)
            self.ended.put(root)

    def next(self) -> None:
        """Wait until one more run has ended."""
        self.ended.get(timeout=PATIENCE_S)


class Watched:
    """A project, an engine and what keeps them together."""

    def __init__(self, folder: Path, root: Path, **settings: str) -> None:
        self.root = root
        named = {f"GROMA_{name.upper()}": value for name, value in settings.items()}
        self.engine = Engine(load(named, data_dir=folder / "data", config_file=folder / "none"))
        self.runs = Runs(self.engine)
        self.freshness = Freshness(self.engine, self.runs)

    def freshen(self) -> list[str]:
        return self.freshness.freshen(str(self.root), PATIENCE_S)

    def settle(self) -> int:
        """Ask until a question needs no run, and how many runs there were."""
        for _ in range(1000):
            before = self.runs.count
            assert self.freshen() == []
            if self.runs.count == before and str(self.root) in self.freshness.watched():
                break
        while not self.runs.ended.empty():
            self.runs.ended.get()
        return self.runs.count

    def finds(self, name: str) -> bool:
        hits = self.engine.search(LOCAL, [str(self.root)], Request(name)).hits
        return any(name in hit.text for hit in hits)

    def close(self) -> None:
        self.runs.may_end.set()
        self.freshness.close()
        self.runs.threads.shutdown()
        self.engine.close()


Make = Callable[..., Watched]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Watched] = []

    def one(**settings: str) -> Watched:
        root = tmp_path / "repo"
        made.append(Watched(tmp_path, root if root.exists() else repository(root, FILES), **settings))
        return made[-1]

    yield one
    for watched in made:
        watched.close()


QUIET = {"watch_debounce_ms": "60000"}
"""Nothing is indexed unasked."""


@on_linux
def test_processes_that_ask_in_turn_leave_each_other_what_they_proved(make: Make) -> None:
    one, other = make(watch_debounce_ms="60000"), make(watch_debounce_ms="60000")
    one.settle()
    other.settle()
    counts = [one.settle(), other.settle()]
    for _ in range(3):
        assert one.freshen() == other.freshen() == []
    assert [one.runs.count, other.runs.count] == counts


@on_linux
def test_a_question_about_what_did_not_change_runs_nothing(make: Make) -> None:
    project = make(**QUIET)
    runs = project.settle()
    for _ in range(20):
        assert project.freshen() == []
    assert project.runs.count == runs
    assert project.freshness.watched()[str(project.root)] > 6
    assert project.freshness.not_watched() == {}


@on_linux
def test_a_question_covers_every_change_before_it(make: Make) -> None:
    project = make(**QUIET)
    for i in range(20):
        runs = project.settle()
        write(project.root / f"src/part{i % 3}/unit{i}.py", f"def made_in_round_{i}():\n    return 'ledger'\n")
        assert project.freshen() == []
        assert project.finds(f"made_in_round_{i}"), i
        assert project.runs.count == runs + 1


@on_linux
def test_what_changes_is_searchable_without_being_asked_for(make: Make) -> None:
    project = make(watch_debounce_ms="20")
    project.settle()
    write(project.root / "src/new/deep/one.py", "def nobody_asked():\n    return 1\n")
    project.runs.next()
    while not project.finds("nobody_asked"):  # the run had begun before the file was whole; another one follows
        project.runs.next()


@on_linux
def test_a_change_while_a_run_goes_on_is_not_taken_for_seen(make: Make) -> None:
    project = make(**QUIET)
    project.settle()
    project.runs.may_end.clear()
    while not project.runs.begun.empty():
        project.runs.begun.get()
    write(project.root / "src/part0/unit0.py", "def the_first_edit():\n    return 1\n")
    with ThreadPoolExecutor() as threads:
        first = threads.submit(project.freshen)
        project.runs.begun.get(timeout=PATIENCE_S)
        write(project.root / "src/part0/unit1.py", "def the_second_edit():\n    return 1\n")
        second = threads.submit(project.freshen)
        project.runs.may_end.set()
        project.runs.begun.get(timeout=PATIENCE_S)
        assert first.result(PATIENCE_S) == second.result(PATIENCE_S) == []
    assert project.finds("the_first_edit") and project.finds("the_second_edit")


@on_linux
def test_questions_that_come_together_share_a_run(make: Make) -> None:
    project = make(**QUIET)
    runs = project.settle()
    write(project.root / "src/part0/unit0.py", "def shared():\n    return 1\n")
    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(lambda _: project.freshen(), range(20))) == [[]] * 20
    assert project.runs.count <= runs + 2 and project.finds("shared")


@on_linux
def test_a_switch_of_branches_is_one_change(make: Make) -> None:
    project = make(watch_debounce_ms="50")
    git(project.root, "checkout", "-qb", "other")
    for path in FILES:
        write(project.root / path, f"def on_the_other_branch():\n    return {path!r}\n")
    git(project.root, "commit", "-qam", "other")
    project.settle()
    (project.root / ".git/index.lock").touch()  # as while git switches
    runs = project.runs.count
    for path in FILES:
        write(project.root / path, "def on_the_way():\n    return 1\n")
    assert project.freshen() == [] and project.finds("on_the_way")  # who asks does not wait for git
    assert project.runs.count == runs + 1
    for path in list(FILES)[:30]:
        write(project.root / path, "def half_way():\n    return 1\n")
    (project.root / ".git/index.lock").unlink()
    git(project.root, "checkout", "-qf", "main")
    project.runs.next()
    while project.engine.status(LOCAL, str(project.root))[0].stale_files:
        project.runs.next()
    assert project.finds("of_unit_59") and not project.finds("half_way")


@on_linux
def test_a_storm_ends_with_exactly_what_is_there(make: Make) -> None:
    """Files in folders that come and go faster than they are indexed."""
    project = make(watch_debounce_ms="10")
    project.settle()
    for turn in range(3):
        for i in range(1_000):
            write(project.root / f"storm/{i % 100}/file{i}.py", f"x = {turn}\n")
        shutil.rmtree(project.root / "storm")
    write(project.root / "storm/last.py", "def after_the_storm():\n    return 1\n")
    assert project.freshen() == []
    (status,) = project.engine.status(LOCAL, str(project.root))
    assert (status.stale_files, status.files) == (0, len(FILES) + 1)
    assert project.finds("after_the_storm")


@on_linux
def test_a_folder_that_was_forgotten_is_not_indexed_unasked(make: Make, tmp_path: Path) -> None:
    project = make(watch_debounce_ms="10")
    project.settle()
    place = Place(tmp_path)
    place.groma("forget", project.root)
    runs = project.runs.count
    write(project.root / "src/part0/unit0.py", "def forgotten():\n    return 1\n")
    other = Watched(tmp_path / "other", repository(tmp_path / "other/repo", FILES), watch_debounce_ms="10")
    other.settle()  # as long as an unasked run would have taken
    write(other.root / "one.py", "")
    other.runs.next()
    other.close()
    assert project.runs.count == runs
    assert project.freshen() == [] and project.finds("forgotten")  # who asks for it has it again


@on_linux
@pytest.mark.parametrize("verb", ["rebuild", "index"])
def test_another_process_may_index_the_same_folder(make: Make, tmp_path: Path, verb: str) -> None:
    project = make(**QUIET)
    project.settle()
    Place(tmp_path).groma(verb, project.root)
    write(project.root / "src/part0/unit0.py", "def of_another():\n    return 1\n")
    Place(tmp_path).groma(verb, project.root)
    assert project.freshen() == [] and project.finds("of_another")
    project.settle()


@on_linux
def test_a_root_that_goes_and_comes_back(make: Make) -> None:
    project = make(**QUIET)
    project.settle()
    away = project.root.with_name("away")
    project.root.rename(away)
    with pytest.raises(Exception, match="cannot be read"):
        project.freshen()
    repository(project.root, {"only.py": "def another_tree():\n    return 1\n"})
    assert project.freshen() == [] and project.finds("another_tree") and not project.finds("of_unit_1")
    shutil.rmtree(project.root)
    away.rename(project.root)
    assert project.freshen() == [] and project.finds("of_unit_1") and not project.finds("another_tree")


@on_linux
def test_a_project_too_wide_is_refused_before_it_is_watched(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make()
    with pytest.raises(RefusedRoot):
        project.freshness.freshen(os.path.expanduser("~"), PATIENCE_S)
    assert project.freshness.watched() == {}


@on_linux
def test_no_question_waits_for_the_walk_that_is_made_all_the_same(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WALK_EVERY_S", 0.01)
    monkeypatch.setattr(module, "OLDEST_S", PATIENCE_S)
    project = make(**QUIET)
    project.freshen()
    while str(project.root) not in project.freshness.watched():
        project.freshen()
    project.freshen()
    project.runs.may_end.clear()
    while not project.runs.begun.empty():
        project.runs.begun.get()
    project.runs.begun.get(timeout=PATIENCE_S)
    assert project.freshness.freshen(str(project.root), 0) == []
    write(project.root / "src/part0/unit0.py", "def meanwhile():\n    return 1\n")
    (said,) = project.freshness.freshen(str(project.root), 0)
    assert "is still being indexed" in said
    project.runs.may_end.set()
    assert project.freshen() == [] and project.finds("meanwhile")


@on_linux
def test_few_roots_are_watched_at_once(tmp_path: Path, make: Make) -> None:
    project = make(**QUIET)
    roots = [repository(tmp_path / f"repo{i}", {"one.py": f"x = {i}\n"}) for i in range(module.MOST_ROOTS + 3)]
    for root in roots:
        while str(root) not in project.freshness.watched():
            assert project.freshness.freshen(str(root), PATIENCE_S) == []
    assert set(project.freshness.watched()) == {str(root) for root in roots[3:]}
    write(roots[0] / "one.py", "def let_go_of():\n    return 1\n")
    assert project.freshness.freshen(str(roots[0]), PATIENCE_S) == []
    assert project.engine.search(LOCAL, [str(roots[0])], Request("let_go_of")).hits


def test_without_watching_every_question_walks(make: Make) -> None:
    project = make(watch="off")
    for i in range(5):
        write(project.root / "src/part0/unit0.py", f"def walked_{i}():\n    return 1\n")
        assert project.freshen() == [] and project.finds(f"walked_{i}")
        assert project.runs.count == i + 1
    assert not project.freshness.watched() and not project.freshness.not_watched()


def test_where_nothing_may_be_written_nothing_is_watched(make: Make) -> None:
    make().freshen()
    project = make(read_only="true")
    assert project.freshen()[0].startswith("groma is read-only here")
    assert project.finds("of_unit_1") and project.freshness.watched() == {}
    with pytest.raises(ReadOnly):
        project.freshness.freshen(str(project.root.parent), PATIENCE_S)


def test_a_question_does_not_wait_longer_than_it_may(make: Make) -> None:
    project = make()
    project.runs.may_end.clear()
    (said,) = project.freshness.freshen(str(project.root), 0.01)
    assert "is still being indexed" in said
    project.runs.may_end.set()
    assert project.freshen() == []


@on_linux
def test_a_limit_of_watches_is_said_once_and_questions_walk(tmp_path: Path) -> None:
    root = repository(tmp_path / "repo", FILES)
    code = """
import sys
from pathlib import Path
from groma.config import load
from groma.engine import Engine
from groma.serve.freshness import Freshness
from groma.types import LOCAL, Request
root, data = sys.argv[1:]
with Engine(load({}, data_dir=Path(data), config_file=Path(data) / "none")) as engine, Freshness(engine) as freshness:
    said = []
    while not freshness.not_watched():
        said += freshness.freshen(root, 60)
    for i in range(5):
        (Path(root) / "src/part0/unit0.py").write_text(f"def walked_{i}(): return 1")
        said += freshness.freshen(root, 60)
        assert f"walked_{i}" in engine.search(LOCAL, [root], Request(f"walked_{i}")).hits[0].text
    print("\\n".join(said))
"""
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", 'echo 3 > /proc/sys/user/max_inotify_watches || exit 77; exec "$@"', "sh"]
    ran = subprocess.run([*command, sys.executable, "-c", code, root, tmp_path / "data"], capture_output=True, text=True, check=False)
    if ran.returncode == 77 or "unshare" in ran.stderr:
        pytest.skip(f"no namespaces here: {ran.stderr}")
    assert ran.returncode == 0, ran.stderr
    (said,) = ran.stdout.splitlines()
    assert said.endswith("this user's watches are used up (a larger fs.inotify.max_user_watches would help)")


@on_linux
def test_nothing_stays_open_or_running(make: Make) -> None:
    def opened() -> list[str]:
        found = []
        for name in os.listdir("/proc/self/fd"):
            path = f"/proc/self/fd/{name}"
            if os.path.lexists(path) and ("inotify" in (target := os.readlink(path)) or "mountinfo" in target or target.startswith("pipe:")):
                found.append(target)
        return sorted(found)

    before, threads = opened(), threading.active_count()
    project = make()
    project.settle()
    assert len(opened()) == len(before) + 4
    project.close()
    assert opened() == before
    assert threading.active_count() == threads
