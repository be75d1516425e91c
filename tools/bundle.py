"""Write what other programs install groma from: `python tools/bundle.py` writes `plugins/` (a Claude Code marketplace with one plugin: server,
hooks, skill; a test checks that it is current). With `--out FOLDER` also `groma-VERSION.mcpb`, a bundle for desktop clients that run Python with
uv, and with `--url` (where that bundle will lie) and `--name` the `server.json` by which the MCP registry lists it. It publishes nothing.

The bundle holds the sources that git tracks, so it needs no package of our name in a registry; its dependencies come from PyPI when it is first run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from groma import __version__
from groma.agents.entries import EVENTS, HOOK_S, SKILL

ROOT = Path(__file__).parents[1]
SUMMARY = "Finds the right lines of code, documents and memories in a repository; nothing leaves the machine."
SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-09-29/server.schema.json"
PACKED = ("src", "rust", "pyproject.toml", "setup.py", "Cargo.toml", "Cargo.lock", "MANIFEST.in", "README.md", "LICENSE")
"""What a bundle is built from."""


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def plugin() -> dict[str, str]:
    """The files below plugins/, by path. Commands are found on the PATH: a plugin goes from machine to machine."""
    about = {"name": "groma", "version": __version__, "description": SUMMARY}
    hooks = {
        event: [({"matcher": tools} if tools else {}) | {"hooks": [{"type": "command", "command": f"groma hook {event}", "timeout": HOOK_S}]}]
        for event, tools in EVENTS.items()
    }
    marketplace = {
        "name": "groma",
        "description": SUMMARY,
        "owner": {"name": "groma"},
        "plugins": [{"name": "groma", "source": "./groma", "description": SUMMARY}],
    }
    return {
        ".claude-plugin/marketplace.json": _json(marketplace),
        "groma/.claude-plugin/plugin.json": _json(
            about | {"author": {"name": "groma"}, "license": "Apache-2.0", "keywords": ["search", "memory", "mcp"]}
        ),
        "groma/.mcp.json": _json({"mcpServers": {"groma": {"command": "groma", "args": ["mcp"]}}}),
        "groma/hooks/hooks.json": _json({"hooks": hooks}),
        "groma/skills/groma/SKILL.md": SKILL,
    }


def manifest() -> dict[str, Any]:
    """The bundle's manifest.json (version 0.4)."""
    from groma.serve.tools import catalogue

    tools = [{"name": tool["name"], "description": tool["description"].splitlines()[0]} for tool in catalogue("core")["tools"]]
    return {
        "manifest_version": "0.4",
        "name": "groma",
        "display_name": "groma",
        "version": __version__,
        "description": SUMMARY,
        "author": {"name": "groma"},
        "license": "Apache-2.0",
        "keywords": ["code search", "memory", "retrieval"],
        "server": {
            "type": "uv",
            "entry_point": "src/groma/__main__.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "groma", "mcp"],
                "env": {"CLAUDE_PROJECT_DIR": "${user_config.project}"},
            },
        },
        "user_config": {
            "project": {
                "type": "directory",
                "title": "Project",
                "description": "The folder that is searched where a question names none.",
                "required": True,
            }
        },
        "tools": tools,
        "compatibility": {"platforms": ["darwin", "linux"], "runtimes": {"python": ">=3.11"}},
    }


def bundle(folder: Path) -> Path:
    """Write the bundle; the same sources give the same bytes."""
    tracked = subprocess.run(["git", "ls-files", "-z", "--", *PACKED], cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    path = folder / f"groma-{__version__}.mcpb"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr(zipfile.ZipInfo("manifest.json", (2020, 1, 1, 0, 0, 0)), _json(manifest()), zipfile.ZIP_DEFLATED)
        for name in sorted(filter(None, tracked)):
            packed.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), (ROOT / name).read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def server(name: str, url: str, packed: Path) -> dict[str, Any]:
    """The registry's server.json: a name in reverse-DNS form, and where the bundle will lie."""
    return {
        "$schema": SCHEMA,
        "name": name,
        "description": SUMMARY,
        "version": __version__,
        "packages": [
            {
                "registryType": "mcpb",
                "identifier": url,
                "version": __version__,
                "fileSha256": hashlib.sha256(packed.read_bytes()).hexdigest(),
                "transport": {"type": "stdio"},
                "environmentVariables": [
                    {
                        "name": "GROMA_DATA_DIR",
                        "description": "Where groma keeps everything; default: the user's data directory",
                        "format": "filepath",
                    }
                ],
            }
        ],
    }


def main() -> int:
    """Write the plugin, and with --out the bundle."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, help="where the bundle goes")
    parser.add_argument("--url", help="where the bundle will lie, for server.json")
    parser.add_argument("--name", default="io.github.groma/groma", help="the name in the registry, for server.json")
    given = parser.parse_args()
    for name, text in plugin().items():
        path = ROOT / "plugins" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    if given.out:
        packed = bundle(given.out)
        print(f"{packed} ({packed.stat().st_size / 1e6:.1f} MB)")
        if given.url:
            (given.out / "server.json").write_text(_json(server(given.name, given.url, packed)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
