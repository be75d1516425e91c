"""What filters mean."""

import pytest

from groma.filters import KIND_GROUPS, expand_kinds, file_matches, path_pattern
from groma.types import Filter


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("src", "src/a/b.py", True),
        ("src/", "src/a.py", True),
        ("./src", "src/a.py", True),
        ("src", "srcs/a.py", False),
        ("src/a.py", "src/a.py", True),
        (".", "any/thing.py", True),
        ("*.py", "a/b/c.py", True),
        ("*.py", "a/b/c.pyi", False),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/x/a.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/x/y/a.py", True),
        ("src/**", "src/x/y", True),
        ("**/test_*", "a/b/test_x.py", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].py", "a.py", True),
        ("[!ab].py", "a.py", False),
        ("a[", "a[", True),
        ("we(i)rd+", "we(i)rd+/x", True),
        ("tests*", "tests_unit/x.py", True),
    ],
)
def test_paths(pattern: str, path: str, matches: bool) -> None:
    assert bool(path_pattern(pattern).fullmatch(path)) is matches


def test_all_fields_must_hold_and_any_value_suffices() -> None:
    both = Filter(frozenset({"go", "python"}), ("src", "lib"))
    assert file_matches(both, "lib/a.py", "python")
    assert not file_matches(both, "lib/a.rb", "ruby")
    assert not file_matches(both, "doc/a.py", "python")
    assert file_matches(Filter(), "anything", None)


def test_kind_groups() -> None:
    assert expand_kinds(frozenset({"docs", "class"})) == KIND_GROUPS["docs"] | {"class"}
    assert expand_kinds(frozenset()) == frozenset()
