"""Every row of the table: what is written, that nothing else changes, that it is given back, and what is left alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from groma.agents import install
from groma.agents.clients import CLIENTS, TYPES, Client, found, named, place
from groma.agents.edits import Edit, Record, recorded
from groma.agents.entries import SKILL, Server
from groma.errors import ConfigurationError, UsageError

SERVER = Server("/opt/py thon/bin/python", ("-m", "groma", "mcp"), {"GROMA_DATA_DIR": "/data/größe"})
OTHER = Server("/opt/other/groma-mcp", ("--python", "/opt/other/python"), {})

COMMENTED = {
    "json": '{\n    "numStartups": 3,\n    "KEY": {\n        "other": {\n            "command": "x",\n            "args": []\n'
    '        }\n    },\n    "last": [1, 2]\n}',
    "jsonc": '// mine\n{\n\t"theme": "dark", // at night\n\t/* servers */\n\t"KEY": {\n\t\t"other": { "command": "x", "args": [], },'
    " // keep\n\t},\n}\n",
    "toml": 'model = "o3" # the big one\n\n[KEY.other]\ncommand = "x"\n# kept for later\n\n[profiles.fast]\nmodel = "mini"\n',
    "yaml": "# mine\nGOOSE_MODEL: big # one\nKEY:\n    # the first\n    other:\n        enabled: true\n        cmd: x\n\nlast: 1\n",
    "listed": "name: mine\nversion: 1.0.0\nschema: v1\nKEY:\n  # the first\n  - name: other\n    command: x\nmodels: [] # none\n",
}

each = pytest.mark.parametrize("client", CLIENTS, ids=lambda c: c.name)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": ""}


def existing(client: Client) -> str:
    return COMMENTED["listed" if client.shape == "listed" else client.format].replace("KEY", client.key)


def write(client: Client, home: dict[str, str], text: str) -> Path:
    path = Path(install.file_of(client, "mcp", home))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def put(client: Client, home: dict[str, str], server: Server = SERVER, type_: str = "mcp") -> Edit:
    edit = install.put(client, type_, server, home)
    with recorded(Path(home["HOME"]).parent / "data") as record:
        if edit.changes:
            record.apply(edit)
    return edit


def take(client: Client, home: dict[str, str], type_: str = "mcp") -> Edit | None:
    with recorded(Path(home["HOME"]).parent / "data") as record:
        edit = install.taken_out(client, type_, record, home)
        if edit is not None:
            record.apply(edit, last=True)
        return edit


def tree(home: dict[str, str]) -> list[str]:
    return sorted(str(p) for p in Path(home["HOME"]).rglob("*"))


@each
def test_fresh_and_back(client: Client, home: dict[str, str]) -> None:
    edit = put(client, home)
    assert edit.before is None and edit.after is not None
    assert os.stat(edit.path).st_mode & 0o777 == 0o600
    assert install.configured(client, home) == SERVER
    assert not install.put(client, "mcp", SERVER, home).changes
    take(client, home)
    assert tree(home) == []  # the folders that were made go, too


@each
@pytest.mark.parametrize("feed", ["\n", "\r\n"])
def test_an_existing_file_keeps_every_byte(client: Client, home: dict[str, str], feed: str) -> None:
    text = existing(client).replace("\n", feed)
    path = write(client, home, text)
    os.chmod(path, 0o640)
    edit = put(client, home)
    after = path.read_bytes().decode()
    assert edit.after == after and os.stat(path).st_mode & 0o777 == 0o640
    assert install.configured(client, home) == SERVER
    assert "other" in after and (feed == "\n" or after.count("\n") == after.count("\r\n"))
    at, rest = 0, after
    for line in text.split(feed):  # each line is still there, in order; a comma may have come to one
        at = rest.find(line.rstrip(), at)
        assert at >= 0, line
    assert not install.put(client, "mcp", SERVER, home).changes
    put(client, home, OTHER)
    assert install.configured(client, home) == OTHER
    take(client, home)
    assert path.read_bytes().decode() == text
    assert take(client, home) is None


@each
def test_changed_in_between(client: Client, home: dict[str, str]) -> None:
    path = write(client, home, existing(client))
    put(client, home)
    after = path.read_text("utf-8")
    mark = {"json": '"numStartups": 3', "jsonc": '"theme": "dark"', "toml": 'model = "o3"', "yaml": "last: 1"}[client.format]
    mark = "schema: v1" if client.shape == "listed" else mark
    changed = after.replace(mark, mark.replace("3", "44").replace("dark", "light").replace("1", "2"))
    assert changed != after
    path.write_text(changed, "utf-8")
    take(client, home)
    left = path.read_text("utf-8")
    assert "groma" not in left and "other" in left
    assert left == existing(client).replace(mark, mark.replace("3", "44").replace("dark", "light").replace("1", "2"))


@each
def test_without_the_record_our_entry_goes(client: Client, home: dict[str, str]) -> None:
    path = write(client, home, existing(client))
    put(client, home)
    (Path(home["HOME"]).parent / "data" / "agents.json").unlink()
    take(client, home)
    assert path.read_text("utf-8") == existing(client)


@pytest.mark.parametrize("client", [c for c in CLIENTS if c.format == "json"], ids=lambda c: c.name)
def test_what_the_user_added_to_our_entry_stays(client: Client, home: dict[str, str]) -> None:
    path = write(client, home, json.dumps({client.key: {"groma": {"command": "old", "args": [], "disabled": True}}}))
    put(client, home)
    entry = json.loads(path.read_text("utf-8"))[client.key]["groma"]
    assert entry["disabled"] is True and entry["command"] == SERVER.command
    take(client, home)
    assert json.loads(path.read_text("utf-8"))[client.key]["groma"]["command"] == "old"  # as it was


@each
def test_a_link_stays_a_link(client: Client, home: dict[str, str], tmp_path: Path) -> None:
    """As those have who keep their settings in a repository."""
    path = write(client, home, "")
    path.unlink()
    (tmp_path / "repository").mkdir()
    kept = tmp_path / "repository" / "settings"
    kept.write_text(existing(client), "utf-8")
    os.chmod(kept, 0o640)
    (tmp_path / "dotfiles").symlink_to("repository")
    path.symlink_to(tmp_path / "dotfiles" / "settings")
    put(client, home)
    assert path.is_symlink() and os.readlink(path) == str(tmp_path / "dotfiles" / "settings") and os.stat(kept).st_mode & 0o777 == 0o640
    assert install.configured(client, home) == SERVER and "groma" in kept.read_text("utf-8")
    assert not install.put(client, "mcp", SERVER, home).changes
    take(client, home)
    assert path.is_symlink() and kept.read_text("utf-8") == existing(client) and sorted(os.listdir(kept.parent)) == ["settings"]


@each
def test_links_that_lead_nowhere_and_second_names_are_left_alone(client: Client, home: dict[str, str], tmp_path: Path) -> None:
    path = write(client, home, "")
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match=r"is a link to .*nowhere, which cannot be read .*leaves it alone"):
        put(client, home)
    path.unlink()
    (tmp_path / "kept").write_text(existing(client), "utf-8")
    path.symlink_to(tmp_path / "kept")
    os.chmod(tmp_path / "kept", 0o444)
    with pytest.raises(ConfigurationError, match=r"\(a link to .*kept\) is read-only; groma leaves it alone"):
        put(client, home)
    path.unlink()
    os.chmod(tmp_path / "kept", 0o644)
    path.hardlink_to(tmp_path / "kept")
    with pytest.raises(ConfigurationError, match="2 names"):
        put(client, home)
    assert (tmp_path / "kept").read_text("utf-8") == existing(client)


def test_two_clients_may_share_a_file(home: dict[str, str], tmp_path: Path) -> None:
    shared = tmp_path / "mcp.json"
    shared.write_text(text := COMMENTED["json"].replace("KEY", "mcpServers"), "utf-8")
    both = named(("cursor", "kiro"))
    for client in both:
        path = write(client, home, "")
        path.unlink()
        path.symlink_to(shared)
    edits = [install.put(client, "mcp", SERVER, home) for client in both]
    with recorded(tmp_path / "data") as record:
        for edit in edits:
            record.apply(edit)
        backs = [install.taken_out(client, "mcp", record, home) for client in both]
        for back in backs:
            assert back is not None
            record.apply(back, last=True)
        assert record.paths() == []
    assert shared.read_text("utf-8") == text


BETWEEN = {
    "json": ('"groma": {', '"before": {"command": "b"}, "groma": {'),
    "jsonc": ('"groma": {', '// mine, before\n "before": {"command": "b"}, /* and this */ "groma": {'),
    "toml": ("[KEY.groma]", '# mine, before\n[KEY.before]\ncommand = "b" # and this\n\n# why groma\n[KEY.groma]'),
    "yaml": ("groma:", "groma:"),
}


@each
def test_comments_and_servers_that_came_between_stay(client: Client, home: dict[str, str]) -> None:
    path = write(client, home, existing(client))
    put(client, home)
    old, new = (part.replace("KEY", client.key) for part in BETWEEN[client.format])
    text = path.read_text("utf-8")
    assert text.count(old) == 1 or client.shape == "listed"
    text = text.replace(old, new)
    if client.format == "yaml":
        lines = text.splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if "other" in line)
        indent = " " * (len(lines[at]) - len(lines[at].lstrip()))
        added = ["- name: before\n", "  command: b # and this\n"] if client.shape == "listed" else ["before: # mine\n", "  cmd: b # and this\n"]
        lines[at:at] = [f"{indent}# mine, before\n", *(indent + line for line in added)]
        text = "".join(lines)
    path.write_text(text, "utf-8")
    assert install.configured(client, home) == SERVER
    take(client, home)
    left = path.read_text("utf-8")
    assert install.configured(client, home) is None and "py thon" not in left
    for kept in ("before", "other", *(["mine, before", "and this"] if client.format != "json" else [])):
        assert kept in left, kept
    assert set(left.split()) >= set(existing(client).split()) - {"}", "},", "{", "}}"}
    put(client, home)
    assert install.configured(client, home) == SERVER


def test_a_file_of_ours_that_became_a_link_is_not_taken_away(home: dict[str, str], tmp_path: Path) -> None:
    (client,) = named(("cursor",))
    path = Path(put(client, home).path)
    path.rename(tmp_path / "kept")
    path.symlink_to(tmp_path / "kept")
    with pytest.raises(ConfigurationError, match="is a link now"):
        take(client, home)
    assert path.is_symlink() and (tmp_path / "kept").exists()


@each
def test_read_only_files_are_left_alone(client: Client, home: dict[str, str]) -> None:
    path = write(client, home, existing(client))
    put(client, home)
    before = path.read_bytes()
    os.chmod(path, 0o444)  # also root's
    with pytest.raises(ConfigurationError, match="is read-only; groma leaves it alone"):
        put(client, home, OTHER)
    with pytest.raises(ConfigurationError, match="is read-only"):
        take(client, home)
    assert path.read_bytes() == before


BROKEN: dict[str, list[bytes]] = {
    "json": [b"{", b'{"a": 1} x', b'{"a": 1, "a": 2}', b'{"a": 1, // c\n"b": 2}', b'{"a": 1,}', b"[]", b"nonsense", b'{"KEY": []}',
             b'{"KEY": {"x": {"a": "\n"}}}', b"{" * 300],
    "jsonc": [b"{", b'{"a": 1} x', b'{"a": 1, "a": 2}', b"/* {}", b"[]", b'{"KEY": "x"}', b'{"a" 1}', b'{"a": 1 "b": 2}', b'{"a": [[[' + b"[" * 300],
    "toml": [b"a = ", b'a = 1\na = 2\n', b'KEY = "x"\n', b'KEY = { other = { command = "x" } }\n'],
    "yaml": [b"a: [", b"a: 1\na: 2\n", b"- 1\n", b"KEY: text\n", b"KEY: {other: {cmd: x}}\n", b"a: 1\n---\nb: 2\n", b"\tx: 1\n"],
}  # fmt: skip
ODD = [b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"\0\0\0", b'{"a": "caf\xe9"}']


@each
def test_broken_and_odd_files_are_left_alone(client: Client, home: dict[str, str]) -> None:
    for text in [*BROKEN[client.format], *ODD]:
        path = write(client, home, "")
        path.write_bytes(text.replace(b"KEY", client.key.encode()))
        before = path.read_bytes()
        with pytest.raises(ConfigurationError) as e:
            put(client, home)
        assert str(path) in e.value.message and e.value.message.endswith("leaves it alone."), e.value.message
        assert len(e.value.message.splitlines()) == 1
        assert path.read_bytes() == before


@each
def test_empty_files_are_given_back_empty(client: Client, home: dict[str, str]) -> None:
    path = write(client, home, "\n")
    put(client, home)
    assert install.configured(client, home) == SERVER
    take(client, home)
    assert path.read_bytes() == b"\n"


@each
def test_rows_say_all_that_is_needed(client: Client) -> None:
    assert client.page.startswith("https://") and client.files and client.marks and "mcp" in client.types()
    assert set(client.types()) <= set(TYPES)


def test_a_folder_is_no_file(home: dict[str, str]) -> None:
    (client,) = named(("cursor",))
    Path(install.file_of(client, "mcp", home)).mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="is no file"):
        put(client, home)


def test_a_file_in_the_way_of_a_folder(home: dict[str, str]) -> None:
    (client,) = named(("cursor",))
    Path(home["HOME"], ".cursor").write_text("x")
    with pytest.raises(ConfigurationError, match=r"\.cursor is no folder"):
        put(client, home)


def test_what_changed_since_it_was_read_is_not_overwritten(home: dict[str, str], tmp_path: Path) -> None:
    (client,) = named(("cursor",))
    path = write(client, home, "{}")
    edit = install.put(client, "mcp", SERVER, home)
    path.write_text('{"a": 1}')
    with recorded(tmp_path / "data") as record, pytest.raises(ConfigurationError, match="changed by something else just now"):
        record.apply(edit)
    assert path.read_text() == '{"a": 1}'


def test_continue_is_not_given_a_file_that_hides_another(home: dict[str, str]) -> None:
    (client,) = named(("continue",))
    (old := Path(home["HOME"], ".continue", "config.json")).parent.mkdir()
    old.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"pass over .*config\.json"):
        put(client, home)


def test_the_file_that_exists_is_taken(home: dict[str, str]) -> None:
    (client,) = named(("opencode",))
    path = Path(home["HOME"], ".config", "opencode", "opencode.jsonc")
    path.parent.mkdir(parents=True)
    path.write_text('{\n  // mine\n  "$schema": "x",\n}\n')
    assert put(client, home).path == str(path)


def test_variables_move_folders(home: dict[str, str]) -> None:
    codex, claude, zed = (named((n,))[0] for n in ("codex", "claude-code", "zed"))
    moved = home | {"CODEX_HOME": "/c", "CLAUDE_CONFIG_DIR": "/k", "XDG_CONFIG_HOME": "/x"}
    assert install.file_of(codex, "mcp", moved) == "/c/config.toml"
    assert install.file_of(claude, "mcp", moved) == "/k/.claude.json"
    assert install.file_of(claude, "hooks", moved) == "/k/settings.json"
    assert install.file_of(zed, "mcp", moved) == "/x/zed/settings.json"
    assert place("~/.a/../b", home) == os.path.join(home["HOME"], "b")


def test_found_by_folders_and_commands(home: dict[str, str], tmp_path: Path) -> None:
    assert found(home) == []
    Path(home["HOME"], ".cursor").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "goose").touch(0o755)
    assert [c.name for c in found(home | {"PATH": str(tmp_path / "bin")})] == ["cursor", "goose"]


def test_unknown_names() -> None:
    with pytest.raises(UsageError, match="knows no client 'emacs'; it knows claude-code"):
        named(("emacs",))


# -------------------------------------------------------------------------------------------------- hooks, skill, instructions, link


HOOKED = '{\n  "model": "opus",\n  "hooks": {\n    "PreToolUse": [\n      {"matcher": "Bash", "hooks": [{"type": "command", "command": "mine"}]}\n'
HOOKED += "    ]\n  }\n}\n"


@pytest.mark.parametrize("text", [None, "{}", HOOKED, '{"a":1}', '{"hooks": {}}'])
def test_hooks(home: dict[str, str], text: str | None) -> None:
    (client,) = named(("claude-code",))
    path = Path(install.file_of(client, "hooks", home))
    if text is not None:
        path.parent.mkdir(parents=True)
        path.write_text(text)
    put(client, home, type_="hooks")
    hooks = json.loads(path.read_text())["hooks"]
    assert set(hooks) == {"SessionStart", "PreToolUse", "PostToolUse", "PreCompact", "SessionEnd"}
    assert hooks["PreToolUse"][-1]["hooks"][0]["command"].endswith(" -m groma hook PreToolUse")
    assert len(hooks["PreToolUse"]) == (2 if text == HOOKED else 1)
    assert not install.put(client, "hooks", SERVER, home).changes
    path.write_text(path.read_text().replace('"model": "opus"', '"model": "haiku"'))
    take(client, home, "hooks")
    if text == HOOKED:
        assert path.read_text() == HOOKED.replace("opus", "haiku")
    elif text == "{}":
        assert json.loads(path.read_text() if path.exists() else "{}") == {}
    elif text is None:
        assert not path.exists()


def test_another_interpreter_replaces_our_hooks_alone(home: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    (client,) = named(("claude-code",))
    put(client, home, type_="hooks")
    monkeypatch.setattr("sys.executable", "/new python/bin/python")
    put(client, home, type_="hooks")
    hooks = json.loads(Path(install.file_of(client, "hooks", home)).read_text())["hooks"]
    assert [len(v) for v in hooks.values()] == [1] * 5
    assert hooks["SessionEnd"][0]["hooks"][0]["command"] == "'/new python/bin/python' -m groma hook SessionEnd"


def test_skill(home: dict[str, str]) -> None:
    (client,) = named(("claude-code",))
    path = Path(put(client, home, type_="skill").path)
    assert path.read_text() == SKILL and path.parent.name == "groma"
    path.write_text(SKILL + "mine\n")
    with pytest.raises(ConfigurationError, match="was changed since groma wrote it"):
        take(client, home, "skill")
    path.write_text(SKILL)
    take(client, home, "skill")
    assert tree(home) == []


@pytest.mark.parametrize("text", [None, "", "# Mine\n\nBe brief.\n", "no line end", "a\r\nb\r\n"])
def test_instructions(home: dict[str, str], text: str | None) -> None:
    (client,) = named(("codex",))
    path = Path(install.file_of(client, "instructions", home))
    if text is not None:
        path.parent.mkdir(parents=True)
        path.write_bytes(text.encode())
    put(client, home, type_="instructions")
    assert not install.put(client, "instructions", SERVER, home).changes
    assert path.read_bytes().startswith((text or "").encode())
    take(client, home, "instructions")
    assert (path.read_bytes().decode() if path.exists() else None) == text


def test_instructions_changed_around(home: dict[str, str]) -> None:
    (client,) = named(("claude-code",))
    path = Path(install.file_of(client, "instructions", home))
    path.parent.mkdir(parents=True)
    path.write_text("# Mine\n")
    put(client, home, type_="instructions")
    path.write_text(path.read_text().replace("Mine", "Ours") + "\nMore.\n")
    take(client, home, "instructions")
    assert path.read_text() == "# Ours\n\nMore.\n"


def test_instructions_of_a_project(home: dict[str, str], tmp_path: Path) -> None:
    (client,) = named(("cursor",))
    with pytest.raises(UsageError, match="no file for instructions"):
        install.put(client, "instructions", SERVER, home)
    assert install.put(client, "instructions", SERVER, home, str(tmp_path)).path == str(tmp_path / "AGENTS.md")


def test_markers_that_are_no_pair(home: dict[str, str]) -> None:
    (client,) = named(("codex",))
    path = Path(install.file_of(client, "instructions", home))
    path.parent.mkdir(parents=True)
    path.write_text("<!-- groma:usage:begin -->\nx\n")
    with pytest.raises(ConfigurationError, match="not one pair"):
        put(client, home, type_="instructions")


def test_knowledge_manager_in_a_bin_folder(home: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "agent" / "bin"
    with recorded(tmp_path / "data") as record:
        edit = install.linked(str(folder))
        record.apply(edit)
        assert os.access(folder / "knowledge-manager", os.X_OK) and not install.linked(str(folder)).changes
        (back,) = [install.unlinked(str(folder), record)]
        assert back is not None
        record.apply(back, last=True)
        assert not folder.exists() and install.unlinked(str(folder), record) is None
        folder.mkdir(parents=True)
        (folder / "knowledge-manager").write_text("theirs")
        with pytest.raises(ConfigurationError, match="is there already and is not ours"):
            install.linked(str(folder))


def test_the_record_survives_nonsense(tmp_path: Path) -> None:
    for text in ("", "[]", '{"files": 3}', "\0"):
        (tmp_path / "agents.json").write_text(text)
        assert Record(tmp_path / "agents.json").paths() == []


def test_the_record_holds_no_copy_of_a_file(home: dict[str, str], tmp_path: Path) -> None:
    (client,) = named(("cursor",))
    write(client, home, '{"mcpServers": {"paid": {"command": "x", "args": [], "env": {"TOKEN": "very-secret"}}}}')
    put(client, home)
    kept = tmp_path / "data" / "agents.json"
    assert "very-secret" not in kept.read_text() and os.stat(kept).st_mode & 0o777 == 0o600
