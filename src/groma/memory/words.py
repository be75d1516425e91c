"""What a short statement says, as words that can be compared: the ones that bear meaning, what kind each is, where its value begins.

Only as deep as `settle` needs: English, no grammar. Words come out in a normal form (case, endings, contractions), so that they are the same
however they are spelled; what marks a change in time ("now", "no longer") is told apart from what is said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from ..values import value

__all__ = ["NAMED", "NUMBER", "WORD", "Statement", "environments", "opposite", "parallel", "read"]

NUMBER, NAMED, WORD = "number", "named", "word"
"""Kinds of a word: a number, version, amount or date; an identifier, path or anything in backticks; any other."""

_TOKEN = re.compile(
    r"""(?P<date>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d\S*)?)
      | (?P<path>(?:[\w@~.*-]+)?(?:[/\\][\w@.*<>{}-]+)+/?)
      | (?P<label>\#\d+\b)
      | (?P<color>\#(?:[0-9a-fA-F]{3}){1,2}\b)
      | (?P<number>[v$€~]?\d+(?:[.,_]\d+)*(?:\.x)?(?:\s?(?:%|(?:[kmgt]i?b|[munμ]?s|h|d|(?:sec|min|second|minute|hour|day)s?)\b))?\+?
          (?![\w-]*[^\W\d_]))
      | (?P<named>[^\W_]*\w*(?:[_.:@#-]+\w+)+|[^\W\d_]+\d\w*|\d+[^\W\d_]\w*)
      | (?P<word>[^\W\d_]+(?:['’][^\W\d_]+)?)
      | (?P<tick>`)
      | (?P<mark>->|=>|[→:=;,&()—–]|\s-\s)""",
    re.X,
)
_UNIT = re.compile(r"(\d)(s|m|h|d)(?:ec|in|econd|inute|our|ay)s?$")
_CODE = re.compile(
    r"^\s*(?:[$>@<{(\[\"'│├└]|```|--|//|\.\.\s|(?:import|def|class|return|async|await|let|const|var|elif|except|GET|POST|PUT|DELETE|PATCH)\s"
    r"|from\s\S+\simport\b|[\w.]+(?:, \w+)?\s*=\s*\S|[\w.]+\([^)]*\)?;?$)|[{};\\]\s*$"
)
"""A line of code, whatever words are in it."""
_COMMAND = re.compile(
    r"^\s*(?:sudo|cd|curl|docker|docker-compose|git|uv|uvx|pip|python3?|npm|npx|pnpm|bunx?|yarn|node|cargo|go|make|nix|brew|apt|kubectl|helm|mix|dotnet|"
    r"swift|with|for|if|export)\s|^\s*\.?/\S|\s--?[a-z]|\w\([^)]*\)|\w->\w|::\w|[\w\]\"']\s*=\s*[\w\[{\"'(]"
)
"""A command or code, unless there are words of a sentence in it, too."""
_PROSE = re.compile(
    r"\b(?:the|an?|is|are|was|be|must|should|will|can|uses?|used|we|our|not|to|when|before|after|which|that|runs|lives?|needs?)\b", re.I
)
_EXAMPLE = re.compile(r"(?:for )?(?:examples?|e\.g\.)\W", re.I)
_QUOTED = re.compile(r"`[^`\n]*`")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]|^(?!(?:NOT|ALL|ONLY|MUST|TODO|NOTE|DO|AND|OR)$)[A-Z]{2,5}$")
_STOP = frozenset(
    "a an the this that these those it its we our us i my me you your is are be been being am do does did "
    "of for in on at to by with from as into onto via per and or so then there here which who whose what how such must should shall will would "
    "always please just simply really very quite also too now currently actually already still ever correction update note fyi remember "
    "both either has have had was were longer anymore more get got going go made make makes let lets s etc i.e e.g".split()
)
_NEGATIONS = frozenset("not no never cannot don't doesn't didn't isn't aren't wasn't weren't won't can't couldn't shouldn't mustn't n't".split())
_CLAUSES = frozenset("when if in on for to during after before while with from under at as once unless without".split())
_TIES = frozenset("from by than over under except into".split())
_LEADS = frozenset("with via through using by".split())
USE = "use"
_PREDICATES = frozenset(
    "is are be was were has have had do does did use uses used using run runs running listen listens live lives lie lies require requires needs "
    "supports defaults sets equals stores stored expire expires take takes costs calls points returns contain contains must should will would can "
    "may go goes prefer prefers keep keeps belong belongs sit sits works starts stops builds deploys installs targets writes reads means sends "
    "moved switched migrated changed".split()
)
"""Words, not of those that are nouns as often, before which stands the subject."""
_ADOPT = frozenset("use adopt choose chose switch move migrate standardize standardise".split())
"""Verbs after which a choice follows; in a statement of what is so now they all say the same."""
_SAME = {
    "postgresql": "postgres", "javascript": "js", "typescript": "ts", "kubernetes": "k8s", "directory": "folder", "dir": "folder",
    "repo": "repository", "deps": "dependency", "config": "configuration", "db": "database", "env": "environment", "docs": "documentation",
    "prod": "production", "dev": "development", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "second": "s", "seconds": "s", "sec": "s", "secs": "s", "colour": "color", "behaviour": "behavior",
}  # fmt: skip
_LABELS = frozenset(
    "phase step chapter issue pr ticket sprint week day line page task section example part message question item figure table appendix note "
    "error code status exit rule case bug test milestone round lesson stage level priority ADR rfc pep version-of #".lower().split()
)
"""A number after one of these tells which thing is meant; it is no value that changes."""
_PARALLEL = (
    "development staging production qa uat",
    "linux macos windows ubuntu debian mac osx freebsd android ios",
    "x86 x86_64 amd64 arm64 arm aarch64",
    "testing stage preview sandbox demo canary local ci nightly remote",
    "frontend backend client server web mobile desktop api cli ui worker admin gateway scheduler",
    "primary replica secondary master slave leader follower",
    "read write reads writes reader writer", "input output inputs outputs", "request response requests responses", "upload download",
    "unit integration e2e smoke acceptance", "monday tuesday wednesday thursday friday saturday sunday weekday weekend",
    "create update delete insert select remove add", "get set put post patch head", "min max minimum maximum", "source target destination",
    "first last next previous", "user admin guest owner", "internal external public private", "debug release", "eu us asia europe",
    "python javascript typescript rust go java ruby kotlin swift php", "name title description", "start end begin stop",
    "success failure error warning info",
    "boolean string number integer float array object list tuple map nan null enum", "daily weekly monthly hourly yearly session blocks",
)  # fmt: skip
_OPPOSITES = (
    ("enable", "disable"), ("on", "off"), ("allow", "forbid"), ("allow", "deny"), ("require", "optional"), ("true", "false"), ("always", "never"),
    ("include", "exclude"), ("prefer", "avoid"), ("use", "avoid"), ("before", "after"), ("safe", "unsafe"), ("keep", "remove"), ("keep", "drop"),
    ("permit", "prohibit"), ("work", "break"), ("pass", "fail"), ("supported", "unsupported"), ("open", "close"), ("up", "down"), ("do", "avoid"),
)  # fmt: skip


@value
class Statement:
    """A statement, word by word; all tuples have one entry a word.

    `kinds` as above; `listed`: a comma, "and" or the like stands beside it; `code`: within backticks; `chosen`: what a "use", "with", "via" leads to.
    `subject` words come before its predicate (or colon, dash …), `head` words before its first dash or colon; -1 if there is none. `negated` is
    whether it denies an odd number of times, `past` whether it tells what was, `prose` whether it is no bare command, example or line of code.
    `labels` are the places of numbers that only name something, `ties` the words that a "from", "by" or "than" leads to, `environments` those that
    name one.
    """

    words: tuple[str, ...]
    kinds: tuple[str, ...]
    listed: tuple[bool, ...]
    code: tuple[bool, ...]
    chosen: tuple[bool, ...]
    subject: int
    head: int
    negated: bool
    past: bool
    prose: bool
    labels: frozenset[int]
    ties: frozenset[tuple[str, str]]
    environments: frozenset[str]


@lru_cache(2048)
def read(text: str) -> Statement:
    """The statement that a text makes."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    made = _Reader()
    for match in _TOKEN.finditer(text):
        made.take(str(match.lastgroup), match[0])
    said = _QUOTED.sub("", text)
    code = _CODE.search(text) or (_COMMAND.search(said) and not _PROSE.search(said)) or made.bare or _EXAMPLE.match(text)
    return made.statement(not code)


class _Reader:
    """What was read of a statement so far."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.kinds: list[str] = []
        self.code: list[bool] = []
        self.chosen: list[bool] = []
        self.beside: set[int] = set()  # the places before which a separator of lists stands
        self.labels: set[int] = set()
        self.ties: set[tuple[str, str]] = set()
        self.subject = self.head = -1
        self.small = self.lower = False
        self.clause = False  # "When …," and "To …," say of what the rest speaks
        self.negations, self.past, self.inside, self.before, self.tie, self.leads = 0, False, False, "", "", False

    @property
    def bare(self) -> bool:
        """Is it all in backticks, or a program's name and words without one that makes a sentence of them?"""
        return all(self.code) or (self.kinds[0] == NAMED and self.lower and not self.small and self.head < 0)

    def take(self, kind: str, token: str) -> None:
        low = token.casefold()
        if kind == "tick":
            self.inside = not self.inside
        elif kind == "mark":
            self._mark(token)
        elif kind != "word" or self.inside or not self._small(token, low):
            self._word(kind, token, low)

    def _mark(self, token: str) -> None:
        if token in ",&":
            self.beside.add(len(self.words))
            if token == "," and self.clause:
                self.subject, self.clause = len(self.words), False
        elif not self.inside and token not in "()" and self.words:
            self.subject = len(self.words) if self.subject < 0 else self.subject
            self.head = len(self.words) if self.head < 0 else self.head

    def _small(self, token: str, low: str) -> bool:
        """Was this a word that only connects or denies?"""
        if len(token) == 1 and token.isupper() and token != "I" and self.words:
            return False  # service A
        if not self.words and self.subject < 0 and low in _CLAUSES:
            self.clause = True
        if low in _NEGATIONS:
            self.negations += 1
            return True
        if low in ("and", "or"):
            self.beside.add(len(self.words))
        if low in ("was", "were", "had"):
            self.past = True
        if low in _PREDICATES and self.subject < 0:
            self.subject = len(self.words)
        if low in _TIES:
            self.tie = low
        if low in _LEADS:
            self.leads = True
        self.small = self.small or low in _STOP
        return low in _STOP

    def _word(self, kind: str, token: str, low: str) -> None:
        place = len(self.words)
        self.lower = self.lower or (place == 0 and token[0].islower() and not self.inside)
        if (kind == "number" and self.before in _LABELS) or kind == "label":
            self.labels.add(place)
        word = _normal(token if self.inside else low, kind, self.inside)
        if self.tie:
            self.ties.add((self.tie, word))
        named = self.inside or kind in ("path", "named", "color") or _CAMEL.search(token)
        self.words.append(word)
        self.kinds.append(NUMBER if kind in ("number", "date", "label") else NAMED if named else WORD)
        self.code.append(self.inside)
        self.chosen.append(self.leads)
        self.before, self.tie = low, ""
        self.leads = word in (USE, "prefer")

    def statement(self, prose: bool) -> Statement:
        places = range(len(self.words))
        return Statement(
            words=tuple(self.words),
            kinds=tuple(self.kinds),
            listed=tuple(place in self.beside or place + 1 in self.beside for place in places),
            code=tuple(self.code),
            chosen=tuple(self.chosen),
            subject=self.subject,
            head=self.head,
            negated=self.negations % 2 == 1,
            past=self.past,
            prose=prose,
            labels=frozenset(self.labels),
            ties=frozenset(self.ties),
            environments=environments(self.words),
        )


@lru_cache(8192)
def _normal(word: str, kind: str, code: bool) -> str:
    if kind == "number":
        return _UNIT.sub(r"\1\2", word.replace(" ", "").replace(",", "").lstrip("v~")) or word
    if kind != "word" or code:
        return word.strip("./") or word
    word = _SAME.get(word.removesuffix("'s"), word.removesuffix("'s"))
    word = _SAME.get(stem := _stem(word), stem)
    return USE if word in _USES else word


def _stem(word: str) -> str:
    """Without the commonest endings, the same for all forms of a word; need not be a word."""
    for end, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")):
        if word.endswith(end) and len(word) - len(end) >= 3 and not word.endswith(("ss", "us", "is")):
            word = word.removesuffix(end) + instead
            if len(word) > 3 and word[-1] == word[-2] and end in ("ing", "ed") and word[-1] not in "ls":
                word = word[:-1]
            break
    return word.removesuffix("e") if len(word) > 3 else word


_USES = frozenset(_stem(word) for word in _ADOPT) | {"us"}
_GROUPS: dict[str, int] = {}
for _place, _group in enumerate(_PARALLEL):
    for _word in _group.split():
        _GROUPS.setdefault(_normal(_word, "word", False), _place)
_PAIRS = frozenset(frozenset(_normal(w, "word", False) for w in pair) for pair in _OPPOSITES)


def parallel(one: str, other: str) -> bool:
    """Do two words name things of which each has facts of its own (staging and production, client and server)?"""
    return one != other and _GROUPS.get(one, -1) == _GROUPS.get(other, -2)


def environments(words: Iterable[str]) -> frozenset[str]:
    """Of some words, those that name an environment or platform: what holds in one need not hold in another."""
    normal = {_normal(word.casefold(), "word", False) for word in words}
    return frozenset(word for word in normal if _GROUPS.get(word, 99) < 3)


def opposite(one: str, other: str) -> bool:
    """Does one word deny the other?"""
    return frozenset((one, other)) in _PAIRS
