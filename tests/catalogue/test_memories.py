"""Memories in the catalogue: kept as given, found by what is asked for, changed without anything lost; on SQLite and on Postgres."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groma.catalogue import memories, memory_events, memory_writes
from groma.catalogue.database import Database
from groma.catalogue.identity import uuid7
from groma.catalogue.memory_events import Call
from groma.errors import CatalogueDamaged, UsageError
from groma.records import KINDS, LEVELS, SOURCES, STATES, Anchor, Memory, Selection

NOW = 1_795_000_000.0
DAY = 86_400.0

FULL = Memory(
    id="0198a5f0-0000-7000-8000-000000000001",
    content="Größe: don't use 'drop table'; \"quotes\", 100 % and ? — 🦀\n  verbatim  ",
    level="SESSION_STATE",
    kind="decision",
    category="build",
    scope="path:src/a b.py",
    project="/home/x/größe",
    tags=("a", "b_c", "d%"),
    importance=0.25,
    source="agent",
    trust=0.6,
    session="s1",
    agent="bot",
    state="proposed",
    reason="waits",
    masked=2,
    created=NOW,
    updated=NOW + 1,
    used=NOW + 2,
    uses=3,
    valid_from=NOW - 10,
    valid_to=NOW + 10 * DAY,
    expires=NOW + DAY,
    refines="0198a5f0-0000-7000-8000-000000000000",
    parent="talk",
    position=7,
    role="Ann",
    model="static",
    anchors=(Anchor("src/a b.py", "f", "a" * 40, "b" * 40), Anchor("z.py")),
)


def at(seconds: float = NOW, actor: str = "me") -> Call:
    return memory_events.call(actor, seconds)


def some(content: str, **more: object) -> Memory:
    return Memory(id=uuid7(), content=content, **{"created": NOW, "updated": NOW, **more})  # type: ignore[arg-type]


def keep(db: Database, *records: Memory) -> list[Memory]:
    added = memory_writes.add_all(db, at(), records)
    assert all(a.new for a in added)
    return [a.memory for a in added]


def ids(found: list[Memory]) -> list[str]:
    return [m.id for m in found]


# ----------------------------------------------------------------------------------------------------------- adding and reading


def test_a_record_comes_back_as_it_went_in(db: Database) -> None:
    keep(db, FULL)
    assert memories.get(db, FULL.id) == FULL
    assert memories.get_all(db, [FULL.id, "none", FULL.id]) == {FULL.id: FULL}
    assert memories.get(db, "none") is None
    with pytest.raises(UsageError, match="No memory has the id none"):
        memories.required(db, "none")


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
_WORD = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\"'`,\\\u2028\u2029"), min_size=1, max_size=12)
_TIME = st.none() | st.floats(-6e10, 2e11)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Memory,
        id=st.just(""),
        content=_TEXT,
        level=st.sampled_from(LEVELS),
        kind=st.sampled_from(KINDS),
        source=st.sampled_from(SOURCES),
        state=st.sampled_from(STATES),
        category=_WORD,
        project=_TEXT,
        tags=st.lists(_WORD, max_size=4, unique=True).map(lambda tags: tuple(sorted(tags))),
        importance=st.floats(0, 1),
        trust=st.floats(0, 1),
        created=st.floats(-6e10, 2e11),
        valid_from=_TIME,
        valid_to=_TIME,
        expires=_TIME,
        uses=st.integers(0, 2**53),
        position=st.integers(0, 2**53),
        anchors=st.lists(st.builds(Anchor, path=_WORD, symbol=_WORD), max_size=3).map(tuple),
    )
)
def test_any_record_survives_and_is_found_by_each_of_its_tags(db: Database, m: Memory) -> None:
    m = replace(m, id=uuid7())
    added = memory_writes.add(db, at(), m)
    if added.new:
        assert memories.get(db, m.id) == replace(m, supersedes=added.memory.supersedes)
        for tag in m.tags:
            assert m.id in ids(memories.select(db, replace(memories.EVERY, tags=(tag,)), NOW, limit=10_000))
    else:
        assert added.memory.hash == m.hash
    assert memories.problems(db) == []


def test_the_same_text_in_the_same_place_is_kept_once(db: Database) -> None:
    first = keep(db, some("We  use\nPostgres.", project="/x", scope="project"))[0]
    before = memory_events.last(db)
    again = memory_writes.add(db, at(), some(" We use Postgres. ", project="/x", scope="project", importance=0.9))
    assert again == memory_writes.Added(first, False)
    assert memory_events.last(db) == before
    elsewhere = some("We use Postgres.", project="/y", scope="project"), some("We use Postgres."), some("we use Postgres.")
    keep(db, *elsewhere)


def test_a_batch_tells_of_each_what_became_of_it(db: Database) -> None:
    old = keep(db, some("one"))[0]
    two = some("two")
    added = memory_writes.add_all(db, at(), [some("one"), two, some("two"), some("three")])
    assert [a.new for a in added] == [False, True, False, True]
    assert (added[0].memory, added[2].memory) == (old, two)
    assert memories.count(db, Selection(), NOW) == 3


def test_a_batch_with_one_that_cannot_be_kept_keeps_none(db: Database) -> None:
    taken = keep(db, some("one"))[0]
    with pytest.raises(UsageError, match="is that of another memory"):
        memory_writes.add_all(db, at(), [some("two"), replace(some("three"), id=taken.id)])
    with pytest.raises(UsageError, match="not valid Unicode"):
        memory_writes.add_all(db, at(), [some("two"), some("half \ud83e")])
    assert ids(memories.select(db, memories.EVERY, NOW)) == [taken.id]
    assert memory_events.last(db) == 1


def test_adding_the_same_record_again_changes_nothing(db: Database) -> None:
    kept = keep(db, FULL)[0]
    assert memory_writes.add(db, at(), FULL) == memory_writes.Added(kept, False)
    memory_writes.forget(db, at(), [FULL.id])
    assert not memory_writes.add(db, at(), FULL).new
    assert memory_events.last(db) == 2


def test_what_has_expired_or_ended_may_be_said_again(db: Database) -> None:
    expired, ended = keep(db, some("on branch x", expires=NOW + 5), some("we use X", valid_to=NOW + 5))
    assert not memory_writes.add(db, at(NOW + 4), some("on branch x")).new
    for old in (expired, ended):
        added = memory_writes.add(db, at(NOW + 6), some(old.content))
        assert (added.new, added.memory.supersedes) == (True, old.id)
        assert memories.required(db, old.id).superseded_by == added.memory.id
    assert not memory_writes.add(db, at(NOW + 6), some("on branch x", valid_to=NOW + 5)).new


def test_records_of_the_past_may_say_what_one_that_stands_says(db: Database) -> None:
    keep(db, some("one"), some("one", forgotten=NOW), some("one", superseded_by=FULL.id))
    assert memories.count(db, memories.EVERY, NOW) == 3
    assert memories.count(db, Selection(), NOW) == 1


def test_a_name_is_an_id_its_beginning_or_its_end(db: Database) -> None:
    one, two = "01999999-1111-7000-8000-aaaaaaaaaaaa", "01999999-2222-7000-8000-bbbbbbbbbbbb"
    keep(db, replace(some("one"), id=one), replace(some("two"), id=two))
    for name in (one, one.upper(), f" {one} ", one[:13], "aaaaaaaaaaaa", one[-8:]):
        assert memories.find(db, name).id == one
    for name, message in [
        ("01999999", "More than one"),
        ("0199999", "8 or more"),
        ("deadbeef", "No memory has the id deadbeef"),
        ("%%%%%%%%%", "8 or more"),
        ("________", "8 or more"),
        ("", "8 or more"),
    ]:
        with pytest.raises(UsageError, match=message):
            memories.find(db, name)


def test_a_damaged_row_is_no_record(db: Database, where: str) -> None:
    keep(db, FULL)
    if "://" not in where:
        db.execute("UPDATE memories SET tags = x'00'")
        with pytest.raises(CatalogueDamaged, match="where a text or a number belongs"):
            memories.get(db, FULL.id)
        db.execute("UPDATE memories SET tags = ''")
    db.execute("UPDATE memories SET content = 'other', superseded_by = 'nobody'")
    assert memories.problems(db) == [
        f"memory {FULL.id} is not the text that was kept",
        f"memory {FULL.id} is superseded by one that is not there",
    ]
    db.execute("DELETE FROM memory_clock")
    with pytest.raises(CatalogueDamaged, match="number of the last change"):
        memory_events.last(db)


# ------------------------------------------------------------------------------------------------------------------- selections


@pytest.fixture
def shelf(db: Database) -> dict[str, Memory]:
    """Records that differ in what selections ask for, by content, oldest first."""
    records = [
        some("a", level="USER_PREFERENCE", tags=("x", "y"), created=NOW),
        some("b", kind="decision", project="/p", scope="project", tags=("x",), created=NOW + 1),
        some("c", project="/q", scope="path:src", tags=("xy",), source="agent", agent="bot", created=NOW + 2),
        some("d", level="SESSION_STATE", session="s", expires=NOW + 100, created=NOW + 3),
        some("e", state="quarantined", category="build", created=NOW + 3),
        some("f", forgotten=NOW + 5, created=NOW + 4),
        some("g", superseded_by=FULL.id, valid_from=NOW - 10, valid_to=NOW + 10, created=NOW + 5),
    ]
    return {m.content: m for m in keep(db, *records)}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Selection(), "abcde"),
        (Selection(superseded=None, forgotten=None), "abcdefg"),
        (Selection(superseded=True), "g"),
        (Selection(forgotten=True), "f"),
        (Selection(expired=True), ""),
        (Selection(levels=("USER_PREFERENCE", "SESSION_STATE")), "ad"),
        (Selection(kinds=("decision",)), "b"),
        (Selection(projects=("", "/p")), "abde"),
        (Selection(scopes=("path:src",)), "c"),
        (Selection(tags=("x",)), "ab"),
        (Selection(tags=("x", "y")), "a"),
        (Selection(tags=("X",)), ""),
        (Selection(tags=("%",)), ""),
        (Selection(sources=("agent",)), "c"),
        (Selection(agents=("bot", "nobody")), "c"),
        (Selection(sessions=("s",)), "d"),
        (Selection(states=("quarantined",)), "e"),
        (Selection(categories=("build",)), "e"),
        (Selection(since=NOW + 1, until=NOW + 3), "bc"),
        (Selection(as_of=NOW + 5, superseded=None), "abcdeg"),
        (Selection(as_of=NOW + 10, superseded=None), "abcde"),
        (Selection(as_of=NOW - 11, superseded=True), ""),
        (Selection(tags=("'; DROP TABLE memories; --",), projects=("' OR 1=1 --",)), ""),
    ],
)
def test_selections(db: Database, shelf: dict[str, Memory], wanted: Selection, expected: str) -> None:
    found = memories.select(db, wanted, NOW, oldest=True)
    assert sorted(m.content for m in found) == list(expected)
    assert found == sorted(found, key=lambda m: (m.created, m.id))
    assert found == memories.select(db, wanted, NOW)[::-1]
    assert memories.count(db, wanted, NOW) == len(expected)
    assert memories.statistics(db, wanted, NOW).total == len(expected)


def test_what_has_expired_is_left_out_from_that_moment(db: Database, shelf: dict[str, Memory]) -> None:
    session = Selection(sessions=("s",))
    assert [memories.count(db, session, NOW + s) for s in (99, 100, 101)] == [1, 0, 0]
    assert ids(memories.select(db, Selection(expired=True), NOW + 100)) == [shelf["d"].id]


def test_pages_follow_one_another_without_gaps(db: Database, shelf: dict[str, Memory]) -> None:
    for oldest in (True, False):
        whole = memories.select(db, memories.EVERY, NOW, oldest=oldest)
        after, paged = None, []
        while page := memories.select(db, memories.EVERY, NOW, limit=2, after=after, oldest=oldest):
            paged += page
            after = page[-1].created, page[-1].id
        assert paged == whole
        assert len(whole) == 7
    assert list(memories.every(db)) == sorted(whole, key=lambda m: m.id)


def test_more_records_than_one_statement_reads(db: Database) -> None:
    kept = keep(db, *(some(f"text {n}", anchors=(Anchor(f"{n}.py"),)) for n in range(1_234)))
    in_order = sorted(kept, key=lambda m: m.id)
    assert list(memories.every(db)) == in_order
    assert list(memories.get_all(db, ids(kept)).values()) == kept
    assert sorted(memories.select(db, Selection(), NOW, limit=5_000), key=lambda m: m.id) == in_order


def test_statistics_count_exactly(db: Database, shelf: dict[str, Memory]) -> None:
    keep(db, *(some(f"old {days}", created=NOW - days * DAY) for days in (0.5, 2, 20, 80, 200, 300)))
    stats = memories.statistics(db, memories.EVERY, NOW)
    assert stats.total == 13
    assert stats.by["level"] == {"PROJECT_CONTEXT": 11, "SESSION_STATE": 1, "USER_PREFERENCE": 1}
    assert stats.by["kind"] == {"decision": 1, "memory": 12}
    assert stats.by["project"] == {"": 11, "/p": 1, "/q": 1}
    assert stats.by["agent"] == {"": 12, "bot": 1}
    assert stats.by["state"] == {"active": 12, "quarantined": 1}
    assert stats.by["age"] == {"under a day": 8, "under a week": 1, "under 30 days": 1, "under 90 days": 1, "older": 2}
    assert memories.statistics(db, Selection(kinds=("issue",)), NOW) == memories.Statistics(0, {name: {} for name in stats.by})


# --------------------------------------------------------------------------------------------------------------------- changing


def test_an_update_sets_fields_and_the_time(db: Database) -> None:
    keep(db, FULL)
    after = memory_writes.update(db, at(NOW + 50), FULL.id, {"content": "new", "tags": ("t",), "anchors": (Anchor("n.py"),), "expires": None})
    assert after == replace(FULL, content="new", tags=("t",), anchors=(Anchor("n.py"),), expires=None, updated=NOW + 50)
    assert memories.get(db, FULL.id) == after
    assert memory_writes.update(db, at(NOW + 60), FULL.id, {"content": "new"}) == after
    assert memory_events.last(db) == 2
    with pytest.raises(UsageError, match="No memory"):
        memory_writes.update(db, at(), "none", {"content": "x"})


def test_no_update_makes_two_records_the_same(db: Database) -> None:
    one, two = keep(db, some("one"), some("two"))
    with pytest.raises(UsageError, match=f"The memory {one.id} says the same"):
        memory_writes.update(db, at(), two.id, {"content": " one "})
    assert memories.get(db, two.id) == two


def test_a_successor_and_what_it_replaces_name_each_other(db: Database) -> None:
    old, new = keep(db, some("port 8080"), some("port 9090", created=NOW + 10))
    assert memory_writes.supersede(db, at(NOW + 20), old.id, new.id) == old
    assert memories.get(db, old.id) == replace(old, superseded_by=new.id, valid_to=NOW + 10)
    assert memories.get(db, new.id) == replace(new, supersedes=old.id, valid_from=NOW + 10)
    assert ids(memories.select(db, Selection(), NOW)) == [new.id]
    seq = memory_events.last(db)
    memory_writes.supersede(db, at(), old.id, new.id)
    assert memory_events.last(db) == seq
    for pair, message in [((new.id, old.id), "itself superseded"), ((new.id, new.id), "cannot supersede itself"), (("x", new.id), "No memory")]:
        with pytest.raises(UsageError, match=message):
            memory_writes.supersede(db, at(), *pair)


def test_validity_that_was_said_stays(db: Database) -> None:
    old, new, third = keep(db, some("a", valid_from=NOW, valid_to=NOW + 99), some("b", valid_from=NOW + 50, valid_to=NOW + 60), some("c"))
    memory_writes.supersede(db, at(), old.id, new.id)
    assert memories.required(db, old.id).valid_to == NOW + 99
    assert memories.required(db, new.id).valid_from == NOW + 50
    later = keep(db, some("d", created=NOW - 100, valid_to=NOW - 200))[0]
    memory_writes.supersede(db, at(), third.id, later.id)
    assert memories.required(db, later.id).valid_from is None


def test_the_last_word_counts_when_two_replace_the_same(db: Database) -> None:
    old, one, two = keep(db, some("8080"), some("9090"), some("9191"))
    memory_writes.supersede(db, at(), old.id, one.id)
    assert memory_writes.supersede(db, at(), old.id, two.id).id == one.id
    assert [memories.required(db, m.id).superseded_by for m in (old, one, two)] == [one.id, two.id, None]


def test_forgotten_records_come_back_unless_the_same_was_said_again(db: Database) -> None:
    one, two = keep(db, some("one"), some("two", expires=NOW + 1))
    assert ids(memory_writes.forget(db, at(NOW + 5), [one.id, two.id, one.id])) == [one.id, two.id]
    assert memory_writes.forget(db, at(NOW + 6), [one.id]) == []
    assert memories.get(db, one.id) == replace(one, forgotten=NOW + 5)
    assert memory_writes.unforget(db, at(NOW + 7), [one.id, two.id]) == [one, replace(two, expires=None)]
    memory_writes.forget(db, at(), [one.id])
    keep(db, some("one"))
    with pytest.raises(UsageError, match="says the same"):
        memory_writes.unforget(db, at(), [one.id])
    with pytest.raises(UsageError, match="No memory has the id x"):
        memory_writes.forget(db, at(), [two.id, "x"])
    assert memories.required(db, two.id).forgotten is None


def test_promotion_lets_a_record_take_part(db: Database) -> None:
    keep(db, FULL)
    assert memory_writes.promote(db, at(), [FULL.id]) == [replace(FULL, state="active", reason="")]
    assert memory_writes.promote(db, at(), [FULL.id]) == []


def test_promotion_supersedes_what_the_record_is_said_to_replace_if_that_stands(db: Database) -> None:
    old, gone, later = keep(db, some("old"), some("gone"), some("later"))
    memory_writes.forget(db, at(), [gone.id])
    waiting = keep(db, *(some(f"waits {n}", state="proposed", supersedes=m.id) for n, m in enumerate((old, gone))))
    of = at(NOW + 9)
    assert [m.valid_from for m in memory_writes.promote(db, of, [m.id for m in waiting])] == [NOW, None]
    assert memories.required(db, old.id).superseded_by == waiting[0].id
    assert memories.required(db, gone.id).superseded_by is None
    memory_writes.undo(db, at(NOW + 10), of.batch)
    assert memories.get_all(db, [old.id, *(m.id for m in waiting)]) == {m.id: m for m in (old, *waiting)}
    memory_writes.supersede(db, at(), old.id, later.id)
    memory_writes.promote(db, at(NOW + 11), [waiting[0].id])
    assert memories.required(db, old.id).superseded_by == later.id
    assert memories.required(db, later.id).superseded_by is None


def test_what_has_expired_is_forgotten_once(db: Database) -> None:
    soon, late, _ = keep(db, some("a", expires=NOW + 1), some("b", expires=NOW + 2), some("c"))
    assert ids(memory_writes.expire(db, at(NOW + 1))) == [soon.id]
    assert memory_writes.expire(db, at(NOW + 1)) == []
    assert ids(memory_writes.expire(db, at(NOW + 9))) == [late.id]
    assert memories.required(db, soon.id).forgotten == NOW + 1


def test_what_was_forgotten_up_to_a_time_is_found(db: Database) -> None:
    first, second, third = keep(db, some("one"), some("two"), some("three"))
    memory_writes.forget(db, at(NOW + 10), [first.id])
    memory_writes.forget(db, at(NOW + 20), [second.id])
    assert memories.forgotten_until(db, NOW + 9.9) == []
    assert memories.forgotten_until(db, NOW + 10) == [first.id]
    assert set(memories.forgotten_until(db, NOW + 1e9)) == {first.id, second.id}
    assert memories.get(db, third.id) == third


def test_use_is_counted_and_is_no_change(db: Database) -> None:
    one, two = keep(db, some("one"), some("two"))
    seq = memory_events.last(db)
    memory_writes.touch(db, at(NOW + 3), [one.id, one.id, "none"])
    memory_writes.touch(db, at(NOW + 4), [one.id])
    memory_writes.touch(db, at(NOW + 4), [])
    assert memories.get_all(db, [one.id, two.id]) == {one.id: replace(one, uses=2, used=NOW + 4), two.id: two}
    assert memory_events.last(db) == seq


def test_writes_of_an_agent_are_counted(db: Database) -> None:
    for n in range(5):
        memory_writes.add(db, at(NOW + n, "bot"), some(f"text {n}"))
    memory_writes.add(db, at(NOW + 9, "bot"), some("text 0"))
    memory_writes.add(db, at(NOW + 3, "other"), some("text 9"))
    memory_writes.forget(db, at(NOW + 9, "bot"), [memories.select(db, Selection(), NOW)[0].id])
    assert memory_events.writes(db, "bot", NOW + 2) == 3
    assert memory_events.writes(db, "nobody", 0) == 0


# ------------------------------------------------------------------------------------------------------------- any order of verbs


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_any_order_of_verbs_keeps_what_must_hold(db: Database, seed: int) -> None:
    """No text stands twice, links lead to records that are there and end, a projection that follows the changes has what the catalogue has."""
    memory_writes.purge(db, at(), ids(memories.select(db, memories.EVERY, NOW, limit=10_000)))
    chance = random.Random(seed)
    projected: dict[str, Memory] = {}
    seen = memory_events.last(db)
    calls: list[str] = []
    for step in range(25):
        of = at(NOW + step)
        there = ids(memories.select(db, memories.EVERY, NOW, limit=10_000)) or ["none"]
        one, two = chance.choice(there), chance.choice(there)
        verb = chance.choice(["add", "add", "add", "update", "supersede", "forget", "unforget", "promote", "expire", "purge", "undo"])
        try:
            if verb == "add":
                memory_writes.add(db, of, some(chance.choice("abcdef"), expires=chance.choice([None, NOW + 10]), created=NOW + step))
            elif verb == "update":
                memory_writes.update(db, of, one, {"content": chance.choice("abcdef")})
            elif verb == "supersede":
                memory_writes.supersede(db, of, one, two)
            elif verb == "expire":
                memory_writes.expire(db, of)
            elif verb == "undo":
                memory_writes.undo(db, of, chance.choice(calls or ["none"]))
            else:
                getattr(memory_writes, verb)(db, of, [one])
            calls.append(of.batch)
        except UsageError:
            pass
        if chance.random() < 0.3:
            seen = follow(db, projected, seen)
    follow(db, projected, seen)
    everything = memories.select(db, memories.EVERY, NOW, limit=10_000)
    assert projected == {m.id: m for m in everything}
    standing = [m.hash for m in everything if m.superseded_by is None and m.forgotten is None]
    assert len(set(standing)) == len(standing)
    by_id = {m.id: m for m in everything}
    for m in everything:
        steps, end = 0, m
        while end.superseded_by is not None:
            end, steps = by_id[end.superseded_by], steps + 1
            assert steps <= len(everything)
    assert memories.problems(db) == []
    assert db.verify() == []


def follow(db: Database, projected: dict[str, Memory], seen: int) -> int:
    """What a projection does: two changes at a time, until nothing is new."""
    while (changes := memory_events.changes(db, seen, 2)).seq != seen:
        seen = changes.seq
        projected.update({m.id: m for m in changes.records})
        for id in changes.gone:
            projected.pop(id, None)
    return seen
