"""What level a text has when the one who remembers it did not say: a few rules that are nearly always right, then a small model.

A rule is a wording that leaves little doubt: who speaks of himself ("I prefer", "the user wants") or forbids or demands for good ("never", "do
not", "prefer") states a preference; a decision with its reason is context; a mark of time or progress ("currently debugging", "left off",
"next step", "12 tests failing", a tick box, a past tense that opens the text) tells the state of work. Rules are tried in order and the first
one decides. What none knows goes to `groma/models/levels.bin` (`tools/levels.py` trains it from `tools/data/levels.jsonl`, where each text
stands with its origin).

Only the beginning of a text is judged (`LIMIT` characters): whoever tells something says first what it is.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from groma.values import value

from .linear import Linear, load, predict

__all__ = ["LIMIT", "MODEL", "RULES", "Classification", "Rule", "classify", "matching"]

MODEL = Path(__file__).parents[1] / "models" / "levels.bin"
LIMIT = 500
"""Characters of a text that are read."""


@value
class Classification:
    """The level of a text ("USER_PREFERENCE", "PROJECT_CONTEXT", "SESSION_STATE"), how sure (0..1), and the rule's name or "model"."""

    level: str
    confidence: float
    why: str


@value
class Rule:
    """A wording, in small letters, that tells the level.

    `confidence` is set below the rule's precision on the training split, by which the rules were chosen: elsewhere it is lower (`bench/levels.py`).
    """

    name: str
    level: str
    confidence: float
    pattern: re.Pattern[str]


_OPENING = r"\A[\s\-*>#•]*(?:(?:important|note|rule|critical|remember|reminder|preference|code style|style)\s*[:!]\s*(?:that\s+)?)?"
_DONE = (
    "added|applied|analy[sz]ed|bumped|changed|checked|cherry-picked|cleaned|committed|configured|converted|corrected|created|deployed|disabled|"
    "drafted|enabled|expanded|extracted|finished|fixed|found|implemented|installed|investigated|landed|merged|migrated|modified|moved|opened|"
    "ported|pushed|ran|rebased|refactored|removed|renamed|replaced|researched|reverted|rewrote|rolled back|set up|shipped|split|started|"
    "successfully \\w+ed|switched|tested|tried|updated|upgraded|verified|wrote"
)
_DOING = (
    "adding|analy[sz]ing|bisecting|building|changing|checking|cleaning|continuing|converting|debugging|evaluating|experimenting|exploring|"
    "fixing|implementing|initiali[sz]ing|integrating|investigating|landing|looking into|migrating|performing|porting|refactoring|renaming|"
    "reproducing|researching|reviewing|rewriting|running|stabili[sz]ing|struggling|testing|trying|updating|upgrading|waiting|wiring|working|writing"
)


def _rule(name: str, level: str, confidence: float, *wordings: str) -> Rule:
    return Rule(name, level, confidence, re.compile("|".join(wordings)))


RULES = (
    _rule("tick box", "SESSION_STATE", 0.97, r"\A\s*(?:[-*]\s*)?(?:\[[ x]\]|[✅❌⬜☐☑✔✗⏳🔄🚧])"),
    _rule(
        "state of tests",
        "SESSION_STATE",
        0.95,
        r"\b\d[\d,./]{0,12}\s{0,3}(?:(?:of|tests?|checks?|specs?|cases?|now|still|are|unit|all|\d+) ){0,3}"
        r"(?:pass(?:ed|es|ing)?|fail(?:ed|s|ing|ures?)?|skipped)\b",
        r"\b(?:tests?|builds?|suite|ci|e2e|deploy\w*)\b[^.;]{0,20}\b(?:is|are|was|were|still|now)\b[^.;]{0,12}"
        r"\b(?:red|green|broken|failing|passing|down|running)\b",
        r"\bstill failing\b",
        r"\btests? pass(?:es)? now\b",
    ),
    _rule(
        "preference of the speaker",
        "USER_PREFERENCE",
        0.97,
        r"\b(?:i|we|he|she|they|(?:the )?user)(?:'d| would| really| strongly| generally)* (?:always )?"
        r"(?:prefers?|rather|(?:dis)?likes? (?!to look)|hates?|loves?|can't stand|(?:do not|don't|does not|doesn't|never) (?:want|like))\b",
        r"\bi (?:always )?want (?:you|my|all|every|the|to (?:see|be))\b",
        r"\bi(?:'d| would) like you\b",
        r"\b(?:unless|without) (?:i|you) (?:\w+ )?(?:ask|say|tell)\w*",
        r"\b(?:ask|tell|show|call|address) me\b",
        r"\basking me\b",
        r"\bmy (?:preferred|favou?rite|pronouns|style)\b",
    ),
    _rule("from now on", "USER_PREFERENCE", 0.95, _OPENING + r"(?:from now on|in (?:the )?future|next time)\b"),
    _rule(
        "time of work",
        "SESSION_STATE",
        0.95,
        r"\b(?:i am|i'm|we are|we're) (?:currently|now|still|in the middle of|on branch|about to|stuck|blocked|working on)\b",
        rf"\b(?:currently|right now|still|now|halfway through) (?:{_DOING})\b",
        r"\b(?:left|leave|pick up where \w+) off\b",
        r"\bwhere we (?:are|left)\b",
        r"\b(?:next|last|this) session\b",
        r"\b(?:next|remaining|first) steps?\b",
        r"\bnext up\b",
        r"\bup next\b",
        r"\bto-?do now\b",
        r"\bwork in progress\b",
        r"\bwip\b",
        r"\b(?:current|main) (?:focus|task|work|blocker)s?\b",
        r"\bcurrent(?:ly)? (?:in|at) (?:phase|step|commit)\b",
        r"\bfollow-?up:",
        r"\bopen question",
        r"\bso far\b",
        r"\b(?:for|at) (?:now|the moment)\b",
        r"(?:\A|[.;] )temporar(?:y (?:fix|hack|workaround)|ily)\b",
        r"\bhalfway through\b",
        r"(?:\A|\b(?:am|are|was|i'm|we're) )about to\b",
        r"\b(?:yesterday|tomorrow|this (?:morning|afternoon|week|sprint)|today (?:we|i))\b",
        r"\bhalf[- ]done\b",
        r"\b\d+ ?% (?:done|complete)\b",
        r"\bworking tree\b",
        r"\b(?:not|nothing|isn't) (?:yet )?(?:pushed|committed|merged|started)\b",
        r"\A\W*uncommitted\b",
    ),
    _rule(
        "progress",
        "SESSION_STATE",
        0.92,
        r"\bin progress\b",
        r"\bin flight\b",
        r"\bunder investigation\b",
        r"\b(?:is|are|still|remains?) (?:pending|unresolved|blocked|incomplete|untested)\b",
        r"\bpending\s*\Z",
        r"\b(?:blocked (?:on|by)|(?<!async )waiting (?:on|for)|awaiting|on hold|still needs?|yet to)\b",
        r"\bneeds? (?:another|a rebase|review|revision|improvement|additional|more work|to be (?:done|tested|fixed|measured))\b",
        r"(?<!you're )\bnot (?:yet )?(?:done|started|verified|tested|finished|implemented|built)\b",
        r"\bnot [\w-]+ yet\b",
        r"\byet\.?\s*\Z",
        r"\b(?:phases?|steps?|part|sprint|milestone) [\d.]+(?:[-–][\d.]+)?\b[^.]{0,40}\b(?:complete|done|pending|pass|next|starts?|finished)",
        r"\A\s*(?:status|current status|next|next up|remaining|to-?do|done|open|blocked|resume|handoff|branch|commit)\s*:",
    ),
    _rule(
        "decision",
        "PROJECT_CONTEXT",
        0.9,
        r"\A\W*(?:decision|rationale|adr[- ]?\d{0,5})\s*:",
        r"\b(?:we|the team|it was|was) (?:had )?(?:chose|chosen|decided|agreed|opted|rejected|settled on|went with|picked)\b"
        r"(?=.{0,120}\b(?:because|over|since|so that|instead|against|in favou?r)\b)",
    ),
    _rule(
        "habit of a team",
        "PROJECT_CONTEXT",
        0.9,
        r"\A\W*(?:we|the team|our team|everybody) (?:always |usually |normally |only )?"
        r"(?:back up|branch|build|cache|cut|deploy|host|keep|log|merge|mirror|pin|publish|rebase|release|roll out|serve|ship|sign|squash|store|tag|"
        r"vendor|version)(?:e?s)?\b(?! (?:now|again|today))",
    ),
    _rule(
        "said in the past",
        "SESSION_STATE",
        0.93,
        rf"\A\s*(?:[-*]\s*)?(?:(?:i|we)(?:'ve| have)? |just |today (?:i|we) )?(?:{_DONE})\b(?! by\b| in\b| from\b| to\b| at\b| on\b)",
    ),
    _rule(
        "to do",
        "SESSION_STATE",
        0.9,
        r"\A\s*(?:[-*]\s*)?(?:re-?(?:run|test|check|audit)|investigate|finali[sz]e|finish|resume|continue (?:with|from)|remind me to"
        r"|needs? to|begin|decide (?:on|whether)|to-?do|cherry-pick|bump|look into|figure out|come back to|pick up"
        r"|prepare (?:the )?release|get back to)\b",
    ),
    _rule(
        "done",
        "SESSION_STATE",
        0.9,
        r"\b(?:resolved|completed?|executed|initiali[sz]ed|activated|updated|deployed|committed|merged|(?:installed|built|fixed) and \w+ed)\.?\s*\Z",
        r"\b(?:prs?|pull requests?|tickets?|jobs?) #?\d+",
    ),
    _rule(
        "doing",
        "SESSION_STATE",
        0.93,
        rf"\A\s*(?:[-*]\s*)?(?:{_DOING})\b(?! (?:directory|dir|tree|code|of)\b)(?![^.]{{0,40}}\brequires\b)",
    ),
    _rule(
        "for good",
        "USER_PREFERENCE",
        0.93,
        _OPENING + r"(?:please,?\s+)?(?:always|never|do not|don't|prefer|avoid|only ever|forbidden|stop \w+ing|no more)\b",
    ),
)
"""In this order; the first that fits decides. Chosen on the training split alone."""


def matching(text: str) -> Rule | None:
    """The first rule that knows a text, or None."""
    head = text[:LIMIT].lower()
    return next((rule for rule in RULES if rule.pattern.search(head)), None)


@cache
def _model() -> Linear:
    return load(MODEL)


def classify(text: str) -> Classification:
    """The level of any text; one that is empty or has no words is PROJECT_CONTEXT, which promises least, with confidence 0.

    Raises DataDamaged if a model is needed and its file is missing or damaged.
    """
    if not any(character.isalnum() for character in text[:LIMIT]):
        return Classification("PROJECT_CONTEXT", 0.0, "no words")
    rule = matching(text)
    if rule is not None:
        return Classification(rule.level, rule.confidence, rule.name)
    found = predict(_model(), text)
    return Classification(found.label, found.confidence, "model")
