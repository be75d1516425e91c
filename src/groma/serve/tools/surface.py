"""What one session of an agent can do: tools, resources, prompts, completions as plain functions, whose results are MCP's own objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...engine import Engine
from ...errors import Cancelled, DataDamaged, GromaError, NotIndexed, UsageError
from ...types import LOCAL, Caller
from ..freshness import Freshness
from . import completions, prompts, resources
from .call import Call, Session
from .catalogue import tools
from .tool import checked, readable, shown

__all__ = ["Surface"]


_PRIVATE = {"ttlMs": 0, "cacheScope": "private", "resultType": "complete"}


def _nobody_listens(done: float, total: float | None, message: str) -> None:
    pass


def _still_wanted() -> bool:
    return False


class Surface:
    """Of one session. Threads may share it; every method waits for its answer."""

    def __init__(
        self, engine: Engine, freshness: Freshness, *, cwd: str, environment: Mapping[str, str], toolset: str = "core", caller: Caller = LOCAL
    ) -> None:
        """`cwd` and `environment` are those of the agent's own process. Raises UsageError for a toolset that there is not."""
        self._tools = tools(toolset)
        self._session = Session(engine, freshness, cwd=cwd, environment=environment, caller=caller)

    def tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None,
        *,
        progress: Callable[[float, float | None, str], None] = _nobody_listens,
        cancelled: Callable[[], bool] = _still_wanted,
    ) -> dict[str, Any]:
        """The CallToolResult: content, structuredContent, isError. What cannot be answered is one, too, with advice.

        `progress(done, total, message)` is called on the way, in this thread or another. Raises Cancelled if `cancelled()` said so in time.
        """
        try:
            one = self._tools.get(name)
            if one is None:
                raise UsageError(f"There is no tool {shown(name)!r} here; there are {', '.join(self._tools)}.")
            structured = one.work(Call(self._session, progress, cancelled), **checked(name, one.arguments, arguments or {}))
        except Cancelled:
            raise
        except GromaError as e:
            return {"content": [{"type": "text", "text": advice(e)}], "isError": True, "resultType": "complete"}
        return {
            "content": [{"type": "text", "text": one.said(structured)}],
            "structuredContent": structured,
            "isError": False,
            "resultType": "complete",
        }

    def only_reads(self, name: str) -> bool:
        """Is there a tool of this name that writes nothing?"""
        return (one := self._tools.get(name)) is not None and one.annotations.get("readOnlyHint", False)

    def resource(self, uri: str) -> dict[str, Any]:
        """The ReadResourceResult. Raises UsageError or NotIndexed for what there is not."""
        readable("The address", uri)
        return {"contents": [resources.read(self._call(), uri)], **_PRIVATE}

    def resources(self, cursor: str | None = None) -> dict[str, Any]:
        """A page of the ListResourcesResult. Raises UsageError for a cursor that is none."""
        readable("The cursor", cursor)
        found, after = resources.listed(self._call(), cursor)
        return {"resources": found, **({"nextCursor": after} if after else {}), **_PRIVATE}

    def prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The GetPromptResult. Raises UsageError for a prompt that there is not, or an argument that is missing or not known."""
        one = prompts.PROMPTS.get(name)
        if one is None:
            raise UsageError(f"There is no prompt {shown(name)!r} here; there are {', '.join(prompts.PROMPTS)}.")
        text = one.work(self._call(), **one.checked(arguments or {}))
        message = {"role": "user", "content": {"type": "text", "text": text}}
        return {"description": one.description, "messages": [message], "resultType": "complete"}

    def complete(self, ref: Mapping[str, Any], argument: Mapping[str, str], context: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The CompleteResult: what the value of an argument may go on as, best first. Raises UsageError for what has no arguments."""
        readable("What is to be completed", [ref, argument])
        values = completions.complete(self._call(), ref, str(argument.get("name", "")), str(argument.get("value", "")))
        shown = values[: completions.MOST]
        return {"completion": {"values": shown, "hasMore": len(values) > len(shown)}, "resultType": "complete"}

    def _call(self) -> Call:
        return Call(self._session, _nobody_listens, _still_wanted)


def advice(e: GromaError) -> str:
    """An error in words, with what the agent can do about it."""
    if isinstance(e, DataDamaged):
        return f"{e.message} Tell the user to run: groma rebuild"
    if isinstance(e, NotIndexed) and "root" in e.context:
        return f"{e.message.removesuffix('.')}, or call search_code, which indexes it first"
    return e.message
