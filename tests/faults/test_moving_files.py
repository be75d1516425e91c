"""Files that change, grow, vanish or turn into something else while groma reads them."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from random import Random

from tests.faults.corpus import QUERIES, module, modules
from tests.processes import Place, repository, write


class Hammer:
    """A thread that changes files below a folder, without a pause, until it is left."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.random = Random(seed)
        self.blows = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Hammer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        paths = sorted(self.root.glob("src/*/unit*.py"))
        while not self._stop.is_set():
            path = self.random.choice(paths)
            self.random.choice((self._change, self._grow, self._shrink, self._vanish, self._turn, self._folder))(path)
            self.blows += 1

    def _change(self, path: Path) -> None:
        self._clear(path)
        write(path, module(self.random))

    def _grow(self, path: Path) -> None:
        if path.is_file() and not path.is_symlink():
            with path.open("a") as f:
                for _ in range(50):
                    f.write(f"# line {self.random.random()}\n")
                    f.flush()

    def _shrink(self, path: Path) -> None:
        if path.is_file() and not path.is_symlink():
            os.truncate(path, self.random.randrange(200))

    def _vanish(self, path: Path) -> None:
        self._clear(path)

    def _turn(self, path: Path) -> None:
        """Into a FIFO, which would keep a careless reader waiting for ever."""
        self._clear(path)
        if path.parent.is_dir():
            os.mkfifo(path)

    def _folder(self, path: Path) -> None:
        self._clear(path)
        write(path / "inner.py", module(self.random))

    def _clear(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def hammered(folder: Path, runs: int, seed: int) -> dict[str, object]:
    """Index while a hammer is at work; then, in the silence, once more, and compare with the files and with a clean index."""
    place = Place(folder / "hammered")
    root = repository(folder / "repo", modules(250, seed))
    blows = 0
    for n in range(runs):
        with Hammer(root, seed + n) as hammer:
            place.groma("index", root)
            ran = place.groma("search", "--json", "--no-index", "--repo", root, QUERIES[n % len(QUERIES)])
        blows += hammer.blows
        assert "Traceback" not in ran.err
        place.groma("verify")
    place.groma("index", root)
    clean = Place(folder / "clean")
    clean.groma("index", root)
    ours, theirs = (p.groma("status", "--json").json["scopes"][0] for p in (place, clean))
    for name in ("files", "chunks", "languages", "skipped", "stale_files"):
        assert ours[name] == theirs[name], (name, ours[name], theirs[name])
    assert ours["stale_files"] == 0 and ours["skipped"].get("vanished") is None
    query = ("search", "--json", "--no-index", "-k", "100", "--repo", root, " ".join(QUERIES))
    assert place.groma(*query).hits == clean.groma(*query).hits
    return {"index runs": runs, "changes meanwhile": blows}


def test_files_that_move_while_they_are_read(tmp_path: Path) -> None:
    assert hammered(tmp_path, runs=2, seed=21)["changes meanwhile"] > 100  # type: ignore[operator]


def test_a_file_larger_than_the_limit_is_counted_and_comes_back_when_it_shrinks(place: Place) -> None:
    head = "def large_one():\n    return 1\n"
    root = repository(place.folder / "repo", {"large.py": head + "# filler\n" * 2000, "a.py": "def small_one():\n    return 1\n"})
    env = {"GROMA_MAX_FILE_BYTES": "5000"}
    assert place.groma("index", "--json", root, env=env).json["skipped"] == {"too-large": 1}
    assert "larger than max_file_bytes" in place.groma("why", "large.py", cwd=root, env=env).out
    write(root / "large.py", head)
    assert place.groma("search", "--json", "--repo", root, "large_one", env=env).hits[0][0] == "large.py"
    write(root / "large.py", head + "# filler\n" * 2000)
    assert all(hit[0] != "large.py" for hit in place.groma("search", "--json", "--repo", root, "large_one", env=env).hits)
