"""The MCP face: three tools over the engine's verbs, on standard input and output.

A project that was never indexed is indexed in the background while the first call waits for it, for at most `answer_within_s`; then the call
answers with what is there, and coverage says how much that is.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Annotated, Any

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from .. import __version__
from ..engine import Engine
from ..errors import DataDamaged, DiskFull, GromaError, NotIndexed, ReadOnly
from ..places import project_root
from ..types import LOCAL, Answer, Filter, Request

__all__ = ["serve"]

LOOK_AGAIN_S = 1.0
"""A project is looked at for changes before a call, unless the last look is younger than this."""

INSTRUCTIONS = """groma knows this project: search_code finds the lines that answer a question, best first, always as they are in the files now.
Ask in words ("where are retries limited") or by name ("HttpClient.send"). Use it before grep; use read for more lines around a hit."""

_READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


class _Projects:
    """Index runs in the background, one a root."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock = threading.Lock()
        self._runs: dict[str, threading.Thread] = {}
        self._errors: dict[str, GromaError] = {}
        self._looked: dict[str, float] = {}

    def freshen(self, root: str, within_s: float) -> list[str]:
        """Bring a project up to date, waiting at most `within_s`; returns what there is to say about it. Raises what makes it impossible."""
        with self._lock:
            run = self._runs.get(root)
            if run is None or not run.is_alive():
                if time.monotonic() - self._looked.get(root, -1e9) < LOOK_AGAIN_S:
                    return []
                run = self._runs[root] = threading.Thread(target=self._index, args=(root,), daemon=True, name=f"index {root}")
                run.start()
        run.join(within_s)
        if run.is_alive():
            return [f"{root} is still being indexed: this answer covers what is there so far; ask again in a moment"]
        error = self._errors.pop(root, None)
        if isinstance(error, ReadOnly | DiskFull) and root in self.engine.roots(LOCAL):
            return [error.message]
        if error is not None:
            raise error
        return []

    def _index(self, root: str) -> None:
        try:
            self.engine.index(LOCAL, root)
        except GromaError as e:
            self._errors[root] = e
        self._looked[root] = time.monotonic()


def serve(engine: Engine, environment: Mapping[str, str]) -> None:
    """Answer until standard input ends."""
    projects = _Projects(engine)
    server = MCPServer(name="groma", title="groma", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING")

    def root_of(repository: str | None) -> str:
        return project_root(repository or environment.get("CLAUDE_PROJECT_DIR") or None)

    async def call(work: Any) -> Any:
        """Run a verb in a thread; errors of ours become tool errors with advice."""
        try:
            return await anyio.to_thread.run_sync(work)
        except DataDamaged as e:
            raise ToolError(f"{e.message} Tell the user to run: groma rebuild") from e
        except GromaError as e:
            raise ToolError(_advice(e)) from e

    @server.tool(annotations=_READ_ONLY, title="Search code")
    async def search_code(
        query: Annotated[str, Field(description="A question, a symbol or a path")],
        max_results: Annotated[int, Field(description="How many results, 1 to 100")] = 10,
        repository: Annotated[str | None, Field(description="Folder to search; default: the current project")] = None,
        language: Annotated[str | None, Field(description="Only this language, e.g. python")] = None,
        paths: Annotated[list[str] | None, Field(description="Only below these folders or matching these globs")] = None,
        kinds: Annotated[list[str] | None, Field(description="Only code, docs or config, or kinds such as function, class, section")] = None,
    ) -> dict[str, Any]:
        """Find the lines of this project that answer a question, best first, as they are in the files now.

        Do not grep for the same thing afterwards: an empty result means nothing matches. `degraded` and `scopes` say what is missing.
        """

        def work() -> dict[str, Any]:
            root = root_of(repository)
            narrow = Filter(frozenset([language] if language else []), tuple(paths or ()), frozenset(kinds or ()))
            request = Request(query, max_results, narrow)
            said = projects.freshen(root, engine.settings.answer_within_s) if query.strip() else []
            return _found(engine.search(LOCAL, [root], request), said)

        result: dict[str, Any] = await call(work)
        return result

    @server.tool(annotations=_READ_ONLY, title="Read lines")
    async def read(
        id: Annotated[str | None, Field(description="The id of a hit of search_code")] = None,
        path: Annotated[str | None, Field(description="A path relative to the project, instead of id")] = None,
        start_line: Annotated[int | None, Field(description="First line, from 1")] = None,
        end_line: Annotated[int | None, Field(description="Last line, inclusive; default: 200 lines")] = None,
        around: Annotated[int, Field(description="Lines to add on both sides")] = 0,
        repository: Annotated[str | None, Field(description="Folder; default: the current project")] = None,
    ) -> dict[str, Any]:
        """Read lines of an indexed file as they are now: around a hit (id), or a range of a path."""

        def work() -> dict[str, Any]:
            root = root_of(repository)
            projects.freshen(root, engine.settings.answer_within_s)
            lines = engine.read(LOCAL, [root], hit_id=id, path=path, start=start_line, end=end_line, around=around)
            return {
                "path": lines.path,
                "start_line": lines.start_line,
                "end_line": lines.end_line,
                "total_lines": lines.total,
                "text": lines.text,
                "masked": lines.masked,
            }

        result: dict[str, Any] = await call(work)
        return result

    @server.tool(annotations=_READ_ONLY, title="Index status")
    async def index_status(
        repository: Annotated[str | None, Field(description="Folder; default: the current project")] = None,
    ) -> dict[str, Any]:
        """How much of this project is searchable, how fresh it is, and what was left out and why."""

        def work() -> dict[str, Any]:
            root = root_of(repository)
            (s,) = engine.status(LOCAL, root)
            return {
                "root": s.root,
                "files": s.files,
                "chunks": s.chunks,
                "languages": s.languages,
                "skipped": s.skipped,
                "generation": s.generation,
                "age_s": s.age_s,
                "stale_files": s.stale_files,
                "finished": s.finished,
                "core": engine.core,
            }

        result: dict[str, Any] = await call(work)
        return result

    try:
        server.run("stdio")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        # An index run may still be going on in a daemon thread; every write of it is a transaction, so leaving now loses nothing.
        sys.stdout.flush()
        os._exit(0)


def _advice(e: GromaError) -> str:
    if isinstance(e, NotIndexed) and "has not been indexed" in e.message:
        return f"{e.message}. Or call search_code: it indexes the project first."
    return e.message


def _found(answer: Answer, said: list[str]) -> dict[str, Any]:
    """The answer for an agent: what `groma search --json` gives, without what an agent does not use."""
    return {
        "hits": [
            {
                "id": h.id,
                "path": h.path,
                "start_line": h.start_line,
                "end_line": h.end_line,
                "symbol": h.symbol,
                "kind": h.kind,
                "language": h.language,
                "score": round(h.score, 3),
                "why": h.why,
                "text": h.text,
                "masked": h.masked,
                "stale": h.stale,
            }
            for h in answer.hits
        ],
        "scopes": [
            {"root": c.root, "generation": c.generation, "age_s": c.age_s, "indexed": c.indexed, "known": c.known, "skipped": dict(c.skipped)}
            for c in answer.scopes
        ],
        "degraded": [*said, *answer.degraded],
        "core": answer.core,
    }
