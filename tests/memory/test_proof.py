"""Looking for what was destroyed must not loosen anything that is held."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from groma.catalogue.database import Database
from groma.memory.proof import prove

TRY = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    db.execute("BEGIN IMMEDIATE")
    print("taken")
except sqlite3.OperationalError as e:
    print(e)
"""


def test_who_looks_takes_no_lock_from_the_database(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with closing(Database.connect(path)) as db, db.transaction():
        found = prove(tmp_path, ["a text that was never there"])
        assert found.files >= 2 and found.found == ()
        other = subprocess.run([sys.executable, "-c", TRY, str(path)], capture_output=True, text=True, check=True)
        assert other.stdout.strip() == "database is locked"


def test_what_is_left_is_found_as_it_is_and_as_json(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(json.dumps({"said": 'the "kestrel" host über alles'}), "utf-8")
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES ('the falcon host')")
        db.commit()
    assert prove(tmp_path, ['the "kestrel" host über alles']).found == ("a.log",)
    assert prove(tmp_path, ["the falcon host"]).found == ("old.db",)
    assert prove(tmp_path, ["the heron host"]).found == ()


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="could not be searched: FileNotFoundError"):
        prove(tmp_path / "nowhere", ["x"])
