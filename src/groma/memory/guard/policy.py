"""From what was found to what is done: the action of each class, and when a find is only talked about.

Four actions, each graver than the one before: *accept*; *flag* (stored and recalled, marked); *quarantine* (held for a human, never recalled);
*reject*. A payload that stands for itself is rejected. In the middle of prose it is held; where the prose speaks of attacks, tests or
prevention, or quotes it, it is a memory about the subject and only flagged. An instruction to the reader is held: somebody may have written
down what was tried. Quoted within a text about such instructions it is flagged. Nothing that had to be decoded first is a mere mention.
"""

from __future__ import annotations

import re
from itertools import pairwise

from ...values import value
from .rules import Rule

__all__ = ["ACTIONS", "CLASSES", "NEAR", "Find", "decide"]

ACTIONS = ("accept", "flag", "quarantine", "reject")

CLASSES = {
    "limit": "reject",
    "override": "quarantine",
    "role": "quarantine",
    "extraction": "quarantine",
    "exfiltration": "quarantine",
    "concealment": "quarantine",
    "hidden": "quarantine",
    "weak": "flag",
    "sql": "reject",
    "nosql": "reject",
    "shell": "reject",
    "path": "reject",
    "template": "reject",
    "markup": "reject",
    "xml": "reject",
    "ldap": "reject",
    "jndi": "reject",
    "crlf": "reject",
    "formula": "reject",
}
"""The action of each class of rule."""

NEAR = 300
"""Characters before and after a find that say what it is about."""

_PROSE = re.compile(r"(?:^|[\s(\"'])(?:[a-z][a-z'-]{0,20}[,;:]? ){4}[a-z]")
"""Five words in a row: what stands around a payload is a sentence."""
_ABOUT = re.compile(
    r"(?<![\w./@])(?:inject\w*|attack\w*|payloads?|vulnerab\w*|exploit\w*|malicious\w*|prevent\w*|sanitiz\w*|escap(?:e|es|ed|ing)\b|e\.g\.|such as"
    r"|examples?(?![\w./])|cve-|owasp|csrf|ssti|sqli|ssrf|tests?|tested|testing|fixture|block(?:s|ed)?|reject(?:s|ed)?|unsafe|dangerous|insecure"
    r"|mitigat\w*|harden\w*|detect\w*|warns?|warning|untrusted|traversal|fuzz\w*|scanner|regression|sample|quoted?|literal|syntax|means|called)"
)
_MARKUP = re.compile(r"<[^<>]{0,400}>|\{[{%][^{}\n]{0,400}[%}]\}")
_QUOTES = re.compile(r"```.{0,4000}?```|`[^`\n]{1,400}`|\"[^\"\n]{1,400}\"|(?<![a-z0-9])'[^'\n]{1,400}'(?![a-z0-9])", re.DOTALL)


MOST_BESIDE = 80
"""Characters of a quotation beside what was found in it. More, and a whole document is quoted, with the find planted in it."""


@value
class Find:
    """What one rule found: where in the view, and whether the view is the text itself rather than something decoded from it."""

    rule: Rule
    start: int
    end: int
    as_written: bool


def decide(finds: list[Find], text: str) -> list[tuple[str, Rule]]:
    """The action for each find, gravest first. `text` is the folded text in which finds that are `as_written` have their places."""
    decided = [(_action(find, text), find.rule) for find in finds]
    weak = sorted((find.start, find.end, find.rule.name) for find in finds if find.rule.cls == "weak" and find.as_written)
    if any(b[2] != a[2] and b[0] - a[1] < NEAR for a, b in pairwise(weak)):  # two weak signs are a strong one
        decided = [("quarantine" if rule.cls == "weak" else action, rule) for action, rule in decided]
    return sorted(decided, key=lambda one: -ACTIONS.index(one[0]))


def _action(find: Find, text: str) -> str:
    action = find.rule.action or CLASSES[find.rule.cls]
    if not find.as_written or action == "flag":
        return action
    around = f"{text[max(0, find.start - NEAR) : find.start]} \x00 {text[find.end : find.end + NEAR]}"
    if find.rule.kind == "payloads":
        around = _MARKUP.sub(" \x00 ", around)
        if not _PROSE.search(around):
            return action
        return "flag" if _ABOUT.search(around) or _quoted(find, text) else min(action, "quarantine", key=ACTIONS.index)
    return "flag" if find.rule.cls != "exfiltration" and _ABOUT.search(around) and _quoted(find, text) else action


def _quoted(find: Find, text: str) -> bool:
    """Whether quotes stand around the find and little else stands in them."""
    most = find.end - find.start + MOST_BESIDE
    return any(m.start() <= find.start and find.end <= m.end() and m.end() - m.start() <= most for m in _QUOTES.finditer(text))
