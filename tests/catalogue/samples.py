"""Rows of manifests for tests, and the processes that write them."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from groma.catalogue.manifests import ManifestColumns

REPOSITORY = Path(__file__).parents[2]
NOBODY = 65534


def columns(paths: Iterable[str], *, size: int = 100, reason: str | None = None) -> ManifestColumns:
    """A row for each path; the numbers are near the top of int64 where real ones may be."""
    paths = list(paths)
    count = np.arange(len(paths), dtype=np.int64)
    return ManifestColumns(
        paths=paths,
        sizes=np.full(len(paths), size, dtype=np.int64),
        mtimes_ns=1_795_000_000_000_000_000 + count,
        ctimes_ns=1_795_000_000_000_000_001 + count,
        inodes=2**63 - 1 - count,
        blobs=[None if reason else hashlib.sha1(f"{size} {path}".encode()).digest() for path in paths],
        checked_ns=1_795_000_000_000_000_002 + count,
        reasons=[reason] * len(paths),
    )


def rows(manifest: ManifestColumns) -> list[tuple[Any, ...]]:
    """The same, a tuple a row, for comparison."""
    numbers = (manifest.sizes, manifest.mtimes_ns, manifest.ctimes_ns, manifest.inodes, manifest.checked_ns)
    return list(zip(manifest.paths, manifest.blobs, manifest.reasons, *(n.tolist() for n in numbers), strict=True))


def worker(verb: str, where: str, *arguments: object) -> subprocess.Popen[str]:
    """Start `worker.py` as a process of its own; its stdout is a pipe."""
    command = [sys.executable, "-m", "tests.catalogue.worker", verb, where, *map(str, arguments)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def unprivileged(function: Callable[[], Any]) -> Any:
    """What `function` returns or raises in a child that is not root. A fork, not a new program: that may not be allowed to read ours."""
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)

    def child() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        try:
            there.send((True, function()))
        except Exception as e:  # noqa: BLE001 - it is raised again in the parent
            there.send((False, e))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    there.close()
    try:
        good, value = here.recv()
    finally:
        process.join(60)
    if good:
        return value
    raise value
