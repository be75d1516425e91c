"""Several processes that remember in one catalogue: the same at once, much at once, and dying in the middle."""

from __future__ import annotations

import random
import time

from groma.catalogue import memories, memory_events
from groma.catalogue.database import Database
from groma.records import Memory
from tests.catalogue.samples import worker
from tests.catalogue.test_memories import NOW


def everything(db: Database) -> list[Memory]:
    return memories.select(db, memories.EVERY, NOW, limit=100_000)


def test_processes_that_remember_the_same_at_once_keep_one_record_of_each(where: str) -> None:
    Database.connect(where).close()
    at = time.time() + 1.5
    workers = [worker("remember", where, "same", 20, at) for _ in range(4)]
    told = [w.communicate(timeout=120)[0].split() for w in workers]
    assert [w.returncode for w in workers] == [0] * 4
    with Database.connect(where) as db:
        kept = everything(db)
        assert sorted(m.content for m in kept) == sorted(f"same {n}" for n in range(20))
        # Each process was told the ids of these records, in the order in which it asked, and one of them made each.
        ids = {m.content: m.id for m in kept}
        assert [[word.rstrip("+") for word in words] for words in told] == [[ids[f"same {n}"] for n in range(20)]] * 4
        assert sum(word.endswith("+") for words in told for word in words) == 20
        assert memory_events.last(db) == 20
        assert db.verify() == memories.problems(db) == []


def test_a_projection_that_reads_meanwhile_misses_nothing(where: str) -> None:
    Database.connect(where).close()
    workers = [worker("remember", where, f"own {n}", 60, 0) for n in range(4)]
    seen, projected = 0, {}
    with Database.connect(where) as db:
        while any(w.poll() is None for w in workers) or memory_events.last(db) != seen:
            changes = memory_events.changes(db, seen)
            seen = changes.seq
            projected.update({m.id: m for m in changes.records})
        for w in workers:
            w.communicate()
        assert len(projected) == 240
        assert projected == {m.id: m for m in everything(db)}


def test_a_process_killed_at_any_moment_loses_nothing_it_was_told_and_tears_nothing(where: str) -> None:
    Database.connect(where).close()
    for n in range(5):
        victim = worker("remember_batches", where, f"victim {n}")
        with victim:
            assert victim.stdout is not None
            victim.stdout.readline()
            time.sleep(random.uniform(0, 0.3))
            victim.kill()
            told = int(([-1] + [int(line) for line in victim.stdout.read().splitlines() if line])[-1])
        with Database.connect(where) as db:
            kept = [m.content for m in everything(db) if m.content.startswith(f"victim {n} ")]
            batches = sorted({int(content.split()[2]) for content in kept})
            assert batches in (list(range(len(batches))), [])
            assert told < len(batches) <= max(told, 0) + 2
            assert len(kept) == 10 * len(batches)  # whole batches only
            assert db.query("SELECT count(*) FROM memory_events") == [(memory_events.last(db),)]
            assert db.verify() == memories.problems(db) == []
