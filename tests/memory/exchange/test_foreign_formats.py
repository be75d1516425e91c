"""Exports of other tools, in the shapes of their repositories and documentation."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groma.errors import UsageError
from groma.memory.exchange import Entry, read, sniff, write
from groma.records import Memory, memory

from . import samples
from .samples import lines, outcome


def kept(entries: list[Entry]) -> list[Memory]:
    """As an engine would keep them."""
    return [memory(e.draft, f"{n:08x}", now=float(n)) for n, e in enumerate(entries)]


# ------------------------------------------------------------------------------------------------------------- the memory server


def test_graph_of_the_memory_server() -> None:
    entries = read(samples.GRAPH)
    assert [(e.line, e.draft.content, e.draft.parent, e.draft.position, e.draft.category, e.draft.tags) for e in entries] == [
        (1, "Maintains the parser", "Ada", 0, "person", ("Ada",)),
        (1, "Prefers small commits", "Ada", 1, "person", ("Ada",)),
        (2, "parser (component)", "parser", 0, "component", ("parser",)),
        (3, "Leaves on Tuesdays", "release train", 0, "process", ("release train",)),
        (4, "Ada maintains parser", "Ada", 0, "relation", ("Ada", "parser")),
        (5, "parser ships with release train", "parser", 0, "relation", ("parser", "release train")),
    ]
    assert {e.draft.source for e in entries} == {"import"}


_name = st.text(st.sampled_from("abcAÉ _-.:/()"), min_size=1, max_size=10).filter(lambda s: " ".join(s.split()) == s and s)
_type = st.text(st.sampled_from("abc_ "), min_size=1, max_size=8).filter(lambda s: " ".join(s.split()) == s and s != "relation")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_graph_goes_back_as_it_came(data: st.DataObject) -> None:
    names = data.draw(st.lists(_name, min_size=1, max_size=4, unique=True))
    graph: list[dict[str, object]] = [
        {
            "type": "entity",
            "name": name,
            "entityType": data.draw(_type),
            "observations": data.draw(st.lists(st.text(st.sampled_from('xyz \n"'), min_size=1).filter(str.strip), max_size=3, unique=True)),
        }
        for name in names
    ]
    ends = st.tuples(st.sampled_from(names), st.sampled_from(["manages", "works_at", "part_of"]), st.sampled_from(names))
    edges = sorted(data.draw(st.lists(ends, max_size=3, unique=True)))
    graph += [{"type": "relation", "from": a, "to": b, "relationType": how} for a, how, b in edges]
    back = [json.loads(line) for line in write(kept(read(lines(*graph), format="memory-server")), "memory-server", now=1.0)]
    assert [one for one in back if one["type"] == "entity"] == graph[: len(names)]
    # Where a name ends in another one, a sentence can be cut in two places; it says the same.
    said = sorted(f"{a} {how} {b}" for a, how, b in edges)
    assert sorted(f"{one['from']} {one['relationType']} {one['to']}" for one in back if one["type"] == "relation") == said


def test_memories_that_never_were_a_graph() -> None:
    found = [
        Memory("0" * 8, "Prefers tabs", "USER_PREFERENCE", category="style"),
        Memory("1" * 8, "Uses Postgres 16", project="/srv/app", scope="project"),
        Memory("2" * 8, "Uses Postgres 15", project="/srv/app", scope="project", superseded_by="1" * 8),
        Memory("3" * 8, "Loose end"),
        Memory("4" * 8, "held", state="quarantined"),
    ]
    assert [json.loads(line) for line in write(found, "memory-server", now=1.0)] == [
        {"type": "entity", "name": "user", "entityType": "style", "observations": ["Prefers tabs"]},
        {"type": "entity", "name": "app", "entityType": "memory", "observations": ["Uses Postgres 16"]},
        {"type": "entity", "name": "general", "entityType": "memory", "observations": ["Loose end"]},
    ]


def test_a_sentence_that_leads_to_nothing_known_stays_an_observation() -> None:
    found = [
        Memory("0" * 8, "ada reviews parser", category="relation", parent="ada"),
        Memory("1" * 8, "lexer feeds ada", category="relation", parent="lexer", position=1),
        Memory("2" * 8, "so it is", category="relation"),
    ]
    assert [json.loads(line) for line in write(found, "memory-server", now=1.0)] == [
        {"type": "entity", "name": "ada", "entityType": "relation", "observations": ["ada reviews parser"]},
        {"type": "entity", "name": "lexer", "entityType": "memory", "observations": []},
        {"type": "entity", "name": "general", "entityType": "relation", "observations": ["so it is"]},
        {"type": "relation", "from": "lexer", "to": "ada", "relationType": "feeds"},
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"type": "note", "text": "x"}, 'neither "type": "entity" nor'),
        ({"type": ["entity"]}, 'neither "type": "entity" nor'),
        ({"type": "entity", "name": "A", "observations": []}, "entityType must be a text"),
        ({"type": "entity", "name": " ", "entityType": "t", "observations": []}, "name must be a text"),
        ({"type": "entity", "name": "A", "entityType": "t", "observations": "x"}, "observations must be a list"),
        ({"type": "entity", "name": "A", "entityType": "t", "observations": [None]}, "content is missing"),
        ({"type": "entity", "name": "A", "entityType": "t", "observations": [7]}, "content must be a text"),
        ({"type": "relation", "from": "A", "to": "B"}, "relationType must be a text"),
        (42, "not an object"),
    ],
)
def test_lines_that_the_server_would_skip_are_told(line: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(samples.GRAPH + lines(line), "memory.jsonl", "memory-server")
    assert caught.value.message.startswith("memory.jsonl: Line 6: ") and message in caught.value.message
    assert caught.value.context["fine"] == 6


def test_two_objects_on_a_line() -> None:
    with pytest.raises(UsageError, match="Line 1: something follows the object"):
        read(samples.GRAPH.replace("\n", "", 1))


# ------------------------------------------------------------------------------------------------------------------------- mem0


def test_mem0_platform() -> None:
    first, second = read(samples.MEM0_PLATFORM)
    assert first.draft.content == "Prefers tabs in Makefiles"
    assert (first.id, first.created, first.expires) == ("6b0e3c1e-5a52-4a0e-9d7b-0d8f6a1d0001", 1_725_383_765.490548, None)
    assert (first.draft.category, first.draft.tags) == ("style", ("make", "preferences", "style", "tooling", "user:ada"))
    assert (second.draft.session, second.draft.agent, second.draft.category) == ("sprint-14", "", "")
    assert second.expires == 1_796_083_200.0


def test_mem0_library() -> None:
    (one,) = read(samples.MEM0_OSS)
    assert (one.draft.agent, one.draft.session, one.draft.role, one.draft.tags) == ("coder", "r1", "Ada", ("user:ada",))
    (ts,) = read('[{"id": "1", "memory": "x", "hash": "h", "createdAt": "2026-01-02T00:00:00Z", "userId": "ada", "runId": "r"}]')
    assert (ts.created, ts.draft.session, ts.draft.tags) == (1_767_312_000.0, "r", ("user:ada",))


def test_mem0_graph_memory() -> None:
    around = {
        "relations": [{"source": "ada", "relationship": "reviews", "target": "parser"}, {"source": "a", "relationship": "b", "destination": "c"}]
    }
    found = read(json.dumps({"results": [{"id": "1", "memory": "x"}], **around}))
    assert [e.draft.content for e in found] == ["x", "ada reviews parser", "a b c"]
    assert (found[1].draft.category, found[1].draft.tags, found[1].draft.parent) == ("relation", ("ada", "parser"), "ada")
    with pytest.raises(UsageError, match="Line 1: the list relations"):
        read(json.dumps({"results": [{"id": "1", "memory": "x"}], "relations": [{"source": "ada"}]}))


def test_openmemory_backup() -> None:
    first, second = read(samples.OPENMEMORY_BACKUP)
    assert (first.id, first.draft.content, first.draft.category) == ("m1", "Reviews before noon", "work")
    assert (second.id, second.draft.tags) == ("m3", ("archived", "user:u"))
    one, two = read(samples.OPENMEMORY_LINES)
    assert (one.draft.category, one.draft.tags) == ("work", ("app:editor", "work"))
    assert (two.draft.tags, two.created) == (("paused",), None)


# ---------------------------------------------------------------------------------------------------------------------- LanceDB


def test_lancedb_plugin_export() -> None:
    (one,) = read(samples.LANCEDB_PLUGIN)
    assert (one.draft.content, one.draft.category, one.draft.importance, one.draft.agent) == (
        "Deploys go through the release branch", "decision", 0.7, "main",
    )  # fmt: skip
    assert (one.id, one.created, one.draft.source) == ("4c5f0000-aaaa-4bbb-8ccc-000000000001", 1_793_448_000.5, "import")


def test_lancedb_rows() -> None:
    first, second, third = read(samples.LANCEDB_ROWS)
    assert (first.line, first.draft.scope, first.draft.project, first.draft.importance) == (2, "project", "web", None)
    assert (first.created, first.draft.tags, first.draft.session) == (1_763_720_000.123, ("lock", "uv"), "s9")
    assert (second.draft.agent, second.draft.importance, second.draft.scope) == ("writer", 1.0, None)
    assert read('[{"text": "x", "vector": [], "scope": "global"}]')[0].draft.scope == "global"
    assert (third.id, third.draft.tags, third.created) == ("3", ("room:42",), 1_763_720_000.0)


@pytest.mark.parametrize(
    "at", [1_763_720_000, 1_763_720_000_000, 1_763_720_000_000_000, 1_763_720_000_000_000_000, "1763720000000", "2025-11-21T10:13:20Z"]
)
def test_times_of_any_unit(at: object) -> None:
    (one,) = read(json.dumps([{"text": "x", "vector": [], "timestamp": at}]))
    assert one.created == 1_763_720_000.0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "x", "timestamp": "soon"}, "timestamp"),
        ({"text": "x", "timestamp": 1e300}, "timestamp"),
        ({"text": "x", "timestamp": [1]}, "timestamp"),
        ({"text": "x", "vector": [], "metadata": "{"}, "metadata"),
        ({"text": "x", "vector": [], "id": {"a": 1}}, "id must be a text"),
        ({"text": "x", "vector": [], "id": "a\nb"}, "id must be a text"),
        ({"vector": [1]}, "none of the fields text"),
        ({"text": 5, "vector": []}, "content must be a text"),
        ({"text": "", "vector": []}, "content is empty"),
    ],
)
def test_rows_that_cannot_be_read(row: object, message: str) -> None:
    with pytest.raises(UsageError, match=r"^t\.json: Line 2: .*" + message) as caught:
        read(f'[{{"text": "good", "vector": []}},\n{json.dumps(row)}]', "t.json", "lancedb")
    assert caught.value.context["fine"] == 1


# ---------------------------------------------------------------------------------------------------------------- all of them


def test_names_that_a_draft_would_refuse_are_made_to_fit() -> None:
    said = {"memory": "x", "categories": ['a "b", c\\', "d" * 100, "", 5, None, True], "agent_id": "a\nb" * 100, "user_id": "'"}
    (one,) = read(json.dumps([said]))
    assert one.draft.tags == ("5", "a b c", "d" * 64)
    assert len(one.draft.agent) <= 200 and "\n" not in one.draft.agent


@pytest.mark.parametrize("text", samples.FOREIGN)
def test_cut_off_at_every_byte(text: str) -> None:
    """All whole entries that are left (of a file with one a line) or an error; never a part of one."""
    format = sniff(text)
    found = read(text, format=format)
    data = text.rstrip().encode()
    by_line = text.startswith("{") and "\n{" in text
    for end in range(1, len(data)):
        entries = outcome(data[:end], format=format)
        if isinstance(entries, str):
            assert entries.startswith("Line ")
        else:
            assert by_line and data[:end].endswith((b"\n", b"}"))
            assert entries == found[: len(entries)]


@pytest.mark.parametrize("text", samples.FOREIGN)
def test_every_entry_fits_a_record(text: str) -> None:
    entries = [replace(e, draft=replace(e.draft, project=e.draft.project or "app")) for e in read(text)]
    found = kept(entries)
    assert [e.memory for e in read("".join(write(found, "jsonl")))] == found
