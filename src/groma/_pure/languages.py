"""Which language a file is written in, and what groma knows about that language. All of it is data: `languages/languages.toml`.

A language has names by which its files are found (extensions, file names, interpreter lines), a `kind` (code, docs, config), and either a
tree-sitter grammar with a query file (`languages/<name>/tags.scm`) or a regular expression of section heads, or neither (line windows).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from types import MappingProxyType

from ..values import value

__all__ = ["Language", "all_languages", "by_name", "detect"]

KINDS = ("code", "docs", "config")
FILE = Path(__file__).parents[1] / "languages" / "languages.toml"


@value
class Language:
    """One row of `languages.toml`.

    `grammar` is "module" or "module:function" of a tree-sitter wheel; `tags` names the folders whose `tags.scm` make up its query;
    `sections` is a regular expression with a group `name`, matched at the start of a line, for languages without a grammar here.
    """

    name: str
    kind: str
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    grammar: str | None = None
    tags: tuple[str, ...] = ()
    sections: str | None = None


@cache
def all_languages() -> MappingProxyType[str, Language]:
    """Every known language by name, in the order of the table."""
    rows = tomllib.loads(FILE.read_text("utf-8"))
    table = {}
    for name, row in rows.items():
        grammar = row.get("grammar")
        table[name] = Language(
            name=name,
            kind=row["kind"],
            extensions=tuple(row.get("extensions", ())),
            filenames=tuple(row.get("filenames", ())),
            interpreters=tuple(row.get("interpreters", ())),
            grammar=grammar,
            tags=tuple(row.get("tags", (name,) if grammar else ())),
            sections=row.get("sections"),
        )
    return MappingProxyType(table)


def by_name(name: str) -> Language | None:
    """The language called `name`, or None."""
    return all_languages().get(name)


@cache
def _tables() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    extensions: dict[str, str] = {}
    filenames: dict[str, str] = {}
    interpreters: dict[str, str] = {}
    for language in all_languages().values():
        extensions.update((x, language.name) for x in language.extensions)
        filenames.update((x.lower(), language.name) for x in language.filenames)
        interpreters.update((x, language.name) for x in language.interpreters)
    return extensions, filenames, interpreters


_CPP_HEADER = re.compile(
    rb"""^[ \t]*(?:
      (?:enum[ ]+)?class[ \t]+(?:[A-Z_]+(?:\([^)\n]*\))?[ \t]+)*[\w:]+[ \t]*(?:final[ \t]*)?(?:[:;{]|\r?\n[ \t]*[:{])
      | (?:inline[ \t]+)?namespace(?:[ \t]+[\w:]+)?[ \t]*(?:\{|\r?\n[ \t]*\{)
      | template[ \t]*<
      | using[ \t]+(?:namespace[ \t]+)?[\w:]+[ \t]*[=;]
      | (?:public|private|protected)[ \t]*:
      | \#[ \t]*include[ \t]*<[a-z_]+> )""",
    re.M | re.X,
)
"""What no C header has at the start of a line: `class X`, `namespace`, `template <`, `using`, access labels, `#include <string>`."""


def detect(path: str, head: bytes) -> str | None:
    """The name of the language of the file `path` (POSIX) whose first bytes are `head`; None for text of no known language.

    The file name decides (without regard to case; `Dockerfile.*` stands for every such name), then the extension (the longest that is
    known), then the interpreter line. A `.h` that shows C++ in `head` is C++.
    """
    extensions, filenames, interpreters = _tables()
    name = path.rsplit("/", 1)[-1].lower()
    if found := filenames.get(name):
        return found
    parts = name.split(".")
    for i in range(1, len(parts)):
        if found := extensions.get(".".join(parts[i:])):
            return "cpp" if found == "c" and parts[-1] == "h" and _CPP_HEADER.search(head) else found
    if found := filenames.get(parts[0] + ".*"):
        return found
    return interpreters.get(_program(head)) if head.startswith(b"#!") else None


def _program(head: bytes) -> str:
    """The program an interpreter line asks for, without its version: `#!/usr/bin/env -S python3.12 -u` -> "python"."""
    words = head.split(b"\n", 1)[0][2:].decode("utf-8", "replace").split()
    if words and words[0].endswith("/env"):
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return re.sub(r"[-0-9.]+$", "", words[0].rsplit("/", 1)[-1]) if words else ""
