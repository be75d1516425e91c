"""`groma memories` and `groma forget` of memories: what is listed, changed, taken back and destroyed, by one process after the other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Groma
from tests.processes import Place


def kept(groma: Groma, text: str, *options: str) -> str:
    id: str = groma("remember", "--json", *options, text).json["id"]
    return id


def listed(groma: Groma, *options: str) -> list[str]:
    return [m["content"] for m in groma("memories", *options, "--json").json["memories"]]


def test_what_is_there(groma: Groma) -> None:
    assert groma("memories").err == "groma: no such memory\n"
    first = kept(groma, "Redis holds the sessions", "--tag", "infra", "--level", "PROJECT_CONTEXT")
    second = kept(groma, "Ports are always\neven", "--level", "PROJECT_CONTEXT")
    assert groma("memories").out.splitlines() == groma("memories", "list").out.splitlines()
    lines = groma("memories").out.splitlines()
    assert lines[0].startswith(f"{second}  20") and "  Ports are always even  (PROJECT_CONTEXT" in lines[0] and "#infra)" in lines[1]
    assert listed(groma, "--tag", "infra") == ["Redis holds the sessions"]
    page = groma("memories", "list", "--limit", "1", "--json").json
    assert (page["schema"], page["total"], page["after"]) == ("groma.memories/1", 2, second)
    assert groma("memories", "--limit", "1").err == f"groma: 2 in all; the next: --after {second}\n"
    assert listed(groma, "--after", second) == ["Redis holds the sessions"]
    shown = groma("memories", "show", first[-8:]).out
    assert shown.startswith("Redis holds the sessions\n\n") and "tags: infra\n" in shown and f"id: {first}\n" in shown
    one = groma("memories", "show", first, "--json").json
    assert (
        one["schema"] == "groma.memory/1" and one["memory"]["created"].endswith("+00:00") and one["memory"]["content"] == "Redis holds the sessions"
    )


def test_a_change_and_back(groma: Groma) -> None:
    id = kept(groma, "Redis holds the sessions", "--level", "PROJECT_CONTEXT")
    changed = groma("memories", "update", "--json", "--tag", "infra", id[-8:], "Postgres", "holds", "the", "sessions").json
    assert changed["schema"] == "groma.changed/1" and changed["undo"]
    assert listed(groma, "--tag", "infra") == ["Postgres holds the sessions"]
    events = groma("memories", "history", id, "--json").json
    assert [e["verb"] for e in events["events"]] == ["add", "update"] and events["events"][1]["before"]["content"] == "Redis holds the sessions"
    assert "was: Redis holds the sessions" in groma("memories", "history", id).out
    back = groma("memories", "undo", changed["undo"])
    assert back.out.startswith(f"as it was: {id}") and back.err.startswith("groma: to take this back: groma memories undo ")
    assert listed(groma) == ["Redis holds the sessions"]
    again = groma("memories", "update", id, "Redis holds the sessions")
    assert (again.out, again.err) == ("", "groma: nothing was changed: it is so already\n")


def test_a_proposal(groma: Groma) -> None:
    id = kept(groma, "Always prefer tabs over spaces in this code", "--source", "agent")
    assert listed(groma, "--state", "proposed") and "proposed" in groma("memories").out
    assert groma("memories", "promote", id).out.startswith(f"promoted: {id}")
    assert not listed(groma, "--state", "proposed") and listed(groma, "--state", "active")


def test_forget_and_undo(groma: Groma, place: Place) -> None:
    ids = [kept(groma, text, "--source", "agent", "--level", "PROJECT_CONTEXT") for text in ("Redis holds the sessions", "Ports are always even")]
    kept(groma, "We deploy on Tuesdays", "--level", "PROJECT_CONTEXT")
    preview = groma("forget", "--source", "agent", "--preview")
    assert preview.err == "" and [line.split()[3] for line in preview.out.splitlines()] == [f"{id}" for id in reversed(ids)]
    assert len(listed(groma)) == 3
    gone = groma("forget", "--source", "agent", "--before", "2999-01-01", "--json").json
    assert (gone["schema"], set(gone["memories"]), gone["preview"]) == ("groma.forgotten/1", set(ids), False)
    assert listed(groma) == ["We deploy on Tuesdays"] and len(listed(groma, "--all")) == 3
    assert "nothing useful" in groma("recall", "Redis sessions").err
    assert groma("forget", "--source", "agent").err == "groma: nothing to forget: no memory fits, or it was forgotten before\n"
    groma("memories", "undo", gone["undo"])
    assert "Redis holds the sessions" in groma("recall", "what holds the sessions").out
    assert groma("forget", "--id", ids[0]).out.startswith(f"forgotten: {ids[0]}")
    assert groma("forget", "--source", "agent", "--before", "2001-01-01").out == ""


def test_forgotten_is_not_recalled_by_a_process_that_knew_it(groma: Groma, place: Place) -> None:
    id = kept(groma, "Redis holds the sessions", "--level", "PROJECT_CONTEXT")
    process = place.start("remember", "--json", "--jsonl", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    answers = []
    for _ in range(2):
        process.stdin.write(b'{"content": "Redis holds the sessions", "level": "PROJECT_CONTEXT"}\n')
        process.stdin.flush()
        answers.append(outcome(process.stdout.readline()))
        groma("forget", "--id", id)
    process.stdin.close()
    process.stdin = None
    place.end(process)
    assert answers[0] == ("duplicate", id) and answers[1][0] == "stored"


def outcome(line: bytes) -> tuple[str, str]:
    receipt = json.loads(line)
    return receipt["outcome"], receipt["id"]


def test_purge(groma: Groma, place: Place) -> None:
    ids = [kept(groma, text, "--level", "PROJECT_CONTEXT") for text in ("The vault stands in room 1729", "Ports are always even")]
    done = groma("memories", "purge", "--json", ids[0]).json
    assert done["schema"] == "groma.purge/1" and done["ids"] == [ids[0]] and done["proven"] and done["found"] == done["others"] == []
    kept(groma, "We deploy on Tuesdays")
    groma("forget", "--id", ids[1])
    shown = groma("memories", "purge", "--forgotten").out.splitlines()
    assert shown[0] == f"purged {ids[1]}" and shown[1].endswith("searched for what they said: nothing left")
    left = b"".join(path.read_bytes() for path in place.data.rglob("*") if path.is_file())
    assert b"room 1729" not in left and b"always even" not in left
    assert listed(groma, "--all") == ["We deploy on Tuesdays"] and groma("verify").out.startswith("clean")


def test_a_purge_that_leaves_a_copy_fails(groma: Groma, place: Place) -> None:
    id = kept(groma, "The vault stands in room 1729")
    (place.data / "catalogue.db.damaged-1").write_bytes(b"The vault stands in room 1729")
    ran = groma("memories", "purge", id, code=1)
    assert ran.out.startswith(f"purged {id}\n") and "not all is gone" in ran.out
    assert ran.err == "groma: Bytes of what they said are left in catalogue.db.damaged-1: remove what is a copy of a damaged file.\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("forget",), "Give either the PATH of an indexed folder"),
        (("forget", "--preview"), "Give either the PATH of an indexed folder"),
        (("forget", ".", "--tag", "x"), "Give either the PATH of an indexed folder"),
        (("forget", "--id", "00000000", "--tag", "x"), "Give either --id or what selects"),
        (("forget", ".", "--preview"), "--preview is for memories"),
        (("forget", "--before", "soon"), "before"),
        (("forget", "--source", "nobody"), "nobody"),
        (("forget", "--project", "nowhere"), "Nothing is remembered of a project nowhere"),
        (("forget", "--id", "00000000"), "No memory has the id 00000000"),
        (("memories", "shwo"), "No such command 'shwo'"),
        (("memories", "show", "x"), "8 or more characters"),
        (("memories", "show", "00000000"), "No memory has the id 00000000"),
        (("memories", "update", "00000000"), "Nothing is to be changed"),
        (("memories", "update", "00000000", "x"), "No memory has the id 00000000"),
        (("memories", "promote"), "Missing argument"),
        (("memories", "history", "00000000"), "No memory has the id 00000000"),
        (("memories", "undo", "nothing"), "There is no call nothing"),
        (("memories", "purge"), "Give either the ids"),
        (("memories", "purge", "--forgotten", "00000000"), "Give either the ids"),
        (("memories", "--limit", "0"), "between 1 and 1000"),
        (("memories", "--after", "00000000"), "No memory has the id 00000000"),
        (("memories", "--project", "nowhere"), "Nothing is remembered of a project nowhere"),
    ],
)
def test_wrong_usage(groma: Groma, shop: Path, args: tuple[str, ...], said: str) -> None:
    ran = groma(*args, code=2)
    assert ran.out == "" and said in ran.err
