"""What an index run has to do: compare what is in the folder now with what the manifest says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import core
from ..catalogue.manifests import ManifestColumns
from ..types import Ints
from ..values import value

__all__ = ["Plan", "changed", "known_of", "plan", "rows"]


@value
class Plan:
    """`keep`: indexes into the listing of files that may be searchable (their blob is known); `read`: of files whose blob is not;
    `left_out`: of files that a run over any scope read in this version and left out, with its reason; `gone`: paths of the manifest that
    are no more."""

    keep: tuple[int, ...]
    read: tuple[int, ...]
    left_out: Mapping[int, str]
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


def plan(listing: core.Listing, manifest: ManifestColumns, judged: Mapping[tuple[str, bytes, int], str]) -> Plan:
    """Sort the files of a listing by what has to be done with them; `judged` is `manifests.judged`."""
    keep: list[int] = []
    read: list[int] = []
    left_out: dict[int, str] = {}
    sizes = listing.sizes.tolist()
    suspects = {path for path, _, _ in judged}
    for i, (path, blob) in enumerate(zip(listing.paths, listing.blobs, strict=True)):
        if blob is None:
            read.append(i)
        elif path in suspects and (reason := judged.get((path, blob, sizes[i]))) is not None:
            left_out[i] = reason
        else:
            keep.append(i)
    now = {*listing.paths, *(path for path, _ in listing.skipped)}
    return Plan(tuple(keep), tuple(read), left_out, tuple(path for path in manifest.paths if path not in now))


def rows(listing: core.Listing, left_out: Mapping[int, str]) -> ManifestColumns:
    """The manifest rows of a listing: its files (those of `left_out` with their reason) and what the walk skipped."""
    none: Ints = np.zeros(len(listing.skipped), dtype=np.int64)
    reasons: list[str | None] = [None] * len(listing.paths)
    for i, reason in left_out.items():
        reasons[i] = reason
    return ManifestColumns(
        paths=[*listing.paths, *(path for path, _ in listing.skipped)],
        sizes=np.concatenate((listing.sizes, none)),
        mtimes_ns=np.concatenate((listing.mtimes_ns, none)),
        ctimes_ns=np.concatenate((listing.ctimes_ns, none)),
        inodes=np.concatenate((listing.inodes, none)),
        blobs=[*listing.blobs, *(None for _ in listing.skipped)],
        checked_ns=np.concatenate((listing.checked_ns, none)),
        reasons=[*reasons, *(reason for _, reason in listing.skipped)],
    )


def changed(rows: ManifestColumns, manifest: ManifestColumns) -> ManifestColumns:
    """Of `rows`, those that the manifest does not already hold like this. That a file was looked at again is news only while no look settles it."""
    if not manifest.paths:
        return rows
    place = dict(zip(manifest.paths, range(len(manifest.paths)), strict=True))
    before = [place.get(path, -1) for path in rows.paths]
    old = np.array(before, dtype=np.int64)
    news = old < 0
    for ours, theirs in ((rows.sizes, manifest.sizes), (rows.mtimes_ns, manifest.mtimes_ns), (rows.ctimes_ns, manifest.ctimes_ns),
                         (rows.inodes, manifest.inodes)):  # fmt: skip
        news |= ours != theirs[old]
    last = manifest.checked_ns[old]
    news |= (last != rows.checked_ns) & ~core.settled(manifest.mtimes_ns, manifest.ctimes_ns, manifest.checked_ns)[old]
    blobs, reasons = manifest.blobs, manifest.reasons
    other = [blob != blobs[i] or reason != reasons[i] for i, blob, reason in zip(before, rows.blobs, rows.reasons, strict=True)]
    at = np.flatnonzero(news | np.array(other, dtype=np.bool_)).tolist()
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
