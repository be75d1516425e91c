"""The walk, ignore rules and git's files: both cores on made-up and on real folders, settings, indexes and names."""

from __future__ import annotations

import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from groma._pure import git as plain_git
from groma._pure import ignore as plain_ignore
from groma._pure import walk as plain_walk

pytest.importorskip("groma._rs", reason="the compiled core is not built; the twins are NOT compared")

from groma._compiled import git as fast_git
from groma._compiled import ignore as fast_ignore
from groma._compiled import walk as fast_walk

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git to make repositories")
ROOT = Path(__file__).parents[2]
MOST = 1_000_000


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    (folder / ".gitconfig").write_text("[user]\n name = t\n email = t@example.org\n[core]\n excludesFile = ~/mine\n attributesFile = ~/attributes\n")
    (folder / "mine").write_text("*.mine\n/top.*\n")
    (folder / "attributes").write_text("*.lfs filter=lfs\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(folder))
        patch.delenv("XDG_CONFIG_HOME", raising=False)
        yield folder


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    folder = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    yield Path(folder)
    shutil.rmtree(folder)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def fields(listing: plain_walk.Listing) -> dict[str, object]:
    """All of a listing but the clock's part."""
    names = ("paths", "sizes", "mtimes_ns", "ctimes_ns", "inodes", "blobs", "from_index", "from_known", "hashed", "skipped")
    return {name: value.tolist() if isinstance(value := getattr(listing, name), np.ndarray) else value for name in names}


def same_walks(root: str, *, most: int = MOST) -> plain_walk.Listing:
    """Walks with both, without and with what is known, and with what is known in disorder."""
    listing = plain_walk.walk(root, None, max_file_bytes=most)
    assert fields(fast_walk.walk(root, None, max_file_bytes=most)) == fields(listing)
    columns = [list(listing.paths), listing.sizes, listing.mtimes_ns, listing.ctimes_ns, listing.inodes, list(listing.blobs), listing.checked_ns]
    known = plain_walk.Known(*columns)
    expected = fields(plain_walk.walk(root, known, max_file_bytes=most))
    assert fields(fast_walk.walk(root, known, max_file_bytes=most)) == expected
    order = random.Random(1).sample(range(len(listing.paths)), len(listing.paths))
    order += order[: len(order) // 3]  # named twice: the last row counts
    shuffled = [[column[row] for row in order] if isinstance(column, list) else column[order] for column in columns]
    shuffled[1] = shuffled[1].copy()
    shuffled[1][::7] += 1
    shuffled[0][::11] = ["\udc80x" for _ in shuffled[0][::11]]
    known = plain_walk.Known(*shuffled)
    assert fields(fast_walk.walk(root, known, max_file_bytes=most)) == fields(plain_walk.walk(root, known, max_file_bytes=most))
    return listing


# --------------------------------------------------------------------------------------------------------- real folders

REAL = [ROOT / "src", ROOT / "tests", ROOT, ROOT / ".cache", Path(pytest.__file__).parents[1]]


@pytest.mark.parametrize("folder", REAL, ids=["src", "tests", "checkout", "corpora", "site-packages"])
def test_real_folders(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not there")
    listing = same_walks(str(folder))
    assert len(listing.paths) > 10
    rng = random.Random(2)
    paths = rng.sample(listing.paths, min(60, len(listing.paths))) + [path for path, _ in rng.sample(listing.skipped, min(20, len(listing.skipped)))]
    paths += [f"{path}/none" for path in paths[:5]] + ["node_modules/x.js", ".git/HEAD", "a/.git", "build/", "./x//y/../z.pyc"]
    for path in paths:
        assert fast_ignore.explain(str(folder), path) == plain_ignore.explain(str(folder), path)


# ------------------------------------------------------------------------------------------------------ made-up folders

NAMES = [
    b"a",
    b"b.c",
    b"B.C",
    b".env",
    b"x.lfs",
    b"k.mine",
    b"top.x",
    b"a.o",
    b"\xc3\xa9",
    b"\xff.py",
    b"new\nline",
    b"a b",
    b"[a]",
    b".gitattributes",
]
FOLDERS = [b"", b"a/", b"b/", b"ab/", b"a/a/", b"a/b/", b"node_modules/", b"\xff/", b"x.d/y/", b"HEAD/", b"nested/", b"nested/sub/"]
LINES = [
    "*.o",
    "!a.o",
    "a",
    "/a",
    "b/",
    "b/*",
    "!b/a",
    "*",
    "!*/",
    "!*.c",
    "**/a",
    "a/**/c",
    "[[]a]",
    "x.d/",
    "ab/**",
    "é",
    "?",
    "!node_modules/",
    "HEAD",
]
TEXT = st.lists(st.sampled_from(LINES), max_size=4).map("\n".join)
ATTRIBUTES = st.sampled_from(["*.c filter=x\n", "* text=auto\n", "[attr]z ident\n/a z\n", '"a b" eol=crlf', "a working-tree-encoding=UTF-16\n", "#"])
LINKS = st.sampled_from(["a", "..", ".", "/", "self", "nothing", "../../..", "a/../b.c", "nested", "chain", "/dev/null"])


@needs_git
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    files=st.dictionaries(st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES)), st.binary(max_size=30), max_size=25),
    rules=st.dictionaries(st.tuples(st.sampled_from(FOLDERS), st.sampled_from([b".gitignore", b".gromaignore"])), TEXT, max_size=4),
    attributes=st.dictionaries(st.sampled_from(FOLDERS), ATTRIBUTES, max_size=2),
    links=st.dictionaries(st.tuples(st.sampled_from(FOLDERS), st.sampled_from([b"self", b"l", b"chain"])), LINKS, max_size=5),
    state=st.sampled_from(["none", "plain", "folding", "split", "v4", "sha256", "skip-worktree", "damaged", "autocrlf"]),
    nested=st.booleans(),
)
def test_made_up_folders(place: Path, files, rules, attributes, links, state: str, nested: bool) -> None:
    root = place / "made-up"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    base = os.fsencode(root) + b"/"

    def put(folder: bytes, name: bytes, content: bytes) -> None:
        path = base + folder + name
        above = os.path.dirname(path)
        if not os.path.lexists(path) and (os.path.isdir(above) or not any(os.path.isfile(above[:end]) for end in range(len(base), len(above) + 1))):
            os.makedirs(above, exist_ok=True)
            Path(os.fsdecode(path)).write_bytes(content)

    for (folder, name), text in rules.items():
        put(folder, name, text.encode())
    for (folder, name), content in files.items():
        put(folder, name, content)
    if state != "none":
        git(root, "init", "-q", *(["--object-format=sha256"] if state == "sha256" else []))
        if state == "folding":
            git(root, "config", "core.ignoreCase", "true")
        names = [os.fsdecode(path.removeprefix(base)) for path in _files(base)]
        for chosen in (names[::2],):
            if chosen:
                git(root, "add", "-f", "--", *chosen)
        if nested and (root / "nested").is_dir():
            git(root / "nested", "init", "-q")
            git(root / "nested", "add", "-f", ".")
        if state == "split":
            git(root, "update-index", "--split-index")
        elif state == "v4":
            git(root, "update-index", "--index-version", "4")
        elif state == "skip-worktree" and names:
            git(root, "update-index", "--skip-worktree", "--", names[0])
        elif state == "autocrlf":
            git(root, "config", "core.autocrlf", "input")
        elif state == "damaged" and (root / ".git/index").exists():
            (root / ".git/index").write_bytes((root / ".git/index").read_bytes()[:-1])
        for index in (root / ".git/index", root / "nested/.git/index"):
            if index.exists():  # older than the files: racy; a second younger: believed
                os.utime(index, ns=(index.stat().st_mtime_ns + 10**9,) * 2)
    for folder, line in attributes.items():  # git itself stumbles over bytes that are not in the encoding it is told
        put(folder, b".gitattributes", line.encode())
    for (folder, name), target in links.items():
        if os.path.isdir(base + folder) and not os.path.lexists(base + folder + name):
            os.symlink(target, base + folder + name)
    listing = same_walks(str(root), most=20)
    for folder in ("a", "nested", "nested/sub", "node_modules"):
        if (root / folder).is_dir():
            same_walks(str(root / folder), most=20)
    shown = listing.paths + [os.fsdecode(path.removeprefix(base)) for path in _files(base)]
    for path in [*shown, *(f"{name}/" for name in shown), "a/none", "nested/.git/x"]:
        assert fast_ignore.explain(str(root), path) == plain_ignore.explain(str(root), path), path


def _files(base: bytes) -> list[bytes]:
    found = []
    for folder, folders, names in os.walk(base):
        folders[:] = sorted(name for name in folders if name != b".git")
        found += [os.path.join(folder, name) for name in sorted(names)]
    return found


def test_a_closed_root_is_the_same_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "none", "file/x", "x" * 300, "y\0"):
        errors = []
        for walk in (plain_walk.walk, fast_walk.walk):
            with pytest.raises((OSError, ValueError)) as caught:
                walk(str(tmp_path / name), None, max_file_bytes=MOST)
            errors.append(
                (
                    type(caught.value),
                    getattr(caught.value, "errno", None),
                    getattr(caught.value, "strerror", None),
                    getattr(caught.value, "filename", None),
                )
            )
        assert errors[0] == errors[1]


def test_columns_must_be_of_one_length(tmp_path: Path) -> None:
    none = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="different length"):
        fast_walk.walk(str(tmp_path), plain_walk.Known(["a"], none, none, none, none, [b""], none), max_file_bytes=MOST)


# ------------------------------------------------------------------------------------------------------------- patterns

PIECES = [b"a", b"b", b"A", b".c", b"*", b"**", b"***", b"?", b"/", b"/", b"**/", b"/**", b"[ab]", b"[!a]", b"[A-b]", b"[[:alpha:]]", b"[[:upper:]]"]
PIECES += [
    b"[",
    b"]",
    b"\\",
    b"\\*",
    b"\\/",
    b"\\A",
    b"!",
    b"#",
    b" ",
    b"-",
    b"^",
    b"[^",
    b"[:",
    b":]",
    b"\xc3\xa9",
    b"\xff",
    b"\r",
    b"\0",
    b"[]",
    b"[/]",
    b"\t",
]
PATTERN = st.one_of(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map(b"".join), st.binary(max_size=12))
TRIED = [
    b"a",
    b"A",
    b"ab",
    b"b.c",
    b"a.c",
    b"a/b",
    b"a/a/b",
    b"a/b/a/b.c",
    b"b/a/A",
    b"\xc3\xa9",
    b"\xff/a",
    b"a b",
    b"*",
    b"[",
    b"\\",
    b"a/[/]",
    b"a\r",
    b"-/^",
]


@settings(max_examples=600, deadline=None)
@given(
    rules=st.lists(PATTERN, min_size=1, max_size=4).map(b"\n".join),
    nested=st.lists(PATTERN, max_size=3).map(b"\n".join),
    paths=st.lists(st.lists(st.sampled_from([*PIECES, b"aa", b"ab"]), max_size=5).map(b"".join), max_size=8),
    fold=st.booleans(),
)
@example(rules=b"*a" * 30 + b"b", nested=b"", paths=[b"a" * 200], fold=False)
def test_patterns_judge_alike(place: Path, rules: bytes, nested: bytes, paths: list[bytes], fold: bool) -> None:
    root = place / "patterns"
    shutil.rmtree(root, ignore_errors=True)
    (root / ".git/objects").mkdir(parents=True)
    (root / ".git/refs").mkdir()
    (root / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (root / ".git/config").write_text(f"[core]\nignoreCase={fold}\n")
    (root / "a").mkdir()
    (root / ".gitignore").write_bytes(rules)
    (root / "a/.gitignore").write_bytes(nested)
    names = set(plain_ignore.RULE_FILES)
    plain = plain_ignore.enter(plain_ignore.survey(str(root)), names)
    fast = fast_ignore.enter(fast_ignore.survey(str(root)), names)
    for is_deep in (False, True):
        if is_deep:
            plain = plain_ignore.enter(plain_ignore.child(plain, b"a", False), names)
            fast = fast_ignore.enter(fast_ignore.child(fast, b"a", False), names)
        for path in [*TRIED, *paths]:
            whole = plain.path + path
            name = whole.rpartition(b"/")[2]
            if not name:
                continue
            for is_folder in (False, True):
                hit = plain.rules.judge(name, whole, is_folder)
                expected = hit and (hit.source, hit.pattern.line, hit.pattern.text, hit.pattern.negated, hit.own)
                assert fast.judge(name, whole, is_folder) == expected, (path, rules, nested)
                assert fast_ignore.fate(fast, name, whole, is_folder) == plain_ignore.fate(plain, name, whole, is_folder)


@pytest.fixture(scope="module")
def repo_in_memory(place: Path) -> Path:
    root = place / "one"
    for inner in (".git/objects", ".git/refs"):
        (root / inner).mkdir(parents=True)
    (root / ".git/HEAD").write_text("ref: refs/heads/main\n")
    return root


@settings(max_examples=1000, deadline=None)
@given(
    pattern=st.lists(st.sampled_from([*PIECES[:24], b"/", b"x/"]), min_size=2, max_size=8).map(b"".join),
    fold=st.booleans(),
    seed=st.integers(0, 1 << 30),
)
@example(pattern=b"x[ab]/a**/b", fold=False, seed=1)
@example(pattern=b"x/a?**/b", fold=False, seed=1)
def test_patterns_judge_alike_what_they_were_made_for(repo_in_memory: Path, pattern: bytes, fold: bool, seed: int) -> None:
    """Paths that nearly match: every star and set is filled in with something."""
    rng = random.Random(seed)
    (repo_in_memory / ".gitignore").write_bytes(pattern)
    (repo_in_memory / ".git/config").write_text(f"[core]\nignoreCase={fold}\n")
    plain, fast = (core.enter(core.survey(str(repo_in_memory)), {b".gitignore"}) for core in (plain_ignore, fast_ignore))
    for _ in range(12):
        path = _filled(pattern.strip(b"!/"), rng).strip(b"/")
        name = path.rpartition(b"/")[2]
        if name:
            hit = plain.rules.judge(name, path, True)
            found = fast.judge(name, path, True)
            assert (found and found[2]) == (hit and hit.pattern.text), (pattern, path)


def _filled(pattern: bytes, rng: random.Random) -> bytes:
    fillings = {
        b"**": [b"", b"a", b"a/b", b"x/a/ab"],
        b"*": [b"", b"a", b"b.c", b"a/b"],
        b"?": [b"a", b"B", b"/"],
        b"[": [b"a", b"b", b"A", b"/", b"["],
    }
    text = b""
    place = 0
    while place < len(pattern):
        piece = next((piece for piece in fillings if pattern.startswith(piece, place)), b"")
        if piece == b"[" and (end := pattern.find(b"]", place)) > 0:
            place = end + 1
        else:
            place += len(piece) or 1
        text += rng.choice(fillings[piece]) if piece else pattern[place - 1 : place]
    return text


SECRET = st.sampled_from(
    [
        ".env",
        ".ENV",
        "service",
        "account",
        "-",
        "_",
        ".json",
        "private",
        "secret",
        ".asc",
        ".example",
        "dist",
        "\n",
        ".",
        "x",
        "é",
        "credentials",
        "/",
        ".aws/",
        ".pem",
        "id_rsa",
        "\udc80",
        "config",
        ".kube/",
    ]
)


@settings(max_examples=1500, deadline=None)
@given(st.lists(SECRET, max_size=6).map("".join))
def test_secret_names(path: str) -> None:
    assert fast_walk.secrets_file(path) == plain_walk.secrets_file(path)


# ---------------------------------------------------------------------------------------------------------- git's files


@settings(max_examples=1500, deadline=None)
@given(st.text(alphabet='[]"\\=#; \n\r\t\x0b\x0c\x85\xa0\u2028abA.-_09\0é\ufeff\udc80', max_size=40))
@example("[a]\nb = \\\n  c \\\n  \n")
@example("[a]\nb = x\\")
def test_settings(text: str) -> None:
    assert list(fast_git.settings_of(text)) == list(plain_git.settings_of(text))


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("indexes")
    for inner in (".git/objects", ".git/refs"):
        (folder / inner).mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".gitignore").write_text("*\n")  # so that only what is tracked is wanted
    return folder


def same_index(folder: Path) -> plain_git.Index:
    found = plain_git.repository(str(folder))
    assert found is not None
    assert fast_git.repository(str(folder)) == found
    plain, fast = plain_git.read_index(found), fast_git.read_index(found)
    for name in plain_git.Index.__dataclass_fields__:
        one, other = getattr(plain, name), getattr(fast, name)
        assert (one.tolist() == other.tolist() and one.dtype == other.dtype) if isinstance(one, np.ndarray) else one == other, name
    assert fast_git.clean_rows(fast).tolist() == plain_git.clean_rows(plain).tolist()
    return plain


def index_file(version: int, entries: list[tuple[bytes, int, int, bytes]], extensions: bytes = b"") -> bytes:
    """An index whose entries are (path, mode, flags beside the length, 40 bytes of stat that the mode is put into)."""
    parts = [b"DIRC" + struct.pack(">II", version, len(entries))]
    last = b""
    for path, mode, flags, status in entries:
        fixed = status[:24] + struct.pack(">I", mode) + status[28:40] + sha1(path).digest()
        extended = flags >> 16 if version > 2 else 0
        fixed += struct.pack(">H", flags & 0xB000 | (0x4000 if extended else 0) | min(len(path), 0xFFF))
        fixed += struct.pack(">H", extended) if extended else b""
        if version == 4:
            common = next((at for at, (one, other) in enumerate(zip(last, path, strict=False)) if one != other), min(len(last), len(path)))
            fixed += _varint(len(last) - common) + path[common:] + b"\0"
        else:
            fixed += path + b"\0" * (8 - (len(fixed) + len(path)) % 8)
        last = path
        parts.append(fixed)
    data = b"".join(parts) + extensions
    return data + sha1(data).digest()


def _varint(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        number -= 1
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))


PATHS = st.lists(st.sampled_from([b"a", b"b/", b"c", b"\xff", b"long" * 50, b"x" * 4100]), min_size=1, max_size=4).map(b"".join)
ENTRY = st.tuples(
    PATHS,
    st.sampled_from([0o100644, 0o100755, 0o120000, 0o160000, 0o40000]),
    st.sampled_from([0, 0, 0, 0x8000, 0x1000, 0x4000 << 16, 0x2000 << 16, 0x6000 << 16]),
    st.one_of(st.just(bytes(40)), st.binary(min_size=40, max_size=40)),
)
EXTENSION = st.tuples(st.sampled_from([b"TREE", b"link", b"sdir", b"zzzz", b"FSMN", b"UNTR"]), st.binary(max_size=40)).map(
    lambda pair: pair[0] + struct.pack(">I", len(pair[1])) + pair[1]
)


@settings(max_examples=400, deadline=None)
@given(
    version=st.sampled_from([2, 3, 4, 5]),
    entries=st.lists(ENTRY, max_size=6),
    extensions=st.lists(EXTENSION, max_size=2).map(b"".join),
    in_order=st.booleans(),
    harm=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=3),
    cut=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_indexes_whole_and_damaged(repo: Path, version: int, entries, extensions: bytes, in_order: bool, harm, cut: float) -> None:
    content = bytearray(index_file(version, sorted(entries) if in_order else entries, extensions))
    for where, byte in harm:
        content[int(where * len(content))] = byte
    content = content[: int(cut * len(content))]
    if harm and len(content) > 20:
        content[-20:] = bytes(20)  # past the checksum
    (repo / ".git/index").write_bytes(content)
    index = same_index(repo)
    if not harm and cut == 1.0 and version < 5 and not extensions:
        assert index.problem is None and index.paths == [path for path, *_ in (sorted(entries) if in_order else entries)]
        plain, fast = (core.enter(core.survey(str(repo)), {b".gitignore"}) for core in (plain_ignore, fast_ignore))
        for path in {path for path, *_ in entries} | {b"a", b"b/c"}:
            for end in (len(path), path.find(b"/"), path.rfind(b"/")):
                whole = path[:end] if end > 0 else path
                for is_folder in (False, True):
                    answers = [core.fate(ground, whole, whole, is_folder) for core, ground in ((plain_ignore, plain), (fast_ignore, fast))]
                    assert answers[0] == answers[1]


@settings(max_examples=200, deadline=None)
@given(
    shared=st.lists(PATHS, max_size=200),
    own=st.lists(PATHS, max_size=4),
    bitmap=st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.lists(st.integers(0, 2**64 - 1), max_size=3)), max_size=4),
    tail=st.binary(max_size=12),
    short=st.booleans(),
)
def test_split_indexes(repo: Path, shared: list[bytes], own: list[bytes], bitmap, tail: bytes, short: bool) -> None:
    base = index_file(2, [(path, 0o100644, 0, bytes(40)) for path in sorted(shared)])
    (repo / f".git/sharedindex.{base[-20:].hex()}").write_bytes(base)
    words = []
    for bit, run, literals in bitmap:
        words += [bit | run << 1 | len(literals) << 33, *literals]
    link = base[-20:] + (b"" if short else struct.pack(f">II{len(words)}Q", 64 * len(words), len(words), *words) + tail)
    extension = b"link" + struct.pack(">I", len(link)) + link
    (repo / ".git/index").write_bytes(index_file(2, [(path, 0o100644, 0, bytes(40)) for path in own], extension))
    assert same_index(repo).problem == "split"


@settings(max_examples=200, deadline=None)
@given(
    head=st.one_of(
        st.binary(max_size=50), st.sampled_from([b"a" * 40, b"ref:  refs/heads/x/\xff \r\n", b"ref: x\xc2\xa0", b"0" * 64 + b"\r\r\n", b"g" * 40])
    ),
    pointer=st.sampled_from([b"gitdir: real", b"gitdir:../x/real \r\n", b"gitdir: real\x0b", b"gitdir: ./real/../real//", b"", b"gitdir: \0", b"x"]),
    config=st.sampled_from(
        [
            b"",
            b"[core]\nbare",
            b"[core]\nbare = OFF",
            b"[extensions]\nworktreeConfig=1",
            b"[include]\npath=config\n[a]b=c",
            b"[include]\npath=~nobody-at-all/x",
        ]
    ),
)
def test_repositories_and_heads(place: Path, head: bytes, pointer: bytes, config: bytes) -> None:
    top = place / "x"
    shutil.rmtree(top, ignore_errors=True)
    for inner in ("real/objects", "real/refs", "sub"):
        (top / inner).mkdir(parents=True)
    (top / ".git").write_bytes(pointer)
    (top / "real/HEAD").write_bytes(head)
    (top / "real/config").write_bytes(config)
    (top / "real/config.worktree").write_bytes(b"[x]\ny=z\n")
    (top / "link").symlink_to("sub/../sub")
    for path in (top, top / "sub", top / "link", top / "real", top / "real/refs", top / "sub/none", top / "real/HEAD"):
        assert fast_git.head(str(path)) == plain_git.head(str(path))
        assert fast_git.top_level(str(path)) == plain_git.top_level(str(path))
        assert fast_git.repository(str(path)) == plain_git.repository(str(path))
        assert fast_git.is_git_directory(str(path)) == plain_git.is_git_directory(str(path))


@pytest.mark.parametrize("xdg", [None, "", "/nowhere", "relative"])
@pytest.mark.parametrize("home_is", [None, "", "/", "keep"])
def test_the_users_files(home: Path, monkeypatch: pytest.MonkeyPatch, xdg: str | None, home_is: str | None) -> None:
    for name, value in (("XDG_CONFIG_HOME", xdg), ("HOME", str(home) if home_is == "keep" else home_is)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert fast_git.user_settings() == plain_git.user_settings()


@given(st.binary(max_size=5000))
def test_blob_ids(data: bytes) -> None:
    assert fast_git.blob_id(data) == plain_git.blob_id(data)


def test_links_resolve_alike(place: Path) -> None:
    """`top_level` and the reasons for links rest on it: chains, loops, folders above, slashes."""
    root = place / "links"
    (root / "a/b").mkdir(parents=True)
    targets = ["a", "a/b", "..", "../links/a/..", "one", "two/b", "two//b/../", "loop2/x", "loop1", "/", "/dev", "none/x", "./a/./b", "../../dev/shm"]
    names = ["one", "two", "up", "round", "three", "four", "five", "loop1", "loop2", "top", "dev", "none", "six", "seven"]
    for name, target in zip(names, targets, strict=True):
        (root / name).symlink_to(target)
        (root / "a" / name).symlink_to(target)
    same_walks(str(root))
    for name in names:
        for path in (root / name, root / "a" / name, root / "a" / name / ".." / "one"):
            for ask in ("a", "..", "one/b", "loop1/x"):
                answers = []
                for explain in (plain_ignore.explain, fast_ignore.explain):
                    try:
                        answers.append(explain(str(root), os.path.join(path, ask)))
                    except ValueError as e:
                        answers.append(str(e))
                assert answers[0] == answers[1], (path, ask)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"d{number}").mkdir()
        (tmp_path / f"d{number}/f").write_text(str(number))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        fast_walk.walk(str(tmp_path), None, max_file_bytes=MOST)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_walks_too(tmp_path: Path) -> None:
    """It inherits the locks of the threads that its parent walked with, and none of them."""
    for number in range(20):
        (tmp_path / f"d{number}").mkdir()
        (tmp_path / f"d{number}/f").write_text(str(number))
    expected = fields(fast_walk.walk(str(tmp_path), None, max_file_bytes=MOST))
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # rather than wait for ever
        os._exit(0 if fields(fast_walk.walk(str(tmp_path), None, max_file_bytes=MOST)) == expected else 1)
    assert os.waitpid(pid, 0)[1] == 0
