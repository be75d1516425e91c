"""Which files a shell text plainly writes, and which it plainly shows: read from its syntax tree, never run.

Looked into are lists, pipelines, substitutions, here-documents for a shell, `sh -c`, `eval`, `xargs`, `find -exec`, and what stands before a command
(`sudo`, `env` …). Words are what the shell would make of them: quotes, escapes, `~`, braces, globs, variables that the text itself sets. A program
that the shell starts may do what it likes; of that nothing is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from glob import iglob
from itertools import islice, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["SHOWS", "WRITES", "touched"]

WRITES, SHOWS = "writes", "shows"

LONGEST, DEEPEST, MOST = 100_000, 4, 500
"""Characters of a text, texts within a text, and words that one word becomes, of which is told."""

_BEFORE = frozenset("sudo doas env command builtin nohup time timeout exec nice ionice setsid stdbuf".split())
_ALL = frozenset("rm unlink shred truncate touch mv chmod chown tee sponge rmdir mkdir".split())
_LAST = frozenset("cp install ln rsync scp".split())
_SHELLS = frozenset("sh bash zsh dash ksh".split())
_INTO = {"curl": ("-o", "--output"), "wget": ("-O", "--output-document"), "sort": ("-o", "--output")}
_EDITS = frozenset("sed perl ruby".split())
_SHOW = frozenset("cat tac head tail less more bat batcat nl od xxd hexdump strings base64 diff".split())
_GREP = frozenset("grep egrep fgrep zgrep rg ag".split())
_PASS = _SHOW | _GREP | {"sort", "uniq", "tee", "column", "fold"}
"""What shows of its input what it was given; of another filter (`cut -d= -f1`, `sed 's/=.*//'`, `wc`) that is not known."""
_SAY = frozenset("echo printf ls".split())
_KNOWN = _BEFORE | _ALL | _LAST | _SHELLS | _EDITS | _SHOW | _GREP | {*_INTO, "dd", "eval", "xargs", "find"}

_INTO_FILE = frozenset("> >> >| &> &>> <>".split())
_NO_LINES = re.compile(r"-[a-zA-Z]*[qclL]|--(?:quiet|silent|count|files-.*)")
_ONLY_LINES = re.compile(r"[\d,$;p ]+")
_SHORT_C = re.compile(r"-[a-zA-Z]*c")
_SCRIPT = re.compile(r"-[a-zA-Z]*[ef]|--expression|--file|--regexp")

_SPECIAL = "*?[]{},~"
_QUOTE = {ord(c): 0xE000 + ord(c) for c in _SPECIAL}
_UNQUOTE = {0xE000 + ord(c): c for c in _SPECIAL}
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_GLOB = re.compile(r"[*?]|\[.+\]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

Touch = tuple[str, str]


def touched(text: str, folder: str) -> Iterator[Touch]:
    """(WRITES or SHOWS, absolute path) of what a text plainly touches when it is run in `folder`; never raises for any text."""
    try:
        yield from _Shell(folder).run(text, True)
    except RecursionError:  # nobody writes such a text
        return


class _Shell:
    """A shell in a folder, with the variables it has set."""

    def __init__(self, folder: str, names: dict[str, list[str]] | None = None, depth: int = 0) -> None:
        self.folder, self.depth = folder, depth
        self.names = dict(names or {"HOME": [os.path.expanduser("~")], "PWD": [folder], "CLAUDE_PROJECT_DIR": [folder]})

    def run(self, text: str, seen: bool) -> Iterator[Touch]:
        """What a text touches; `seen`: what it prints, somebody sees."""
        if self.depth > DEEPEST or len(text) > LONGEST:
            return
        import tree_sitter_bash
        from tree_sitter import Language, Parser

        data = text.encode("utf-8", "replace")
        yield from self._node(Parser(Language(tree_sitter_bash.language())).parse(data).root_node, seen)

    def _inner(self, deeper: int = 0) -> _Shell:
        return _Shell(self.folder, self.names, self.depth + deeper)

    # ------------------------------------------------------------------------------------------------------------- statements

    def _node(self, node: Node, seen: bool, fed: Sequence[str] = ()) -> Iterator[Touch]:
        """What a part of the tree touches; `fed` are the words that stand on its input."""
        kind = node.type
        if kind == "command":
            yield from self._command(node, [], seen, fed)
        elif kind == "redirected_statement":
            yield from self._redirected(node, seen, fed)
        elif kind == "file_redirect":
            yield from self._redirect(node, seen)
        elif kind == "pipeline":
            yield from self._pipeline(node.named_children, seen)
        elif kind in ("subshell", "command_substitution", "process_substitution"):
            inside = self._inner()
            for child in node.named_children:
                yield from inside._node(child, seen)
        elif kind == "variable_assignment":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is not None:
                self.names[_text(name)] = self._words(value) if value is not None else [""]
            yield from self._within(node, False)
        elif kind == "for_statement":
            variable = node.child_by_field_name("variable")
            if variable is not None:
                self.names[_text(variable)] = [w for value in node.children_by_field_name("value") for w in self._words(value)]
            for child in node.named_children:
                yield from self._node(child, seen)
        else:
            for child in node.named_children:
                yield from self._node(child, seen and kind != "declaration_command", fed)

    def _within(self, node: Node, seen: bool) -> Iterator[Touch]:
        """What the substitutions in a word touch."""
        for child in node.named_children:
            if child.type in ("command_substitution", "process_substitution"):
                yield from self._node(child, seen)
            else:
                yield from self._within(child, seen)

    def _pipeline(self, parts: Sequence[Node], seen: bool) -> Iterator[Touch]:
        fed: list[str] = []
        for i, part in enumerate(parts):
            passed = all(self._name(later) in _PASS for later in parts[i + 1 :])
            yield from self._inner()._node(part, seen and passed, fed)
            fed = self._printed(part)

    def _redirected(self, node: Node, seen: bool, fed: Sequence[str]) -> Iterator[Touch]:
        """A statement with redirections: what it prints goes where they lead, and a here-document may be a text for a shell."""
        body = node.child_by_field_name("body")
        while body is not None and body.type == "list":  # the grammar gives `a && b > c` to both
            for child in body.named_children[:-1]:
                yield from self._node(child, seen)
            body = body.named_children[-1]
        redirects = list(_below(node, ("file_redirect",)))
        parts = [_parts(redirect) for redirect in redirects]
        here = "".join(_text(n) for n in _below(node, ("heredoc_body",)))
        into_file = any(sign in _INTO_FILE and descriptor in ("", "1") for sign, descriptor, _ in parts)
        if body is not None and body.type == "command":
            more = [w for _, _, words in parts for word in words[1:] for w in self._words(word)]
            yield from self._command(body, more, seen and not into_file, [*fed, here])
        elif body is not None:
            yield from self._node(body, seen and not into_file, fed)
        shown = seen and not into_file and body is not None and self._name(body) in _SHOW | _GREP
        for redirect in redirects:
            yield from self._redirect(redirect, shown)
        for child in node.named_children:
            if child.type == "heredoc_redirect":
                for inner in child.named_children:
                    yield from self._node(inner, seen) if inner.type in ("pipeline", "command") else self._within(inner, False)

    def _redirect(self, node: Node, seen: bool) -> Iterator[Touch]:
        sign, _, words = _parts(node)
        for path in self._paths(self._words(words[0]) if words else []):
            if sign in _INTO_FILE:
                yield WRITES, path
            elif sign == "<" and seen:
                yield SHOWS, path
        yield from self._within(node, False)

    def _command(self, node: Node, more: Iterable[str], seen: bool, fed: Sequence[str]) -> Iterator[Touch]:
        for child in node.named_children:
            if child.type == "variable_assignment":
                yield from self._inner()._node(child, False)
        words = [w for child in _arguments(node) for w in self._words(child)] + list(more)
        fed = [*fed, *(w for n in node.named_children if n.type == "herestring_redirect" for child in n.named_children for w in self._words(child))]
        name = _unwrapped(words)[:1]
        yield from self._within(node, seen and bool(name) and os.path.basename(name[0]) in _SAY | _SHOW | _GREP)
        yield from self._call(words, seen, fed)

    # --------------------------------------------------------------------------------------------------------------- commands

    def _call(self, words: Sequence[str], seen: bool, fed: Sequence[str] = ()) -> Iterator[Touch]:
        """What a command touches, by its words; `fed` is what it is given, where that is known."""
        words = _unwrapped(words)
        if not words:
            return
        name, rest = os.path.basename(words[0]), words[1:]
        plain = [w for w in rest if not w.startswith("-")]
        writes: list[str] = []
        shows: list[str] = []
        if name in ("cd", "pushd") and len(plain) < 2:
            self.folder = self._path(plain[0] if plain else "~")
        elif name == "eval":
            yield from self._inner(1).run(" ".join(rest), seen)
        elif name in _SHELLS:
            scripts = [w for i, w in enumerate(rest) if i and _SHORT_C.fullmatch(rest[i - 1])]
            yield from self._inner(1).run(scripts[0] if scripts else "" if plain else " ".join(fed), seen)
        elif name == "xargs" and self.depth <= DEEPEST:
            yield from self._inner(1)._call([*_from_known(plain), *fed], seen)
        elif name == "find":
            yield from self._find(rest, seen)
        elif name in _ALL:
            writes = plain + (_copies(plain[-1:], plain[:-1], self) if name == "mv" else [])
        elif name in _LAST:
            into = [w for i, w in enumerate(rest) if i and rest[i - 1] in ("-t", "--target-directory")]
            into += [w.partition("=")[2] for w in rest if w.startswith("--target-directory=")]
            into = into or plain[1:][-1:]
            writes = into + _copies(into, plain, self)
        elif name == "dd":
            writes = [w[3:] for w in rest if w.startswith("of=")]
        elif name in _EDITS and any(re.match(r"-[a-zA-Z]*i|--in-place", w) for w in rest):
            writes = _operands(rest)
        elif name == "sed" and "-n" in rest and _ONLY_LINES.fullmatch((_after_options(rest) or ["x"])[0]):
            shows = _operands(rest)
        elif name in _INTO:
            short, long = _INTO[name]
            writes = [w for i, w in enumerate(rest) if i and rest[i - 1] in (short, long)]
            writes += [w.partition("=")[2] for w in rest if w.startswith(long + "=")]
        elif name in _GREP and not any(_NO_LINES.fullmatch(w) for w in rest):
            shows = _operands(rest)
        elif name in _SHOW:
            shows = plain
        yield from ((WRITES, path) for path in self._paths(writes))
        if seen:
            yield from ((SHOWS, path) for path in self._paths(shows))

    def _find(self, rest: Sequence[str], seen: bool) -> Iterator[Touch]:
        """`-exec` and `-delete`, with what `find` was told to look for in the place of `{}`."""
        found = _found(rest)
        if "-delete" in rest:
            yield from ((WRITES, path) for path in self._paths(found))
        for i, word in enumerate(rest):
            if word in ("-exec", "-execdir", "-ok", "-okdir"):
                command = list(rest[i + 1 :])
                end = next((n for n, w in enumerate(command) if w in (";", "+")), len(command))
                yield from self._inner(1)._call([v for w in command[:end] for v in (found if w == "{}" else [w])], seen)

    def _name(self, node: Node) -> str:
        """The name of a command, without what stands before it; "" for what is none."""
        if node.type == "redirected_statement" and (body := node.child_by_field_name("body")) is not None:
            node = body
        words = _unwrapped([w for child in _arguments(node) for w in self._words(child)]) if node.type == "command" else []
        return os.path.basename(words[0]) if words else ""

    def _printed(self, node: Node) -> list[str]:
        """The words that a command prints, where its text says them."""
        if node.type != "command" or (name := self._name(node)) not in _SAY | {"find"}:
            return []
        words = [w for child in _arguments(node) for w in self._words(child)][1:]
        return _found(words) if name == "find" else [part for w in words if not w.startswith("-") for part in w.split()]

    # ------------------------------------------------------------------------------------------------------------------ words

    def _words(self, node: Node) -> list[str]:
        """What a word of the text becomes: one word or more, as paths below the folder where it was a glob."""
        made: list[str] = []
        for word in self._expanded(node):
            for plain in _braced(word):
                made.append(plain.translate(_UNQUOTE))
                if _GLOB.search(plain) and len(_GLOB.findall(plain)) < DEEPEST:
                    pattern = os.path.expanduser(plain) if plain.startswith("~") else plain
                    made += islice(iglob(re.sub(f"[{chr(0xE000)}-{chr(0xE0FF)}]", _bracketed, pattern), root_dir=self.folder), MOST)
        return made[:MOST]

    def _expanded(self, node: Node, quoted: bool = False) -> list[str]:
        """A word with its quotes gone, what was quoted marked, and variables replaced where they are known."""
        kind, text = node.type, _text(node)
        if kind == "raw_string":
            return [text[1:-1].translate(_QUOTE)]
        if kind == "ansi_c_string":
            return [text[2:-1].encode("latin-1", "replace").decode("unicode_escape", "replace").translate(_QUOTE)]
        if kind in ("simple_expansion", "expansion"):
            name = next((_text(n) for n in node.named_children if n.type in ("variable_name", "special_variable_name")), "")
            values = self.names.get(name)
            if values is None:
                return [text.translate(_QUOTE)]
            return [part for value in values for part in ([value] if quoted else value.split() or [""])]
        if kind == "command_substitution":
            return [w for child in node.named_children for w in self._printed(child)] or ["$()"]
        if kind == "process_substitution":
            return ["<()"]
        if kind in ("string", "concatenation", "command_name", "string_content"):
            inside = quoted or kind == "string"
            parts: list[list[str]] = []
            at = node.start_byte + (kind == "string")
            for child in node.named_children:
                parts += [[self._literal(node, at, child.start_byte, inside)], self._expanded(child, inside)]
                at = child.end_byte
            parts.append([self._literal(node, at, node.end_byte - (kind == "string" and node.child_count > 1), inside)])
            return ["".join(some) for some in islice(product(*parts), MOST)]
        return [self._literal(node, node.start_byte, node.end_byte, quoted)]

    @staticmethod
    def _literal(node: Node, begin: int, end: int, quoted: bool) -> str:
        text = (node.text or b"")[begin - node.start_byte : max(begin, end) - node.start_byte].decode("utf-8", "replace").replace("\\\n", "")
        if quoted:
            return re.sub(r'\\(["\\$`])', r"\1", text).translate(_QUOTE)
        return _ESCAPE.sub(lambda m: m[1].translate(_QUOTE), text)

    def _paths(self, words: Iterable[str]) -> Iterator[str]:
        return map(self._path, words)

    def _path(self, word: str) -> str:
        return os.path.normpath(os.path.join(self.folder, os.path.expanduser(word)))


# ---------------------------------------------------------------------------------------------------------------- words of commands


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _arguments(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type not in ("variable_assignment", "file_redirect", "herestring_redirect", "comment")]


def _below(node: Node, kinds: Sequence[str]) -> Iterator[Node]:
    """The redirections of a statement that are of these kinds; some stand within a here-document's."""
    for child in node.named_children:
        if child.type in kinds:
            yield child
        elif child.type == "heredoc_redirect":
            yield from _below(child, kinds)


def _parts(redirect: Node) -> tuple[str, str, list[Node]]:
    """The sign of a redirection, its file descriptor ("" for none), and its words: the file, and what the grammar takes for more of it."""
    descriptor = next((_text(n) for n in redirect.named_children if n.type == "file_descriptor"), "")
    words = [n for n in redirect.named_children if n.type not in ("file_descriptor", "number")]
    return next((n.type for n in redirect.children if not n.is_named), ""), descriptor, words


def _unwrapped(words: Sequence[str]) -> list[str]:
    """A command without what stands before it: `sudo -u root`, `env A=1`, `timeout 5` …"""
    words = list(words)
    while words and (os.path.basename(words[0]) in _BEFORE or re.match(r"[A-Za-z_]\w*\+?=", words[0])):
        first, *words = words
        if words and (first == "timeout" or words[0].startswith("-")):  # its options, and what they take
            words = _from_known(words)
    return words


def _from_known(words: Sequence[str]) -> list[str]:
    return next((list(words[i:]) for i, w in enumerate(words) if os.path.basename(w) in _KNOWN), [])


def _after_options(rest: Sequence[str]) -> list[str]:
    return [w for i, w in enumerate(rest) if not w.startswith("-") and not (i and _SCRIPT.fullmatch(rest[i - 1]))]


def _operands(rest: Sequence[str]) -> list[str]:
    """The files of a command whose first operand is a script or pattern, unless an option gave it."""
    plain = [w for w in _after_options(rest) if not w.isdigit()]
    return plain if any(_SCRIPT.match(w) for w in rest if w.startswith("-")) else plain[1:]


def _copies(into: Sequence[str], plain: Sequence[str], shell: _Shell) -> list[str]:
    """What files are called when they are put into a folder."""
    folders = [one for one in into if one.endswith("/") or os.path.isdir(shell._path(one))]
    return [os.path.join(one, os.path.basename(w.rstrip("/"))) for one in folders for w in plain if w != one]


def _found(rest: Sequence[str]) -> list[str]:
    """What `find` would find, as its words say: the patterns below its folders, or these; not what it is told to leave out."""
    starts: list[str] = []
    for word in rest:
        if word.startswith(("-", "(", "!")):
            break
        starts.append(word)
    patterns = [
        word
        for i, word in enumerate(rest)
        if i and re.fullmatch(r"-i?(?:name|path|wholename)", rest[i - 1])
        if not (i > 1 and rest[i - 2] in ("!", "-not"))
        if "-prune" not in rest[i + 1 : i + 3]
    ]
    return [os.path.join(start, pattern.lstrip("*/") if "/" in pattern else pattern) for start in starts or ["."] for pattern in patterns] or starts


def _braced(word: str) -> Iterator[str]:
    """`a{b,c}` as `ab` and `ac`."""
    waiting = [word]
    for _ in range(MOST):
        if not waiting:
            return
        word = waiting.pop()
        braces = _BRACES.search(word)
        if braces:
            waiting += [word[: braces.start()] + part + word[braces.end() :] for part in reversed(braces[1].split(","))]
        else:
            yield word


def _bracketed(quoted: re.Match[str]) -> str:
    """What was quoted, as a glob knows it."""
    plain = quoted[0].translate(_UNQUOTE)
    return f"[{plain}]" if plain in "*?[" else plain
