"""Characters that nobody sees, taken out; everything else stays as it was written.

Taken out: control characters (with the terminal sequences they begin), bidirectional controls, tags (U+E0000), zero-width and blank-looking
characters, and variation selectors where none belong. Kept, because scripts need them: a joiner between letters of a script that joins, or
between two emoji; one variation selector after the character it varies; the tags of the three flags that have some. Text is not normalised.
What tags and runs of variation selectors spelled is returned, so that it can be judged; it is never stored.
"""

from __future__ import annotations

import re

from ...values import value

__all__ = ["Cleaned", "clean"]


@value
class Cleaned:
    """`text` without what was stripped; `stripped` counts characters by kind, kinds without any left out (control, bidi, tag,
    zero-width, variation, joiner); `hidden` is what they spelled."""

    text: str
    stripped: tuple[tuple[str, int], ...] = ()
    hidden: str = ""


_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_BIDI = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069"
_ZERO = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a"
_JOINERS = "\u200c\u200d"
_VARIATION = "\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAG = "\U000e0000-\U000e007f"

_ANY = re.compile(f"[{_CONTROL}{_BIDI}{_ZERO}{_JOINERS}{_VARIATION}{_TAG}]")
_FLAG_TAGS = "|".join("".join(chr(0xE0000 + ord(c)) for c in code) for code in ("gbeng", "gbsct", "gbwls"))
# Scripts in which a joiner between two letters changes how they are read: Arabic and its relatives, Indic, Mongolian, Khmer, Myanmar.
_JOINING = "\u0610-\u061a\u0620-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17b3\u17b6-\u17ff\u1820-\u18af"
_EMOJI = "\u00a9\u00ae\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
# What is taken out, in this order; what the first group holds stays. No pattern looks at what a later one takes.
_STRIPPED = {
    # A terminal sequence goes whole: its rest would look like text.
    "control": re.compile(f"()(?:(?:\x1b\\[|\x9b)[0-?]{{0,32}}[ -/]{{0,8}}[@-~]|[{_CONTROL}])"),
    "bidi": re.compile(f"()[{_BIDI}]"),
    "tag": re.compile(f"((?<=\U0001f3f4)(?:{_FLAG_TAGS})\U000e007f)|[{_TAG}]"),
    "zero-width": re.compile(f"()[{_ZERO}]"),
    "variation": re.compile(f"((?<=[^\\s{_JOINERS}{_VARIATION}])[{_VARIATION}])|[{_VARIATION}]"),
    "joiner": re.compile(f"((?<=[{_JOINING}])[{_JOINERS}](?=[{_JOINING}])|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}]))|[{_JOINERS}]"),
}


def clean(text: str) -> Cleaned:
    """Strip what cannot be seen. Any string will do; `clean(clean(t).text).text == clean(t).text`."""
    if not _ANY.search(text):
        return Cleaned(text)
    hidden = _hidden(text)
    counts = []
    for kind, pattern in _STRIPPED.items():
        kept = pattern.sub(lambda match: match[1] or "", text)
        if len(kept) < len(text):
            counts.append((kind, len(text) - len(kept)))
        text = kept
    return Cleaned(text, tuple(counts), hidden)


def _hidden(text: str) -> str:
    """What tags and variation selectors spell: a tag stands for an ASCII character, a selector for a byte."""
    tags = "".join(chr(ord(c) - 0xE0000) for c in re.findall(f"[{_TAG}]", text))
    selectors = [ord(c) for run in re.findall("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}", text) for c in run]
    selected = bytes(c - 0xFE00 if c < 0x10000 else c - 0xE0100 + 16 for c in selectors).decode("utf-8", "replace")
    return "\n".join(part for part in ("".join(c for c in tags if " " <= c <= "~"), selected) if part)
