"""JSON as exports hold it: lines of objects, a list of objects, or an object around such a list. Entry by entry, so that vectors do not pile up.

Reading entry by entry also tells how many were fine where a file is cut off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn

from .entries import refuse
from .texts import lines

__all__ = ["WRAPPERS", "json_lines", "rows"]

WRAPPERS = ("results", "memories", "items")
"""Names under which an export puts its list."""

_DECODER = JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_CUT = " Is the file cut off?"


def json_lines(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The object on each line that is not blank, with its number. Raises UsageError for a line that is anything else."""
    last = len(text.rstrip())
    at = 0
    for number, line in lines(text):
        at += len(line) + 1
        if not line.strip():
            continue
        try:
            said, end = _DECODER.raw_decode(line, len(line) - len(line.lstrip(" \t\r")))
        except (ValueError, RecursionError) as error:
            refuse(number, _why(error) + (_CUT if at > last else ""))
        if line[end:].strip(" \t\r"):
            refuse(number, f"something follows the object that ends in column {end}; there must be one object a line.")
        if not isinstance(said, dict):
            refuse(number, "this is JSON, but not an object.")
        yield number, said


def rows(text: str, around: dict[str, Any] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object of an export with the line it begins on; `around` takes what stands beside the list in a wrapper.

    Raises UsageError where the text is no JSON, nested too deeply, or holds a row that is no object.
    """
    scan = _Scanner(text)
    while first := scan.peek():
        if first == "[":
            found = scan.elements()
        elif first == "{":
            found = scan.wrapped({} if around is None else around)
        else:
            scan.refuse("this is not JSON: an export begins with { or [.")
        for line, row in found:
            if not isinstance(row, dict):
                refuse(line, "this row is JSON, but not an object.")
            yield line, row


class _Scanner:
    """A place in a JSON text."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._counted, self._line = 0, 1

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def peek(self) -> str:
        """The next character that is not space; "" at the end."""
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing, too
        return self.text[self.at : self.at + 1]

    def take(self, allowed: str) -> str:
        found = self.peek()
        if not found or found not in allowed:
            self.refuse(f"this is not valid JSON ({' or '.join(allowed)} expected)." + ("" if found else _CUT))
        self.at += 1
        return found

    def value(self) -> Any:
        self.peek()
        try:
            v, self.at = _DECODER.raw_decode(self.text, self.at)
        except (ValueError, RecursionError) as error:
            if isinstance(error, JSONDecodeError):
                self.at = max(self.at, error.pos)
            cut = not self.peek() or "Unterminated" in str(error)
            self.refuse(_why(error) + (_CUT if cut else ""))
        return v

    def elements(self) -> Iterator[tuple[int, Any]]:
        """The elements of the list that begins here, each with its line."""
        self.take("[")
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            self.peek()
            yield self.line(), self.value()
            if self.take(",]") == "]":
                return

    def wrapped(self, around: dict[str, Any]) -> Iterator[tuple[int, Any]]:
        """The elements of the list in the object that begins here, or the object itself; what stands beside the list goes to `around`."""
        own: dict[str, Any] = {}
        line, wraps = self.line(), False
        self.take("{")
        while self.peek() != "}":
            name = self.value()
            if not isinstance(name, str):
                self.refuse("this is not valid JSON (a name in quotes expected).")
            self.take(":")
            if name in WRAPPERS and self.peek() == "[":
                around.update(own)
                wraps = True
                yield from self.elements()
            else:
                own[name] = self.value()
            if self.take(",}") == "}":
                self.at -= 1
                break
            if self.peek() == "}":
                self.refuse("this is not valid JSON (a name in quotes expected).")
        self.take("}")
        if wraps:
            around.update(own)
        else:
            yield line, own

    def refuse(self, sentence: str) -> NoReturn:
        refuse(self.line(), sentence)


def _why(error: Exception) -> str:
    if isinstance(error, JSONDecodeError):
        return f"this is not valid JSON ({error.msg.rstrip()}, column {error.colno})."
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply."
    return "there is a number of too many digits."
