"""Both cores derive the same from real files of many languages: whole batches, field by field. The first difference fails."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pytest

from groma._pure.languages import detect
from groma._pure.scan import scan, scan_texts
from tests.twins.compare import first_difference
from tools.corpora import CORPORA, TWINS, root

MAX_FILE_BYTES = 1_000_000
FILES_A_CALL = 64
"""So that a difference is told soon."""
ONLY = {"blocks": "*.php"}
"""The rest of it is JavaScript, of which there is plenty."""
NOT = {"pygments": "*.output"}
"""What Pygments is to make of its examples."""


def paths(name: str) -> list[str]:
    """The files of a corpus, by path."""
    found = []
    for folder, folders, files in os.walk(root(name)):
        folders.sort()
        for file in files:
            path = os.path.relpath(os.path.join(folder, file), root(name))
            if fnmatchcase(path, ONLY.get(name, "*")) and not fnmatchcase(path, NOT.get(name, "")) and not os.path.islink(root(name) / path):
                found.append(path)
    return sorted(found)


def fetched(name: str) -> list[str]:
    if not root(name).is_dir():
        pytest.skip(f"the corpus {name} was not fetched (python tools/corpora.py); the twins are NOT compared on it")
    return paths(name)


@pytest.mark.parametrize("name", CORPORA | TWINS)
def test_both_cores_derive_the_same(name: str, both) -> None:
    pure, compiled = both("scan")
    chosen = fetched(name)
    for at in range(0, len(chosen), FILES_A_CALL):
        some = chosen[at : at + FILES_A_CALL]
        ours, theirs = (core.scan(str(root(name)), some, max_file_bytes=MAX_FILE_BYTES) for core in (pure, compiled))
        difference = first_difference(ours, theirs)
        assert difference is None, f"{name}: plain and compiled core differ in {difference}"


def test_the_corpora_are_wide() -> None:
    languages: Counter[str] = Counter()
    for name in CORPORA | TWINS:
        for path in fetched(name):
            with open(root(name) / path, "rb") as f:
                if (language := detect(path, f.read(4096))) is not None:
                    languages[language] += 1
    assert languages.total() >= 2_000
    assert len(languages) >= 19


def test_a_difference_is_found_and_named() -> None:
    texts = [("a.py", b"import os\n\ndef first():\n    return os.sep\n"), ("b.go", b"package b\n\nfunc Second() int { return 2 }\n")]

    def other(**changes: object) -> Iterator:
        yield replace(scan_texts(texts), **changes)

    def one() -> Iterator:
        yield scan_texts(texts)

    batch = scan_texts(texts)
    assert first_difference(one(), (scan_texts([t]) for t in texts)) is None
    assert first_difference(one(), iter([scan_texts(texts[:1])])) == "one core came to 'b.go', the other to None"
    assert first_difference(one(), other(calls=[(), ("x",)])) == "b.go: calls: 0 and 1 of them, from None and 'x' on"
    assert first_difference(one(), other(last=batch.last + np.r_[0, 1])) == "b.go: last[0]: 3 and 4"
    impacts = batch.impacts.copy()
    impacts[-1] ^= 1
    assert (first_difference(one(), other(impacts=impacts)) or "").startswith("b.go: impacts[0]")
    static = batch.vectors["static"]
    moved = {"static": replace(static, scales=static.scales * np.float32(1.01))}
    assert (first_difference(one(), other(vectors=moved)) or "").startswith("a.py: vectors.static[0, ")
    assert first_difference(one(), other(files=replace(batch.files, kinds=["code", "docs"]))) == "b.go: kind: 'code' and 'docs'"


def test_reading_the_files_twice_gives_the_same(tmp_path) -> None:
    (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    (tmp_path / "empty.py").write_text("")
    names = ["a.py", "empty.py", "gone.py"]
    ours, theirs = (scan(str(tmp_path), names, max_file_bytes=1000) for _ in range(2))
    assert first_difference(ours, theirs) is None
