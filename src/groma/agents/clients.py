"""The agents groma knows: a row each, with the page it was written from.

A path may begin with `~`, and `{NAME:default}` stands for an environment variable that may move a folder; `{APPS}` is where this system keeps the
settings of applications. `verified` names the version of the client's own command-line tool that listed our server from what we wrote, or offered
its tools to a model, and the day (`tools/clients.py` does it again); "" says that the row is written from documentation and untried.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from shutil import which

from ..errors import UsageError
from ..values import value

__all__ = ["CLIENTS", "TYPES", "Client", "found", "named", "place"]

TYPES = ("mcp", "instructions", "hooks", "skill")
"""What can be installed."""


@value
class Client:
    """One agent.

    `files`: where its MCP servers are set, the first that exists, else the first; `format`: json, jsonc (comments and trailing commas), toml, yaml;
    `key`: below which key; `shape`: what an entry looks like (`entries.py`). `instructions`: its user-wide instructions file ("" if it has none that
    is a file), `rules`: the one in a project; `settings` and `skills`: for hooks and skills ("" for none). `marks`: what shows that it is here,
    besides `commands` on the PATH. `instead`: a file that would be passed over if ours were made beside it.
    """

    name: str
    title: str
    page: str
    files: tuple[str, ...]
    format: str
    key: str
    shape: str
    marks: tuple[str, ...]
    commands: tuple[str, ...] = ()
    instructions: str = ""
    rules: str = "AGENTS.md"
    settings: str = ""
    skills: str = ""
    instead: str = ""
    verified: str = ""

    def types(self) -> tuple[str, ...]:
        """What can be installed for it."""
        return ("mcp", "instructions", *(["hooks"] if self.settings else []), *(["skill"] if self.skills else []))


CLIENTS: tuple[Client, ...] = (
    Client(
        name="claude-code",
        title="Claude Code",
        page="https://code.claude.com/docs/en/mcp",
        files=("{CLAUDE_CONFIG_DIR:~}/.claude.json",),
        format="json",
        key="mcpServers",
        shape="typed",
        marks=("{CLAUDE_CONFIG_DIR:~/.claude}", "~/.claude.json"),
        commands=("claude",),
        instructions="{CLAUDE_CONFIG_DIR:~/.claude}/CLAUDE.md",
        rules="CLAUDE.md",
        settings="{CLAUDE_CONFIG_DIR:~/.claude}/settings.json",
        skills="{CLAUDE_CONFIG_DIR:~/.claude}/skills",
        verified="2.1.197 on 2026-11-21",
    ),
    Client(
        name="cursor",
        title="Cursor",
        page="https://cursor.com/docs/mcp",
        files=("~/.cursor/mcp.json",),
        format="json",
        key="mcpServers",
        shape="plain",
        marks=("~/.cursor",),
        commands=("cursor", "cursor-agent"),
    ),
    Client(
        name="vscode",
        title="VS Code",
        page="https://code.visualstudio.com/docs/agents/reference/mcp-configuration",
        files=("{APPS}/Code/User/mcp.json",),
        format="jsonc",
        key="servers",
        shape="typed",
        marks=("{APPS}/Code/User",),
        commands=("code",),
    ),
    Client(
        name="codex",
        title="Codex",
        page="https://developers.openai.com/codex/mcp",
        files=("{CODEX_HOME:~/.codex}/config.toml",),
        format="toml",
        key="mcp_servers",
        shape="plain",
        marks=("{CODEX_HOME:~/.codex}",),
        commands=("codex",),
        instructions="{CODEX_HOME:~/.codex}/AGENTS.md",
        verified="0.169.0 on 2026-11-21",
    ),
    Client(
        name="gemini",
        title="Gemini CLI",
        page="https://geminicli.com/docs/tools/mcp-server/",
        files=("~/.gemini/settings.json",),
        format="jsonc",
        key="mcpServers",
        shape="plain",
        marks=("~/.gemini",),
        commands=("gemini",),
        instructions="~/.gemini/GEMINI.md",
        rules="GEMINI.md",
        verified="0.61.0 on 2026-11-21",
    ),
    Client(
        name="windsurf",
        title="Windsurf (before Devin Desktop)",
        page="https://docs.windsurf.com/windsurf/cascade/mcp",
        files=("~/.codeium/windsurf/mcp_config.json",),
        format="json",
        key="mcpServers",
        shape="plain",
        marks=("~/.codeium/windsurf",),
        commands=("windsurf",),
        instructions="~/.codeium/windsurf/memories/global_rules.md",
    ),
    Client(
        name="devin",
        title="Devin Desktop",  # what Windsurf is called since June 2026; it reads another file than before
        page="https://docs.devin.ai/desktop/cascade/mcp",
        files=("~/.config/devin/mcp_config.json",),
        format="json",
        key="mcpServers",
        shape="plain",
        marks=("~/.config/devin",),
        commands=("devin",),
    ),
    Client(
        name="zed",
        title="Zed",
        page="https://zed.dev/docs/ai/mcp",
        files=("{XDG_CONFIG_HOME:~/.config}/zed/settings.json",),
        format="jsonc",
        key="context_servers",
        shape="plain",
        marks=("{XDG_CONFIG_HOME:~/.config}/zed",),
        commands=("zed", "zeditor"),
    ),
    Client(
        name="opencode",
        title="OpenCode",
        page="https://opencode.ai/docs/mcp-servers/",
        files=("{XDG_CONFIG_HOME:~/.config}/opencode/opencode.json", "{XDG_CONFIG_HOME:~/.config}/opencode/opencode.jsonc"),
        format="jsonc",
        key="mcp",
        shape="opencode",
        marks=("{XDG_CONFIG_HOME:~/.config}/opencode",),
        commands=("opencode",),
        instructions="{XDG_CONFIG_HOME:~/.config}/opencode/AGENTS.md",
        verified="1.18.33 on 2026-11-21",
    ),
    Client(
        name="goose",
        title="Goose",
        page="https://block.github.io/goose/docs/guides/config-files",
        files=("{XDG_CONFIG_HOME:~/.config}/goose/config.yaml",),
        format="yaml",
        key="extensions",
        shape="goose",
        marks=("{XDG_CONFIG_HOME:~/.config}/goose",),
        commands=("goose",),
        instructions="{XDG_CONFIG_HOME:~/.config}/goose/.goosehints",
        verified="1.34.0 on 2026-11-21",
    ),
    Client(
        name="cline",
        title="Cline",
        page="https://docs.cline.bot/mcp/mcp-overview",
        files=("~/.cline/data/settings/cline_mcp_settings.json",),
        format="json",
        key="mcpServers",
        shape="plain",
        marks=("~/.cline",),
        commands=("cline",),
        verified="3.0.65 on 2026-11-21",
    ),
    Client(
        name="continue",
        title="Continue",
        page="https://docs.continue.dev/customize/deep-dives/mcp",
        files=("~/.continue/config.yaml",),
        format="yaml",
        key="mcpServers",
        shape="listed",
        marks=("~/.continue",),
        commands=("cn",),
        instead="~/.continue/config.json",
        verified="1.5.47 on 2026-11-21",
    ),
    Client(
        name="jetbrains",
        title="JetBrains (Junie)",
        page="https://junie.jetbrains.com/docs/junie-cli-mcp-configuration.html",
        files=("~/.junie/mcp/mcp.json",),
        format="json",
        key="mcpServers",
        shape="plain",
        marks=("~/.junie", "{APPS}/JetBrains"),
        commands=("junie",),
    ),
    Client(
        name="amp",
        title="Amp",
        page="https://ampcode.com/manual",
        files=("{XDG_CONFIG_HOME:~/.config}/amp/settings.json",),
        format="jsonc",
        key="amp.mcpServers",
        shape="plain",
        marks=("{XDG_CONFIG_HOME:~/.config}/amp",),
        commands=("amp",),
        instructions="{XDG_CONFIG_HOME:~/.config}/amp/AGENTS.md",
        verified="0.0.1790142911 on 2026-11-21",
    ),
    Client(
        name="qwen",
        title="Qwen Code",
        page="https://qwenlm.github.io/qwen-code-docs/en/users/features/mcp/",
        files=("~/.qwen/settings.json",),
        format="jsonc",
        key="mcpServers",
        shape="plain",
        marks=("~/.qwen",),
        commands=("qwen",),
        instructions="~/.qwen/QWEN.md",
        rules="QWEN.md",
        verified="0.15.10 on 2026-11-21",
    ),
    Client(
        name="kiro",
        title="Kiro",
        page="https://kiro.dev/docs/mcp/configuration",
        files=("~/.kiro/settings/mcp.json",),
        format="json",
        key="mcpServers",
        shape="plain",
        marks=("~/.kiro",),
        commands=("kiro", "kiro-cli"),
        instructions="~/.kiro/steering/groma.md",
    ),
)

_BY_NAME = {client.name: client for client in CLIENTS}
_VARIABLE = re.compile(r"\{([A-Z_]+):([^}]*)\}")


def named(names: tuple[str, ...]) -> list[Client]:
    """The clients of these names, in the table's order. Raises UsageError for a name that is not in it."""
    for name in names:
        if name not in _BY_NAME:
            raise UsageError(f"groma knows no client {name!r}; it knows {', '.join(_BY_NAME)}.")
    return [client for client in CLIENTS if client.name in names]


def found(environment: Mapping[str, str]) -> list[Client]:
    """The clients that are on this machine: a folder of theirs is there, or a command of theirs is on the PATH."""
    path = environment.get("PATH", "")
    return [
        client
        for client in CLIENTS
        if any(os.path.exists(place(mark, environment)) for mark in client.marks) or any(which(command, path=path) for command in client.commands)
    ]


def place(template: str, environment: Mapping[str, str]) -> str:
    """The absolute path that a row's template means on this machine."""
    home = environment.get("HOME" if os.name != "nt" else "USERPROFILE") or os.path.expanduser("~")
    if sys.platform == "darwin":
        apps = f"{home}/Library/Application Support"
    elif sys.platform == "win32":
        apps = environment.get("APPDATA") or f"{home}/AppData/Roaming"
    else:
        apps = "{XDG_CONFIG_HOME:~/.config}"
    path = _VARIABLE.sub(lambda m: environment.get(m[1]) or m[2], template.replace("{APPS}", apps))
    return os.path.normpath(os.path.join(home, path[2:] if path.startswith("~/") else "" if path == "~" else path))
