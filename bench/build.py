"""What building costs: the compiled core from nothing and after an edit, and the wheel.

    python -m bench.build [--edits N]

All of it happens in a copy of what git tracks here, with a target folder of its own, so that nothing that was built before helps:

- first build: `cargo build --profile fast -p groma-py`, as `make setup` does it; crates are fetched before, off the clock
- again after an edit: a function more in one file, once in `rust/py` (which nothing depends on) and once in `rust/core` (on which all depends)
- wheel: what `pip wheel .` runs, with the release profile and from an empty target folder; its bytes, and those of what it installs

The environment needs what `make setup` installs (setuptools, setuptools-rust), and cargo.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .record import header, result_path, write
from .speed import timed

__all__ = ["copied", "table", "weighed"]

ROOT = Path(__file__).parents[1]
EDITS = {"rust/py": "rust/py/src/lib.rs", "rust/core": "rust/core/src/lib.rs"}
BUILD_WHEEL = "import os, sys; os.chdir(sys.argv[1]); from setuptools import build_meta; build_meta.build_wheel(sys.argv[2])"


def copied(target: Path) -> None:
    """Copy what git tracks here to `target`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()
    for path in filter(None, listed.split("\0")):
        if (ROOT / path).is_file():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target / path)


def weighed(wheel: Path) -> dict[str, Any]:
    """Bytes of a wheel, of what it installs, and of the largest files in it."""
    with zipfile.ZipFile(wheel) as archive:
        files = sorted(archive.infolist(), key=lambda file: -file.compress_size)
        installed = sum(file.file_size for file in files)
    largest = [(file.filename, file.compress_size, file.file_size) for file in files[:5]]
    return {"name": wheel.name, "bytes": wheel.stat().st_size, "installed_bytes": installed, "largest": largest}


def _built(tree: Path, scratch: Path, edits: int) -> dict[str, list[dict[str, float]]]:
    """The first build, and what is built again after each of some edits."""
    env = os.environ | {"CARGO_TARGET_DIR": str(scratch / "target"), "PYO3_BUILD_EXTENSION_MODULE": "1", "PYO3_NO_PYTHON": "1"}
    env.pop("PYO3_PYTHON", None)
    build = ["cargo", "build", "-q", "--profile", "fast", "--locked", "-p", "groma-py", "--manifest-path", str(tree / "Cargo.toml")]
    subprocess.run(["cargo", "fetch", "-q", "--locked", "--manifest-path", str(tree / "Cargo.toml")], check=True)
    took = {"first build": [timed(build, env)[0].row()]}
    for where, path in EDITS.items():
        rows = took[f"again after an edit in {where}"] = []
        for n in range(edits):
            with (tree / path).open("a", encoding="utf-8") as f:
                f.write(f"\npub fn edited_{n}(x: usize) -> usize {{\n    x.rotate_left({n + 1})\n}}\n")
            rows.append(timed(build, env)[0].row())
    return took


def _wheel(tree: Path, scratch: Path) -> tuple[dict[str, float], dict[str, Any]]:
    out = scratch / "out"
    out.mkdir()
    env = os.environ | {"CARGO_TARGET_DIR": str(scratch / "wheel-target"), "GROMA_BUILD_CORE": "rust"}
    cost, _ = timed([sys.executable, "-c", BUILD_WHEEL, str(tree), str(out)], env)
    (wheel,) = out.glob("*.whl")
    return cost.row(), weighed(wheel)


def table(result: Mapping[str, Any]) -> str:
    """Seconds by the clock and of the processors; megabytes."""
    lines = ["| what | s | processor s |", "|---|---:|---:|"]
    for what, rows in result["builds"].items():
        wall, cpu = (statistics.median(row[key] for row in rows) / 1e3 for key in ("ms", "cpu_ms"))
        lines.append(f"| {what} | {wall:.1f} | {cpu:.1f} |")
    wheel = result["wheel"]
    largest = ", ".join(f"{name} {packed / 1e6:.1f}" for name, packed, _ in wheel["largest"])
    return "\n".join([*lines, "", f"{wheel['name']}: {wheel['bytes'] / 1e6:.2f} MB, installed {wheel['installed_bytes'] / 1e6:.2f} MB ({largest})."])


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, weigh, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench.build", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--edits", type=int, default=3, help="how often each edit is made (default: 3)")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-build.json)")
    args = parser.parse_args(arguments)
    if shutil.which("cargo") is None:
        parser.error("cargo is needed")
    begun = header("groma.bench-build/1")
    rustc = subprocess.run(["rustc", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder).resolve()
        copied(scratch / "tree")
        cost, wheel = _wheel(scratch / "tree", scratch)
        print(f"wheel: {cost['ms'] / 1e3:.0f} s", file=sys.stderr)
        builds = _built(scratch / "tree", scratch, args.edits) | {"wheel, all of it": [cost]}
    result = begun | {"rustc": rustc, "builds": builds, "wheel": wheel}
    out = args.out or result_path("build")
    write(out, result)
    print(table(result))
    print(f"raw result: {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
