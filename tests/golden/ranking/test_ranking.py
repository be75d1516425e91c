"""Ranks on pinned corpora are as they were reviewed. After a ranking change: `python -m tests.golden.ranking.run --write`, and read the diff."""

from pathlib import Path

import pytest

from tests.golden.ranking.run import HERE, render
from tools.corpora import CORPORA, root


@pytest.mark.parametrize("name", CORPORA)
def test_ranks_are_as_reviewed(name: str, tmp_path: Path) -> None:
    if not root(name).is_dir():
        pytest.skip(f"the corpus {name} was not fetched (python tools/corpora.py); ranking on it is NOT checked")
    assert render(name, tmp_path) == (HERE / f"{name}.txt").read_text("utf-8")
