"""What `pip install .` makes of this tree: with cargo, without it, and from a source distribution. Real builds by the real backend."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIMIT_BYTES = 40_000_000
CARGO = shutil.which("cargo")
BARE = "/nowhere"
"""A PATH without cargo and without any compiler."""
SAID = "groma: no compiled core was built; this package runs on the plain-Python core (slower)."

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked files, as a clean clone has them, and beside them what earlier builds may have left."""
    folder = tmp_path_factory.mktemp("packaging") / "groma"
    named = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, os.fsdecode(named).split("\0")):
        if not name.startswith(("tests/", "bench/")) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for stale in ("src/groma/_rs.abi3.so", "build/lib/groma/_rs.abi3.so"):
        (folder / stale).parent.mkdir(parents=True, exist_ok=True)
        (folder / stale).write_bytes(b"of an earlier build")
    return folder


def wheel(tree: Path, into: Path, code: int = 0, **environment: str) -> tuple[Path | None, str]:
    """Build a wheel; returns it and all that was said."""
    command = [sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "--no-build-isolation", "--no-cache-dir", "-w", str(into), str(tree)]
    env = {k: v for k, v in os.environ.items() if k not in ("GROMA_BUILD_CORE", "GROMA_CORE")} | environment
    done = subprocess.run([*command, "--disable-pip-version-check"], capture_output=True, text=True, env=env, timeout=900)
    said = done.stdout + done.stderr
    assert done.returncode == code, said[-4000:]
    return next(into.glob("*.whl"), None), said


def test_a_plain_wheel_is_for_every_machine_and_holds_no_library(tree: Path, tmp_path: Path) -> None:
    made, said = wheel(tree, tmp_path, GROMA_BUILD_CORE="pure")
    assert made is not None
    assert made.name.endswith("-py3-none-any.whl")
    assert said.count(SAID) == 1
    assert made.stat().st_size < LIMIT_BYTES
    with zipfile.ZipFile(made) as z:
        names = z.namelist()
        (about,) = [z.read(n).decode() for n in names if n.endswith(".dist-info/WHEEL")]
    assert "Root-Is-Purelib: true" in about
    assert [n for n in names if n.endswith((".so", ".pyd", ".rs", "groma-mcp"))] == []
    for source in (ROOT / "src/groma").rglob("*"):
        if source.is_file() and source.suffix not in (".pyc", ".so"):
            assert source.relative_to(ROOT / "src").as_posix() in names


def test_without_cargo_the_same_install_succeeds_from_a_source_distribution_too(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path / "tree")
    subprocess.run([sys.executable, "setup.py", "-q", "sdist", "-d", str(tmp_path)], cwd=tmp_path / "tree", check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as t:
        t.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    for name in (
        "Cargo.lock",
        "Cargo.toml",
        "rust/py/build.rs",
        "rust/core/src/lib.rs",
        "rust/stdio/catalogue.json",
        "src/groma/languages/languages.toml",
    ):
        assert (unpacked / name).is_file()
    assert list(unpacked.rglob("*.so")) == []
    made, said = wheel(unpacked, tmp_path, PATH=BARE)
    assert made is not None
    assert made.name.endswith("-py3-none-any.whl")
    assert said.count(SAID) == 1


def test_a_core_that_is_demanded_and_cannot_be_built_fails(tree: Path, tmp_path: Path) -> None:
    assert wheel(tree, tmp_path, 1, PATH=BARE, GROMA_BUILD_CORE="rust")[0] is None


def test_a_wrong_wish_is_one_sentence(tree: Path, tmp_path: Path) -> None:
    _, said = wheel(tree, tmp_path, 1, GROMA_BUILD_CORE="fast")
    assert "GROMA_BUILD_CORE is 'fast'; it must be auto, rust or pure." in said


@pytest.mark.skipif(CARGO is None, reason="no cargo: the wheel with the compiled core is NOT built")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tags and paths of Linux")
def test_a_compiled_wheel_runs_where_no_compiler_is(tree: Path, tmp_path: Path) -> None:
    locked = (tree / "Cargo.lock").read_bytes()
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "wheel"  # its own: beside make's, each would build all anew
    made, _ = wheel(tree, tmp_path, GROMA_BUILD_CORE="rust", CARGO_TARGET_DIR=str(target))
    assert made is not None
    assert "-cp311-abi3-linux_" in made.name
    assert made.stat().st_size < LIMIT_BYTES
    assert (tree / "Cargo.lock").read_bytes() == locked
    uv = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")
    if uv is None:
        pytest.skip("no uv: the wheel was built, but NOT installed")
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    # What it depends on was fetched when this environment was made.
    command = [uv, "pip", "install", "-q", "--offline", "-p", str(home / "bin/python"), str(made)]
    subprocess.run(command, check=True, env={**os.environ, "PATH": BARE}, timeout=300)
    (tmp_path / "project").mkdir()
    (tmp_path / "project/oven.py").write_text("def bake_bread(dough):\n    return dough.warm()\n")
    # No daemon: it would stay when the test is over.
    env = {"PATH": BARE, "HOME": str(tmp_path), "GROMA_DATA_DIR": str(tmp_path / "data"), "GROMA_DAEMON": "off", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [home / "bin/groma", "search", "--repo", tmp_path / "project", "--json", "bake bread"],
        capture_output=True,
        text=True,
        env=env | {"GROMA_CORE": "rust"},
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["core"], answer["hits"][0]["symbol"]) == ("rust", "bake_bread")
    # The front for agents finds the groma beside it.
    asked = [
        {
            "id": 1,
            "method": "initialize",
            "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}},
        },
        {"id": 2, "method": "tools/call", "params": {"name": "search_code", "arguments": {"query": "bake bread"}}},
    ]
    with subprocess.Popen([home / "bin/groma-mcp"], cwd=tmp_path / "project", env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as front:
        assert front.stdin is not None and front.stdout is not None
        front.stdin.write(b"".join(json.dumps({"jsonrpc": "2.0"} | one).encode() + b"\n" for one in asked))
        front.stdin.flush()
        answers = [json.loads(front.stdout.readline())["result"] for _ in asked]
    assert answers[0]["serverInfo"]["name"] == "groma"
    assert answers[1]["structuredContent"]["hits"][0]["symbol"] == "bake_bread"
