"""Parts of the segment that are merged, rewritten and removed under a reader: it keeps what it has mapped, and each of its answers is right."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest

from groma import core
from groma.config import load
from groma.engine import Engine
from groma.types import LOCAL, Request
from tests.faults.corpus import QUERIES, module, modules
from tests.faults.test_kill import answers
from tests.processes import Place, repository

NEEDLE = "def the_needle():\n    return 'in the haystack'\n"


class Files:
    """The files of a repository, each replaced at once, and what each of them was when."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._past = {str(p.relative_to(root)): [(0.0, p.read_text())] for p in root.glob("**/*.py")}

    def change(self, random: Random, count: int) -> None:
        for path in random.sample(sorted(set(self._past) - {"needle.py"}), count):
            text = module(random)
            temporary = self.root / f"{path}.tmp"
            temporary.write_text(text)
            with self._lock:
                self._past[path].append((time.monotonic(), text))
                os.replace(temporary, self.root / path)

    def since(self, path: str, begun: float) -> list[str]:
        """What the file was at any moment from `begun` until now."""
        with self._lock:
            past = self._past[path]
            last = max(i for i, (when, _) in enumerate(past) if when <= begun)
            return [text for _, text in past[last:]]


class Reader:
    """Asks without a pause, and compares every hit with the disk."""

    def __init__(self, engine: Engine, files: Files, seed: int) -> None:
        self.engine, self.files, self.random = engine, files, Random(seed)
        self.answers = self.hits = 0
        self.wrong: list[object] = []
        self.removed: set[str] = set()
        self.parts: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._ask()

    def _ask(self) -> None:
        root = str(self.files.root)
        begun = time.monotonic()
        needle = self.engine.search(LOCAL, [root], Request("the_needle", 3)).hits
        if not needle or (needle[0].path, needle[0].text + "\n") != ("needle.py", NEEDLE):
            self.wrong.append(needle)
        found = self.engine.search(LOCAL, [root], Request(self.random.choice(QUERIES), 20)).hits
        for hit in (*needle, *found):
            shown = [text.split("\n")[hit.start_line - 1 : hit.end_line] for text in self.files.since(hit.path, begun)]
            if hit.text.split("\n") not in shown or hit.stale:
                self.wrong.append(hit)
        self.answers += 2
        self.hits += len(needle) + len(found)
        for name, gone in re.findall(r"segment-[0-9a-f]+/(\w+)\.part( \(deleted\))?", Path("/proc/self/maps").read_text()):
            (self.removed if gone else self.parts).add(name)


def swapped(folder: Path, seconds: float, seed: int) -> dict[str, object]:
    """Two readers in threads of one process, while others index, merge, rewrite, forget and remove the parts that these have mapped."""
    random = Random(seed)
    place = Place(folder / "shared")
    root = repository(folder / "repo", {**modules(120, seed), "needle.py": NEEDLE})
    other = repository(folder / "other", modules(60, seed + 1))
    for indexed in (root, other):
        place.groma("index", indexed)
    files, others = Files(root), Files(other)
    runs = 0
    stop = threading.Event()
    with Engine(load({}, data_dir=place.data, config_file=place.data / "none")) as engine, ThreadPoolExecutor(2) as threads:
        readers = [Reader(engine, files, seed + n) for n in range(2)]
        reading = [threads.submit(reader.run, stop) for reader in readers]
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until or runs < 4:
                changed, verb, where = [(files, "index", root), (others, "index", other), (files, "index", root), (others, "forget", other)][runs % 4]
                changed.change(random, 10)
                place.groma(verb, where)
                runs += 1
        finally:
            stop.set()
        for one in reading:
            one.result()
        wrong = [fault for reader in readers for fault in reader.wrong]
        assert not wrong, wrong[:3]
        assert all(reader.answers for reader in readers)
    place.groma("index", root)
    place.groma("verify")
    clean = Place(folder / "clean")
    clean.groma("index", root)
    assert answers(place, root) == answers(clean, root)
    removed = set().union(*(reader.removed for reader in readers))
    mapped = removed.union(*(reader.parts for reader in readers))
    return {
        "writing runs": runs,
        "answers": sum(reader.answers for reader in readers),
        "hits": sum(reader.hits for reader in readers),
        "wrong": len(wrong),
        "parts mapped": len(mapped),
        "of them removed while mapped": len(removed),
    }


def test_parts_swapped_under_two_readers(tmp_path: Path) -> None:
    for seed in range(4, 9):  # whether a part goes while somebody holds it is the machine's to say
        counts = swapped(tmp_path / str(seed), 4, seed=seed)
        if counts["of them removed while mapped"]:
            break
    assert counts["of them removed while mapped"], counts


def test_who_has_parts_mapped_keeps_them_after_they_are_removed(place: Place) -> None:
    root = repository(place.folder / "repo", modules(60))
    other = repository(place.folder / "other", modules(60, seed=9, folder="lib"))
    for one in (root, other):
        place.groma("index", one)
    paths = sorted(place.data.glob("segment-*/*.part"))
    parts = [core.open_part(path) for path in paths]
    masks = [np.ones(len(part.ids), np.bool_) for part in parts]
    terms = np.array(sorted({core.term_id(t) for t in core.query_tokens(QUERIES[0])}), dtype=np.uint32)

    def found() -> list[object]:
        legs = core.sparse_top(parts, masks, terms, np.ones(len(terms), np.float32), 20), core.dense_top(parts, masks, "static", query, 20)
        return [(leg.ids.tolist(), leg.files.tolist(), leg.scores.tolist()) for leg in legs]

    query = core.embed_query(QUERIES[0])
    before = found()
    assert len(before[0][0]) == 20  # type: ignore[index]
    place.groma("forget", other)
    place.groma("rebuild")
    assert not any(path.exists() for path in paths)
    assert found() == before


if sys.platform != "linux":  # pragma: no cover - not this system
    pytestmark = pytest.mark.skip("these look at processes the Linux way")
