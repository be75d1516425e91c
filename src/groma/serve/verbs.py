"""The verbs that travel: the name on the wire, the engine's method, its arguments in order, what it returns and whether it writes.

Only names are in here, for a client imports none of what it asks for; a test compares them with the engine's own signatures. Every verb takes
the `Caller` of the session as its first argument, which is why none is listed: nobody can send one.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import NoneType
from typing import Any

from ..values import value

__all__ = ["VERBS", "Verb", "returned"]


@value
class Verb:
    """`method` is a path from the engine, `arguments` the names a client may send, `returns` the annotation of the result and `room` the module of
    groma whose names it uses. `writes`: once begun it is finished whether or not the client waits for it. `runs`: it is an index run, which others
    that ask for the same one join."""

    method: str
    arguments: tuple[str, ...]
    returns: str
    room: str = "types"
    writes: bool = False
    runs: bool = False


_SOUGHT = ("text", "here", "k", "project", "levels", "kinds", "tags", "as_of", "unit")

VERBS = {
    "search": Verb("search", ("roots", "request"), "Answer"),
    "check": Verb("check", ("request",), "NoneType"),
    "read": Verb("read", ("roots", "hit_id", "path", "start", "end", "around"), "Lines"),
    "why": Verb("why", ("root", "path"), "Why"),
    "index": Verb("index", ("root", "consent"), "Summary", writes=True, runs=True),
    "freshen": Verb("freshen", ("root",), "list[str]", writes=True, runs=True),
    "index_status": Verb("status", ("root",), "list[ScopeStatus]"),
    "extent": Verb("extent", ("root",), "tuple[int, Mapping[str, int]]"),
    "roots": Verb("roots", (), "list[str]"),
    "forget": Verb("forget", ("root",), "str", writes=True),
    "remember": Verb("memories.remember", ("said", "here", "kind", "batch"), "list[Receipt]", "records", writes=True),
    "recall": Verb("memories.recall", _SOUGHT, "Remembered", "records"),
    "briefing": Verb("memories.briefing", ("here", "project", "tokens"), "Briefing", "records"),
    "store": Verb("memories.store_batch", ("entries", "here", "batch"), "list[Receipt]", "records", writes=True),
    "session_state": Verb("memories.retrieve_session_state", ("query", "here", "limit"), "Remembered", "records"),
    "query": Verb("memories.search", ("text", "limit", "types", "project"), "Remembered", "records"),
    "count": Verb("memories.count", (), "int", "records"),
}


@cache
def returned(name: str) -> Any:
    """The type of what a verb returns."""
    verb = VERBS[name]
    return eval(verb.returns, {"NoneType": NoneType, **vars(import_module(f"groma.{verb.room}"))})
