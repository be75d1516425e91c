"""Which files of a folder are not wanted, judged in the core. Twin of `groma._pure.ignore`, where the rules are written down."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from .. import _rs
from .._shared import IGNORED, JUNK, JUNK_SOURCE, ONLY_TRACKED, RULE_FILES, WANTED, Verdict

__all__ = [
    "IGNORED",
    "JUNK",
    "JUNK_SOURCE",
    "ONLY_TRACKED",
    "RULE_FILES",
    "WANTED",
    "Ground",
    "Verdict",
    "child",
    "enter",
    "explain",
    "fate",
    "survey",
]

Ground = _rs.Ground
survey = _rs.survey
child = _rs.child
fate = _rs.fate


def enter(ground: Ground, present: AbstractSet[bytes]) -> Ground:
    """See the twin."""
    return _rs.enter(ground, b".git" in present, b".gitignore" in present, b".gromaignore" in present)


def explain(root: str, path: str) -> Verdict:
    """See the twin."""
    found = _rs.explain_ignored(root, path)
    if found is None:
        raise ValueError(f"{path} does not lie below {root}")
    return Verdict(*found)
