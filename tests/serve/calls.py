"""One call of every tool, in an order in which each finds what it needs: what the tests of the tools go through, whoever makes the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["every_tool"]

Ask = Callable[..., dict[str, Any]]


def every_tool(ask: Ask) -> Iterator[tuple[str, dict[str, Any]]]:
    """`ask(tool, **arguments)` gives the structured content. Yields each tool's name with what it answered; asserts what can be said of that."""

    def call(tool: str, /, **arguments: Any) -> dict[str, Any]:
        nonlocal last
        last = (tool, ask(tool, **arguments))
        return last[1]

    last: tuple[str, dict[str, Any]]

    found = call("search_code", query="call_with_retries", max_results=2, paths=["app"], language="python", kinds=["code"])
    assert found["hits"][0]["path"] == "app/retry.py" and len(found["hits"]) <= 2
    yield last
    lines = call("read", id=found["hits"][0]["id"], around=1)
    assert "def call_with_retries" in lines["text"]
    yield last
    assert call("index_status")["files"] == 5
    yield last
    assert call("index")["indexed"] == 5
    yield last
    assert "ignored by the pattern" in call("why", path="out/made.py")["reason"]
    yield last
    kept = call(
        "remember", content="We retry three times because the billing service drops calls", anchors=["app/retry.py#call_with_retries"], tags=["retry"]
    )
    assert kept["outcome"] == "stored" and kept["level"] == "PROJECT_CONTEXT"
    yield last
    assert call("search_code", query="call_with_retries")["memories"][0]["id"] == kept["id"]
    pinned = ask("remember", content="Prefer pathlib over os.path", level="USER_PREFERENCE", agent="tester")
    ask("remember", content="Halfway through moving the retries into a class", level="SESSION_STATE")
    answer = call("recall", query="how often are calls to billing retried", k=3, levels=["PROJECT_CONTEXT"], kinds=["memory"], tags=["retry"])
    assert [m["id"] for m in answer["memories"]] == [kept["id"]]
    assert answer["memories"][0]["anchors"] == [{"path": "app/retry.py", "symbol": "call_with_retries", "state": "fresh"}]
    yield last
    assert call("retrieve_preferences", query="pathlib or os.path")["memories"][0]["id"] == pinned["id"]
    yield last
    assert call("retrieve_project_context", query="why three retries", limit=1)["memories"][0]["id"] == kept["id"]
    yield last
    assert call("retrieve_session_state")["memories"][0]["content"].startswith("Halfway")
    yield last
    told = call("briefing", tokens=500)
    assert told["memories"][0] == pinned["id"] and "Prefer pathlib" in told["text"]
    yield last
    assert call("timeline", since="yesterday")["changes"][0]["id"] == kept["id"]
    yield last
    assert len(call("about")["memories"]) == 3
    yield last
    assert call("list", tags=["retry"], all=True)["total"] == 1
    yield last
    changed = call("update", id=kept["id"], importance=0.9, tags=["retry", "billing"])
    assert changed["memories"][0]["tags"] == ["billing", "retry"]
    yield last
    assert call("get", id=kept["id"])["memory"]["importance"] == 0.9
    yield last
    assert call("history", id=kept["id"])["events"][0]["verb"] == "add"
    yield last
    assert call("undo", batch=changed["undo"])["memories"][0]["importance"] == 0.5
    yield last
    exported = call("export")
    assert exported["format"] == "jsonl" and len(exported["text"].splitlines()) == 3
    yield last
    imported = call("import", content="# Notes\n\n- I like short commit messages\n", name="CLAUDE.md", format="instructions")
    assert sum(imported["outcomes"].values()) == 1
    yield last
    call("promote", ids=[e["id"] for e in imported["entries"]])
    yield last
    gone = call("forget", ids=[pinned["id"]])
    assert gone["memories"] == [pinned["id"]] and gone["preview"] is False and gone["undo"] and gone["undo_until"] > "2026"
    yield last
    destroyed = call("purge", forgotten=True)
    assert destroyed["ids"] == [pinned["id"]] and destroyed["proven"]
    yield last

    entry = call("knowledge_store", content="Sessions live in Redis, for failover", type="decision", agent="planner", tags=["infra"])
    assert entry["outcome"] == "stored"
    yield last
    receipts = call("knowledge_store_batch", entries=[{"content": "The mailer needs port 2525", "type": "configuration"}, {"type": "issue"}])[
        "receipts"
    ]
    assert [r["outcome"] for r in receipts] == ["stored", "rejected"]
    yield last
    assert call("knowledge_search", query="where do sessions live")["entries"][0]["id"] == entry["id"]
    yield last
    assert call("knowledge_query", types=["decision"])["entries"][0]["type"] == "decision"
    yield last
    assert call("knowledge_statistics")["total"] == 2
    yield last
    assert call("knowledge_cleanup", older_than="90d", dry_run=True) == {"dry_run": True, "count": 0, "ids": [], "undo": None, "undo_until": None}
    yield last

    job = call("job_submit", kind="maintenance")["job"]
    yield last
    assert call("job_show", id=job["id"])["job"]["kind"] == "maintenance"
    yield last
    assert job["id"] in {one["id"] for one in call("jobs")["jobs"]}
    yield last

    assert call("verify")["problems"] == []
    yield last
    assert call("rebuild")["scopes"][0]["indexed"] == 5
    yield last
    call("forget_folder", repository=".")
    yield last


STEERED = ("job_pause", "job_resume", "job_cancel")
"""Tools that only do something to a job that is not over yet; how long a job takes is not ours to say."""
