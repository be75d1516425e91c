"""The proof of a purge: are any bytes of the texts that were destroyed left in what groma keeps?

Looked at is every file of the data directory but the stores and segments of indexed folders, which are made of those folders' files alone.
A text is searched for as it is and as JSON writes it, and in pieces: a database cuts what is longer than a page, and only there.

A process of its own looks: whoever opens a database's files beside SQLite and closes them takes from SQLite all locks that it holds on them in that
process (POSIX forgets them with any descriptor), and others would then take the log from under it.
"""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..values import value

__all__ = ["Proof", "main", "prove", "says"]

PIECE = 64
"""Characters of a piece of a text."""
PIECES = 4
"""So many pieces of one text are searched for, spread over it."""
OF_FOLDERS = ("store-", "segment-")
"""How the names begin of what holds indexed folders."""


@value
class Proof:
    """How many files were looked at, how many bytes they have, and those in which bytes of a text are left, by their names in the folder."""

    files: int
    bytes: int
    found: tuple[str, ...]


def prove(folder: Path, texts: Iterable[str]) -> Proof:
    """Search the data directory for these texts. Raises OSError for a file that cannot be read."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from groma.memory.proof import main; main()"
    asked = json.dumps({"folder": str(folder), "texts": sorted(texts)})  # not among the arguments, which everybody on this machine can read
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(Path(__file__).parents[2])], input=asked, capture_output=True, text=True, encoding="ascii", check=False
    )
    if done.returncode != 0:
        raise OSError(f"What is kept in {folder} could not be searched: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    said = json.loads(done.stdout)
    return Proof(said["files"], said["bytes"], tuple(said["found"]))


def main() -> None:
    """The process that looks: the question on standard input, the proof on standard output."""
    asked = json.load(sys.stdin)
    proof = _searched(Path(asked["folder"]), asked["texts"])
    json.dump({"files": proof.files, "bytes": proof.bytes, "found": proof.found}, sys.stdout)


def _searched(folder: Path, texts: Iterable[str]) -> Proof:
    needles = sorted({form for text in texts for piece in _pieces(text) for form in _forms(piece)})
    files = size = 0
    found = []
    for path in _files(folder):
        try:
            with open(path, "rb") as file:
                length = file.seek(0, 2)
                if length:
                    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                        if any(data.find(needle) >= 0 for needle in needles):
                            found.append(str(path.relative_to(folder)))
        except FileNotFoundError:  # another process took it away meanwhile: it holds nothing any more
            continue
        files, size = files + 1, size + length
    return Proof(files, size, tuple(found))


def says(said: Iterable[str], texts: Iterable[str]) -> bool:
    """Would `prove` find one of `texts` in a file that holds what is `said`?"""
    pieces = [piece for text in texts for piece in _pieces(text)]
    return any(piece in one for one in said for piece in pieces)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(OF_FOLDERS):
            yield from sorted(inner for inner in (path.rglob("*") if path.is_dir() else (path,)) if inner.is_file())


def _pieces(text: str) -> list[str]:
    """The text, or `PIECES` pieces of it from its begin to its end."""
    if len(text) <= PIECE:
        return [text]
    last = len(text) - PIECE
    return [text[start : start + PIECE] for start in sorted({last * n // (PIECES - 1) for n in range(PIECES)})]


def _forms(piece: str) -> set[bytes]:
    """A piece as UTF-8, and within JSON as the history and the security log write it."""
    return {piece.encode(), json.dumps(piece, ensure_ascii=False)[1:-1].encode(), json.dumps(piece)[1:-1].encode()}
