"""The one way into memory for a text: limits, cleaning, judging, masking."""

from __future__ import annotations

from ... import secrets
from ...values import value
from .clean import Cleaned, clean
from .limits import refused
from .policy import Find, decide
from .rules import Rule, compiled, rules
from .views import View, views

__all__ = ["Verdict", "examine"]


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
    if broken := refused(text):
        return Verdict("", "reject", (broken[0],), broken[1])
    cleaned = clean(text)
    found = secrets.mask(cleaned.text)
    reasons = _judged(cleaned)
    if not reasons:
        return Verdict(found.text, masked=bool(found.spans), stripped=cleaned.stripped)
    action, name, why = reasons[0]
    names = tuple(dict.fromkeys(one[1] for one in reasons))
    return Verdict(found.text, action, names, f"The text {why}.", bool(found.spans), cleaned.stripped)


def _judged(cleaned: Cleaned) -> list[tuple[str, str, str]]:
    """(action, rule, why) of all that was found, gravest first."""
    seen = views(cleaned.text, cleaned.hidden)
    finds = [find for i, view in enumerate(seen) for rule in rules() if (find := _find(rule, view, first=i == 0)) is not None]
    reasons = [(action, rule.name, rule.why) for action, rule in decide(finds, seen[0].text)]
    if cleaned.hidden:
        reasons.append(("flag", "hidden-characters", "carried writing in characters that cannot be seen, which was taken out"))
    return reasons


def _find(rule: Rule, view: View, *, first: bool) -> Find | None:
    if rule.kind == "payloads" and not view.plain:
        return None
    text = view.text
    for group in rule.need:
        if not any(literal in text for literal in group):
            return None
    matches = []
    for pattern in rule.all:
        match = compiled(pattern).search(text)
        if match is None:
            return None
        matches.append(match)
    return Find(rule, matches[0].start(), matches[0].end(), first)
