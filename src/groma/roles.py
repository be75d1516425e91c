"""What parts a file plays in a tree, by its path and kind: a test, an example, a package's front … Ranking weighs them.

What is said here is kept with each file; a change of the rules is a change of the store's format.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["CONFIGURATION", "DECLARATIONS", "DOCUMENTATION", "EXAMPLE", "FRONT", "TEST", "roles"]

TEST, EXAMPLE, FRONT, DECLARATIONS, DOCUMENTATION, CONFIGURATION = (1 << n for n in range(6))

_TEST_FILE = re.compile(r"(test_[^/]*|[^/]*_test|[^/]*_spec|[^/]*[a-z]Tests?|[^/]*Spec|[^/]*Suite|[^/]*\.test|[^/]*\.spec|test_helpers?[^/]*)\.\w+$")
_TEST_FOLDER = re.compile(r"(^|/)(tests?|__tests__|spec|testing|fixtures?|testdata|test[-_]\w+|benchmarks?|bench|mocks?)(/|$)", re.I)
_EXAMPLE_FOLDER = re.compile(r"(^|/)(_?examples?|docs?_src|samples?|demos?|compat|_compat|legacy|deprecated|vendor|third_party)(/|$)", re.I)
_FRONTS = ("__init__.py", "package-info.java")
_KINDS = {"docs": DOCUMENTATION, "text": DOCUMENTATION, "config": CONFIGURATION}


def roles(path: str, kind: str) -> int:
    """One bit a role of the file at `path`, which is of `kind` (see `languages.toml`)."""
    folder, _, name = path.rpartition("/")
    found = _of(folder) | _of(name) | _KINDS.get(kind, 0)
    if _TEST_FILE.match(name):
        found |= TEST
    if name in _FRONTS:
        found |= FRONT
    if name.endswith(".d.ts"):
        found |= DECLARATIONS
    return found


@lru_cache(4096)
def _of(names: str) -> int:
    return (TEST if _TEST_FOLDER.search(names) else 0) | (EXAMPLE if _EXAMPLE_FOLDER.search(names) else 0)
