"""The knowledge store through the engine: counts are exact, pages are whole, and what is cleaned up can be brought back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groma.catalogue.memory_events import call
from groma.catalogue.memory_writes import undo
from groma.config import load
from groma.engine import Engine
from groma.errors import Refused, UsageError
from groma.memories import Memories
from groma.memories.knowledge import age
from groma.memory.facts import Facts, Sight
from groma.records import KINDS, KNOWLEDGE, LEVELS, STATES, Memory
from groma.types import LOCAL, Caller

SUBJECTS = "cache queue ledger router parser scheduler gateway uploader indexer mailer".split()


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[Memories]:
    with Engine(load({}, data_dir=tmp_path / "data", config_file=tmp_path / "none")) as engine:
        yield engine.memories


def entries(n: int) -> list[dict[str, object]]:
    return [
        {
            "content": f"The {SUBJECTS[i % 10]} of service s{i} was written by team t{i}",
            "type": KNOWLEDGE[i % 7],
            "project": f"p{i % 3}",
            "agent": f"a{i % 5}",
            "tags": ["even" if i % 2 == 0 else "odd"],
        }
        for i in range(n)
    ]


def test_counts_pages_and_cleanup_are_exact(memories: Memories) -> None:
    said = entries(300)
    receipts = memories.store_batch(LOCAL, said, here="")
    assert {r.outcome for r in receipts} == {"stored"} and {r.level for r in receipts} == {"PROJECT_CONTEXT"}
    memories.remember(LOCAL, [{"content": "A plain memory is no knowledge entry"}], here="")
    counted = memories.statistics(LOCAL)
    assert counted.total == 300
    for column, field in (("kind", "type"), ("project", "project"), ("agent", "agent")):
        assert counted.by[column] == Counter(e[field] for e in said)
    assert memories.statistics(LOCAL, types=["issue"], project="p1", agent="a2").total == sum(
        (e["type"], e["project"], e["agent"]) == ("issue", "p1", "a2") for e in said
    )
    seen, after = [], None
    while True:
        page = memories.query(LOCAL, tags=["odd"], limit=40, after=after)
        seen += [m.content for m in page.entries]
        if (after := page.next) is None:
            break
    assert sorted(seen) == sorted(str(e["content"]) for e in said if e["tags"] == ["odd"])
    assert memories.search(LOCAL, "which team wrote service s77", limit=3).memories[0].memory.content == said[77]["content"]

    assert memories.cleanup(LOCAL, older_than="1h").ids == ()
    would = memories.cleanup(LOCAL, older_than=0, dry_run=True, project="p2")
    done = memories.cleanup(LOCAL, older_than=0, project="p2")
    assert done.ids == would.ids and len(done.ids) == 100 and memories.statistics(LOCAL).total == 200
    assert all(r.memory.project != "p2" for r in memories.search(LOCAL, "service s77", limit=100).memories)
    undo(memories._data.db, call("test"), done.batch)
    assert memories.statistics(LOCAL).total == 300
    assert memories.search(LOCAL, "service s77", limit=3).memories[0].memory.content == said[77]["content"]


def test_a_bad_entry_costs_itself_only(memories: Memories) -> None:
    said: list[object] = [{"content": "Redis holds the sessions"}, 7, {"content": "x", "type": "rumour"}, {"type": "issue"}]
    receipts = memories.store_batch(LOCAL, said, here="")
    assert [r.outcome for r in receipts] == ["stored", "rejected", "rejected", "rejected"]
    assert "no type 'rumour'" in receipts[2].reason and memories.query(LOCAL).entries[0].kind == "general"
    with pytest.raises(UsageError, match="no type 'rumour'"):
        memories.search(LOCAL, "x", types=["rumour"])


def test_a_superseded_entry_is_listed_counted_and_marked(memories: Memories) -> None:
    old = memories.store(LOCAL, "The service listens on port 8080", here="", type="configuration")
    new = memories.store(LOCAL, "The service listens on port 9090", here="", type="configuration")
    assert (new.outcome, new.target) == ("supersedes", old.id)
    assert [(m.id, m.superseded_by) for m in memories.query(LOCAL).entries] == [(new.id, None), (old.id, new.id)]
    assert memories.statistics(LOCAL).total == 2


def test_who_may_not(memories: Memories) -> None:
    for write in (lambda c: memories.store(c, "x", here=""), lambda c: memories.cleanup(c, older_than=1)):
        with pytest.raises(Refused):
            write(Caller("guest"))


def test_ages() -> None:
    assert [age(said) for said in ("90d", "12h", "2w", "30m", " 1.5D ", 7)] == [7_776_000, 43_200, 1_209_600, 1_800, 129_600, 7]
    for said in ("", "d", "90", "-1d", "1y", float("nan"), -1, True, "9" * 40 + "d"):
        with pytest.raises(UsageError, match="is none"):
            age(said)


RECORDS = st.builds(
    Memory,
    id=st.sampled_from("abcdefgh"),
    content=st.just("x"),
    level=st.sampled_from(LEVELS),
    kind=st.sampled_from(KINDS),
    project=st.sampled_from(["", "p", "q"]),
    tags=st.sampled_from([(), ("t",), ("t", "u"), ("tt",)]),
    state=st.sampled_from(STATES),
    created=st.sampled_from([1.0, 5.0]),
    valid_from=st.sampled_from([None, 3.0]),
    expires=st.sampled_from([None, 4.0, 9.0]),
    superseded_by=st.sampled_from([None, "z"]),
)
SIGHTS = st.builds(
    Sight,
    now=st.sampled_from([2.0, 6.0]),
    project=st.sampled_from([None, "", "p", "never"]),
    levels=st.sets(st.sampled_from(LEVELS)).map(frozenset),
    kinds=st.sets(st.sampled_from(KINDS), max_size=3).map(frozenset),
    tags=st.sampled_from([frozenset(), frozenset("t"), frozenset("tu")]),
    as_of=st.sampled_from([None, 2.0, 4.0]),
)


@given(st.lists(RECORDS, max_size=20), st.lists(st.sampled_from("abcdefgh"), max_size=4), SIGHTS)
@settings(deadline=None)
def test_the_columns_say_what_the_records_say(records: list[Memory], dropped: list[str], sight: Sight) -> None:
    facts, now = Facts(), {}
    for m in records:
        facts.put(m)
        now[m.id] = m
    for id in dropped:
        facts.drop(id)
        now.pop(id, None)

    def visible(m: Memory) -> bool:
        began = m.created if m.valid_from is None else m.valid_from
        return (
            m.state == "active"
            and (m.expires is None or m.expires > sight.now)
            and (sight.project is None or m.project in ("", sight.project))
            and (not sight.levels or m.level in sight.levels)
            and (not sight.kinds or m.kind in sight.kinds)
            and sight.tags <= set(m.tags)
            and (sight.as_of is None or began <= sight.as_of)
        )

    seen, peers = facts.seen(sight), facts.peers("p")
    assert {id for id in "abcdefgh" if id in seen} == {id for id, m in now.items() if visible(m)}
    assert {id for id in "abcdefgh" if id in peers} == {
        id for id, m in now.items() if m.state == "active" and m.superseded_by is None and m.project == "p"
    }
    assert facts.standing() == {id for id, m in now.items() if m.state == "active"}


def test_a_new_process_knows_what_the_old_one_knew(memories: Memories, tmp_path: Path) -> None:
    memories.store_batch(LOCAL, entries(60), here="")
    before = [(r.memory, r.score) for r in memories.search(LOCAL, "team of the cache", limit=20).memories]
    begun = time.time()
    with Engine(load({}, data_dir=tmp_path / "data", config_file=tmp_path / "none")) as other:
        assert [(r.memory, r.score) for r in other.memories.search(LOCAL, "team of the cache", limit=20).memories] == before
    assert all(m.created <= begun for m, _ in before)
