"""A place of its own for each test of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where this test's groma keeps everything."""
    return Place(tmp_path)
