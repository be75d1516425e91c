"""What a text may be read as, for judging only: folded, and with the usual disguises undone. None of this is ever stored.

A *view* is the text in lower case without accents and with single blanks, or that of something decoded from it. Encodings (URL, HTML, escapes,
base64, hexadecimal) are undone twice over, so that one inside another is seen, too; spellings (look-alike letters, leet, spaced-out letters,
rot13, backwards, quotes within a word, comments for blanks, nested lookups) once. Each disguise has a sign by which it is recognised cheaply:
plain prose has one view. The number and the size of views are bounded, so that no text costs more than a constant times its length.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable
from itertools import islice
from urllib.parse import unquote

from ...values import value

__all__ = ["View", "fold", "unaccented", "views"]

MOST_VIEWS = 12
MOST_DECODED = 20
"""Base64 or hexadecimal words that are tried in one text."""

SHORTEST_CODED = 16
"""Characters of a word that may be base64 or hexadecimal."""


@value
class View:
    """One reading of a text: `plain` is what it says as it stands or once decoded, else only what it spells (letters, no punctuation to rely on)."""

    text: str
    plain: bool = True


_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u0655\u0670\u093c\u0640]")
_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"'})
_INVISIBLE = re.compile("[\u200c\u200d\ufe00-\ufe0f]")


def fold(text: str) -> str:
    """Lower case, compatibility characters as what they stand for, no accents; one blank between words, no empty lines, none at their ends."""
    if not text.isascii():
        text = unaccented(_INVISIBLE.sub("", text).casefold()).casefold()
    lines = (" ".join(line.split()) for line in text.lower().splitlines())
    return "\n".join(line for line in lines if line)


def unaccented(text: str) -> str:
    """Compatibility characters as what they stand for, letters without accents and points. ASCII stays, so a pattern may be given, too."""
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFC", _MARKS.sub("", text)).translate(_LETTERS)


def views(text: str, hidden: str = "") -> list[View]:
    """The views of a cleaned text, its own folded form first; `hidden` is what its stripped characters spelled."""
    decoded = _decoded([text, *([hidden] if hidden else [])], len(text) + len(hidden))
    found = [View(one) for one in dict.fromkeys(map(fold, decoded))]
    seen = {view.text for view in found}
    for view in found[: MOST_VIEWS // 2]:
        for spelling in _SPELLINGS:
            spelled = spelling(view.text)
            if spelled is not None and spelled not in seen and len(found) < MOST_VIEWS:
                seen.add(spelled)
                found.append(View(spelled, spelling in _PLAIN_SPELLINGS))
    return found


def _decoded(texts: list[str], budget: int) -> list[str]:
    """The texts and what they hold encoded, two layers deep; in all at most four times `budget` characters more."""
    out, left = list(texts), 4 * budget
    frontier = texts
    for _ in range(2):
        fresh = []
        for text in frontier:
            for decode in _ENCODINGS:
                one = decode(text)
                if one and one not in out and len(out) < MOST_VIEWS // 2 and len(one) <= left:
                    left -= len(one)
                    out.append(one)
                    fresh.append(one)
        frontier = fresh
    return out


# --- Encodings

_PERCENT = re.compile(r"%u?%?[0-9a-fA-F]{2}")
_PERCENT_U = re.compile(r"%u([0-9a-fA-F]{4})")
_OVERLONG = re.compile(r"%c0%([289a][ef])", re.IGNORECASE)  # two bytes for an ASCII character: no UTF-8, but servers took it
_ESCAPE = re.compile(r"\\(?:u\{?([0-9a-fA-F]{4,5})\}?|x([0-9a-fA-F]{2})|([0-3][0-7]{2}))")
_ENTITY = re.compile(r"&(?:#x?[0-9a-fA-F]{1,6}|lt|gt|amp|quot|apos|lpar|rpar|colon|newline|tab)\b;?", re.IGNORECASE)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{16,}={0,2}")
_HEX = re.compile(r"(?<![0-9a-zA-Z])(?:0x)?((?:[0-9a-fA-F]{2}){8,})(?![0-9a-zA-Z])")
_PAIRS_APART = re.compile("[ :,-][0-9a-fA-F]{2}[ :,-][0-9a-fA-F]{2}[ :,-]")  # a sign of it that is found faster
_HEX_APART = re.compile(r"(?<![0-9a-zA-Z])(?:[0-9a-fA-F]{2}[ :,-]){7,}[0-9a-fA-F]{2}(?![0-9a-zA-Z])")


def _percent(text: str) -> str | None:
    if "%" not in text or not _PERCENT.search(text):
        return None
    for _ in range(3):
        text = _PERCENT_U.sub(lambda m: chr(int(m[1], 16)), _OVERLONG.sub(lambda m: chr(int(m[1], 16) & 0x3F), text))
        text = unquote(text)
    return text.replace("\u2215", "/").replace("\u2216", "\\")


def _entities(text: str) -> str | None:
    return html.unescape(text) if "&" in text and _ENTITY.search(text) else None


def _escapes(text: str) -> str | None:
    if "\\" not in text or not _ESCAPE.search(text):
        return None
    return _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else chr(int(m[3], 8)), text)


def _base64(text: str) -> str | None:
    return _words(text, _BASE64, lambda word: base64.b64decode(word if "=" in word else word[: len(word) // 4 * 4], validate=True))


def _hex(text: str) -> str | None:
    return _words(text, _HEX, lambda word: bytes.fromhex(word.removeprefix("0x").removeprefix("0X")))


def _hex_apart(text: str) -> str | None:
    if not _PAIRS_APART.search(text) or not (match := _HEX_APART.search(text)):
        return None
    said = _as_text(match[0], lambda word: bytes.fromhex(re.sub("[ :,-]", "", word)))
    return None if said is None else f"{text[: match.start()]}\n{said}\n{text[match.end() :]}"


def _words(text: str, pattern: re.Pattern[str], decode: Callable[[str], bytes]) -> str | None:
    """The text with its first `MOST_DECODED` encoded words decoded, those that decode to text; None if there is none."""
    if not any(pattern.search(word) for word in text.split() if len(word) >= SHORTEST_CODED):
        return None
    out, end = [], 0
    for match in islice(pattern.finditer(text), MOST_DECODED):
        said = _as_text(match[0], decode)
        if said is not None:
            out += [text[end : match.start()], "\n", said, "\n"]  # what was encoded begins and ends for itself
            end = match.end()
    return "".join([*out, text[end:]]) if out else None


def _as_text(word: str, decode: Callable[[str], bytes]) -> str | None:
    try:
        raw = decode(word)
        said = raw.decode("utf-16-le" if raw[1:8:2] == bytes(len(raw[1:8:2])) else "utf-8")
    except (binascii.Error, ValueError):
        return None
    shown = sum(c.isprintable() or c in "\t\r\n" for c in said)
    return said if shown >= 0.95 * len(said) else None


_ENCODINGS: tuple[Callable[[str], str | None], ...] = (_percent, _entities, _escapes, _base64, _hex, _hex_apart)

# --- Spellings

# A letter of another script and the Latin one it looks like (after folding, which makes small letters of capitals).
_PAIRS = (
    "аa еe оo рp сc уy хx ѕs іi јj һh ԁd ԛq ԝw кk мm тt вb нh гr пn ьb ӏl ҽe ҏp զq օo ոn սu ցg հh "
    "αa οo ρp εe νv ιi κk τt υu χx γy ωw ηn ɡg ɑa ɩi ɪi ɴn ʀr ᴏo ϲc ϳj"
)
_LOOK_ALIKE = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
_MIXED = re.compile("[a-z][\u0250-\u02af\u0370-\u03ff\u0400-\u058f]|[\u0250-\u02af\u0370-\u03ff\u0400-\u058f][a-z]")
_LEET = str.maketrans("013457@$!", "oieastasi")
_LEET_SIGNS = re.compile(r"[0-9@$!]{1,2}(?=[a-z])")
_LEET_WORD = re.compile(r"[a-z][0-9@$!]{1,2}[a-z]")
_LEET_WORDS = ("ignor", "disregard", "forget", "instruct", "prompt", "reveal", "system", "bypass", "overrid", "previous", "secret", "password")
_SPACED_SIGN = re.compile(r"([ .\-_*|·])\w\1\w\1")
_SPACED = re.compile(r"(?<!\w)\w([ .\-_*|·])\w(?:\1\w){2,}(?!\w)")
_SPACED_TOO = re.compile(r"(?<!\w)\w([.\-_*|·])\w(?:\1\w)+(?!\w)")
_ROT13_WORDS = ("vtaber", "qvfertneq", "sbetrg", "vafgehpgvba", "cebzcg", "erirny", "flfgrz")
_BACKWARDS_WORDS = ("erongi", "snoitcurtsni", "tpmorp", "dragersid", "tegrof", "laever")
_QUOTES_BETWEEN = re.compile(r"['\"`\\$](?<=[a-z].)(?=['\"`@()]{0,2}[a-z])", re.DOTALL)
_QUOTES_WITHIN = re.compile(r"(?<=[a-z])(?:(?!'(?:s|t|re|ve|ll|d|m)(?:[\s.,;:!?)]|$))['\"`]{1,2}|\\|\$@|\$\(\))(?=[a-z])")
_COMMENT = re.compile(r"/\*[^*\n]{0,60}\*/")
_LOOKUP = re.compile(r"\$\{(?:[a-z]{0,8}:[^${}]{0,20}:-|::-|lower:|upper:)([^${}]{0,20})\}")
_DOTS = re.compile(r"\.{3,4}(?=[/\\]{1,2}\.{2,4})|\.{3,4}(?=[/\\]{1,2}(?:etc|proc|windows|boot))")


def _look_alikes(text: str) -> str | None:
    return text.translate(_LOOK_ALIKE) if not text.isascii() and _MIXED.search(text) else None


def _leet(text: str) -> str | None:
    if len(_LEET_SIGNS.findall(text)) < 3 or len(_LEET_WORD.findall(text)) < 3:
        return None
    spelled = text.translate(_LEET)
    return spelled if any(word in spelled and word not in text for word in _LEET_WORDS) else None


def _spaced(text: str) -> str | None:
    if not _SPACED_SIGN.search(text) or not _SPACED.search(text):
        return None
    return _SPACED.sub(lambda match: match[0][::2], _SPACED_TOO.sub(lambda match: match[0][::2], text))


def _rot13(text: str) -> str | None:
    return codecs.encode(text, "rot13") if any(word in text for word in _ROT13_WORDS) else None


def _backwards(text: str) -> str | None:
    return text[::-1] if any(word in text for word in _BACKWARDS_WORDS) else None


def _quotes_within(text: str) -> str | None:
    if len(_QUOTES_BETWEEN.findall(text)) < 3 or len(_QUOTES_WITHIN.findall(text)) < 3:
        return None
    return _QUOTES_WITHIN.sub("", text)


def _comments(text: str) -> str | None:
    return _COMMENT.sub(" ", text) if "/*" in text else None


def _cdata(text: str) -> str | None:
    return text.replace("<![cdata[", "").replace("]]>", "") if "<![cdata[" in text else None


def _lookups(text: str) -> str | None:
    if text.count("${") < 2:
        return None
    for _ in range(3):
        text = _LOOKUP.sub(r"\1", text)
    return text


def _dots(text: str) -> str | None:
    return _DOTS.sub("..", text).replace("//", "/") if "..." in text and _DOTS.search(text) else None


_SPELLINGS: tuple[Callable[[str], str | None], ...] = (
    _look_alikes, _leet, _spaced, _rot13, _backwards, _quotes_within, _comments, _cdata, _lookups, _dots,
)  # fmt: skip
_PLAIN_SPELLINGS = frozenset((_look_alikes, _comments, _cdata, _lookups, _dots, _quotes_within))
