"""Tests of what both cores do run on both: a file's fixture `core`, parametrised with CORES, takes its names from one core at a time."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import pytest

CORES = ("pure", "compiled")


def twin(core: str, name: str) -> ModuleType:
    """The module `name` of one of CORES; skips where the compiled core is not built."""
    if core == "compiled":
        pytest.importorskip("groma._rs", reason="the compiled core is not built: these tests run on the plain one only")
    return import_module(f"groma._{core}.{name}")


def take(test_module: ModuleType, core: str, **names: str) -> Iterator[str]:
    """Rebinds names of a test file to those of one core while its tests run; `names`: name -> module that it is from, or is."""
    with pytest.MonkeyPatch.context() as patch:
        for name, module in names.items():
            source = twin(core, module.removesuffix("."))
            patch.setattr(test_module, name, source if module.endswith(".") else getattr(source, name))
        yield core
