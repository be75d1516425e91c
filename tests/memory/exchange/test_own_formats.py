"""groma's own formats: what is written comes back the same, and what was tampered with is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groma.drafts import MAX_CONTENT
from groma.errors import UsageError
from groma.memory.exchange import read, read_files, write
from groma.memory.exchange.markdown import file_name
from groma.records import Memory, plain

from .samples import memories, outcome, some


def _unique(found: list[Memory]) -> list[Memory]:
    return list({m.id: m for m in found}.values())


@pytest.mark.parametrize("format", ["jsonl", "markdown"])
@settings(max_examples=150, deadline=None)
@given(found=st.lists(memories(), max_size=4).map(_unique))
def test_round_trip_is_exact(format: str, found: list[Memory]) -> None:
    text = "".join(write(found, format))
    entries = read(text.encode(), "x", format)
    assert [e.memory for e in entries] == found
    assert [(e.id, e.created, e.expires) for e in entries] == [(m.id, m.created, m.expires) for m in found]
    assert [e.draft.content for e in entries] == [m.content for m in found]


@pytest.mark.parametrize("format", ["jsonl", "markdown"])
@settings(max_examples=60, deadline=None)
@given(m=memories())
def test_format_is_told_by_content(format: str, m: Memory) -> None:
    assert [e.memory for e in read("".join(write([m], format)))] == [m]


def test_a_line_has_every_field_under_its_name() -> None:
    found = some()
    assert [json.loads(line) for line in write(found, "jsonl")] == [json.loads(json.dumps(plain(m))) for m in found]


def test_a_document_can_be_read_by_people() -> None:
    (text,) = write(some(1), "markdown")
    assert text.startswith('---\nid: "0199a000-0000-7000-8000-000000000000"\nlevel: PROJECT_CONTEXT\n')
    assert "created: 2025-11-21T10:13:20.25Z\n" in text
    assert 'anchors: ["src/my%20cache%231.py#Writer.flush blob=' in text
    assert text.endswith("---\nSee `Writer.flush`.\n\n<!-- end 0199a000-0000-7000-8000-000000000000 -->\n")


def test_documents_in_a_folder() -> None:
    files = [(file_name(m), "".join(write([m], "markdown"))) for m in some()]
    entries = read_files(files)
    assert [e.memory for e in entries] == some()
    assert [e.file for e in entries] == [name for name, _ in files]
    with pytest.raises(UsageError, match=r"^again\.md: line 1: the id 0199a\S+ is in line 1 of 0199a\S+\.md, too"):
        read_files([*files, ("again.md", files[0][1])])


@pytest.mark.parametrize("format", ["jsonl", "markdown"])
def test_line_feeds_of_windows_and_a_byte_order_mark(format: str) -> None:
    found = [Memory("0199a000-0000-7000-8000-000000000000", "One.\n\n  Two.\n", created=1.5)]
    text = "".join(write(found, format))
    assert [e.memory for e in read(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())] == found


@pytest.mark.parametrize("format", ["jsonl", "markdown"])
def test_cut_off_at_every_byte(format: str) -> None:
    """All whole entries that are left or an error; never a part of one."""
    found = [*some(2), Memory("0199a000-0000-7000-8000-0000000000ff", "Größe <!-- end 0199a000-0000-7000-8000-0000000000ff -->\n---\n…")]
    data = "".join(write(found, format)).encode()
    told = 0
    for end in range(len(data)):
        entries = outcome(data[:end], "x", format)
        if isinstance(entries, str):
            told += 1
            assert entries.startswith("x: Line ")
        else:
            assert [e.memory for e in entries] == found[: len(entries)]
    assert told >= len(data) - 3 * len(found)


def test_how_many_were_fine_is_said() -> None:
    good = list(write(some(3), "jsonl"))
    with pytest.raises(
        UsageError, match=r"^m\.jsonl: Line 3: this is not valid JSON \(.*\)\. Is the file cut off\? Nothing was imported \(2 entries"
    ):
        read("".join(good)[:-20], "m.jsonl")
    with pytest.raises(UsageError, match=r"Line 4: the id 0199a\S+ is the one of line 1, too") as caught:
        read("".join([*good, good[0]]), "m.jsonl")
    assert caught.value.context["fine"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"importance": float("nan")}, "importance"),
        ({"trust": 2}, "trust must be a number from 0 to 1"),
        ({"trust": True}, "trust"),
        ({"state": "trusted"}, "state must be one of active"),
        ({"source": "root"}, "source"),
        ({"level": "SYSTEM"}, "level"),
        ({"created": "last week"}, "created"),
        ({"created": 1e300}, "created"),
        ({"uses": -1}, "uses"),
        ({"uses": 1.5}, "uses"),
        ({"id": "../../etc/passwd"}, "id must be the id of a memory"),
        ({"superseded_by": 5}, "superseded_by"),
        ({"content": ""}, "content is empty"),
        ({"content": None}, "content is missing"),
        ({"content": ["x"]}, "content must be a text"),
        ({"content": "a\0b"}, "NUL"),
        ({"content": "\ud800"}, "surrogate"),
        ({"content": "x" * (4 * MAX_CONTENT + 1)}, "content must be a text of at most"),
        ({"reason": "\ud800"}, "reason"),
        ({"model": "m" * 201}, "model"),
        ({"tags": ['a"b']}, "tags"),
        ({"tags": "a"}, "tags"),
        ({"scope": "everywhere"}, "scope"),
        ({"anchors": [{"path": "/etc/passwd"}]}, "anchors"),
        ({"flavour": "x"}, "no field 'flavour'"),
    ],
)
def test_a_record_that_was_changed_is_told(change: dict[str, object], message: str) -> None:
    said = plain(some(1)[0]) | change
    with pytest.raises(UsageError, match=f"^Line 1: .*{message}"):
        read(json.dumps(said), format="jsonl")


def test_a_record_may_be_what_a_draft_may_not() -> None:
    """Masks lengthen a text, and what is superseded before it holds ends before it begins."""
    m = Memory("0199a000-0000-7000-8000-000000000000", "é" * (MAX_CONTENT + 100), valid_from=20.0, valid_to=10.0)
    for format in ("jsonl", "markdown"):
        assert [e.memory for e in read("".join(write([m], format)), format=format)] == [m]


def test_lines_and_notes_without_an_id_are_drafts() -> None:
    (line,) = read('{"content": "Uses spaces", "tags": ["style"], "source": "human", "created": "2026-01-02"}')
    (note,) = read("---\ntags:\n  - style\nsource: human\ncreated: 2026-01-02\n---\n\nUses spaces\n\n", "note.md")
    for one in (line, note):
        assert (one.memory, one.id, one.draft.content, one.draft.tags, one.draft.source) == (None, None, "Uses spaces", ("style",), "human")
        assert one.created == 1_767_312_000.0
    assert read('{"content": "Uses spaces"}')[0].draft.source == "import"
    with pytest.raises(UsageError, match=r"Line 1: There is no field .*colour"):
        read('{"content": "x", "colour": "red"}', format="jsonl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\nid: 0199a000\n", "Line 1: the front matter that begins here does not end: is the file cut off"),
        ('---\nid: "0199a000"\n---\n\ntext\n', "Line 1: the document that begins here has no last line"),
        ('---\nid: "0199a000"\n---\n\ntext\n<!-- end 0199a000 -->\nmore\n', "Line 7: a document with front matter begins with"),
        ("---\nid: 1\nid: 2\n---\n", "Line 3: the field id was given in line 2, too"),
        ("---\ncontent: x\n---\ny", "not in a field content"),
        ("---\nkind: {a: b}\n---\ny", "Line 2: only single values"),
        ("---\nkind: |\n  b\n---\ny", "Line 2: only single values"),
        ("---\ntags: [a, b\n---\ny", "Line 2: this list does not end"),
        ("---\ntags: [a,,b]\n---\ny", "Line 2: only single values and lists of them are read here; an empty item"),
        ('---\ntags: ["a" b]\n---\ny', "Line 2: something follows the quoted text"),
        ("---\ntags: [a] b\n---\ny", "Line 2: something follows the list"),
        ('---\nagent: "\\x"\n---\ny', "Line 2: this quoted text is not one of JSON"),
        ('---\nagent: "a" b\n---\ny', "Line 2: something follows"),
        ("---\nagent\n---\ny", "Line 2: this is not front matter"),
        ("---\ntags: []\nanchors: ['a b c']\n---\ny", "Line 1: an anchor is"),
        ("---\ntags: []\nvalid_from: 2026-02-30T00:00:00Z\n---\ny", "Line 1: the field valid_from is no time"),
    ],
)
def test_front_matter_that_is_none(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text, format="markdown")
    assert message in caught.value.message


def test_front_matter_by_hand() -> None:
    text = """---
# settings
agent: 'it''s me'   # who
session: plain text, with commas
importance: 0.25
role: ~
tags:   # several
- one
-  "two"

- 'three'
anchors: [src/a.py#Engine.close, "docs/x y.md"]
parent: null
---
Body
"""
    with pytest.raises(UsageError, match="anchor is"):
        read(text, format="markdown")
    (one,) = read(text.replace("x y", "x%20y"), format="markdown")
    assert one.draft.agent == "it's me" and one.draft.session == "plain text, with commas"
    assert one.draft.tags == ("one", "three", "two") and one.draft.importance == 0.25 and one.draft.role == ""
    assert [(a.path, a.symbol) for a in one.draft.anchors] == [("src/a.py", "Engine.close"), ("docs/x y.md", "")]
