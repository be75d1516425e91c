"""The way from a folder to a searchable scope, on one page (DESIGN §4 "Index").

Every step is idempotent, and what a crash leaves between two of them the next run heals: the store's view says what is searchable, the
manifest says what may be trusted without reading, and neither is believed alone.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import core
from ..catalogue import manifests, scopes
from ..catalogue.database import Database
from ..catalogue.manifests import ManifestColumns
from ..errors import Refused
from ..ports import Store
from ..types import Batch, Progress, Scope, Summary
from .plan import changed, known_of, plan, rows

__all__ = ["index"]


def index(db: Database, store: Store, scope: Scope, *, max_file_bytes: int, report: Callable[[Progress], None]) -> Summary:
    """Bring `scope` up to the state of its folder. The caller holds the scope's lock. Raises what store and catalogue raise."""
    manifest = manifests.load(db, scope.id)
    report(Progress("walk", 0, 0))
    try:
        listing = core.walk(scope.root, known_of(manifest), max_file_bytes=max_file_bytes)
    except OSError as e:
        raise Refused(f"{scope.root} cannot be read: {e.strerror}.", root=scope.root) from e
    todo = plan(listing, manifest, manifests.judged(db))

    fresh = changed(rows(listing, todo.left_out), manifest)
    quiet = not (fresh.paths or todo.read or todo.gone)
    if not quiet:
        with db.transaction():  # one sync of the disk for both
            scopes.begin_run(db, scope.id)
            manifests.record(db, scope.id, fresh)
    missing = store.attach(
        scope.id, [listing.paths[i] for i in todo.keep], [listing.blobs[i] or b"" for i in todo.keep], listing.sizes[list(todo.keep)]
    )
    wanted = {todo.keep[i] for i in missing}
    if quiet and wanted:  # the store is new: until it is filled, what the manifest says is not there
        scopes.begin_run(db, scope.id)

    paths = [listing.paths[i] for i in sorted({*wanted, *todo.read})]
    done = indexed = 0
    gone = list(todo.gone)
    report(Progress("index", 0, len(paths)))
    for batch in core.scan(scope.root, paths, max_file_bytes=max_file_bytes):
        store.apply(scope.id, batch)
        gone += [path for path, reason in zip(batch.files.paths, batch.files.reasons, strict=True) if reason == "vanished"]
        manifests.record(db, scope.id, _rows_of(batch))
        done += len(batch.files.paths)
        indexed += sum(reason is None for reason in batch.files.reasons)
        report(Progress("index", done, len(paths)))

    manifests.remove(db, scope.id, gone)
    if paths or not quiet or not store.settled(scope.id):
        report(Progress("settle", done, len(paths)))
        store.maintain(scope.id)
    attached = len(todo.keep) - len(wanted)
    summary = Summary(len(listing.paths) + len(listing.skipped) - (len(gone) - len(todo.gone)), attached + indexed, len(paths), attached, len(gone))
    scopes.finish_run(db, scope.id, known=summary.known, indexed=summary.indexed, max_file_bytes=max_file_bytes)
    return summary


def _rows_of(batch: Batch) -> ManifestColumns:
    files = batch.files
    at = [i for i, reason in enumerate(files.reasons) if reason != "vanished"]
    return ManifestColumns(
        paths=[files.paths[i] for i in at],
        sizes=files.sizes[at],
        mtimes_ns=files.mtimes_ns[at],
        ctimes_ns=files.ctimes_ns[at],
        inodes=files.inodes[at],
        blobs=[files.blobs[i] for i in at],
        checked_ns=files.checked_ns[at],
        reasons=[files.reasons[i] for i in at],
    )
