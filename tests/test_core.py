"""The door to the core: which one stands behind it, what is said where it is not the one expected, and that a stale one is never used."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from groma import core

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "src/groma/_rs.abi3.so"
"""Where `make` puts it."""

needs_the_library = pytest.mark.skipif(not LIBRARY.is_file(), reason="the compiled core is not built; choosing it is NOT tested (make core)")


def python(code: str, *, source: Path = ROOT / "src", **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "GROMA_CORE"} | {"PYTHONPATH": str(source)} | environment
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60)


NAME = "from groma import core; print(core.NAME)"
DOCTOR = "import sys; sys.argv = ['groma', 'doctor']; from groma.__main__ import main; main()"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a library of its own; returns its `src`."""
    shutil.copytree(ROOT / "src/groma", tmp_path / "src/groma", ignore=shutil.ignore_patterns("models", "__pycache__", "_rs*"))
    (tmp_path / "src/groma/models").symlink_to(ROOT / "src/groma/models")
    shutil.copytree(ROOT / "rust", tmp_path / "rust")
    for name in ("Cargo.toml", "Cargo.lock"):
        shutil.copy2(ROOT / name, tmp_path)
    shutil.copy2(LIBRARY, tmp_path / "src/groma")
    return tmp_path / "src"


@pytest.mark.parametrize("name", core.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(core, name) is not None
    assert name in vars(core)


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        core.nothing  # noqa: B018


@needs_the_library
@pytest.mark.parametrize("name", core.__all__)
def test_both_cores_give_a_name_the_same_signature(name: str) -> None:
    if name in ("NAME", "WHY", "REASONS"):
        return
    module, there = core._PLACES[name]
    if importlib.util.find_spec(f"groma._compiled.{module}") is None:
        return  # the same for both
    pure, compiled = (getattr(importlib.import_module(f"groma.{side}.{module}"), there) for side in ("_pure", "_compiled"))
    if callable(pure) and not inspect.isclass(pure):
        ours, theirs = ([(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()] for f in (pure, compiled))
        assert ours == theirs
    elif not callable(pure):
        assert pure == compiled


def test_importing_the_door_loads_nothing_behind_it(tmp_path: Path) -> None:
    code = "import sys; from groma import core; print(*(m for m in sys.modules if m.startswith('groma._')))"
    assert python(code, GROMA_CORE="pure").stdout.split() == []
    assert set(python(code).stdout.split()) <= {"groma._compiled", "groma._compiled.built", "groma._rs"}


@needs_the_library
def test_a_search_on_the_compiled_core_loads_next_to_nothing_of_the_plain_one(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("def find_retries(): pass\n")
    code = (
        "import sys; from groma.cli.main import cli\n"
        f"cli.main(['search', '--repo', {str(tmp_path / 'code')!r}, 'find retries'], standalone_mode=False)\n"
        "print(*(m for m in sys.modules if m.startswith('groma._pure.')))"
    )
    done = python(code, GROMA_CORE="rust", GROMA_DATA_DIR=str(tmp_path / "data"))
    assert "find_retries" in done.stdout, done.stderr
    assert set(done.stdout.splitlines()[-1].split()) <= {f"groma._pure.{name}" for name in ("arrays", "cards", "segment", "texts")}


def test_pure_never_loads_the_library() -> None:
    code = "import sys; from groma import core; core.scan_texts([('a.py', b'def f(): pass')]); print('groma._rs' in sys.modules, core.NAME)"
    assert python(code, GROMA_CORE="pure").stdout == "False pure\n"


@pytest.mark.parametrize("verb", ["doctor", "status", "search", "mcp", "config"])
def test_a_wrong_value_is_one_sentence_and_exit_3(verb: str, tmp_path: Path) -> None:
    arguments = {"search": ["x"], "config": ["show"]}.get(verb, [])
    done = subprocess.run(
        [sys.executable, "-m", "groma", verb, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "GROMA_CORE": "fast", "GROMA_DATA_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "groma: GROMA_CORE is 'fast'; it must be one of auto, pure, rust.\n")


def test_help_does_not_ask_for_a_core() -> None:
    done = subprocess.run([sys.executable, "-m", "groma", "--help"], capture_output=True, text=True, env={**os.environ, "GROMA_CORE": "fast"})
    assert done.returncode == 0


@needs_the_library
@pytest.mark.parametrize("wanted", ["auto", "rust", ""])
def test_the_compiled_core_is_used_where_it_is_built(checkout: Path, wanted: str) -> None:
    done = python(NAME, source=checkout, GROMA_CORE=wanted)
    assert (done.stdout, done.stderr) == ("rust\n", "")


@needs_the_library
def test_a_source_that_was_only_touched_makes_nothing_stale(checkout: Path) -> None:
    os.utime(checkout.parent / "rust/core/src/lib.rs")
    assert python(NAME, source=checkout).stdout == "rust\n"


@needs_the_library
@pytest.mark.parametrize("change", ["rust/core/src/lib.rs", "src/groma/languages/python/tags.scm", "Cargo.lock", "new", "gone", "swapped"])
def test_a_stale_library_is_not_used(checkout: Path, change: str, tmp_path: Path) -> None:
    root = checkout.parent
    old = root / "rust/core/src/git/index.rs"
    if change == "new":
        (root / "rust/core/src/more.rs").write_text("")
        os.utime(root / "rust/core/src/more.rs", (1, 1))  # unpacked with the time of its archive
    elif change == "gone":
        old.unlink()
    elif change == "swapped":  # the same size
        old.write_bytes(old.read_bytes().swapcase())
    else:
        with open(root / change, "a") as f:
            f.write("\n")
    done = python(NAME, source=checkout)
    assert done.stdout == "pure\n"
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(
        "groma: the compiled core was made from other sources than those beside it, so the plain one is used (slower); run "
    )
    assert python(NAME, source=checkout, GROMA_CORE="pure").stderr == ""
    done = python(DOCTOR, source=checkout, GROMA_CORE="rust", GROMA_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 3
    assert done.stderr.startswith("groma: GROMA_CORE is rust, and the compiled core was made from other sources")
    assert done.stderr.count("\n") == 1


@needs_the_library
def test_a_library_of_another_version_is_not_used(checkout: Path) -> None:
    shutil.rmtree(checkout.parent / "rust")  # as in an installed package, which has no sources to compare with
    assert python(NAME, source=checkout).stdout == "rust\n"
    init = checkout / "groma/__init__.py"
    init.write_text(init.read_text().replace('__version__ = "', '__version__ = "9.'))
    done = python(NAME, source=checkout)
    assert done.stdout == "pure\n"
    assert "belongs to groma " in done.stderr


@needs_the_library
def test_without_a_library_the_plain_core_is_used_quietly_unless_the_other_is_demanded(checkout: Path, tmp_path: Path) -> None:
    (checkout / "groma/_rs.abi3.so").unlink()
    done = python(NAME, source=checkout)
    assert (done.stdout, done.stderr) == ("pure\n", "")
    done = python(DOCTOR, source=checkout, GROMA_CORE="rust", GROMA_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 3
    assert done.stderr.startswith("groma: GROMA_CORE is rust, and the compiled core is not built; run `make core`")
    assert done.stderr.count("\n") == 1


@needs_the_library
def test_a_library_that_cannot_be_loaded_is_said_and_not_used(checkout: Path) -> None:
    (checkout / "groma/_rs.abi3.so").write_bytes(b"\x7fELF")
    done = python(NAME, source=checkout)
    assert done.stdout == "pure\n"
    assert done.stderr.startswith("groma: the compiled core cannot be loaded (")
    assert done.stderr.count("\n") == 1


@needs_the_library
def test_comparing_with_the_sources_costs_nearly_nothing() -> None:
    code = "import time; from groma._compiled.built import problem; problem(); t = time.process_time(); problem(); print(time.process_time() - t)"
    assert min(float(python(code).stdout) for _ in range(3)) < 0.003


@needs_the_library
def test_the_stub_says_what_is_in_the_library(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text("groma\\._rs\\.__all__\n" + ("" if sys.version_info >= (3, 12) else "groma\\._rs\\.Part\\.__buffer__\n"))  # new in 3.12
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "groma._rs", "--concise", "--allowlist", str(allowed)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_both_cores_have_one_version() -> None:
    import tomllib

    from groma import __version__

    assert tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"] == __version__


def test_what_the_library_embeds_is_among_what_it_is_compared_with() -> None:
    """A file that Rust takes in at build time but `built` does not know would make a stale library look fresh."""
    import re

    from groma._compiled.built import ENDINGS, FOLDERS

    for source in (ROOT / "rust").rglob("*.rs"):
        if source.is_relative_to(ROOT / "rust" / "stdio"):
            continue  # a program of its own
        for path in re.findall(r'include_(?:str|bytes|dir)!\(\s*(?:concat!\([^"]*)?"([^"]+)"', source.read_text("utf-8")):
            target = os.path.relpath(os.path.normpath(source.parent / path), ROOT)
            ok = target in FOLDERS or (any(target.startswith(f"{folder}/") for folder in FOLDERS) and target.endswith(ENDINGS))
            assert ok, f"{source.relative_to(ROOT)} embeds {target}, of which groma._compiled.built knows nothing"


def test_texts_have_the_vector_that_each_has_as_a_query() -> None:
    from groma import core

    texts = ["where is the port set", "", "ünïcode 検索 \ud800", "x" * 5000]
    vectors = core.embed_texts(texts)
    assert vectors.dtype == "float32"
    assert [one.tobytes() for one in vectors] == [core.embed_query(text).tobytes() for text in texts]
    assert core.embed_texts([]).shape == (0, vectors.shape[1])
