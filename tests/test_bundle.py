"""What other programs install groma from is current, and of the form that is asked for."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

from groma import __version__
from groma.agents.entries import EVENTS
from tools import bundle, clients

ROOT = Path(__file__).parents[1]


def test_the_plugin_is_current() -> None:
    files = bundle.plugin()
    there = {str(p.relative_to(ROOT / "plugins")) for p in (ROOT / "plugins").rglob("*") if p.is_file()}
    assert there == set(files)
    for name, text in files.items():
        assert (ROOT / "plugins" / name).read_text("utf-8") == text, "run: python tools/bundle.py"
    assert set(json.loads(files["groma/hooks/hooks.json"])["hooks"]) == set(EVENTS)


def test_the_bundle_holds_what_it_starts(tmp_path: Path) -> None:
    path = bundle.bundle(tmp_path)
    with zipfile.ZipFile(path) as packed:
        names = set(packed.namelist())
        manifest = json.loads(packed.read("manifest.json"))
    assert {"pyproject.toml", "setup.py", "Cargo.lock", "rust/core/src/lib.rs", manifest["server"]["entry_point"]} <= names
    assert not [n for n in names if n.endswith((".so", ".pyc"))]
    assert manifest["manifest_version"] == "0.4" and manifest["version"] == __version__ and manifest["tools"]
    again = hashlib.sha256(bundle.bundle(tmp_path / "again").read_bytes()).hexdigest()
    server = bundle.server("io.github.x/groma", "https://example.org/groma.mcpb", path)
    assert server["packages"][0]["fileSha256"] == again  # the same sources, the same bytes
    assert 1 <= len(server["description"]) <= 100 and re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", server["name"])


def test_the_clients_that_are_asked_are_those_called_verified() -> None:
    from groma.agents.clients import CLIENTS

    assert {c.name for c in CLIENTS if c.verified} == set(clients.TOOLS)
    assert all(re.fullmatch(r"\d[\w.-]* on \d{4}-\d\d-\d\d", c.verified) for c in CLIENTS if c.verified)
