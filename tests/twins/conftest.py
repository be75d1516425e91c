"""Both cores, side by side."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

Pair = tuple[ModuleType, ModuleType]


@pytest.fixture(scope="session")
def both() -> Callable[[str], Pair]:
    """`both("walk")`: the module of that name in plain Python, and its compiled twin. Skips where that is not built, or must not be used."""

    def pair(name: str) -> Pair:
        try:
            from groma._compiled.built import problem

            found = problem()
        except ImportError as e:
            pytest.skip(f"the compiled core is not built ({e}); the twins are NOT compared (make core)")
        if found is not None:
            pytest.fail(f"the compiled core {found}; run: make core")
        if find_spec(f"groma._compiled.{name}") is None:
            pytest.skip(f"{name} has no compiled twin")
        return import_module(f"groma._pure.{name}"), import_module(f"groma._compiled.{name}")

    return pair
