"""The rules as they stand in `instructions.toml` and `payloads.toml`.

A rule has a `name`; a `class` (what it is an instance of; the policy gives a class its action); `need`, groups of literals, separated by `|`,
with a bar itself written `¦`: of each group one must occur in the view, which is how most rules cost next to nothing; `all`, patterns that must
all be found in the same view (the first one's match is what the rule is about); `why`, the end of a sentence that begins "The text …"; and
perhaps `action`, instead of its class's. A first pattern that begins with `{AT}` is tried only where a command may begin, as the table says.
`{NAME}` in a pattern or a group stands for what `[let]` gives it. Patterns are searched in folded text (lower case, no accents, single blanks).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from ...values import value
from .views import unaccented

__all__ = ["Rule", "beginnings", "compiled", "present", "rules"]

TABLES = ("instructions.toml", "payloads.toml")


@value
class Rule:
    """One rule. `kind` is the table it stands in: instructions or payloads. `commands` says that its first pattern stands where a command may."""

    name: str
    kind: str
    cls: str
    action: str | None
    need: tuple[frozenset[str], ...]
    all: tuple[str, ...]
    why: str
    commands: bool


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, in the order of the tables: where several find something, the first of the gravest names it."""
    return tuple(_rule(kind, row, let) for kind, let, rows in _tables() for row in rows)


def present(text: str) -> set[str]:
    """The literals of all rules that occur in `text`. One is looked for only where its rarest three characters stand together."""
    keyed, short = _literals()
    triples = set(map("".join, zip(text, text[1:], text[2:], strict=False)))
    found = {literal for literal in short if literal in text}
    for key in keyed.keys() & triples:
        found.update([literal for literal in keyed[key] if literal in text])
    return found


@cache
def _literals() -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Literals by their rarest three characters, and those that have only two."""
    every = sorted({literal for rule in rules() for group in rule.need for literal in group})
    keyed: dict[str, list[str]] = {}
    for literal in (one for one in every if len(one) > 2):
        key = min((literal[i : i + 3] for i in range(len(literal) - 2)), key=lambda triple: sum(map(_COMMON.find, triple)))
        keyed.setdefault(key, []).append(literal)
    return keyed, tuple(one for one in every if len(one) < 3)


_COMMON = "zqxjkvbpygfwmucldrhsnioate "
"""Letters of English, the commonest last; what is no such letter is rarer still (`find` gives -1)."""


@cache
def beginnings() -> re.Pattern[str]:
    """What stands before a command: what the table of instructions calls `AT`."""
    return compiled(_tables()[0][1]["AT"].replace(" ", r"\s"))


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of a rule, compiled when a text first holds what the rule needs: all of them together take a tenth of a second."""
    return re.compile(pattern, re.MULTILINE)


@cache
def _tables() -> tuple[tuple[str, dict[str, str], list[dict[str, Any]]], ...]:
    """(name, what names stand for, rows) of each table."""
    return tuple((table.removesuffix(".toml"), *_read(table)) for table in TABLES)


def _read(table: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    lines = files(__package__).joinpath(table).read_text("utf-8").splitlines()
    # Without accents, as the text that is searched.
    data = tomllib.loads("\n".join(line if line.isascii() else unaccented(line) for line in lines))
    let: dict[str, str] = {}
    for name, text in data["let"].items():
        let[name] = _filled(text, let)
    return let, data["rule"]


def _rule(kind: str, row: dict[str, Any], let: dict[str, str]) -> Rule:
    need = tuple(frozenset(one.replace("¦", "|") for one in _filled(text, let).split("|")) for text in row["need"])
    commands = row["all"][0].startswith("{AT}")
    patterns = tuple(_filled(text.removeprefix("{AT}"), let) for text in row["all"])
    if kind == "instructions":  # a sentence may go on in the next line
        patterns = tuple(pattern.replace(" ", r"\s") for pattern in patterns)
    return Rule(row["name"], kind, row["class"], row.get("action"), need, patterns, row["why"], commands)


def _filled(text: str, let: dict[str, str]) -> str:
    return re.sub(r"\{([A-Z][A-Z_]+)\}", lambda match: let[match[1]], text)
