"""`groma forget`: one folder less, and nothing of it left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.conftest import Groma
from tests.processes import Place, git, repository


def test_forget_and_what_it_leaves(groma: Groma, place: Place, shop: Path) -> None:
    other = repository(place.folder / "other", {"a.py": "def kept_here(): pass\n"})
    groma("index", shop)
    groma("index", other)
    assert groma("forget", "--json", shop).json == {"schema": "groma.forget/1", "root": str(shop)}
    assert [s["root"] for s in groma("status", "--json").json["scopes"]] == [str(other)]
    groma("search", "--repo", shop, "--no-index", "discount", code=6)
    assert "kept_here" in groma("search", "--repo", other, "--no-index", "kept here").out
    assert groma("verify").out == "clean: 1 indexed folder\n"
    assert (shop / "src/shop/cart.py").exists()
    kept = b"".join(p.read_bytes() for p in place.data.rglob("*") if p.is_file())
    assert b"Put one item into the cart" not in kept


def test_what_another_worktree_shares_stays(groma: Groma, place: Place, shop: Path) -> None:
    git(shop, "worktree", "add", "-q", place.folder / "other")
    groma("index", shop)
    groma("index", place.folder / "other")
    assert groma("forget", shop).out == f"{shop}: forgotten\n"
    assert "prices.py" in groma("search", "--repo", place.folder / "other", "--no-index", "discount").out


def test_a_folder_that_is_gone_can_be_forgotten(groma: Groma, shop: Path) -> None:
    groma("index", shop)
    shutil.rmtree(shop)
    groma("forget", "shop")
    assert groma("status", "--json").json["scopes"] == []


def test_what_was_never_indexed(groma: Groma, shop: Path) -> None:
    ran = groma("forget", shop, code=6)
    assert ran.err == f"groma: {shop} is not indexed: there is nothing to forget. `groma status` lists what is.\n"
    assert ran.out == ""
