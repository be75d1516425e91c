"""What an agent may not write without its user: `.env` and its like, keys and other files of credentials, and the inside of `.git`; and what it may
not print: the credentials among these.

Tools that take a file say which; of a shell text it is told what it plainly writes and shows (`shell.py`). That is a seat belt, not a jail: it keeps
mistakes away, not an attacker, for a program that the shell starts may do what it likes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from .shell import SHOWS, WRITES, touched

__all__ = ["protected", "refusal"]

_NAMES = frozenset(
    "id_rsa id_dsa id_ecdsa id_ecdsa_sk id_ed25519 id_ed25519_sk .netrc _netrc .pgpass .htpasswd .npmrc .pypirc .git-credentials credentials.json "
    ".envrc".split()
)
_ENDS = (".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".tfstate", ".tfstate.backup")
_PLACES = ("/.docker/config.json", "/.aws/credentials", "/.kube/config")
_SHAPES = re.compile(
    r"\.env(?![a-z])(?!.*[._-](?:example|sample|template|dist)$).*|service[-_]?account.*\.json|.*(?:private|secret).*\.asc", re.DOTALL
)
"""These four are what the core takes for files of secrets, which groma never reads; a test compares. They stand here again because a hook that runs
before every tool has no time to load the core."""
_CREDENTIALS = "credentials"
_FOLDERS = {".git": "git's own files", ".ssh": "keys", ".gnupg": "keys"}

_PATHS = ("file_path", "notebook_path", "path")
_READERS = ("Read", "Grep")


def refusal(tool: object, given: object, folder: str) -> str | None:
    """Why a tool call is refused, None if it is not. `given` is what the tool was called with, `folder` where it runs."""
    if not isinstance(given, Mapping):
        return None
    if tool == "Bash":
        command = given.get("command")
        touches = touched(command, folder) if isinstance(command, str) else iter(())
    else:
        how = SHOWS if tool in _READERS else WRITES
        touches = ((how, os.path.join(folder, os.path.expanduser(v))) for v in map(given.get, _PATHS) if isinstance(v, str) and v)
    for how, path in touches:
        what = protected(path)
        if what == _CREDENTIALS or (what and how == WRITES):
            name = path.removeprefix(folder.rstrip("/") + "/")
            verb = "write" if how == WRITES else "print"
            return f"groma protects {name} ({what}): agents do not {verb} it. Ask the user to do it, or to say how to go on without it."
    return None


def protected(path: str) -> str | None:
    """What a path may hold, if it is protected: by its name, or by where a link of that name leads."""
    path = os.path.normpath(path)
    return _named(path) or (_named(real) if (real := os.path.realpath(path)) != path else None)


def _named(path: str) -> str | None:
    folded = path.replace("\\", "/").lower() if os.name == "nt" else path.lower()
    *folders, name = folded.split("/")
    if name in _NAMES or name.endswith(_ENDS) or _SHAPES.fullmatch(name) or f"/{folded}".endswith(_PLACES):
        return _CREDENTIALS
    return next((_FOLDERS[part] for part in (*folders, name) if part in _FOLDERS), None)
