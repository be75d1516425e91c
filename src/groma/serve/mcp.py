"""MCP on standard input and output, over the official library: it frames and negotiates, and a `Surface` (or what stands for one) answers.

What the tools, resources and prompts are and say is in `serve.tools`, which knows no MCP library.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn, Protocol

import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from ..errors import GromaError
from .tools import ERROR_CODES, catalogue

__all__ = ["Answers", "serve", "server"]


class Answers(Protocol):
    """What answers an agent: a `Surface`, or one in another process."""

    def tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None,
        *,
        progress: Callable[[float, float | None, str], None],
        cancelled: Callable[[], bool],
    ) -> dict[str, Any]: ...
    def resource(self, uri: str) -> dict[str, Any]: ...
    def resources(self, cursor: str | None = None) -> dict[str, Any]: ...
    def prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> dict[str, Any]: ...
    def complete(self, ref: Mapping[str, Any], argument: Mapping[str, str], context: Mapping[str, Any] | None = None) -> dict[str, Any]: ...


def server(answers: Answers, toolset: str = "core") -> Server:
    """What `answers` can do, ready to be served by any transport. Raises UsageError for a toolset that there is not."""
    said = catalogue(toolset)

    async def tool(context: Any, asked: Any) -> dict[str, Any]:
        token = anyio.lowlevel.current_token()
        gone = threading.Event()

        def progress(done: float, total: float | None, message: str) -> None:
            if not gone.is_set():
                anyio.from_thread.run(context.session.report_progress, done, total, message, token=token)

        try:
            return await _in_thread(partial(answers.tool, asked.name, asked.arguments, progress=progress, cancelled=gone.is_set))
        finally:
            gone.set()

    async def resource(_context: Any, asked: Any) -> dict[str, Any]:
        return await _in_thread(partial(answers.resource, asked.uri))

    async def resources(_context: Any, asked: Any) -> dict[str, Any]:
        return await _in_thread(partial(answers.resources, asked.cursor if asked else None))

    async def prompt(_context: Any, asked: Any) -> dict[str, Any]:
        return await _in_thread(partial(answers.prompt, asked.name, asked.arguments))

    async def complete(_context: Any, asked: Any) -> dict[str, Any]:
        context = asked.context.model_dump(by_alias=True) if asked.context else None
        return await _in_thread(partial(answers.complete, asked.ref.model_dump(by_alias=True), asked.argument.model_dump(), context))

    def listed(name: str) -> Any:
        async def answer(_context: Any, _asked: Any) -> dict[str, Any]:
            return {name: said[name], "resultType": "complete"}

        return answer

    return Server(
        **said["serverInfo"],
        instructions=said["instructions"],
        cache_hints={method: CacheHint(ttl_ms=hint["ttlMs"], scope=hint["cacheScope"]) for method, hint in said["cached"].items()},
        on_list_tools=listed("tools"),
        on_list_prompts=listed("prompts"),
        on_list_resource_templates=listed("resourceTemplates"),
        on_call_tool=tool,  # type: ignore[arg-type]  # a dict is taken as it is
        on_list_resources=resources,  # type: ignore[arg-type]
        on_read_resource=resource,  # type: ignore[arg-type]
        on_get_prompt=prompt,  # type: ignore[arg-type]
        on_completion=complete,  # type: ignore[arg-type]
    )


def serve(answers: Answers, toolset: str = "core") -> NoReturn:
    """Answer on standard input and output until input ends, and leave the process with 0 (130 where it was interrupted)."""
    # The event loop would wait for the thread that reads standard input, and so for the next line of it.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    anyio.run(_run, server(answers, toolset))
    # Nobody waits for an index run or a search that is still going on: every write is a transaction, so leaving now loses nothing.
    sys.stderr.flush()
    os._exit(0)


async def _run(of: Server) -> None:
    async with stdio_server() as (read, write):
        await of.run(read, write, of.create_initialization_options())


async def _in_thread(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run a verb in a thread, which is let go of when nobody wants the answer any more or the input ends; our errors become the protocol's."""
    try:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except GromaError as e:
        raise MCPError(ERROR_CODES.get(type(e).__name__, ERROR_CODES[""]), e.message) from e
