"""Ignore rules against git itself: a table with what git documents, then random patterns and trees."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groma._pure import ignore
from groma._pure.ignore import IGNORED, ONLY_TRACKED, RULE_FILES, Verdict, explain
from groma._pure.ignore import Ground as PlainGround
from groma._pure.walk import walk
from tests.pure.cores import CORES, take

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git to compare with")


@pytest.fixture(scope="module", params=CORES, autouse=True)
def core(request: pytest.FixtureRequest) -> Iterator[str]:
    """The core that the names of this file are from."""
    yield from take(sys.modules[__name__], request.param, ignore="ignore.", explain="ignore", walk="walk")


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder of our own: the user's git settings must not decide."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(folder))
        patch.delenv("XDG_CONFIG_HOME", raising=False)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield folder


@pytest.fixture(scope="module")
def memory_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where there is such a place: trees come and go here by the dozen."""
    place = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path_factory.mktemp("place"))
    yield Path(place)
    shutil.rmtree(place)


def git(folder: Path, *arguments: str, feed: bytes | None = None, codes: tuple[int, ...] = (0,)) -> bytes:
    done = subprocess.run(["git", "-C", str(folder), *arguments], input=feed, capture_output=True)
    assert done.returncode in codes, done.stderr
    return done.stdout


def write(path: Path, content: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def git_says(folder: Path, paths: list[bytes], *options: str) -> dict[bytes, tuple[bytes, int, bytes] | None]:
    """Per path the (source, line, pattern) that decides in git, None if no pattern speaks of it."""
    feed = b"".join(path + b"\0" for path in paths)
    out = git(folder, *options, "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n", feed=feed, codes=(0, 1))
    fields = out.split(b"\0")[:-1]
    return {fields[i + 3]: (fields[i], int(fields[i + 1]), fields[i + 2]) if fields[i] else None for i in range(0, len(fields), 4)}


def we_say(folder: Path, paths: list[bytes]) -> dict[bytes, tuple[bytes, int, bytes] | None]:
    """The same from our rules, for many paths at once."""
    grounds: dict[bytes, ignore.Ground] = {}

    def ground_of(parent: bytes) -> ignore.Ground:
        if parent not in grounds:
            above, _, name = parent[:-1].rpartition(b"/")
            ground = ignore.child(ground_of(above + b"/" if above else b""), name, False) if parent else ignore.survey(str(folder))
            grounds[parent] = ignore.enter(ground, {name for name in RULE_FILES if os.path.lexists(ground.folder + name)})
        return grounds[parent]

    def decide(path: bytes) -> Decided | None:
        parent, _, name = path.rpartition(b"/")
        if parent and parent not in hits:
            hits[parent] = decide(parent)
        above = hits.get(parent)
        if above and not above[3]:
            return above
        is_folder = os.path.isdir(os.fsencode(folder) + b"/" + path)
        return judged(ground_of(parent + b"/" if parent else b""), name, path, is_folder)

    hits: dict[bytes, Decided | None] = {}
    found: dict[bytes, tuple[bytes, int, bytes] | None] = {}
    for path in paths:
        hit = hits[path] = decide(path)
        found[path] = (os.fsencode(hit[0]), hit[1], hit[2]) if hit else None
    return found


Decided = tuple[str, int, bytes, bool]
"""Source, line and text of a pattern, and whether it is negated."""


def judged(ground: ignore.Ground, name: bytes, path: bytes, is_folder: bool) -> Decided | None:
    if not isinstance(ground, PlainGround):
        hit = ground.judge(name, path, is_folder)
        return hit and hit[:4]
    plain = ground.rules.judge(name, path, is_folder)
    return (plain.source, plain.pattern.line, plain.pattern.text, plain.pattern.negated) if plain else None


# (rule file, path in a folder beside it; a slash at its end makes it a folder, ignored?)
TABLE = [
    # blank lines, comments, escapes of the first character
    ("\n\n", "a", False),
    ("# a\n", "a", False),
    ("#a\n", "#a", False),
    ("\\#a\n", "#a", True),
    ("!a\n", "a", False),
    ("\\!a\n", "!a", True),
    ("a\n!a\n", "a", False),
    ("!a\na\n", "a", True),
    ("*.o\n!keep.o\n", "keep.o", False),
    ("*.o\n!keep.o\n", "x/keep.o", False),
    # spaces at the end
    ("a   \n", "a", True),
    ("a   \n", "a ", False),
    ("a\\ \n", "a ", True),
    ("a\\  \n", "a ", True),
    ("a\\\\ \n", "a\\", True),
    ("a\t\n", "a", False),
    ("a\t\n", "a\t", True),
    (" a\n", " a", True),
    (" a\n", "a", False),
    # line ends, no line end, byte order mark
    ("a\r\n", "a", True),
    ("a\r\r\n", "a\r", True),
    ("a", "a", True),
    ("a\r", "a", True),
    ("\ufeffa\n", "a", True),
    ("b\n\ufeffa\n", "a", False),
    # names and anchors
    ("a\n", "x/y/a", True),
    ("a\n", "x/ya", False),
    ("/a\n", "a", True),
    ("/a\n", "x/a", False),
    ("x/a\n", "x/a", True),
    ("x/a\n", "y/x/a", False),
    ("/x/a\n", "x/a", True),
    ("//a\n", "a", False),
    ("/\n", "a", False),
    # folders
    ("a/\n", "a", False),
    ("a/\n", "a/", True),
    ("a/\n", "a/b/c", True),
    ("a/\n", "x/a/b", True),
    ("/a/\n", "x/a/b", False),
    ("x/a/\n", "x/a/b", True),
    ("x/a/\n", "y/x/a/b", False),
    ("a//\n", "a/", False),
    ("a/\n!a/b\n", "a/b", True),
    ("a/*\n!a/b\n", "a/b", False),
    ("a/**\n!a/b/\n", "a/b/c", True),
    ("a/**\n!a/**/\n!a/b/c\n", "a/b/c", False),
    ("/*\n!/a\n/a/*\n!/a/b\n", "a/b/c", False),
    ("/*\n!/a\n/a/*\n!/a/b\n", "a/c", True),
    ("*\n!*/\n!*.c\n", "x/y.c", False),
    ("*\n!*/\n!*.c\n", "x/y.o", True),
    # * and ?
    ("*.c\n", "x/y.c", True),
    ("*.c\n", ".c", True),
    ("a*c\n", "ac", True),
    ("a*c\n", "abbc", True),
    ("a*c\n", "a/c", False),
    ("a*a\n", "a", False),
    ("x/*.c\n", "x/y.c", True),
    ("x/*.c\n", "x/y/z.c", False),
    ("/*.c\n", "x/y.c", False),
    ("*/a\n", "x/a", True),
    ("*/a\n", "a", False),
    ("*/a\n", "x/y/a", False),
    ("?.c\n", "a.c", True),
    ("?.c\n", ".c", False),
    ("?.c\n", "é.c", False),
    ("??.c\n", "é.c", True),
    ("x?a\n", "x/a", False),
    ("*]\n", "a]", True),
    ("*b]c\n", "ac", False),
    ("a*b]c\n", "axb]c", True),
    ("a*b]c\n", "axc", False),
    ("[ab]b]c\n", "ab]c", True),
    ("x/*b]c\n", "x/ac", False),
    ("*a*b*c*\n", "xaybzc", True),
    ("*a*b*c*\n", "xbyazc", False),
    # **
    ("**/a\n", "a", True),
    ("**/a\n", "x/y/a", True),
    ("**/x/a\n", "x/a", True),
    ("**/x/a\n", "y/z/x/a", True),
    ("**/x/a\n", "yx/a", False),
    ("a/**\n", "a/", False),
    ("a/**\n", "a/b/c", True),
    ("a/**/b\n", "a/b", True),
    ("a/**/b\n", "a/x/y/b", True),
    ("a/**/b\n", "a/xb", False),
    ("a/***/b\n", "a/x/b", True),
    ("a/**b\n", "a/xb", True),
    ("a/**b\n", "a/x/b", False),
    ("a**b\n", "axxb", True),
    ("a**/b\n", "ax/b", True),
    ("a**/b\n", "ax/y/b", True),
    ("x/a**/b\n", "x/ay/z/b", True),
    ("x[y]/a**/b\n", "xy/ay/z/b", False),
    ("**\n", "x/a", True),
    ("**/\n", "a", False),
    ("**/\n", "x/a", True),
    ("**/*.c\n", "x/y.c", True),
    ("x/**/*.c\n", "x/y/z.c", True),
    ("**/a/**/b/**/c\n", "x/a/y/b/z/b/c", True),
    ("**\\/a\n", "x/a", True),
    ("**\\/a\n", "a", False),
    # sets
    ("[ab]\n", "b", True),
    ("[ab]\n", "[ab]", False),
    ("[!ab]\n", "b", False),
    ("[!ab]\n", "c", True),
    ("[^ab]\n", "c", True),
    ("[a-c]x\n", "bx", True),
    ("[c-a]x\n", "bx", False),
    ("[a-]\n", "-", True),
    ("[]a]\n", "]", True),
    ("[!]a]\n", "]", False),
    ("[]-a]\n", "^", True),
    ("[\\]]\n", "]", True),
    ("[\\-x]\n", "-", True),
    ("[a-e-n]\n", "j", False),
    ("a[--0]\n", "a.", True),
    ("[a\n", "[a", False),
    ("a[\n", "a[", False),
    ("[]\n", "[]", False),
    ("x[/]a\n", "x/a", False),
    ("x[!a]a\n", "x/a", False),
    ("*.py[cod]\n", "a.pyc", True),
    ("*.py[cod]\n", "a.py", False),
    ("[[:alpha:]]x\n", "qx", True),
    ("[[:digit:][:upper:]]\n", "Q", True),
    ("[![:space:]]\n", " ", False),
    ("[[:space:]]\n", "\v", False),
    ("[[:nothing:]]\n", ":", False),
    ("[[:digit]9]\n", ":9]", True),
    ("[[::]a]\n", "a]", False),
    # backslashes
    ("\\a\\b\n", "ab", True),
    ("a\\*\n", "a*", True),
    ("a\\*\n", "ab", False),
    ("a\\?\n", "ab", False),
    ("a\\\\b\n", "a\\b", True),
    ("a\\\n", "a\\", False),
    ("\\[a]\n", "[a]", True),
    ("a\\/b\n", "a/b", True),
    # odd names
    ("a\nb\n", "a\nb", False),
    ("*b\n", "a\nb", True),
    ('"a"\n', '"a"', True),
]


def test_the_table_holds_and_git_agrees(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    expected = {}
    for number, (rules, path, ignored) in enumerate(TABLE):
        case = tmp_path / f"case{number}"
        write(case / ".gitignore", rules.encode())
        target = case / path.rstrip("/")
        if path.endswith("/"):
            target.mkdir(parents=True)
        else:
            write(target)
        expected[f"case{number}/{path}".rstrip("/").encode()] = ignored
    git_verdicts = git_says(tmp_path, list(expected))
    for path, ignored in expected.items():
        rule = git_verdicts[path]
        case = TABLE[int(path.split(b"/")[0].removeprefix(b"case"))]
        assert (rule is not None and not rule[2].startswith(b"!")) == ignored, f"the table itself is wrong: {case}"
        ours = explain(str(tmp_path), os.fsdecode(path))
        assert ours.ignored == ignored, case
        if rule:
            assert (ours.source, ours.line, ours.pattern) == (rule[0].decode(), rule[1], os.fsdecode(rule[2])), case
        else:
            assert ours.source is None, case


def test_the_table_holds_at_the_top_too(tmp_path: Path) -> None:
    """Where a path has no folder before it, "**/" stands for nothing at all."""
    git(tmp_path, "init", "-q")
    for rules, path, ignored in TABLE:
        write(tmp_path / ".gitignore", rules.encode())
        assert explain(str(tmp_path), path).ignored == ignored, (rules, path)
    write(tmp_path / ".gitignore", "**/x/a\n**/**/c\n**/?/\n")
    (tmp_path / "d/e").mkdir(parents=True)
    paths = [b"x/a", b"c", b"d", b"d/e", b"x/b"]
    write(tmp_path / "x/a"), write(tmp_path / "c"), write(tmp_path / "x/b")
    assert we_say(tmp_path, paths) == git_says(tmp_path, paths)


def test_every_byte_in_every_character_class(tmp_path: Path) -> None:
    names = [bytes((byte,)) for byte in range(1, 256) if byte not in b"/.\n"]
    classes = [
        "alnum",
        "alpha",
        "blank",
        "cntrl",
        "digit",
        "graph",
        "lower",
        "print",
        "punct",
        "space",
        "upper",
        "xdigit",
    ]
    for fold in ("false", "true"):
        repo = tmp_path / fold
        for kind in classes:
            write(repo / kind / ".gitignore", f"x[[:{kind}:]]\n")
        for count, odd in enumerate((b"x[!b-d]", b"x[B-d]", b"x[Z-b]", b"X[A]", b"x\\A", b"x[^[:upper:]]", b"x[\x80-\xf0]")):
            write(repo / f"odd{count}" / ".gitignore", odd)
        git(repo, "init", "-q")
        git(repo, "config", "core.ignoreCase", fold)
        folders = [os.fsencode(folder) for folder in os.listdir(repo) if folder != ".git"]
        paths = [folder + b"/x" + name for folder in folders for name in names]
        assert we_say(repo, paths) == git_says(repo, paths)


PIECES = [
    b"a",
    b"b",
    b"A",
    b"ab",
    b".c",
    b"*",
    b"**",
    b"?",
    b"/",
    b"/",
    b"**/",
    b"/**",
    b"[ab]",
    b"[!a]",
    b"[A-b]",
    b"[[:alpha:]]",
]
PIECES += [
    b"[[:upper:]]",
    b"[",
    b"]",
    b"\\",
    b"\\*",
    b"\\A",
    b"!",
    b"#",
    b" ",
    b"-",
    b"^",
    b"\xc3\xa9",
    b"\xff",
    b"\r",
    b"\0",
    b"[]",
    b"[/]",
]
LINE = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map(b"".join)
LINE = st.one_of(LINE, LINE.map(lambda line: b"!" + line), LINE.map(lambda line: line + b"/"))
RULES = st.lists(LINE, min_size=1, max_size=5).map(b"\n".join)
NAMES = [
    b"a",
    b"b",
    b"A",
    b"ab",
    b"aB",
    b"a.c",
    b".c",
    b"a b",
    b"a ",
    b"a*",
    b"[ab]",
    b"\\",
    b"a\\",
    b"!a",
    b"#a",
    b"\xc3\xa9",
    b"\xff",
    b"-",
]
BELOW = [b"", b"a/", b"b/", b"ab/", b"a/a/", b"a/b/", b"b/a/", b"A/a/", b"a/b/a/", b"a/ab/b/", b"a*/a/"]


@pytest.fixture(scope="module")
def patterned(memory_place: Path) -> tuple[dict[str, Path], list[bytes]]:
    """A tree of odd names in two repositories, one that minds case and one that does not."""
    repositories = {}
    paths = []
    for fold in ("false", "true"):
        repo = memory_place / f"patterned-{fold}"
        repo.mkdir()
        git(repo, "init", "-q")
        git(repo, "config", "core.ignoreCase", fold)
        os.remove(repo / ".git/info/exclude")
        repositories[fold] = repo
        for folder in BELOW:
            os.makedirs(os.fsencode(repo) + b"/" + folder, exist_ok=True)
        paths = sorted({folder + name for folder in BELOW for name in NAMES})
        for path in paths:
            Path(os.fsdecode(os.fsencode(repo) + b"/" + path)).touch()
    return repositories, paths


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(top=RULES, nested=RULES, exclude=RULES, fold=st.sampled_from(["false", "true"]))
def test_random_patterns_decide_as_in_git(patterned, top: bytes, nested: bytes, exclude: bytes, fold: str) -> None:
    repositories, paths = patterned
    repo = repositories[fold]
    write(repo / ".gitignore", top)
    write(repo / "a" / ".gitignore", nested)
    write(repo / ".git/info/exclude", exclude)
    theirs = git_says(repo, paths)
    ours = we_say(repo, paths)
    exclude_file = os.fsencode(repo) + b"/.git/info/exclude"
    for path in paths:
        if ours[path] and ours[path][0] == exclude_file:
            ours[path] = (b".git/info/exclude", *ours[path][1:])
        if theirs[path] is None or ours[path] is None:
            assert ours[path] == theirs[path], (path, top, nested, exclude)
        else:
            # git shows a pattern as it stood, up to a NUL and without blanks at its end: so do we
            assert ours[path] == theirs[path], (path, top, nested, exclude)


FOLDER_NAMES = st.sampled_from(["a", "b", "ab", "x.d"])
FILE_NAMES = st.sampled_from(["a", "b.c", "b.o", "c", "keep.o", "é", "new\nline"])
TREE = st.dictionaries(st.tuples(st.lists(FOLDER_NAMES, max_size=3).map("/".join), FILE_NAMES), st.booleans(), min_size=3, max_size=14)
TREE_LINE = st.sampled_from(
    [
        "*.o",
        "!keep.o",
        "a",
        "a/",
        "/a",
        "/b/",
        "b/*",
        "!b/a",
        "*",
        "!*/",
        "!*.c",
        "**/a",
        "a/**/c",
        "x.d/",
        "!x.d/",
        "ab/**",
        "é",
        "new*",
        "?",
    ]
)
TREE_RULES = st.lists(TREE_LINE, max_size=4).map("\n".join)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    tree=TREE,
    rules=st.dictionaries(st.sampled_from(["", "a", "a/b", "ab", "b"]), TREE_RULES, max_size=3),
    exclude=TREE_RULES,
)
def test_random_trees_list_as_git_lists_them(memory_place: Path, tree: dict[tuple[str, str], bool], rules: dict[str, str], exclude: str) -> None:
    repo = memory_place / "random-tree"
    shutil.rmtree(repo, ignore_errors=True)
    repo.mkdir()
    git(repo, "init", "-q")
    write(repo / ".git/info/exclude", exclude)
    tracked = []
    for (folder, name), is_tracked in tree.items():
        path = repo / folder / name
        if path.is_dir() or any(parent.is_file() for parent in path.parents):
            continue
        write(path)
        if is_tracked:
            tracked.append(str(path.relative_to(repo)))
    for folder, text in rules.items():
        if not any(parent.is_file() for parent in ((repo / folder), *(repo / folder).parents)):
            write(repo / folder / ".gitignore", text)
    if tracked:
        git(repo, "add", "-f", "--", *tracked)
    listed = git(repo, "ls-files", "-coz", "--exclude-standard").decode().split("\0")[:-1]
    assert walk(str(repo), None, max_file_bytes=1_000_000).paths == sorted(set(listed), key=str.encode)
    for path in {str(path.relative_to(repo)) for path in repo.rglob("*") if path.is_file() and ".git" not in path.parts}:
        assert explain(str(repo), path).ignored == (path not in listed), path


# ------------------------------------------------------------------------------------------------ where rules come from


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q")
    return folder


def listed(folder: Path) -> list[str]:
    return walk(str(folder), None, max_file_bytes=1_000_000).paths


def git_lists(folder: Path) -> list[str]:
    return sorted(set(git(folder, "ls-files", "-coz", "--exclude-standard").decode().split("\0")[:-1]), key=str.encode)


def test_the_users_excludes_file_by_default_and_by_setting(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"  # the module's own would keep for the second core what is written here for the first
    monkeypatch.setenv("HOME", str(home))
    for name in ("a.1", "a.2", "a.3", "a.4", "a.5"):
        write(repo / name)
    write(home / ".config/git/ignore", "*.1\n")
    assert listed(repo) == git_lists(repo) == ["a.2", "a.3", "a.4", "a.5"]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    write(home / "xdg/git/ignore", "*.2\n")
    assert listed(repo) == git_lists(repo) == ["a.1", "a.3", "a.4", "a.5"]
    write(home / "xdg/git/config", '[core]\n\texcludesFile = "~/mine" ; not yours\n')
    write(home / "mine", "*.3\n")
    assert listed(repo) == git_lists(repo) == ["a.1", "a.2", "a.4", "a.5"]
    write(home / ".gitconfig", "[include]\n\tpath = more\n[core]\n\tignorecase = false\n")
    write(home / "more", "[core]\nexcludesfile = ~/fourth\n")
    write(home / "fourth", "*.4\n")
    assert listed(repo) == git_lists(repo) == ["a.1", "a.2", "a.3", "a.5"]
    assert explain(str(repo), "a.4") == Verdict("a.4", True, False, str(home / "fourth"), 1, "*.4", "a.4")
    git(repo, "config", "core.excludesFile", "own")
    write(repo / "own", "*.5\n")
    assert listed(repo) == git_lists(repo) == ["a.1", "a.2", "a.3", "a.4", "own"]
    git(repo, "config", "core.excludesFile", "")
    assert listed(repo) == git_lists(repo) == ["a.1", "a.2", "a.3", "a.4", "a.5", "own"]
    shutil.rmtree(home / ".config"), (home / ".gitconfig").unlink()


def test_precedence_goes_from_the_nearest_file_to_the_users(repo: Path, home: Path) -> None:
    git(repo, "config", "core.excludesFile", str(repo / "../users"))
    write(repo / "../users", "a\nb\nc\nd\n")
    write(repo / ".git/info/exclude", "!b\n!c\n!d\n")
    write(repo / ".gitignore", "c\nd\n")
    write(repo / "x/.gitignore", "!d\n")
    for name in "abcd":
        write(repo / "x" / name)
    assert [path for path in listed(repo) if path.startswith("x/") and path[2] != "."] == ["x/b", "x/d"]
    assert listed(repo) == git_lists(repo)


def test_rules_of_folders_above_the_root(repo: Path) -> None:
    write(repo / ".gitignore", "*.o\n/sub/anchored\nsub/deep/*.x\n")
    write(repo / "sub/.gitignore", "!keep.o\n")
    for name in ("a.o", "keep.o", "anchored", "deep/a.x", "deep/a.c", "deep/anchored"):
        write(repo / "sub" / name)
    assert listed(repo / "sub") == git_lists(repo / "sub") == [".gitignore", "deep/a.c", "deep/anchored", "keep.o"]
    assert listed(repo / "sub/deep") == git_lists(repo / "sub/deep") == ["a.c", "anchored"]
    assert explain(str(repo / "sub/deep"), "a.x") == Verdict("a.x", True, False, str(repo / ".gitignore"), 3, "sub/deep/*.x", "a.x")


def test_a_root_that_is_itself_ignored_is_wanted_all_the_same(repo: Path) -> None:
    write(repo / ".gitignore", "/cache/**\n*.log\n")
    write(repo / "cache/corpus/.gitignore", "*.o\n")
    for name in ("a.py", "a.o", "b.log"):
        write(repo / "cache/corpus" / name)
    assert listed(repo) == [".gitignore"]
    assert listed(repo / "cache/corpus") == [".gitignore", "a.py", "b.log"]


def test_gitignore_files_count_without_git_too(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "*.o\nbuild/\n")
    write(tmp_path / "x/.gitignore", "!a.o\n")
    for name in ("a.o", "a.c", "build/a.c", "x/a.o", "x/b.o"):
        write(tmp_path / name)
    assert listed(tmp_path) == [".gitignore", "a.c", "x/.gitignore", "x/a.o"]


def test_a_linked_or_odd_rule_file_is_not_read(repo: Path) -> None:
    write(repo / "rules", "*.o\n")
    write(repo / "a.o")
    (repo / ".gitignore").symlink_to("rules")
    assert "a.o" in listed(repo)
    (repo / ".gitignore").unlink()
    os.mkfifo(repo / ".gitignore")  # would block a plain open
    (repo / ".gromaignore").mkdir()
    os.remove(repo / ".git/info/exclude")
    os.mkfifo(repo / ".git/info/exclude")
    assert listed(repo) == ["a.o", "rules"]


def test_a_rule_file_that_git_would_not_read_for_its_size_is_not_read(repo: Path) -> None:
    write(repo / "a")
    write(repo / ".gitignore", "a\n")
    os.truncate(repo / ".gitignore", 100 << 20)
    assert explain(str(repo), "a").ignored
    os.truncate(repo / ".gitignore", (100 << 20) + 1)
    assert not explain(str(repo), "a").ignored


def test_tracked_files_are_found_below_ignored_folders(repo: Path) -> None:
    write(repo / ".gitignore", "out/\n*.o\n")
    for name in ("out/kept/a.c", "out/kept/b.c", "out/other/c.c", "d.o", "e.o"):
        write(repo / name)
    git(repo, "add", "-f", "out/kept/a.c", "d.o")
    assert listed(repo) == git_lists(repo) == [".gitignore", "d.o", "out/kept/a.c"]
    assert explain(str(repo), "out/kept/a.c") == Verdict("out/kept/a.c", False, True, ".gitignore", 1, "out/", "out")
    assert explain(str(repo), "out/kept/b.c") == Verdict("out/kept/b.c", True, False, ".gitignore", 1, "out/", "out")


# ---------------------------------------------------------------------------------------------------- groma's own rules


def test_gromaignore_leaves_out_what_is_tracked_and_brings_back_what_git_ignores(repo: Path) -> None:
    write(repo / ".gitignore", "*.log\ngenerated/\n")
    write(repo / ".gromaignore", "fixtures/\n!keep.log\n!generated/\n")
    write(repo / "sub/.gromaignore", "fixtures\n!fixtures/\n*.sql\n")
    for name in ("a.py", "fixtures/big.py", "x.log", "keep.log", "generated/g.py", "sub/fixtures/f.py", "sub/s.sql"):
        write(repo / name)
    git(repo, "add", "-f", "a.py", "fixtures/big.py", "sub/s.sql")
    assert listed(repo) == [
        ".gitignore",
        ".gromaignore",
        "a.py",
        "generated/g.py",
        "keep.log",
        "sub/.gromaignore",
        "sub/fixtures/f.py",
    ]
    assert explain(str(repo), "sub/s.sql") == Verdict("sub/s.sql", True, True, "sub/.gromaignore", 3, "*.sql", "sub/s.sql")
    assert explain(str(repo), "generated/g.py").ignored is False
    assert explain(str(repo), "keep.log").pattern == "!keep.log"


def test_gromaignore_speaks_below_ignored_folders_only_to_leave_out(repo: Path) -> None:
    write(repo / ".gitignore", "vendor/\n")
    for name in ("vendor/a.py", "vendor/b.gen.py", "vendor/c.py"):
        write(repo / name)
    write(repo / "vendor/.gromaignore", "*.gen.py\n!c.py\n")
    git(repo, "add", "-f", "vendor/a.py", "vendor/b.gen.py")
    assert listed(repo) == [".gitignore", "vendor/a.py"]


def test_junk_folders_unless_tracked_or_brought_back(repo: Path) -> None:
    for name in (
        "node_modules/a/index.js",
        "x/venv/lib.py",
        ".venv/lib.py",
        "__pycache__/a.pyc",
        "ok.py",
        "x/.tox/t.py",
    ):
        write(repo / name)
    write(repo / "y/__pycache__/kept.py")
    git(repo, "add", "y/__pycache__/kept.py")
    assert listed(repo) == ["ok.py", "y/__pycache__/kept.py"]
    assert explain(str(repo), "node_modules/a/index.js").source == ignore.JUNK_SOURCE
    write(repo / ".gromaignore", "!node_modules/\n")
    write(repo / ".gitignore", "!.tox/\n")
    assert listed(repo) == [
        ".gitignore",
        ".gromaignore",
        "node_modules/a/index.js",
        "ok.py",
        "x/.tox/t.py",
        "y/__pycache__/kept.py",
    ]
    assert explain(str(repo), ".git/config").ignored


def test_a_nested_repository_is_judged_by_its_own_git_rules(repo: Path) -> None:
    write(repo / ".gitignore", "*.o\n/skipped/\n")
    write(repo / ".gromaignore", "*.sql\n")
    for name in ("inner", "skipped"):
        git(repo, "init", "-q", name)
        write(repo / name / ".gitignore", "*.c\n")
        for file in ("a.o", "a.c", "a.sql", "a.py"):
            write(repo / name / file)
    write(repo / "inner/.git/info/exclude", "/a.py\n")
    assert listed(repo) == [".gitignore", ".gromaignore", "inner/.gitignore", "inner/a.o"]
    assert explain(str(repo), "inner/a.c").source == "inner/.gitignore"
    (repo / "broken/.git").mkdir(parents=True)  # no repository: the rules around it hold
    write(repo / "broken/a.o")
    assert "broken/a.o" not in listed(repo)


def test_explain_takes_paths_as_people_give_them(repo: Path) -> None:
    write(repo / ".gitignore", "out/\nb\n")
    (repo / "sub").mkdir()
    assert explain(str(repo), str(repo / "b")).ignored
    assert explain(str(repo), "./sub/../b").ignored
    assert explain(str(repo), "out/").ignored and not explain(str(repo), "out").ignored
    assert explain(str(repo), "not/there/yet") == Verdict("not/there/yet", False, False)
    with pytest.raises(ValueError, match="does not lie below"):
        explain(str(repo), "../elsewhere")


def test_case_is_folded_where_git_folds_it(repo: Path) -> None:
    git(repo, "config", "core.ignoreCase", "true")
    write(repo / ".gitignore", "*.LOG\nBuild/\nSub/x.c\n!KEEP.log\n")
    for name in ("a.log", "build/a", "sub/X.C", "keep.LOG", "sub/y.c"):
        write(repo / name)
    assert listed(repo) == git_lists(repo) == [".gitignore", "keep.LOG", "sub/y.c"]


def test_a_pattern_of_many_stars_stays_cheap(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "*a" * 60 + "b\n" + "**/*a/" * 40 + "b\n")
    write(tmp_path / ("a" * 250))
    write(tmp_path / "/".join(["aaaa"] * 100) / "c")
    assert len(listed(tmp_path)) == 3


def test_fate_knows_three_answers(repo: Path) -> None:
    write(repo / ".gitignore", "out/\n")
    write(repo / "out/a")
    git(repo, "add", "-f", "out/a")
    ground = ignore.enter(ignore.survey(str(repo)), {b".gitignore", b".git"})
    assert ignore.fate(ground, b"out", b"out", True) == ONLY_TRACKED
    assert ignore.fate(ignore.child(ground, b"out", True), b"b", b"out/b", False) == IGNORED
