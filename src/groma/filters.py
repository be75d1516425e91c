"""What a `Filter` means for one file, the same in every store that cannot express it itself."""

from __future__ import annotations

import re
from functools import lru_cache

from .types import Filter

__all__ = ["KIND_GROUPS", "expand_kinds", "file_matches", "path_pattern"]

KIND_GROUPS = {
    "code": frozenset(
        [
            "code",
            "function",
            "method",
            "constructor",
            "test",
            "class",
            "struct",
            "enum",
            "interface",
            "trait",
            "protocol",
            "module",
            "namespace",
            "object",
            "impl",
            "extension",
            "record",
            "union",
            "type",
            "instance",
            "macro",
            "variable",
            "constant",
            "field",
        ]
    ),
    "docs": frozenset({"section", "text"}),
    "config": frozenset({"config"}),
}
"""Names a user may give for several passage kinds at once."""


def expand_kinds(kinds: frozenset[str]) -> frozenset[str]:
    """Passage kinds, with the group names replaced by what they hold."""
    return frozenset().union(*(KIND_GROUPS.get(kind, frozenset({kind})) for kind in kinds))


def file_matches(filter: Filter, path: str, language: str | None) -> bool:
    """Does a file pass the filter's `languages` and `paths`?"""
    if filter.languages and language not in filter.languages:
        return False
    return not filter.paths or any(path_pattern(pattern).fullmatch(path) for pattern in filter.paths)


@lru_cache(256)
def path_pattern(pattern: str) -> re.Pattern[str]:
    """A path filter as a regular expression over POSIX paths: a file, a folder (all below it), or a glob with `*`, `?`, `[…]` and `**`.

    A glob without a slash matches the file name in any folder, as in .gitignore.
    """
    text = pattern.strip().removeprefix("./").rstrip("/")
    if not any(c in text for c in "*?["):
        return re.compile(re.escape(text) + r"(?:/.*)?", re.S) if text not in ("", ".") else re.compile(r".*", re.S)
    out, i = "", 0
    while i < len(text):
        c = text[i]
        if text.startswith("**/", i):
            out, i = out + r"(?:[^/]+/)*", i + 3
        elif text.startswith("**", i):
            out, i = out + r".*", i + 2
        elif c == "*":
            out, i = out + r"[^/]*", i + 1
        elif c == "?":
            out, i = out + r"[^/]", i + 1
        elif c == "[" and (end := text.find("]", i + 2)) > 0:
            inner = text[i + 1 : end].replace("\\", r"\\")
            out, i = out + "[" + ("^" + inner[1:] if inner[0] in "!^" else inner) + "]", end + 1
        else:
            out, i = out + re.escape(c), i + 1
    return re.compile((r"(?:.*/)?" if "/" not in text else "") + out + r"(?:/.*)?", re.S)
