"""Front matter: a small strict subset of YAML, of scalars and lists of scalars, that every YAML reader takes the same way.

key: scalar         null, true, false, a number, "a JSON string", 'it''s', or plain text
key: [one, "two"]   a list; the same as
key:
  - one
  - two
# a comment
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .entries import refuse

__all__ = ["dumped", "loaded"]

_KEY = re.compile(r"([A-Za-z_][\w-]{0,63}):(?:[ \t]+(.*))?")
_ITEM = re.compile(r"[ \t]*-(?:[ \t]+(.*))?")
_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"')
_SINGLE = re.compile(r"'(?:[^']|'')*'")
_NUMBER = re.compile(r"[-+]?\d{1,18}(\.\d{1,24})?([eE][-+]?\d{1,3})?")
_PLAIN = re.compile(r"[A-Za-z_/][\w./@-]*|\d{4}-\d\d-\d\dT[\d:.]+Z", re.ASCII)
_EMPTY = re.compile(r"\[[ \t]*\]")
_IN_LIST = re.compile(rf"[ \t]*((?:{_DOUBLE.pattern}|{_SINGLE.pattern})[ \t]*(?=[,\]])|[^,\]]*)([,\]]?)")
_WORDS = {"null": None, "~": None, "true": True, "false": False}
_TAKEN_FOR_OTHERS = {"yes", "no", "on", "off", "y", "n", "null", "true", "false"}
_INDICATORS = "[]{}&*!|>%@`\"'?,#-:"
_RAW = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")


def dumped(fields: Mapping[str, Any]) -> Iterator[str]:
    """A line a field, each with its line feed. Values are texts, numbers, true, false, None and lists of them."""
    for key, v in fields.items():
        shown = f"[{', '.join(map(_shown, v))}]" if isinstance(v, list | tuple) else _shown(v)
        yield f"{key}: {shown}\n"


def loaded(lines: list[tuple[int, str]]) -> dict[str, Any]:
    """The fields of numbered lines. Raises UsageError naming the line that is anything else, or that says a field again."""
    found: dict[str, Any] = {}
    said: dict[str, int] = {}
    open_list: str | None = None
    items: list[Any] = []
    for number, line in lines:
        line = line.rstrip(" \t\r")
        if not line or line.lstrip().startswith("#"):
            continue
        if open_list is not None and (item := _ITEM.fullmatch(line)):
            items.append(_scalar(item[1] or "", number))
            found[open_list] = items
            continue
        if not (pair := _KEY.fullmatch(line)):
            refuse(number, "this is not front matter as it is read here: `key: value`, `key: [one, two]`, or `- item` below a key.")
        key, rest = pair[1], (pair[2] or "").strip()
        if key in said:
            refuse(number, f"the field {key} was given in line {said[key]}, too.", field=key, other=said[key])
        said[key] = number
        open_list, items = key if not rest or rest.startswith("#") else None, []
        found[key] = None if open_list else _list(rest, number) if rest.startswith("[") else _scalar(rest, number)
    return found


def _shown(v: object) -> str:
    if isinstance(v, str):
        if _PLAIN.fullmatch(v) and v.lower() not in _TAKEN_FOR_OTHERS:
            return v
        return _RAW.sub(lambda c: f"\\u{ord(c[0]):04x}", json.dumps(v, ensure_ascii=False))
    return json.dumps(v, allow_nan=False)


def _list(text: str, line: int) -> list[Any]:
    found: list[Any] = []
    if empty := _EMPTY.match(text):
        at = empty.end()
    else:
        at = 1
        while True:
            item = _IN_LIST.match(text, at)
            if not item or not item[2]:
                refuse(line, "this list does not end in ].")
            found.append(_scalar(item[1].strip(), line, in_list=True))
            at = item.end()
            if item[2] == "]":
                break
    if (rest := text[at:].strip()) and not rest.startswith("#"):
        refuse(line, "something follows the list.")
    return found


def _scalar(text: str, line: int, in_list: bool = False) -> Any:
    quoted = _DOUBLE.match(text) or _SINGLE.match(text)
    if quoted:
        if (rest := text[quoted.end() :].strip()) and not rest.startswith("#"):
            refuse(line, "something follows the quoted text.")
        if text[0] == "'":
            return quoted[0][1:-1].replace("''", "'")
        try:
            return json.loads(quoted[0])
        except ValueError:
            refuse(line, "this quoted text is not one of JSON.")
    text = text.split(" #", 1)[0].rstrip()
    if text in _WORDS:
        return _WORDS[text]
    if number := _NUMBER.fullmatch(text):
        return float(text) if number[1] or number[2] else int(text)
    if not text or text[0] in _INDICATORS or ": " in text or text.endswith(":"):
        what = "an empty item" if not text and in_list else "nested values, references and blocks are not"
        refuse(line, f"only single values and lists of them are read here; {what}: put the text in double quotes.")
    return text
