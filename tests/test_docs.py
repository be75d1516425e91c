"""Documents that are generated are current; what they promise holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from groma.cli.main import VERBS
from tools import reference

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["reference", "languages", "tools"])
def test_generated_documents_are_current(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.md").read_text("utf-8") == getattr(reference, name)(), "run: make docs"


def test_the_base_install_is_listed_and_light() -> None:
    listed = set(re.findall(r"^\| ([\w.-]+) \| [\d.]+ \|$", (ROOT / "docs" / "dependencies.md").read_text("utf-8"), re.M))
    sizes = reference.base_packages()
    assert set(sizes) - listed == set(), "run: python tools/reference.py --sizes"
    assert sum(sizes.values()) <= 220


def test_the_readme_names_every_verb_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert all(re.search(rf"\b{verb}\b", text) for verb in VERBS)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), target
    assert "make run" in text
    assert "make test" in text


def test_the_example_environment_names_every_setting() -> None:
    from groma.config import SETTINGS

    text = (ROOT / ".env.example").read_text("utf-8")
    assert all(s.variable in text for s in SETTINGS)
