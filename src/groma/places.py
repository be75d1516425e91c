"""Paths of this machine: where groma keeps its things, which folder a request means, and which folders are too wide to index.

The one module that knows operating systems' path conventions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .errors import UsageError

__all__ = ["config_file", "data_dir", "is_wide", "project_root"]


def data_dir(environment: Mapping[str, str]) -> Path:
    """The default data directory of this user on this system."""
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "groma"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "groma"
    return _xdg(environment, "XDG_DATA_HOME", ".local/share") / "groma"


def config_file(environment: Mapping[str, str]) -> Path:
    """The user's settings file."""
    if sys.platform == "win32":
        return Path(environment.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "groma" / "config.toml"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "groma" / "config.toml"
    return _xdg(environment, "XDG_CONFIG_HOME", ".config") / "groma" / "config.toml"


def _xdg(environment: Mapping[str, str], name: str, default: str) -> Path:
    value = environment.get(name, "")
    return Path(value) if os.path.isabs(value) else Path.home() / default


def project_root(path: str | None, cwd: str | None = None) -> str:
    """The folder a request means: exactly `path` if given, else the nearest git top level above the working directory, else that directory.

    `cwd` is the working directory of who asks, where that is another process; a relative `path` is relative to it.

    Returns an absolute path without symbolic links. Raises UsageError if it is no folder.
    """
    if path is None:
        from . import core  # which may have something to complain about, and that is said with the help of this module

        here = os.path.realpath(cwd or os.getcwd())
        return core.top_level(here) or here
    root = os.path.realpath(os.path.join(cwd or "", os.path.expanduser(path)))
    if not os.path.isdir(root):
        state = "is a file, not a folder" if os.path.exists(root) else "does not exist"
        raise UsageError(f"{path} {state}; give the folder to index or search.")
    return root


def is_wide(root: str) -> bool:
    """Is this a folder nobody means to index whole: a file system's root, a drive, the folder of home directories, a home directory?"""
    path = Path(root)
    home = Path(os.path.realpath(Path.home()))
    # What lies beside this user's home is another's only where homes are kept: CI has its work beside a home of its own.
    return path == Path(path.anchor) or path == home or path in home.parents or (path.parent == home.parent and home.parent.name in ("home", "Users"))
