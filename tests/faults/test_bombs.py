"""Texts that are made to hurt a parser, in every language: the run ends, in bounded time and memory, and every file is accounted for."""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from groma import core
from tests.processes import PATIENCE_S, Place, children, gone, repository

MEMORY_BYTES = 1_500_000_000
"""What any process of an index run may use, the parser's included."""


def wrapped(text: str, width: int = 4000) -> str:
    """On lines short enough not to pass for minified."""
    return "\n".join(text[i : i + width] for i in range(0, len(text), width)) + "\n"


SMALL = {
    "brackets": wrapped("(" * 100_000),
    "blocks": "if (x) {\n" * 3000 + "}\n" * 3000,
}
"""For every language."""

LARGE = {
    "curly": wrapped("{" * 100_000),
    "square": wrapped("[" * 100_000),
    "angle": wrapped("<" * 100_000),
    "mixed": wrapped("([{" * 33_000),
    "pairs": wrapped("(" * 50_000 + ")" * 50_000),
    "lines": "(\n" * 100_000,
    "indented": "".join(" " * i + "if x:\n" for i in range(1300)) + " " * 1300 + "pass\n",
    "comments": wrapped("/*" * 50_000),
    "quotes": wrapped('"' * 99_999),
    "ticks": wrapped("`${" * 33_000),
    "minus": wrapped("x = " + "-" * 100_000 + "1"),
    "dots": wrapped("x = " + "a." * 100_000 + "a"),
    "calls": wrapped("a(" * 50_000),
    "not": "x = " + "not \\\n" * 30_000 + "1\n",
    "backslashes": "\\\n" * 100_000,
    "generics": wrapped("A<" * 50_000),
    "arrows": "x = " + "() =>\n" * 20_000 + "1\n",
    "elses": "if (x) { a(); }\n" + "else if (x) { a(); }\n" * 20_000,
    "classes": "class A {\n" * 20_000 + "}\n" * 20_000,
    "functions": "".join(f"function f{i}() {{ return {i}; }}\n" for i in range(20_000)),
    "definitions": "".join(f"def f{i}():\n  pass\n" for i in range(30_000)),
    "elements": "<div>\n" * 20_000 + "</div>\n" * 20_000,
    "dashes": wrapped("- " * 60_000),
    "arrays": wrapped("[" * 60_000 + "]" * 60_000),
    "objects": wrapped('{"a":' * 20_000 + "1" + "}" * 20_000),
    "links": wrapped("[" * 40_000 + "](a)" * 20_000),
    "heredocs": "cat <<A\n" * 5000,
    "dollars": wrapped("$(" * 50_000),
    "commas": wrapped("(a," * 30_000),
}
"""For every language too, in the full count."""


def extension(name: str) -> str:
    language = core.all_languages()[name]
    return language.extensions[0] if language.extensions else ""


LANGUAGES = [name for name, language in core.all_languages().items() if language.extensions]


def bomb_files(bombs: dict[str, str], languages: list[str]) -> dict[str, str]:
    return {f"{name}/{bomb}.{extension(name)}": text for name in languages for bomb, text in bombs.items()}


class Peaks(threading.Thread):
    """The most memory that a process and its parser had, in bytes, looked at all the while it runs."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.own, self.parser = pid, 0, 0
        self.start()

    def run(self) -> None:
        while own := resident(self.pid):
            self.own = max(self.own, own)
            self.parser = max([self.parser, *map(resident, children(self.pid))])
            time.sleep(0.02)


def resident(pid: int) -> int:
    """The most memory that a process had so far, in bytes; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024  # not in MB: of one that has only just begun it would be none
    return 0


def exploded(folder: Path, files: dict[str, str | bytes], **env: str) -> dict[str, object]:
    """Index bombs beside one good file, and account for every one of them."""
    place = Place(folder / "place")
    root = repository(folder / "repo", {**files, "good.py": "def the_needle():\n    return 'in the haystack'\n"}, commit=False)
    begun = time.monotonic()

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))

    process = place.start("index", "--json", root, before=bounded, env=env)
    peaks = Peaks(process.pid)
    ran = place.end(process, patience=10 * PATIENCE_S)
    seconds = time.monotonic() - begun
    index = ran.json
    assert index["known"] == len(files) + 1 == index["indexed"] + sum(index["skipped"].values()), index
    place.groma("verify")
    assert place.groma("search", "--json", "--repo", root, "-k", "1", "the_needle", env=env).hits[0][0] == "good.py"
    counts = {"files": len(files), "seconds": round(seconds, 1), "skipped": index["skipped"], "chunks": index["chunks"]}
    assert peaks.own and peaks.parser
    return {**counts, "peak MB": peaks.own // 1_000_000, "peak MB of the parser": peaks.parser // 1_000_000}


def test_brackets_and_blocks_in_every_language(tmp_path: Path) -> None:
    counts = exploded(tmp_path, dict(bomb_files(SMALL, LANGUAGES)))
    assert counts["skipped"] == {}


def test_what_made_a_parser_crash_or_run_away_costs_that_file_alone(place: Place) -> None:
    """20 kB of `/*/*/*…` take Python's grammar 16 GB and a minute; deep generics crash Java's. Both were met on the way."""
    bombs = {"slow.py": wrapped("/*" * 10_000, 4000), "Deep.java": wrapped("A<" * 50_000)}
    root = repository(place.folder / "repo", {**bombs, "good.py": "def the_needle():\n    return 1\n"}, commit=False)
    begun = time.monotonic()
    index = place.groma("index", "--json", root).json
    assert index["indexed"] == 3
    for path in bombs:
        why = place.groma("why", "--json", path, cwd=root).json
        assert why["indexed"] and why["note"] in ("parse-budget", "parser-crashed", "syntax-errors"), why
    assert place.groma("search", "--json", "--repo", root, "the_needle").json["hits"][0]["symbol"] == "the_needle"
    assert time.monotonic() - begun < 60


def large_texts(folder: Path, megabytes: int) -> dict[str, object]:
    """One long line, minified JavaScript, a text of so many megabytes and one beyond the limit, and what nests deep without being code."""
    minified = "".join(f"function a{i}(b,c){{return b?c:a{i}(c,b)}}var d{i}=[{i},{{e:{i}}}];" for i in range(20_000))
    text = "".join(f"line {i} of a long, long text about nothing in particular\n" for i in range(16_500 * megabytes))
    files: dict[str, str | bytes] = {
        "minified.js": minified,
        "app.min.js": "var a=1;\n",
        "one-line.txt": "x" * 5_000_000,
        "one-line.json": "[" + "1," * 2_500_000 + "1]",
        "words.txt": text,
        "larger.txt": "yes " * 5_100_000,
        "deep.json": SMALL["brackets"].replace("(", "["),
        "deep.yaml": "".join(" " * i + f"- a{i}:\n" for i in range(1300)),
        "deep.html": LARGE["elements"],
    }
    counts = exploded(folder, files)
    assert counts["skipped"] == {"generated": 1, "minified": 3, "too-large": 1}
    return counts


def test_large_and_minified_texts(tmp_path: Path) -> None:
    large_texts(tmp_path, 2)


def test_a_very_long_line(tmp_path: Path) -> None:
    long_lines(tmp_path, 5)


def long_lines(folder: Path, megabytes: int) -> dict[str, object]:
    """Lines of so many megabytes, where files of that size are wanted: of words, of numbers, and minified JavaScript."""
    code = "function a(b,c){return b?c:a(c,b)}var d=[1,{e:2}];"
    files: dict[str, str | bytes] = {
        "line.txt": "word " * (200_000 * megabytes),
        "line.json": "[" + "1," * (500_000 * megabytes) + "1]",
        "line.js": code * (20_000 * megabytes),
    }
    counts = exploded(folder, files, GROMA_MAX_FILE_BYTES="100000000")
    assert counts["skipped"] == {"minified": 3}
    return counts


def generated_code(folder: Path, megabytes: int) -> dict[str, object]:
    """So much code that a program wrote: in files that are parsed, in one that is too large to parse, and in one that is too large to index."""
    shapes = {
        "py": "def get_field_{i}(message, default=None):\n    value = message.fields.get({i}, default)\n    return value if value else {i}\n\n\n",
        "go": "func (m *Message{i}) GetField{i}() int {{\n\tif m != nil {{\n\t\treturn m.Field{i}\n\t}}\n\treturn {i}\n}}\n\n",
        "ts": "export class Message{i} {{\n  field{i} = {i};\n  get(): number {{\n    return this.field{i} * {i};\n  }}\n}}\n\n",
        "java": "class Message{i} {{\n  int field{i} = {i};\n  int get() {{\n    return this.field{i} * {i};\n  }}\n}}\n\n",
    }

    def code(extension: str, size: int, seed: int) -> str:
        shape = shapes[extension]
        return "".join(shape.format(i=seed * 100_000 + i) for i in range(size // len(shape)))

    files: dict[str, str | bytes] = {}
    for n in range(2 * megabytes):
        extension = list(shapes)[n % 4]
        files[f"part{n // 20}/generated{n}.{extension}"] = code(extension, 500_000, n)
    files["windows.py"] = code("py", max(1_100_000, 50_000 * megabytes), 9)
    files["too_large.py"] = code("py", 1_000_000, 8) * 200
    counts = exploded(folder, files)
    assert counts["skipped"] == {"too-large": 1}
    return counts


def test_generated_code(tmp_path: Path) -> None:
    generated_code(tmp_path, 1)


def test_the_parser_does_not_outlive_a_killed_run(place: Place) -> None:
    root = repository(place.folder / "repo", {"slow.py": wrapped("/*" * 10_000, 4000)}, commit=False)
    process = place.start("index", root)
    while not (found := children(process.pid)):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert all(gone(pid) for pid in found)


if sys.platform != "linux":  # pragma: no cover - not this system
    pytestmark = pytest.mark.skip("these look at processes the Linux way")

if __name__ == "__main__":  # one bomb at a time, with what each costs: python -m tests.faults.test_bombs LANGUAGE…
    for name in sys.argv[1:] or LANGUAGES:
        for bomb, text in {**SMALL, **LARGE}.items():
            begun = time.process_time()
            batch = core.scan_texts([(f"bomb.{extension(name)}", text.encode())])
            used = time.process_time() - begun
            print(json.dumps([name, bomb, len(text), round(used, 2), batch.files.reasons[0], batch.files.notes[0], len(batch.texts)]))  # noqa: T201
