"""Chunks: where texts are cut, and that nothing is lost or doubled."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from groma._pure.chunk import MERGE_TO, SPLIT_OVER, chunks
from groma._pure.languages import by_name
from groma._pure.parse import Definition, outline


def cut(source: str, language: str = "python") -> list[tuple[int, int, list[str], str | None]]:
    spoken = by_name(language)
    assert spoken is not None
    return [(c.first, c.last, [d.name for d in c.definitions], c.enclosing) for c in chunks(source.split("\n"), outline(source, spoken).definitions)]


def body(n: int) -> str:
    return "".join(f"    value_{i} = compute_something({i})\n" for i in range(n))


def test_a_chunk_begins_at_its_definition_moved_up_over_comments_and_decorators() -> None:
    source = "import os\n\n\ndef first():\n" + body(20) + "\n# about second\n@decorated\ndef second():\n" + body(20)
    found = cut(source)
    assert [names for _, _, names, _ in found] == [["first"], ["second"]]
    assert source.split("\n")[found[1][0]] == "# about second"


def test_small_neighbours_merge_and_know_their_class() -> None:
    source = "class A:\n" + "".join(f"    def m{i}(self):\n        return {i}\n\n" for i in range(6))
    (whole,) = cut(source)
    assert whole[2] == ["A", "m0", "m1", "m2", "m3", "m4", "m5"]
    long = "class A:\n" + "".join(f"    def m{i}(self):\n" + body(20) for i in range(3))
    assert [enclosing for _, _, _, enclosing in cut(long)] == [None, "A", "A"]


def test_long_functions_are_split_at_blank_lines() -> None:
    source = "def long():\n" + (body(10) + "\n") * 12
    found = cut(source)
    lines = source.split("\n")
    assert len(found) > 2
    for first, last, _, _ in found:
        assert len("\n".join(lines[first : last + 1])) <= SPLIT_OVER
    assert all(not lines[last].strip() or last == found[-1][1] for _, last, _, _ in found)


def test_variables_never_begin_a_chunk() -> None:
    definitions = [Definition(0, 0, "A", "constant", None, "", ""), Definition(3, 3, "B", "variable", None, "", "")]
    (only,) = chunks(["A = 1", "", "", "B = 2"], definitions)
    assert [d.name for d in only.definitions] == ["A", "B"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="ab {}#\t", max_size=120), max_size=120), st.lists(st.tuples(st.integers(0, 119), st.integers(0, 30)), max_size=12))
def test_every_line_that_is_not_blank_is_in_exactly_one_chunk(lines: list[str], spans: list[tuple[int, int]]) -> None:
    lines = lines or [""]
    definitions = [
        Definition(first, min(first + length, len(lines) - 1), f"d{first}", "function", None, "", "")
        for first, length in sorted(set(spans))
        if first < len(lines)
    ]
    seen = [i for c in chunks(lines, definitions) for i in range(c.first, c.last + 1)]
    assert len(seen) == len(set(seen))
    assert {i for i, line in enumerate(lines) if line.strip()} <= set(seen)
    named = [d for c in chunks(lines, definitions) for d in c.definitions]
    assert len(named) <= len(definitions)
    assert MERGE_TO < SPLIT_OVER
