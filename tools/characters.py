"""Makes `src/groma/languages/characters.txt`, the character classes and case foldings both cores cut words by.

Run it with a Python that carries the Unicode of `groma._pure.unicode.VERSION` (3.11 does: 14.0.0); any other is refused. A later Unicode is
another tokenizer: it needs another `VERSION` of the tokens, and every index made anew.
"""

from __future__ import annotations

import sys
import unicodedata
from itertools import groupby

from groma._pure.unicode import FILE, VERSION

HEAD = f"""\
# Unicode {VERSION} beyond ASCII, made by tools/characters.py. Code points in hex: first, last, what they are. Who is not listed is not assigned.
# cased: capital and small letters in turn, a capital one first. A fold line: first, last, step, target of the first (or its several targets).
"""


def kind(code: int) -> str:
    """The class of a code point: what may start, go on or be a word, as Python's `\\w`, `\\d` and category M have it."""
    character = chr(code)
    category = unicodedata.category(character)
    if category == "Cn":
        return ""
    if character.isdecimal():
        return "digit"
    if category[0] == "M":
        return "mark"
    if character.isalnum():
        return "upper" if character.isupper() else "lower" if character.islower() else "letter"
    return "other"


def classes() -> list[str]:
    """One line a range of a class."""
    rows: list[tuple[int, int, str]] = []
    for name, codes in groupby(range(0x80, 0x110000), kind):
        first, *rest = codes
        last = rest[-1] if rest else first
        if rows and first == last and name in ("upper", "lower"):
            start, end, before = rows[-1]
            if before == "cased" and name == ("upper", "lower")[(first - start) % 2] and end == first - 1:
                rows[-1] = (start, first, "cased")
                continue
            if before == "upper" and start == end == first - 1 and name == "lower":
                rows[-1] = (start, first, "cased")
                continue
        rows.append((first, last, name))
    return [f"{first:X} {last:X} {name}" for first, last, name in rows if name]


def folds() -> list[str]:
    """One line a run of characters whose case foldings lie equally far from them, and one for each of several characters."""
    lines: list[str] = []
    runs: list[list[int]] = []  # first, last, step, delta
    for code in range(0x80, 0x110000):
        folded = chr(code).casefold()
        if folded == chr(code):
            continue
        if len(folded) > 1:
            lines.append(f"{code:X} {code:X} fold 1 " + " ".join(f"{ord(c):X}" for c in folded))
            continue
        delta = ord(folded) - code
        run = runs[-1] if runs else None
        if run and run[3] == delta and code - run[1] in (1, 2) and (run[0] == run[1] or code - run[1] == run[2]):
            run[1], run[2] = code, code - run[1]
        else:
            runs.append([code, code, 1, delta])
    lines += [f"{first:X} {last:X} fold {step} {first + delta:X}" for first, last, step, delta in runs]
    return sorted(lines, key=lambda line: int(line.split(" ")[0], 16))


def table() -> str:
    """The whole file."""
    return HEAD + "\n".join([*classes(), *folds()]) + "\n"


def main() -> int:
    if unicodedata.unidata_version != VERSION:
        print(f"This Python carries Unicode {unicodedata.unidata_version}; the table is of {VERSION}.", file=sys.stderr)
        return 1
    FILE.write_text(table(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
