"""`groma status`: every indexed folder, and whether what it says is true."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from groma import core
from groma.cli.status import _ago
from tests.cli.conftest import Groma
from tests.processes import Place, write


def test_one_object_as_promised(groma: Groma, place: Place, shop: Path) -> None:
    write(place.folder / "notes" / "a.md", "# A\n\ntext\n")
    groma("index", shop)
    groma("index", place.folder / "notes")
    found = groma("status", "--json").json
    assert list(found) == ["schema", "scopes", "core", "data_dir", "disk_bytes", "daemon"]
    assert (found["schema"], found["core"], found["data_dir"], found["daemon"]) == ("groma.status/1", core.NAME, str(place.data), None)
    assert found["disk_bytes"] >= sum(p.stat().st_size for p in place.data.rglob("*") if p.is_file()) > 0  # less once journals are folded in
    by_root = {s["root"]: s for s in found["scopes"]}
    assert set(by_root) == {str(shop), str(place.folder / "notes")}
    scope = by_root[str(shop)]
    assert list(scope) == ["root", "files", "chunks", "languages", "skipped", "generation", "age_s", "stale_files"]
    assert (scope["files"], scope["generation"], scope["stale_files"]) == (7, 1, 0)
    assert scope["languages"] == {"python": 3, "markdown": 1, "text": 1, "toml": 1, "typescript": 1}
    assert scope["skipped"] == {"binary": 1, "empty": 1, "generated": 1, "secrets-file": 1}
    assert scope["chunks"] >= 7 and 0 <= scope["age_s"] < 60


def test_it_works_from_anywhere_and_with_nothing_indexed(groma: Groma, place: Place) -> None:
    ran = groma("status", cwd=Path("/"))
    assert ran.err == "groma: nothing is indexed yet; run: groma index PATH\n"
    assert ran.out.endswith(f" MB in {place.data}, core: {core.NAME}\n")
    assert groma("status", "--json", cwd=Path("/")).json["scopes"] == []


def test_changes_since_are_counted(groma: Groma, shop: Path) -> None:
    groma("index", shop)

    def stale() -> int:
        count: int = groma("status", "--json").json["scopes"][0]["stale_files"]
        return count

    assert stale() == 0
    write(shop / "src/shop/cart.py", "class Cart: ...\n")
    assert stale() == 1
    write(shop / "new.py", "new = 1\n")
    (shop / "shop.toml").unlink()
    assert stale() == 3
    write(shop / "build/more.py", "ignored = 1\n")
    assert stale() == 3
    groma("index", shop)
    assert stale() == 0


def test_for_people(groma: Groma, shop: Path) -> None:
    groma("index", shop)
    out = groma("status").out.splitlines()
    assert out[0].startswith(f"{shop}: 7 files, ") and out[0].endswith(" s ago, 0 changed since")
    assert out[1] == "    python 3, markdown 1, text 1, toml 1, typescript 1"
    assert out[2] == "    left out: 1 binary, 1 empty, 1 generated, 1 secrets-file"


def test_a_folder_that_is_gone(groma: Groma, shop: Path) -> None:
    groma("index", shop)
    shutil.rmtree(shop)
    out = groma("status").out
    assert "7 changed since" in out and "the folder is gone; to remove it from the index, run: groma forget PATH" in out


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 hours"), (400_000, "5 days")])
def test_ages_as_people_say_them(seconds: float, said: str) -> None:
    assert _ago(seconds) == said
