"""One session of an agent, and one call in it: which project is meant, that it is up to date, progress, and whether the answer is still wanted."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from ...engine import Engine
from ...errors import Cancelled, NotIndexed
from ...places import is_wide, project_root
from ...types import LOCAL, Caller, Hit, Progress
from ..freshness import Freshness

__all__ = ["Call", "Session"]

REMEMBERED_HITS = 10_000
"""Of so many hits it is known which project they were found in; `read` takes older ones from the current project."""


TOLD_EVERY_S = 1.0
"""Who waits for a project to be indexed hears of it so often."""
REPORTED_EVERY_S = 0.25


class Session:
    """What is known of one agent's session: where it works, and where it found what. Threads may share it."""

    def __init__(self, engine: Engine, freshness: Freshness, *, cwd: str, environment: Mapping[str, str], caller: Caller = LOCAL) -> None:
        self.engine = engine
        self.caller = caller
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
        self.caller = session.caller
        self.progress = progress
        self.cancelled = cancelled

    def fresh(self, root: str) -> list[str]:
        """Bring a project up to date, as far as there is time; what there is to say about it."""
        begun = time.monotonic()
        within = self.engine.settings.answer_within_s
        while True:
            self.wanted()
            asked = time.monotonic()
            some = min(TOLD_EVERY_S, begun + within - asked)
            said = self.session.freshness.freshen(root, max(0.0, some), caller=self.caller, engine=self.engine)
            now = time.monotonic()
            if now - asked < some or now - begun >= within:
                self.wanted()
                return said
            self.progress(round(now - begun, 1), within, f"indexing {root}")

    def reporter(self) -> Callable[[Progress], None]:
        """What an index run reports to: passes it on a few times a second, always more than before, and ends the run that nobody wants."""
        due = told = 0.0

        def report(p: Progress) -> None:
            nonlocal due, told
            self.wanted()
            now = time.monotonic()
            if p.done > told and now >= due:
                due, told = now + REPORTED_EVERY_S, p.done
                self.progress(p.done, p.total or None, p.step)

        return report

    def project(self, project: str | None) -> str | None:
        """What a project's name means: a folder if it is written like a path, else a name."""
        if project is None or not (project.startswith((".", "~")) or "/" in project or os.sep in project):
            return project
        return os.path.realpath(os.path.join(self.session.base or self.session.cwd, os.path.expanduser(project)))

    def wanted(self) -> None:
        """Raises Cancelled if nobody wants the answer any more."""
        if self.cancelled():
            raise Cancelled("The call was cancelled.")

    def split(self, path: str, root: str) -> tuple[str, str]:
        """The innermost indexed root that an absolute path lies in (or `root`, which may not be indexed yet), and the path relative to it."""
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        inside = [one for one in [root, *self.engine.roots(self.caller)] if real.startswith(one.rstrip(os.sep) + os.sep)]
        if not inside:
            raise NotIndexed(f"{path} lies in no project that groma has indexed; call search_code with its repository first.")
        found = max(inside, key=len)
        return found, os.path.relpath(real, found)
