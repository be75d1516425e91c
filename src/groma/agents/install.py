"""What is to be written into which file of a client, and what taken out of it: edits, not yet made."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import ConfigurationError, UsageError
from . import blocks, jsonc, tomls, yamls
from .clients import Client, place
from .command import FORWARDED, program
from .edits import Edit, Record, read
from .entries import EVENTS, INSTRUCTIONS, NAME, SKILL, Server, entry, hook, is_hook, read_back

__all__ = ["MANAGER", "configured", "file_of", "forgotten", "linked", "put", "taken_out", "unlinked"]

MANAGER = "knowledge-manager"
_REMOTE = ("url", "httpUrl", "serverUrl", "headers")


def file_of(client: Client, type_: str, environment: Mapping[str, str], project: str = "") -> str:
    """The file that a type of thing is written into; for instructions the project's own, if one is given. "" if the client has none for it."""
    if type_ == "mcp":
        paths = [place(template, environment) for template in client.files]
        return next((path for path in paths if os.path.lexists(path)), paths[0])
    if type_ == "instructions":
        return os.path.join(project, client.rules) if project else place(client.instructions, environment) if client.instructions else ""
    if type_ == "hooks":
        return place(client.settings, environment) if client.settings else ""
    return os.path.join(place(client.skills, environment), NAME, "SKILL.md") if client.skills else ""


def put(client: Client, type_: str, server: Server, environment: Mapping[str, str], project: str = "") -> Edit:
    """The edit that puts something into a client's file; it changes nothing if it is there already.

    Raises UsageError where the client has no such file, ConfigurationError where the file is to be left alone.
    """
    path = file_of(client, type_, environment, project)
    if not path:
        hint = "; --project PATH writes them into a project's own file" if type_ == "instructions" else ""
        raise UsageError(f"{client.title} has no file for {type_} that groma could write{hint}.")
    if type_ == "mcp" and client.instead and not os.path.lexists(path) and os.path.lexists(instead := place(client.instead, environment)):
        raise ConfigurationError(f"{client.title} would pass over {instead} if there were a {path} beside it; groma leaves both alone.")
    text = read(path)
    with _about(path):
        if type_ == "mcp":
            return Edit(path, text, _with_entry(client, text or "", server))
        if type_ == "instructions":
            return Edit(path, text, blocks.put(text or "", INSTRUCTIONS))
        if type_ == "hooks":
            return Edit(path, text, _with_hooks(text or ""))
        return Edit(path, text, SKILL)


def taken_out(client: Client, type_: str, record: Record, environment: Mapping[str, str], project: str = "") -> Edit | None:
    """The edit that takes ours out again: exactly as it was, if nothing else was changed since; None if nothing of ours is there.

    Raises ConfigurationError where the file is to be left alone.
    """
    path = file_of(client, type_, environment, project)
    if not path or not os.path.lexists(path):
        return None
    if type_ == "mcp":
        return _back(path, record, lambda text: _without_entry(client, text))
    if type_ == "instructions":
        return _back(path, record, blocks.drop)
    return _back(path, record, _without_hooks if type_ == "hooks" else _without_skill)


def forgotten(record: Record, path: str) -> Edit | None:
    """The edit that takes ours out of a file that the record names and no client's row does: a link, or a project's instructions."""
    if os.path.basename(path) == MANAGER:
        return unlinked(os.path.dirname(path), record)
    return _back(path, record, blocks.drop) if os.path.lexists(path) else None


def configured(client: Client, environment: Mapping[str, str]) -> Server | None:
    """The server that a client would start, read from its file as the client would. Raises ConfigurationError for a file that cannot be read."""
    path = file_of(client, "mcp", environment)
    text = read(path)
    with _about(path):
        return read_back(client.shape, _entry_of(client, text or ""))


def linked(folder: str) -> Edit:
    """The edit that puts `knowledge-manager` into a folder, as a link.

    Raises ConfigurationError where something else has its name, or it is not here.
    """
    path = os.path.join(os.path.abspath(os.path.expanduser(folder)), MANAGER)
    target = program(MANAGER) or shutil.which(MANAGER) or ""
    if not target:
        raise ConfigurationError(f"There is no {MANAGER} beside {sys.executable} or on the PATH; install groma with pip first.")
    if os.path.islink(path) and os.readlink(path) == target:
        return Edit(path, target, target, link=True)
    if os.path.lexists(path):
        raise ConfigurationError(f"{path} is there already and is not ours; groma leaves it alone.")
    return Edit(path, None, target, link=True)


def unlinked(folder: str, record: Record) -> Edit | None:
    """The edit that takes that link away; None if there is none of ours."""
    path = os.path.join(os.path.abspath(os.path.expanduser(folder)), MANAGER)
    if not os.path.islink(path) or not record.made(path):
        return None
    return Edit(path, os.readlink(path), None, link=True)


# --------------------------------------------------------------------------------------------------------------------------- texts


@contextmanager
def _about(path: str) -> Iterator[None]:
    """Errors of a format say whose they are."""
    try:
        yield
    except ConfigurationError as e:
        raise ConfigurationError(f"{path}: {e.message.rstrip('.')}; groma leaves it alone.") from e


def _entry_of(client: Client, text: str) -> Any:
    if client.format == "toml":
        return tomls.look(text, [client.key, NAME])
    if client.format == "yaml":
        return yamls.look(text, client.key, NAME)
    return jsonc.look(text, [client.key, NAME], comments=client.format == "jsonc")


def _with_entry(client: Client, text: str, server: Server) -> str:
    old, new = _entry_of(client, text), entry(client.shape, server)
    if isinstance(old, dict) and read_back(client.shape, old) is not None:  # what the user added to it stays: a time limit, tools that are allowed
        new = _merged(old, new)
        if new == old:
            return text
    if client.format == "toml":
        return tomls.put(text, [client.key, NAME], new)
    if client.format == "yaml":
        if not text.strip() and client.shape == "listed":
            text = "name: Local Config\nversion: 1.0.0\nschema: v1\n"  # without which Continue does not read it
        return yamls.put(
            text, client.key, NAME, {k: v for k, v in new.items() if k != "name" or client.shape != "listed"}, listed=client.shape == "listed"
        )
    return jsonc.put(text, [client.key, NAME], new, comments=client.format == "jsonc")


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A new entry with what else stood in the old one, and in its environment."""
    merged = {name: v for name, v in old.items() if name not in _REMOTE} | new
    for name in ("env", "environment", "envs"):
        before = old.get(name)
        if isinstance(before, dict):
            merged[name] = {k: v for k, v in before.items() if k not in FORWARDED} | new.get(name, {})
    return merged


def _without_entry(client: Client, text: str) -> str:
    if client.format == "toml":
        return tomls.drop(text, [client.key, NAME])
    if client.format == "yaml":
        return yamls.drop(text, client.key, NAME)
    return jsonc.drop(text, [client.key, NAME], comments=client.format == "jsonc")


def _with_hooks(text: str) -> str:
    for event in EVENTS:
        ours = hook(event, os.path.abspath(sys.executable))
        listed = jsonc.look(text, ["hooks", event], comments=False)
        if isinstance(listed, list) and ours in listed:
            continue
        text = jsonc.without(text, ["hooks", event], is_hook, comments=False)
        text = jsonc.put(text, ["hooks", event, "+"], ours, comments=False)
    return text


def _without_hooks(text: str) -> str:
    for event in EVENTS:
        there = jsonc.look(text, ["hooks", event], comments=False)
        text = jsonc.without(text, ["hooks", event], is_hook, comments=False)
        if there and not jsonc.look(text, ["hooks", event], comments=False):
            text = jsonc.drop(text, ["hooks", event], comments=False)
            if jsonc.look(text, ["hooks"], comments=False) == {}:
                text = jsonc.drop(text, ["hooks"], comments=False)
    return text


def _without_skill(text: str) -> str:
    if text == SKILL:
        return ""
    raise ConfigurationError("was changed since groma wrote it; delete it yourself if you do not want it")


def _back(path: str, record: Record, drop: Callable[[str], str]) -> Edit | None:
    text = read(path)
    if text is None:
        return None
    if (exact := record.original(path, text)) is not None:
        return exact if exact.changes else None
    with _about(path):
        left = drop(text)
    if left == text:
        return None
    gone = not left.strip() and (record.made(path) or os.path.basename(path) == "SKILL.md")
    return Edit(path, text, None if gone else left)
