"""JSON files with comments, edited in place: every byte that is not ours stays.

A text is parsed into nodes that know where they stand; an edit is cut into the text beside them, in the style of what is around it, and the
result is parsed again and compared with what was meant before anybody sees it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ..errors import ConfigurationError

__all__ = ["drop", "look", "put", "without"]

DEEPEST = 200
"""So deep are values nested in files that people write; nobody is meant to overflow a stack."""

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(slots=True)
class _Node:
    """A value and where it stands (from `start` to before `end`). `items` of an object or list are in order; `keys` are where its keys begin."""

    value: Any
    start: int
    end: int
    items: list[_Node] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


class _Parser:
    def __init__(self, text: str, comments: bool) -> None:
        self._text = text
        self._comments = comments
        self._at = 0

    def whole(self) -> _Node:
        self._skip()
        node = self._node(0)
        self._skip()
        if self._at < len(self._text):
            self._wrong("has something after its end")
        return node

    def _wrong(self, what: str) -> NoReturn:
        raise ConfigurationError(f"line {self._text.count(chr(10), 0, self._at) + 1} {what}")

    def _skip(self) -> None:
        """Move past white space and, where they may stand, comments."""
        text = self._text
        while self._at < len(text):
            c = text[self._at]
            if c in " \t\r\n":
                self._at += 1
            elif c == "/" and text[self._at + 1 : self._at + 2] in ("/", "*"):
                if not self._comments:
                    self._wrong("holds a comment, which is no JSON")
                line = text[self._at + 1] == "/"
                end = text.find("\n" if line else "*/", self._at + 2)
                if end < 0 and not line:
                    self._wrong("begins a comment that has no end")
                self._at = len(text) if end < 0 else end + (0 if line else 2)
            else:
                return

    def _node(self, depth: int) -> _Node:
        if depth > DEEPEST:
            self._wrong(f"is nested more than {DEEPEST} deep")
        text, start = self._text, self._at
        c = text[start : start + 1]
        if c == "{":
            return self._object(start, depth)
        if c == "[":
            return self._list(start, depth)
        if c == '"':
            return _Node(self._string(), start, self._at)
        for word, value in _WORDS.items():
            if text.startswith(word, start):
                self._at += len(word)
                return _Node(value, start, self._at)
        number = _NUMBER.match(text, start)
        if number is None:
            self._wrong("is where the file ends too early" if not c else "is no JSON")
        self._at = number.end()
        return _Node(json.loads(number[0]), start, self._at)

    def _string(self) -> str:
        try:
            value, self._at = json.decoder.scanstring(self._text, self._at + 1, True)  # type: ignore[attr-defined]
        except ValueError:
            self._wrong("holds a text that is no JSON")
        return str(value)

    def _object(self, start: int, depth: int) -> _Node:
        node = _Node({}, start, start)

        def member() -> None:
            if self._text[self._at : self._at + 1] != '"':
                self._wrong("has something else where a name in quotes should be")
            node.keys.append(self._at)
            name = self._string()
            if name in node.value:
                self._wrong(f'says "{name}" a second time')
            self._skip()
            if self._text[self._at : self._at + 1] != ":":
                self._wrong(f'has no colon after "{name}"')
            self._at += 1
            self._skip()
            inner = self._node(depth + 1)
            node.items.append(inner)
            node.names.append(name)
            node.value[name] = inner.value

        self._members("}", member)
        node.end = self._at
        return node

    def _list(self, start: int, depth: int) -> _Node:
        node = _Node([], start, start)

        def member() -> None:
            node.keys.append(self._at)
            node.items.append(self._node(depth + 1))
            node.value.append(node.items[-1].value)

        self._members("]", member)
        node.end = self._at
        return node

    def _members(self, close: str, member: Callable[[], None]) -> None:
        self._at += 1
        first = True
        while True:
            self._skip()
            if self._text[self._at : self._at + 1] == close:
                if not first and not self._comments:
                    self._wrong("has a comma before it closes, which is no JSON")
                break
            member()
            first = False
            self._skip()
            c = self._text[self._at : self._at + 1]
            if c == close:
                break
            if c != ",":
                self._wrong("is where the file ends too early" if not c else "has no comma between two values")
            self._at += 1
        self._at += 1


def _parsed(text: str, comments: bool) -> _Node:
    """The whole text; one that is empty stands for an empty object. Raises ConfigurationError with what is wrong, and where."""
    if not text.strip():
        return _Node({}, len(text), len(text))
    node = _Parser(text, comments).whole()
    if not isinstance(node.value, dict):
        raise ConfigurationError("holds no object")
    return node


def look(text: str, path: Sequence[str], *, comments: bool) -> Any:
    """The value at a path of names, None where there is none. Raises ConfigurationError for what is no JSON (with comments, if they may be)."""
    value: Any = _parsed(text, comments).value
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def put(text: str, path: Sequence[str], value: Any, *, comments: bool) -> str:
    """`text` with `value` at a path of names; a last name of "+" adds it to the end of a list. What is missing on the way is made.

    Raises ConfigurationError where the text is no such JSON, or holds something else on the way.
    """
    root = _parsed(text, comments)
    meant = _with(root.value, path, value)
    if root.start == root.end:
        feed = "\r\n" if "\r\n" in text else "\n"
        made = text + json.dumps(meant, indent=2, ensure_ascii=False).replace("\n", feed) + feed
    else:
        node, rest, value = _reached(root, path, value)
        if rest in node.names:
            old = node.items[node.names.index(rest)]
            if old.value == value:
                return text
            made = text[: old.start] + _rendered(text, value, node, old.start) + text[old.end :]
        else:
            made = _inserted(text, node, None if rest == "+" else rest, value)
    return _checked(made, meant, comments)


def drop(text: str, path: Sequence[str], *, comments: bool) -> str:
    """`text` without what is at a path of names; unchanged if there is nothing. Raises ConfigurationError as `put` does."""
    root = _parsed(text, comments)
    node: _Node | None = root
    for name in path[:-1]:
        node = node.items[node.names.index(name)] if node is not None and name in node.names else None
    if node is None or path[-1] not in node.names:
        return text
    meant = _without(root.value, path)
    return _checked(_cut(text, node, node.names.index(path[-1])), meant, comments)


def without(text: str, path: Sequence[str], ours: Callable[[Any], bool], *, comments: bool) -> str:
    """`text` without those members of the list at a path that are `ours`. Raises ConfigurationError as `put` does."""
    while True:
        node: _Node | None = _parsed(text, comments)
        for name in path:
            node = node.items[node.names.index(name)] if node is not None and name in node.names else None
        if node is None or not isinstance(node.value, list):
            return text
        at = next((i for i, member in enumerate(node.value) if ours(member)), None)
        if at is None:
            return text
        root = _parsed(text, comments).value
        left = [member for i, member in enumerate(node.value) if i != at]
        text = _checked(_cut(text, node, at), _with(root, path, left), comments)


# ------------------------------------------------------------------------------------------------------------------------- values


def _with(value: Any, path: Sequence[str], new: Any) -> Any:
    name, rest = path[0], path[1:]
    if name == "+":
        if not isinstance(value, list):
            raise ConfigurationError("holds something else where a list should be")
        return [*value, new]
    if not isinstance(value, dict):
        raise ConfigurationError(f'holds something else where an object with "{name}" should be')
    inner = value.get(name, [] if rest[:1] == ["+"] or rest[:1] == ("+",) else {}) if rest else None
    return {**value, name: _with(inner, rest, new) if rest else new}


def _without(value: Any, path: Sequence[str]) -> Any:
    name, rest = path[0], path[1:]
    return {k: (_without(v, rest) if rest and k == name else v) for k, v in value.items() if rest or k != name}


def _checked(text: str, meant: Any, comments: bool) -> str:
    try:
        if _parsed(text, comments).value == meant:
            return text
    except ConfigurationError:
        pass
    raise ConfigurationError("is written in a way that groma does not know how to add to")


# --------------------------------------------------------------------------------------------------------------------------- text


def _reached(root: _Node, path: Sequence[str], value: Any) -> tuple[_Node, str, Any]:
    """The deepest node on the way that is there, the name below it, and what is to stand there."""
    node = root
    for depth, name in enumerate(path[:-1]):
        if name not in node.names:
            for missing in reversed(path[depth + 1 :]):
                value = [value] if missing == "+" else {missing: value}
            return node, name, value
        node = node.items[node.names.index(name)]
    return node, path[-1], value


def _line_indent(text: str, at: int) -> str:
    """The white space at the beginning of the line that `at` is in."""
    begin = text.rfind("\n", 0, at) + 1
    return text[begin : begin + len(text[begin:]) - len(text[begin:].lstrip(" \t"))]


def _unit(text: str) -> str:
    """One step of indentation in this text."""
    found = re.search(r"[{\[][ \t]*(?://[^\n]*)?\r?\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _rendered(text: str, value: Any, within: _Node, at: int) -> str:
    """A value as text, as it would stand at `at`."""
    if "\n" not in text[within.start : within.end]:
        return json.dumps(value, ensure_ascii=False)
    lines = json.dumps(value, indent=_unit(text), ensure_ascii=False).split("\n")
    feed = "\r\n" if "\r\n" in text else "\n"
    return (feed + _line_indent(text, at)).join(lines)


def _inserted(text: str, node: _Node, name: str | None, value: Any) -> str:
    """The text with one member more at the end of a node."""
    label = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
    feed = "\r\n" if "\r\n" in text else "\n"
    close = node.end - 1
    before = len(text[:close].rstrip())  # behind the last thing in the node, be it a comment
    outer = _line_indent(text, node.start)
    whole = "\n" not in text and text.strip() != "{}"
    if not node.items:
        if whole:
            return text[:before] + label + json.dumps(value, ensure_ascii=False) + text[close:]
        indent = outer + _unit(text)
        lines = json.dumps(value, indent=_unit(text), ensure_ascii=False).split("\n")
        return text[:before] + feed + indent + label + (feed + indent).join(lines) + feed + outer + text[close:]
    last = node.items[-1]
    comma = _comma(text, last.end, close)
    head = text[:before] if comma is not None else text[: last.end] + "," + text[last.end : before]
    if "\n" not in text[node.start : node.end]:
        return head + " " + label + json.dumps(value, ensure_ascii=False) + text[before:]
    own_line = "\n" in text[node.start : node.keys[0]]
    indent = _line_indent(text, node.keys[0]) if own_line else outer + _unit(text)
    lines = json.dumps(value, indent=_unit(text), ensure_ascii=False).split("\n")
    ending = "," if comma is not None else ""
    return head + feed + indent + label + (feed + indent).join(lines) + ending + text[before:]


def _comma(text: str, at: int, end: int) -> int | None:
    """Where the next comma from `at` on is, comments left out; None if there is none before `end`."""
    while at < end:
        if text[at] == ",":
            return at
        if text.startswith("//", at):
            at = text.find("\n", at)
            at = end if at < 0 else at
        elif text.startswith("/*", at):
            at = text.find("*/", at + 2) + 1
        at += 1
    return None


def _cut(text: str, node: _Node, index: int) -> str:
    """The text without one member of a node."""
    start, end, close = node.keys[index], node.items[index].end, node.end - 1
    begin = len(text[:start].rstrip(" \t\r\n"))
    after = _comma(text, end, node.keys[index + 1] if index + 1 < len(node.keys) else close)
    if after is not None:
        return text[:begin] + text[end:after] + text[after + 1 :]
    if index == 0:
        rest = text[end:close]
        if begin == node.start + 1 and not rest.strip():
            return text[:begin] + text[close:]
        return text[:begin] + text[end:]
    previous = node.items[index - 1].end
    comma = _comma(text, previous, start)
    assert comma is not None
    return text[:comma] + text[comma + 1 : max(begin, comma + 1)] + text[end:]
