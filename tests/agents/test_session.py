"""What is told of a session, from transcripts of all kinds."""

from __future__ import annotations

import json
from pathlib import Path

from groma.agents.session import summary


def rows(path: Path, *said: object, padding: int = 0) -> str:
    text = "".join(json.dumps(row) + "\n" for row in said)
    path.write_text(text + '{"type": "x"}\n' * padding, "utf-8")
    return str(path)


def user(content: object, **more: object) -> dict[str, object]:
    return {"type": "user", "message": {"role": "user", "content": content}, "gitBranch": "main", **more}


def agent(*content: object) -> dict[str, object]:
    return {"type": "assistant", "message": {"role": "assistant", "content": list(content)}}


def edited(path: str) -> dict[str, object]:
    return {"type": "tool_use", "name": "Edit", "input": {"file_path": path}}


def test_what_was_asked_edited_and_said(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "t.jsonl",
        user("Make the ledger faster"),
        user([{"type": "tool_result", "content": "x"}]),
        agent({"type": "text", "text": "I begin."}, edited("/w/p/src/a.py"), edited("/elsewhere/b.py")),
        user("<system-reminder>not said by anybody</system-reminder>and safer"),
        user("a side remark", isSidechain=True),
        user("put in by the program", isMeta=True),
        agent({"type": "text", "text": "Done:\n\n the ledger is cached."}),
    )
    assert summary(path, "/w/p") == (
        "Work on branch main.\nAsked first: Make the ledger faster\nAsked later: and safer\nEdited: src/a.py, /elsewhere/b.py\n"
        "The agent said last: Done: the ledger is cached."
    )


def test_long_ones_are_cut(tmp_path: Path) -> None:
    first, last = user("first " * 500), user("last")
    path = rows(tmp_path / "t.jsonl", first, *[agent(edited(f"/w/p/{n}.py")) for n in range(20_000)], last)
    text = summary(path, "/w/p")
    assert len(text) < 2_000 and "Asked first: first" in text and "Asked later: last" in text and "19999.py and " in text


def test_nothing_to_tell(tmp_path: Path) -> None:
    assert summary(rows(tmp_path / "t.jsonl"), "/w") == ""
    (tmp_path / "t.jsonl").write_bytes(
        b"\xff\xfe\n{\n[]\n3\nnull\n" + b'{"type": "user", "message": 3}\n{"type": "assistant", "message": {"content": [3]}}\n'
    )
    assert summary(str(tmp_path / "t.jsonl"), "/w") == ""
