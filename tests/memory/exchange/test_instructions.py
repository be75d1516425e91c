"""Files of instructions: what becomes a unit, and that writing touches nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groma.errors import UsageError
from groma.memory.exchange import read, write
from groma.memory.exchange.instructions import BEGIN, END
from groma.records import PROJECT_CONTEXT, SESSION_STATE, USER_PREFERENCE, Memory

from .samples import memories

CLAUDE = """# Billing service

Python 3.12, FastAPI, Postgres.
Money is `Decimal`, never float.

@docs/architecture.md

## Commands

- Run the tests:

  ```bash
  make test    # all
    indented
  ```
- Lint with `ruff`
  before every commit
  - also in CI
    - and nightly

      with a paragraph
* A star
1. First step
2. Second step

```sh
# not a heading
make all
```

## Style ##

Never abbreviate
names.
- A point right below

---

<!-- a note for
maintainers -->

Setext title
============

> Quoted advice

<!-- groma:begin -->
- what groma wrote
<!-- groma:end -->

| a | b |
|---|---|
"""


def units(text: str, name: str = "CLAUDE.md") -> list[tuple[str, str]]:
    return [(e.draft.category, e.draft.content) for e in read(text, name, "instructions")]


def test_units_of_a_file() -> None:
    assert units(CLAUDE) == [
        ("Billing service", "Python 3.12, FastAPI, Postgres.\nMoney is `Decimal`, never float."),
        ("Billing service", "@docs/architecture.md"),
        ("Commands", "Run the tests:\n\n```bash\nmake test    # all\n  indented\n```"),
        ("Commands", "Lint with `ruff`\nbefore every commit\n- also in CI\n  - and nightly\n\n    with a paragraph"),
        ("Commands", "A star"),
        ("Commands", "First step"),
        ("Commands", "Second step\n\n```sh\n# not a heading\nmake all\n```"),
        ("Style", "Never abbreviate\nnames."),
        ("Style", "A point right below"),
        ("Setext title", "> Quoted advice"),
        ("Setext title", "| a | b |\n|---|---|"),
    ]


def test_where_a_unit_comes_from() -> None:
    found = read(CLAUDE, "/home/ada/app/CLAUDE.md")
    assert [e.line for e in found] == [3, 6, 10, 16, 22, 23, 24, 33, 35, 45, 51]
    assert {(e.draft.parent, e.draft.source, e.draft.level, e.id) for e in found} == {("CLAUDE.md", "import", None, None)}
    assert [e.draft.position for e in found] == list(range(len(found)))
    assert found[3].draft.tags == ("Billing service", "Commands")
    assert found[-1].draft.tags == ("Setext title",)


def test_line_feeds_of_windows_read_the_same() -> None:
    assert units(CLAUDE.replace("\n", "\r\n")) == units(CLAUDE)


@pytest.mark.parametrize("name", ["AGENTS.md", "GEMINI.md", ".cursorrules", "x/.cursor/rules/a.mdc", "docs/Notes.markdown", ""])
def test_told_by_name_or_content(name: str) -> None:
    assert units("---\ndescription: rules\nglobs: *.ts\n---\n\n- Use strict mode", name) == [("", "Use strict mode")]


def test_plain_rules_without_structure() -> None:
    assert units("You are careful.\n\nAnswer briefly.", ".cursorrules") == [("", "You are careful."), ("", "Answer briefly.")]
    assert units("- a\n\tb\n\n\tc", "AGENTS.md") == [("", "a\nb\n\nc")]
    assert units("---\n\ntext", "AGENTS.md") == [("", "text")]
    assert units("text <!-- said in passing -->", "AGENTS.md") == [("", "text <!-- said in passing -->")]
    assert units("[a link](x) first", "AGENTS.md") == [("", "[a link](x) first")]
    assert units('# “Quotes”, "these", and `code`\n- x', "AGENTS.md") == [("“Quotes” these and code", "x")]
    assert units("", "AGENTS.md") == []
    assert units("Old title\n---------\nNever guess.\n---\nAsk.", "AGENTS.md") == [("Old title", "Never guess."), ("Old title", "Ask.")]
    assert units("<!-- a\nb --> c\n\n<!-- d --> e", "AGENTS.md") == [("", "c"), ("", "<!-- d --> e")]
    assert units("# C#\n- a\n## F # #\n- b", "AGENTS.md") == [("C#", "a"), ("F #", "b")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# T\n\n- a\n\n```py\nx = 1\n", "Line 5: the block of code that begins here has no end: is the file cut off?"),
        ("- a\n<!-- groma:begin -->\n- b\n", "Line 2: the section of groma that begins here has no <!-- groma:end -->"),
        ("- a\n\n<!-- remark\n", "Line 3: the comment that begins here has no -->"),
    ],
)
def test_cut_off(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text, "CLAUDE.md")
    assert caught.value.message.startswith(f"CLAUDE.md: {message}")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["- ", "  ", "# ", "x", "\n", "\n\n", "```", "~~~", "---", "===", "<!--", "-->", "\t", "1. ", "@a", "\r\n", "é"]), max_size=40
    )
)
def test_any_markdown_is_read_or_told_and_loses_no_word(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        found = read(text, "CLAUDE.md")
    except UsageError:
        return
    kept = "".join(e.draft.content + "".join(e.draft.tags) for e in found)
    if not any(mark in text for mark in ("<!--", "#", "=", "---")):  # comments, headings and settings are no units
        assert "@" not in text or "@" in kept
        assert kept.count("x") >= 1 or "x" not in text


# ----------------------------------------------------------------------------------------------------------------------- writing

NOW = 1_000.0
KEPT = [
    Memory("0" * 8, "Answer in German", USER_PREFERENCE, created=2.0),
    Memory("1" * 8, "Prefers small commits", USER_PREFERENCE, created=1.0),
    Memory("2" * 8, "Tests:\n\n```\nmake test\n```\n<!-- groma:end -->", PROJECT_CONTEXT, category="commands", created=1.0),
    Memory("3" * 8, "CI runs nightly", PROJECT_CONTEXT, created=1.0),
]
LEFT = [
    Memory("4" * 8, "a session's", SESSION_STATE),
    Memory("5" * 8, "old", superseded_by="3" * 8),
    Memory("6" * 8, "forgotten", forgotten=1.0),
    Memory("7" * 8, "expired", expires=NOW),
    Memory("8" * 8, "quarantined", state="quarantined"),
    Memory("9" * 8, "not yet", valid_from=NOW + 1),
    Memory("a" * 8, "proposed", USER_PREFERENCE, state="proposed"),
]
SECTION = """<!-- groma:begin -->
## Preferences

- Prefers small commits
- Answer in German

## Project context

- CI runs nightly

### commands

- Tests:

  ```
  make test
  ```
  <!-- groma:end -->

<!-- groma:end -->
"""


def written(existing: str, found: list[Memory] | None = None) -> str:
    return "".join(write(KEPT + LEFT if found is None else found, "instructions", existing=existing, now=NOW))


def test_section() -> None:
    assert written("") == SECTION
    assert written("# Mine\n") == "# Mine\n\n" + SECTION
    assert written("# Mine") == "# Mine\n\n" + SECTION
    assert written(f"a\n{BEGIN}\nold\n{END}\nb") == f"a\n{SECTION}b"
    assert written(f"a\n{BEGIN}\n{END}") == f"a\n{SECTION}".removesuffix("\n")
    assert written(f"\ufeff{BEGIN}\n{END}\n") == f"\ufeff{SECTION}"
    assert written("# Mine\r\n") == ("# Mine\n\n" + SECTION).replace("\n", "\r\n")
    assert written("a\n", []) == f"a\n\n{BEGIN}\n{END}\n"
    assert units(written("")) == []


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("ab \n\r\t-#é\u2028`"), max_size=30),
    st.text(st.sampled_from("ab \n\r\t-#é\u2028`"), max_size=30),
    st.lists(memories(), max_size=3),
)
def test_the_rest_of_the_file_stays_byte_for_byte(before: str, after: str, found: list[Memory]) -> None:
    existing = f"{before}\n{BEGIN}\nwhat was\n{END}\n{after}"
    text = written(existing, found)
    assert text.startswith(f"{before}\n{BEGIN}") and text.endswith((f"{END}\r\n{after}", f"{END}\n{after}"))
    assert written(text, found) == text
    appended = written(before, found)
    assert appended.startswith(before) and written(appended, found) == appended


@pytest.mark.parametrize("existing", [BEGIN, END, f"{END}\n{BEGIN}\n", f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_markers_that_are_not_one_pair(existing: str) -> None:
    with pytest.raises(UsageError, match=r"not one pair \(lines [\d, ]+\)"):
        written(existing)
