"""Every case runs on SQLite and on a real Postgres; where that cannot be started, its half is skipped with the reason."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from groma.catalogue.database import Database
from tests.services import Postgres, ServiceMissing, postgres


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    try:
        with postgres() as running:
            yield running
    except ServiceMissing as e:
        pytest.skip(f"no real Postgres to test on: {e}")


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address at which there is no catalogue yet."""
    if request.param == "sqlite":
        return str(tmp_path / "catalogue.db")
    server: Postgres = request.getfixturevalue("server")
    return server.empty_schema()


@pytest.fixture
def db(where: str) -> Iterator[Database]:
    with Database.connect(where) as database:
        yield database


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an account without rights can reach too (pytest's own cannot be entered by others)."""
    folder = Path(tempfile.mkdtemp(prefix="groma-open-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)
