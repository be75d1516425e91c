"""What the tests of the verbs share: a place of their own, a small repository, and `groma` run in this process.

Most of what a verb does needs no process of its own; in this one it is quick, and its coverage counts. What needs a process (a pipe that
breaks, a terminal, a locale) starts one with `place.groma`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groma.cli.main import main
from tests.processes import Place, Ran, repository

Groma = Callable[..., Ran]

SHOP: dict[str, str | bytes] = {
    "src/shop/__init__.py": '"""A shop."""\n',
    "src/shop/cart.py": '''"""The cart of a customer."""

from shop.prices import Price


class Cart:
    """Holds items until they are paid for."""

    def __init__(self):
        self.items = []

    def add_item(self, name, price):
        """Put one item into the cart."""
        self.items.append((name, Price(price)))

    def total_price(self):
        """Add up what the items cost, discounts taken off."""
        return sum(price.after_discount() for _, price in self.items)


def empty_cart(cart):
    """Throw everything out of a cart."""
    cart.items.clear()
''',
    "src/shop/prices.py": '''"""Prices and discounts."""


class Price:
    def __init__(self, amount, discount=0.0):
        self.amount = amount
        self.discount = discount

    def after_discount(self):
        """The amount that is left to pay when the discount is taken off."""
        return self.amount * (1 - self.discount)
''',
    "web/checkout.ts": """import { Cart } from './cart';

/** Sends the order to the warehouse. */
export function sendOrder(cart: Cart): Promise<void> {
  return fetch('/orders', { method: 'POST', body: JSON.stringify(cart) }).then(() => undefined);
}
""",
    "docs/guide.md": "# Guide\n\n## Discounts\n\nA discount is a share of the price, between nothing and all of it.\n",
    "shop.toml": '[shop]\ncurrency = "EUR"\nwarehouse = "north"\n',
    ".gitignore": "build/\n*.log\n",
    "build/out.py": "built = True\n",
    "debug.log": "nothing to see\n",
    ".env": "PASSWORD=hunter2\n",
    "logo.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "empty.py": "",
    "lib.min.js": "function a(b){return b+1};" * 400,
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.still()


@pytest.fixture
def shop(place: Place) -> Path:
    """A small repository of a shop in several languages, with files that are left out for every kind of reason."""
    return repository(place.folder / "shop", SHOP)


@pytest.fixture
def groma(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Groma:
    """`groma("search", …)`: the command line in this process. Fails unless it exits with `code`."""
    for name in list(os.environ):
        if name.startswith(("GROMA_", "XDG_")):
            monkeypatch.delenv(name)
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place.folder)

    def run(*args: str | Path, code: int = 0, cwd: Path | None = None) -> Ran:
        said = tuple(str(a) for a in args)
        with monkeypatch.context() as here:
            here.chdir(cwd or place.folder)
            here.setenv("GROMA_READ_ONLY", os.environ.get("GROMA_READ_ONLY", ""))  # `--read-only` sets it for the process
            here.setattr("sys.argv", ["groma", *said])
            capsys.readouterr()
            try:
                main()
                ended = 0
            except SystemExit as e:
                ended = e.code if isinstance(e.code, int) else 0 if e.code is None else 1
        out, err = capsys.readouterr()
        assert ended == code, f"groma {' '.join(said)} exited with {ended}\n{out}\n{err}"
        return Ran(said, ended, out, err)

    return run
