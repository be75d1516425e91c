"""Languages, outlines and summaries: the compiled core finds what the plain one finds, in whole, in damaged and in made-up text."""

from __future__ import annotations

import random
import sysconfig
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groma._pure import languages as plain_languages
from groma._pure import parse as plain
from groma._pure import summary
from groma._pure.languages import all_languages, by_name

_rs = pytest.importorskip("groma._rs", reason="the compiled core is not built; the twins are NOT compared (make core)")

from groma._compiled import languages as compiled_languages  # noqa: E402
from groma._compiled import parse as compiled  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden" / "languages"
OWN = Path(__file__).parents[2]
SAMPLES = {p.parent.name: next(f for f in sorted(p.parent.iterdir()) if f != p) for p in sorted(GOLDEN.glob("*/expected.txt"))}
READ = sorted(x.name for x in all_languages().values() if x.grammar or x.sections)


def same(source: str, name: str) -> None:
    language = by_name(name)
    assert language is not None
    ours, theirs = plain.outline(source, language), compiled.outline(source, language)
    if ours != theirs:  # the first difference says more than two outlines
        pairs = zip(ours.definitions, theirs.definitions, strict=False)
        first = next((pair for pair in pairs if pair[0] != pair[1]), None)
        assert first is None or first[0] == first[1]
        assert (ours.cut, ours.imports, ours.calls) == (theirs.cut, theirs.imports, theirs.calls)
        assert len(ours.definitions) == len(theirs.definitions)


# --------------------------------------------------------------------------------------------------------------------- real text


def test_both_cores_read_every_language() -> None:
    assert plain.broken_languages() == compiled.broken_languages() == []


@pytest.mark.parametrize("name", SAMPLES)
def test_sample(name: str) -> None:
    same(SAMPLES[name].read_text("utf-8"), name)


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_cut_at_100_random_bytes(name: str) -> None:
    source = SAMPLES[name].read_bytes()[:12_000]
    chance = random.Random(name)
    for _ in range(100):
        same(source[: chance.randrange(len(source))].decode("utf-8", "ignore"), name)


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_with_parts_left_out_doubled_and_from_another_language(name: str) -> None:
    source = SAMPLES[name].read_bytes()[:12_000]
    chance = random.Random("mutated " + name)
    others = sorted(SAMPLES)
    for _ in range(30):
        a, b, c = sorted(chance.randrange(len(source)) for _ in range(3))
        foreign = SAMPLES[chance.choice(others)].read_bytes()[:2_000]
        for text in (source[:a] + source[b:], source[:c] + source[a:b] + source[c:], source[:a] + foreign + source[b:]):
            same(text.decode("utf-8", "ignore"), name)


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\x1c", "\u2028", "\u3000\n"])
def test_sample_with_other_line_ends(ending: str) -> None:
    for name, path in SAMPLES.items():
        same(path.read_text("utf-8").replace("\n", ending)[:20_000], name)


def files_around(limit: int) -> list[tuple[str, Path]]:
    """At most `limit` files of each language, of this repository and of the packages that are installed here."""
    seen: Counter[str] = Counter()
    found = []
    for root in (OWN / "src", OWN / "rust", OWN / "tests", OWN / "docs", Path(sysconfig.get_paths()["purelib"])):
        for path in sorted(root.rglob("*")) if root.is_dir() else []:
            name = plain_languages.detect(path.name, b"") if path.is_file() else None
            if name is not None and seen[name] < limit and path.stat().st_size <= 300_000:
                seen[name] += 1
                found.append((name, path))
    return found


def test_files_around() -> None:
    read = 0
    for name, path in files_around(60):
        data = path.read_bytes()
        assert plain_languages.detect(str(path), data[:4096]) == compiled_languages.detect(str(path), data[:4096])
        if b"\0" not in data[:8192]:
            same(data.decode("utf-8", "replace"), name)
            read += 1
    assert read > 100


# ------------------------------------------------------------------------------------------------------------------ text to break it


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("javascript", "(" * 100_000),
        ("javascript", "[]" * 50_000),
        ("json", '{"a":' * 20_000),
        ("python", "".join(" " * i + "class A:\n" for i in range(400))),
        ("ruby", "module A;" * 3_000),
        ("ruby", "f(" * 6_000 + ")" * 6_000),  # more patterns half matched at once than any limit of tree-sitter's engine would keep
        ("html", "<div id=a>" * 2_000),
        ("cpp", "template<" * 20_000),
        ("javascript", "var a=1;" * 5_000),
        ("javascript", "f(a,b);function x(){return 1}" * 2_000),
        ("javascript", "var s = '" + "x" * 300_000 + "'; function f() {}"),
        ("sql", "\n" * 20_000 + "create table a (b int);\n"),
        ("sql", "create " * 20_000),
        ("sql", "create table 用户 (\n);\nCREATE TABLE \xa0ſ (a);\ncreate index one on t;\ncreate index on t;\n"),
        ("rst", "-" * 50_000 + "\n" + "-" * 50_000),
        ("rst", "名前\n====\n\ntext\n\n.. py:function:: f\u0301(x)\n"),
        ("make", "a " * 50_000),
        ("go", "package a\nconst (" + "\n a, b, c = 1, 2, 3" * 50 + ")\nvar x, y = 1, 2\n"),
        ("css", "a,\nb { }\nc { }\n"),
        ("javascript", "exports.a = function () {}\nexportsé.b = function () {}\nmodule.exports.c = () => 1\n"),
        ("html", "<script>\x1c</script><script>\x1c1</script>"),
    ],
)
def test_text_to_break_it(name: str, source: str) -> None:
    same(source, name)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(READ), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=400))
def test_any_text(name: str, source: str) -> None:
    same(source, name)


def test_a_lone_surrogate_is_refused_by_both() -> None:
    language = by_name("python")
    assert language is not None
    for core in (plain, compiled):
        with pytest.raises(UnicodeEncodeError):
            core.outline("a = '\ud800'", language)


# ------------------------------------------------------------------------------------------------------------------------ summary

PIECES = [
    *r'''/ // /// //// ///// //! ///< /* /** */ * ** -- --- --> ---> --| # ## #! #[derive(X)] #[ #if #include #else ; % %% {- -} {-| ]] --[[ --[==[
    #region """ " ' r" Rb""" @param @desc @descr :returns Args: Examples:: === ----- ***** ``` ~~~ eslint type: foo-ignore a-ignore-disable ©2020
    Copyrighté @ts-ignore $FlowFixMe <p> </h2> <value e.g. 。 x. 名前 é ( ) [ ] |x| => do def f(x) ,) ,,) where @Foo @Foo(a) @Foo(a @a.b:c #![x]
    [] Ⓐ _x *b name (name h1 ſ not'''.split(),
    *("-- | x", "-- ^ x", "# include", "#  else ", "###### h", "####### h", '@doc """', '@doc "x" ', '@moduledoc ~S"""', "@brief x", "\\short x"),
    *(":param x:", "Returns :", "type: x", "© 2020", "Copyright x", "(c) x", '<see cref="T:Foo"/>', '<seealso x="Foo"  />', '<code class="x">'),
    *("{@link Foo}", "{@link  Foo bar}", "{@x {", "i.e. X", "vs. Y", "etc. Z", "J. R.", ". A", ". a", "! X", "? y", "The end. Next", "foo bar baz"),
    *(
        "\u3000",
        "\xa0",
        "\x85",
        "\x1c",
        "\r",
        "\t",
        "  ",
        "\u0301",
        "{",
        "}",
        '"""',
        "\\",
        " do",
        ", )",
        ",  )",
        "() => {",
        ", function (x) {",
        ", async (é) =>",
    ),
    *(
        ", async function(a)",
        "extends A",
        "-> T",
        "= 3",
        "& y",
        "&& z",
        "| w",
        ": x",
        "@Foo(a) @Bar",
        "@Foo(a) x",
        "@x(y)) @z",
        "🚀 go",
        "class name:",
    ),
    *("name {", "x" * 250, "é" * 410, "word " * 90),
]
LINES = st.lists(
    st.tuples(st.sampled_from(["", "", " ", "    ", "\t"]), st.lists(st.sampled_from(PIECES), max_size=5), st.sampled_from(["", " "])),
    min_size=1,
    max_size=12,
).map(lambda rows: [indent + between.join(pieces) for indent, pieces, between in rows])


@settings(max_examples=1_500, deadline=None)
@given(LINES, st.data(), st.sampled_from(["name", "f", "", "x" * 60, "名前", "foo"]))
def test_summary(lines: list[str], data: st.DataObject, name: str) -> None:
    first = data.draw(st.integers(0, len(lines) - 1))
    last = data.draw(st.integers(first, len(lines) - 1))
    ours = (summary.signature(lines, first, last, name), summary.doc(lines, first, last))
    assert ours == _rs.summary(lines, first, last, name)


def test_a_letter_beyond_ascii_is_one_in_every_version_of_unicode() -> None:
    lines = ["//\U0003ffff is text.", "def f():"]
    assert summary.doc(lines, 1, 1) == _rs.summary(lines, 1, 1, "f")[1] == "\U0003ffff is text."


@pytest.mark.parametrize(
    "line", ["<p " * 500 + "end. More", "Says " + "x" * 390 + " this. " + "y" * 50, "   ####### no heading", "\t\t\t###### a\theading"]
)
def test_of_a_long_line_both_read_the_same_beginning(line: str) -> None:
    for lines in (['@doc """', line, '"""', "def f do"], ["# Says it.", f"@a({line}", ")", "def f do"], [line, "def f do"]):
        for first in (0, len(lines) - 1):
            ours = (summary.signature(lines, first, len(lines) - 1, "f"), summary.doc(lines, first, len(lines) - 1))
            assert ours == _rs.summary(lines, first, len(lines) - 1, "f")


def test_a_hundred_thousand_names_of_one_node_are_found_within_the_time() -> None:
    language = by_name("haskell")
    assert language is not None
    found = compiled.outline(", ".join(f"f{i}" for i in range(100_000)) + " :: Int\n", language)
    assert (len(found.definitions), found.cut) == (100_000, None)


def test_a_doc_attribute_before_a_carriage_return() -> None:
    lines = ['  @doc "Says what it does"\r', "  def f(x) do\r"]
    assert summary.doc(lines, 1, 1) == _rs.summary(lines, 1, 1, "f")[1] == "Says what it does"


# ---------------------------------------------------------------------------------------------------------------------- languages

INTERPRETER = [b"#!", b"/usr/bin/", b"env ", b"-S ", b"A=b ", b"python3.12-", b"node", b"\r", b"\n", b"\xff", b" ", "３".encode(), b"\x1c"]
NAMES = sorted({x for language in all_languages().values() for x in (*language.extensions, *language.filenames, *language.interpreters)})


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.sampled_from([*NAMES, "a", ".", "/", ".h", ".*", "K", "İ", "\udc80", ""]) | st.text(max_size=3), max_size=5).map("".join),
    st.lists(st.sampled_from(INTERPRETER), max_size=8).map(b"".join),
)
@example("Makefile", b"")
@example("a.h", b"class \xff A : B {")
def test_detect(path: str, head: bytes) -> None:
    assert plain_languages.detect(path, head) == compiled_languages.detect(path, head)


HEADER = [
    *(b"class,enum ,X,EXPORT,(a), final,:,{,;,namespace,inline ,a::b,template,<,using ,=,public,#,include,<string>,<string.h>,//".split(b",")),
    *(b" ", b"\t", b"\r\n", b"\n", b"\xe9"),
]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(HEADER), max_size=9).map(b"".join))
def test_detect_header(head: bytes) -> None:
    assert plain_languages.detect("a.h", head) == compiled_languages.detect("a.h", head)


# ----------------------------------------------------------------------------------------------------------------------- grammars


def test_what_is_no_grammar_is_refused() -> None:
    for wrong in (0, None, "python", object()):
        with pytest.raises((TypeError, ValueError)):
            _rs.register_grammar("nonsense", wrong)
    import datetime

    with pytest.raises(ValueError, match="name"):  # of the capsule
        _rs.register_grammar("nonsense", datetime.datetime_CAPI)  # type: ignore[attr-defined]


def test_a_grammar_of_an_unknown_abi_is_refused() -> None:
    import ctypes

    version = ctypes.c_uint32(99)
    with pytest.raises(ValueError, match="version 99"):
        _rs.register_grammar("future", ctypes.addressof(version))


def test_a_language_without_its_grammar_is_said() -> None:
    import subprocess
    import sys

    code = "from groma import _rs\ntry:\n    _rs.outline('x = 1', 'python')\nexcept ValueError as e:\n    print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={"PYTHONPATH": str(OWN / "src")})
    assert done.stdout.strip() == "the grammar of python is not loaded"
