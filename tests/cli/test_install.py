"""`groma install` and `groma uninstall` on a home of their own, with the real server started at the end."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from groma.agents import command
from groma.agents.clients import CLIENTS
from tests.cli.conftest import Groma
from tests.processes import Place, write

TOKEN = "ghp_" + hashlib.sha256(b"nobody's").hexdigest()[:36]
CLAUDE = f'{{\n  "numStartups": 3,\n  "env": {{"GITHUB_TOKEN": "{TOKEN}"}}\n}}\n'


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROMA_DAEMON", "off")
    monkeypatch.setattr(command, "FRONT", "no-such-front")  # whether one was built here is no matter


def test_into_one_and_out_again(groma: Groma, place: Place) -> None:
    path = write(place.home / ".claude.json", CLAUDE)
    ran = groma("install", "claude-code", "--yes")
    assert "the server answers: groma" in ran.out and "tools" in ran.out
    assert '+    "groma": {' in ran.out and TOKEN not in ran.out  # what stands beside ours is masked
    entry = json.loads(path.read_text())["mcpServers"]["groma"]
    assert entry == {"type": "stdio", "command": sys.executable, "args": ["-m", "groma", "mcp"], "env": {"GROMA_DATA_DIR": str(place.data)}}
    again = groma("install", "claude-code", "--yes")
    assert "(is there already)" in again.out and "the server answers" in again.out and "+++" not in again.out
    gone = groma("uninstall", "--yes")
    assert str(path) in gone.out and path.read_text() == CLAUDE
    assert "nothing of groma is there" in groma("uninstall", "--yes").err


def test_what_was_done_as_json(groma: Groma, place: Place) -> None:
    path = write(place.home / ".claude.json", CLAUDE)
    write(place.home / ".cursor" / "mcp.json", '{"mcpServers": {},}')
    names = ("claude-code", "cursor", "codex")
    assert "--json asks nothing" in groma("install", *names, "--json", code=2).err
    (claude, cursor, codex) = groma("install", *names, "--print", "--json", code=3).json["done"]
    assert [claude["state"], cursor["state"], codex["state"]] == ["planned", "left alone", "planned"] and path.read_text() == CLAUDE
    ran = groma("install", *names, "--yes", "--json", code=3)
    assert ran.json["schema"] == "groma.install/1" and "1 of what was asked for was not done" in ran.err
    (claude, cursor, codex) = ran.json["done"]
    assert set(claude) == {"client", "title", "type", "path", "state", "why", "diff", "verified", "server"}
    assert (claude["client"], claude["title"], claude["type"], claude["path"]) == ("claude-code", "Claude Code", "mcp", str(path))
    assert claude["state"] == codex["state"] == "written" and '+    "groma": {' in claude["diff"] and TOKEN not in claude["diff"]
    assert claude["verified"] and not cursor["verified"]
    assert claude["server"]["ok"] and claude["server"]["name"] == "groma" and "search_code" in claude["server"]["tools"]
    assert cursor["state"] == "left alone" and "comma before it closes" in cursor["why"] and cursor["server"] is None
    (again,) = groma("install", "codex", "--yes", "--json").json["done"]
    assert again["state"] == "unchanged" and again["diff"] == "" and again["server"]["ok"]
    write(place.home / ".codex" / "AGENTS.md", "# Mine\n")
    (link, text) = reversed(groma("install", "codex", "--type", "instructions", "--bin", place.home / "bin", "--yes", "--json").json["done"])
    assert (link["client"], link["type"], link["state"]) == ("knowledge-manager", "bin", "written") and text["state"] == "written"
    planned = groma("uninstall", "--print", "--json").json
    assert planned["schema"] == "groma.uninstall/1" and {row["state"] for row in planned["done"]} == {"planned"}
    gone = {(row["client"], row["type"]): row["state"] for row in groma("uninstall", "--yes", "--json").json["done"]}
    assert gone == {("claude-code", "mcp"): "taken out", ("codex", "mcp"): "removed", ("codex", "instructions"): "taken out", ("", "bin"): "removed"}
    assert groma("uninstall", "--yes", "--json").json["done"] == [] and path.read_text() == CLAUDE


def test_a_file_that_cannot_be_written_does_not_keep_the_others(groma: Groma, place: Place) -> None:
    write(place.home / ".cursor", "in the way")
    said = groma("install", "cursor", "codex", "--yes", "--json", code=3).json["done"]
    assert [row["state"] for row in said] == ["left alone", "written"] and "is no folder" in said[0]["why"]


@pytest.mark.parametrize("before", range(180, 241, 5))
def test_a_credential_is_not_cut_in_two(groma: Groma, place: Place, before: int) -> None:
    write(place.home / ".claude.json", json.dumps({"numStartups": 3, "x" * before: 1, "token": TOKEN}))
    ran = groma("install", "claude-code", "--print")
    assert "numStartups" in ran.out and TOKEN[:8] not in ran.out


def test_print_writes_nothing(groma: Groma, place: Place) -> None:
    before = sorted(place.home.rglob("*"))
    ran = groma("install", *(c.name for c in CLIENTS), "--print")
    assert ran.out.count("--- /dev/null") == len(CLIENTS) and sorted(place.home.rglob("*")) == before
    for client in CLIENTS:
        assert f"{client.title}: " in ran.out
    assert not place.data.exists()
    groma("uninstall", "--print")
    assert not place.data.exists()


def test_those_that_are_here(groma: Groma, place: Place) -> None:
    assert "No agent that groma knows was found here" in groma("install", "--print", code=1).err
    (place.home / ".cursor").mkdir()
    ran = groma("install", "--print")
    assert "Cursor: " in ran.out and "Codex" not in ran.out and "written from documentation, untried" in ran.out


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch, groma: Groma) -> None:
    """No agent of the machine the tests run on is found."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def test_nobody_to_ask(groma: Groma, place: Place) -> None:
    ran = groma("install", "cursor", code=2)
    assert "say --yes" in ran.err and not (place.home / ".cursor").exists()


def test_asked_on_a_terminal(place: Place) -> None:
    for word, written in (("n", False), ("y", True)):
        ours, theirs = pty.openpty()
        process = place.start("install", "cursor", stdin=theirs, env={"GROMA_DAEMON": "off"})
        os.write(ours, f"{word}\n".encode())
        ran = place.end(process, code=None)
        os.close(ours)
        os.close(theirs)
        assert "Write this file? [y/N]" in ran.err
        assert (place.home / ".cursor" / "mcp.json").exists() == written, ran


def test_one_that_is_odd_does_not_keep_the_others(groma: Groma, place: Place) -> None:
    write(place.home / ".cursor" / "mcp.json", '{"mcpServers": {},}')
    ran = groma("install", "cursor", "codex", "--yes", code=3)
    assert "Cursor: " in ran.err and "line 1 has a comma before it closes, which is no JSON; groma leaves it alone" in ran.err
    assert (place.home / ".codex" / "config.toml").exists() and "Codex: the server answers" in ran.out


def test_dotfiles(groma: Groma, place: Place) -> None:
    kept = write(place.home / "dotfiles" / "claude.json", CLAUDE.replace("\n", "\r\n"))
    link = place.home / ".claude.json"
    link.symlink_to("dotfiles/claude.json")
    ran = groma("install", "claude-code", "--yes")
    assert f"{link} (a link to {kept})" in ran.out and "the server answers" in ran.out
    assert os.readlink(link) == "dotfiles/claude.json" and kept.read_bytes().count(b"\n") == kept.read_bytes().count(b"\r\n")
    groma("uninstall", "--yes")
    assert os.readlink(link) == "dotfiles/claude.json" and kept.read_bytes().decode() == CLAUDE.replace("\n", "\r\n")


def test_a_server_that_does_not_answer_is_told(groma: Groma, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place.folder / "bin"
    write(folder / "python", "#!/bin/sh\necho there is no groma here >&2\nexit 1\n").chmod(0o755)
    monkeypatch.setattr("sys.executable", str(folder / "python"))
    ran = groma("install", "cursor", "--yes", code=3)
    assert "does not answer: there is no groma here" in ran.out


def test_the_front_is_taken_where_it_was_built(groma: Groma, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place.folder / "bin"
    monkeypatch.setattr(command, "FRONT", "groma-mcp-of-this-test")
    write(folder / "groma-mcp-of-this-test", f'#!/bin/sh\ntest "$1" = --python && exec {sys.executable} -m groma mcp\n').chmod(0o755)
    monkeypatch.setattr("sys.executable", str(folder / "python"))
    assert "the server answers" in groma("install", "cursor", "--yes").out
    entry = json.loads((place.home / ".cursor" / "mcp.json").read_text())["mcpServers"]["groma"]
    assert entry["command"] == str(folder / "groma-mcp-of-this-test") and entry["args"] == ["--python", str(folder / "python")]


def test_types(groma: Groma, place: Place) -> None:
    groma("install", "claude-code", "--type", "hooks", "--type", "skill", "--type", "instructions", "--yes")
    claude = place.home / ".claude"
    assert (claude / "skills" / "groma" / "SKILL.md").exists() and "groma hook SessionStart" in (claude / "settings.json").read_text()
    assert "search_code" in (claude / "CLAUDE.md").read_text() and not (place.home / ".claude.json").exists()
    groma("uninstall", "claude-code", "--type", "hooks", "--yes")
    assert not (claude / "settings.json").exists() and (claude / "CLAUDE.md").exists()
    groma("uninstall", "--yes")
    assert not claude.exists()
    assert "there is no file for hooks" in groma("install", "cursor", "--type", "hooks", "--yes", code=3).err
    assert (
        "there is no file for instructions that groma writes; --project" in groma("install", "cursor", "--type", "instructions", "--yes", code=3).err
    )


def test_instructions_of_a_project(groma: Groma, place: Place, shop: Path) -> None:
    write(shop / "AGENTS.md", "# Shop\n")
    groma("install", "cursor", "codex", "gemini", "--type", "instructions", "--project", shop, "--yes")
    assert (shop / "AGENTS.md").read_text().count("groma:usage:begin") == 1 and (shop / "GEMINI.md").exists()
    assert "add --type instructions" in groma("install", "cursor", "--project", shop, "--yes", code=2).err
    groma("import", shop / "AGENTS.md")  # our section is no memory
    assert "search_code" not in groma("memories").out
    groma("uninstall", "--yes")
    assert (shop / "AGENTS.md").read_text() == "# Shop\n" and not (shop / "GEMINI.md").exists()


def test_knowledge_manager(groma: Groma, place: Place) -> None:
    link = place.folder / "agent" / "bin" / "knowledge-manager"
    groma("install", "--bin", link.parent, "--yes")
    said = subprocess.run([link, "--version"], capture_output=True, text=True, check=True, env=place.environment())
    assert "knowledge-manager" in said.stdout
    groma("uninstall", "--bin", link.parent, "--yes")
    assert not link.parent.exists()
    groma("install", "--bin", link.parent, "--yes")
    groma("uninstall", "--yes")
    assert not link.is_symlink()


def test_read_only(groma: Groma, place: Place) -> None:
    assert "read-only" in groma("--read-only", "install", "cursor", "--yes", code=3).err
    assert not place.data.exists() and not (place.home / ".cursor").exists()


def test_an_unknown_client(groma: Groma) -> None:
    assert "knows no client 'emacs'" in groma("install", "emacs", code=2).err
