"""What is remembered: the values of a memory and of what somebody wants remembered, their names and bounds. No input, no output.

`drafts` checks what anybody may send and makes a `Draft` of it; `memory` makes the record of a draft.
Times are seconds since the epoch, None where there is none. A record's *state* is whether it may be recalled at all; superseded, forgotten and
expired are times and links beside it, so that each can be taken back alone.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from hashlib import blake2b
from typing import Any

from .errors import UsageError
from .values import value

__all__ = [
    "FRESHNESS",
    "KINDS",
    "KNOWLEDGE",
    "LEVELS",
    "OUTCOMES",
    "PROJECT_CONTEXT",
    "SESSION_STATE",
    "SOURCES",
    "STATES",
    "TRUST",
    "USER_PREFERENCE",
    "Anchor",
    "Briefing",
    "Draft",
    "Memory",
    "Recalled",
    "Receipt",
    "Remembered",
    "Selection",
    "content_hash",
    "is_live",
    "is_valid",
    "memory",
    "plain",
    "restored",
]

USER_PREFERENCE, PROJECT_CONTEXT, SESSION_STATE = LEVELS = ("USER_PREFERENCE", "PROJECT_CONTEXT", "SESSION_STATE")
"""How a memory is delivered: pinned and handed over whole, retrieved, or by recency until it expires."""

KNOWLEDGE = ("decision", "architecture", "implementation", "configuration", "issue", "credential-reference", "general")
"""The types of a knowledge entry. A credential reference says where a credential is kept, never the credential."""
KINDS = ("memory", *KNOWLEDGE)

TRUST = {"human": 1.0, "tool": 0.8, "import": 0.7, "agent": 0.6}
"""How far what comes from a source is trusted, in [0, 1], unless told otherwise."""
SOURCES = tuple(TRUST)

STATES = ("active", "proposed", "quarantined")
"""`proposed` is an agent's preference that waits for `promote`; `quarantined` is held for a human and never recalled."""

OUTCOMES = ("stored", "duplicate", "refines", "supersedes", "quarantined", "rejected")
"""What became of something that somebody wanted remembered."""

FRESHNESS = ("fresh", "moved", "changed", "gone")
"""What an anchor is, compared with the code now."""

_SPACE = re.compile(r"\s+")


# ------------------------------------------------------------------------------------------------------------------------ values


@value
class Anchor:
    """The code a memory speaks of: a path relative to the project's root, and what was there.

    `blob` is the id that git has for the file's content, or, where a symbol is named and was found there, would have for the symbol's own text;
    `commit` what was checked out, as git prints it.
    """

    path: str
    symbol: str = ""
    blob: str = ""
    commit: str = ""


@value
class Draft:
    """What somebody wants remembered, checked. None: was not said, the engine decides.

    `supersedes` is an id or its beginning; `parent` is the conversation or document of which this is unit number `position`, spoken by `role`.
    """

    content: str
    level: str | None = None
    category: str = ""
    scope: str | None = None
    project: str | None = None
    tags: tuple[str, ...] = ()
    importance: float | None = None
    source: str | None = None
    session: str = ""
    agent: str = ""
    valid_from: float | None = None
    valid_to: float | None = None
    supersedes: str | None = None
    anchors: tuple[Anchor, ...] = ()
    kind: str = "memory"
    parent: str = ""
    position: int = 0
    role: str = ""


@value
class Memory:
    """One record. `content` is what was said, cleaned and masked (`masked` places), else verbatim.

    `scope`: "global", "project", "path:<path>" or "symbol:<name>". `project`: "" (none), the absolute root of the main checkout, or a name.
    `tags` are sorted and distinct; `importance` and `trust` in [0, 1]; `used` is when it was last recalled, `uses` how often.
    It holds from `valid_from` until before `valid_to`; `supersedes` and `refines` are the record it replaces or adds to, `superseded_by` the one
    that replaced it. `reason` is why it is quarantined; `model` embedded it.
    """

    id: str
    content: str
    level: str = PROJECT_CONTEXT
    kind: str = "memory"
    category: str = ""
    scope: str = "global"
    project: str = ""
    tags: tuple[str, ...] = ()
    importance: float = 0.5
    source: str = "human"
    trust: float = 1.0
    session: str = ""
    agent: str = ""
    state: str = "active"
    reason: str = ""
    masked: int = 0
    created: float = 0.0
    updated: float = 0.0
    used: float | None = None
    uses: int = 0
    valid_from: float | None = None
    valid_to: float | None = None
    expires: float | None = None
    supersedes: str | None = None
    superseded_by: str | None = None
    refines: str | None = None
    forgotten: float | None = None
    parent: str = ""
    position: int = 0
    role: str = ""
    model: str = ""
    anchors: tuple[Anchor, ...] = ()

    @property
    def hash(self) -> bytes:
        """`content_hash` of this record: of live records, no two have the same. Who says "yes" twice in a conversation has said two things."""
        spoken = (self.parent, str(self.position), self.role) if self.parent and self.role else ()
        return content_hash(self.content, self.scope, self.project, spoken)


@value
class Receipt:
    """What became of one draft. `target` is the memory it equals, refines or replaces; `batch` takes the whole call back (`undo`).

    `id` is None if nothing was stored, `target` for a duplicate.
    """

    id: str | None
    outcome: str
    reason: str
    target: str | None = None
    level: str | None = None
    masked: int = 0
    batch: str = ""


@value
class Recalled:
    """A memory that answers: `score` in (0, 1], `valid` now (or at the time asked for), each anchor with its freshness, and why it was found."""

    memory: Memory
    score: float
    valid: bool
    anchors: tuple[tuple[Anchor, str], ...] = ()
    why: str = ""


@value
class Remembered:
    """Best first. `nothing_useful`: what was found has too little to do with the question to be relied on, or there is nothing."""

    query: str
    memories: tuple[Recalled, ...]
    nothing_useful: bool
    degraded: tuple[str, ...] = ()


@value
class Briefing:
    """What an agent is told when a session begins: the text, about how many tokens it has, the ids of the memories in it in
    order, and how many there was no room for."""

    text: str
    tokens: int
    memories: tuple[str, ...]
    left_out: int


@value
class Selection:
    """Which records are meant; every field that is not empty must hold. Of `tags` all, of the others any of its values suffices.

    `since` and `until` bound when it was made (until is not included), `as_of` is a time at which it held. Of `superseded`, `forgotten` and
    `expired`, False means none of them, True only those, None all.
    """

    levels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    as_of: float | None = None
    superseded: bool | None = False
    forgotten: bool | None = False
    expired: bool | None = False


# ------------------------------------------------------------------------------------------------------------------ about a record


def content_hash(content: str, scope: str, project: str, spoken: Sequence[str] = ()) -> bytes:
    """16 bytes of BLAKE2b that are the same for the same words in the same place, however they are spaced or composed (NFC).

    `spoken`: the conversation, the place in it and the speaker of what is a turn of one. (A paragraph of a document may move and is the same.)
    """
    said = _SPACE.sub(" ", unicodedata.normalize("NFC", content)).strip()
    return blake2b("\0".join((project, scope, said, *spoken)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def is_live(m: Memory, now: float) -> bool:
    """Is it neither superseded nor forgotten nor expired?"""
    return m.superseded_by is None and m.forgotten is None and (m.expires is None or m.expires > now)


def is_valid(m: Memory, at: float) -> bool:
    """Did what it says hold at that time, as far as the record tells?"""
    return (m.valid_from is None or m.valid_from <= at) and (m.valid_to is None or at < m.valid_to)


def memory(of: Draft, id: str, *, now: float | None = None, **given: Any) -> Memory:
    """The record of a draft, made `now`; `given` are fields of Memory that the engine decided (level, project, state, content as cleaned …).

    Scope is "project" where a project is known, else "global"; trust is the source's. Raises UsageError for a scope within a project if there
    is none, and for a project that is unknown as a value.
    """
    now = time.time() if now is None else now
    project = given.pop("project", of.project) or ""
    scope = given.pop("scope", of.scope) or ("project" if project else "global")
    if scope != "global" and not project:
        raise UsageError(f"The scope {scope} is within a project: give the project, too.", field="scope")
    source = given.pop("source", of.source) or "human"
    level = given.pop("level", of.level) or PROJECT_CONTEXT
    importance = 0.5 if of.importance is None else of.importance
    said = {"content": of.content, "trust": TRUST[source], "importance": importance, "created": now, "updated": now, "supersedes": None}
    same = ("kind", "category", "tags", "session", "agent", "valid_from", "valid_to", "anchors", "parent", "position", "role")
    return Memory(id=id, scope=scope, project=project, source=source, level=level, **{**said, **{name: getattr(of, name) for name in same}, **given})


_FIELDS = tuple(f.name for f in fields_of(Memory))


def plain(m: Memory) -> dict[str, Any]:
    """The record as JSON can hold it: every field under its name, anchors as objects."""
    anchors = [{f.name: getattr(a, f.name) for f in fields_of(Anchor)} for a in m.anchors]
    return {name: getattr(m, name) for name in _FIELDS} | {"tags": list(m.tags), "anchors": anchors}


def restored(said: Mapping[str, Any]) -> Memory:
    """The record of what `plain` said. Raises KeyError or TypeError for anything else: only what groma wrote itself comes here."""
    return Memory(**{**said, "tags": tuple(said["tags"]), "anchors": tuple(Anchor(**a) for a in said["anchors"])})
