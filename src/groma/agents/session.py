"""What a session was about, read from the transcript that an agent keeps (JSON lines, as Claude Code writes them). No model is asked.

Only the beginning and the end of a transcript are read: it may have a hundred megabytes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["summary"]

HEAD, TAIL = 65_536, 524_288
"""Bytes that are read at both ends."""
ASKED, SAID, FILES = 300, 400, 12
"""Characters of a question and of the last answer; files that are named."""

_NOISE = re.compile(r"<(system-reminder|command-[a-z]+|local-command-[a-z]+)>.*?</\1>", re.DOTALL)


def summary(path: str, root: str) -> str:
    """Where work stands, in a few lines; "" if the transcript tells nothing. Raises OSError if it cannot be read."""
    asked: list[str] = []
    said = branch = ""
    files: dict[str, None] = {}
    for row in _rows(path):
        if row.get("isMeta") or row.get("isSidechain"):
            continue
        branch = str(row.get("gitBranch") or branch)
        message = row.get("message")
        content = message.get("content") if isinstance(message, Mapping) else None
        texts = _texts(content)
        if row.get("type") == "user" and texts:
            asked.append(texts[-1])
        elif row.get("type") == "assistant":
            said = texts[-1] if texts else said
            files |= dict.fromkeys(_written(content, root))
    if not asked and not files:
        return ""
    lines = [f"Work on branch {branch}." if branch else "Work in progress."]
    if asked:
        lines.append(f"Asked first: {_short(asked[0], ASKED)}")
    lines += [f"Asked later: {_short(text, ASKED)}" for text in dict.fromkeys(asked[1:][-2:]) if text != asked[0]]
    if files:
        more = f" and {len(files) - FILES} more" if len(files) > FILES else ""
        lines.append(f"Edited: {', '.join(list(files)[-FILES:])}{more}")
    if said:
        lines.append(f"The agent said last: {_short(said, SAID)}")
    return "\n".join(lines)


def _rows(path: str) -> Iterator[Mapping[str, Any]]:
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        data = f.read(HEAD) if size > HEAD + TAIL else f.read(HEAD + TAIL)
        parts = [data]
        if size > HEAD + TAIL:
            f.seek(size - TAIL)
            parts = [data.rpartition(b"\n")[0], f.read(TAIL).partition(b"\n")[2]]
    for part in parts:
        for line in part.splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict):
                yield row


def _texts(content: object) -> list[str]:
    """What a message says itself, without what tools returned and what the program put in."""
    if isinstance(content, str):
        parts = [content]
    elif isinstance(content, list):
        parts = [str(p.get("text", "")) for p in content if isinstance(p, Mapping) and p.get("type") == "text"]
    else:
        return []
    return [text for part in parts if (text := _NOISE.sub("", part).strip())]


def _written(content: object, root: str) -> Iterator[str]:
    for part in content if isinstance(content, list) else []:
        if isinstance(part, Mapping) and part.get("type") == "tool_use" and part.get("name") in ("Write", "Edit", "MultiEdit", "NotebookEdit"):
            given = part.get("input")
            path = given.get("file_path") or given.get("notebook_path") if isinstance(given, Mapping) else None
            if isinstance(path, str) and path:
                yield os.path.relpath(path, root) if path.startswith(root.rstrip("/") + "/") else path


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
