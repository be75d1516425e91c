"""Which format it is, what no file may be, and that nothing but a UsageError ever comes of bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groma.errors import UsageError
from groma.memory import exchange
from groma.memory.exchange import FORMATS, MAX_BYTES, WRITABLE, entries, read, read_files, sniff, write

from . import samples
from .samples import lines, outcome, some


@pytest.mark.parametrize(
    ("text", "name", "format"),
    [
        ("".join(write(some(), "jsonl")), "", "jsonl"),
        ('{"content": "x", "tags": ["a"]}', "x.json", "jsonl"),
        ("".join(write(some(), "markdown")), "CLAUDE.md", "markdown"),
        ("---\ntags: [a]\n---\nx", "", "markdown"),
        (samples.GRAPH, "memory.jsonl", "memory-server"),
        (samples.MEM0_PLATFORM, "", "mem0"),
        (samples.MEM0_OSS, "", "mem0"),
        (samples.OPENMEMORY_BACKUP, "memories.json", "mem0"),
        (samples.OPENMEMORY_LINES, "", "mem0"),
        (samples.LANCEDB_PLUGIN, "", "lancedb"),
        (samples.LANCEDB_ROWS, "", "lancedb"),
        ('[{"id": "1", "content": "x"}]', "", "lancedb"),
        ("# T\n\n- a", "", "instructions"),
        ("anything", "GEMINI.md", "instructions"),
        ("- a", "notes.txt", "instructions"),
        ("", "AGENTS.md", "instructions"),
    ],
)
def test_sniff(text: str, name: str, format: str) -> None:
    assert sniff(text, name) == format


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "", "is empty"),
        (" \n ", "export.json", "is empty"),
        ("a,b\n1,2\n", "table.csv", "begins neither like JSON nor like Markdown"),
        ("[]", "", "the list in it is empty"),
        ('{"results": []}', "", "the list in it is empty"),
        ("[1]", "", "Line 1: this row is JSON, but not an object"),
        ('{"nodes": [], "edges": []}', "", "no format that is known holds objects of these fields: 'edges, nodes'"),
        ('{"text": "a",}', "", "Line 1: this is not valid JSON (a name in quotes expected)"),
        ('[{"text": "a"} {"text": "b"}]', "", "Line 1: this is not valid JSON (, or ] expected)"),
        ("{1: 2}", "x.json", "x.json: Line 1: this is not valid JSON (a name in quotes expected)"),
        ('{"a": ', "x.json", "Line 1: this is not valid JSON"),
        ("{}", "", "these fields: 'none'"),
    ],
)
def test_nothing_fits(text: str, name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text, name)
    assert message in caught.value.message
    assert caught.value.message.startswith(name)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("- Größe".encode("utf-16"), "UTF-16"),
        ("- abc".encode("utf-16-le"), "UTF-16"),
        ("- abc".encode("utf-16-be"), "UTF-16"),
        ("- abc".encode("utf-32"), "UTF-32"),
        ("- a\n- Größe".encode("latin-1"), "Line 2: this is not UTF-8 text"),
        ("- a\n- Grö".encode()[:-1], "Line 2: the file ends within a character: is it cut off?"),
        (b"- a\n- b\0", "Line 2: there is a NUL character"),
        ("- a\n\n\ud800", "Line 3: there is half of a surrogate pair"),
        (b"\x1f\x8b\x08\0", "packed (gzip)"),
        (b"PK\x03\x04rest", "packed (ZIP)"),
    ],
)
def test_what_is_no_text(data: bytes | str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(data, "a.md")
    assert caught.value.message.startswith("a.md: ") and message in caught.value.message


def test_too_large() -> None:
    with pytest.raises(UsageError, match="more than 200 MB"):
        read(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 200_000, '[{"text": ' + "[" * 200_000, '{"content": ' + "9" * 10_000 + "}", "[[[" + "]" * 9]
)
def test_depth_and_digits(format: str, text: str) -> None:
    if format == "instructions":
        assert [e.draft.content for e in read(text[:1000], "a.md", format)] == [text[:1000]]
    else:
        with pytest.raises(UsageError, match="Line 1"):
            read(text, format=format)


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MAX_ENTRIES", 2)
    with pytest.raises(UsageError, match="Line 3: there are more than 2 entries"):
        read(lines(*({"content": f"n{k}"} for k in range(3))))
    monkeypatch.setattr(exchange, "MAX_ENTRIES", 2)
    with pytest.raises(UsageError, match="There are more than 2 entries: import the files one after another"):
        read_files([("a.md", "- a\n- b"), ("b.md", "- c")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (lines({"id": 1, "memory": "a"}, {"id": "1", "memory": "b"}), "Line 2: the id 1 is the one of line 1, too"),
        ('[{"id": "x", "text": "a"}, {"id": "x", "text": "b"}]', "Line 1: the id x is the one of line 1, too"),
    ],
)
def test_an_id_twice(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.message.startswith(message) and "Nothing was imported (1 entry" in caught.value.message


def test_several_files_are_all_or_nothing() -> None:
    good = ("a.jsonl", "".join(write(some(), "jsonl")))
    assert len(read_files([good, ("CLAUDE.md", "- b")])) == 4
    with pytest.raises(UsageError, match=r"^b\.json: Line 1"):
        read_files([good, ("b.json", "[{")])


@pytest.mark.parametrize("format", ["yaml", "mem0", "lancedb", ""])
def test_what_cannot_be_written(format: str) -> None:
    with pytest.raises(UsageError, match=r"There is no format .* here; there are jsonl, markdown, instructions, memory-server\."):
        write([], format)


def test_no_memories_make_empty_files() -> None:
    assert ["".join(write([], format)) for format in WRITABLE if format != "instructions"] == ["", "", ""]
    assert read("", format="jsonl") == []


_pieces = st.sampled_from(
    ['{"', '"}', "[", "]", "{", "}", ":", ",", '"id"', '"content"', '"type":"entity"', '"memory"', '"results"', "1e999", "NaN", "-", "---\n", "id: ",
     "tags: [", "\n", "\r\n", "```", "# ", "- ", "<!-- ", "\\u0000", "\\ud800", "\ufeff", "\x00", "\u2028", "null", "true", '"a"']
)  # fmt: skip
_bytes = st.binary(max_size=200) | st.lists(_pieces, max_size=25).map(lambda p: "".join(p).encode())


@settings(max_examples=500, deadline=None)
@given(_bytes, st.sampled_from(["", "a.md", "a.json", "CLAUDE.md"]), st.none() | st.sampled_from(FORMATS))
@example(b"\xff\xfe", "", None)
@example(b'{"results":[{"id":"1","memory":"a"}],', "", "mem0")
def test_bytes_are_read_or_told(data: bytes, name: str, format: str | None) -> None:
    found = outcome(data, name, format)
    if isinstance(found, str):
        assert found and "\n" not in found
    else:
        assert all(e.draft.content.strip() for e in found)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_keys = st.sampled_from(
    ["id", "content", "text", "memory", "type", "name", "entityType", "observations", "from", "to", "relationType", "metadata", "categories", "tags",
     "created_at", "timestamp", "createdAt", "expiration_date", "scope", "importance", "vector", "state", "level", "source", "anchors", "trust",
     "category_ids", "results", "role", "agent_id", "valid_from", "supersedes"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.dictionaries(_keys, _json, max_size=6), max_size=3), st.booleans(), st.none() | st.sampled_from(FORMATS))
def test_any_json_is_read_or_told(objects: list[object], one_a_line: bool, format: str | None) -> None:
    text = "\n".join(map(json.dumps, objects)) if one_a_line else json.dumps(objects)
    found = outcome(text, "x.json", format)
    assert isinstance(found, list) or (found and "\n" not in found)


def test_nothing_here_opens_a_file_or_knows_more_than_values() -> None:
    folder = Path(entries.__file__).parent
    for path in folder.glob("*.py"):
        text = path.read_text("utf-8")
        assert "open(" not in text and "Path" not in text
        above = {line.split()[1] for line in text.splitlines() if line.startswith("from ...")}
        assert above <= {"...drafts", "...errors", "...records", "...values"}, path.name
