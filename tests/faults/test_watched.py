"""The proof of freshness with a watch: whatever was done to a project and all that decides what of it is wanted, the question after it covers it.

Random changes and questions take turns without a pause, while unasked runs come and go. What the index should hold is worked out by a walk, which
knows nothing of watches.
"""

from __future__ import annotations

import mmap
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from subprocess import CalledProcessError

import pytest

from groma.config import load
from groma.engine import Engine
from groma.serve.freshness import Freshness
from groma.types import LOCAL, Request
from tests.faults.corpus import QUERIES, module, modules
from tests.faults.test_freshness import edit, files, wrong
from tests.processes import git, repository, write

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="watching is tested on Linux only")

IGNORABLE = ("part*[13579]", "*[02468].py", "unit000*", "deep/", "!unit0002.py", "again*/", "more*/", "nothing", "/src/part01/", "")


def folders(root: Path) -> list[Path]:
    return [p for p in sorted((root / "src").glob("**/")) if p != root / "src" and not p.is_symlink() and ".git" not in p.parts]


def edit_in_newest(root: Path, random: Random) -> None:
    """In the folder that was made, moved or changed last: is it watched where it is now?"""
    newest = max(folders(root), key=lambda p: p.stat().st_ctime_ns)
    write(newest / f"newest{random.randrange(3)}.py", module(random))


def new_folders(root: Path, random: Random) -> None:
    write(root / "src" / f"new{random.randrange(10**6)}" / "deep" / "er" / "one.py", module(random))


def rename_folder(root: Path, random: Random) -> None:
    folder = random.choice(folders(root))
    folder.rename(folder.with_name(f"part{random.randrange(10**6)}"))


def move_into_another(root: Path, random: Random) -> None:
    one, other = random.choice(folders(root)), random.choice(folders(root))
    if one not in (other, *other.parents):
        one.rename(other / f"moved{random.randrange(10**6)}")


def move_out_and_write(root: Path, random: Random) -> None:
    """What was watched goes elsewhere, and another folder takes its name."""
    folder = random.choice(folders(root))
    away = root.parent / "outside" / f"away{random.randrange(10**9)}"
    folder.rename(away)
    write(folder / "instead.py", module(random))
    write(away / "unseen.py", module(random))


def move_in(root: Path, random: Random) -> None:
    folder = root.parent / "outside" / f"coming{random.randrange(10**9)}"
    write(folder / "below" / "one.py", module(random))
    folder.rename(root / "src" / folder.name)
    write(root / "src" / folder.name / "below" / "two.py", module(random))


def remove_folder(root: Path, random: Random) -> None:
    if len(files(root / "src")) > 30:
        shutil.rmtree(random.choice(folders(root)))


def remove_and_make_again(root: Path, random: Random) -> None:
    folder = random.choice(folders(root))
    shutil.rmtree(folder)
    write(folder / "again.py", module(random))


def write_and_keep_open(root: Path, random: Random) -> None:
    f = random.choice(files(root / "src")).open("a")
    f.write("\n# a ledger that is not closed\n")
    f.flush()
    _OPEN.append(f)
    del _OPEN[:-5]


_OPEN: list[object] = []


def write_mapped(root: Path, random: Random) -> None:
    path = random.choice(files(root / "src"))
    if path.stat().st_size:
        with path.open("r+b") as f, mmap.mmap(f.fileno(), 0) as mapped:
            mapped[0:1] = b"x"


def replace_by_rename(root: Path, random: Random) -> None:
    path = random.choice(files(root / "src"))
    new = path.with_name(".new")
    new.write_text(module(random))
    new.replace(path)


def link_in(root: Path, random: Random) -> None:
    name = random.randrange(10**9)
    (root.parent / "outside" / f"{name}.py").write_text(module(random))
    os.link(root.parent / "outside" / f"{name}.py", root / "src" / f"{name}.py")


def gitignore(root: Path, random: Random) -> None:
    (random.choice([root, *folders(root)]) / random.choice([".gitignore", ".gromaignore"])).write_text("\n".join(random.sample(IGNORABLE, 2)))


def no_gitignore(root: Path, random: Random) -> None:
    for path in (*root.glob("**/.gitignore"), *root.glob("**/.gromaignore")):
        if random.random() < 0.5:
            path.unlink()


def exclude(root: Path, random: Random) -> None:
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/exclude").write_text(random.choice(IGNORABLE))


def no_exclude(root: Path, random: Random) -> None:
    shutil.rmtree(root / ".git/info", ignore_errors=True)


def users_excludes(root: Path, random: Random) -> None:
    write(root.parent / "home/git/ignore", random.choice(IGNORABLE))


def users_settings(root: Path, random: Random) -> None:
    write(root.parent / "home/git/others", random.choice(IGNORABLE))
    write(root.parent / "home/git/included", f"[core]\n\texcludesFile = {root.parent}/home/git/{random.choice(['ignore', 'others'])}\n")
    write(root.parent / "home/git/config", "[include]\n\tpath = included\n")


def limit(root: Path, random: Random) -> None:
    (root / ".groma.toml").write_text(f"max_file_bytes = {random.choice([1_000, 2_000, 1_000_000])}\n")


def commit(root: Path, random: Random) -> None:
    git(root, "add", "-A", ".")
    git(root, "commit", "-qm", "more", "--allow-empty")


def track_ignored(root: Path, random: Random) -> None:
    path = random.choice(files(root / "src"))
    git(root, "add", "-f", path)


def untrack(root: Path, random: Random) -> None:
    git(root, "rm", "-rq", "--cached", "--ignore-unmatch", random.choice(folders(root)))


def switch(root: Path, random: Random) -> None:
    """To another commit and back to a branch, with all that was not committed kept or thrown away by git's own ways."""
    commit(root, random)
    git(root, "checkout", "-q", "-f", random.choice(["HEAD~1", "start", "main"]))
    git(root, "checkout", "-q", "-B", "main")


def nested(root: Path, random: Random) -> None:
    folder = root / "src" / f"own{random.randrange(10**6)}"
    write(folder / "one.py", module(random))
    git(folder, "init", "-q")
    write(folder / ".gitignore", "two.py\n")
    write(folder / "two.py", module(random))


def nested_no_more(root: Path, random: Random) -> None:
    for path in (root / "src").glob("own*/.git"):
        shutil.rmtree(path)


def status_only(root: Path, random: Random) -> None:
    git(root, "status", "--short")


CHANGES: list[tuple[Callable[[Path, Random], None], int]] = [
    (edit_in_newest, 16), (new_folders, 4), (rename_folder, 3), (move_into_another, 2), (move_out_and_write, 2), (move_in, 3), (remove_folder, 2),
    (remove_and_make_again, 2), (write_and_keep_open, 4), (write_mapped, 4), (replace_by_rename, 4), (link_in, 2), (gitignore, 4),
    (no_gitignore, 4), (exclude, 3), (no_exclude, 1), (users_excludes, 3), (users_settings, 2), (limit, 1), (commit, 2), (track_ignored, 2),
    (untrack, 1), (switch, 2), (nested, 2), (nested_no_more, 1), (status_only, 2),
]  # fmt: skip
"""What is done to a project besides the edits of `test_freshness`, and how often."""


def change(root: Path, random: Random) -> str:
    """One random change; its name."""
    if len(folders(root)) < 3 or len(files(root / "src")) < 30:  # edits have made links, FIFOs and ignored files of the others
        for path, text in modules(40, random.randrange(10**6), f"src/again{random.randrange(10**6)}").items():
            write(root / path, text)
        return "again"
    if random.random() < 0.4:
        return edit(root, random)
    (what,) = random.choices([f for f, _ in CHANGES], [weight for _, weight in CHANGES])
    with suppress(OSError, CalledProcessError):  # an earlier change made it something that this one cannot be done to
        what(root, random)
    return what.__name__


def watched_rounds(folder: Path, rounds: int, seed: int) -> dict[str, object]:
    """Rounds of changes, each followed by a question at once. `mismatches` must be 0."""
    random = Random(seed)
    root = repository(folder / "repo", modules(60, seed))
    git(root, "branch", "start")
    (folder / "outside/folder").mkdir(parents=True)
    (folder / "outside/file.py").write_text("def validate_ledger(session):\n    return 'outside of the repository'\n" * 20)
    before = os.environ.get("XDG_CONFIG_HOME")
    os.environ["XDG_CONFIG_HOME"] = str(folder / "home")
    counts: dict[str, int] = {"rounds": 0, "questions that walked nothing": 0, "hits": 0, "mismatches": 0}
    done: dict[str, int] = {}
    settings = load({"GROMA_WATCH_DEBOUNCE_MS": "10"}, data_dir=folder / "data", config_file=folder / "none")
    try:
        with Engine(settings) as engine, Freshness(engine) as freshness:
            freshness.freshen(str(root), 60)
            for _ in range(rounds):
                counts["rounds"] += 1
                names = [change(root, random) for _ in range(random.choice([0, 1, 1, 1, 2, 5]))]
                for name in names:
                    done[name] = done.get(name, 0) + 1
                age = engine.status(LOCAL, str(root))[0].age_s if not names else None
                assert freshness.freshen(str(root), 60) == []
                (status,) = engine.status(LOCAL, str(root))
                counts["questions that walked nothing"] += age is not None and status.age_s is not None and status.age_s >= age
                if status.stale_files:
                    counts["mismatches"] += 1
                    print(f"round {counts['rounds']}: {status.stale_files} files stale after {names}")  # noqa: T201
                for query in random.sample(QUERIES, 1):
                    for hit in engine.search(LOCAL, [str(root)], Request(query, 20)).hits:
                        counts["hits"] += 1
                        if fault := wrong(root, hit):
                            counts["mismatches"] += 1
                            print(f"round {counts['rounds']}, {hit.path}: {fault} after {names}")  # noqa: T201
            assert str(root) in freshness.watched(), freshness.not_watched()
    finally:
        _OPEN.clear()
        if before is None:
            del os.environ["XDG_CONFIG_HOME"]
        else:
            os.environ["XDG_CONFIG_HOME"] = before
    return {**counts, "changes": dict(sorted(done.items()))}


def test_no_question_after_a_change_is_answered_without_it(tmp_path: Path) -> None:
    counts = watched_rounds(tmp_path, rounds=80, seed=11)
    assert counts["mismatches"] == 0, counts
    assert counts["questions that walked nothing"] > 3, counts  # type: ignore[operator]
