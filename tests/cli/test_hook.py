"""`groma hook`, as the processes that an agent starts: what they say, and that nothing makes them stop it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Groma
from tests.processes import PATIENCE_S, Place, Ran, unprivileged, write


class Agent:
    """Calls hooks as Claude Code does."""

    def __init__(self, place: Place, root: Path, daemon: str) -> None:
        self.place, self.root = place, root
        self.env = {"GROMA_DAEMON": daemon, "CLAUDE_PROJECT_DIR": str(root), "XDG_RUNTIME_DIR": ""}

    def hook(self, *words: str, code: int = 0, raw: bytes | None = None, **said: Any) -> Ran:
        event = words[0] if words else ""
        common = {"session_id": "s1", "cwd": str(self.root), "hook_event_name": event, "transcript_path": str(self.place.folder / "t.jsonl")}
        data = json.dumps(common | said).encode() if raw is None else raw
        ran = subprocess.run(
            [sys.executable, "-m", "groma", "hook", *words], input=data, capture_output=True, cwd=self.root, env=self.place.environment(**self.env),
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert ran.returncode == code, ran
        return Ran(words, ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    def log(self) -> str:
        path = self.place.data / "hooks.log"
        return path.read_text() if path.exists() else ""

    def until(self, true: Any) -> None:
        end = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)


@pytest.fixture(params=["off", "auto"])
def agent(place: Place, shop: Path, request: pytest.FixtureRequest) -> Iterator[Agent]:
    made = Agent(place, shop, request.param)
    yield made
    place.groma("stop", env=made.env, code=None)


def test_a_session(agent: Agent, place: Place, shop: Path) -> None:
    assert agent.hook("SessionStart", source="startup").out == ""  # nothing is known yet
    place.groma("index", shop, env=agent.env)
    place.groma("remember", "--source", "human", "Prices are whole cents, never floats", cwd=shop, env=agent.env)
    out = agent.hook("SessionStart", source="startup")
    told = out.json["hookSpecificOutput"]
    assert told["hookEventName"] == "SessionStart" and "Prices are whole cents" in told["additionalContext"] and out.err == ""
    edit = {"type": "tool_use", "name": "Edit", "input": {"file_path": str(shop / "src/shop/prices.py")}}
    rows = [{"type": "user", "message": {"content": "Round the discounts"}, "gitBranch": "main"},
            {"type": "assistant", "message": {"content": [edit]}}]  # fmt: skip
    write(place.folder / "t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert agent.hook("PreCompact", trigger="auto").out == ""
    agent.until(lambda: "Round the discounts" in agent.hook("SessionStart", source="compact").out)
    context = agent.hook("SessionStart", source="compact").json["hookSpecificOutput"]["additionalContext"]
    stood = context.partition("## Where work stood")[2]
    assert re.search(
        r'<memory-\w+ source="tool claude-code [\d-]+" trust="0.80" note="data[^>]*>\nWork on[^<]*Edited: src/shop/prices.py\n</memory-', stood
    )
    agent.hook("SessionEnd", reason="exit")
    assert agent.log() == ""


def test_an_edit_is_indexed(agent: Agent, place: Place, shop: Path) -> None:
    place.groma("index", shop, env=agent.env)
    write(shop / "src" / "shop" / "refunds.py", "def pay_back_the_customer(order):\n    return order.total\n")
    agent.hook("PostToolUse", tool_name="Write", tool_input={"file_path": str(shop / "src" / "shop" / "refunds.py")})

    def indexed() -> bool:
        ran = place.groma("search", "--no-index", "--json", "--repo", shop, "pay_back_the_customer", env={"GROMA_DAEMON": "off"})
        return any(path.endswith("refunds.py") for path, *_ in ran.hits)

    agent.until(indexed)
    assert agent.log() == ""


def test_a_folder_that_was_never_indexed_stays_so(place: Place, shop: Path) -> None:
    agent = Agent(place, shop, "off")
    agent.hook("PostToolUse", tool_name="Write")
    agent.until(lambda: not list(place.data.glob("hook-*.soon")))
    place.groma("search", "--no-index", "--repo", shop, "cart", code=6, env=agent.env)


@pytest.mark.parametrize(
    ("tool", "given", "refused"),
    [
        ("Write", {"file_path": ".env"}, True),
        ("Edit", {"file_path": "src/shop/cart.py"}, False),
        ("Bash", {"command": "echo A=1 >> .env"}, True),
        ("Bash", {"command": "cat .en{v,vrc} | head"}, True),
        ("Read", {"file_path": ".env"}, True),
        ("Bash", {"command": "source .env && cat .git/HEAD"}, False),
    ],
)
def test_protected_paths(place: Place, shop: Path, tool: str, given: dict[str, str], refused: bool) -> None:
    ran = Agent(place, shop, "off").hook("PreToolUse", code=2 if refused else 0, tool_name=tool, tool_input=given)
    assert ran.out == "" and ("groma protects .env (credentials)" in ran.err) == refused and len(ran.err.splitlines()) == int(refused)
    assert not place.data.exists()  # nothing was opened for it


EVENTS = ["SessionStart", "PreToolUse", "PostToolUse", "PreCompact", "SessionEnd", "NoSuchEvent", "--nonsense", "-x"]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"cwd": 3, "tool_input": [], "transcript_path": {}}', b"[" * 100_000], ids=range(7)
)
def test_strange_input_stops_nobody(place: Place, shop: Path, event: str, raw: bytes) -> None:
    ran = Agent(place, shop, "off").hook(event, raw=raw)
    assert ran.err == "" and ran.out == ""


def test_no_event_at_all(place: Place, shop: Path) -> None:
    agent = Agent(place, shop, "off")
    agent.hook(raw=b"")
    assert json.loads(agent.log().splitlines()[0])["event"] == ""


def test_what_goes_wrong_is_logged_without_what_was_said(place: Place, shop: Path) -> None:
    agent = Agent(place, shop, "off")
    agent.hook("SessionStart", raw=b'{"secret": "hunter2"')
    (line,) = agent.log().splitlines()
    assert json.loads(line)["event"] == "SessionStart" and "hunter2" not in line
    assert os.stat(place.data / "hooks.log").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("event", EVENTS[:5])
def test_a_broken_groma_stops_nobody(place: Place, shop: Path, event: str) -> None:
    agent = Agent(place, shop, "off")
    write(place.data / "catalogue.db", b"no database" * 1000)
    agent.hook(event, source="startup")
    write(place.home / ".config" / "groma" / "config.toml", "no toml at all [")
    agent.hook(event, source="startup")
    agent.env["GROMA_DATA_DIR"] = "/dev/null/nowhere"
    agent.hook(event, source="startup")


def test_a_data_directory_that_cannot_be_written(place: Place, shop: Path) -> None:
    place.groma("index", shop)
    os.chmod(place.data, 0o555)
    try:
        for event in EVENTS[:5]:
            process = place.start("hook", event, cwd=shop, before=unprivileged, stdin=subprocess.PIPE, env={"GROMA_DAEMON": "off"})
            process.communicate(json.dumps({"cwd": str(shop)}).encode(), timeout=PATIENCE_S)
            assert process.returncode == 0
    finally:
        os.chmod(place.data, 0o755)


def test_read_only_writes_nothing(place: Place, shop: Path) -> None:
    agent = Agent(place, shop, "off")
    agent.env["GROMA_READ_ONLY"] = "1"
    for event in EVENTS[:5]:
        agent.hook(event, source="startup")
    agent.hook("SessionStart", raw=b"x")
    assert not [*place.data.glob("*.log"), *place.data.glob("hook-*")]


def test_input_that_never_ends(place: Place, shop: Path) -> None:
    process = place.start("hook", "SessionStart", cwd=shop, stdin=subprocess.PIPE, env={"GROMA_DAEMON": "off"})
    assert process.wait(PATIENCE_S) == 0
    assert process.stdin is not None
    process.stdin.close()
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()


def test_what_claude_code_is_told_to_call_is_there(groma: Groma, place: Place) -> None:
    groma("install", "claude-code", "--type", "hooks", "--yes")
    hooks = json.loads((place.home / ".claude" / "settings.json").read_text())["hooks"]
    for event, (entry,) in hooks.items():
        said = json.dumps({"hook_event_name": event, "cwd": str(place.folder), "tool_name": "Bash", "tool_input": {"command": "rm .env"}})
        ran = subprocess.run(
            entry["hooks"][0]["command"],
            shell=True,
            input=said,
            text=True,
            capture_output=True,
            env=place.environment(GROMA_DAEMON="off"),
            check=False,
        )
        assert ran.returncode == (2 if event == "PreToolUse" else 0), ran


def test_help(groma: Groma) -> None:
    assert "PreToolUse" in groma("hook", "--help").out
