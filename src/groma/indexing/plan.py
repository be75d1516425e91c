"""What an index run has to do: compare what is in the folder now with what the manifest says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import core
from ..catalogue.manifests import ManifestColumns
from ..types import Ints

__all__ = ["Plan", "changed", "known_of", "plan", "rows"]


@dataclass(frozen=True, slots=True)
class Plan:
    """`keep`: indexes into the listing of files that may be searchable (their blob is known); `read`: of files whose blob is not;
    `left_out`: of files that an earlier run read and left out, and that have not changed since; `gone`: paths of the manifest that are no more."""

    keep: tuple[int, ...]
    read: tuple[int, ...]
    left_out: tuple[int, ...]
    gone: tuple[str, ...]


def known_of(manifest: ManifestColumns) -> core.Known:
    """The part of a manifest that spares the walk from reading files."""
    blobs = {i: blob for i, blob in enumerate(manifest.blobs) if blob is not None}
    at = list(blobs)
    return core.Known(
        paths=[manifest.paths[i] for i in at],
        sizes=manifest.sizes[at],
        mtimes_ns=manifest.mtimes_ns[at],
        ctimes_ns=manifest.ctimes_ns[at],
        inodes=manifest.inodes[at],
        blobs=list(blobs.values()),
        checked_ns=manifest.checked_ns[at],
    )


def plan(listing: core.Listing, manifest: ManifestColumns) -> Plan:
    """Sort the files of a listing by what has to be done with them."""
    before = {path: i for i, path in enumerate(manifest.paths)}
    keep: list[int] = []
    read: list[int] = []
    left_out: list[int] = []
    for i, (path, blob) in enumerate(zip(listing.paths, listing.blobs, strict=True)):
        at = before.get(path)
        if blob is None:
            read.append(i)
        elif at is not None and manifest.reasons[at] is not None and manifest.blobs[at] == blob and manifest.sizes[at] == listing.sizes[i]:
            left_out.append(i)
        else:
            keep.append(i)
    now = {*listing.paths, *(path for path, _ in listing.skipped)}
    return Plan(tuple(keep), tuple(read), tuple(left_out), tuple(path for path in manifest.paths if path not in now))


def rows(listing: core.Listing, manifest: ManifestColumns, left_out: Sequence[int]) -> ManifestColumns:
    """The manifest rows of a listing: its files (those of `left_out` with the reason the manifest gives) and what the walk skipped."""
    before = dict(zip(manifest.paths, manifest.reasons, strict=True))
    out = frozenset(left_out)
    none: Ints = np.zeros(len(listing.skipped), dtype=np.int64)
    return ManifestColumns(
        paths=[*listing.paths, *(path for path, _ in listing.skipped)],
        sizes=np.r_[listing.sizes, none],
        mtimes_ns=np.r_[listing.mtimes_ns, none],
        ctimes_ns=np.r_[listing.ctimes_ns, none],
        inodes=np.r_[listing.inodes, none],
        blobs=[*listing.blobs, *(None for _ in listing.skipped)],
        checked_ns=np.r_[listing.checked_ns, none],
        reasons=[*(before[path] if i in out else None for i, path in enumerate(listing.paths)), *(reason for _, reason in listing.skipped)],
    )


def changed(rows: ManifestColumns, manifest: ManifestColumns) -> ManifestColumns:
    """Of `rows`, those that the manifest does not already hold like this."""
    before = _table(manifest)
    at = [i for i, (path, row) in enumerate(_table(rows).items()) if before.get(path) != row]
    return ManifestColumns(
        paths=[rows.paths[i] for i in at],
        sizes=rows.sizes[at],
        mtimes_ns=rows.mtimes_ns[at],
        ctimes_ns=rows.ctimes_ns[at],
        inodes=rows.inodes[at],
        blobs=[rows.blobs[i] for i in at],
        checked_ns=rows.checked_ns[at],
        reasons=[rows.reasons[i] for i in at],
    )


def _table(m: ManifestColumns) -> dict[str, tuple[object, ...]]:
    numbers = (m.sizes.tolist(), m.mtimes_ns.tolist(), m.ctimes_ns.tolist(), m.inodes.tolist(), m.checked_ns.tolist())
    return dict(zip(m.paths, zip(*numbers, m.blobs, m.reasons, strict=True), strict=True))
