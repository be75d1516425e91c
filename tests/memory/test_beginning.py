"""What a session begins with is the same, whether an engine tells it or a hook reads it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groma import beginning
from groma.catalogue.database import Database
from groma.config import Settings, load
from groma.engine import Engine
from groma.errors import CatalogueDamaged, GromaError
from groma.types import LOCAL

SAID = [
    {"content": "I prefer tabs over spaces, always", "level": "USER_PREFERENCE"},
    {"content": "The ledger posts in whole cents", "level": "PROJECT_CONTEXT", "tags": ["money"]},
    {"content": "The release branch is deployed on Mondays", "level": "PROJECT_CONTEXT", "valid_until": "2020-01-01"},
    {"content": "Work stood at the discounts", "level": "SESSION_STATE"},
    {"content": "Work stood at the invoices, which are half done", "level": "SESSION_STATE"},
    *({"content": f"The account {n} is closed by its owner {n}, by decision {n}", "level": "PROJECT_CONTEXT"} for n in range(60)),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({}, data_dir=tmp_path / "data", config_file=tmp_path / "none")


@pytest.fixture
def engine(settings: Settings, tmp_path: Path) -> Iterator[Engine]:
    with Engine(settings) as engine:
        for here in ("", str(tmp_path / "other"), str(tmp_path / "shop")):
            for said in SAID:
                engine.memories.remember(LOCAL, [said | {"content": f"{said['content']} ({Path(here).name})"}], here=here)
        yield engine


def test_the_same_as_an_engine_tells(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    for here in (str(tmp_path / "shop"), str(tmp_path / "other"), str(tmp_path / "new"), ""):
        for states in (0, 2):
            text = beginning.told(settings, here, states=states)
            assert text == engine.memories.briefing(LOCAL, here=here, states=states).text
            assert f"by decision 59 ({Path(here).name})" in text or not here.endswith("shop")
            assert "Mondays" not in text and ("Work stood" in text) == bool(states)


def test_nothing_is_made_where_nothing_is(settings: Settings) -> None:
    assert beginning.told(settings, "/x", states=2) == "" and not settings.data_dir.exists()


def test_what_cannot_be_read_is_said(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "catalogue.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CatalogueDamaged):
        beginning.told(settings, "/x", states=2)


def test_a_catalogue_of_before_is_left_to_an_engine(settings: Settings) -> None:
    with Database.connect(settings.data_dir / "catalogue.db") as db, db.transaction():
        db.execute("UPDATE groma_schema SET version_num = '0001'")
    with pytest.raises(GromaError):
        beginning.told(settings, "/x", states=2)


def test_little_is_imported_for_it() -> None:
    """An agent waits: NumPy alone takes longer than all the rest."""
    code = "import sys; import groma.beginning, groma.serve.client, groma.places, groma.cli.hooks; groma.places.project_root(None);"
    code += " print(*sorted({'numpy', 'click', 'pydantic', 'groma.engine'} & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    from groma import core

    assert said.stdout.split() == ([] if core.NAME == "rust" else ["numpy"])
