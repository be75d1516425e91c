"""Credentials in text: the table of what they look like, and the one function that covers them with asterisks.

Responsible for `mask`: every credential found in a text is replaced by as many `*`, so that lines and columns stay what
they were and the name, the quotes, the user and the host around it stay readable. It is a pure, deterministic function
of the text, and masking twice is masking once.

How it works. Each rule has *keywords*, short literals that stand in every match at a known place. One vectorised pass
over the text finds where a keyword may be; only there is the rule's pattern tried, anchored. So a text without keywords
costs that one pass, and no pattern ever scans. Patterns have no look-around and no back-reference, and repeats are
bounded or cannot overlap what follows: they take linear time here, and an engine made of automata can use the same
table (a possessive `+` saves time and changes no match). They are ASCII only.

What a match must still prove. Code is full of `password = get_password()`, `token: str` and `"changeme"`. A match of a
generic rule counts only if its value looks random (length, alphabet, entropy, letter pairs unlike those of words, no
`abcd` or `1234`) and its name names a credential rather than the hash, the file or the label of one. Placeholders are
never masked; the published `AKIA…EXAMPLE` keys are placeholders.

It knows nothing of files, paths and languages: callers mask whole files (a private key spans lines) and cut afterwards.
It does not look for passwords that are plain words, password hashes, public keys or the identifiers of accounts.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import string
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

__all__ = ["RULES", "Masked", "Rule", "Span", "mask"]

Span = tuple[int, int, str]
"""Start and end in characters (end exclusive) and the name of the rule."""

_Pieces = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Masked:
    """A text whose credentials are covered.

    `text` has as many characters as the original and the same line breaks. `spans` lists what was covered: sorted, not
    overlapping, never across a line break; empty if nothing was found.
    """

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of credential.

    `keywords` are lower-case ASCII literals of two characters or more, found in any case. `pattern` is matched where a
    keyword begins, or `reach` characters before it, and has a group `secret`. `alone` says where no further word
    character may touch: before the match and after the secret, only after it, or nowhere in particular.
    `secrets(match, entropy)` returns the pieces of the match that are a credential, none if it is not credible;
    `entropy` is the least Shannon entropy of the secret, in bits a character.
    """

    name: str
    keywords: tuple[str, ...]
    pattern: str
    secrets: Callable[[re.Match[str], float], _Pieces]
    entropy: float = 0.0
    reach: int = 0
    alone: Literal["both", "end", "no"] = "both"


# ----------------------------------------------------------------------------------------------------------------------
# What a value looks like

# The 180 commonest letter pairs inside the words of identifiers: 87 % of the pairs there, 27 % of the pairs of random
# letters. Where fewer than 60 % are of them, the letters are likelier random than words (both explain that share
# equally well).
_WORD_PAIRS = frozenset(
    (
        "ab ac ad ag ai al am an ap ar as at au ay ba be bi bl bo bu ca ce ch ci ck cl co cr ct cu da de di do ds "
        "du ea ec ed ee ef eg el em en ep er es et ev ex fa fe ff fi fl fo ge gi gr ha he hi ho ia ib ic id ie if "
        "ig il im in io ip ir is it iv iz ke la ld le li ll lo ls lt lu ly ma me mi mo mp na nc nd ne nf ng ni no "
        "ns nt oc od ol om on oo op or os ot ou ov ow pa pe pi pl po pp pr pt qu ra rc rd re ri rm ro rr rs rt ru "
        "ry sa sc se sh si so sp ss st su ta te th ti tl to tr ts tt tu ty ua ub uc ue ui ul um un up ur us ut va "
        "ve vi wa yp ze"
    ).split()
)
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", re.ASCII)

# These say "put yours here". Each is so long that a random value holds one by chance less than once in 10,000.
_PLACEHOLDER = re.compile(
    r"example|placeholder|redacted|change[_-]?me|replace|dummy|sample|your[_-]|fake"
    r"|xxxx|\*\*\*|\.\.\.|\$\{|\{\{|%\(|<|>",
    re.IGNORECASE | re.ASCII,
)
# A person made these values up around a word, or their form tells that they are none: a path, a call, a public key.
_MADE_UP = re.compile(
    r"test|secret|passw|passphrase|token|api[_-]?key|insert|your|mock|demo|default|foo[_-]?bar|lorem|hmac"
    r"|qwert|asdf|zxcv|abcd|1234|4321|0000|://|\(|\)"
    r"|^(?:/|\./|~/|[$%]\(|\$\w{1,12}\$|sha\d{1,3}[-:]|data:|pk[_.]"
    r"|AAAA[BCE]3NzaC|M(?:FkwEwYHK|HYwEAYHK|CowBQYDK2V|IGfMA0G|II[BC]IjANBg))",
    re.IGNORECASE | re.ASCII,
)
_FILE_OR_HOST = re.compile(
    r"\.(?:[cm]?[jt]sx?|py|rb|go|rs|java|php|json|ya?ml|toml|xml|html?|css|txt|md|png|svg"
    r"|pem|key|crt|cer|p12|pub|com|org|net|io)$"
)
_DIGIT, _LETTER = re.compile(r"[0-9]"), re.compile(r"[A-Za-z]")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")


# Several rules ask about one value, one after the other: the questions that take time remember their last answers.
_remembered = lru_cache(maxsize=256)


@_remembered
def _entropy(value: str) -> float:
    """Shannon entropy of the characters, in bits a character."""
    # `fsum`, because a set has no order that could be relied on and the last bit must not depend on it.
    repeated = math.fsum(n * math.log2(n) for n in map(value.count, set(value)) if n > 1)
    return math.log2(len(value)) - repeated / len(value)


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
    return sum(pair in _WORD_PAIRS for pair in pairs) >= 0.6 * len(pairs)


def _base64_text(value: str) -> str | None:
    """The printable text that a value is the base64 of, if it is one."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return text if text.isprintable() else None


@_remembered
def _looks_random(value: str) -> bool:
    """Whether a value of at least 12 characters was drawn by a machine rather than written by a person."""
    size = len(value)
    digits = len(_DIGIT.findall(value))
    letters = len(_LETTER.findall(value))
    if size < 12 or letters < 3 or digits + letters < 0.7 * size or not value.isascii():
        return False
    if digits < 2 and (size < (16 if digits else 20) or value.islower() or value.isupper()):
        return False
    if _PLACEHOLDER.search(value) or _MADE_UP.search(value) or _FILE_OR_HOST.search(value) or _counts_up(value):
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
        or not value.isprintable()
        or _PLACEHOLDER.search(value)
        or _MADE_UP.search(value)
        or _counts_up(value)
        or _entropy(value) < 2.3
    ):
        return False
    if value[0] in "$%{[@:" or "{" in value or "}" in value:
        return False
    letters = any(map(str.isalpha, value))
    if any(map(str.isdigit, value)) or any(c in "!#^&*+" for c in value):
        return letters
    return not value.islower() and not value.isupper() and not _is_wordy(value)


# ----------------------------------------------------------------------------------------------------------------------
# What a match must prove


def _whole(match: re.Match[str]) -> _Pieces:
    return [match.span("secret")]


def _token(match: re.Match[str], entropy: float) -> _Pieces:
    """A value whose shape alone says what it is."""
    secret = match["secret"]
    if _PLACEHOLDER.search(secret) or _entropy(secret) < entropy or _counts_up(secret[4:]):
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


_CONNECTION = re.compile(
    r"\b(?:server|data source|user id|uid|username|host|database|initial catalog|endpoint|addr)\s?=",
    re.IGNORECASE | re.ASCII,
)


def _connection_password(match: re.Match[str], entropy: float) -> _Pieces:
    """`Password=…` among the other fields of a connection string on the same line."""
    start, end = match.span("secret")
    text = match.string
    before = text[max(0, start - 240) : start].rpartition("\n")[2]
    after = text[end : end + 240].partition("\n")[0]
    return _password(match, entropy) if _CONNECTION.search(before) or _CONNECTION.search(after) else []


_CREDENTIAL_NAME = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|api[_-]?key"
    r"|(?:access|account|admin|aes|app|application|auth|bot|cipher|client|consumer|crypto|deploy|encrypt|encryption|hmac"
    r"|jwt|licen[cs]e|master|private|rsa|service|session|shared|sign|signing|ssh|storage|webhook|write)[_-]?key",
    re.IGNORECASE | re.ASCII,
)
_WORD_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_")
_NAME_CHARACTERS = _WORD_CHARACTERS | {"-", "$"}
# What is named after a credential without being one: its hash, its file, where it comes from, what a form calls it.
# Asked of the name as it is (`tokenId`) and in lower case (`TOKEN_URL`).
_OTHER_NAME = re.compile(
    r"public|hash|digest|checksum|sha\d|md5|fingerprint|thumbprint|csrf|xsrf|keyword|tokeni[sz]"
    r"|(?:page|next|sync|continu\w*|cursor)[_-]?token"
    r"|(?:[_-]id|Id|ID|ur[il]|endpoint|name|type|path|file|header|field|label|param|parameter|regex|pattern|format"
    r"|prefix|suffix|length|size|count|ttl|timeout|message|error|title|text|hint|help|class|selector|version|algorithm"
    r"|address|contract|mint)s?$",
    re.ASCII,
)


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
    if any(map(_OTHER_NAME.search, (name, name.lower()))):
        return False
    return bool(_CREDENTIAL_NAME.search(name)) or (is_key and name.lower().endswith("key"))


def _assigned(match: re.Match[str], entropy: float) -> _Pieces:
    """A value given to something that is called a credential."""
    secret = match["secret"]
    # `key` alone may be anything's; a long value of every kind of character is not a cache's or a table's.
    is_key = len(secret) >= 32 and not (secret.islower() or secret.isupper() or _UUID.fullmatch(secret))
    if not _names_credential(_name_around(match), is_key):
        return []
    return _random(match, entropy)


# A line of an armoured key; a header among them (`Proc-Type: …`) or a line break written out between them are none.
_KEY_PIECE = re.compile(r"\\+[nrt]|[A-Za-z][A-Za-z-]{2,20}: [^\n\\\"']*|(?P<piece>[A-Za-z0-9+/=]{4,})", re.ASCII)
_LINE_BREAK_WRITTEN_OUT = re.compile(r"\\+[nrt]")


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
            if last - first < 16 or any(c.isalnum() for c in _LINE_BREAK_WRITTEN_OUT.sub("", gap)):
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


# ----------------------------------------------------------------------------------------------------------------------
# The table

_HEX_DIGIT, _ALNUM, _URL64 = "[0-9a-f]", "[A-Za-z0-9]", "[A-Za-z0-9_-]"

# From the end of a name to its value: the name's closing quote or bracket, an operator (after a type, perhaps), a call
# around the value.
_LINK = (
    r"(?:\\?[\"'`])?\[?[\])]?\s{0,8}+(?::[\w&<>\[\]?.' ]{1,32}+=|=>|[=!:?|+]?==?|:|,|\(|\|\||\?\?|<<)\s{0,8}+"
    r"(?:[A-Za-z_][\w.]{0,30}+\(\s{0,4}+)?"
)
_QUOTE = r"[\"'`]"
_CREDENTIAL_WORDS = ("key", "token", "secret", "passw", "passphrase", "pwd", "credential")
_NAME = rf"(?P<name>(?i:{'|'.join(_CREDENTIAL_WORDS)})[\w-]{{0,40}}+)"


def _tokens(name: str, keywords: str, shape: str, *, entropy: float = 3.0, reach: int = 0) -> Rule:
    """A credential that its own shape gives away."""
    return Rule(name, tuple(keywords.split()), f"(?P<secret>{shape})", _token, entropy, reach)


def _of_vendor(name: str, vendors: str, shape: str, *, entropy: float = 3.0) -> Rule:
    """A credential without a mark of its own, assigned to a name that has the vendor and a credential word in it."""
    words = vendors.split()
    pattern = (
        rf"(?i:{'|'.join(words)})[\w. -]{{0,30}}?"
        r"(?i:key|token|secret|passw|pwd|auth|pat|credential|bearer|licen[cs]e)[\w-]{0,20}+"
        rf"{_LINK}{_QUOTE}?(?P<secret>{shape})"
    )
    return Rule(name, tuple(words), pattern, _token, entropy, alone="end")


def _in_url(name: str, schemes: str, before: str = "") -> Rule:
    """The password in `scheme://user:password@host`."""
    # The last @ before the host ends the password: many a password has one of its own.
    pattern = before + r"://[^\s:@/?#\"'`<>\\]{0,128}+:(?P<secret>[^\s:/?#\"'`<>\\]{1,256})@[\w\[$%{.*-]"
    return Rule(name, tuple(schemes.split()), pattern, _password, alone="no")


RULES: tuple[Rule, ...] = (
    # Keys that span lines
    Rule(
        "private-key",
        ("-----begin ",),
        r"-----BEGIN (?:(?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V1)-----"
        r"(?P<secret>[^-]*(?:-{1,4}[^-]+)*)(?P<end>-----END)?",
        _private_key,
        2.9,
        alone="no",
    ),
    Rule(
        "putty-private-key",
        ("private-lines:",),
        r"Private-Lines: \d{1,3}\r?\n(?P<secret>(?:[A-Za-z0-9+/=]{1,64}+\r?\n?){1,200})(?P<end>Private-MAC)?",
        _private_key,
        2.9,
        alone="no",
    ),
    Rule("jwk-private-key", ('"d"',), r'"d"\s?:\s?"(?P<secret>[A-Za-z0-9_-]{43,1400})"', _random, alone="no"),
    _tokens("age-secret-key", "age-secret-key-1", "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    # Clouds
    _tokens("aws-access-key-id", "akia asia abia acca", "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    Rule(
        "aws-secret-access-key",
        ("secret_access_key", "secretaccesskey", "secret-access-key", "aws_secret", "awssecret"),
        rf"(?i:secret[_-]?access[_-]?key|aws_?secret)[\w-]{{0,20}}+(?:{_LINK}|[\"']?\s)"
        rf"{_QUOTE}?(?P<secret>[A-Za-z0-9/+=]{{40}})",
        _token,
        4.0,
        alone="end",
    ),
    Rule(
        "aws-session-token",
        ("session_token", "sessiontoken", "security_token", "securitytoken", "security-token"),
        rf"(?i:session|security)[_-]?(?i:token)[\w-]{{0,20}}+{_LINK}[\"'`]?(?P<secret>[A-Za-z0-9/+=%]{{100,2000}})",
        _token,
        4.0,
        alone="end",
    ),
    _tokens("aws-bedrock-api-key", "absk", r"ABSK[A-Za-z0-9+/]{109,269}={0,2}"),
    _tokens("aws-mws-token", "amzn.mws.", rf"amzn\.mws\.{_HEX_DIGIT}{{8}}-(?:{_HEX_DIGIT}{{4}}-){{3}}{_HEX_DIGIT}{{12}}"),
    _tokens("gcp-api-key", "aiza", rf"AIza{_URL64}{{35}}"),
    _tokens("google-oauth-secret", "gocspx-", rf"GOCSPX-{_URL64}{{28}}"),
    _tokens("google-access-token", "ya29.", rf"ya29\.{_URL64}{{40,400}}"),
    _tokens("google-refresh-token", "1//0", rf"1//0{_URL64}{{40,120}}"),
    _tokens("firebase-server-key", ":apa91b", rf"{_URL64}{{11}}:APA91b{_URL64}{{120,160}}", reach=11),
    Rule(
        "azure-storage-key",
        ("accountkey",),
        r"(?i:accountkey)\s?=\s?(?P<secret>[A-Za-z0-9+/]{86}==)",
        _token,
        4.0,
        alone="end",
    ),
    Rule(
        "azure-shared-access-key",
        ("sharedaccesskey", "accesskey"),
        r"(?i:accesskey)\s?=\s?(?P<secret>[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{33}AS[A-Za-z0-9+/]{3,8}={0,2})",
        _token,
        3.8,
        alone="end",
    ),
    Rule("azure-sas", ("sig=",), r"sig=(?P<secret>[A-Za-z0-9%+/]{43,90}(?:%3[dD]|=))", _token, 3.8),
    _tokens("azure-client-secret", "q~", r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", reach=4),
    _tokens("azure-devops-token", "azdo", rf"{_ALNUM}{{76}}AZDO{_ALNUM}{{4}}", reach=76),
    _tokens("azure-ai-key", "jqqj99", rf"{_ALNUM}{{52}}JQQJ99{_ALNUM}{{26}}", reach=52),
    _tokens("alibaba-access-key", "ltai", rf"LTAI{_ALNUM}{{17,21}}"),
    _tokens("tencent-secret-id", "akid", rf"AKID{_ALNUM}{{32}}"),
    _tokens("digitalocean-token", "_v1_", rf"do[oprs]_v1_{_HEX_DIGIT}{{64}}", reach=3),
    _tokens(
        "heroku-token",
        "hrku-",
        rf"HRKU-(?:AA{_URL64}{{58}}|{_HEX_DIGIT}{{8}}-(?:{_HEX_DIGIT}{{4}}-){{3}}{_HEX_DIGIT}{{12}})",
    ),
    _of_vendor("heroku-api-key", "heroku", rf"{_HEX_DIGIT}{{8}}-(?:{_HEX_DIGIT}{{4}}-){{3}}{_HEX_DIGIT}{{12}}"),
    _tokens("cloudflare-origin-ca-key", "v1.0-", rf"v1\.0-{_HEX_DIGIT}{{24}}-{_HEX_DIGIT}{{146}}"),
    _tokens("cloudflare-token", "cfk_ cfut_ cfat_", rf"cf(?:k|ut|at)_{_ALNUM}{{40}}{_HEX_DIGIT}{{8}}"),
    _of_vendor("cloudflare-api-key", "cloudflare cf_api", rf"(?:{_URL64}{{40}}|{_HEX_DIGIT}{{37}})"),
    _of_vendor("fastly-token", "fastly", rf"{_URL64}{{32}}"),
    _tokens("flyio-token", "fm1r_ fm2_", r"fm(?:1r|2)_[A-Za-z0-9+/=]{100,1000}"),
    _tokens("netlify-token", "nfp_", rf"nfp_{_ALNUM}{{36}}"),
    _tokens("tailscale-key", "tskey-", rf"tskey-[a-z]{{2,12}}-{_ALNUM}{{8,20}}-{_ALNUM}{{20,40}}"),
    # Code hosts and package registries
    _tokens("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", rf"gh[pousr]_{_ALNUM}{{36,255}}"),
    _tokens("github-fine-grained-token", "github_pat_", rf"github_pat_{_ALNUM}{{22}}_{_ALNUM}{{59}}"),
    _tokens(
        "gitlab-token",
        "glpat- gldt- glrt- glptt- glcbt- glft- glsoat- glimt- glagent- glffct-",
        r"gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent|ffct)-[A-Za-z0-9_.=-]{20,320}",
    ),
    _tokens("gitlab-runner-registration", "gr1348941", rf"GR1348941{_URL64}{{20}}"),
    _tokens("bitbucket-app-password", "atbb", rf"ATBB{_ALNUM}{{32}}"),
    _tokens("bitbucket-datacenter-token", "bbdc-", r"BBDC-[A-Za-z0-9+/]{40,50}"),
    _tokens("atlassian-token", "atatt3 atctt3", r"AT[AC]TT3[A-Za-z0-9_=-]{60,300}"),
    _of_vendor("atlassian-api-token", "atlassian jira confluence", rf"{_ALNUM}{{24}}"),
    _tokens("npm-token", "npm_", rf"npm_{_ALNUM}{{36}}"),
    Rule(
        "npm-registry-auth",
        (":_authtoken", ":_password", ":_auth"),
        r":_(?:authToken|password|auth)\s?=\s?\"?(?P<secret>[^\s\"$]{16,400})",
        _random,
        alone="no",
    ),
    _tokens("pypi-token", "pypi-age", rf"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw){_URL64}{{50,1000}}"),
    _tokens("rubygems-key", "rubygems_", rf"rubygems_{_HEX_DIGIT}{{48}}"),
    _tokens("crates-io-token", "cio", rf"cio{_ALNUM}{{32}}", entropy=3.5),
    _tokens("nuget-key", "oy2", r"oy2[a-z0-9]{43}", entropy=3.5),
    _tokens("docker-hub-token", "dckr_pat_ dckr_oat_", rf"dckr_[po]at_{_URL64}{{27,32}}"),
    Rule(
        "docker-registry-auth",
        ('"auth"',),
        r'"auth"\s?:\s?"(?P<secret>[A-Za-z0-9+/]{12,1000}={0,2})"',
        _basic,
        alone="no",
    ),
    _tokens("clojars-token", "clojars_", r"CLOJARS_[a-z0-9]{60}"),
    _tokens("jfrog-api-key", "akcp", rf"AKCp{_ALNUM}{{69}}", entropy=3.8),
    _tokens("jfrog-reference-token", "cmvmdgtu", rf"cmVmdGtu{_ALNUM}{{56}}", entropy=3.8),
    _tokens("sonarqube-token", "squ_ sqp_ sqa_", rf"sq[upa]_{_HEX_DIGIT}{{40}}"),
    _tokens("sourcegraph-token", "sgp_", rf"sgp_(?:(?:{_HEX_DIGIT}{{16}}|local)_)?{_HEX_DIGIT}{{40}}"),
    _tokens("circleci-token", "ccipat_ ccipprj_", rf"CCIP(?:AT|PRJ)_{_ALNUM}{{16,30}}_{_HEX_DIGIT}{{40}}"),
    _tokens("buildkite-token", "bkua_", rf"bkua_{_HEX_DIGIT}{{40}}"),
    _of_vendor("codecov-token", "codecov", rf"{_HEX_DIGIT}{{8}}-(?:{_HEX_DIGIT}{{4}}-){{3}}{_HEX_DIGIT}{{12}}"),
    _of_vendor("snyk-token", "snyk", rf"{_HEX_DIGIT}{{8}}-(?:{_HEX_DIGIT}{{4}}-){{3}}{_HEX_DIGIT}{{12}}"),
    # Messages and mail
    _tokens(
        "slack-token",
        "xoxb- xoxp- xoxa- xoxr- xoxs- xoxo- xoxc- xoxd- xoxe- xoxe.",
        r"xox[a-eo-s][.-][A-Za-z0-9.%-]{16,400}",
    ),
    _tokens("slack-app-token", "xapp-", rf"xapp-[0-9]-[A-Z0-9]{{8,14}}-[0-9]{{8,16}}-{_HEX_DIGIT}{{40,80}}"),
    Rule(
        "slack-webhook",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[TE][A-Z0-9]{6,14}/"
        r"(?P<secret>[A-Z0-9]{6,20}/[A-Za-z0-9/]{20,80})",
        _token,
        3.0,
        alone="end",
    ),
    _tokens(
        "twilio-api-key-sid",
        "sk0 sk1 sk2 sk3 sk4 sk5 sk6 sk7 sk8 sk9 ska skb skc skd ske skf",
        rf"SK{_HEX_DIGIT}{{32}}",
    ),
    _of_vendor("twilio-token", "twilio", rf"(?:{_HEX_DIGIT}{{32}}|{_ALNUM}{{32}})"),
    _tokens("sendgrid-key", "sg.", rf"SG\.{_URL64}{{22}}\.{_URL64}{{43}}"),
    _tokens("mailgun-key", "key-", rf"key-{_HEX_DIGIT}{{32}}"),
    _of_vendor("mailgun-signing-key", "mailgun", rf"{_HEX_DIGIT}{{32}}-{_HEX_DIGIT}{{8}}-{_HEX_DIGIT}{{8}}"),
    _tokens("mailchimp-key", "-us", rf"{_HEX_DIGIT}{{32}}-us[0-9]{{1,2}}", reach=32),
    _tokens("brevo-key", "xkeysib- xsmtpsib-", rf"x(?:key|smtp)sib-{_HEX_DIGIT}{{64}}-{_ALNUM}{{16}}"),
    Rule("telegram-bot-token", (":aa",), rf"[0-9]{{8}}:(?P<secret>AA{_URL64}{{33}})", _token, 3.5, reach=8, alone="end"),
    Rule(
        "discord-bot-token",
        ("discord", "login(", ".run(", "bot_token", "bot "),
        r"(?i:discord|login|\.run|bot)[^\n]{0,60}?"
        r"(?P<secret>[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40})",
        _token,
        4.0,
        alone="end",
    ),
    Rule(
        "discord-webhook",
        ("/api/webhooks/",),
        rf"/api/webhooks/[0-9]{{16,20}}/(?P<secret>{_URL64}{{60,80}})",
        _token,
        3.5,
        alone="end",
    ),
    Rule(
        "teams-webhook",
        ("webhook.office.com/",),
        r"webhook\.office\.com/webhookb2/[0-9a-f@-]{60,90}/IncomingWebhook/(?P<secret>[0-9a-f]{32}/[0-9a-f-]{36})",
        _token,
        3.0,
        alone="end",
    ),
    # Payments and shops
    _tokens(
        "stripe-key",
        "sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ rk_prod_",
        rf"[sr]k_(?:live|test|prod)_{_ALNUM}{{24,240}}",
    ),
    _tokens("stripe-webhook-secret", "whsec_", r"whsec_[A-Za-z0-9+/=]{32,80}"),
    _tokens("square-token", "sq0atp- sq0csp-", rf"sq0(?:atp-{_URL64}{{22}}|csp-{_URL64}{{43}})"),
    _tokens("square-access-token", "eaaa", rf"EAAA{_URL64}{{60}}", entropy=3.8),
    _tokens("shopify-token", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _tokens(
        "plaid-token",
        "access-",
        rf"access-(?:sandbox|development|production)-{_HEX_DIGIT}{{8}}-(?:{_HEX_DIGIT}{{4}}-){{3}}{_HEX_DIGIT}{{12}}",
    ),
    _tokens("shippo-token", "shippo_", rf"shippo_(?:live|test)_{_HEX_DIGIT}{{40}}"),
    _tokens("easypost-key", "ezak eztk", rf"EZ[AT]K{_ALNUM}{{54}}"),
    _tokens("duffel-token", "duffel_", r"duffel_(?:test|live)_[A-Za-z0-9_=-]{43}"),
    # Watching and running
    _of_vendor("datadog-key", "datadog dd_api dd_app ddog", rf"(?:{_HEX_DIGIT}{{40}}|{_HEX_DIGIT}{{32}})"),
    _tokens("new-relic-key", "nrak- nrjs- nrii- nriq- nrra-", r"NR(?:AK|II|IQ|RA)-[A-Za-z0-9_-]{27,32}|NRJS-[0-9a-f]{19}"),
    _tokens("new-relic-license-key", "nral", r"[0-9a-zA-Z]{36}NRAL", reach=36),
    _tokens("sentry-token", "sntrys_ sntryu_", rf"sntry(?:s_eyJ[A-Za-z0-9+/=_-]{{60,400}}|u_{_HEX_DIGIT}{{64}})"),
    Rule(
        "sentry-dsn-secret",
        ("://",),
        rf"://{_HEX_DIGIT}{{32}}:(?P<secret>{_HEX_DIGIT}{{32}})@[\w.-]{{1,80}}/[0-9]",
        _token,
        2.9,
        alone="no",
    ),
    _tokens("grafana-token", "glsa_ glc_", rf"gl(?:sa_{_ALNUM}{{32}}_[0-9A-Fa-f]{{8}}|c_[A-Za-z0-9+/]{{32,400}}={{0,2}})"),
    _tokens("grafana-api-key", "eyjrijoi", r"eyJrIjoi[A-Za-z0-9]{60,400}={0,2}"),
    _tokens("dynatrace-token", "dt0", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _tokens("pulumi-token", "pul-", rf"pul-{_HEX_DIGIT}{{40}}"),
    _tokens("prefect-key", "pnu_", r"pnu_[A-Za-z0-9]{36}"),
    _tokens("postman-key", "pmak-", rf"PMAK-{_HEX_DIGIT}{{24}}-{_HEX_DIGIT}{{34}}"),
    _tokens("databricks-token", "dapi", rf"dapi{_HEX_DIGIT}{{32}}(?:-[0-9])?"),
    _tokens("planetscale-token", "pscale_", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}"),
    _tokens("supabase-token", "sbp_ sb_secret_", rf"sbp_{_HEX_DIGIT}{{40}}|sb_secret_{_URL64}{{22,48}}"),
    _of_vendor("algolia-key", "algolia", rf"{_HEX_DIGIT}{{32}}"),
    _tokens("mapbox-secret-token", "sk.eyj", rf"sk\.eyJ{_URL64}{{40,300}}\.{_URL64}{{20,60}}"),
    # Vaults
    _tokens("vault-token", "hvs. hvb. hvr.", rf"hv[sbr]\.{_URL64}{{24,400}}", entropy=3.5),
    _of_vendor("vault-legacy-token", "vault", rf"[sbr]\.{_ALNUM}{{24}}", entropy=3.5),
    _tokens("terraform-cloud-token", ".atlasv1.", rf"{_ALNUM}{{14}}\.atlasv1\.[A-Za-z0-9_=-]{{60,70}}", reach=14),
    _tokens(
        "doppler-token",
        "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.",
        rf"dp\.(?:pt|ct|sa|scim|audit|st(?:\.[a-z0-9_-]{{2,35}})?)\.{_ALNUM}{{40,44}}",
    ),
    _tokens("onepassword-service-token", "ops_eyj", r"ops_eyJ[A-Za-z0-9+/_-]{200,1500}={0,3}"),
    _tokens(
        "onepassword-secret-key",
        "a3-",
        r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
    ),
    # Models
    _tokens("anthropic-key", "sk-ant-", rf"sk-ant-(?:[a-z]{{2,6}}[0-9]{{2}}-)?{_URL64}{{60,130}}"),
    _tokens(
        "openai-key",
        "sk-",
        rf"sk-(?:(?:proj|svcacct|admin)-{_URL64}{{40,200}}|{_URL64}{{8,140}}?T3BlbkFJ{_URL64}{{20,100}})",
    ),
    _tokens("openrouter-key", "sk-or-", rf"sk-or-v1-{_HEX_DIGIT}{{64}}"),
    _tokens("openai-style-key", "sk-", rf"sk-{_ALNUM}{{32,64}}", entropy=3.2),
    _tokens("huggingface-token", "hf_ api_org_", rf"(?:hf|api_org)_{_ALNUM}{{34}}", entropy=3.5),
    _tokens("replicate-token", "r8_", rf"r8_{_ALNUM}{{37}}", entropy=3.5),
    _tokens("groq-key", "gsk_", rf"gsk_{_ALNUM}{{52}}"),
    _tokens("perplexity-key", "pplx-", rf"pplx-{_ALNUM}{{48}}"),
    _tokens("xai-key", "xai-", rf"xai-{_ALNUM}{{80}}"),
    _of_vendor(
        "model-provider-key",
        "cohere co_api mistral deepseek elevenlabs together replicate",
        rf"(?:{_ALNUM}{{40}}|{_ALNUM}{{32}}|{_HEX_DIGIT}{{64}})",
        entropy=3.5,
    ),
    # Work and social
    _tokens("facebook-token", "eaac eaam eaab", rf"EAA[MCB]{_ALNUM}{{60,400}}", entropy=3.8),
    _of_vendor("facebook-app-secret", "facebook fb_app", rf"{_HEX_DIGIT}{{32}}"),
    _tokens("twitter-bearer-token", "aaaaaaaaaaaaaaaaaaaa", r"A{20,24}[A-Za-z0-9%]{70,100}", entropy=3.0),
    _of_vendor(
        "twitter-secret",
        "twitter",
        rf"(?:{_ALNUM}{{50}}|{_ALNUM}{{45}}|{_ALNUM}{{35,44}}|[0-9]{{8,20}}-{_ALNUM}{{40}}|{_ALNUM}{{25}})",
        entropy=3.5,
    ),
    _of_vendor("linkedin-secret", "linkedin", rf"{_ALNUM}{{16}}", entropy=3.0),
    _tokens("linkedin-client-secret", "wpl_ap1.", rf"WPL_AP1\.{_ALNUM}{{16}}\.[A-Za-z0-9+/=]{{6,10}}"),
    Rule(
        "airtable-token",
        ("airtable", "bearer pat"),
        r"(?i:airtable|bearer)[^\n]{0,40}?(?P<secret>pat[A-Za-z0-9]{14}\.[0-9a-f]{64})",
        _token,
        3.0,
        alone="end",
    ),
    _of_vendor("airtable-legacy-key", "airtable", rf"key{_ALNUM}{{14}}"),
    _tokens("notion-token", "ntn_ secret_", rf"ntn_[0-9]{{11}}{_ALNUM}{{35}}|secret_{_ALNUM}{{43}}"),
    _tokens("linear-key", "lin_api_ lin_oauth_", rf"lin_(?:api_{_ALNUM}{{40}}|oauth_{_HEX_DIGIT}{{64}})"),
    _of_vendor("asana-token", "asana", rf"(?:[012]/[0-9]{{12,20}}(?:/[0-9]{{12,20}})?:)?{_HEX_DIGIT}{{32}}"),
    Rule(
        "okta-token",
        ("okta", "ssws "),
        r"(?i:ssws\s|okta[\w. -]{0,30}?(?i:token|key)[\w-]{0,20}+" + _LINK + r"[\"'`]?)(?P<secret>00[A-Za-z0-9_-]{40})",
        _token,
        3.5,
        alone="end",
    ),
    _of_vendor("auth0-secret", "auth0", rf"{_URL64}{{64}}", entropy=3.5),
    _tokens("figma-token", "figd_", rf"figd_{_URL64}{{40}}"),
    _tokens(
        "hubspot-token",
        "pat-na pat-eu",
        rf"pat-(?:na|eu)[0-9]-{_HEX_DIGIT}{{8}}-(?:{_HEX_DIGIT}{{4}}-){{3}}{_HEX_DIGIT}{{12}}",
    ),
    _tokens("typeform-token", "tfp_", rf"tfp_{_URL64}{{40,60}}"),
    _tokens("contentful-token", "cfpat-", rf"CFPAT-{_URL64}{{43}}"),
    _tokens("readme-key", "rdme_", r"rdme_[a-z0-9]{70}"),
    _tokens("adafruit-key", "aio_", rf"aio_{_ALNUM}{{28}}"),
    _tokens("dropbox-token", "sl.", rf"sl\.(?:u\.)?{_URL64}{{120,1500}}"),
    # Anybody's
    _tokens("jwt", "eyj", rf"eyJ{_URL64}{{14,2000}}\.eyJ{_URL64}{{10,4000}}\.{_URL64}{{16,1400}}"),
    Rule("bearer-header", ("bearer ",), r"(?i:bearer) {1,3}(?P<secret>[A-Za-z0-9._~+/-]{16,2000}={0,2})", _random),
    Rule("basic-header", ("basic ",), r"(?i:basic) {1,3}(?P<secret>[A-Za-z0-9+/]{12,1000}={0,2})", _basic),
    Rule(
        "authorization-header",
        ("authorization",),
        r"(?i:authorization)(?:\\?[\"'`])?\]?\s{0,4}+[:=,]\s{0,4}+(?:\\?[\"'`])?"
        r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9-]{1,20}) {1,2})?(?P<secret>[A-Za-z0-9._~+/-]{16,2000}={0,2})",
        _header,
        alone="end",
    ),
    _in_url("postgres-url", "postgres", r"(?i:postgres)(?i:ql)?[\w+]{0,16}"),
    _in_url("mysql-url", "mysql mariadb", r"(?i:mysql|mariadb)[\w+]{0,16}"),
    _in_url("mongodb-url", "mongodb", r"(?i:mongodb)[\w+]{0,16}"),
    _in_url("redis-url", "redis", r"(?i:rediss?)"),
    _in_url("amqp-url", "amqp", r"(?i:amqps?)"),
    _in_url("url-password", "://"),
    Rule(
        "curl-user",
        ("-u ", "--user "),
        r"-(?:u|-user) {1,3}[\"']?[\w.@+-]{1,64}+:(?P<secret>[^\s\"'`$<>{}]{8,100})",
        _password,
        alone="no",
    ),
    Rule(
        "connection-string",
        ("password", "pwd"),
        r"(?i:password|pwd)\s?=\s?(?P<secret>[^\s;,\"'`<>{}()\[\]\\]{8,128})(?:;|\\?[\"'`]|\s|$)",
        _connection_password,
        alone="no",
    ),
    Rule(
        "netrc",
        ("machine ",),
        r"machine\s{1,8}[\w.:-]{1,255}\s{1,40}login\s{1,8}\S{1,128}\s{1,40}"
        r"(?:account\s{1,8}\S{1,128}\s{1,40})?password\s{1,8}(?P<secret>\S{8,256})",
        _password,
        alone="no",
    ),
    Rule(
        "wordpress-salt",
        ("_key'", "_salt'", '_key"', '_salt"'),
        r"_(?:KEY|SALT)[\"']\s{0,4},\s{0,8}+[\"'](?P<secret>[ !#-&(-~]{64})[\"']",
        _salt,
        4.5,
        alone="no",
    ),
    Rule(
        "quoted-credential",
        _CREDENTIAL_WORDS,
        rf"{_NAME}{_LINK}[A-Za-z@$]{{0,2}}\\?[\"'`](?P<secret>[^\s\"'`\\<>{{}}]{{12,300}}+)\\?[\"'`]",
        _assigned,
        alone="no",
    ),
    Rule(
        "named-credential",
        _CREDENTIAL_WORDS,
        rf"{_NAME}(?:>|[\"']?,?\s{{1,40}}+[\"']?value[\"']?\s{{0,4}}+[:=]\s{{0,4}}+[\"']?)"
        r"(?P<secret>[^\s\"'`\\<>{},;]{12,300}+)",
        _assigned,
        alone="no",
    ),
    Rule(
        "bare-credential",
        _CREDENTIAL_WORDS,
        rf"{_NAME}(?:\\?[\"'`])?\s{{0,4}}+[=:]\s{{0,4}}+"
        r"(?P<secret>[A-Za-z0-9+/=_.~!@$%^*-]{16,300}+)(?:[\s\"'`,;)&#\]\\|]|$)",
        _assigned,
        3.2,
        alone="no",
    ),
)

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
def _keyword_table() -> tuple[npt.NDArray[np.bool_], dict[int, tuple[tuple[int, int], ...]]]:
    """Which cells belong to a keyword, and for each what to try: (rule, characters from there back to the match)."""
    tries: dict[int, dict[tuple[int, int], None]] = {}
    for number, rule in enumerate(RULES):
        for keyword in rule.keywords:
            offset, cells = _cells_of(keyword)
            for cell in cells:
                tries.setdefault(cell, {})[number, offset + rule.reach] = None
    table = np.zeros(1 << 5 * _GRAM, dtype=np.bool_)
    table[list(tries)] = True
    return table, {cell: tuple(rules) for cell, rules in tries.items()}


@cache
def _matcher(number: int) -> Callable[[str, int], re.Match[str] | None]:
    # Compiled when first needed: most texts need few.
    return re.compile(RULES[number].pattern, re.ASCII).match


def _is_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at] in _WORD_CHARACTERS


def _is_escape(text: str, end: int) -> bool:
    """Whether a `\\n` or its like, written out in a string, ends here: its letter is no word."""
    return end >= 2 and text[end - 2 : end] in ("\\n", "\\r", "\\t")


def _keyword_places(text: str) -> Iterator[tuple[int, int]]:
    """Where a keyword may stand, with its cell."""
    table, _ = _keyword_table()
    # One byte a character: a character outside ASCII becomes "?", so that positions stay those of the text.
    codes = np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8) & np.uint8(31)
    for begin in range(0, len(codes), _BLOCK):
        low = codes[begin : begin + _BLOCK + _GRAM - 1].astype(np.uint32)
        grams = low[:-3] | low[1:-2] << np.uint32(5) | low[2:-1] << np.uint32(10) | low[3:] << np.uint32(15)
        places = np.flatnonzero(table[grams])
        yield from zip((places + begin).tolist(), grams[places].tolist(), strict=True)


def _find(text: str) -> list[tuple[int, int, int]]:
    """Every credible piece as (start, end, rule number), in no order; pieces may overlap."""
    _, tries = _keyword_table()
    found = []
    for place, cell in _keyword_places(text):
        for number, back in tries[cell]:
            start = place - back
            rule = RULES[number]
            if start < 0 or (rule.alone == "both" and _is_word(text, start - 1) and not _is_escape(text, start)):
                continue
            match = _matcher(number)(text, start)
            if match is None or (rule.alone != "no" and _is_word(text, match.end("secret"))):
                continue
            pieces = rule.secrets(match, rule.entropy)
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
    pieces: list[tuple[int, int, int]] = []
    rounds = 0
    # Until nothing is found: a covered value can free its neighbour to be matched. Every round covers more, so it ends.
    while found := _joined(_find(text)):
        found = _widened(text, found, rounds)
        text = _blank(text, found)
        pieces += found
        rounds += 1
    return Masked(text, tuple((start, end, RULES[number].name) for start, end, number in _joined(pieces)))
