"""Tools over the knowledge store that agents share."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from ...errors import UsageError
from ...shapes import (
    CleanedShape,
    EntryShape,
    RecalledShape,
    ReceiptShape,
    StatisticsShape,
    cleaned_shape,
    entry_shape,
    recalled_shape,
    receipt_shape,
    statistics_shape,
)
from .call import Call
from .memory import receipt_text
from .text import cut, fenced, recalled_text
from .tool import tool

__all__ = ["TOOLS", "Type"]

Type = Literal["decision", "architecture", "implementation", "configuration", "issue", "credential-reference", "general"]


class Entries(TypedDict):
    """The best entries for a text."""

    query: str
    entries: list[RecalledShape]
    nothing_useful: bool


class Page(TypedDict):
    """Entries by filters."""

    entries: list[EntryShape]
    next: str | None


class Stored(TypedDict):
    """What became of each."""

    receipts: list[ReceiptShape]


def _page_text(page: Page) -> str:
    lines = [f"{e['id']}  {e['type']}  {str(e['created'])[:10]}  {cut(' '.join(e['content'].split()), 160)}" for e in page["entries"]]
    more = f"\nThere are more: after {page['next']}" if page["next"] else ""
    return (fenced("\n".join(lines), "knowledge", page["entries"]) if lines else "None.") + more


def _statistics_text(s: StatisticsShape) -> str:
    types = ", ".join(f"{name} {n}" for name, n in s["by_type"].items())
    return f"{s['total']} entries{f': {types}' if types else ''}"


@tool(
    "Store knowledge",
    "Keep an entry that all agents share. A credential reference says where a credential is kept, never the credential.",
    receipt_text,
    writes=True,
)
def knowledge_store(
    call: Call,
    content: str,
    type: Type = "general",
    project: Annotated[str | None, "Folder or name; default: the current project"] = None,
    agent: Annotated[str | None, "Your name"] = None,
    tags: list[str] | None = None,
    importance: Annotated[float | None, "0 to 1"] = None,
) -> ReceiptShape:
    fields: dict[str, Any] = {"project": call.project(project), "agent": agent, "tags": tags, "importance": importance, "source": "agent"}
    receipt = call.engine.memories.store(call.caller, content, here=call.session.here(), type=type, **fields)
    if receipt.outcome == "rejected":
        raise UsageError(receipt.reason)
    return receipt_shape(receipt)


@tool(
    "Store much knowledge",
    "Keep entries, in order, a receipt each; one that is rejected does not hinder the others.",
    lambda done: "\n".join(map(receipt_text, done["receipts"])) or "Nothing.",
    writes=True,
)
def knowledge_store_batch(
    call: Call, entries: Annotated[list[dict[str, Any]], "Objects of content and perhaps type, project, agent, tags, importance"]
) -> Stored:
    placed = [{**one, "project": call.project(one["project"])} if isinstance(one.get("project"), str) else one for one in entries]
    said = [{**one, "source": "tool" if one.get("source") == "tool" else "agent"} for one in placed]
    return {"receipts": [receipt_shape(r) for r in call.engine.memories.store_batch(call.caller, said, here=call.session.here())]}


@tool("Search knowledge", "The best entries for a text.", lambda found: recalled_text(found["entries"], found["nothing_useful"]))
def knowledge_search(
    call: Call,
    query: str,
    limit: Annotated[int, "How many", {"minimum": 1, "maximum": 100}] = 10,
    types: list[Type] | None = None,
    project: Annotated[str | None, "Only of this project, and of none; default: all"] = None,
) -> Entries:
    answer = call.engine.memories.search(call.caller, query, limit=limit, types=types or (), project=call.project(project))
    return {"query": answer.query, "entries": [recalled_shape(one) for one in answer.memories], "nothing_useful": answer.nothing_useful}


@tool("Query knowledge", "Entries by filters alone, newest first.", _page_text)
def knowledge_query(
    call: Call,
    types: list[Type] | None = None,
    project: Annotated[str | None, "Only of this project; default: all"] = None,
    agent: str | None = None,
    tags: Annotated[list[str] | None, "With all of these"] = None,
    since: Annotated[str | None, "Made then or later (ISO 8601)"] = None,
    limit: Annotated[int, "How many", {"minimum": 1, "maximum": 1_000}] = 100,
    after: Annotated[str | None, "`next` of the page before"] = None,
) -> Page:
    filters: dict[str, Any] = {"types": types or (), "project": call.project(project), "agent": agent, "tags": tags or (), "since": since}
    page = call.engine.memories.query(call.caller, **filters, limit=limit, after=after)
    return {"entries": [entry_shape(m) for m in page.entries], "next": page.next}


@tool("Knowledge statistics", "Exact counts of entries by type, project, agent, source, level, state and age.", _statistics_text)
def knowledge_statistics(
    call: Call,
    types: list[Type] | None = None,
    project: Annotated[str | None, "Only of this project; default: all"] = None,
    agent: str | None = None,
) -> StatisticsShape:
    return statistics_shape(call.engine.memories.statistics(call.caller, types=types or (), project=call.project(project), agent=agent))


@tool(
    "Clean up knowledge",
    "Forget entries by age; it can be undone. With dry_run, only say which.",
    lambda done: f"{done['count']} {'would be ' * done['dry_run']}forgotten",
    writes=True,
    destructive=True,
)
def knowledge_cleanup(
    call: Call,
    older_than: Annotated[str, "An age as 90d, 12h or 2w"],
    dry_run: bool = False,
    types: list[Type] | None = None,
    project: Annotated[str | None, "Only of this project; default: all"] = None,
) -> CleanedShape:
    cleaned = call.engine.memories.cleanup(call.caller, older_than=older_than, dry_run=dry_run, types=types or (), project=call.project(project))
    return cleaned_shape(cleaned.ids, cleaned.batch, dry_run)


TOOLS = [knowledge_store, knowledge_store_batch, knowledge_search, knowledge_query, knowledge_statistics, knowledge_cleanup]
