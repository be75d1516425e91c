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

import numpy as np

from ...values import value
from .views import unaccented

__all__ = ["Rule", "beginnings", "compiled", "possible", "present", "rules"]

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


def possible(text: str) -> list[Rule]:
    """The rules of which `text` has a literal of each group, in their order."""
    literals = present(text)
    by_first = _by_first()
    found = {place for literal in literals for place in by_first.get(literal, ())}
    return [rule for rule in map(rules().__getitem__, sorted(found)) if not any(group.isdisjoint(literals) for group in rule.need)]


@cache
def _by_first() -> dict[str, list[int]]:
    """The places of the rules that need a literal in that of their groups whose literals are the longest, and so the rarest."""
    found: dict[str, list[int]] = {}
    for place, rule in enumerate(rules()):
        for literal in max(rule.need, key=lambda group: min(map(len, group))):
            found.setdefault(literal, []).append(place)
    return found


def present(text: str) -> set[str]:
    """The literals of all rules that occur in `text`. One is looked for only where its rarest characters may stand together."""
    found = set()
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    for size, (known, literals) in _literals().items():
        marks = _marks(characters, size)
        for mark in set(marks[known[marks]].tolist()):
            found.update([literal for literal in literals[mark] if literal in text])
    return found


def _marks(characters: np.ndarray, size: int) -> np.ndarray:
    """A number for each `size` characters that stand together; what is the same has the same number, and little else."""
    many = max(0, len(characters) - size + 1)
    marks = np.zeros(many, np.uint32)
    for i in range(size):
        marks += characters[i : i + many] << (5 * i if size < 4 else 4 * i)
    return marks & 0xFFFF


@cache
def _literals() -> dict[int, tuple[np.ndarray, dict[int, list[str]]]]:
    """Literals by the number of their rarest four characters (or of all that they have), and which numbers there are."""
    found: dict[int, tuple[np.ndarray, dict[int, list[str]]]] = {}
    for literal in sorted({literal for rule in rules() for group in rule.need for literal in group}):
        size = min(4, len(literal))
        rarest = min((literal[i : i + size] for i in range(len(literal) - size + 1)), key=lambda some: sum(map(_COMMON.find, some)))
        known, literals = found.setdefault(size, (np.zeros(1 << 16, np.bool_), {}))
        mark = int(_marks(np.frombuffer(rarest.encode("utf-32-le"), np.uint32), size)[0])
        known[mark] = True
        literals.setdefault(mark, []).append(literal)
    return found


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
