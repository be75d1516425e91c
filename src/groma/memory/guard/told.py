"""Credentials as people tell them: `DB_PASSWORD=hunter2`, "the password is k9Jw2pQx".

In files these are mostly names of variables and samples, and covering them would hide code; so `groma.secrets` asks for more length and chance. In
what is to be remembered, a value that looks as if somebody had made it up is covered, whatever its length.
"""

from __future__ import annotations

import re

from ... import secrets

__all__ = ["mask"]

_SIGN = re.compile(r"pass(?:w|ph|co)|pwd|secret|token|key|\bpin\b", re.I)
_VALUE = r"(?P<quote>[\"'`]?)(?P<secret>[^\s\"'`<>(){}\[\],;|$*]{%d,200})"
_FORMS = (
    (re.compile(r"(?:passw(?:or)?d|passphrase|passcode|pwd|secret)[\"'\]]?\s{0,2}(?:=>?|:)\s{0,2}" + _VALUE % 6, re.I), False),
    (re.compile(r"(?:token|(?:api|access|auth|secret|private)[_ -]?key)[\"'\]]?\s{0,2}(?:=>?|:)\s{0,2}" + _VALUE % 12, re.I), False),
    (
        re.compile(
            r"\b(?:password|passwd|passphrase|passcode|pwd|pin|secret|token|(?:api|access|auth|secret)[ _-]?key)"
            r"(?:\s(?:for|of|to|on)\s(?:the\s)?[\w@.-]{1,40}(?:\s[\w@.-]{1,40})?)?\s(?:is|was)\s(?:now\s|still\s|set\sto\s)?" + _VALUE % 6,
            re.I,
        ),
        True,
    ),
)
_NAMED = re.compile(  # what stands after "is" and "=" in texts about credentials, and is none
    r"(?:sha|md|utf|base|argon|pbkdf|bcrypt|scrypt|rs|hs|es|ps|ed|oauth|http|x|v|s|ec|aes|rsa|ipv|tls|h|k|i|l)-?\d+(?:[a-z]{1,6})?(?:[-/:].*)?", re.I
)
_SAMPLE = re.compile(r"example|sample|placeholder|change.?me|your[-_]|x{4}|redacted|%s|\.\.\.|…", re.I)
_REFERENCE = re.compile(r"[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+|https?:.*|[\w.~-]*/.*|\d[\d.:-]*[a-z]{0,3}")
_LOWER = re.compile(r"[a-z]+\d+")


def mask(text: str) -> tuple[str, bool]:
    """The text with its credentials covered by as many asterisks, and whether there were any. What was covered is not covered again."""
    found = secrets.mask(text)
    shown = found.text
    if not _SIGN.search(shown):
        return shown, bool(found.spans)
    covered = shown
    for form, is_told in _FORMS:
        for match in form.finditer(covered):
            value = match["secret"].rstrip(".:!?") if is_told else match["secret"].rstrip(".")
            if _is_made_up(value, told=is_told, quoted=bool(match["quote"]), ends=covered[match.start("secret") + len(value) :][:1] in "\n.!?"):
                start = match.start("secret")
                covered = f"{covered[:start]}{'*' * len(value)}{covered[start + len(value) :]}"
    return covered, covered != shown or bool(found.spans)


def _is_made_up(value: str, *, told: bool, quoted: bool, ends: bool) -> bool:
    """Does a value look like a password rather than like a word about one? `ends`: a sentence ends with it."""
    letters, digits = any(c.isalpha() for c in value), any(c.isdigit() for c in value)
    if len(value) < 6 or not digits or not letters or _NAMED.fullmatch(value) or _SAMPLE.search(value) or _REFERENCE.fullmatch(value):
        return False
    if not told or quoted:
        return True
    mixed = any(c.isupper() for c in value[1:]) and any(c.islower() for c in value)
    return mixed or not value.isalnum() or (ends and _LOWER.fullmatch(value) is not None)
