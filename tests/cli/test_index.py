"""`groma index`: what it says it did."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.conftest import Groma
from tests.processes import Place, git, write


def test_one_object(groma: Groma, shop: Path) -> None:
    ran = groma("index", "--json", shop)
    found = ran.json
    assert list(found) == ["schema", "root", "known", "indexed", "read", "attached", "gone", "chunks", "skipped", "seconds", "core"]
    assert (found["schema"], found["root"]) == ("groma.index/1", str(shop))
    assert (found["known"], found["indexed"], found["read"], found["attached"], found["gone"]) == (11, 7, 10, 0, 0)
    assert found["skipped"] == {"binary": 1, "empty": 1, "generated": 1, "secrets-file": 1}
    assert found["chunks"] >= 7 and found["seconds"] > 0
    assert ran.err == ""


def test_a_second_run_reads_nothing_and_a_third_what_changed(groma: Groma, shop: Path) -> None:
    groma("index", shop)
    assert groma("index", "--json", shop).json["read"] == 0
    write(shop / "src/shop/cart.py", "class Cart:\n    pass\n")
    (shop / "web/checkout.ts").unlink()
    found = groma("index", "--json", shop).json
    assert (found["read"], found["gone"], found["indexed"]) == (1, 1, 6)


def test_for_people(groma: Groma, shop: Path) -> None:
    ran = groma("index", shop)
    first, second = ran.out.splitlines()
    assert re.fullmatch(rf"{re.escape(str(shop))}: 7 files in \d+ chunks, 10 read, 0 gone, \d+\.\d\d s", first)
    assert second == "left out: 1 binary, 1 empty, 1 generated, 1 secrets-file"


def test_exactly_that_folder_also_inside_another_repository(groma: Groma, shop: Path) -> None:
    assert groma("index", "--json", "src", cwd=shop).json["root"] == str(shop / "src")
    assert groma("index", "--json", cwd=shop / "src").json["root"] == str(shop)
    assert groma("index", "--json", ".", cwd=shop / "src").json["root"] == str(shop / "src")
    link = shop.parent / "link"
    link.symlink_to(shop)
    assert groma("index", "--json", link).json["root"] == str(shop)


def test_rules_above_an_inner_folder_hold_in_it(groma: Groma, shop: Path) -> None:
    write(shop / "src" / "noise.log", "not for us\n")
    assert groma("index", "--json", shop / "src").json["indexed"] == 3


def test_a_branch_comes_and_goes_without_being_read_again(groma: Groma, shop: Path) -> None:
    groma("index", shop)
    git(shop, "checkout", "-q", "-b", "feature")
    write(shop / "src/shop/gift.py", "def wrap_gift(): pass\n")
    git(shop, "add", "-A")
    git(shop, "commit", "-q", "-m", "gift")
    assert groma("index", "--json", shop).json["read"] == 1
    git(shop, "checkout", "-q", "main")
    assert groma("index", "--json", shop).json["read"] == 0
    assert "gift.py" not in groma("search", "--repo", shop, "wrap gift").out


def test_what_cannot_be_indexed(groma: Groma, place: Place) -> None:
    for path, sentence in (("nowhere", "nowhere does not exist"), (__file__, "is a file, not a folder")):
        ran = groma("index", path, code=2)
        assert sentence in ran.err and ran.err.count("\n") == 1
    assert "too wide" in groma("index", "/", code=3).err
    assert "too wide" in groma("index", code=3, cwd=place.home).err
    assert not list(place.data.glob("store-*"))


def test_an_empty_folder_is_indexed_and_says_so(groma: Groma, place: Place) -> None:
    (place.folder / "void").mkdir()
    assert groma("index", "--json", place.folder / "void").json["indexed"] == 0
    assert groma("search", "--repo", place.folder / "void", "anything").err == "groma: nothing found\n"
