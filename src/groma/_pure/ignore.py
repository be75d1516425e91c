"""Which files of a folder are not wanted: git's ignore rules, exactly, and groma's own on top.

Rules that may speak about a path, the strongest first; in each place the last matching line decides:

1. `.gromaignore` files, the deepest first. Same syntax; they also leave out tracked files and bring back what git
   ignores.
2. Whatever git tracks is wanted.
3. `.gitignore` files, the deepest first, then `info/exclude`, then the user's `core.excludesFile`.
4. A short list of folders that hold no source of the project (`JUNK`).

Below an ignored folder nothing can be brought back, but tracked files are still found. `.git` is never entered. A
nested repository is judged by its own git rules only, by its parent's `.gromaignore` files too. A folder that is named
as the root is always wanted, even where the rules above it ignore it; then those are set aside.

Names are bytes: `?` stands for one byte, as in git. It knows nothing of file contents, sizes or secrets; `walk` asks it
per entry.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import lru_cache

from .._shared import IGNORED, JUNK, JUNK_SOURCE, ONLY_TRACKED, RULE_FILES, WANTED, Index, Repository, Verdict
from ..values import value
from .git import (
    is_true,
    read_index,
    read_regular,
    repository,
    repository_at,
    user_folder,
    user_settings,
)

__all__ = [
    "IGNORED",
    "JUNK",
    "JUNK_SOURCE",
    "ONLY_TRACKED",
    "RULE_FILES",
    "WANTED",
    "Checkout",
    "Ground",
    "Patterns",
    "Verdict",
    "child",
    "compile_patterns",
    "enter",
    "explain",
    "fate",
    "last_match",
    "shown",
    "survey",
]

# ------------------------------------------------------------------------------------------------------------- patterns


WHOLE, END, START_AND_MORE, END_AND_MORE, ANYTHING = range(5)


@value
class Pattern:
    """One line of a rule file.

    `by_name` patterns see an entry's name, the others its path below the rule file's folder. `part` says what `key`
    tells of a match: it is that (WHOLE), it is all that ends with it (END), it begins or ends with it and must be tried
    (START_AND_MORE, END_AND_MORE), or `key` tells nothing (ANYTHING).
    """

    line: int
    text: bytes
    negated: bool
    folders_only: bool
    by_name: bool
    part: int
    key: bytes
    matches: Callable[[bytes], bool]


Patterns = tuple[Pattern, ...]
"""The patterns of one rule file, the last line first."""


@lru_cache(maxsize=1024)
def compile_patterns(data: bytes, fold: bool) -> Patterns:
    """The patterns of a rule file's bytes. With `fold` (core.ignoreCase) they want names and paths in lower case."""
    patterns: list[Pattern] = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line and not line.startswith(b"#"):
            pattern = _compile(_trimmed(line.removesuffix(b"\r").partition(b"\0")[0]), number, fold)
            if pattern:
                patterns.append(pattern)
    return tuple(reversed(patterns))


def last_match(patterns: Patterns, name: bytes, path: bytes, is_folder: bool) -> Pattern | None:
    """The pattern that decides about an entry; `path` is relative to the rule file's folder."""
    for pattern in patterns:
        if (is_folder or not pattern.folders_only) and pattern.matches(name if pattern.by_name else path):
            return pattern
    return None


def _trimmed(line: bytes) -> bytes:
    """`line` without its trailing blanks, but for one that a backslash protects."""
    kept = len(line.rstrip(b" "))
    backslashes = kept - len(line[:kept].rstrip(b"\\"))
    return line[: kept + 1] if backslashes % 2 else line[:kept]


_SPECIAL = re.compile(rb"[*?\[\\]")
_TAIL = re.compile(rb"[^*?\[\]\\]+\Z")


def _compile(text: bytes, line: int, fold: bool) -> Pattern | None:
    """One line as a pattern; None if it can match nothing.

    Nearly all real patterns are a plain name or have one `*`: those never become a regular expression, whose compiling
    would cost more than all its matching.
    """
    negated = text.startswith(b"!")
    body = text[1:] if negated else text
    folders_only = body.endswith(b"/")
    body = body.removesuffix(b"/")
    by_name = b"/" not in body
    body = body.removeprefix(b"/")
    if not by_name and (deep := re.match(rb"\*\*+/([^/]*)\Z", body)):
        by_name, body = True, deep[1]  # "**/name" is "name", said longer
    if not body:
        return None
    special = _SPECIAL.search(body)
    start = body[: special.start()] if special else body
    if fold:
        start = start.lower()
    if start:
        part, key = START_AND_MORE, start
    elif (tail := _TAIL.search(body)) and (end := tail[0].lstrip(b"/")):  # the slash of "**/a/b" may stand for nothing
        part, key = END_AND_MORE, end.lower() if fold else end
    else:
        part, key = ANYTHING, b""
    matches: Callable[[bytes], bool]
    if not special:
        part, matches = WHOLE, start.__eq__
    elif (star := re.fullmatch(rb"[^*?\[\\]*(\*+)([^*?\[\\]*)", body)) and (by_name or len(star[1]) == 1 or not star[2].startswith(b"/")):
        end = star[2].lower() if fold else star[2]
        crosses = by_name or (len(star[1]) > 1 and not end)
        matches = _one_star(start, end, crosses)
        if not start and crosses:
            part, key = END, end
    else:
        expression = _translate(body[len(start) :], not by_name, fold)
        if expression is None:
            return None
        matches = _lazy(re.escape(start) + expression)
    return Pattern(line, text, negated, folders_only, by_name, part, key, matches)


def _one_star(start: bytes, end: bytes, crosses: bool) -> Callable[[bytes], bool]:
    """`start*end`; the star stands for slashes too if it `crosses` (or sees names, which have none)."""
    if not start and crosses:
        return lambda text: text.endswith(end)
    least = len(start) + len(end)

    def matches(text: bytes) -> bool:
        return (
            text.startswith(start) and text.endswith(end) and len(text) >= least and (crosses or b"/" not in text[len(start) : len(text) - len(end)])
        )

    return matches


def _lazy(expression: bytes) -> Callable[[bytes], bool]:
    """A regular expression that is compiled when first asked: behind the sieve most never are."""
    compiled: list[re.Pattern[bytes]] = []

    def matches(text: bytes) -> bool:
        if not compiled:
            compiled.append(re.compile(expression, re.DOTALL))
        return compiled[0].fullmatch(text) is not None

    return matches


# ----------------------------------------------------------------------------------- git's globs as regular expressions


def _translate(glob: bytes, by_path: bool, fold: bool) -> bytes | None:
    """A glob as git reads it (its wildmatch), as a regular expression over bytes; None if it can match nothing.

    `glob` is what follows a pattern's literal beginning, which git compares by itself; so a `**` that stands first here
    counts as standing at a border, even in `foo**/bar`. With `by_path`, `*`, `?` and sets stop at slashes and `**`
    between borders does not.

    Stars followed by another star are atomic: what stands between two stars may always be taken at its first
    occurrence, because the second star can stand for whatever is then left. So no pattern backtracks more than
    quadratically, however many stars it has.
    """
    # For the beginning and each wide star: what stands for it, then the segments that plain stars part.
    blocks: list[tuple[bytes, list[list[bytes]]]] = [(b"", [[]])]
    place = 0
    while place < len(glob):
        character = glob[place : place + 1]
        segment = blocks[-1][1][-1]
        if character == b"*":
            after = place + 1
            while glob.startswith(b"*", after):
                after += 1
            at_border = place == 0 or glob[place - 1] == 0x2F
            if by_path and after - place > 1 and at_border and (after == len(glob) or glob.startswith((b"/", b"\\/"), after)):
                if glob[after : after + 1] == b"/":
                    blocks.append((b"(?:.*?/)??", [[]]))
                    after += 1
                else:
                    blocks.append((b".*?", [[]]))
            else:
                blocks[-1][1].append([])
            place = after
        elif character == b"[":
            found = _set(glob, place + 1, by_path, fold)
            if found is None:
                return None
            one, place = found
            segment.append(one)
        elif character == b"?":
            segment.append(b"[^/]" if by_path else b".")
            place += 1
        elif character == b"\\":
            escaped = glob[place + 1 : place + 2]
            if not escaped:
                return None
            segment.append(re.escape(escaped))  # not folded, as in git: under core.ignoreCase "\\A" matches nothing
            place += 2
        else:
            segment.append(re.escape(character.lower() if fold else character))
            place += 1
    star = b"[^/]*?" if by_path else b".*?"
    parts = []
    for number, (wide, segments) in enumerate(blocks):
        last_block = number == len(blocks) - 1
        block = [b"".join(segments[0])]
        for count, segment in enumerate(segments[1:], 2):
            text = star + b"".join(segment)
            block.append(text if last_block and count == len(segments) else b"(?>" + text + b")")
        text = wide + b"".join(block)
        parts.append(text if last_block or not wide else b"(?>" + text + b")")
    return b"".join(parts)


_CLASSES: dict[bytes, bytes] = {
    b"alnum": b"0-9A-Za-z",
    b"alpha": b"A-Za-z",
    b"blank": b" \t",
    b"cntrl": b"\\x00-\\x1f\\x7f",
    b"digit": b"0-9",
    b"graph": b"!-~",
    b"lower": b"a-z",
    b"print": b" -~",
    b"punct": b"!-/:-@\\[-`{-~",
    b"space": b" \\t\\n\\r",  # git's own idea: no form feed, no vertical tab
    b"upper": b"A-Z",
    b"xdigit": b"0-9A-Fa-f",
}


def _set(glob: bytes, place: int, by_path: bool, fold: bool) -> tuple[bytes, int] | None:
    """The set that begins after `[` at `place`, as an expression, and where it ends; None if it is malformed.

    A malformed set matches nothing in git, not even its own text. The oddities are git's: a first `]` is a member, `^`
    is `!`, and under core.ignoreCase only ranges and [:upper:] see a letter in both cases.
    """
    negated = glob[place : place + 1] in (b"!", b"^")
    if negated:
        place += 1
    members: set[int] = set()
    previous = 0
    first = True
    while True:
        if place >= len(glob):
            return None
        character = glob[place]
        if character == 0x5D and not first:
            break
        first = False
        if character == 0x5C:
            place += 1
            if place >= len(glob):
                return None
            previous = glob[place]
            members.add(previous)
        elif character == 0x2D and previous and place + 1 < len(glob) and glob[place + 1] != 0x5D:
            place += 1
            if glob[place] == 0x5C:
                place += 1
                if place >= len(glob):
                    return None
            span = range(previous, glob[place] + 1)
            members.update(span)
            if fold:
                members.update(lower for lower in range(0x61, 0x7B) if lower - 32 in span)
            previous = 0
        elif glob.startswith(b"[:", place):
            end = glob.find(b"]", place + 2)
            if end < 0:
                return None
            if end > place + 2 and glob[end - 1] == 0x3A:
                name = glob[place + 2 : end - 1]
                if name not in _CLASSES:
                    return None
                within = re.compile(b"[" + _CLASSES[b"alpha" if fold and name == b"upper" else name] + b"]")
                members.update(byte for byte in range(1, 256) if within.match(bytes((byte,))))
                previous = 0
                place = end
            else:
                members.add(0x5B)
                previous = 0x5B
        else:
            members.add(character)
            previous = character
        place += 1
    if negated:
        members = set(range(1, 256)) - members
    if by_path:
        members.discard(0x2F)
    if not members:
        return None
    return b"[" + b"".join(b"\\x%02x" % member for member in sorted(members)) + b"]", place + 1


# -------------------------------------------------------------------------------------------------- rules of one folder


def shown(path: bytes) -> str:
    """A path (or pattern) as text to be shown: bytes that are no UTF-8 become backslash escapes."""
    return path.decode("utf-8", "backslashreplace")


@value
class RuleFile:
    """A rule file in force: what it says, and for which folder (`base`, from the ground's origin)."""

    source: str
    base: bytes
    data: bytes


@value
class Hit:
    """The pattern that decides about an entry, whether it is groma's own (stronger than git's index), and its file."""

    pattern: Pattern
    own: bool
    source: str


class Rules:
    """All rule files in force in one folder. Shared by the folders below that add none.

    In front of them stands a sieve that answers "can any pattern match?" for all at once: whole names and paths, ends
    and beginnings are one look-up each, and only few patterns must be tried. It may say yes too often (it does not know
    folders from files), never too seldom. Nearly all entries end there.
    """

    __slots__ = ("_checks", "_name_sieve", "_path_sieve", "fold", "git", "own")

    def __init__(self, own: tuple[RuleFile, ...], git: tuple[RuleFile, ...], fold: bool) -> None:
        """`own` and `git` go from the weakest to the strongest."""
        self.own = own
        self.git = git
        self.fold = fold
        ranked = [(file, True) for file in reversed(own)]
        ranked += [(file, False) for file in (*reversed(git), _JUNK_FILE)]
        self._checks = [(compile_patterns(file.data, fold), file.base.lower() if fold else file.base, is_own, file.source) for file, is_own in ranked]
        everything = [(pattern, base) for patterns, base, *_ in self._checks for pattern in patterns]
        self._name_sieve = _sieve([(pattern, b"") for pattern, _ in everything if pattern.by_name])
        self._path_sieve = _sieve([(pattern, base) for pattern, base in everything if not pattern.by_name])

    def judge(self, name: bytes, path: bytes, is_folder: bool) -> Hit | None:
        """The pattern that decides about the entry `name` at `path` (from the ground's origin); None if none does."""
        if self.fold:
            name = name.lower()
            path = path.lower()
        if not (_may_match(name, self._name_sieve) or _may_match(path, self._path_sieve)):
            return None
        for patterns, base, own, source in self._checks:
            pattern = last_match(patterns, name, path[len(base) :], is_folder)
            if pattern is not None:
                return Hit(pattern, own, source)
        return None


Trials = list[tuple[int, Callable[[bytes], bool]]]
"""Patterns to be tried, each with how many bytes of a path lie before its rule file's folder."""

Sieve = tuple[frozenset[bytes], tuple[bytes, ...], tuple[bytes, ...], Trials, tuple[bytes, ...], Trials, Trials]
"""Wholes; ends; beginnings, and what to try after one; endings, and what to try before one; what to try always."""


def _sieve(patterns: list[tuple[Pattern, bytes]]) -> Sieve:
    """The sieve of patterns of many rule files, each with its file's folder."""

    def of(part: int) -> list[tuple[Pattern, bytes]]:
        return [(pattern, base) for pattern, base in patterns if pattern.part == part]

    def trials(part: int) -> Trials:
        return [(len(base), pattern.matches) for pattern, base in of(part)]

    return (
        frozenset(base + pattern.key for pattern, base in of(WHOLE)),
        tuple({pattern.key: None for pattern, _ in of(END)}),
        tuple({base + pattern.key: None for pattern, base in of(START_AND_MORE)}),
        trials(START_AND_MORE),
        tuple({pattern.key: None for pattern, _ in of(END_AND_MORE)}),
        trials(END_AND_MORE),
        trials(ANYTHING),
    )


def _may_match(text: bytes, sieve: Sieve) -> bool:
    wholes, ends, starts, after, endings, before, always = sieve
    return (
        text in wholes
        or text.endswith(ends)
        or (text.startswith(starts) and any(matches(text[cut:]) for cut, matches in after))
        or (text.endswith(endings) and any(matches(text[cut:]) for cut, matches in before))
        or (bool(always) and any(matches(text[cut:]) for cut, matches in always))
    )


_JUNK_FILE = RuleFile(JUNK_SOURCE, b"", b"\n".join(JUNK))


# ----------------------------------------------------------------------------------------------------------- the ground


@value
class Checkout:
    """A repository whose work tree is walked. `origin` is how long its top's path is; `rows`: path → index row."""

    repository: Repository
    index: Index
    rows: Mapping[bytes, int]
    paths: list[bytes]
    origin: int

    def holds_below(self, path: bytes) -> bool:
        """Whether anything below the folder `path` (from the ground's origin, ending in a slash) is tracked."""
        path = path[self.origin :]
        low, high = 0, len(self.paths)
        while low < high:
            middle = (low + high) // 2
            if self.paths[middle] < path:
                low = middle + 1
            else:
                high = middle
        return low < len(self.paths) and self.paths[low].startswith(path)


@value
class Ground:
    """One folder of a walk and all that is in force in it.

    `folder` is its real path, ending in a slash. `path` is its path from the origin: the top of the work tree that the
    walk's root lies in, or the root itself where there is none; "" or ending in a slash. The first `lead` bytes of it
    lead to the root.
    """

    folder: bytes
    path: bytes
    lead: int
    rules: Rules
    checkout: Checkout | None
    only_tracked: bool
    user: Mapping[str, str]


def survey(root: str) -> Ground:
    """The ground at `root`, with all that is in force from above; `enter` then adds what lies in the folder itself."""
    user = user_settings()
    folder = os.path.realpath(root)
    found = repository(folder)
    if found is None:
        return Ground(_slashed(folder), b"", 0, Rules((), _user_rules(user, folder), _folds(user)), None, False, user)
    top = Ground(_slashed(found.top), b"", 0, Rules((), (), False), None, False, user)
    ground = _in_checkout(top, found)
    below = os.path.relpath(folder, found.top)
    names = [] if below == "." else [os.fsencode(name) for name in below.split(os.sep)]
    ignored = False
    for name in names:
        ground = _with_rule_files(ground, RULE_FILES, len(b"/".join(names)) + 1)
        hit = ground.rules.judge(name, ground.path + name, True)
        ignored |= hit is not None and not hit.pattern.negated and hit.source != JUNK_SOURCE
        ground = replace(ground, folder=ground.folder + name + b"/", path=ground.path + name + b"/")
    rules = ground.rules
    if ignored:
        rules = Rules((), _user_rules(user, found.top), _folds({**user, **found.settings}))
    return replace(ground, lead=len(ground.path), rules=rules)


def enter(ground: Ground, present: AbstractSet[bytes]) -> Ground:
    """`ground` with the rules that lie in the folder itself; `present` are those names of RULE_FILES that it holds."""
    if b".git" in present and not (ground.checkout and len(ground.path) == ground.checkout.origin):
        found = repository_at(os.fsdecode(ground.folder[:-1]) or "/")
        if found is not None:
            ground = _in_checkout(ground, found)
    return _with_rule_files(ground, present, ground.lead)


def child(ground: Ground, name: bytes, only_tracked: bool) -> Ground:
    """The ground of a folder below; `enter` it before use."""
    return Ground(
        ground.folder + name + b"/",
        ground.path + name + b"/",
        ground.lead,
        ground.rules,
        ground.checkout,
        only_tracked,
        ground.user,
    )


def _slashed(folder: str) -> bytes:
    return os.fsencode(folder).removesuffix(b"/") + b"/"


def _folds(settings: Mapping[str, str]) -> bool:
    return is_true(settings.get("core.ignorecase", "false"))


def _in_checkout(ground: Ground, found: Repository) -> Ground:
    """The ground at the top of a repository: its index, and its git rules in place of those from around it."""
    index = read_index(found)
    rows = {path: row for row, path in enumerate(index.paths)}
    settings = {**ground.user, **found.settings}
    git = list(_user_rules(settings, found.top))
    exclude = os.path.join(found.common_dir, "info", "exclude")
    if content := read_regular(exclude):
        git.append(RuleFile(exclude, ground.path, content[0]))
    checkout = Checkout(found, index, rows, sorted(index.paths), len(ground.path))  # git wrote them sorted; one who did not is put right
    return replace(ground, rules=Rules(ground.rules.own, tuple(git), _folds(settings)), checkout=checkout, only_tracked=False)


def _user_rules(settings: Mapping[str, str], top: str) -> tuple[RuleFile, ...]:
    """The user's own ignore file: core.excludesFile, by default `ignore` in `user_folder()`."""
    path = settings.get("core.excludesfile")
    path = os.path.join(user_folder(), "ignore") if path is None else os.path.join(top, os.path.expanduser(path))
    content = read_regular(path)
    return (RuleFile(path, b"", content[0]),) if content else ()


def _with_rule_files(ground: Ground, present: AbstractSet[bytes], lead: int) -> Ground:
    """`ground` with its folder's `.gitignore` and `.gromaignore`, where they are `present`.

    Links are not followed, as in git: a repository must not make us read files from elsewhere.
    """
    own, git = ground.rules.own, ground.rules.git
    # Below an ignored folder git reads no rules; ours may still leave out what is tracked there.
    for name in (b".gromaignore",) if ground.only_tracked else (b".gitignore", b".gromaignore"):
        content = read_regular(ground.folder + name, follow=False) if name in present else None
        if content:
            inside = len(ground.path) >= lead
            source = shown((ground.path[lead:] if inside else ground.folder) + name)
            if name == b".gitignore":
                git += (RuleFile(source, ground.path, content[0]),)
            else:
                own += (RuleFile(source, ground.path, content[0]),)
    if own is ground.rules.own and git is ground.rules.git:
        return ground
    return replace(ground, rules=Rules(own, git, ground.rules.fold))


def fate(ground: Ground, name: bytes, path: bytes, is_folder: bool) -> int:
    """What becomes of the entry `name` of a folder; `path` is its path from the ground's origin.

    WANTED; IGNORED; or ONLY_TRACKED: an ignored folder that is entered for the tracked files in it.
    """
    hit = ground.rules.judge(name, path, is_folder)
    if hit is None or hit.pattern.negated:
        if not ground.only_tracked:
            return WANTED
    elif hit.own:
        return IGNORED
    checkout = ground.checkout
    if checkout is None:
        return IGNORED
    if path[checkout.origin :] in checkout.rows:  # for a folder: a submodule
        return WANTED
    return ONLY_TRACKED if is_folder and checkout.holds_below(path + b"/") else IGNORED


# -------------------------------------------------------------------------------------------------------------- explain


def explain(root: str, path: str) -> Verdict:
    """Whether `walk(root)` passes over `path`, and the rule that says so. `path` need not exist; a slash at its end
    makes it a folder.

    `path` is absolute or relative to `root`. Raises ValueError if it does not lie below `root`.
    """
    folder = os.path.realpath(root)
    target = os.path.join(folder, path)
    # Only what is above the last name is resolved: a link is an entry of its own.
    target = os.path.join(os.path.realpath(os.path.dirname(target.rstrip(os.sep))), os.path.basename(target.rstrip(os.sep)))
    below = os.path.relpath(target, folder)
    names = [os.fsencode(name) for name in below.split(os.sep)]
    if names[0] == b".." or below == ".":
        raise ValueError(f"{path} does not lie below {root}")
    ground = survey(root)
    last = len(names) - 1
    deciding: Hit | None = None
    matched = b""
    tracked = False
    for place, name in enumerate(names):
        ground = enter(ground, {special for special in RULE_FILES if os.path.lexists(ground.folder + special)})
        entry = ground.path + name
        is_folder = place < last or path.endswith("/") or (os.path.isdir(target) and not os.path.islink(target))
        if name == b".git":
            return Verdict(below, True, False, JUNK_SOURCE, 0, ".git", shown(entry[ground.lead :]))
        tracked = ground.checkout is not None and entry[ground.checkout.origin :] in ground.checkout.rows
        hit = ground.rules.judge(name, entry, is_folder)
        if not ground.only_tracked or (hit is not None and hit.own and not hit.pattern.negated):
            deciding, matched = hit, entry
        what = fate(ground, name, entry, is_folder)
        if what == IGNORED or place == last:
            break
        ground = child(ground, name, what == ONLY_TRACKED)
    return Verdict(
        below,
        what == IGNORED,
        tracked,
        deciding.source if deciding else None,
        deciding.pattern.line if deciding else 0,
        shown(deciding.pattern.text) if deciding else "",
        shown(matched[ground.lead :]) if deciding else "",
    )
