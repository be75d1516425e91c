"""The files that agents read their instructions from: CLAUDE.md, AGENTS.md, GEMINI.md, .cursorrules and their like.

Reading makes a memory of every point and paragraph. A nested point stays with the point above it, a block of code with whatever stands above it
in the same section; headings become the category (the nearest) and tags (all of them). Text is kept verbatim, `@imports` too. Left out are
comments that stand alone, rules between sections, and what groma wrote itself.

Writing puts what holds now between two markers and leaves every other byte of the file as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from ...errors import UsageError
from ...records import PROJECT_CONTEXT, USER_PREFERENCE, Memory
from .entries import Entry, collected, entry, label, labels, name_of, present, refuse
from .texts import lines

__all__ = ["BEGIN", "END", "FILE_NAMES", "read", "write"]

FILE_NAMES = frozenset(
    {
        "agent.md", "agents.md", "claude.md", "claude.local.md", "copilot-instructions.md", "gemini.md", ".cursorrules", ".windsurfrules",
        ".clinerules", "memory.md",
    }
)  # fmt: skip
"""What such files are called, in lower case."""

BEGIN = "<!-- groma:begin -->"
END = "<!-- groma:end -->"
_OURS = re.compile(r"<!-- groma:(?:(\w+):)?begin -->")
"""Sections of ours: with memories, and others, such as `groma install` writes."""

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_POINT = re.compile(r"([ \t]*)([-*+]|\d{1,9}[.)])([ \t]+|$)(.*)")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^`]*)$")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")
_UNDERLINE = re.compile(r" {0,3}(?:={3,}|-{4,})[ \t]*")
"""Three hyphens are a rule to most who write them, also right below a line, which would be lost as a heading."""
_SETTING = re.compile(r"[\w-]+:|[ \t]|-[ \t]|#")
_COMMENT = re.compile(r" {0,3}<!--.*")
_SECTIONS = ((USER_PREFERENCE, "Preferences"), (PROJECT_CONTEXT, "Project context"))


# ----------------------------------------------------------------------------------------------------------------------- reading


def read(text: str, file: str = "") -> list[Entry]:
    """An Entry a point or paragraph, in order, with the file as its parent. Raises UsageError for a block, comment or section without its end."""
    return collected(_entries(text, name_of(file.replace("\\", "/").rpartition("/")[2])), file)


def _entries(text: str, parent: str) -> Iterator[Entry]:
    for position, (line, headings, unit) in enumerate(_Outline(text).units()):
        fields = {"content": unit, "category": label(headings[-1]) if headings else "", "tags": labels(headings)}
        yield entry(fields, line, engine={"parent": parent, "position": position})


class _Outline:
    """The units of a text: what is read so far of the one that is open, and under which headings."""

    def __init__(self, text: str) -> None:
        self._lines = _without_front_matter([(number, line.removesuffix("\r")) for number, line in lines(text)])
        self._at = 0
        self._headings: list[tuple[int, str]] = []
        self._unit: list[str] = []
        self._start = 0
        self._marker: int | None = None  # the column of the point's marker; None: a paragraph
        self._indent = 0  # the column of its text
        self._after_blank = False

    def units(self) -> Iterator[tuple[int, list[str], str]]:
        """The first line, the headings and the text of each."""
        while self._at < len(self._lines):
            number, line = self._lines[self._at]
            self._at += 1
            if not line.strip() or self._is_left_out(number, line):
                self._after_blank = True
                continue
            if fence := _FENCE.match(line):
                self._take_block(number, line, fence[1])
            elif self._is_underline(line):
                self._enter(1 if line.lstrip()[0] == "=" else 2, self._unit.pop())
            elif (heading := _HEADING.fullmatch(line)) and (title := _title(heading[2])):
                yield from self._closed()
                self._enter(len(heading[1]), title)
            elif _RULE.fullmatch(line):
                yield from self._closed()
            elif self._goes_on(line):
                self._unit += ["", _dedented(line, self._indent)] if self._after_blank else [_dedented(line, self._indent)]
            else:
                yield from self._closed()
                self._begin(number, line)
            self._after_blank = False
        yield from self._closed()

    def _closed(self) -> Iterator[tuple[int, list[str], str]]:
        if text := "\n".join(self._unit).lstrip("\n").rstrip():
            yield self._start, [heading for _, heading in self._headings], text
        self._unit.clear()

    def _enter(self, depth: int, heading: str) -> None:
        while self._headings and self._headings[-1][0] >= depth:
            self._headings.pop()
        self._headings.append((depth, heading.strip()))

    def _begin(self, number: int, line: str) -> None:
        self._start, self._marker, self._indent = number, None, 0
        if point := _POINT.fullmatch(line):
            self._marker = _width(point[1])
            self._indent = self._marker + len(point[2]) + 1
            line = point[4]
        self._unit.append(line)

    def _goes_on(self, line: str) -> bool:
        """Does the line belong to the open unit?"""
        nested = self._marker is not None and _width(line) >= self._marker + 2
        return bool(self._unit) and (nested or not (self._after_blank or _POINT.fullmatch(line)))

    def _is_underline(self, line: str) -> bool:
        """Does the line make a heading of the one above it?"""
        return len(self._unit) == 1 and self._marker is None and not self._after_blank and bool(_UNDERLINE.fullmatch(line))

    def _is_left_out(self, number: int, line: str) -> bool:
        """Moves past groma's own section or a comment that begins here and stands alone."""
        if mark := _OURS.fullmatch(line.rstrip()):
            end = END if mark[1] is None else END.replace(":", f":{mark[1]}:")
            self._at = self._past(number, lambda s: s.rstrip() == end, f"the section of groma that begins here has no {end}")
            return True
        if not _COMMENT.match(line) or (self._unit and not self._after_blank):
            return False
        if "-->" in line:
            return line.rstrip().endswith("-->")
        self._at = self._past(number, lambda s: "-->" in s, "the comment that begins here has no -->")
        last, ending = self._lines[self._at - 1]
        if rest := ending.partition("-->")[2].strip():
            self._at -= 1
            self._lines[self._at] = (last, rest)
        return True

    def _take_block(self, number: int, line: str, mark: str) -> None:
        end = self._past(number, lambda s: _closes(s, mark), "the block of code that begins here has no end")
        if not self._unit:
            self._start, self._marker, self._indent = number, None, 0
        elif self._after_blank:
            self._unit.append("")
        by = min(self._indent, _width(line))
        self._unit += [_dedented(within, by) for _, within in self._lines[self._at - 1 : end]]
        self._at = end

    def _past(self, start: int, ends: Callable[[str], bool], sentence: str) -> int:
        """The index after the next line that ends what begins at `start`."""
        for n in range(self._at, len(self._lines)):
            if ends(self._lines[n][1]):
                return n + 1
        refuse(start, f"{sentence}: is the file cut off?")


def _without_front_matter(left: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The lines below the settings that some of these files begin with (which files they are for, when to apply them)."""
    if left and left[0][1].rstrip() == "---":
        for at, (_, line) in enumerate(left[1:], 1):
            if line.rstrip() == "---":
                return left[at + 1 :]
            if not _SETTING.match(line):
                break
    return left


def _title(rest: str) -> str:
    """A heading's text, without the signs that may close it."""
    rest = rest.strip()
    bare = rest.rstrip("#")
    return bare.rstrip() if bare[-1:] in ("", " ", "\t") else rest


def _closes(line: str, mark: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(mark) and not bare.strip(mark[0])


def _width(line: str) -> int:
    """Columns of space at the beginning of a line."""
    return len(head := line.expandtabs(4)) - len(head.lstrip(" "))


def _dedented(line: str, by: int) -> str:
    """The line without up to `by` columns of space at its beginning."""
    column = at = 0
    while column < by and at < len(line) and line[at] in " \t":
        column += 4 - column % 4 if line[at] == "\t" else 1
        at += 1
    return line[at:]


# ----------------------------------------------------------------------------------------------------------------------- writing


def write(memories: Iterable[Memory], existing: str, now: float) -> str:
    """`existing` with the preferences and the project's context that hold at `now` between the markers, which are put at its end if it has none.

    Raises UsageError if its markers are not one pair.
    """
    start, end = _place(existing)
    rest = existing if start is None else existing[:start] + existing[end:]
    feed = "\r\n" if 2 * rest.count("\r\n") > rest.count("\n") else "\n"
    section = "".join(f"{line}{feed}" for line in _section(list(present(memories, now))))
    if start is None:
        gap = "" if not existing else feed if existing.endswith("\n") else feed * 2
        return existing + gap + section
    if existing[:end].endswith("\n"):
        return existing[:start] + section + existing[end:]
    return existing[:start] + section.removesuffix(feed) + existing[end:]


def _section(memories: list[Memory]) -> Iterator[str]:
    yield BEGIN
    for level, title in _SECTIONS:
        of_level = sorted((m for m in memories if m.level == level), key=lambda m: (m.category, m.created, m.id))
        if not of_level:
            continue
        yield from (f"## {title}", "")
        for category, group in groupby(of_level, key=lambda m: m.category):
            if category:
                yield from (f"### {category}", "")
            for m in group:
                first, *more = m.content.replace("\r\n", "\n").strip().split("\n")
                yield f"- {first}"
                yield from (f"  {line}".rstrip() for line in more)
            yield ""
    yield END


def _place(existing: str) -> tuple[int | None, int]:
    """Where the section begins and ends in the text, its last line feed included."""
    found: dict[str, list[tuple[int, int, int]]] = {BEGIN: [], END: []}
    at = 0
    for number, line in lines(existing):
        begin = at + line.startswith("\ufeff")
        mark = existing[begin : at + len(line)].rstrip(" \t\r")
        if mark in found:
            found[mark].append((number, begin, at + len(line) + 1))
        at += len(line) + 1
    begins, ends = found[BEGIN], found[END]
    if not begins and not ends:
        return None, 0
    if len(begins) != 1 or len(ends) != 1 or ends[0][0] < begins[0][0]:
        places = ", ".join(str(number) for number, _, _ in sorted(begins + ends))
        raise UsageError(f"The file's markers {BEGIN} and {END} are not one pair (lines {places}): put them right, or take them out.")
    return begins[0][1], ends[0][2]
