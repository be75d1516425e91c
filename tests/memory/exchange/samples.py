"""Generated memories, and small files in the shapes that other tools write, with contents of our own."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from groma.errors import UsageError
from groma.memory.exchange import Entry, read
from groma.records import KINDS, LEVELS, SOURCES, STATES, Anchor, Memory

_line = st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp"))
_any = st.characters(blacklist_categories=("Cs",), blacklist_characters="\0")
_word = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp", "Zs"), blacklist_characters="\"'`,\\"), min_size=1, max_size=12)
_path_part = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp"), blacklist_characters="/\\~:"), min_size=1, max_size=8).filter(
    lambda part: part not in (".", "..")
)
_short = st.text(_line, max_size=20).map(str.strip)
_times = st.floats(0, 250_000_000_000) | st.floats(-60_000_000_000, 0) | st.integers(0, 4_000_000_000).map(float)
_maybe = st.none() | _times
_ids = st.uuids().map(str)
_object_id = st.text("0123456789abcdef", min_size=40, max_size=40)
_anchors = st.builds(Anchor, st.lists(_path_part, min_size=1, max_size=3).map("/".join), _short, st.just("") | _object_id, st.just("") | _object_id)
_tricky = st.sampled_from(
    ["---", "- a", "<!-- end", "```", "# h", "key: v", "\r\n", "\r", "\u2028", "\x85", "\x0c", "\ufeff", "  x  ", '"', "\\", "é"]
)


@st.composite
def contents(draw: st.DrawFn, id: str) -> str:
    pieces = draw(st.lists(st.text(_any, max_size=15) | _tricky | st.just(f"<!-- end {id} -->"), max_size=6))
    text = "\n".join(pieces)
    return text if text.strip() else text + "x"


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    id = draw(_ids)
    source = draw(st.sampled_from(SOURCES))
    return Memory(
        id=id,
        content=draw(contents(id)),
        level=draw(st.sampled_from(LEVELS)),
        kind=draw(st.sampled_from(KINDS)),
        category=draw(st.just("") | _word),
        scope=draw(st.sampled_from(["global", "project", "path:src/a b.py", "symbol:Engine.close", "symbol:a: b"])),
        project=draw(st.sampled_from(["", "/srv/app", "groma", "C:\\work\\app", "true", "1.5"])),
        tags=tuple(sorted(set(draw(st.lists(_word, max_size=4))))),
        importance=draw(st.floats(0, 1)),
        source=source,
        trust=draw(st.floats(0, 1)),
        session=draw(_short),
        agent=draw(_short),
        state=draw(st.sampled_from(STATES)),
        reason=draw(st.text(_any, max_size=20)),
        masked=draw(st.integers(0, 2**53 - 1)),
        created=draw(_times),
        updated=draw(_times),
        used=draw(_maybe),
        uses=draw(st.integers(0, 2**53 - 1)),
        valid_from=draw(_maybe),
        valid_to=draw(_maybe),
        expires=draw(_maybe),
        supersedes=draw(st.none() | _ids),
        superseded_by=draw(st.none() | _ids),
        refines=draw(st.none() | _ids),
        forgotten=draw(_maybe),
        parent=draw(_short),
        position=draw(st.integers(0, 2**53 - 1)),
        role=draw(_short),
        model=draw(_short),
        anchors=tuple(dict.fromkeys(draw(st.lists(_anchors, max_size=3)))),
    )


def some(n: int = 3) -> list[Memory]:
    """A few records with everything in them."""
    return [
        Memory(
            id=f"0199a000-0000-7000-8000-{k:012x}",
            content=f"The cache is flushed by the writer, never by readers ({k}).\n\n---\nSee `Writer.flush`.\n",
            category="caching",
            scope="project",
            project="/srv/app",
            tags=("cache", "writer"),
            importance=0.8,
            source="agent",
            trust=0.6,
            created=1_763_720_000.25 + k,
            updated=1_763_720_001.123456 + k,
            valid_from=1_763_600_000.0,
            valid_to=1_763_500_000.0,
            superseded_by=None if k else f"0199a000-0000-7000-8000-{n:012x}",
            state="quarantined" if k == 1 else "active",
            reason="it asks to be obeyed" if k == 1 else "",
            anchors=(Anchor("src/my cache#1.py", "Writer.flush", "3f" * 20, "9b" * 20), Anchor("docs/100%.md")),
        )
        for k in range(n)
    ]


def outcome(data: bytes | str, name: str = "", format: str | None = None) -> list[Entry] | str:
    """What was read, or the sentence that says why nothing was."""
    try:
        return read(data, name, format)
    except UsageError as error:
        return error.message


def lines(*objects: object) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


GRAPH = lines(
    {"type": "entity", "name": "Ada", "entityType": "person", "observations": ["Maintains the parser", "Prefers small commits"]},
    {"type": "entity", "name": "parser", "entityType": "component", "observations": []},
    {"type": "entity", "name": "release train", "entityType": "process", "observations": ["Leaves on Tuesdays"]},
    {"type": "relation", "from": "Ada", "to": "parser", "relationType": "maintains"},
    {"type": "relation", "from": "parser", "to": "release train", "relationType": "ships with"},
)

MEM0_PLATFORM = json.dumps(
    {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": "6b0e3c1e-5a52-4a0e-9d7b-0d8f6a1d0001",
                "memory": "Prefers tabs in Makefiles",
                "user_id": "ada",
                "agent_id": None,
                "hash": "d41d8cd98f00b204e9800998ecf8427e",
                "metadata": {"category": "style", "tags": ["make"], "confidence": 0.9},
                "categories": ["preferences", "tooling"],
                "immutable": False,
                "expiration_date": None,
                "created_at": "2024-09-03T10:16:05.490548-07:00",
                "updated_at": "2024-09-03T10:16:05.490548-07:00",
            },
            {
                "id": "6b0e3c1e-5a52-4a0e-9d7b-0d8f6a1d0002",
                "memory": "The staging freeze ends on Friday",
                "user_id": "ada",
                "run_id": "sprint-14",
                "metadata": None,
                "categories": None,
                "expiration_date": "2026-12-01",
                "created_at": "2026-11-20T08:00:00Z",
                "updated_at": None,
            },
        ],
    },
    indent=2,
)

MEM0_OSS = json.dumps(
    [
        {
            "id": "f1",
            "memory": "Runs the tests with xdist",
            "hash": "ab" * 16,
            "metadata": {"data": "x"},
            "score": 0.4,
            "created_at": "2025-01-02T03:04:05.678901+00:00",
            "updated_at": None,
            "user_id": "ada",
            "agent_id": "coder",
            "run_id": "r1",
            "actor_id": "Ada",
            "role": "user",
        }
    ]
)

OPENMEMORY_BACKUP = json.dumps(
    {
        "user": {"id": "u", "user_id": "ada", "metadata": {}},
        "apps": [{"id": "a1", "name": "editor"}],
        "categories": [{"id": "c1", "name": "work", "description": None}],
        "memories": [
            {"id": "m1", "user_id": "u", "app_id": "a1", "content": "Reviews before noon", "metadata": {}, "state": "active",
             "created_at": "2025-06-01T00:00:00+00:00", "deleted_at": None, "category_ids": ["c1"]},
            {"id": "m2", "user_id": "u", "app_id": "a1", "content": "Was deleted", "metadata": {}, "state": "deleted",
             "created_at": "2025-06-01T00:00:00+00:00", "deleted_at": "2025-06-02T00:00:00+00:00", "category_ids": []},
            {"id": "m3", "user_id": "u", "app_id": None, "content": "Was put aside", "metadata": {}, "state": "archived",
             "created_at": "2025-06-01T00:00:00+00:00", "deleted_at": None, "category_ids": []},
        ],
        "memory_categories": [{"memory_id": "m1", "category_id": "c1"}],
        "status_history": [],
        "export_meta": {"version": "1"},
    }
)  # fmt: skip

OPENMEMORY_LINES = lines(
    {"id": "m1", "content": "Reviews before noon", "metadata": {}, "created_at": "2025-06-01T00:00:00+00:00", "updated_at": None,
     "state": "active", "app": "editor", "categories": ["work"]},
    {"id": "m3", "content": "Was put aside", "metadata": {}, "created_at": None, "updated_at": None, "state": "paused", "app": None,
     "categories": []},
)  # fmt: skip

LANCEDB_PLUGIN = json.dumps(
    {
        "exportedAt": "2026-11-01T00:00:00.000Z",
        "sourcePlugin": "memory-lancedb",
        "agentId": "main",
        "vectorDim": 3,
        "count": 1,
        "stats": {"decision": 1},
        "memories": [
            {
                "id": "4c5f0000-aaaa-4bbb-8ccc-000000000001",
                "text": "Deploys go through the release branch",
                "embedding": [0.1, -0.2, 0.3],
                "importance": 0.7,
                "category": "decision",
                "createdAt": "2026-10-31T12:00:00.500Z",
                "updatedAt": "2026-10-31T12:00:00.500Z",
                "source": "import",
                "agentId": "main",
            }
        ],
    },
    indent=2,
)

LANCEDB_ROWS = lines(
    {"id": "__schema__", "text": "", "vector": [0, 0], "category": "other", "scope": "global", "importance": 0, "timestamp": 0, "metadata": "{}"},
    {"id": "r1", "text": "Uses uv for locking", "vector": [1, 2], "category": "fact", "scope": "project:web", "importance": 4,
     "timestamp": 1_763_720_000_123, "metadata": '{"tags": ["uv", "lock"], "sessionId": "s9"}'},
    {"id": "r2", "text": "Speaks German", "vector": [1, 2], "category": "preference", "scope": "agent:writer", "importance": 1,
     "timestamp": 1_763_720_000_123, "metadata": "plain"},
    {"id": 3, "content": "Talks in rooms", "vector": [1], "scope": "room:42", "created_at": "1763720000"},
)  # fmt: skip

FOREIGN = [GRAPH, MEM0_PLATFORM, MEM0_OSS, OPENMEMORY_BACKUP, OPENMEMORY_LINES, LANCEDB_PLUGIN, LANCEDB_ROWS]
