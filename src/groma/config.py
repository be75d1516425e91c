"""Settings: each once, in a table. Help, documentation, validation and `groma config show` come from it.

A value comes from, last one wins: the default, the user's file (`config.toml` in the configuration directory), the project's file
(`.groma.toml` at the root that is indexed), the environment (`GROMA_<NAME>`). A project's file comes with a clone, so it may only set what is
harmless there (`project=True`). Only edges read the environment; everybody below receives a `Settings`.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from .errors import ConfigurationError
from .values import value

__all__ = ["SETTINGS", "Setting", "Settings", "demanding", "load", "within"]


@value
class Setting:
    """One row: `kind` is int, bool, Path or str, which is one of `choices`; `low` and `high` bound numbers; `reindex` tells whether a change needs a
    new index run, `process` whether it is of the process that answers, and so one for all who ask a daemon. Every other one is of who asks."""

    name: str
    kind: type
    default: Any
    help: str
    low: int = 0
    high: int = 2**62
    project: bool = False
    reindex: bool = False
    process: bool = False
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"GROMA_{self.name.upper()}"


SETTINGS: tuple[Setting, ...] = (
    Setting("data_dir", Path, None, "Where groma keeps everything. Default: the user data directory of this system."),
    Setting(
        "max_file_bytes",
        int,
        20_000_000,
        "A file larger than this is left out, and counted.",
        low=1_000,
        high=1_000_000_000,
        project=True,
        reindex=True,
    ),
    Setting(
        "answer_within_s",
        int,
        8,
        "How long an MCP search waits for the first index of a project before it answers with what is there.",
        low=1,
        high=600,
    ),
    Setting("memories_per_hour", int, 10_000, "How many memories one agent may store in an hour.", low=1, high=1_000_000_000),
    Setting(
        "memories_undo_days",
        int,
        30,
        "How many days what was forgotten, or has expired, can be brought back; then it is destroyed. 0: it stays.",
        high=36_500,
    ),
    Setting("daemon", str, "auto", "Whether commands and agents share one daemon, which is started when it is needed.", choices=("auto", "off")),
    Setting("daemon_idle_s", int, 1_800, "How long a daemon stays when nobody is connected to it.", low=1, high=31_536_000, process=True),
    Setting(
        "memory_mb",
        int,
        1_000,
        "What a daemon may hold in memory: above it, what was unused for longest is dropped.",
        low=100,
        high=1_000_000,
        process=True,
    ),
    Setting(
        "watch", bool, True, "Watch projects that are asked about, so that a question about an unchanged one walks nothing (Linux).", process=True
    ),
    Setting(
        "watch_debounce_ms",
        int,
        1_000,
        "How long a watched project must have been quiet before what changed is indexed unasked.",
        low=10,
        high=60_000,
        process=True,
    ),
    Setting("jobs_at_once", int, 2, "How many jobs of the background run at once, each in a process of its own.", low=1, high=64, process=True),
    Setting(
        "job_memory_mb",
        int,
        2_000,
        "How much memory a process of a job may take, in MB; what it maps from files is not counted.",
        low=200,
        high=1_000_000,
        process=True,
    ),
    Setting("read_only", bool, False, "Refuse everything that would change what groma keeps: it only answers from what is there."),
)

_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@value
class Settings:
    """Values by name, with where each came from: "default", a file's path, or the environment variable."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]

    @property
    def demanded(self) -> Mapping[str, Any]:
        """Of what decides how a folder is indexed, what the environment says: no project's file has a say in that."""
        return {s.name: self.values[s.name] for s in SETTINGS if s.reindex and self.origins[s.name] == s.variable}

    @property
    def indexing(self) -> Hashable:
        """What decides how a folder is indexed: under settings in which this is the same, the same becomes of it."""
        return tuple((s.name, self.values[s.name], self.origins[s.name] == s.variable) for s in SETTINGS if s.reindex)

    @property
    def data_dir(self) -> Path:
        """The data directory."""
        path: Path = self.values["data_dir"]
        return path

    @property
    def max_file_bytes(self) -> int:
        """The largest file that is indexed, in bytes."""
        value: int = self.values["max_file_bytes"]
        return value

    @property
    def answer_within_s(self) -> int:
        """How long an MCP search waits for a first index, in seconds."""
        value: int = self.values["answer_within_s"]
        return value

    @property
    def memories_per_hour(self) -> int:
        """How many memories one agent may store in an hour."""
        value: int = self.values["memories_per_hour"]
        return value

    @property
    def daemon(self) -> str:
        """Do commands ask a daemon? "auto" or "off"."""
        value: str = self.values["daemon"]
        return value

    @property
    def daemon_idle_s(self) -> int:
        """How long a daemon stays when nobody is connected, in seconds."""
        value: int = self.values["daemon_idle_s"]
        return value

    @property
    def memory_mb(self) -> int:
        """What a daemon may hold in memory, in MB."""
        value: int = self.values["memory_mb"]
        return value

    @property
    def watch(self) -> bool:
        """Are projects watched?"""
        value: bool = self.values["watch"]
        return value

    @property
    def watch_debounce_ms(self) -> int:
        """How long a watched project must have been quiet before it is indexed unasked, in milliseconds."""
        value: int = self.values["watch_debounce_ms"]
        return value

    @property
    def jobs_at_once(self) -> int:
        """How many jobs run at once."""
        value: int = self.values["jobs_at_once"]
        return value

    @property
    def job_memory_mb(self) -> int:
        """How much memory a process of a job may take, in MB."""
        value: int = self.values["job_memory_mb"]
        return value

    @property
    def memories_undo_days(self) -> int:
        """How many days what was forgotten can be brought back; 0: for ever."""
        value: int = self.values["memories_undo_days"]
        return value

    @property
    def read_only(self) -> bool:
        """May nothing be written?"""
        value: bool = self.values["read_only"]
        return value


def load(environment: Mapping[str, str], *, data_dir: Path, config_file: Path) -> Settings:
    """The settings that hold outside of any project. `data_dir` is this system's default.

    Raises ConfigurationError for an unknown name, a value of the wrong type or out of range, or a file that is no TOML.
    """
    values: dict[str, Any] = {s.name: s.default for s in SETTINGS} | {"data_dir": data_dir}
    origins = {s.name: "default" for s in SETTINGS}
    for name, raw in _table(config_file).items():
        values[name], origins[name] = _value(_known(name, str(config_file)), raw, str(config_file)), str(config_file)
    for setting in SETTINGS:
        if raw := environment.get(setting.variable):
            values[setting.name], origins[setting.name] = _value(setting, raw, setting.variable), setting.variable
    return Settings(values, origins)


def within(settings: Settings, project: Path) -> Settings:
    """The settings that hold in a project: with its `.groma.toml`, but the environment still wins. Raises ConfigurationError as `load` does."""
    path = project / ".groma.toml"
    values, origins = dict(settings.values), dict(settings.origins)
    for name, raw in _table(path).items():
        setting = _known(name, str(path))
        if not setting.project:
            raise ConfigurationError(
                f"{path} may not set {name}: a project's file comes with a clone. Set it in your own config.toml or as {setting.variable}."
            )
        value = _value(setting, raw, str(path))
        if origins[name] != setting.variable:
            values[name], origins[name] = value, str(path)
    return Settings(values, origins)


def demanding(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """The settings with what somebody else's environment demands. Raises ConfigurationError as `load` does."""
    values, origins = dict(settings.values), dict(settings.origins)
    for name, raw in given.items():
        setting = _known(name, "A job")
        values[name], origins[name] = _value(setting, raw, setting.variable), setting.variable
    return Settings(values, origins)


def _table(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():  # what is no file is no settings: a clone may hold a link to a device, which has no end
            return {}
        text = path.read_text("utf-8")
    except (UnicodeDecodeError, OSError) as e:
        raise ConfigurationError(f"{path} cannot be read as TOML: {e}") from e
    import tomllib  # only where there is a file to read: most commands meet none

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigurationError(f"{path} cannot be read as TOML: {e}") from e


def _known(name: str, where: str) -> Setting:
    if name not in _BY_NAME:
        raise ConfigurationError(f"{where} sets {name}, which groma does not know; it knows {', '.join(sorted(_BY_NAME))}.")
    return _BY_NAME[name]


def _value(setting: Setting, raw: Any, where: str) -> Any:
    if setting.kind is Path:
        if not isinstance(raw, str) or not raw.strip():
            raise ConfigurationError(f"{where}: {setting.name} must be a path, not {raw!r}.")
        return Path(os.path.abspath(os.path.expanduser(raw)))
    if setting.kind is bool:
        said = _BOOLEANS.get(str(raw).strip().lower()) if isinstance(raw, bool | str) else None
        if said is None:
            raise ConfigurationError(f"{where}: {setting.name} must be true or false, not {raw!r}.")
        return said
    if setting.kind is str:
        if raw not in setting.choices:
            raise ConfigurationError(f"{where}: {setting.name} must be {' or '.join(setting.choices)}, not {raw!r}.")
        return raw
    try:
        if isinstance(raw, bool) or not isinstance(raw, int | str):
            raise ValueError
        value = int(raw)
    except ValueError:
        raise ConfigurationError(f"{where}: {setting.name} must be a whole number, not {raw!r}.") from None
    if not setting.low <= value <= setting.high:
        raise ConfigurationError(f"{where}: {setting.name} must lie between {setting.low} and {setting.high}, not {value}.")
    return value
