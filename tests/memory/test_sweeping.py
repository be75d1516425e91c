"""What ends by itself: what has expired is forgotten, and what was forgotten is destroyed when its time is over. Times are given, not awaited."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from groma.catalogue import memories as records
from groma.catalogue import sqlite
from groma.config import load
from groma.engine import Engine
from groma.errors import Refused, UsageError
from groma.memories import Memories
from groma.memories.sweeping import BY, DAY, EVERY_S, NAME
from groma.records import SESSION_STATE
from groma.types import LOCAL, Caller

KEEP = 30 * DAY


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def memories(data: Path) -> Iterator[Memories]:
    with Engine(load({}, data_dir=data, config_file=data / "none")) as engine:
        yield engine.memories


def kept(memories: Memories, content: str, **fields: object) -> str:
    (receipt,) = memories.remember(LOCAL, [{"content": content, **fields}], here="")
    assert receipt.id is not None
    return receipt.id


def bytes_of(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file())


def test_what_has_expired_is_forgotten_durably_and_can_be_brought_back(memories: Memories) -> None:
    now = time.time()
    state = kept(memories, "Halfway through the move to zebra parsers", level=SESSION_STATE)
    fact = kept(memories, "The zebra parser has nine states")
    assert memories.sweep(LOCAL, now=now + 6 * DAY) == memories.sweep(LOCAL, now=now + 6.5 * DAY)
    swept = memories.sweep(LOCAL, now=now + 8 * DAY)
    assert (swept.expired, swept.purged) == ((state,), None)
    assert memories.get(LOCAL, state).forgotten == now + 8 * DAY and memories.get(LOCAL, fact).forgotten is None
    (*_, last) = memories.history(LOCAL, state)
    assert (last.verb, last.actor) == ("expire", BY)
    memories.undo(LOCAL, last.batch)
    assert memories.get(LOCAL, state).forgotten is None


def test_what_was_forgotten_is_destroyed_when_its_time_is_over_and_not_before(memories: Memories, data: Path) -> None:
    gone, stays = kept(memories, "The quokka deployment runs on Fridays"), kept(memories, "Retries are limited to three")
    changed = memories.forget(LOCAL, [gone])
    at = memories.get(LOCAL, gone).forgotten
    assert at is not None and changed.until == at + KEEP
    assert memories.sweep(LOCAL, now=at + KEEP - 1).purged is None
    memories.undo(LOCAL, changed.batch)  # to the last second
    memories.forget(LOCAL, [gone])
    at = memories.get(LOCAL, gone).forgotten or 0.0
    assert b"quokka" in bytes_of(data)
    purged = memories.sweep(LOCAL, now=at + KEEP).purged
    assert purged is not None and purged.ids == (gone,) and purged.proven
    assert b"quokka" not in bytes_of(data)
    with pytest.raises(UsageError, match="No memory has the id"):
        memories.get(LOCAL, gone)
    assert memories.get(LOCAL, stays).content == "Retries are limited to three"
    line = json.loads((data / "security.log").read_text().splitlines()[-1])
    assert (line["event"], line["purged"], line["proven"]) == ("swept", 1, True)


def test_a_successor_that_is_destroyed_leaves_what_it_replaced_in_the_past(memories: Memories) -> None:
    old = kept(memories, "The API listens on port 8080.")
    new = kept(memories, "The API listens on port 9090.")
    assert memories.get(LOCAL, old).superseded_by == new
    memories.forget(LOCAL, [new])
    memories.sweep(LOCAL, now=time.time() + KEEP + 1)
    was = memories.get(LOCAL, old)
    assert was.superseded_by is None and was.valid_to is not None and was.valid_to <= time.time()
    assert [one.valid for one in memories.recall(LOCAL, "which port does the API listen on", here="").memories] == [False]


def test_it_runs_once_a_day_with_a_verb_that_writes(memories: Memories, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept(memories, "The walrus queue is drained at noon")
    memories.forget(LOCAL, [first])
    swept = (data / NAME).stat().st_mtime
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + EVERY_S / 2)
    kept(memories, "Something else about walruses")
    assert (data / NAME).stat().st_mtime == swept
    monkeypatch.setattr(time, "time", lambda: real() + KEEP + 1)
    kept(memories, "And a third thing that is quite different")
    assert (data / NAME).stat().st_mtime > swept
    assert records.get(memories._data.db, first) is None


def test_a_reader_that_holds_the_log_delays_the_proof_to_the_next_time(memories: Memories, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    gone = kept(memories, "The ocelot key is kept in the red safe")
    memories.forget(LOCAL, [gone])
    with Engine(load({}, data_dir=data, config_file=data / "none")) as other:
        reading = other.memories._data.db._connection
        reading.execute("BEGIN")
        assert reading.execute("SELECT count(*) FROM memories").fetchone() == (1,)
        purged = memories.sweep(LOCAL, now=time.time() + KEEP + 1).purged
        assert purged is not None and not purged.scrubbed
        assert (data / NAME).stat().st_size > 0
        reading.execute("ROLLBACK")
    kept(memories, "What is said next ends it")
    assert (data / NAME).stat().st_size == 0
    assert b"ocelot" not in bytes_of(data)


def test_for_ever_if_it_is_so_set(data: Path) -> None:
    with Engine(load({"GROMA_MEMORIES_UNDO_DAYS": "0"}, data_dir=data, config_file=data / "none")) as engine:
        id = kept(engine.memories, "Nothing of this is ever destroyed")
        assert engine.memories.forget(LOCAL, [id]).until is None
        assert engine.memories.sweep(LOCAL, now=time.time() + 1000 * DAY).purged is None
        assert engine.memories.get(LOCAL, id).forgotten


def test_who_may_not_write_may_not_sweep(memories: Memories) -> None:
    with pytest.raises(Refused):
        memories.sweep(Caller("guest"))
