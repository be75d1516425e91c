"""Lay the benchmark's repositories out, each at its pinned revision and only the folder of it that is searched.

    python -m bench.checkouts CLONES OUT

CLONES holds what you cloned, bare or not, as CLONES/<name>, CLONES/<owner>/<name> or CLONES/<owner>+<name> (also with the repository in a
folder `repo` below that). OUT gets one folder a repository, without its history. Nothing is fetched: `git clone` needs a network, this does not.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from .evaluate import Repository, load_repositories

__all__ = ["find_clone", "lay_out"]


def find_clone(clones: Path, repository: Repository) -> Path | None:
    """The git directory of a repository below `clones`, or None."""
    owner, name = repository.slug.split("/")
    for folder in (clones / f"{owner}+{name}", clones / owner / name, clones / name, clones / repository.name):
        for place in (folder / ".git", folder, folder / "repo" / ".git", folder / "repo", folder.with_name(folder.name + ".git")):
            if (place / "HEAD").is_file() and (place / "objects").is_dir():
                return place
    return None


def lay_out(git_dir: Path, repository: Repository, out: Path) -> str:
    """Replace OUT/<name> by the files of the revision that is there: the one the questions were checked on, else the peers' pin, else HEAD.

    Returns that revision. Raises CalledProcessError if git cannot give the files.
    """
    wanted = (repository.revision, repository.pinned, "HEAD")
    revision = next(r for r in wanted if r == "HEAD" or _git(git_dir, "cat-file", "-e", f"{r}^{{commit}}").returncode == 0)
    done = _git(git_dir, "archive", revision, *([repository.root] if repository.root else []))
    done.check_returncode()
    target = out / repository.name
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
        files.extractall(target, filter="data")
    return revision


def _git(git_dir: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", f"--git-dir={git_dir}", *arguments], capture_output=True, check=False)


def main() -> None:
    """Lay out what is there, and name what is not."""
    parser = argparse.ArgumentParser(description="Lay the benchmark's repositories out from clones you have.")
    parser.add_argument("clones", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    missing = []
    for repository in load_repositories().values():
        git_dir = find_clone(args.clones, repository)
        if git_dir is None:
            missing.append(repository)
            continue
        revision = lay_out(git_dir, repository, args.out)
        note = "" if revision == repository.revision else "  NOT the revision the questions were checked on: line targets may be off"
        print(f"{repository.name}: {revision[:12]}{note}")
    for repository in missing:
        print(f"missing: git clone https://github.com/{repository.slug} {args.clones / repository.name}", file=sys.stderr)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
