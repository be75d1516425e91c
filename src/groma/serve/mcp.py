"""The MCP face: three tools over the engine's verbs, on standard input and output.

Every call that shows lines first brings the project up to date, so that what was edited since the last call is seen. A project that was never
indexed is indexed while the call waits, for at most `answer_within_s`; then the call answers with what is there, and says how much that is.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NoReturn, TypeVar

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations
from pydantic import Field

from .. import __version__
from ..engine import Engine, check
from ..errors import DataDamaged, GromaError, NotIndexed
from ..places import project_root
from ..types import LOCAL, Answer, Filter, Request
from .freshness import Freshness

__all__ = ["serve", "server"]

REMEMBERED_HITS = 10_000
"""Of so many hits it is known which project they were found in; `read` takes older ones from the current project."""

INSTRUCTIONS = """groma knows this project: search_code finds the lines that answer a question, best first, always as they are in the files now.
Ask in words ("where are retries limited") or by name ("HttpClient.send"). Use it before grep; use read for more lines around a hit."""

_READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

T = TypeVar("T")


def server(engine: Engine, environment: Mapping[str, str]) -> MCPServer:
    """The three tools, ready to be served by any transport."""
    freshness = Freshness(engine)
    found_in: dict[str, str] = {}  # id of a hit -> the root it was found in, oldest first

    def root_of(repository: str | None = None) -> str:
        here = environment.get("CLAUDE_PROJECT_DIR")
        if repository:
            return project_root(os.path.join(here or "", os.path.expanduser(repository)))
        return project_root(here or None)

    def fresh(root: str) -> list[str]:
        return freshness.freshen(root, engine.settings.answer_within_s)

    async def search_code(
        query: Annotated[str, Field(description="A question in words, a symbol or a path")],
        max_results: Annotated[int, Field(description="How many results, 1 to 100")] = 10,
        repository: Annotated[str | None, Field(description="Folder to search; default: the current project")] = None,
        language: Annotated[str | None, Field(description="Only this language, e.g. python")] = None,
        paths: Annotated[list[str] | None, Field(description="Only below these folders or matching these globs")] = None,
        kinds: Annotated[list[str] | None, Field(description="Only code, docs or config, or kinds such as function, class, section")] = None,
    ) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            request = Request(query, max_results, Filter(frozenset([language] if language else []), tuple(paths or ()), frozenset(kinds or ())))
            check(request)
            root = root_of(repository)
            said = fresh(root)
            answer = engine.search(LOCAL, [root], request)
            for hit in answer.hits:
                found_in.pop(hit.id, None)
                found_in[hit.id] = root
            while len(found_in) > REMEMBERED_HITS:
                found_in.pop(next(iter(found_in)), None)
            return _found(answer, said)

        return await _in_thread(work)

    async def read(
        id: Annotated[str | None, Field(description="The id of a hit of search_code")] = None,
        path: Annotated[str | None, Field(description="Instead of an id: a path relative to the current project, or absolute")] = None,
        start_line: Annotated[int | None, Field(description="First line, from 1 (with a path)")] = None,
        end_line: Annotated[int | None, Field(description="Last line, inclusive (with a path); default: 200 lines")] = None,
        around: Annotated[int, Field(description="Lines to add on both sides")] = 0,
    ) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            root, inside = (found_in.get(id) or root_of() if id else root_of()), path
            if path and os.path.isabs(path):
                root, inside = _split(path, [root, *engine.roots(LOCAL)])
            said = fresh(root)
            lines = engine.read(LOCAL, [root], hit_id=id, path=inside, start=start_line, end=end_line, around=around)
            return {
                "root": lines.root,
                "path": lines.path,
                "start_line": lines.start_line,
                "end_line": lines.end_line,
                "total_lines": lines.total,
                "text": lines.text,
                "masked": lines.masked,
                "degraded": said,
            }

        return await _in_thread(work)

    async def index_status(
        repository: Annotated[str | None, Field(description="Folder; default: the current project")] = None,
    ) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            (s,) = engine.status(LOCAL, root_of(repository))
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

        return await _in_thread(work)

    tools = [
        _tool(
            search_code,
            "Search code",
            "Find the lines of this project that answer a question, best first, as they are in the files now. Do not grep for the same thing "
            "afterwards: no hits means that nothing matches. `degraded` and `scopes` say what is missing.",
        ),
        _tool(
            read,
            "Read lines",
            "Read lines of an indexed file as they are now: those of a hit (id), or a range of a file (path). Credentials are masked.",
        ),
        _tool(
            index_status,
            "Index status",
            "How much of this project is searchable, how fresh it is, and what was left out and why.",
        ),
    ]
    return MCPServer(
        name="groma", title="groma", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING", tools=tools, subscriptions=False
    )


def serve(engine: Engine, environment: Mapping[str, str]) -> NoReturn:
    """Answer on standard input and output until input ends, and leave the process with 0 (130 where it was interrupted)."""
    # The event loop would wait for the thread that reads standard input, and so for the next line of it.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    server(engine, environment).run("stdio")
    # Nobody waits for an index run or a search that is still going on: every write is a transaction, so leaving now loses nothing.
    sys.stderr.flush()
    os._exit(0)


def _tool(work: Callable[..., Any], title: str, description: str) -> Tool:
    """A tool that refuses arguments it does not know: a filter that is ignored would be an answer that lies."""
    tool = Tool.from_function(work, title=title, description=description, annotations=_READ_ONLY)
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = arguments.model_json_schema(by_alias=True)
    return tool


async def _in_thread(work: Callable[[], T]) -> T:
    """Run a verb in a thread, which is let go of when the input ends; errors of ours become tool errors with advice."""
    try:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except GromaError as e:
        raise ToolError(_advice(e)) from e


def _advice(e: GromaError) -> str:
    if isinstance(e, DataDamaged):
        return f"{e.message} Tell the user to run: groma rebuild"
    if isinstance(e, NotIndexed) and "root" in e.context:
        return f"{e.message.removesuffix('.')}, or call search_code, which indexes it first"
    return e.message


def _split(path: str, roots: list[str]) -> tuple[str, str]:
    """The innermost of `roots` that an absolute path lies in, and the path relative to it."""
    real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    inside = [root for root in roots if real.startswith(root.rstrip(os.sep) + os.sep)]
    if not inside:
        raise NotIndexed(f"{path} lies in no project that groma has indexed; call search_code with its repository first.")
    root = max(inside, key=len)
    return root, os.path.relpath(real, root)


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
