"""`groma demo` on a small repository with a history."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Groma
from tests.processes import git, write


def test_a_minute(groma: Groma, shop: Path) -> None:
    write(shop / "src/shop/cart.py", (shop / "src/shop/cart.py").read_text() + "\n\ndef remove_item(cart, name):\n    cart.items.remove(name)\n")
    git(shop, "commit", "-qam", "Let a customer remove an item from the cart")
    write(shop / "src/shop/prices.py", (shop / "src/shop/prices.py").read_text() + "\n\ndef rounded(price):\n    return round(price.amount, 2)\n")
    git(shop, "commit", "-qam", "feat(prices): round the amount of a price to cents (#12)")
    ran = groma("demo", shop)
    assert ran.out.startswith("shop: ") and "1. round the amount of a price to cents" in ran.out and "2. Let a customer remove" in ran.out
    assert "* src/shop/prices.py:" in ran.out and "grep   a right file first:" in ran.out and "groma install" in ran.out
    said = groma("demo", shop, "--questions", "1", "--json").json
    assert said["schema"] == "groma.demo/1" and len(said["questions"]) == 1
    assert said["questions"][0]["answers"] == ["src/shop/prices.py"] and said["questions"][0]["grep"]["ms"] > 0


def test_without_a_history(groma: Groma, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert "is not in a git work tree" in groma("demo", tmp_path / "plain", code=1).err
