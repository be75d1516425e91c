"""What an agent may not write without its user: `.env` and its like, keys and other files of credentials, and the inside of `.git`.

Tools that write a file say which; of a shell command it is told what it plainly writes (redirections, tee, cp, mv, rm, sed -i and their like).
That keeps mistakes away, not an attacker: a program that the shell starts may write what it likes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

__all__ = ["protected", "refusal", "written"]

_NAMES = frozenset(
    "id_rsa id_dsa id_ecdsa id_ecdsa_sk id_ed25519 id_ed25519_sk .netrc _netrc .pgpass .htpasswd .npmrc .pypirc .git-credentials credentials.json "
    ".envrc".split()
)
_ENDS = (".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".tfstate", ".tfstate.backup")
_PLACES = ("/.docker/config.json", "/.aws/credentials", "/.kube/config")
_SHAPES = re.compile(
    r"\.env(?![a-z])(?!.*[._-](?:example|sample|template|dist)$).*|service[-_]?account.*\.json|.*(?:private|secret).*\.asc", re.DOTALL
)
"""These four are what the core takes for files of secrets, which groma never reads; a test compares. They stand here again because a hook that runs
before every tool has no time to load the core."""
_FOLDERS = {".git": "git's own files", ".ssh": "keys", ".gnupg": "keys"}

_PATHS = ("file_path", "notebook_path", "path")
_DEEPEST = 4
_LONGEST = 100_000


def refusal(tool: object, given: object, folder: str) -> str | None:
    """Why a tool call is refused, None if it is not. `given` is what the tool was called with, `folder` where it runs."""
    if not isinstance(given, Mapping):
        return None
    if tool == "Bash":
        command = given.get("command")
        paths = list(written(command, folder)) if isinstance(command, str) else []
    else:
        paths = [os.path.join(folder, os.path.expanduser(v)) for v in map(given.get, _PATHS) if isinstance(v, str) and v]
    for path in paths:
        what = protected(path)
        if what:
            name = path.removeprefix(folder.rstrip("/") + "/")
            return f"groma protects {name} ({what}): agents do not write it. Ask the user to make this change, or to say how to go on without it."
    return None


def protected(path: str) -> str | None:
    """What a path may hold, if it is protected: by its name, or by where a link of that name leads."""
    path = os.path.normpath(path)
    return _named(path) or (_named(real) if (real := os.path.realpath(path)) != path else None)


def _named(path: str) -> str | None:
    folded = path.replace("\\", "/").lower() if os.name == "nt" else path.lower()
    *folders, name = folded.split("/")
    for part in (*folders, name):
        if part in _FOLDERS:
            return _FOLDERS[part]
    secret = name in _NAMES or name.endswith(_ENDS) or _SHAPES.fullmatch(name) or f"/{folded}".endswith(_PLACES)
    return "credentials" if secret else None


# ------------------------------------------------------------------------------------------------------------------ shell commands

_OPERATOR = re.compile(r"\d*(?:&>>|&>|>>|>\||>&|<<<|<<-|<<|<&|<>|>|<)|&&|\|\||;;|[;|&()\n]")
_WRITES = {">", ">>", ">|", "&>", "&>>", "<>"}
_ENDS_COMMAND = {"&&", "||", ";;", ";", "|", "&", "(", ")", "\n"}
_BEFORE = frozenset("sudo doas env command builtin nohup time timeout exec nice ionice setsid stdbuf then do else elif if while until { } !".split())
_ALL = frozenset("rm unlink shred truncate touch mv chmod chown tee rmdir".split())
_LAST = frozenset("cp install ln rsync scp".split())
_SHELLS = frozenset("sh bash zsh dash ksh".split())
_INTO = {"curl": ("-o", "--output"), "wget": ("-O", "--output-document"), "sort": ("-o", "--output")}
_KNOWN = _BEFORE | _ALL | _LAST | _SHELLS | {*_INTO, *"dd sed perl ruby eval xargs".split()}
_ASSIGNED = re.compile(r"[A-Za-z_]\w*\+?=")


def written(command: str, folder: str, depth: int = 0) -> Iterator[str]:
    """The paths that a shell command plainly writes, made absolute from `folder`; never raises."""
    words: list[str] = []
    target = False
    for kind, text in _tokens(command[:_LONGEST]):
        if kind == "word":
            if target:
                yield _absolute(text, folder)
                target = False
            else:
                words.append(text)
            continue
        bare = text.lstrip("0123456789") or text
        target = bare in _WRITES
        if bare in _ENDS_COMMAND:
            yield from _of_command(words, folder, depth)
            folder = _moved(words, folder)
            words = []
    yield from _of_command(words, folder, depth)


def _of_command(words: list[str], folder: str, depth: int) -> Iterator[str]:
    while words and (words[0] in _BEFORE or _ASSIGNED.match(words[0])):
        first, *words = words
        if words and (first == "timeout" or words[0].startswith("-")):  # its options, and what they take
            words = next((words[i:] for i, w in enumerate(words) if os.path.basename(w) in _KNOWN), [])
    if not words:
        return
    name, rest = os.path.basename(words[0]), words[1:]
    plain = [w for w in rest if not w.startswith("-")]
    if name in _SHELLS and depth < _DEEPEST:
        scripts = [w for i, w in enumerate(rest) if i and re.fullmatch(r"-[a-z]*c", rest[i - 1])]
        yield from written(scripts[0], folder, depth + 1) if scripts else ()
    elif name == "eval" and depth < _DEEPEST:
        yield from written(" ".join(rest), folder, depth + 1)
    elif name == "xargs" and depth < _DEEPEST:
        yield from _of_command(plain, folder, depth + 1)
    elif name in _ALL:
        yield from (_absolute(w, folder) for w in plain)
        if name == "mv" and len(plain) > 1:
            yield from _inside(plain, folder)
    elif name in _LAST:
        into = [w for i, w in enumerate(rest) if i and rest[i - 1] in ("-t", "--target-directory")]
        into += [w.partition("=")[2] for w in rest if w.startswith("--target-directory=")]
        for last in into or plain[1:][-1:]:
            yield _absolute(last, folder)
            yield from _inside([*plain, last], folder)
    elif name == "dd":
        yield from (_absolute(w[3:], folder) for w in rest if w.startswith("of="))
    elif name in ("sed", "perl", "ruby") and any(re.match(r"-[a-zA-Z]*i|--in-place", w) for w in rest):
        given = any(re.match(r"-[a-zA-Z]*[ef]$|--expression|--file", w) for w in rest)
        files = [w for i, w in enumerate(rest) if not w.startswith("-") and not re.match(r"-[a-zA-Z]*[ef]$", rest[i - 1] if i else "")]
        yield from (_absolute(w, folder) for w in (files if given else files[1:]))
    elif name in _INTO:
        yield from (_absolute(w, folder) for i, w in enumerate(rest) if i and rest[i - 1] in _INTO[name])
        yield from (_absolute(w.partition("=")[2], folder) for w in rest if w.startswith(_INTO[name][1] + "="))


def _inside(plain: list[str], folder: str) -> Iterator[str]:
    """What copies are called in a folder that is given last."""
    last = _absolute(plain[-1], folder)
    if plain[-1].endswith("/") or os.path.isdir(last):
        yield from (os.path.join(last, os.path.basename(w.rstrip("/"))) for w in plain[:-1])


def _moved(words: list[str], folder: str) -> str:
    """Where the shell is after a command."""
    return _absolute(words[1], folder) if len(words) == 2 and words[0] in ("cd", "pushd") else folder


def _absolute(word: str, folder: str) -> str:
    word = re.sub(r"^\$(?:HOME\b|\{HOME\})", "~", word)
    word = re.sub(r"^\$(?:PWD\b|\{PWD\}|CLAUDE_PROJECT_DIR\b|\{CLAUDE_PROJECT_DIR\})", ".", word)
    return os.path.normpath(os.path.join(folder, os.path.expanduser(word)))


def _tokens(command: str) -> Iterator[tuple[str, str]]:
    """("word", text without quotes) and ("operator", text), as a shell would part them; what stands in here-documents is left out."""
    at, word, quoted = 0, "", False
    waiting: list[str] = []  # ends of here-documents whose text begins at the next line
    heredoc = False
    while at < len(command):
        c = command[at]
        if c == "\\" and at + 1 < len(command):
            word += "" if command[at + 1] == "\n" else command[at + 1]
            at += 2
            continue
        if c in "'\"":
            end = at + 1
            while end < len(command) and command[end] != c:
                end += 2 if c == '"' and command[end] == "\\" else 1
            part = command[at + 1 : end]
            word += re.sub(r'\\(["\\$`])', r"\1", part) if c == '"' else part
            quoted, at = True, end + 1
            continue
        operator = _OPERATOR.match(command, at)
        if operator and operator[0][0].isdigit() and word:
            operator = None  # digits within a word are no file descriptor
        if c in " \t\r" or operator or (c == "#" and not word):
            if word or quoted:
                if heredoc:
                    waiting.append(word)
                heredoc = False
                yield "word", word
                word, quoted = "", False
            if c == "#":
                at = command.find("\n", at)
                at = len(command) if at < 0 else at
                continue
        if operator:
            yield "operator", operator[0]
            heredoc = operator[0].lstrip("0123456789") in ("<<", "<<-")
            at = operator.end()
            if operator[0] == "\n":
                for end_mark in waiting:
                    at = _past(command, at, end_mark)
                waiting = []
            continue
        if c not in " \t\r":
            word += c
        at += 1
    if word or quoted:
        yield "word", word


def _past(command: str, at: int, mark: str) -> int:
    """Where the line after a here-document's end begins."""
    while at < len(command):
        end = command.find("\n", at)
        end = len(command) if end < 0 else end
        if command[at:end].strip("\t") == mark:
            return end
        at = end + 1
    return len(command)
