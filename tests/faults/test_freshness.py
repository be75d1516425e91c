"""The proof of freshness: whatever happened to the files since they were indexed, no hit shows a line that is not there now.

Random edits and random searches take turns, half of them on an index that was not brought up to date. What a hit should say is worked out here
from the file itself; masking is groma's own, since a credential must be masked the same way on both sides.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from groma import core
from groma.config import load
from groma.engine import Engine
from groma.types import LOCAL, Hit, Request
from tests.faults.corpus import QUERIES, module, modules
from tests.processes import Place, git, repository, unprivileged, write

KEY = "AKIAQYLPMN5HHHFPZAM2"
"""Looks like a credential, and is none."""


# ----------------------------------------------------------------------------------------------------------------------- edits


def insert(path: Path, random: Random) -> None:
    lines = path.read_text().split("\n")
    at = random.randrange(len(lines) + 1)
    path.write_text("\n".join([*lines[:at], *[f"# note {random.randrange(10**6)} about a ledger"] * random.randint(1, 5), *lines[at:]]))


def delete(path: Path, random: Random) -> None:
    lines = path.read_text().split("\n")
    at = random.randrange(len(lines))
    path.write_text("\n".join(lines[:at] + lines[at + random.randint(1, 4) :]))


def replace(path: Path, random: Random) -> None:
    path.write_text(module(random))


def same_size(path: Path, random: Random) -> None:
    """Other bytes, as many, and the old time of modification: only the time of change and the bytes tell."""
    data = bytearray(path.read_bytes())
    before = path.stat()
    letters = [i for i, byte in enumerate(data) if 97 <= byte <= 122]
    for i in random.sample(letters, min(len(letters), 3)):
        data[i] = random.randrange(97, 123)
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rename(path: Path, random: Random) -> None:
    path.rename(path.with_name(f"moved{random.randrange(10**9)}.py"))


def swap(path: Path, random: Random) -> None:
    other = random.choice([p for p in files(path.parents[1]) if p != path] or [path])
    path.write_text(path.read_text())
    temporary = path.with_name("swapping")
    path.rename(temporary)
    if other.exists():
        other.rename(path)
    temporary.rename(other)


def remove(path: Path, random: Random) -> None:
    path.unlink()


def truncate(path: Path, random: Random) -> None:
    os.truncate(path, random.randrange(path.stat().st_size + 1))


def become_folder(path: Path, random: Random) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside.py").write_text(module(random))


def _outside(path: Path) -> Path:
    """The folder beside the repository that `path` is in."""
    return next(parent for parent in path.parents if (parent / "outside").is_dir()) / "outside"


def become_link(path: Path, random: Random) -> None:
    """To a file outside of the repository that is full of what the queries look for."""
    path.unlink()
    path.symlink_to(_outside(path) / "file.py")


def become_fifo(path: Path, random: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def link_folder(path: Path, random: Random) -> None:
    """Its folder becomes a link to a folder of files with the same names and other contents."""
    elsewhere = _outside(path) / "folder"
    for one in files(path.parent):
        (elsewhere / one.name).write_text(module(random))
    shutil.rmtree(path.parent)
    path.parent.symlink_to(elsewhere)


def close(path: Path, random: Random) -> None:
    path.chmod(0)


def binary(path: Path, random: Random) -> None:
    path.write_bytes(b"\0\1\2" + path.read_bytes())


def recode(path: Path, random: Random) -> None:
    text = path.read_text()
    path.write_bytes(
        random.choice([text.encode("utf-16"), text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode(), text.encode() + b"\xff"])
    )


def secret(path: Path, random: Random) -> None:
    path.write_text(f'{module(random)}\n\nLEDGER_KEY = "{KEY}"\n\n\ndef ledger_account():\n    return LEDGER_KEY\n')


def touch(path: Path, random: Random) -> None:
    os.utime(path)


EDITS: list[tuple[Callable[[Path, Random], None], int]] = [
    (insert, 10), (delete, 10), (replace, 8), (same_size, 12), (rename, 4), (swap, 4), (remove, 3), (truncate, 4), (become_folder, 1),
    (become_link, 2), (become_fifo, 1), (link_folder, 1), (close, 2), (binary, 2), (recode, 3), (secret, 4), (touch, 3),
]  # fmt: skip


def files(folder: Path) -> list[Path]:
    """The regular files below a folder that are not reached through a link, in order."""
    return [p for p in sorted(folder.glob("**/*.py")) if stat.S_ISREG(p.lstat().st_mode) and os.path.realpath(p) == str(p)]


def edit(root: Path, random: Random) -> str:
    """One random edit; its name."""
    (what,) = random.choices([f for f, _ in EDITS], [weight for _, weight in EDITS])
    there = files(root / "src")
    if len(there) < 20:
        write(root / f"src/more{random.randrange(10**6)}/new{random.randrange(10**6)}.py", module(random))
        return "new"
    with suppress(UnicodeDecodeError, PermissionError):  # an earlier edit made it something that this one cannot read
        what(random.choice(there), random)
    return what.__name__


# --------------------------------------------------------------------------------------------------------------------- checking


def wrong(root: Path, hit: Hit) -> str | None:
    """What is wrong with a hit: None if it shows what is in the file now."""
    path = root / hit.path
    if hit.stale:
        return None if path.stat().st_size > 4_000_000 else "stale, and not large"
    if os.path.realpath(path) != str(path) or not stat.S_ISREG(path.lstat().st_mode):
        return "no file of the repository"
    text = core.decode(path.read_bytes())
    now = core.mask(text).text.split("\n")[hit.start_line - 1 : hit.end_line]
    if hit.text != "\n".join(now):
        return f"shows {hit.text[:200]!r}, the file has {now[:3]!r}"
    if hit.masked != (now != text.split("\n")[hit.start_line - 1 : hit.end_line]):
        return "masked is wrong"
    return "a credential" if KEY in hit.text else None


def proofs(folder: Path, rounds: int, seed: int) -> dict[str, object]:
    """Rounds of edits and searches; counts of what was looked at. `mismatches` must be 0."""
    random = Random(seed)
    root = repository(folder / "repo", modules(60, seed))
    outside = folder / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "file.py").write_text("def validate_ledger(session):\n    return 'outside of the repository'\n" * 20)
    counts: dict[str, int] = {"rounds": 0, "hits": 0, "stale": 0, "mismatches": 0, "searches on a stale index": 0}
    edits: dict[str, int] = {}
    settings = load({}, data_dir=folder / "data", config_file=folder / "none")
    with Engine(settings) as engine:
        engine.index(LOCAL, str(root))
        for _ in range(rounds):
            counts["rounds"] += 1
            for _ in range(random.randint(1, 5)):
                done = edit(root, random)
                edits[done] = edits.get(done, 0) + 1
            if random.random() < 0.5:
                engine.index(LOCAL, str(root))
                if random.random() < 0.5:  # within the tick of the clock in which the index looked
                    same_size(random.choice(files(root / "src")), random)
                    counts["searches on a stale index"] += 1
            else:
                counts["searches on a stale index"] += 1
            for query in random.sample(QUERIES, 2):
                for hit in engine.search(LOCAL, [str(root)], Request(query, 20)).hits:
                    counts["hits"] += 1
                    counts["stale"] += hit.stale
                    if fault := wrong(root, hit):
                        counts["mismatches"] += 1
                        print(f"round {counts['rounds']}, {query!r}, {hit.path}:{hit.start_line}-{hit.end_line}: {fault}")  # noqa: T201
    return {**counts, "edits": dict(sorted(edits.items()))}


def test_no_hit_shows_a_line_that_is_not_there(tmp_path: Path) -> None:
    counts = proofs(tmp_path, rounds=60, seed=7)
    assert counts["mismatches"] == 0 and counts["stale"] == 0, counts
    assert counts["hits"] > 500, counts  # type: ignore[operator]


def test_the_same_from_the_shell(place: Place) -> None:
    random = Random(8)
    root = repository(place.folder / "repo", modules(25, 8))
    place.groma("index", root)
    git(root, "mv", "src/part00/unit0003.py", "src/part00/renamed.py")
    for path in random.sample(files(root), 12):
        random.choice([insert, delete, same_size, replace])(path, random)
    stale = place.groma("search", "--json", "--no-index", "--repo", root, "-k", "30", QUERIES[0])
    fresh = place.groma("search", "--json", "--repo", root, "-k", "30", QUERIES[0])
    assert any("read anew" in said for said in stale.json["degraded"]) and fresh.json["degraded"] == []
    for ran in (stale, fresh):
        assert ran.hits
        for path, first, last, text in ran.hits:
            assert (root / path).read_text().split("\n")[first - 1 : last] == text.split("\n")


def test_a_large_file_that_changed_is_marked_and_a_closed_one_left_out(place: Place) -> None:
    lines = [f"entry {i} of the great ledger" for i in range(180_000)]
    small = {"small.txt": "the small ledger is kept here\n", "other.txt": "no words of it\n"}
    root = repository(place.folder / "repo", {"large.txt": "\n".join(lines), **small})
    place.groma("index", root)
    with (root / "large.txt").open("a") as f:
        f.write("\none entry more\n")
    (root / "small.txt").chmod(0)
    ran = place.groma("search", "--json", "--no-index", "--repo", root, "-k", "100", "entry of the small great ledger", before=unprivileged)
    (root / "small.txt").chmod(0o600)
    assert {(h["path"], h["stale"]) for h in ran.json["hits"]} == {("large.txt", True)}
    assert "1 file changed since indexed and too large to read anew: marked stale" in ran.json["degraded"]
    assert "1 file cannot be read now: left out" in ran.json["degraded"]


@pytest.mark.parametrize("moment", range(5))
def test_a_write_right_after_the_index_looked_is_seen(tmp_path: Path, moment: int) -> None:
    """A file system's clock stands still for milliseconds: two writes in one tick leave the same times."""
    root = repository(tmp_path / "repo", {"a.py": "def ledger_a():\n    return 1\n"}, commit=False)
    settings = load({}, data_dir=tmp_path / "data", config_file=tmp_path / "none")
    with Engine(settings) as engine:
        for i in range(10):
            (root / "a.py").write_text(f"def ledger_a():\n    return {i}\n")
            engine.index(LOCAL, str(root))
            (root / "a.py").write_text(f"def ledger_b():\n    return {i}\n")
            (hit,) = engine.search(LOCAL, [str(root)], Request("ledger")).hits
            assert "ledger_b" in hit.text
