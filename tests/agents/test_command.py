"""Where the server's program is found, in installations that pip really made: a virtual environment, and `--user`."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from groma.agents.command import program

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
BASE = getattr(sys, "_base_executable", sys.executable)
ASK = "import json; from groma.agents.command import program, server; s = server({}); print(json.dumps([s.command, s.args, program('groma')]))"
FRONT = b"#!/bin/sh\nexit 0\n"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the front")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree with the plain core, and a front that is a shell script: as a wheel has one that cargo built."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "src", folder / "tree" / "src", ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy2(ROOT / name, folder / "tree")
    env = os.environ | {"GROMA_BUILD_CORE": "pure"}
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-cache-dir", "-w", str(folder), str(folder / "tree")]
    subprocess.run(build, check=True, env=env, capture_output=True)
    (made,) = folder.glob("*.whl")
    name = "-".join(made.name.split("-")[:2])
    digest = base64.urlsafe_b64encode(hashlib.sha256(FRONT).digest()).rstrip(b"=").decode()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(folder / "new", "w") as new:
        for entry in old.infolist():
            more = f"{name}.data/scripts/groma-mcp,sha256={digest},{len(FRONT)}\n".encode() if entry.filename.endswith("/RECORD") else b""
            new.writestr(entry, old.read(entry) + more)
        front = zipfile.ZipInfo(f"{name}.data/scripts/groma-mcp")
        front.external_attr = 0o100755 << 16
        new.writestr(front, FRONT)
    os.replace(folder / "new", made)
    return made


def clean() -> dict[str, str]:
    """This environment, without what would show pip a groma that is not installed there."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


def asked(python: str, **environment: str) -> tuple[str, list[str], str]:
    """What an installed groma says of itself; nothing of this tree is on its path."""
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", **environment}
    said = subprocess.run([python, "-c", ASK], check=True, capture_output=True, cwd="/", env=env, text=True).stdout
    command, args, groma = json.loads(said)
    return command, args, groma


def test_in_a_virtual_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    subprocess.run([*PIP, "--python", python, "install", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True, env=clean())
    folder = tmp_path / "venv" / "bin"
    assert asked(python) == (str(folder / "groma-mcp"), ["--python", python], str(folder / "groma"))
    (folder / "groma-mcp").unlink()
    assert asked(python)[:2] == (python, ["-m", "groma", "mcp"])


def test_for_a_user(wheel: Path, tmp_path: Path) -> None:
    user = {"PYTHONUSERBASE": str(tmp_path / "user")}
    env = clean() | user
    install = [BASE, "-m", "pip", "--disable-pip-version-check", "install", "--user", "--no-deps", "--no-index", str(wheel)]
    if subprocess.run([BASE, "-m", "pip", "--version"], capture_output=True, env=env, check=False).returncode:
        pytest.skip("the Python below this environment has no pip: --user was NOT tried")
    subprocess.run(install, check=True, capture_output=True, env=env | {"PIP_BREAK_SYSTEM_PACKAGES": "1"})
    folder = tmp_path / "user" / "bin"
    assert asked(BASE, **user) == (str(folder / "groma-mcp"), ["--python", BASE], str(folder / "groma"))


def test_in_the_environment_of_these_tests() -> None:
    """Which is an editable installation, as a rule."""
    found = Path(sysconfig.get_path("scripts")) / "groma"
    if found.exists():
        assert program("groma") == str(found)
    assert program("no-such-program") is None
