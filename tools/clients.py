"""Ask the clients themselves: install each command-line tool that npm has, write our configuration as `groma install` does, and let the tool list its
MCP servers, or offer their tools to a model. `python tools/clients.py [NAME …] [--fetch]` prints a row a client; the exit status is 1 if one that
could be asked does not list us.

The tools land in `GROMA_CORPORA` (default `.cache`), in a folder `clients`; without `--fetch` nothing is fetched. Each is asked in a home of its own,
in a network namespace without a network where this user may make one. What a row says goes into `verified` of `src/groma/agents/clients.py` by hand,
and from there into docs/agents.md. Not asked are those whose tool no registry has (Cursor, VS Code, Windsurf, Zed, Kiro; of Junie npm has only what
fetches it from elsewhere), or that list nothing without a terminal or an account.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]

TOOLS: dict[str, tuple[str, str, list[str]]] = {
    "claude-code": ("@anthropic-ai/claude-code", "claude", ["mcp", "list"]),
    "codex": ("@openai/codex", "codex", ["mcp", "list", "--json"]),
    "gemini": ("@google/gemini-cli", "gemini", ["mcp", "list"]),
    "opencode": ("opencode-ai", "opencode", ["mcp", "list"]),
    "cline": ("cline", "cline", ["config", "mcp", "--json"]),
    "amp": ("@sourcegraph/amp", "amp", ["mcp", "list"]),
    "qwen": ("@qwen-code/qwen-code", "qwen", ["mcp", "list"]),
    "goose": ("@aaif/goose", "goose", ["run", "--no-session", "--text", "Say yes."]),
    "continue": ("@continuedev/cli", "cn", ["-p", "Say yes.", "--config", "{HOME}/silent.yaml"]),
}
"""A client's npm package, its command, and what makes it list its MCP servers."""
OFFERS = ("goose", "continue")
"""Those that tell a model of their servers' tools, and nobody else (`silent_model.py`)."""
GOOSE = {"GOOSE_PROVIDER": "openai", "GOOSE_MODEL": "silent", "OPENAI_API_KEY": "none", "OPENAI_HOST": "{MODEL}", "GOOSE_DISABLE_KEYRING": "1"}
CONTINUE = """name: mine
version: 1.0.0
schema: v1
models:
  - name: silent
    provider: openai
    model: silent
    apiKey: none
    apiBase: MODEL/v1
"""
CONNECTED = re.compile(r"connected", re.IGNORECASE)


def folder() -> Path:
    """Where the tools lie."""
    return Path(os.environ.get("GROMA_CORPORA") or ROOT / ".cache") / "clients"


def binary(name: str) -> Path:
    """A client's command."""
    return folder() / name / "node_modules" / ".bin" / TOOLS[name][1]


def fetch(name: str) -> None:
    """Install a client's tool from npm. Raises subprocess.CalledProcessError if it cannot be had."""
    into = folder() / name
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as elsewhere:  # where no folder is called like the package
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", str(into), TOOLS[name][0]]
        subprocess.run(npm, check=True, cwd=elsewhere, stdout=subprocess.DEVNULL, timeout=600)


def offline() -> list[str]:
    """What starts a command without a network, where that is allowed."""
    alone = ["unshare", "-n"]
    works = shutil.which("unshare") and subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    return alone if works else []


def ask(name: str, environment: Callable[[Path], dict[str, str]]) -> tuple[bool, str]:
    """Write our configuration, let the client list its servers; whether ours is among them, and what it says: its version, and if it connected."""
    with tempfile.TemporaryDirectory(prefix="groma-clients-") as home:
        project = Path(home) / "project"
        project.mkdir()
        (Path(home) / ".gemini").mkdir()
        (Path(home) / ".gemini" / "trustedFolders.json").write_text(json.dumps({str(project): "TRUST_FOLDER"}))  # elsewhere it starts no server
        env = environment(Path(home))
        beside = [sys.executable, str(ROOT / "tools" / "silent_model.py")] if name in OFFERS else []
        if name == "continue":
            beside += ["sh", "-c", f'sed "s|MODEL|{{MODEL}}|" {home}/.continue/config.yaml > {home}/silent.yaml; exec "$@"', "sh"]
            (Path(home) / ".continue").mkdir()
            (Path(home) / ".continue" / "config.yaml").write_text(CONTINUE)
        install = [sys.executable, "-m", "groma", "install", name, "--yes"]
        subprocess.run(install, check=True, cwd=project, env=env, stdout=subprocess.DEVNULL, timeout=120)

        def run(*words: str) -> str:
            command = [*offline(), *(beside if words != ("--version",) else []), str(binary(name)), *(w.replace("{HOME}", home) for w in words)]
            more = GOOSE if name == "goose" else {}
            said = subprocess.run(command, cwd=project, env=env | more, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
            return re.sub(r"\x1b\[[0-9;]*m", "", (said.stdout + said.stderr).decode("utf-8", "replace"))

        version = next(iter(re.findall(r"\d+\.\d+\.\d+[\w.-]*", run("--version"))), "?")
        listed = run(*TOOLS[name][2])
        if name in OFFERS:
            ours = re.search(r"offered to the model:.*search_code\b", listed) is not None
        else:
            ours = re.search(r"\bgroma\b", listed) is not None and (name == "cline" or sys.executable in listed)
        uninstalled = subprocess.run(
            [sys.executable, "-m", "groma", "uninstall", name, "--yes"], cwd=project, env=env, capture_output=True, check=False
        )
        after = run(*TOOLS[name][2]).replace(home, "")
        gone = uninstalled.returncode == 0 and re.search(r"search_code" if name in OFFERS else r"\bgroma\b(?!-clients)", after) is None
        gone = gone and (name not in OFFERS or "offered to the model: " in after)
        state = "connected" if name in OFFERS or CONNECTED.search(listed) else "listed"
        return ours and gone, f"{version}, {state}, and gone after uninstall" if ours and gone else f"{version}: {listed[-300:]!r}"


def main() -> int:
    """Ask those named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*TOOLS, []], metavar="NAME")
    parser.add_argument("--fetch", action="store_true", help="install the tools from npm first")
    given = parser.parse_args()

    def environment(home: Path) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "LANG") if key in os.environ}
        return kept | {"HOME": str(home), "GROMA_DATA_DIR": str(home / "data"), "GROMA_DAEMON": "off", "TERM": "dumb", "NO_COLOR": "1"}

    bad = 0
    for name in given.names or TOOLS:
        if given.fetch and not binary(name).exists():
            try:
                fetch(name)
            except (OSError, subprocess.SubprocessError) as e:
                print(f"{name:12} cannot be had: {e}", file=sys.stderr)
        if not binary(name).exists():
            print(f"{name:12} is not here (--fetch)")
            continue
        good, what = ask(name, environment)
        bad += not good
        print(f"{name:12} {'ok  ' if good else 'NOT '} {what} ({datetime.now(UTC):%Y-%m-%d})")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
