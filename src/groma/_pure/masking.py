"""Credentials in text: the one function that covers them with asterisks.

Responsible for `mask`: every credential found in a text is replaced by as many `*`, so that lines and columns stay what
they were and the name, the quotes, the user and the host around it stay readable. It is a pure, deterministic function
of the text, and masking twice is masking once.

How it works. `masking/rules.txt`, which the compiled core reads too, says what credentials look like. Each rule has
*keywords*, short literals that stand in every match at a known place. One vectorised pass over the text finds where a
keyword may be; only there is the rule's pattern tried, anchored. So a text without keywords costs that one pass, and no
pattern ever scans. Patterns have no look-around and no back-reference, and repeats are bounded or cannot overlap what
follows: they take linear time. They are ASCII only: every character outside ASCII is as good as any other, so that no
result depends on a version of Unicode.

What a match must still prove. Code is full of `password = get_password()`, `token: str` and `"changeme"`. A match of a
generic rule counts only if its value looks random (length, alphabet, entropy, letter pairs unlike those of words, no
`abcd` or `1234`) and its name names a credential rather than the hash, the file or the label of one. Placeholders are
never masked; the published `AKIA…EXAMPLE` keys are placeholders.

It knows nothing of files, paths and languages: callers mask whole files (a private key spans lines) and cut afterwards.
It does not look for passwords that are plain words, password hashes, public keys or the identifiers of accounts.
"""

from __future__ import annotations

import binascii
import math
import re
import string
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import unquote

import numpy as np

from .._shared import Masked, Span
from ..values import value

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Masked", "Rule", "Span", "mask", "rules"]

_Pieces = list[tuple[int, int]]


@value
class Rule:
    """One kind of credential, as `masking/rules.txt` says it: what its fields mean stands there.

    `pattern` has a group `secret`. `check` names what the match must still prove: a key of `_CHECKS`.
    """

    name: str
    keywords: tuple[str, ...]
    pattern: str
    check: str
    entropy: float
    reach: int
    alone: Literal["both", "end", "no"]


class _Table(NamedTuple):
    pieces: dict[str, str]
    rules: tuple[Rule, ...]


@cache
def _table() -> _Table:
    """What the file says. Read when a text is masked first: who masks nothing need not wait for it."""
    pieces: dict[str, str] = {}
    found: list[Rule] = []
    fields: dict[str, str] = {}

    def whole(pattern: str) -> str:
        return re.sub(r"\{([A-Z][A-Z0-9_]*)\}", lambda name: pieces[name[1]], pattern)

    def finish() -> None:
        if fields:
            check = fields.get("check", "token")
            pattern = whole(fields["pattern"])
            found.append(
                Rule(
                    fields["name"],
                    tuple(word.replace("\\s", " ") for word in fields["keywords"].split()),
                    pattern if "(?P<secret>" in pattern else f"(?P<secret>{pattern})",
                    check,
                    float(fields.get("entropy", 3.0 if check == "token" else 0.0)),
                    int(fields.get("reach", 0)),
                    fields.get("alone", "both"),  # type: ignore[arg-type]
                )
            )

    for line in (files("groma") / "masking" / "rules.txt").read_text("utf-8").split("\n"):
        if line.startswith("let "):
            _, name, pattern = line.split(" ", 2)
            pieces[name] = whole(pattern)
        elif line.startswith("rule "):
            finish()
            fields = {"name": line[5:]}
        elif line.startswith("  "):
            field, value = line[2:].split(" ", 1)
            fields[field] = value
    finish()
    return _Table(pieces, tuple(found))


def rules() -> tuple[Rule, ...]:
    """All rules, the most specific first."""
    return _table().rules


@cache
def _looks_like(name: str) -> Callable[[str], re.Match[str] | None]:
    """A search for one of the named pieces."""
    return re.compile(_table().pieces[name], re.ASCII).search


@cache
def _word_pairs() -> frozenset[str]:
    return frozenset(_table().pieces["WORD_PAIRS"].split())


# ----------------------------------------------------------------------------------------------------------------------
# What a value looks like

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", re.ASCII)

_DIGIT, _LETTER = re.compile(r"[0-9]"), re.compile(r"[A-Za-z]")
_LOWER, _UPPER = re.compile(r"[a-z]"), re.compile(r"[A-Z]")
# Control characters, and what else ends a line: no value holds one.
_UNFIT = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+")


# Several rules ask about one value, one after the other: the questions that take time remember their last answers.
_remembered = lru_cache(maxsize=256)


@_remembered
def _entropy(value: str) -> float:
    """Shannon entropy of the characters, in bits a character, to six decimals: so much every machine agrees about."""
    # `fsum`, because a set has no order that could be relied on and the last bit must not depend on it.
    repeated = math.fsum(n * math.log2(n) for n in map(value.count, set(value)) if n > 1)
    return math.floor((math.log2(len(value)) - repeated / len(value)) * 1e6 + 0.5) / 1e6


@_remembered
def _counts_up(value: str) -> bool:
    """Whether most letters, or most digits, follow their neighbour by one: `abcdef`, `a1b2c3d4`, `9876543210`."""
    for kind in (_LETTER, _DIGIT):
        codes = "".join(kind.findall(value)).lower().encode()
        steps = [b - a for a, b in pairwise(codes)]
        if len(steps) >= 5 and max(steps.count(1), steps.count(-1)) * 2 > len(steps):
            return True
    return False


def _is_wordy(value: str) -> bool:
    """Whether the letters stand together as those of words and identifiers do."""
    parts = _PARTS.findall(value)
    pairs = [part[i : i + 2].lower() for part in parts if not part.isdigit() for i in range(len(part) - 1)]
    if len(pairs) < 3:
        return sum(map(len, parts)) > 4 * len(parts)
    known = _word_pairs()
    return sum(pair in known for pair in pairs) >= 0.6 * len(pairs)


def _base64_text(value: str) -> str | None:
    """The printable ASCII text that a value is the base64 of, if it is one."""
    body = value.rstrip("=")
    if len(body) % 4 == 1 or len(value) - len(body) > -len(body) % 4 or not _BASE64.fullmatch(body):
        return None
    text = binascii.a2b_base64(body + "=" * (-len(body) % 4)).decode("latin-1")
    return text if text.isascii() and text.isprintable() else None


@_remembered
def _looks_random(value: str) -> bool:
    """Whether a value of at least 12 characters was drawn by a machine rather than written by a person."""
    size = len(value)
    digits = len(_DIGIT.findall(value))
    letters = len(_LETTER.findall(value))
    if size < 12 or letters < 3 or digits + letters < 0.7 * size or not (value.isascii() and value.isprintable()):
        return False
    if digits < 2 and (size < (16 if digits else 20) or value.islower() or value.isupper()):
        return False
    if _looks_like("PLACEHOLDER")(value) or _looks_like("MADE_UP")(value) or _looks_like("FILE_OR_HOST")(value) or _counts_up(value):
        return False
    if _HEX.fullmatch(value) or _UUID.fullmatch(value):
        return size >= 16 and digits >= 3 and _entropy(value) >= 2.9
    if _entropy(value) < (3.0 if size < 20 else 3.4) or _is_wordy(value):
        return False
    text = _base64_text(value)
    return text is None or _looks_like_password(text)


def _looks_like_password(value: str) -> bool:
    """Whether the value in a password's own place is a real one: not a word, a variable or a placeholder."""
    if (
        len(value) < 8
        or _UNFIT.search(value)
        or _looks_like("PLACEHOLDER")(value)
        or _looks_like("MADE_UP")(value)
        or _counts_up(value)
        or _entropy(value) < 2.3
    ):
        return False
    if value[0] in "$%{[@:" or "{" in value or "}" in value:
        return False
    lower, upper = _LOWER.search(value), _UPPER.search(value)
    if _DIGIT.search(value) or any(c in "!#^&*+" for c in value):
        return bool(lower or upper) or not value.isascii()
    return bool(lower and upper) and not _is_wordy(value)


# ----------------------------------------------------------------------------------------------------------------------
# What a match must prove


def _whole(match: re.Match[str]) -> _Pieces:
    return [match.span("secret")]


def _token(match: re.Match[str], entropy: float) -> _Pieces:
    """A value whose shape alone says what it is."""
    secret = match["secret"]
    if _looks_like("PLACEHOLDER")(secret) or _entropy(secret) < entropy or _counts_up(secret[4:]):
        return []
    said = not _DIGIT.search(secret, 4) and _is_wordy(secret)  # xoxb-not-a-real-one
    return [] if said else _whole(match)


def _random(match: re.Match[str], entropy: float) -> _Pieces:
    """A value that its place makes suspect and its looks convict."""
    secret = match["secret"]
    return _whole(match) if _looks_random(secret) and (not entropy or _entropy(secret) >= entropy) else []


def _password(match: re.Match[str], _: float) -> _Pieces:
    """The password of a URL, a connection string, a .netrc."""
    return _whole(match) if _looks_like_password(unquote(match["secret"])) else []


def _basic(match: re.Match[str], _: float) -> _Pieces:
    """`user:password` in base64."""
    colon, password = (_base64_text(match["secret"]) or "").partition(":")[1:]
    return _whole(match) if colon and _looks_like_password(password) else []


def _header(match: re.Match[str], entropy: float) -> _Pieces:
    """What an Authorization header says after its scheme."""
    return _basic(match, entropy) if (match["scheme"] or "").lower() == "basic" else _random(match, entropy)


def _connection_password(match: re.Match[str], entropy: float) -> _Pieces:
    """`Password=…` among the other fields of a connection string on the same line."""
    start, end = match.span("secret")
    text = match.string
    before = text[max(0, start - 240) : start].rpartition("\n")[2]
    after = text[end : end + 240].partition("\n")[0]
    beside = _looks_like("CONNECTION")
    return _password(match, entropy) if beside(before) or beside(after) else []


_WORD_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_")
_NAME_CHARACTERS = _WORD_CHARACTERS | {"-", "$"}


def _name_around(match: re.Match[str]) -> str:
    """The whole identifier that the matched name is a part of."""
    text, start = match.string, match.start()
    first = start
    while first > max(0, start - 48) and text[first - 1] in _NAME_CHARACTERS:
        first -= 1
    return text[first : match.end("name")]


@_remembered
def _names_credential(name: str, is_key: bool) -> bool:
    """Whether an identifier is called a credential; with `is_key` any kind of key will do."""
    if any(map(_looks_like("OTHER_NAME"), (name, name.lower()))):
        return False
    return bool(_looks_like("CREDENTIAL_NAME")(name)) or (is_key and name.lower().endswith("key"))


def _assigned(match: re.Match[str], entropy: float) -> _Pieces:
    """A value given to something that is called a credential."""
    secret = match["secret"]
    # `key` alone may be anything's; a long value of every kind of character is not a cache's or a table's.
    is_key = len(secret) >= 32 and not (secret.islower() or secret.isupper() or _UUID.fullmatch(secret))
    if not _names_credential(_name_around(match), is_key):
        return []
    return _random(match, entropy)


# A line of an armoured key; a header among them (`Proc-Type: …`) or a line break written out between them are none.
_KEY_PIECE = re.compile(r"\\+[nrt]?|[A-Za-z][A-Za-z-]{2,20}: [^\n\\\"']*|(?P<piece>[A-Za-z0-9+/=]{4,})", re.ASCII)
_LINE_BREAK_WRITTEN_OUT = re.compile(r"\\+[nrt]?")
_OTHER_TEXT = re.compile(r"[A-Za-z0-9]|[^\x00-\x7f]")


def _private_key(match: re.Match[str], entropy: float) -> _Pieces:
    """The lines of an armoured key, in whatever quotes, indents and concatenations they stand.

    Where the key has no end, they go up to the first other text.
    """
    text = match.string
    start, end = match.span("secret")
    pieces = [piece.span("piece") for piece in _KEY_PIECE.finditer(text, start, end) if piece["piece"]]
    if match["end"] is None:
        for i, (first, last) in enumerate(pieces):
            gap = text[pieces[i - 1][1] if i else start : first]
            if last - first < 16 or _OTHER_TEXT.search(_LINE_BREAK_WRITTEN_OUT.sub("", gap)):
                pieces = pieces[:i]
                break
    # Code that joins a header and a footer to something has words between them, not lines of a key.
    lines = [(first, last) for first, last in pieces if last - first >= 24]
    if not lines or sum(last - first for first, last in lines) < 0.6 * sum(last - first for first, last in pieces):
        return []
    values = [text[first:last] for first, last in lines]
    real = any(_entropy(value) >= entropy and (_HEX.fullmatch(value) or not _is_wordy(value)) for value in values)
    return pieces if real else []


def _salt(match: re.Match[str], entropy: float) -> _Pieces:
    """A value of so many printable characters that only its entropy is asked."""
    return _whole(match) if _entropy(match["secret"]) >= entropy else []


_CHECKS: dict[str, Callable[[re.Match[str], float], _Pieces]] = {
    "token": _token,
    "random": _random,
    "password": _password,
    "basic": _basic,
    "header": _header,
    "connection": _connection_password,
    "assigned": _assigned,
    "key": _private_key,
    "salt": _salt,
}
"""What a match must prove: the pieces of it that are a credential, none if it is not credible. Given the match and the
least entropy."""

# ----------------------------------------------------------------------------------------------------------------------
# The engine

# Four characters, five bits each: the lowest five bits tell letters apart whatever their case. Other characters may
# share a cell with letters; that only costs a vain try.
_GRAM = 4
# Characters scanned at a time: what one step needs stays in the processor's cache, and memory stays flat.
_BLOCK = 1 << 16
# What `str.splitlines` takes for one line.
_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
# Letters of code from common to rare, to look for the rarest four characters of a keyword.
_COMMON = "etrasinolcdpumfhgbyvwkxzjq"


def _cells_of(keyword: str) -> tuple[int, list[int]]:
    """Where the rarest four characters of a keyword begin, and their cell (of a shorter keyword, all that begin so)."""
    gram = min(_GRAM, len(keyword))
    offset = max(range(len(keyword) - gram + 1), key=lambda i: (sum(_COMMON.find(c) % 27 for c in keyword[i : i + gram]), -i))
    cell = sum((ord(c) & 31) << 5 * i for i, c in enumerate(keyword[offset : offset + gram]))
    return offset, [cell | rest << 5 * gram for rest in range(1 << 5 * (_GRAM - gram))]


@cache
def _keyword_table() -> tuple[npt.NDArray[np.bool_], dict[int, list[tuple[bytes, int, list[int]]]]]:
    """Which cells belong to a keyword, and for each the keywords: (keyword, from its beginning to the cell, its rules)."""
    owners: dict[str, list[int]] = {}
    for number, rule in enumerate(rules()):
        for keyword in rule.keywords:
            owners.setdefault(keyword, []).append(number)
    keywords: dict[int, list[tuple[bytes, int, list[int]]]] = {}
    for keyword, numbers in owners.items():
        offset, cells = _cells_of(keyword)
        for cell in cells:
            keywords.setdefault(cell, []).append((keyword.encode(), offset, numbers))
    table = np.zeros(1 << 5 * _GRAM, dtype=np.bool_)
    table[list(keywords)] = True
    return table, keywords


@cache
def _matcher(number: int) -> Callable[[str, int], re.Match[str] | None]:
    # Compiled when first needed: most texts need few.
    return re.compile(rules()[number].pattern, re.ASCII).match


def _is_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at] in _WORD_CHARACTERS


def _is_escape(text: str, end: int) -> bool:
    """Whether a `\\n` or its like, written out in a string, ends here: its letter is no word."""
    return end >= 2 and text[end - 2 : end] in ("\\n", "\\r", "\\t")


def _keyword_places(codes: bytes) -> Iterator[tuple[int, int]]:
    """Where a keyword may stand, with its cell."""
    table, _ = _keyword_table()
    folded = np.frombuffer(codes, dtype=np.uint8) & np.uint8(31)
    for begin in range(0, len(folded), _BLOCK):
        low = folded[begin : begin + _BLOCK + _GRAM - 1].astype(np.uint32)
        grams = low[:-3] | low[1:-2] << np.uint32(5) | low[2:-1] << np.uint32(10) | low[3:] << np.uint32(15)
        places = np.flatnonzero(table[grams])
        yield from zip((places + begin).tolist(), grams[places].tolist(), strict=True)


def _tries(text: str) -> Iterator[tuple[int, int]]:
    """Where to try which rule: (start of the match, rule number)."""
    _, keywords = _keyword_table()
    # One byte a character: a character outside ASCII becomes "?", so that positions stay those of the text.
    codes = text.encode("ascii", "replace").lower()
    for place, cell in _keyword_places(codes):
        for keyword, offset, numbers in keywords[cell]:
            if place >= offset and codes.startswith(keyword, place - offset):
                for number in numbers:
                    yield place - offset - rules()[number].reach, number


def _find(text: str) -> list[tuple[int, int, int]]:
    """Every credible piece as (start, end, rule number), in no order; pieces may overlap."""
    found = []
    for start, number in _tries(text):
        rule = rules()[number]
        if start < 0 or (rule.alone == "both" and _is_word(text, start - 1) and not _is_escape(text, start)):
            continue
        match = _matcher(number)(text, start)
        if match is None or (rule.alone != "no" and _is_word(text, match.end("secret"))):
            continue
        pieces = _CHECKS[rule.check](match, rule.entropy)
        found += [(first, last, number) for first, last in pieces if text[first:last].strip("*")]
    return found


def _blank(text: str, pieces: list[tuple[int, int, int]]) -> str:
    """The text with the pieces, sorted and apart, covered."""
    parts, at = [], 0
    for start, end, _ in pieces:
        parts += [text[at:start], "*" * (end - start)]
        at = end
    return "".join([*parts, text[at:]])


def _joined(pieces: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Sorted; pieces that overlap become one, named by the most specific rule, the first in the table."""
    joined: list[tuple[int, int, int]] = []
    for start, end, number in sorted(pieces):
        if joined and start < joined[-1][1]:
            first, last, named = joined[-1]
            joined[-1] = (first, max(last, end), min(named, number))
        else:
            joined.append((start, end, number))
    return joined


def _widened(text: str, found: list[tuple[int, int, int]], rounds: int) -> list[tuple[int, int, int]]:
    """What to cover of a text in which credentials were found for so many rounds already.

    One round is the rule, two the exception. A text made so that each covered value frees just one more would keep us
    for a round a value: after three rounds whole lines are covered, after five the whole text.
    """
    if rounds < 3:
        return found
    lines = [line.span() for line in _LINE.finditer(text)]
    if rounds >= 5:
        return [(start, end, found[0][2]) for start, end in lines]
    starts = [start for start, _ in lines]
    return sorted({(*lines[bisect_right(starts, start) - 1], found[0][2]) for start, _, _ in found})


def mask(text: str) -> Masked:
    """Cover every credential in `text` with asterisks.

    Takes a whole file: what is shown of it later is cut from the masked text. Any string will do, of any length; none
    is refused. `mask(mask(t).text).text == mask(t).text`.
    """
    if _LONE_SURROGATE.search(text):
        # Half a character is read as the one that stands for none (texts of files have no halves); what is not covered keeps it.
        found = _mask(_LONE_SURROGATE.sub("\ufffd", text))
        return Masked("".join(old if new == "\ufffd" else new for old, new in zip(text, found.text, strict=True)), found.spans)
    return _mask(text)


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _mask(text: str) -> Masked:
    pieces: list[tuple[int, int, int]] = []
    rounds = 0
    # Until nothing is found: a covered value can free its neighbour to be matched. Every round covers more, so it ends.
    while found := _joined(_find(text)):
        found = _widened(text, found, rounds)
        text = _blank(text, found)
        pieces += found
        rounds += 1
    return Masked(text, tuple((start, end, rules()[number].name) for start, end, number in _joined(pieces)))
