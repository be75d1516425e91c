"""Folders of every kind as the root: no git, broken git, git within git, nothing at all, too much."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.faults.corpus import modules
from tests.processes import Place, git, repository, write

NEEDLE = "def the_needle():\n    return 'found'\n"


def test_an_empty_repository_and_an_empty_folder(place: Place) -> None:
    for root in (repository(place.folder / "repo", {}, commit=False), place.folder / "folder"):
        root.mkdir(exist_ok=True)
        index = place.groma("index", "--json", root).json
        assert (index["known"], index["indexed"], index["chunks"], index["skipped"]) == (0, 0, 0, {})
        ran = place.groma("search", "--json", "--repo", root, "anything at all")
        assert ran.json["hits"] == []
        assert place.groma("search", "--repo", root, "anything").err.startswith("groma: nothing found")
    assert "clean: 2" in place.groma("verify").out


def test_a_folder_without_git_and_one_whose_git_is_broken(place: Place) -> None:
    plain = place.folder / "plain"
    write(plain / "a.py", NEEDLE)
    broken = repository(place.folder / "broken", {"a.py": NEEDLE, "ignored.py": NEEDLE, ".gitignore": "ignored.py\n"})
    for damage in ("index", "HEAD", "config", "all"):
        if damage == "all":
            shutil.rmtree(broken / ".git")
            write(broken / ".git", "gitdir: /nowhere/at/all\n")
        else:
            (broken / ".git" / damage).write_bytes(os.urandom(3000))
        index = place.groma("index", "--json", broken).json
        assert index["indexed"] == 2, (damage, index)  # a.py and .gitignore itself
    assert place.groma("index", "--json", plain).json["indexed"] == 1
    for root in (plain, broken):
        assert place.groma("search", "--json", "--repo", root, "the_needle").hits[0][0] == "a.py"


def test_a_bare_repository_is_nobodys_source(place: Place) -> None:
    source = repository(place.folder / "source", {"a.py": NEEDLE})
    git(place.folder, "clone", "-q", "--bare", source, "bare.git")
    index = place.groma("index", "--json", place.folder / "bare.git").json
    assert (index["indexed"], index["skipped"]) == (0, {"git-directory": 1})
    assert place.groma("index", "--json", source / ".git").json["indexed"] == 0


def test_a_submodule_and_a_nested_repository_belong_to_the_folder(place: Place) -> None:
    library = repository(place.folder / "library", {"lib.py": NEEDLE, ".gitignore": "hidden.py\n"})
    root = repository(place.folder / "repo", {"main.py": "import lib\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", library, "vendor")
    repository(root / "nested", {"inner.py": NEEDLE})
    write(root / "vendor/hidden.py", NEEDLE)
    index = place.groma("index", "--json", root).json
    hits = place.groma("search", "--json", "--repo", root, "the_needle").json["hits"]
    found = {h["path"] for h in hits if "the_needle" in h["text"]}
    assert found == {"vendor/lib.py", "nested/inner.py"}, index
    assert place.groma("search", "--json", "the_needle", cwd=root / "nested").json["scopes"][0]["root"] == str(root / "nested")


@pytest.mark.parametrize("verb", [("index",), ("search", "x", "--repo"), ("verify",), ("rebuild",)])
def test_a_root_that_is_a_file_or_missing(place: Place, verb: tuple[str, ...]) -> None:
    write(place.folder / "file.py", NEEDLE)
    for root, words in ((place.folder / "file.py", "is a file, not a folder"), (place.folder / "missing", "does not exist")):
        ran = place.groma(*verb, root, code=2)
        assert ran.out == "" and words in ran.err and len(ran.err.splitlines()) == 1, ran


def test_roots_that_nobody_means(place: Place) -> None:
    write(place.home / "notes.py", NEEDLE)
    for root in (Path("/"), place.home, place.home.parent):
        for args in (("index", root), ("search", "x", "--repo", root), ("rebuild", root)):
            ran = place.groma(*args, code=3)
            assert ran.out == "" and "too wide" in ran.err and "--yes" in ran.err and len(ran.err.splitlines()) == 1
    assert "too wide" in place.groma("search", "x", cwd=place.home, code=3).err
    assert place.groma("verify", code=6).out == ""
    assert place.groma("index", "--json", "--yes", place.home).json["indexed"] == 1
    assert place.groma("search", "--json", "the_needle", cwd=place.home).hits[0][0] == "notes.py"  # consent was given once


def test_a_data_directory_within_the_root_is_not_indexed_with_it(place: Place) -> None:
    root = place.folder / "repo"
    write(root / "a.py", NEEDLE)
    env = {"GROMA_DATA_DIR": str(root / "data")}
    for read in (1, 0):
        index = place.groma("index", "--json", root, env=env).json
        assert (index["known"], index["indexed"], index["read"], index["skipped"]) == (1, 1, read, {})


def test_a_root_that_vanishes_after_it_was_indexed(place: Place) -> None:
    root = repository(place.folder / "repo", modules(5))
    place.groma("index", root)
    shutil.rmtree(root)
    assert "does not exist" in place.groma("search", "--repo", root, "x", code=2).err
    (scope,) = place.groma("status", "--json").json["scopes"]
    assert (scope["files"], scope["stale_files"]) == (5, 5)
    place.groma("verify")
    ran = place.groma("rebuild", code=3)
    assert str(root) in ran.err and "groma forget" in ran.err and len(ran.err.splitlines()) == 1
    place.groma("forget", root)
    place.groma("verify", code=6)


def test_names_of_roots_that_no_terminal_likes(place: Place) -> None:
    root = repository(place.folder / "new\nline\x1b[31m 漢字 'quoted\" -x", {"a.py": NEEDLE})
    ran = place.groma("index", root)
    assert "\x1b" not in ran.out and len(ran.out.splitlines()) == 1
    assert place.groma("search", "--json", "the_needle", cwd=root).json["scopes"][0]["root"] == str(root)
    assert "\x1b" not in place.groma("status").out
    place.groma("forget", root)
    raw = os.fsencode(place.folder) + b"/latin-\xe9"
    os.mkdir(raw)
    ran = place.groma("index", raw, code=2)
    assert "not valid Unicode" in ran.err and len(ran.err.splitlines()) == 1
