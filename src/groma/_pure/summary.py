"""One line about a definition: its signature, and the first sentence of what its comment or docstring says.

Both read lines of text, not a syntax tree: one page of rules serves every language. Lines count from 0, `last` is inclusive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["doc", "signature"]

LONGEST = 200
HEAD_LINES = 12
"""Lines of a definition in which its signature ends …"""
COMMENT_LINES = 150
"""… and lines above it in which its comment begins."""
COLUMNS = 400
"""What is read of a line: minified code puts thousands of definitions on one."""

_W = r"\w\x80-\x84\x86-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff\u3001-\U0010ffff"
"""Word characters, for use in a class: what is beyond ASCII and no white space is one, so that no version of Unicode decides."""
_BEGIN, _END = rf"(?<![{_W}])", rf"(?![{_W}])"
"""Where a word begins and ends."""
_ATTRIBUTE = re.compile(rf"(?:@[{_W}.:]+(?:\(.*\))?\s*)+|#?!?\[.*\]")
"""A line that holds nothing but annotations, decorators or attributes."""
_OPEN_ATTRIBUTE = re.compile(rf"@[{_W}.:]+\(|#\[")
_CONTINUES = re.compile(rf"(?:extends|implements|permits|throws|where|when|with){_END}|->|=>|=\s|&&?\s|\|\s")
"""How the second line of a head begins when the first looks complete."""
_REMARK = re.compile(r"\s*/\*.*?\*/|\s(?://|\#|--)\s.*$")
"""A comment within or behind a head."""
_BODY = re.compile(rf"(?:=>|\)|{_BEGIN}do)\s*(?:\|[^|]*\|)?\s*\{{?$")

_CALLBACK = re.compile(rf",\s*(?:async\s*)?(?:function\s*)?\([{_W}]*\)$")
"""The head of the function that a call is given: `it("works", () => {` is shown as `it("works"`."""


def signature(lines: Sequence[str], first: int, last: int, name: str) -> str:
    """The head of the definition of `name` in lines `first`..`last` on one line: without annotations above it and without its body."""
    if _HEADING.match(lines[first]):
        return _at(lines, first).strip()[:LONGEST]
    wanted = name[:40]
    head = _head(lines, first, last, wanted)
    if wanted not in head:
        if len(lines[first]) > COLUMNS:  # far out on a line of minified code
            return name
        head = _head(lines, first, last, "")  # a name that stands elsewhere, such as that of the class for its constructor
    head = re.sub(r",\s*\)", ")", " ".join(head.split()))
    head = head.rstrip("{[:=;, ").removesuffix("=>").removesuffix(" do").removesuffix(" where").rstrip("= ")
    return _CALLBACK.sub("", head)[:LONGEST].rstrip()


def _head(lines: Sequence[str], first: int, last: int, wanted: str) -> str:
    """The lines from the first that is no annotation up to the one where the body begins, at least as far as `wanted`."""
    end = min(last + 1, first + HEAD_LINES)
    head = ""
    i = _below_attributes(lines, first, end)
    while i < end and len(head) <= LONGEST:
        line = _REMARK.sub("", _at(lines, i).strip()).rstrip("\\ ")
        i += 1
        if not line:
            continue
        head += (" " if head and not head.endswith("(") and line[0] not in "),;" else "") + line
        if wanted not in head:  # a return type or `template <…>` on a line of its own
            continue
        open_brackets = head.count("(") > head.count(")")
        if line.endswith("{") and not (open_brackets and not _BODY.search(line)):
            break
        if open_brackets:
            continue
        following = _at(lines, i).strip() if i < end else ""
        if line.endswith((" do", ";")) or not (_CONTINUES.match(following) or (following.startswith(": ") and "(" not in head)):
            break
    return head


def _at(lines: Sequence[str], i: int) -> str:
    return lines[i][:COLUMNS]


def _below_attributes(lines: Sequence[str], first: int, end: int) -> int:
    """The line after the annotations with which lines `first`.. begin; `first` itself where there is nothing else."""
    i = first
    while i < end:
        line = _at(lines, i).strip()
        if _OPEN_ATTRIBUTE.match(line) and not _balanced(line):
            while i < end and not _balanced(line):
                i += 1
                line += _at(lines, i) if i < end else ""
            if not _ATTRIBUTE.fullmatch(line.strip()):
                break
        elif line and not _ATTRIBUTE.fullmatch(line):
            return i
        i += 1
    return first


def _balanced(text: str) -> bool:
    return text.count("(") + text.count("[") <= text.count(")") + text.count("]")


_COMMENT = re.compile(
    rf"""\s*(?:
        (?:///?/?[!<]*|--+(?:\s*[|^](?=\s))?(?!>)|;+|%+|\*+(?!/)
          |\#+(?!\[|!|(?:if|else|error|warning|line|import|(?:end)?region){_END}|\s*(?:include|define|ifn?def|elif|endif|undef|pragma){_END}|\s+else\s*$))
        (?:\s|$|(?=[{_W}@`<"'(|:-]))
    )(?P<text>.*)""",
    re.X,
)
"""A line comment of any language, or a line inside `/* … */`."""
_BLOCKS = (("*/", "/*", "!*"), ("-}", "{-", "|"), ("]]", "--[[", "=-"))
"""How a block comment ends and begins, and what may follow its beginning."""
_TAG = re.compile(
    rf"""\s*(?:[@\\](?!(?:brief|summary|short|desc(?:ription)?){_END})[{_W}]+
    | :(?:param|type|returns?|rtype|raises?|arg|key(?:word)?|[ic]?var|yields?|meta){_END}[^:]*:
    | (?:Args|Arguments|Parameters|Params|Returns?|Raises|Yields|Examples?)\s*:?\s*$
    | -- | == | \*\*\* | ``` | ~~~)""",
    re.X,
)
"""Where the prose of a comment ends: `@param`, `:param x:`, `Args:`, a rule, a code block."""
_NOISE = re.compile(
    rf".*[-=*_#~]{{5,}}\s*$|\s*(?:[-=*_#/~+.<>^%]{{3,}}\s*$|[{_W}-]+-(?:ignore|disable|enable)|eslint|prettier|istanbul|jshint|tslint|@ts-|noqa|type:\s|pylint|mypy:|pragma|fmt:|NOLINT|nolint|go:|\+build|clang-format"
    rf"|(?:Copyright|SPDX|Licensed){_END}|©|\(c\)|rubocop|shellcheck|swiftlint|ktlint|phpcs|@?codeCoverageIgnore|\$FlowFixMe)"
)
"""Lines for machines, rules and licences."""
_MARKUP = (
    (re.compile(rf"""<(?:see|paramref|typeparamref)[{_W}]*\s+[{_W}]+="(?:[{_W}]:)?([^"]*)"\s*/>"""), r"\1"),
    (re.compile(rf"\{{@[{_W}]+\s+([^{{}}]*)\}}"), r"\1"),
    (re.compile(rf"</?(?:summary|remarks|para|returns|value|inheritdoc|p|b|i|em|tt|code|c|br|strong|ul|li|pre|h[0-9]){_END}[^>]*>"), ""),
    (re.compile(r"^\s*[@\\](?:brief|summary|short|desc(?:ription)?)\s+"), ""),
)
_SENTENCE = re.compile(rf"(?<![.\s][A-Za-z])(?<!{_BEGIN}e\.g)(?<!{_BEGIN}i\.e)(?<!{_BEGIN}vs)(?<!{_BEGIN}etc)[.!?。](?=\s+[^\sa-z]|$)")
_QUOTES = re.compile(r"""\s*[rRuUbBfF]{0,2}(\"{3}|'{3}|"|')""")
_HEREDOC = re.compile(r'\s*@(?:doc|moduledoc|typedoc|shortdoc)\s+(?:~[sS])?("{1,3})')
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_OPENS_TEXT = re.compile(rf"[{_W}*`\"'(]")


def doc(lines: Sequence[str], first: int, last: int) -> str:
    """The first sentence of the comment above a definition, or of the docstring that opens its body; at most 200 characters."""
    if _HEADING.match(_at(lines, first)) and last > first:
        return _prose(_paragraph(lines, first + 1, last))
    return _prose(_above(lines, first)) or _prose(_inside(lines, first, last))


def _above(lines: Sequence[str], first: int) -> list[str]:
    """The text of the comment that ends right above line `first`, without its markers; attributes may stand between."""
    found: list[str] = []
    floor = max(0, first - COMMENT_LINES)
    i = first - 1
    if i > floor and not _at(lines, i).strip() and _at(lines, i - 1).strip() == "*/":  # some styles leave a blank line under a documentation block
        i -= 1
    while i >= floor:
        line = _at(lines, i).strip()
        block = next((b for b in _BLOCKS if line.endswith(b[0])), None)
        if block and not found:
            opening = next((j for j in range(i, floor - 1, -1) if block[1] in _at(lines, j)), None)
            if opening is None or not _at(lines, opening).lstrip().startswith(block[1]):
                break  # the comment stands behind code
            inner = [_at(lines, j).strip() for j in range(opening, i + 1)]
            inner[-1] = inner[-1].removesuffix(block[0])
            inner[0] = inner[0].removeprefix(block[1]).lstrip(block[2] + " ")
            return [text.strip().removeprefix("*").strip() if block[1] == "/*" else text for text in inner]
        if line == '"""' and not found:
            opening = next((j for j in range(i - 1, floor - 1, -1) if '"""' in _at(lines, j)), None)
            return [_at(lines, j) for j in range(opening + 1, i)] if opening is not None and _HEREDOC.match(_at(lines, opening)) else []
        if m := _HEREDOC.match(_at(lines, i)):
            return [_at(lines, i)[m.end() :].strip().rstrip('"')] if m[1] == '"' else found
        if m := _COMMENT.fullmatch(_at(lines, i)):
            found.append(m["text"])
        elif found or not line:
            break
        elif not (line.startswith("@") or _ATTRIBUTE.fullmatch(line)):
            opening = next((j for j in range(i, max(floor, i - HEAD_LINES) - 1, -1) if _OPEN_ATTRIBUTE.match(_at(lines, j).strip())), None)
            if opening is None or line[-1] not in ")]" or not _balanced("".join(_at(lines, j) for j in range(opening, i + 1))):
                break
            i = opening
        i -= 1
    return found[::-1]


def _inside(lines: Sequence[str], first: int, last: int) -> list[str]:
    """The docstring that is the first statement of the body of lines `first`..`last`, by paragraphs of lines."""
    i, end = first, min(last + 1, first + HEAD_LINES)
    head = ""
    while i < end:
        head += _at(lines, i)
        i += 1
        if head.rstrip().endswith((":", " do", "{")) and _balanced(head):
            break
    while i < end and not _at(lines, i).strip():
        i += 1
    if i >= end:
        return []
    m = _HEREDOC.match(_at(lines, i)) or _QUOTES.match(_at(lines, i))
    if not m:
        return []
    quotes = m[1]
    rest = _at(lines, i)[m.end() :]
    if quotes in rest:
        return [rest.split(quotes, 1)[0]]
    if len(quotes) == 1:
        return []
    found = [rest]
    for j in range(i + 1, min(last + 1, i + COMMENT_LINES)):
        line = _at(lines, j)
        if quotes in line:
            return [*found, line.split(quotes, 1)[0]]
        found.append(line)
    return found


def _paragraph(lines: Sequence[str], first: int, last: int) -> list[str]:
    """The first paragraph of plain text in lines `first`..`last`, before the next heading."""
    found: list[str] = []
    for i in range(first, min(last + 1, first + HEAD_LINES)):
        line = _at(lines, i)
        text = line.strip()
        if _HEADING.match(line) or (found and not text):
            break
        if text and (found or _OPENS_TEXT.match(text)):
            found.append(text)
    return found


def _prose(comment: list[str]) -> str:
    """The first sentence of the first paragraph of a comment that is more than a word."""
    if not comment:
        return ""
    paragraph: list[str] = []
    for line in [*comment, ""]:
        if _NOISE.match(line):
            line = ""
        ends = _TAG.match(line)
        if ends or not line.strip():
            if ends or len(paragraph) > 1 or " " in "".join(paragraph).strip():
                break
            paragraph = []
            continue
        if "<" in line or "@" in line or "\\" in line:
            for pattern, replacement in _MARKUP:
                line = pattern.sub(replacement, line)
        if line.strip():
            paragraph.append(line)
    text = " ".join(" ".join(paragraph).split())
    if end := _SENTENCE.search(text):
        text = text[: end.end()]
    return text[:LONGEST].strip() if " " in text else ""
