"""Every language with a grammar has a sample from real source, and its outline and chunks are as they were read."""

from pathlib import Path

import pytest

from groma._pure.languages import all_languages
from tests.golden.languages.outline import render, sample

HERE = Path(__file__).parent
NAMES = sorted(p.name for p in HERE.iterdir() if p.is_dir() and (p / "expected.txt").is_file())


def test_every_grammar_and_section_language_has_a_sample() -> None:
    wanted = {x.name for x in all_languages().values() if x.grammar or x.sections}
    assert wanted - set(NAMES) == set()


@pytest.mark.parametrize("name", NAMES)
def test_outline_is_as_read(name: str) -> None:
    assert render(name) == (HERE / name / "expected.txt").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_chunks_cover_every_line_that_is_not_blank(name: str) -> None:
    lines = sample(name).read_text("utf-8").split("\n")
    covered: set[int] = set()
    for row in render(name).split("\nchunks\n", 1)[1].splitlines():
        first, last = row.split()[0].split("-")
        covered.update(range(int(first) - 1, int(last)))
    assert {i for i, line in enumerate(lines) if line.strip()} <= covered
