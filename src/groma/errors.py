"""The errors groma raises, as one tree.

GromaError                       anything groma refuses or fails to do
├── UsageError                   the request itself is wrong (empty query, unknown kind, a line out of range)
├── ConfigurationError           a setting is unknown or has no sensible value
├── Refused                      groma may not do this here
│   ├── RefusedRoot              a folder too wide to index without consent (/, a home directory, a drive)
│   └── ReadOnly                 the data directory cannot be written
├── NotIndexed                   the folder, file or passage asked for has never been indexed
├── StoreUnreachable             a store or database does not answer, or is locked for too long
├── DiskFull                     a write found no room; nothing that was acknowledged is lost
├── Cancelled                    whoever asked does not want the answer any more
└── DataDamaged                  bytes on disk are not what groma wrote
    ├── CatalogueDamaged         … in the catalogue (truth)
    └── StoreDamaged             … in a store or its segment (a projection: rebuilt from truth)

Every error carries the process exit code it maps to, whether trying again can help, and one clear sentence: what, where, what to do.
Foreign exceptions are translated where they arise; they never leave an adapter.
"""

from __future__ import annotations

__all__ = [
    "Cancelled",
    "CatalogueDamaged",
    "ConfigurationError",
    "DataDamaged",
    "DiskFull",
    "GromaError",
    "NotIndexed",
    "ReadOnly",
    "Refused",
    "RefusedRoot",
    "StoreDamaged",
    "StoreUnreachable",
    "UsageError",
]


class GromaError(Exception):
    """Base of all errors of groma.

    `exit_code` is what the command line exits with, `retryable` tells whether the same call may succeed later,
    `context` holds what the sentence names (paths, values) as data.
    """

    exit_code = 1
    retryable = False

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context = context


class UsageError(GromaError):
    """The request itself is wrong."""

    exit_code = 2


class ConfigurationError(GromaError):
    """A setting is unknown or has no sensible value."""

    exit_code = 3


class Refused(GromaError):
    """groma may not do this here."""

    exit_code = 3


class RefusedRoot(Refused):
    """A folder too wide to index without consent."""


class ReadOnly(Refused):
    """The data directory cannot be written."""


class NotIndexed(GromaError):
    """What was asked for has never been indexed."""

    exit_code = 6


class StoreUnreachable(GromaError):
    """A store or database does not answer, or stays locked."""

    exit_code = 4
    retryable = True


class DiskFull(GromaError):
    """A write found no room; nothing that was acknowledged is lost."""

    retryable = True


class Cancelled(GromaError):
    """Whoever asked does not want the answer any more; what was acknowledged until then stays."""

    exit_code = 130
    retryable = True


class DataDamaged(GromaError):
    """Bytes on disk are not what groma wrote."""

    exit_code = 7


class CatalogueDamaged(DataDamaged):
    """The catalogue (truth) is damaged."""


class StoreDamaged(DataDamaged):
    """A store or its segment is damaged; it can be rebuilt from truth."""
