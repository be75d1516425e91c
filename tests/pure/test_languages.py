"""A file's language is found by its name, its extension, its interpreter line, and for `.h` by what stands in it."""

import re

import pytest

from groma._pure.languages import KINDS, all_languages, by_name, detect


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/app.py", "python"),
        ("src/App.PY", "python"),
        ("types/index.d.ts", "typescript"),
        ("src/user.service.ts", "typescript"),
        ("src/Button.test.tsx", "tsx"),
        ("lib/index.cjs", "javascript"),
        ("views/page.blade.php", "php"),
        ("include/a.hpp", "cpp"),
        ("Makefile", "make"),
        ("sub/makefile", "make"),
        ("Makefile.am", "make"),
        ("MAKEFILE", "make"),
        ("Dockerfile", "docker"),
        ("dockerfile", "docker"),
        ("Dockerfile.prod", "docker"),
        ("docker/web.Dockerfile", "docker"),
        ("CMakeLists.txt", "cmake"),
        ("notes.txt", "text"),
        ("LICENSE", "text"),
        ("license", "text"),
        ("Cargo.lock", "toml"),
        ("Pipfile", "toml"),
        ("Pipfile.lock", "json"),
        (".editorconfig", "ini"),
        (".github/workflows/ci.yml", "yaml"),
        ("Gemfile", "ruby"),
        (".bashrc", "bash"),
        ("schema.graphqls", "graphql"),
        ("main.tf", "terraform"),
        ("a.b/c", None),
        ("data.bin", None),
        ("Gemfile.lock", None),
        ("x.py.orig", None),
        ("", None),
    ],
)
def test_name_decides(path: str, language: str | None) -> None:
    assert detect(path, b"") == language


@pytest.mark.parametrize(
    ("line", "language"),
    [
        (b"#!/bin/sh", "bash"),
        (b"#!/bin/bash -eu", "bash"),
        (b"#! /usr/bin/env bash", "bash"),
        (b"#!/usr/bin/env python3", "python"),
        (b"#!/usr/bin/python3.12", "python"),
        (b"#!/usr/bin/env -S python3 -u", "python"),
        (b"#!/usr/bin/env -S uv run --script", "python"),
        (b"#!/usr/bin/env PYTHONPATH=. python3", "python"),
        (b"#!/usr/bin/env -S deno run --allow-net", "typescript"),
        (b"#!/usr/bin/env node", "javascript"),
        (b"#!/usr/bin/node\r", "javascript"),
        (b"#!/opt/luajit-2.1/bin/luajit-2.1", "lua"),
        (b"#!/usr/bin/make -f", "make"),
        (b"#!/usr/bin/env php8.2", "php"),
        (b"#!/usr/bin/perl -w", None),
        (b"#!/usr/bin/env", None),
        (b"#!", None),
        (b"#!\xff\xfe", None),
        (b"# /bin/sh", None),
    ],
)
def test_interpreter_line_decides_without_an_extension(line: bytes, language: str | None) -> None:
    assert detect("bin/tool", line + b"\nrest\n") == language
    assert detect("bin/tool.rb", line + b"\n") == "ruby"


@pytest.mark.parametrize(
    "text",
    [
        b"#pragma once\nnamespace a {\nvoid f();\n}\n",
        b"namespace a::b\n{\n",
        b"inline namespace v1 {\n",
        b"class Foo;\n",
        b"class ABSL_EXPORT Foo final : public Bar {\n",
        b"class API(x) Foo\n{\n",
        b"enum class Color : int { red };\n",
        b"  template <typename T>\n",
        b"using std::string;\n",
        b"using Name = int;\n",
        b"struct A {\n public:\n  int x;\n};\n",
        b"#include <string>\n",
        b"# include <type_traits>\r\n",
    ],
)
def test_header_that_shows_cpp_is_cpp(text: bytes) -> None:
    assert detect("a/b.h", text) == "cpp"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"#include <string.h>\nint f(void);\n",
        b"/*\n  using the pool of this\n  class of objects, see the namespace\n  template for it\n*/\nstruct a;\n",
        b'#ifdef __cplusplus\nextern "C" {\n#endif\n',
        b"typedef struct class_t class_t;\nint public_key;\n",
        b"// class Foo {\n",
    ],
)
def test_other_header_is_c(text: bytes) -> None:
    assert detect("a/b.h", text) == "c"
    assert detect("a/b.c", b"class Foo {\n") == "c"


def test_no_name_belongs_to_two_languages() -> None:
    for field in ("extensions", "filenames", "interpreters"):
        names = [name.lower() for language in all_languages().values() for name in getattr(language, field)]
        assert len(names) == len(set(names))


def test_every_row_is_whole() -> None:
    for name, language in all_languages().items():
        assert by_name(name) is language
        assert language.kind in KINDS
        assert language.extensions or language.filenames
        assert not (language.grammar and language.sections)
        assert bool(language.tags) == bool(language.grammar)
        assert all(extension == extension.lower() and not extension.startswith(".") for extension in language.extensions)
        if language.sections:
            assert "name" in re.compile(language.sections).groupindex
    assert by_name("klingon") is None


@pytest.mark.parametrize(
    ("language", "line", "name"),
    [
        ("make", "all: test", "all"),
        ("make", "fmt format: x", "fmt format"),
        ("make", "%.o: %.c", "%.o"),
        ("make", "$(OBJ)/a.o:: b", "$(OBJ)/a.o"),
        ("make", ".PHONY: all", None),
        ("make", "CC := gcc", None),
        ("make", "CC ::= gcc", None),
        ("make", "URL = http://a", None),
        ("make", "$(info a: b)", None),
        ("make", "\techo a: b", None),
        ("docker", "FROM --platform=$BUILDPLATFORM golang:1.22 AS build", "golang:1.22 AS build"),
        ("docker", "from alpine", "alpine"),
        ("sql", "CREATE OR REPLACE FUNCTION public.f(a int)", "public.f"),
        ("sql", "create table if not exists `a`.`b` (", "`a`.`b`"),
        ("sql", "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a);", "i"),
        ("sql", "CREATE INDEX ON t (a);", None),
        ("sql", "CREATE PACKAGE BODY p AS", "p"),
        ("sql", "-- create table x", None),
        ("ini", '[remote "origin"]', 'remote "origin"'),
        ("ini", "a = [b]", None),
        ("rst", ".. _label:", "label"),
        ("rst", ".. _Python: https://python.org", None),
        ("rst", ".. py:method:: A.b(c)", "A.b"),
        ("rst", ".. note::", None),
        ("cmake", "  function(f x)", "f"),
        ("cmake", "add_library(${PROJECT_NAME} STATIC)", "${PROJECT_NAME}"),
        ("cmake", "endfunction()", None),
        ("proto", "  message A {", "A"),
        ("proto", "  rpc Get(A) returns (B);", "Get"),
        ("proto", "  service provided by others", None),
        ("graphql", "extend type A @key {", "A"),
        ("graphql", "directive @skip(if: Boolean!) on FIELD", "skip"),
        ("graphql", "schema {", "schema"),
        ("graphql", "type: String", None),
        ("terraform", 'resource "a" "b" {', '"a" "b"'),
        ("terraform", "locals {", "locals"),
        ("terraform", 'source = "{"', None),
        ("vue", "<script setup>", "script"),
        ("vue", "  <template>", None),
    ],
)
def test_sections_name_their_heads(language: str, line: str, name: str | None) -> None:
    found = by_name(language)
    assert found is not None and found.sections is not None
    match = re.match(found.sections, line)
    assert (match["name"].strip() if match else None) == name
