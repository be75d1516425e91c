"""Tools over code: search, read, and what the index knows."""

from __future__ import annotations

import os
import time
from typing import Annotated, TypedDict

from ...engine import check
from ...shapes import (
    CoverageShape,
    HitShape,
    IndexShape,
    LinesShape,
    ReminderShape,
    StatusShape,
    WhyShape,
    coverage_shape,
    hit_shape,
    index_shape,
    lines_shape,
    reminder_shape,
    reminder_text,
    status_shape,
    why_shape,
)
from ...types import Filter, Request
from .call import Call
from .text import fenced
from .tool import tool

__all__ = ["TOOLS"]


class Found(TypedDict):
    """What `groma search --json` gives, without what an agent does not use."""

    hits: list[HitShape]
    memories: list[ReminderShape]
    scopes: list[CoverageShape]
    degraded: list[str]
    core: str


def _numbered(text: str, first: int) -> str:
    return "\n".join(f"{first + i}\t{line}" for i, line in enumerate(text.split("\n")))


def _hits_text(found: Found) -> str:
    said = []
    for h in found["hits"]:
        flags = "".join(f" [{flag}]" for flag in ("stale", "masked") if h[flag])  # type: ignore[literal-required]
        said.append(f"{h['path']}:{h['start_line']}-{h['end_line']} {h['symbol'] or h['kind']} (id {h['id']}){flags}")
        said += [_numbered(h["text"], h["start_line"]), ""]
    if not found["hits"]:
        said.append("Nothing found.")
    if some := found["memories"]:
        said += ["Remembered of these files (groma://memory/ID has the whole):", fenced("\n".join(map(reminder_text, some)), "memories", some), ""]
    return "\n".join([*said, *(f"Note: {one}" for one in found["degraded"])]).rstrip()


def _lines_text(lines: LinesShape) -> str:
    head = f"{lines['path']}:{lines['start_line']}-{lines['end_line']} of {lines['total_lines']}{' [masked]' if lines['masked'] else ''}"
    return "\n".join([head, _numbered(lines["text"], lines["start_line"]), *(f"Note: {one}" for one in lines["degraded"])])


def _status_text(s: StatusShape) -> str:
    languages = ", ".join(f"{name} {n}" for name, n in list(s["languages"].items())[:8])
    skipped = ", ".join(f"{n} {reason}" for reason, n in s["skipped"].items())
    return "\n".join(
        [
            f"{s['root']}: {s['files']} files in {s['chunks']} chunks, {s['stale_files']} changed since{'' if s['finished'] else ', unfinished'}",
            *([f"languages: {languages}"] if languages else []),
            *([f"left out: {skipped}"] if skipped else []),
        ]
    )


@tool(
    "Search code",
    "Find the lines of this project that answer a question, best first, as they are in the files now. Do not grep for the same thing "
    "afterwards: no hits means that nothing matches. `degraded` says what is missing.",
    _hits_text,
    core=True,
    plain=("memories", "scopes"),
)
def search_code(
    call: Call,
    query: Annotated[str, "A question in words, a symbol or a path"],
    max_results: Annotated[int, "How many results", {"minimum": 1, "maximum": 100}] = 10,
    repository: Annotated[str | None, "Folder to search; default: the current project"] = None,
    language: Annotated[str | None, "Only this language, e.g. python"] = None,
    paths: Annotated[list[str] | None, "Only below these folders or matching these globs"] = None,
    kinds: Annotated[list[str] | None, "Only code, docs or config, or kinds such as function, class, section"] = None,
) -> Found:
    request = Request(query, max_results, Filter(frozenset([language] if language else []), tuple(paths or ()), frozenset(kinds or ())))
    check(request)
    root = call.session.root(repository)
    said = call.fresh(root)
    answer = call.engine.search(call.caller, [root], request)
    call.session.found(answer.hits, root)
    return {
        "hits": [hit_shape(h) for h in answer.hits],
        "memories": [reminder_shape(one) for one in answer.memories],
        "scopes": [coverage_shape(c) for c in answer.scopes],
        "degraded": [*said, *answer.degraded],
        "core": answer.core,
    }


@tool(
    "Read lines",
    "Read lines of an indexed file as they are now: those of a hit (id), or a range of a file (path). Credentials are masked.",
    _lines_text,
    core=True,
)
def read(
    call: Call,
    id: Annotated[str | None, "The id of a hit of search_code"] = None,
    path: Annotated[str | None, "Instead of an id: a path relative to the current project, or absolute"] = None,
    start_line: Annotated[int | None, "First line, from 1 (with a path)"] = None,
    end_line: Annotated[int | None, "Last line, inclusive; default: 200 lines"] = None,
    around: Annotated[int, "Lines to add on both sides"] = 0,
) -> LinesShape:
    root = (call.session.found_in(id) if id else None) or call.session.root()
    inside = path
    if path and os.path.isabs(path):
        root, inside = call.split(path, root)
    said = call.fresh(root)
    lines = call.engine.read(call.caller, [root], hit_id=id, path=inside, start=start_line, end=end_line, around=around)
    return lines_shape(lines, said)


@tool("Index status", "How much of this project is searchable, how fresh it is, and what was left out and why.", _status_text, core=True)
def index_status(call: Call, repository: Annotated[str | None, "Folder; default: the current project"] = None) -> StatusShape:
    (status,) = call.engine.status(call.caller, call.session.root(repository))
    return status_shape(status, call.engine.core)


class Rebuilt(TypedDict):
    """What was built anew."""

    scopes: list[IndexShape]


class Verified(TypedDict):
    """What `groma verify --json` gives."""

    scopes: int
    memories: int
    problems: list[str]


class Forgotten(TypedDict):
    """The folder that is not indexed any more."""

    root: str


def _index_text(s: IndexShape) -> str:
    return f"{s['root']}: {s['indexed']} files in {s['chunks']} chunks, {s['read']} read, {s['gone']} gone, {s['seconds']:.2f} s"


def _why_text(why: WhyShape) -> str:
    head = f"{why['path']}: {'' if why['indexed'] else 'not indexed: '}{why['reason']}"
    symbols = [f"{s['line']}\t{s['kind']} {s['name']}  {s['signature']}" for s in why["symbols"]]
    return "\n".join([head, *symbols, *([f"imports {', '.join(why['imports'])}"] if why["imports"] else [])])


def _verify_text(found: Verified) -> str:
    if found["problems"]:
        return "\n".join([*found["problems"], "Damaged. Tell the user to run: groma rebuild"])
    return f"Clean: {found['scopes']} indexed folders, {found['memories']} memories."


@tool(
    "Index",
    "Bring the index of a project up to date (search_code does that by itself), and wait for all of it.",
    _index_text,
    writes=True,
)
def index(call: Call, repository: Annotated[str | None, "Folder; default: the current project"] = None) -> IndexShape:
    root = call.session.root(repository)
    begun = time.perf_counter()
    summary = call.engine.index(call.caller, root, report=call.reporter())
    chunks, skipped = call.engine.extent(call.caller, root)
    return index_shape(root, summary, chunks, skipped, time.perf_counter() - begun, call.engine.core)


@tool("Why indexed or not", "Why a file is or is not in the index, and what is known of it: symbols, imports, calls.", _why_text)
def why(
    call: Call,
    path: Annotated[str, "Relative to the project, or absolute"],
    repository: Annotated[str | None, "Folder; default: the current project"] = None,
) -> WhyShape:
    root, inside = call.session.root(repository), path
    if os.path.isabs(path):
        root, inside = call.split(path, root)
    return why_shape(root, call.engine.why(call.caller, root, inside.replace(os.sep, "/")))


@tool("Verify", "Check what groma keeps for damage.", _verify_text)
def verify(call: Call, repository: Annotated[str | None, "Only this folder; default: everything"] = None) -> Verified:
    root = call.session.root(repository) if repository else None
    scopes, problems = call.engine.verify(call.caller, root)
    return {"scopes": scopes, "memories": 0 if problems or root else call.engine.memories.count(call.caller), "problems": problems}


@tool(
    "Rebuild",
    "Build the index anew from the files, where verify found damage or an error says so. It takes as long as the first index.",
    lambda done: "\n".join(map(_index_text, done["scopes"])),
    writes=True,
)
def rebuild(call: Call, repository: Annotated[str | None, "Only this folder; default: everything"] = None) -> Rebuilt:
    begun = time.perf_counter()
    report = call.reporter()
    done = call.engine.rebuild(call.caller, call.session.root(repository) if repository else None, report=report)
    seconds = time.perf_counter() - begun
    return {"scopes": [index_shape(root, summary, *call.engine.extent(call.caller, root), seconds, call.engine.core) for root, summary in done]}


@tool(
    "Forget a folder",
    "Remove a folder from the index; its files are not touched. Only when the user asks for it.",
    lambda done: f"{done['root']}: forgotten",
    writes=True,
    destructive=True,
)
def forget_folder(call: Call, repository: Annotated[str, "The indexed folder"]) -> Forgotten:
    there = os.path.realpath(os.path.join(call.session.base or call.session.cwd, os.path.expanduser(repository)))
    return {"root": call.engine.forget(call.caller, call.session.root(repository) if os.path.isdir(there) else there)}


TOOLS = [search_code, read, index_status, index, why, verify, rebuild, forget_folder]
