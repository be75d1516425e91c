"""`groma verify` and `groma rebuild`, where nothing is damaged; where something is, see `tests/faults`."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.conftest import Groma
from tests.processes import Place, repository, write


def test_verify_with_nothing_indexed(groma: Groma) -> None:
    ran = groma("verify", code=6, cwd=Path("/"))
    assert (ran.out, ran.err) == ("", "groma: nothing is indexed\n")
    assert groma("verify", "--json", code=6).json == {"schema": "groma.verify/1", "scopes": 0, "memories": 0, "problems": []}


def test_verify_a_folder_and_everything_from_anywhere(groma: Groma, place: Place, shop: Path) -> None:
    groma("index", shop)
    groma("index", repository(place.folder / "other", {"a.py": "a = 1\n"}))
    assert groma("verify", cwd=Path("/")).out == "clean: 2 indexed folders\n"
    assert groma("verify", "shop").out == "clean: 1 indexed folder\n"
    assert groma("verify", "--json").json == {"schema": "groma.verify/1", "scopes": 2, "memories": 0, "problems": []}
    assert "has not been indexed" in groma("verify", place.home, code=6).err


def test_rebuild_one_folder(groma: Groma, place: Place, shop: Path) -> None:
    other = repository(place.folder / "other", {"a.py": "def kept_here(): pass\n"})
    groma("index", shop)
    groma("index", other)
    assert groma("rebuild", "--json", shop).json == {"schema": "groma.rebuild/1", "scopes": [{"root": str(shop), "indexed": 7, "read": 7}]}
    generations = {s["root"]: s["generation"] for s in groma("status", "--json").json["scopes"]}
    assert generations == {str(shop): 2, str(other): 1}
    assert "kept_here" in groma("search", "--repo", other, "--no-index", "kept here").out
    groma("verify")


def test_rebuild_everything(groma: Groma, place: Place, shop: Path) -> None:
    other = repository(place.folder / "other", {"a.py": "def kept_here(): pass\n"})
    gone = write(place.folder / "gone" / "b.py", "b = 1\n").parent
    for root in (shop, other, gone):
        groma("index", root)
    shutil.rmtree(gone)
    ran = groma("rebuild")
    assert sorted(ran.out.splitlines()) == sorted([f"{shop}: 7 files rebuilt", f"{other}: 1 files rebuilt"])
    assert str(gone) in ran.err
    assert {s["root"]: s["generation"] for s in groma("status", "--json").json["scopes"]} == {str(shop): 2, str(other): 2, str(gone): 1}
    groma("verify")


def test_rebuild_refuses_what_nobody_means(groma: Groma, shop: Path) -> None:
    assert "Nothing has been indexed; run: groma index PATH" in groma("rebuild", code=6).err
    groma("index", shop)
    assert "too wide" in groma("rebuild", "/", code=3).err
    assert "does not exist" in groma("rebuild", "nowhere", code=2).err
    assert "prices.py" in groma("search", "--repo", shop, "--no-index", "discount").out
