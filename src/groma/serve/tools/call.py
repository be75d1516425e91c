"""One session of an agent, and one call in it: which project is meant, that it is up to date, progress, and whether the answer is still wanted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping

from ...engine import Engine
from ...errors import Cancelled, NotIndexed
from ...places import is_wide, project_root
from ...types import LOCAL, Hit
from ..freshness import Freshness

__all__ = ["Call", "Session"]

REMEMBERED_HITS = 10_000
"""Of so many hits it is known which project they were found in; `read` takes older ones from the current project."""


class Session:
    """What is known of one agent's session: where it works, and where it found what. Threads may share it."""

    def __init__(self, engine: Engine, freshness: Freshness, *, cwd: str, environment: Mapping[str, str]) -> None:
        self.engine = engine
        self.freshness = freshness
        self.base = environment.get("CLAUDE_PROJECT_DIR") or ""
        self.cwd = cwd
        self._found: dict[str, str] = {}  # id of a hit -> the root it was found in, oldest first
        self._lock = threading.Lock()

    def root(self, repository: str | None = None) -> str:
        """The folder that is meant: the one named, else the project one works in. Raises UsageError where there is none."""
        if repository:
            return project_root(repository, self.base or self.cwd)
        return project_root(self.base or None, self.cwd)

    def here(self) -> str:
        """The project that memories belong to by default; "" where that would be a home directory or wider."""
        root = self.root()
        return "" if is_wide(root) else root

    def found(self, hits: Iterable[Hit], root: str) -> None:
        """Keep in mind where hits were found."""
        with self._lock:
            for hit in hits:
                self._found.pop(hit.id, None)
                self._found[hit.id] = root
            while len(self._found) > REMEMBERED_HITS:
                del self._found[next(iter(self._found))]

    def found_in(self, hit_id: str) -> str | None:
        """The root that a hit was found in, if it was in this session."""
        with self._lock:
            return self._found.get(hit_id)


class Call:
    """One call. `progress(done, total, message)` tells who waits how far it is, `cancelled()` says whether nobody does any more."""

    def __init__(self, session: Session, progress: Callable[[float, float | None, str], None], cancelled: Callable[[], bool]) -> None:
        self.session = session
        self.engine = session.engine
        self.progress = progress
        self.cancelled = cancelled

    def fresh(self, root: str) -> list[str]:
        """Bring a project up to date, as far as there is time; what there is to say about it."""
        self.wanted()
        said = self.session.freshness.freshen(root, self.engine.settings.answer_within_s)
        self.wanted()
        return said

    def wanted(self) -> None:
        """Raises Cancelled if nobody wants the answer any more."""
        if self.cancelled():
            raise Cancelled("The call was cancelled.")

    def split(self, path: str, root: str) -> tuple[str, str]:
        """The innermost indexed root that an absolute path lies in (or `root`, which may not be indexed yet), and the path relative to it."""
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        inside = [one for one in [root, *self.engine.roots(LOCAL)] if real.startswith(one.rstrip(os.sep) + os.sep)]
        if not inside:
            raise NotIndexed(f"{path} lies in no project that groma has indexed; call search_code with its repository first.")
        found = max(inside, key=len)
        return found, os.path.relpath(real, found)
