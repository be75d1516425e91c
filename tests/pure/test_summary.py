"""The signature and the first sentence of documentation of definitions, in the comment styles of many languages."""

import time

import pytest

from groma._pure.summary import doc, signature


def _lines(text: str) -> list[str]:
    return text.strip("\n").split("\n")


def _at(lines: list[str], mark: str) -> int:
    return next(i for i, line in enumerate(lines) if mark in line)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("f", "def f(a, b):\n    return a", "def f(a, b)"),
        ("f", "def f(\n    a: int,\n    b: str = ':',\n) -> None:\n    pass", "def f(a: int, b: str = ':') -> None"),
        ("f", "export const f = async (a) => {\n  return 1;\n};", "export const f = async (a)"),
        ("Foo", "export default function Foo({\n  a,\n  b,\n}) {\n  return a;\n}", "export default function Foo({ a, b, })"),
        ("works", 'it("works", async () => {\n  a();\n});', 'it("works"'),
        ("x", "@Override\n@Named(\n  value = 1)\npublic int x() {\n  return 1;\n}", "public int x()"),
        ("A", "#[derive(Debug)]\npub struct A {\n}", "pub struct A"),
        ("f", "static int\nf(int a, /* first */\n  int b) // second\n{\n}", "static int f(int a, int b)"),
        ("A", "template <typename T>\nclass A\n    : public B {\n};", "template <typename T> class A : public B"),
        ("A", "class A\n    extends B\n    implements C {\n}", "class A extends B implements C"),
        ("f", "fn f<T>(x: T) -> T\nwhere\n    T: Copy,\n{\n}", "fn f<T>(x: T) -> T"),
        ("f", "def f(a) when is_list(a) do\n  :ok\nend", "def f(a) when is_list(a)"),
        ("f", "def f(a) do\n  :ets.new(a)\nend", "def f(a)"),
        ("M", "#define M(a) \\\n  do_it(a)", "#define M(a)"),
        ("Title", "## Title -- it\n\nText.", "## Title -- it"),
        ("key", '"key": {\n  "a": 1\n},', '"key"'),
        ("elsewhere", "constructor(a: Int) : this()\n", "constructor(a: Int) : this()"),
        ("x", "x" * 300, "x" * 200),
    ],
)
def test_signature_is_the_head_on_one_line(name: str, text: str, expected: str) -> None:
    lines = text.split("\n")
    assert signature(lines, 0, len(lines) - 1, name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Adds two numbers.\n▸def f():\n  pass", "Adds two numbers."),
        ("# Adds two\n# numbers. More text.\n@cache\n▸def f():\n  pass", "Adds two numbers."),
        ('▸def f(\n    a,\n):\n    """Adds things, e.g. numbers. More."""\n', "Adds things, e.g. numbers."),
        ('▸def f():\n    r"""\n    Adds things\n    together.\n\n    More.\n    """\n', "Adds things together."),
        ("▸class f:\n    '''One line'''\n", "One line"),
        ('▸def f():\n    x = 1\n    """not a docstring"""\n', ""),
        ('class A:\n    """Of the class."""\n▸    def f(self):\n        pass\n', ""),
        ("/**\n * Dispatch a pair\n * into it. Then more.\n *\n * @param a no\n */\n▸function f(a) {\n}", "Dispatch a pair into it."),
        ("/** @type {number} */\n▸function f() {\n}", ""),
        ("/** Short one. */\n\n▸function f() {\n}", ""),
        ("/**\n * Short one.\n */\n\n▸function f() {\n}", "Short one."),
        ("/* Plain\n   block comment */\n▸int f(void) {\n}", "Plain block comment"),
        ("int a; /* of a */\n▸int f(void) {\n}", ""),
        ("/*\n * f()\n *\n * Does the work.\n */\n▸int f(void) {\n}", "Does the work."),
        ("/// Makes one.\n///\n/// # Examples\n#[inline]\n▸pub fn f() {}", "Makes one."),
        ('/// <summary>\n/// Gets <see cref="T:A.B"/> now.\n/// </summary>\n[Pure]\n▸int f() {\n}', "Gets A.B now."),
        ("/**\n * Returns a {@link Foo} <b>now</b>.\n */\n@Nullable\n▸Foo f() {\n}", "Returns a Foo now."),
        ("/*!\n * \\brief Makes it so.\n */\n▸void f() {\n}", "Makes it so."),
        ("-- | Splits the list.\n▸f :: Int", "Splits the list."),
        ("{- | Splits\n   the list. -}\n▸f :: Int", "Splits the list."),
        ("--- Reads a table.\n-- @param s text\n▸function f(s)", "Reads a table."),
        ("--[[ Reads\na table. ]]\n▸function f(s)", "Reads a table."),
        ('@doc """\nPuts it.\n\nMore.\n"""\n@doc since: "1"\n@spec f(t) :: t\n▸def f(t) do\n', "Puts it."),
        ('@doc "Puts it."\n▸def f(t) do\n', "Puts it."),
        ("@doc false\n▸def f(t) do\n", ""),
        ('▸defmodule f do\n  @moduledoc """\n  Keeps it.\n  """\nend', "Keeps it."),
        ("#include <a.h>\n▸int f(void) {\n}", ""),
        ("#endif\n▸#define f 1", ""),
        ("#!/bin/sh\n▸f() {\n}", ""),
        ("# eslint-disable-next-line x\n# noqa\n▸def f():\n  pass", ""),
        ("// ---------------\n// Work with files ---------------\n▸function f() {\n}", ""),
        ("// Copyright 2020 A\n// Does a thing.\n▸function f() {\n}", "Does a thing."),
        ("@app.route(\n  '/x',\n)\n▸def f():\n  pass", ""),
        ("# Shows x.\n@app.route(\n  '/x',\n)\n▸def f():\n  pass", "Shows x."),
        ("x = 1  # one\n▸def f():\n  pass", ""),
        ("# far away\n\n▸def f():\n  pass", ""),
    ],
)
def test_doc_is_the_first_sentence(text: str, expected: str) -> None:
    lines = text.split("\n")
    first = _at(lines, "▸")
    lines[first] = lines[first].replace("▸", "")
    assert doc(lines, first, len(lines) - 1) == expected


def test_doc_of_a_heading_is_the_text_below_it() -> None:
    lines = _lines("# Intro\n\n![logo](a.png)\n\nIt measures. It draws.\n\n## Use\n### Sub\ntext")
    assert doc(lines, 0, len(lines) - 1) == "It measures."
    assert doc(lines, _at(lines, "## Use"), len(lines) - 1) == ""


def test_long_text_is_cut() -> None:
    lines = ["# " + "word " * 100, "def f():", "  pass"]
    assert len(doc(lines, 1, 2)) <= 200
    assert len(signature(["def f(" + "a, " * 200 + "):"], 0, 0, "f")) <= 200


def test_minified_line_costs_no_more_than_its_beginning() -> None:
    lines = [".a{b:c}" * 200_000]
    started = time.perf_counter()
    for _ in range(2_000):
        assert signature(lines, 0, 0, ".zz") == ".zz"
        assert doc(lines, 0, 0) == ""
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (['@doc """', "<p " * 300_000, '"""'], ("<p " * 67).strip()),
        (["# Shows x.", '@app.route("' + "(" * 1_000_000, ")"], ""),
    ],
)
def test_long_lines_above_a_definition_cost_no_more_than_their_beginning(above: list[str], expected: str) -> None:
    lines = [*above, "def f(a) do"]
    started = time.perf_counter()
    for _ in range(500):
        assert doc(lines, len(above), len(above)) == expected
    assert time.perf_counter() - started < 2
