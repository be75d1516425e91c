"""Tools over code: search, read, and what the index knows."""

from __future__ import annotations

import os
from typing import Annotated, TypedDict

from ...engine import check
from ...shapes import CoverageShape, HitShape, LinesShape, StatusShape, coverage_shape, hit_shape, lines_shape, status_shape
from ...types import LOCAL, Filter, Request
from .call import Call
from .tool import tool

__all__ = ["TOOLS"]


class Found(TypedDict):
    """What `groma search --json` gives, without what an agent does not use."""

    hits: list[HitShape]
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
    "afterwards: no hits means that nothing matches. `degraded` and `scopes` say what is missing.",
    _hits_text,
    core=True,
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
    answer = call.engine.search(LOCAL, [root], request)
    call.session.found(answer.hits, root)
    return {
        "hits": [hit_shape(h) for h in answer.hits],
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
    end_line: Annotated[int | None, "Last line, inclusive (with a path); default: 200 lines"] = None,
    around: Annotated[int, "Lines to add on both sides"] = 0,
) -> LinesShape:
    root = (call.session.found_in(id) if id else None) or call.session.root()
    inside = path
    if path and os.path.isabs(path):
        root, inside = call.split(path, root)
    said = call.fresh(root)
    lines = call.engine.read(LOCAL, [root], hit_id=id, path=inside, start=start_line, end=end_line, around=around)
    return lines_shape(lines, said)


@tool("Index status", "How much of this project is searchable, how fresh it is, and what was left out and why.", _status_text, core=True)
def index_status(call: Call, repository: Annotated[str | None, "Folder; default: the current project"] = None) -> StatusShape:
    (status,) = call.engine.status(LOCAL, call.session.root(repository))
    return status_shape(status, call.engine.core)


TOOLS = [search_code, read, index_status]
