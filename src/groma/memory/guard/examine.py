"""The one way into memory for a text: limits, cleaning, judging, masking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from ...values import value
from .clean import Cleaned, clean
from .limits import LONGEST, refused
from .policy import Find, decide
from .rules import Rule, beginnings, compiled, possible
from .told import mask
from .views import View, views

__all__ = ["Verdict", "examine"]

NEAR = 150
"""Characters around what a rule's first pattern found in which its others must be found."""
MOST_TRIED = 20
"""Places in one text at which one rule is tried."""


@value
class Verdict:
    """What is to be done with a text.

    `text` is what may be stored: cleaned and masked, verbatim otherwise ("" where a limit was broken). `action` is accept, flag (store, marked),
    quarantine (hold for a human, never recall) or reject. `reasons` names the rules that found something, the one that decided first; `why` is
    one sentence for that one ("" where none did). `masked` says whether credentials were covered; `stripped` counts what was taken out, by kind
    (control, bidi, tag, zero-width, variation, joiner).
    """

    text: str
    action: str = "accept"
    reasons: tuple[str, ...] = ()
    why: str = ""
    masked: bool = False
    stripped: tuple[tuple[str, int], ...] = ()


def examine(text: str) -> Verdict:
    """Judge a text that wants to enter memory. Any string will do; nothing is raised. Examining a verdict's text again changes nothing in it."""
    cleaned = Cleaned("") if len(text) > LONGEST else clean(text)
    if broken := refused(text, cleaned.text):
        return Verdict("", "reject", (broken[0],), broken[1])
    shown, masked = mask(cleaned.text)
    reasons = _judged(cleaned)
    if not reasons:
        return Verdict(shown, masked=masked, stripped=cleaned.stripped)
    action, _, why = reasons[0]
    names = tuple(dict.fromkeys(one[1] for one in reasons))
    return Verdict(shown, action, names, f"The text {why}.", masked, cleaned.stripped)


def _judged(cleaned: Cleaned) -> list[tuple[str, str, str]]:
    """(action, rule, why) of all that was found, gravest first."""
    seen = views(cleaned.text, cleaned.hidden)
    finds = [find for i, view in enumerate(seen) for find in _finds(view, first=i == 0)]
    reasons = [(action, rule.name, rule.why) for action, rule in decide(finds, seen[0].text)]
    if cleaned.hidden:
        reasons.append(("flag", "hidden-characters", "carried writing in characters that cannot be seen, which was taken out"))
    return reasons


def _finds(view: View, *, first: bool) -> Iterator[Find]:
    places: list[int] | None = None  # where a command may begin; most texts need not know
    for rule in possible(view.text):
        if rule.kind == "payloads" and not view.plain:
            continue
        if rule.commands and places is None:
            places = [match.end() for match in beginnings().finditer(view.text)]
        match = _match(rule, view.text, places or [])
        if match is not None:
            yield Find(rule, match.start(), match.end(), first)


def _match(rule: Rule, text: str, places: list[int]) -> re.Match[str] | None:
    """Where a rule's first pattern is found with all its others near."""
    pattern, others = compiled(rule.all[0]), rule.all[1:]
    found: Iterator[re.Match[str]]
    if rule.commands:
        found = filter(None, (pattern.match(text, place) for place in places))
    elif rule.all[0].startswith(r"\A"):  # a search would try it everywhere
        found = filter(None, (pattern.match(text),))
    else:
        found = pattern.finditer(text)
    for match in islice(found, MOST_TRIED):
        near = text[max(0, match.start() - NEAR) : match.end() + NEAR]
        if all(compiled(other).search(near) for other in others):
            return match
    return None
