"""Manifests: columns in, the same columns out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groma.catalogue import manifests, scopes
from groma.catalogue.database import Database
from groma.catalogue.manifests import ManifestColumns
from tests.catalogue.samples import columns, rows

NAMES = ["it's.py", 'say "hi".py', "new\nline.py", "100%.py", "what?.py", "a\\b.py", " lead", "größe/文件.py", "🦀.rs", "%s", "-- x", "x;y", "Z", "a"]

_INT64 = st.integers(-(2**63), 2**63 - 1)
_PATH = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)


@pytest.fixture
def scope(db: Database) -> str:
    return scopes.ensure(db, "/x").id


def test_an_empty_manifest(db: Database, scope: str) -> None:
    for empty in (manifests.load(db, scope), manifests.load(db, "no such scope")):
        assert rows(empty) == []
        assert empty.sizes.dtype == empty.checked_ns.dtype == np.int64
    assert manifests.find(db, scope, "a.py") is None
    assert manifests.skipped(db, scope) == {}
    manifests.record(db, scope, columns([]))
    manifests.remove(db, scope, [])


def test_columns_come_back_as_they_went_in_ordered_by_bytes(db: Database, scope: str) -> None:
    given = columns(NAMES)
    manifests.record(db, scope, given)
    found = manifests.load(db, scope)
    assert rows(found) == sorted(rows(given), key=lambda row: row[0].encode())
    assert {c.dtype for c in (found.sizes, found.mtimes_ns, found.ctimes_ns, found.inodes, found.checked_ns)} == {np.dtype(np.int64)}
    for i, path in enumerate(NAMES):
        one = manifests.find(db, scope, path)
        assert one is not None
        assert rows(one) == rows(given)[i : i + 1]


def test_recording_again_replaces_every_column(db: Database, scope: str) -> None:
    manifests.record(db, scope, columns(["a.py", "b.py"], size=1))
    manifests.record(db, scope, columns(["b.py", "c.py"], size=2, reason="binary"))
    assert rows(manifests.load(db, scope)) == [rows(columns(["a.py"], size=1))[0], *rows(columns(["b.py", "c.py"], size=2, reason="binary"))]


def test_the_last_of_two_rows_for_one_path_wins(db: Database, scope: str) -> None:
    twice = columns(["a.py", "a.py"])
    twice.sizes[:] = [1, 2]
    manifests.record(db, scope, twice)
    assert manifests.load(db, scope).sizes.tolist() == [2]


def test_columns_of_different_length_are_a_fault_and_leave_nothing(db: Database, scope: str) -> None:
    good = columns(["a.py", "b.py"])
    bad = ManifestColumns(["a.py", "b.py"], *(getattr(good, n) for n in ("sizes", "mtimes_ns", "ctimes_ns", "inodes", "blobs", "checked_ns")), [None])
    with pytest.raises(ValueError, match="shorter"):
        manifests.record(db, scope, bad)
    assert manifests.load(db, scope).paths == []


def test_a_blob_id_has_twenty_bytes(db: Database, scope: str) -> None:
    bad = columns(["a.py", "b.py"])
    bad.blobs[1] = b"short"  # type: ignore[index]
    with pytest.raises(Exception, match=r"(?i)check"):
        manifests.record(db, scope, bad)
    assert manifests.load(db, scope).paths == []
    manifests.record(db, scope, columns(["a.py"]))


def test_removing(db: Database, scope: str) -> None:
    other = scopes.ensure(db, "/other").id
    for one in (scope, other):
        manifests.record(db, one, columns(NAMES))
    manifests.remove(db, scope, ["not there", *NAMES[:-1]])
    assert manifests.load(db, scope).paths == NAMES[-1:]
    assert len(manifests.load(db, other).paths) == len(NAMES)


def test_what_was_skipped_is_counted_by_reason(db: Database, scope: str) -> None:
    manifests.record(db, scope, columns(["a.py", "b.py"]))
    manifests.record(db, scope, columns(["c.bin", "d.bin"], reason="binary"))
    manifests.record(db, scope, columns([".env"], reason="secrets file"))
    manifests.record(db, scopes.ensure(db, "/other").id, columns(["e.bin"], reason="binary"))
    assert list(manifests.skipped(db, scope).items()) == [("binary", 2), ("secrets file", 1)]
    manifests.record(db, scope, columns(["c.bin"]))
    assert manifests.skipped(db, scope) == {"binary": 1, "secrets file": 1}


def test_thousands_of_rows(db: Database, scope: str) -> None:
    given = columns(f"src/{i % 97}/{i}.py" for i in range(5000))
    manifests.record(db, scope, given)
    assert rows(manifests.load(db, scope)) == sorted(rows(given))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(_PATH, *[_INT64] * 5, st.none() | st.binary(min_size=20, max_size=20), st.none() | _PATH), max_size=12, unique_by=lambda row: row[0]
    )
)
def test_any_rows_survive(db: Database, scope: str, drawn: list[tuple]) -> None:
    manifests.remove(db, scope, manifests.load(db, scope).paths)
    paths, *numbers, blobs, reasons = (list(c) for c in zip(*drawn, strict=True)) if drawn else ([] for _ in range(8))
    sizes, mtimes, ctimes, inodes, checked = (np.array(n, dtype=np.int64) for n in numbers)
    given = ManifestColumns(paths, sizes, mtimes, ctimes, inodes, blobs, checked, reasons)
    manifests.record(db, scope, given)
    assert rows(manifests.load(db, scope)) == sorted(rows(given), key=lambda row: row[0].encode())


def test_paths_that_may_be_searched(db: Database, scope: str) -> None:
    manifests.record(db, scope, columns(NAMES))
    manifests.record(db, scope, columns(["left/out.py"], reason="binary"))
    every = sorted(NAMES, key=lambda path: path.encode())
    assert manifests.searchable(db, scope) == every
    assert manifests.searchable(db, scope, limit=3) + manifests.searchable(db, scope, after=every[2]) == every
    assert manifests.searchable(db, scope, beginning="größe/") == ["größe/文件.py"]
    assert manifests.searchable(db, scope, beginning="100%") == ["100%.py"]
    assert manifests.searchable(db, scope, containing="%") == [path for path in every if "%" in path]
    assert manifests.searchable(db, scope, containing="'s") == ["it's.py"]
    assert manifests.searchable(db, "no such scope") == []
