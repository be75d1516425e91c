"""What of a walk is news to the manifest."""

from __future__ import annotations

import numpy as np

from groma._pure.walk import SETTLED_COARSE_NS as SETTLED_NS
from groma.catalogue.manifests import ManifestColumns
from groma.indexing.plan import changed


def manifest(*rows: tuple[str, int, int, int, bytes | None, str | None]) -> ManifestColumns:
    """(path, size, time of the last change, time of the look, blob, reason) a row."""
    paths, sizes, times, checked, blobs, reasons = (list(column) for column in zip(*rows, strict=True))
    zeros = np.zeros(len(rows), np.int64)
    moments = np.array(times, np.int64)
    return ManifestColumns(paths, np.array(sizes, np.int64), moments, moments - 1, zeros, blobs, np.array(checked, np.int64), reasons)


def test_that_a_settled_file_was_looked_at_again_is_no_news() -> None:
    old, young = SETTLED_NS, SETTLED_NS - 1
    before = manifest(("old", 1, 0, old, b"a", None), ("young", 1, 0, young, b"a", None), ("out", 0, 0, 0, None, "secrets-file"))
    again = manifest(("old", 1, 0, 9 * old, b"a", None), ("young", 1, 0, 9 * old, b"a", None), ("out", 0, 0, 0, None, "secrets-file"))
    assert changed(before, before).paths == []
    assert changed(again, before).paths == ["young"]


def test_everything_else_is() -> None:
    before = manifest(*((path, 1, 0, SETTLED_NS, b"a", None) for path in ("size", "time", "blob", "reason", "same")))
    now = manifest(
        ("size", 2, 0, SETTLED_NS, b"a", None),
        ("time", 1, 7, SETTLED_NS, b"a", None),
        ("blob", 1, 0, SETTLED_NS, b"b", None),
        ("reason", 1, 0, SETTLED_NS, b"a", "binary"),
        ("same", 1, 0, SETTLED_NS, b"a", None),
        ("new", 1, 0, SETTLED_NS, b"a", None),
    )
    found = changed(now, before)
    assert found.paths == ["size", "time", "blob", "reason", "new"]
    assert (found.sizes[0], found.mtimes_ns[1], found.blobs[2], found.reasons[3]) == (2, 7, b"b", "binary")
