"""Chunks belong to contents: another worktree, another branch, the way back, a clone — none of them is read again."""

from __future__ import annotations

from random import Random

from tests.faults.corpus import module, modules
from tests.processes import Place, git, repository, write


def test_a_second_worktree_is_searchable_after_its_manifest_alone(place: Place) -> None:
    root = repository(place.folder / "repo", modules(60))
    assert place.groma("index", "--json", root).json["read"] == 60
    git(root, "worktree", "add", "-q", "-b", "side", "../side")
    side = place.groma("index", "--json", place.folder / "side").json
    assert (side["indexed"], side["read"], side["attached"]) == (60, 0, 60)
    here, there = (place.groma("search", "--json", "--no-index", "--repo", r, "validate a ledger").hits for r in (root, place.folder / "side"))
    assert here == there
    path = there[0][0]
    write(place.folder / "side" / path, "def only_in_the_side():\n    return 1\n")
    assert place.groma("index", "--json", place.folder / "side").json["read"] == 1
    both = place.groma("search", "--json", "--repo", root, "--repo", place.folder / "side", "only_in_the_side").json["hits"]
    assert (both[0]["scope"], both[0]["path"]) == (str(place.folder / "side"), path)
    assert place.groma("search", "--json", "--repo", root, "only_in_the_side").json["hits"][0]["symbol"] != "only_in_the_side"
    place.groma("forget", place.folder / "side")
    place.groma("verify")
    assert place.groma("search", "--json", "--no-index", "--repo", root, "validate a ledger").hits == here


def test_a_branch_that_comes_back_is_not_read_again(place: Place) -> None:
    root = repository(place.folder / "repo", modules(40))
    git(root, "checkout", "-q", "-b", "other")
    random = Random(4)
    for path in sorted(root.glob("src/part00/*.py")):
        path.write_text(module(random))
    git(root, "commit", "-qam", "other")
    git(root, "checkout", "-q", "main")
    assert place.groma("index", "--json", root).json["read"] == 40
    before = place.groma("search", "--json", "--no-index", "--repo", root, "validate a ledger").hits
    git(root, "checkout", "-q", "other")
    assert place.groma("index", "--json", root).json["read"] == 20
    for branch in ("main", "other", "main"):
        git(root, "checkout", "-q", branch)
        index = place.groma("index", "--json", root).json
        assert (index["read"], index["indexed"]) == (0, 40), branch
    assert place.groma("search", "--json", "--no-index", "--repo", root, "validate a ledger").hits == before
    place.groma("verify")
