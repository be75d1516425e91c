"""What a new text is to the memories nearest to it: new, a duplicate, a refinement, or the successor of one. A rule, no model; it explains itself.

- duplicate: the same meaning-bearing words, in the same order but for lists; no other number, name or denial.
- supersedes: it says so (no longer, instead of, switched from X to Y …), says the opposite, or says the same of the same subject with another
  value: a number, a version, a name, a choice.
- refines: all that was said, in order, and more.
- new: everything else. When in doubt, new: two records that stand side by side cost less than one that wrongly steps back.

Facts about different things are kept apart: another subject, environment, platform, file of scope, or a number that only names something.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple, Protocol

from ..records import SESSION_STATE, Memory
from ..values import value
from .words import NAMED, NUMBER, USE, WORD, Statement, environments, opposite, parallel, read

__all__ = ["Decision", "Near", "relation", "settle"]

LONGEST = 120
"""Of texts with more words than this, only sameness is judged."""
RANK = ("duplicate", "supersedes", "refines", "new")


class Near(Protocol):
    """A record that is like a text: `cosine` of their vectors, `covered` the share of the text's terms, by rarity, that it has; both to 1."""

    @property
    def memory(self) -> Memory: ...
    @property
    def cosine(self) -> float: ...
    @property
    def covered(self) -> float: ...


@value
class Decision:
    """`outcome` is new, duplicate, refines or supersedes; `target` is the id of the record meant, None if new; `reason` says why, in words."""

    outcome: str
    target: str | None
    reason: str


def settle(new: Memory, nearest: Sequence[Near]) -> Decision:
    """What `new` is to the records nearest to it. Only records that stand, in the same scope and project, are compared."""
    best = Decision("new", None, "nothing that is known says this")
    if new.parent:
        return best  # a unit of a conversation or document is kept as it was said
    for near in sorted(nearest, key=lambda n: (-(n.cosine + n.covered), n.memory.id)):
        if _comparable(near.memory, new):
            outcome, reason = relation(near.memory.content, new.content, near.cosine)
            if RANK.index(outcome) < RANK.index(best.outcome):
                best = Decision(outcome, near.memory.id, reason)
    return best


def _comparable(old: Memory, new: Memory) -> bool:
    same_place = (old.scope, old.project) == (new.scope, new.project) and old.id != new.id
    stands = old.superseded_by is None and old.forgotten is None and old.state != "quarantined" and not old.parent
    sessions = [m.session if m.level == SESSION_STATE else None for m in (old, new)]
    return same_place and stands and sessions[0] == sessions[1] and environments(old.tags) == environments(new.tags)


def relation(old: str, new: str, cosine: float = 1.0) -> tuple[str, str]:
    """What the text `new` is to the text `old`, and why; `cosine` of their vectors counts only where hardly a word is shared."""
    a, b = read(old), read(new)
    if not a.words or not b.words or old.rstrip().endswith("?") != new.rstrip().endswith("?"):
        return "new", "one of them says nothing, or only one of them asks"
    if not (a.prose and b.prose):
        return ("duplicate", "says the same") if _bare(old) == _bare(new) else ("new", "another command or line of code")
    if _same(a, b) and _signs(old) == _signs(new):
        if a.negated != b.negated:
            return "supersedes", "says the opposite"
        return ("duplicate", "says the same") if a.past == b.past else ("new", "one tells what is, the other what was")
    if max(len(a.words), len(b.words)) > LONGEST:
        return "new", "a long text that differs"
    if a.environments != b.environments:
        return "new", "speaks of another environment"
    pair = _Pair(old.casefold(), new, a, b, _edits(a.words, b.words), cosine)
    for judge in (_said, _denied, _added, _changed):
        if found := judge(pair):
            return found
    return "new", "says something else"


# ----------------------------------------------------------------------------------------------------------------------- sameness


def _same(a: Statement, b: Statement) -> bool:
    if a.ties != b.ties:
        return False
    if [part for word in a.words for part in word.split("-")] == [part for word in b.words for part in word.split("-")]:
        return True
    if len(a.words) != len(b.words) or sorted(a.words) != sorted(b.words):
        return False
    return all(one == other or (a.listed[i] and b.listed[i]) for i, (one, other) in enumerate(zip(a.words, b.words, strict=True)))


def _bare(text: str) -> str:
    return " ".join(text.split()).strip(" .,;:`'\"")


_SIGNS = re.compile(r"[+=<>|^%~\\]+|(?<=\w)#|!(?=\S)|(?<!\w)-+(?=\w)")


def _signs(text: str) -> list[str]:
    """What is no word and yet makes a difference: C and C++, a flag, an operator."""
    return sorted(_SIGNS.findall(text))


class _Edit(NamedTuple):
    """Words a[i1:i2] stand where b[j1:j2] do."""

    i1: int
    i2: int
    j1: int
    j2: int


class _Pair(NamedTuple):
    """Two statements, how they differ, and their texts (the older one's in small letters)."""

    known: str
    text: str
    a: Statement
    b: Statement
    edits: list[_Edit]
    cosine: float

    @property
    def shared(self) -> int:
        return len(self.a.words) - sum(e.i2 - e.i1 for e in self.edits)

    @property
    def likeness(self) -> float:
        return 2 * self.shared / (len(self.a.words) + len(self.b.words))


def _edits(a: Sequence[str], b: Sequence[str]) -> list[_Edit]:
    return [_Edit(*places) for tag, *places in SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if tag != "equal"]


# ------------------------------------------------------------------------------------------------------------- it says so itself

_END = r"(?=[.;,:()\n]|$|\s(?:for|in|on|when|to|as|because|since|from|but|and|is|before|until|any\s?more)\b)"
_VALUE = r"(?P<old>(?:[^.;,:()\n]|\.(?=\w)){1,60}?)"
_SAYS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(?:switch|mov|migrat|chang|convert|upgrad|downgrad|renam|transition|bump|went|increas|decreas|reduc|rais|lower|port)\w*\b"
        rf"[^.;\n]{{0,60}}?\bfrom\s+{_VALUE}\s+(?:over\s+|up\s+|down\s+)?(?:in)?to\b",
        rf"\b(?:replac|swap|supersed|substitut|renam)\w*\s+(?:out\s+)?{_VALUE}\s+(?:with|by|to|for|as)\b",
        rf"\b{_VALUE},?\s+(?:was|were|is|are|ha(?:s|ve) been|got)\s+(?:now\s+)?(?:replaced|superseded|renamed|deprecated|dropped|removed|retired)\b",
        rf"\b(?:deprecat|drop|retir|abandon|remov|ditch)\w*\s+{_VALUE}\s+(?:in favou?r of|for)\b",
        rf"\b(?:instead of|rather than|in place of|as opposed to)\s+{_VALUE}{_END}",
        rf"(?:,|;|\band|\bbut)\s+not\s+{_VALUE}{_END}",
        rf"\b(?:used to (?:be|use|run|live|sit)|previously|formerly|it was)\s+(?:on |in |at )?{_VALUE}{_END}",
        rf"\bwas\s+(?:on |in |at )?{_VALUE}(?:,|;|\s+and|\s+but)\s+(?:it\s+)?(?:is\s+)?now\b",
    )
)
_ARROW = re.compile(rf"(?:^|\s){_VALUE}\s*(?:→|->|=>)\s*\S")
_ARROWS = re.compile("→|->|=>")
_DENIES = re.compile(rf"\b(?:no longer|stopped|don't|do not|never)\s+(?:us(?:e|es|ing)\s+)?{_VALUE}{_END}", re.I)
_NOW = re.compile(
    r"\b(?:now|no longer|any ?more|as of|from now on|going forward|correction|actually|nowadays|these days|update[d]?:|since v?\d|"
    r"(?:switch|migrat|mov|chang|upgrad|renam)ed (?:\w+ )?to|has been|have been|instead)\b",
    re.I,
)


_DATE = re.compile(r"\d{4}-\d\d-\d\d.*")
_GENERIC = re.compile(r"\s*(?:(?:args?|arguments?|param(?:eter)?s?|files?|types?|input|output|usage|values?|options?)\s*:|returns?\b|see\b)", re.I)
"""So begins a line that says nothing without the one above it."""
_RELEASE = re.compile(r"\d+\.\d+\.\d+.*")
_DUE = re.compile(r"\b(?:due|deadline|releas|expir|freeze|launch|meeting|schedul|start|end|until|by|ship)", re.I)


def _said(p: _Pair) -> tuple[str, str] | None:
    """Does the new text name what it replaces, and does the old one say just that?"""
    for pattern, said, named in _replaced(p.text):
        if (pattern is _DENIES and p.a.negated) or (pattern is _ARROW and _ARROWS.search(p.known)):
            continue  # with an arrow in both it is a path through menus or a diagram
        if said not in p.known and _speaks_of(p, set(read(named).words)):
            return "supersedes", f"says that it replaces {named!r}"
    return None


@lru_cache(16)
def _replaced(text: str) -> tuple[tuple[re.Pattern[str], str, str], ...]:
    """What a text names as replaced, whatever was known: by which pattern, in what words (small letters), and what."""
    patterns = (*_SAYS, _DENIES, _ARROW)
    return tuple((pattern, match[0].casefold().strip(), match["old"].strip()) for pattern in patterns for match in pattern.finditer(text))


def _speaks_of(p: _Pair, gone: set[str]) -> bool:
    """Is what is gone what the old statement says of the subject that both have?"""
    said = set(p.a.words)
    gone.discard(USE)
    if not gone or len(gone & said) < 0.6 * len(gone) or _other_subject(p.a, p.b):
        return False
    rest = said - gone - {USE}
    kept = rest & set(p.b.words)
    return len(kept) >= 0.5 * len(rest) or (len(rest) == 1 and p.cosine >= 0.5)


def _other_subject(a: Statement, b: Statement) -> bool:
    """Does each have a subject, and each one with a word that is nowhere in the other?"""
    if a.subject <= 0 or b.subject <= 0:
        return False
    return bool(set(a.words[: a.subject]) - set(b.words)) and bool(set(b.words[: b.subject]) - set(a.words))


def _denied(p: _Pair) -> tuple[str, str] | None:
    """Does one say the opposite of the other by a word of its own? (That a "not" is all they differ in was seen before.)"""
    replaced = [e for e in p.edits if e.i2 > e.i1 and e.j2 > e.j1]
    if p.a.negated == p.b.negated and len(p.edits) == len(replaced) == 1 and p.likeness >= 0.5:
        e = replaced[0]
        one, other = p.a.words[e.i1 : e.i2], p.b.words[e.j1 : e.j2]
        if len(one) == len(other) == 1 and opposite(one[0], other[0]) and p.shared >= 1:
            return "supersedes", f"says {other[0]!r} where {one[0]!r} was said"
    return None


def _added(p: _Pair) -> tuple[str, str] | None:
    """Does the new one say all of the old one, in order, and more?"""
    if not p.edits or any(e.i2 > e.i1 for e in p.edits) or p.a.negated != p.b.negated or len(p.a.words) < 2:
        return None
    if p.a.subject > 0 and any(0 < e.j1 < p.b.subject for e in p.edits):
        return None  # the subject is a narrower one
    more = [word for e in p.edits for word in p.b.words[e.j1 : e.j2]]
    return "refines", f"adds {' '.join(more[:6])!r}"


# ---------------------------------------------------------------------------------------------------------------- another value


def _changed(p: _Pair) -> tuple[str, str] | None:
    """Is it the same said of the same subject, but for a value?"""
    now = bool(_NOW.search(p.text))
    swaps = [e for e in p.edits if e.i2 > e.i1 and e.j2 > e.j1]
    loose = sum((e.i2 - e.i1) + (e.j2 - e.j1) for e in p.edits) - sum((e.i2 - e.i1) + (e.j2 - e.j1) for e in swaps)
    if not swaps or _GENERIC.match(p.text) or loose > (6 if now else 2) or (p.a.negated != p.b.negated and not now):
        return None
    if not now and any(e not in swaps and (e.i1 < p.a.subject or e.j1 < p.b.subject) for e in p.edits):
        return None  # the subject is a wider or a narrower one
    if not now and any(parallel(x, y) for e in swaps for x in p.a.words[e.i1 : e.i2] for y in p.b.words[e.j1 : e.j2]):
        return None
    different = {(p.a.words[e.i1 : e.i2], p.b.words[e.j1 : e.j2]) for e in swaps}
    if not all(_in_place(p, e) and _alike(p, e, now, len(different)) for e in swaps):
        return None
    one, other = (" ".join(words) for words in min(different))
    return "supersedes", f"says {other!r} where {one!r} was said"


def _in_place(p: _Pair, e: _Edit) -> bool:
    """Is it what is said of the subject, not the subject? Of a command and what it is for, the purpose is the subject."""
    if min(e.i1, e.j1) > 0 and e.i1 >= p.a.subject and e.j1 >= p.b.subject:
        return True
    one, other = p.a.words[e.i1 : e.i2], p.b.words[e.j1 : e.j2]
    if len(one) == len(other) == 1 and _RELEASE.fullmatch(one[0]) and _RELEASE.fullmatch(other[0]) and e.i1 > 0 and p.likeness >= 0.75:
        return True  # the release that a thing is at
    purpose = p.a.words[p.a.head :]
    command = p.a.code[0] and p.b.code[0] and p.a.subject == p.a.head > 0 and p.b.subject == p.b.head > 0 and len(purpose) + p.a.head > 3
    return command and e.i2 <= p.a.head and purpose == p.b.words[p.b.head :]


def _beside_numbers(s: Statement, start: int, end: int) -> set[str]:
    return {s.words[i] for i in range(start, end) if s.kinds[i] != NUMBER}


def _alike(p: _Pair, e: _Edit, now: bool, different: int) -> bool:
    """Are both values of one kind, in a place where there can be only one?"""
    if p.a.labels & set(range(e.i1, e.i2)) or p.b.labels & set(range(e.j1, e.j2)):
        return False
    kinds = [set(p.a.kinds[e.i1 : e.i2]), set(p.b.kinds[e.j1 : e.j2])]
    short = max(e.i2 - e.i1, e.j2 - e.j1) <= 3
    dates = _DATE.fullmatch(p.a.words[e.i1]) and _DATE.fullmatch(p.b.words[e.j1])
    if dates and not now and not _DUE.search(p.text):
        return False  # two events
    if short and all(NUMBER in k for k in kinds) and _beside_numbers(p.a, e.i1, e.i2) == _beside_numbers(p.b, e.j1, e.j2):
        return p.likeness >= 0.4 and p.shared >= 1
    if short and all(NAMED in k for k in kinds):
        return p.likeness >= (0.5 if different == 1 or now else 0.7) and p.shared >= (1 if now else 2 if p.a.subject > 0 else 3)
    if now:
        return different <= 2 and e.i1 > 0 and e.j1 > 0 and (p.shared >= 2 or p.cosine >= 0.6)
    if any(NAMED in k for k in kinds) and different == 1 and e.i2 - e.i1 == e.j2 - e.j1 == 1:
        return p.likeness >= 0.75 and p.shared >= 4
    if different == 1 and short and p.shared >= 8 and p.likeness >= 0.85:
        return True  # so much is the same that it is the same sentence, edited
    slot = p.a.chosen[e.i1] and p.b.chosen[e.j1] and min(e.i2 - e.i1, e.j2 - e.j1) == 1
    return slot and different == 1 and p.shared >= 2 and WORD in kinds[0] | kinds[1]
