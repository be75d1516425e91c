"""What all verbs of memory have: the data directory, what is known, who may write, and which project is meant.

What only writing needs (`memory.remember`, `settle`, `guard`) is imported by the verbs that write: a new process that recalls has no use for it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from ..catalogue import memories as records
from ..config import Settings
from ..data import DataDirectory
from ..errors import Refused, UsageError
from ..memory.projection import Projection
from ..records import Draft
from ..types import Caller

if TYPE_CHECKING:
    from ..memory.guard import Verdict

__all__ = ["Room", "folder_of"]


class Room:
    """What is remembered in one data directory. Threads may share it: `_lock` is held while `_known` is used."""

    def __init__(self, data: DataDirectory, settings: Settings, may_write: Callable[[Caller, str], None]) -> None:
        """`may_write(caller, verb)` raises where this caller may not."""
        self._data = data
        self._settings = settings
        self._may_write = may_write
        self._known = Projection(data.folder)
        self._lock = threading.Lock()

    def under(self, settings: Settings, may_write: Callable[[Caller, str], None]) -> Self:
        """The same memories under other settings."""
        other = copy(self)
        other._settings, other._may_write = settings, may_write
        return other

    def slim(self) -> None:
        """Let go of the index in memory; the next question reads it again."""
        with self._lock:
            self._known.drop()

    def count(self, caller: Caller) -> int:
        """How many records there are, whatever became of them."""
        if not (self._data.folder / "catalogue.db").exists():
            return 0
        return records.count(self._data.db, records.EVERY, time.time())

    def _keep(self) -> None:
        """Write the projection's file again if much changed. Under the lock of its own, so that no slow process writes back what was purged."""
        if self._known.due:
            with self._data.locked("memories"):
                self._known.keep(self._data.db)

    # ------------------------------------------------------------------------------------------------------------------- places

    def _placed(self, one: Draft, here: str) -> Draft:
        """The draft with the project that is meant: the one it names, else the one we are in, unless it is to hold everywhere."""
        if one.project is None:
            return replace(one, project="" if one.scope == "global" else here)
        return replace(one, project=folder_of(one.project))

    def _known_project(self, project: str) -> str:
        named = folder_of(project)
        if not os.path.isdir(named) and named not in (known := records.projects(self._data.db)):
            some = ", ".join([name for name in known if name][:5]) or "none yet"
            raise UsageError(f"Nothing is remembered of a project {project}; known: {some}.", project=project)
        return named

    # --------------------------------------------------------------------------------------------------------------- security log

    def _for_the_owner(self, caller: Caller, verb: str) -> None:
        """Raises Refused for anybody else, and logs that."""
        if "owner" in caller.roles:
            return
        from ..memory.guard.log import refused

        refused(self._data.folder, "unauthorised", caller.name, verb)
        raise Refused(f"{caller.name} may not {verb} here.")

    def _noted(self, caller: Caller, one: Draft, verdict: Verdict) -> None:
        from ..memory.guard.log import record

        record(
            self._data.folder,
            verdict.action,
            by=one.agent or caller.name,
            source=one.source or "human",
            reasons=", ".join(verdict.reasons),
            text=verdict.text,
        )


def folder_of(project: str) -> str:
    """A project's folder, or its name as it is. Raises UsageError for a path that leads nowhere."""
    if "/" not in project and os.sep not in project and not project.startswith((".", "~")):
        return project
    folder = os.path.realpath(os.path.expanduser(project))
    if not os.path.isdir(folder):
        raise UsageError(f"There is no folder {project}; name a project by its folder, or by a name without a slash.", project=project)
    return folder
