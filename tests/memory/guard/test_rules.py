"""The tables are sound: names once, classes known, sentences complete, and no pattern that could be slow on any text.

That a pattern is fast is not measured but read from it: every repeat is bounded, and what a match can cost at one place is a product of bounds
that is small. A search costs at most that times the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from groma.memory.guard.policy import ACTIONS, CLASSES
from groma.memory.guard.rules import Rule, beginnings, compiled, present, rules
from groma.memory.guard.views import unaccented

parser: Any = re._parser  # type: ignore[attr-defined]
NESTED = 400
"""How often an inner repeat within an outer one may go round."""


def repeats(parsed: Any, outer: int = 1) -> Iterator[tuple[int, int]]:
    """(most, outer most) of every repeat of a parsed pattern, however deep."""
    for op, value in parsed:
        if op in (parser.MAX_REPEAT, parser.MIN_REPEAT):
            most, inside = value[1], value[2]
            yield int(most), outer
            yield from repeats(inside, outer * int(most) if int(most) > 1 else outer)
        elif op is parser.BRANCH:
            for branch in value[1]:
                yield from repeats(branch, outer)
        elif op is parser.SUBPATTERN:
            yield from repeats(value[3], outer)
        elif op in (parser.ASSERT, parser.ASSERT_NOT):
            yield from repeats(value[1], outer)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_is_sound(rule: Rule) -> None:
    assert rule.cls in CLASSES
    assert rule.action is None or rule.action in ACTIONS
    assert rule.why[0].islower() and rule.why[-1] not in ". "
    assert rule.need and all(group and all(group) for group in rule.need)
    assert rule.all
    for literal in (one for group in rule.need for one in group):
        assert literal == unaccented(literal).lower(), "a literal stands as it is in folded text"
    for pattern in rule.all:
        compiled(pattern)
        # Such a pattern is tried at the beginning only, so no part of it may stand elsewhere.
        assert not pattern.startswith(r"\A") or parser.parse(pattern)[0] == (parser.AT, parser.AT_BEGINNING_STRING)
        for most, outer in repeats(parser.parse(pattern)):
            assert most < parser.MAXREPEAT, f"{rule.name}: a repeat without a bound"
            assert outer == 1 or most * outer <= NESTED, f"{rule.name}: a repeat of {most} within {outer}"


def test_names_are_given_once() -> None:
    names = [rule.name for rule in rules()]
    assert len(set(names)) == len(names)
    assert len(names) > 140


def test_every_class_has_rules() -> None:
    assert {rule.cls for rule in rules()} == set(CLASSES) - {"limit"}


def test_literals_are_found_wherever_they_stand() -> None:
    every = {literal for rule in rules() for group in rule.need for literal in group}
    for literal in every:
        assert literal in present(f"x {literal} y")
        assert literal in present(literal)
    assert present("") == set()


def test_a_command_is_looked_for_where_one_may_begin() -> None:
    assert all(most < parser.MAXREPEAT for most, _ in repeats(parser.parse(beginnings().pattern)))
    text = "run it. ignore x; please ignore y, and then ignore z\nignore w or re-ignore v but they ignore u"
    assert [text[m.end() : m.end() + 8] for m in beginnings().finditer(text) if text[m.end() :].startswith("ignore")] == [
        "ignore x",
        "ignore y",
        "ignore z",
        "ignore w",
        "ignore v",
    ]
    assert sum(rule.commands for rule in rules()) > 8
