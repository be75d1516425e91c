"""Definitions, imports and calls of one source text, by tree-sitter and the query file of its language.

Query captures (see `languages/`): `@definition.<kind>` with `@name` in the same match; `@import`; `@call`. Time is bounded, and where the
bound was met the outline says so instead of looking empty.
"""

from __future__ import annotations

import re
import time
from functools import cache
from importlib import import_module
from importlib.resources import files
from itertools import pairwise

from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Query, QueryCursor, QueryError, Tree

from ..values import value
from .languages import Language, all_languages, by_name
from .summary import doc, signature

__all__ = ["FUNCTIONS", "SYMBOLS_ONLY", "Definition", "Outline", "broken_languages", "outline"]

PARSE_SECONDS = 4.0
UNTIMED_BYTES = 262_144
"""Texts up to this size are parsed without a time limit: even pathological ones of this size take under two seconds."""
ERROR_CHILDREN = 5_000

FUNCTIONS = frozenset({"function", "method", "constructor", "test"})
SYMBOLS_ONLY = frozenset({"macro", "variable", "constant", "field"})
"""Kinds that are found as symbols of a chunk but never begin a chunk. Every other kind (class, struct, trait, module, section …) holds others."""


@value
class Definition:
    """A named piece of source. Lines count from 0, `last` is inclusive; `enclosing` is the nearest type or section around it."""

    first: int
    last: int
    name: str
    kind: str
    enclosing: str | None
    signature: str
    doc: str


@value
class Outline:
    """What the parser found, in source order. `cut` is None, or why the outline is empty: "parse-budget", "syntax-errors"."""

    definitions: tuple[Definition, ...] = ()
    imports: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    cut: str | None = None


@cache
def _grammar(name: str) -> Grammar:
    module, _, function = name.partition(":")
    return Grammar(getattr(import_module(module), function or "language")())


@cache
def _query(name: str) -> Query:
    language = by_name(name)
    assert language is not None and language.grammar is not None
    folder = files("groma.languages")
    text = "\n".join(folder.joinpath(part, "tags.scm").read_text("utf-8") for part in language.tags)
    return Query(_grammar(language.grammar), text)


def broken_languages() -> list[str]:
    """Languages of the table whose grammar or query does not load, each with the reason."""
    broken = []
    for language in all_languages().values():
        if language.grammar is not None:
            try:
                _query(language.name)
            except (ImportError, OSError, QueryError, ValueError) as e:
                broken.append(f"{language.name} ({e})")
    return broken


def outline(source: str, language: Language) -> Outline:
    """The outline of `source`; empty where the language has neither grammar nor sections."""
    if language.grammar is not None:
        return _by_grammar(source.encode("utf-8"), language)
    if language.sections is not None:
        return _by_sections(source, language.sections)
    return Outline()


def _by_grammar(source: bytes, language: Language) -> Outline:
    assert language.grammar is not None
    parser = Parser(_grammar(language.grammar))
    if len(source) <= UNTIMED_BYTES:
        tree = parser.parse(source)
    else:
        # The binding ignores the progress callback for plain bytes, so a large text goes in by pieces.
        stop = time.monotonic() + PARSE_SECONDS
        try:
            tree = parser.parse(
                lambda offset, _point: source[offset : offset + 4096],
                progress_callback=lambda _offset, _error: time.monotonic() >= stop,
            )
        except ValueError:  # how the binding reports a cancelled parse
            return Outline(cut="parse-budget")
    if tree.root_node.has_error and _flooded(tree):
        return Outline(cut="syntax-errors")
    matches = QueryCursor(_query(language.name)).matches(tree.root_node)
    found: dict[tuple[int, int, str], tuple[int, str, Node]] = {}
    imports: list[tuple[int, int, str]] = []
    calls: list[tuple[int, int, str]] = []
    for pattern, captures in matches:
        names = captures.get("name")
        for capture, nodes in captures.items():
            if capture.startswith("definition.") and names:
                name = _clean(source[names[0].start_byte : names[0].end_byte].decode("utf-8", "replace"))
                key = (nodes[0].start_byte, -nodes[0].end_byte, name)
                if name and (key not in found or pattern < found[key][0]):
                    found[key] = (pattern, capture[11:], nodes[0])
            elif capture == "import":
                imports.extend((n.start_byte, n.end_byte, _unquote(source[n.start_byte : n.end_byte].decode("utf-8", "replace"))) for n in nodes)
            elif capture == "call":
                calls.extend((n.start_byte, n.end_byte, _clean(source[n.start_byte : n.end_byte].decode("utf-8", "replace"))) for n in nodes)
    return Outline(_nest(found, source), _distinct(imports), _distinct(calls))


def _distinct(found: list[tuple[int, int, str]]) -> tuple[str, ...]:
    """In the order of the source, which is not that of the matches; each once, without what is empty."""
    return tuple(filter(None, dict.fromkeys(name for _, _, name in sorted(found))))


def _flooded(tree: Tree) -> bool:
    """Is there an error node with so many children that a query over it, which is quadratic there, would take for ever?

    (100,000 opening brackets parse in 28 ms; the query over them takes 6 s, and the binding's progress callback for queries crashes.)
    """
    cursor = tree.walk()
    children = [0]  # of each ancestor on the way down
    while True:
        if cursor.goto_first_child():
            children.append(1)
            continue
        while not cursor.goto_next_sibling():
            count = children.pop()
            if not cursor.goto_parent():
                return False
            if count > ERROR_CHILDREN and cursor.node is not None and cursor.node.is_error:
                return True
        children[-1] += 1


def _nest(found: dict[tuple[int, int, str], tuple[int, str, Node]], source: bytes) -> tuple[Definition, ...]:
    """In source order, without what lies in the body of a function, each with the type around it."""
    stack: list[tuple[int, int, str, str]] = []  # first byte, end byte, kind, name
    result = []
    text = source.decode("utf-8", "replace").split("\n")
    for (start, negated_end, name), (_, kind, node) in sorted(found.items(), key=lambda item: item[0]):
        end = -negated_end
        while stack and stack[-1][1] <= start:
            stack.pop()
        # The names of one node (`f, g :: Int`) stand beside each other, not in each other.
        around = [(k, n) for b, e, k, n in stack if e >= end and (b, e) != (start, end)]
        if any(k in FUNCTIONS for k, _ in around):
            continue
        enclosing = around[-1][1] if around else None
        first, last = node.start_point.row, _last_row(node)
        result.append(Definition(first, last, name, kind, enclosing, signature(text, first, last, name), doc(text, first, last)))
        if kind not in SYMBOLS_ONLY:
            stack.append((start, end, kind, name.split("<")[0]))
    return tuple(result)


def _last_row(node: Node) -> int:
    """The row of the last token that is not a comment: some grammars (Scala, Haskell) let a node run on to the next one."""
    while node.child_count:
        inner = next((c for c in reversed(node.children) if "comment" not in c.type and c.end_byte > c.start_byte), None)
        if inner is None:
            break
        node = inner
    row = node.end_point.row
    return row - 1 if node.end_point.column == 0 and row > node.start_point.row else row


def _by_sections(source: str, pattern: str) -> Outline:
    """Flat sections: each runs to the next head, without the blank lines and comments that stand above that."""
    lines = source.split("\n")
    starts: list[tuple[int, str]] = []
    row = at = 0
    for m in _section(pattern).finditer(source):
        start = m.end() - len(m[0].lstrip())
        row += source.count("\n", at, start)
        at = start
        if m["name"]:
            starts.append((row, m["name"].replace('"', "").strip()[:100]))
    definitions = []
    for (first, name), (following, _) in pairwise([*starts, (len(lines), "")]):
        last = following - 1
        while last > first and (following < len(lines) or not lines[last].strip()) and _ABOVE_HEAD.match(lines[last]):
            last -= 1
        definitions.append(Definition(first, last, name, "section", None, lines[first].strip()[:200], doc(lines, first, last)))
    return Outline(tuple(definitions))


_ABOVE_HEAD = re.compile(r"\s*(?:$|//|/\*|\*|#|--|;)")


@cache
def _section(pattern: str) -> re.Pattern[str]:
    return re.compile(f"^(?:{pattern})", re.M)


def _clean(name: str) -> str:
    """The first line of a name, at most 100 characters."""
    return name.strip().split("\n", 1)[0][:100].strip()


def _unquote(text: str) -> str:
    return _clean(text).strip("\"'`<>();")
