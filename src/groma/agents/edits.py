"""Other programs' files, changed carefully and changed back exactly.

A file that is odd (read-only, no UTF-8, with a byte order mark) is left alone, with one sentence that says why; a link stays one, and the file that
it leads to is changed. What is written replaces the file in one step, and only if it is still what was read. What was changed is kept as patches,
not as copies: these files hold credentials.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..locks import exclusive
from ..values import value

__all__ = ["Edit", "Record", "diff", "read", "recorded"]

LARGEST = 64_000_000
"""Bytes of a file that is edited. Claude Code's own grows to tens of megabytes."""
LONGEST = 240
"""Characters of a line in a diff: some files are one line."""
LOOKED_AT = 10_000
"""Characters beyond it that are looked at for credentials: one that is cut in two is known no more."""


@value
class Edit:
    """A file as it is (`before`, None: not there) and as it is to be (`after`, None: gone). `link`: `after` is where a link leads."""

    path: str
    before: str | None
    after: str | None
    link: bool = False

    @property
    def changes(self) -> bool:
        """Is there anything to do?"""
        return self.before != self.after


def read(path: str) -> str | None:
    """The text of a file that may be edited, exactly; None if there is none. Raises ConfigurationError for one that is to be left alone."""
    try:
        state = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        folder = _existing(os.path.dirname(path))
        if not os.path.isdir(folder):
            raise ConfigurationError(f"{path} cannot be made: {folder} is no folder.") from None
        if not os.access(folder, os.W_OK):
            raise ConfigurationError(f"{path} cannot be made: {folder} is read-only for this user.") from None
        return None
    except OSError as e:
        raise ConfigurationError(f"{path} cannot be read: {e.strerror}.") from e
    real = path
    if stat.S_ISLNK(state.st_mode):
        real = os.path.realpath(path)
        try:
            state = os.stat(real)
        except OSError as e:
            raise ConfigurationError(f"{path} is a link to {os.readlink(path)}, which cannot be read ({e.strerror}); groma leaves it alone.") from e
    if not stat.S_ISREG(state.st_mode):
        raise ConfigurationError(f"{path} is no file; groma leaves it alone.")
    if state.st_nlink > 1:
        raise ConfigurationError(f"{path} has {state.st_nlink} names (hard links), of which a change would part one; groma leaves it alone.")
    if not state.st_mode & 0o222 or not os.access(real, os.W_OK) or not os.access(os.path.dirname(real), os.W_OK):
        raise ConfigurationError(f"{path}{f' (a link to {real})' if real != path else ''} is read-only; groma leaves it alone.")
    if state.st_size > LARGEST:
        raise ConfigurationError(f"{path} has {state.st_size:,} bytes, more than a file of settings should; groma leaves it alone.")
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8; groma leaves it alone.") from None
    except OSError as e:
        raise ConfigurationError(f"{path} cannot be read: {e.strerror}.") from e
    if text.startswith("\ufeff"):
        raise ConfigurationError(
            f"{path} begins with a byte order mark, which not every reader takes; save it as plain UTF-8. groma leaves it alone."
        )
    if "\0" in text:
        raise ConfigurationError(f"{path} holds NUL characters; groma leaves it alone.")
    return text


def _existing(folder: str) -> str:
    """The nearest folder above that exists."""
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def diff(edit: Edit, mask: Callable[[str], str] = str) -> str:
    """What an edit changes, as a unified diff with one line of context; `mask` takes credentials out of it, before lines are cut."""
    if edit.link:
        return f"+ {edit.path} -> {edit.after}\n" if edit.after is not None else f"- {edit.path} -> {edit.before}\n"
    old, new = ((text or "").splitlines() for text in (edit.before, edit.after))
    names = ("/dev/null" if edit.before is None else edit.path, "/dev/null" if edit.after is None else edit.path)
    lines = difflib.unified_diff(old, new, *names, n=1, lineterm="")
    whole = mask("".join(f"{line[: LONGEST + LOOKED_AT]}\n" for line in lines))
    return "".join(f"{line if len(line) <= LONGEST else line[:LONGEST] + ' …'}\n" for line in whole.splitlines())


# ------------------------------------------------------------------------------------------------------------------------- record


class Record:
    """What groma changed in which file, in `agents.json` of the data directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            said = json.loads(path.read_text("utf-8"))
            self._files: dict[str, Any] = dict(said["files"])
            self._folders: list[str] = list(said["folders"])
        except (OSError, ValueError, KeyError, TypeError):
            self._files, self._folders = {}, []  # without it, only our entries go

    def paths(self) -> list[str]:
        """The files that groma changed, and has not changed back."""
        return sorted(self._files)

    def made(self, path: str) -> bool:
        """Did groma make this file or link?"""
        return bool(self._files.get(path, {}).get("made"))

    def original(self, path: str, text: str | None) -> Edit | None:
        """The edit that gives a file back as it was before groma's first change; None if it was changed since, or groma never did."""
        kept = self._files.get(path)
        if kept is None or text is None or kept["after"] != _sum(text):
            return None
        before: str | None = text
        for patch in reversed(kept["patches"]):
            assert before is not None
            at, old, new = patch["at"], patch["old"], patch["new"]
            if before[at : at + len(new)] != new:
                return None
            before = before[:at] + old + before[at + len(new) :]
        if kept["made"]:
            before = None if before == "" else before
        elif before is None or _sum(before) != kept["before"]:
            return None
        return Edit(path, text, before)

    def apply(self, edit: Edit, *, last: bool = False) -> None:
        """Write an edit and keep what it changed; `last`: nothing of ours is left in the file, so it is forgotten.

        Raises ConfigurationError if the file changed since it was read, or cannot be written.
        """
        kept = self._files.get(edit.path)
        folders = _missing(os.path.dirname(edit.path)) if edit.after is not None else []
        if edit.link:
            _link(edit)
        else:
            _write(edit)
        if last or edit.after is None:
            self._files.pop(edit.path, None)
            for folder in sorted(self._folders, key=len, reverse=True):
                with suppress(OSError):  # something is in it
                    os.rmdir(folder)
                    self._folders.remove(folder)
        else:
            self._folders += folders
            if kept is None or (edit.before is not None and kept["after"] != _sum(edit.before)):
                made = edit.before is None
                kept = {"made": made, "before": None if made else _sum(edit.before or ""), "patches": []}
            self._files[edit.path] = kept
            if not edit.link:
                kept["patches"].append(_patch(edit.before or "", edit.after))
            kept["after"] = _sum(edit.after)
        self._save()

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _replace(str(self._path), json.dumps({"schema": "groma.agents/1", "folders": self._folders, "files": self._files}, indent=1).encode(), 0o600)


@contextmanager
def recorded(folder: Path, *, only_read: bool = False) -> Iterator[Record]:
    """The record of a data directory, while no other process changes it; `only_read`: nothing is made, not even a lock."""
    with nullcontext() if only_read else exclusive(folder / "agents.lock"):
        yield Record(folder / "agents.json")


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _patch(before: str, after: str) -> dict[str, Any]:
    """Where two texts differ: what begins and ends both is left out."""
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    return {"at": head, "old": before[head : len(before) - tail], "new": after[head : len(after) - tail]}


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


def _missing(folder: str) -> list[str]:
    """The folders that have to be made for a file, outermost first."""
    found: list[str] = []
    while folder and not os.path.lexists(folder):
        found.insert(0, folder)
        folder = os.path.dirname(folder)
    return found


def _write(edit: Edit) -> None:
    path = edit.path
    now = read(path)
    if now == edit.after:  # another name of the same file was changed just now
        return
    if now != edit.before:
        raise ConfigurationError(f"{path} was changed by something else just now; run the command again.")
    try:
        if edit.after is None:
            if os.path.islink(path):
                raise ConfigurationError(f"{path} is a link now; delete it and what it leads to yourself if you do not want them.")
            os.unlink(path)
            return
        path = os.path.realpath(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _replace(path, edit.after.encode("utf-8"), stat.S_IMODE(os.stat(path).st_mode) if edit.before is not None else 0o600)
    except OSError as e:
        raise ConfigurationError(f"{path} cannot be written: {e.strerror or e}.") from e


def _link(edit: Edit) -> None:
    try:
        if edit.after is None:
            os.unlink(edit.path)
            return
        os.makedirs(os.path.dirname(edit.path), exist_ok=True)
        os.symlink(edit.after, edit.path)
    except OSError as e:
        raise ConfigurationError(f"{edit.path} cannot be made: {e.strerror or e}.") from e


def _replace(path: str, data: bytes, mode: int) -> None:
    """Put a file in the place of another in one step; its owner stays where that is possible."""
    descriptor, temporary = tempfile.mkstemp(prefix=".groma-", dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        with suppress(OSError, AttributeError):
            state = os.stat(path)
            os.chown(temporary, state.st_uid, state.st_gid)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
