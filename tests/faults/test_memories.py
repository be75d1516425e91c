"""Processes that remember and recall at once on one data directory, some of them killed: what was acknowledged is there, once, and whole."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from groma.catalogue import memories
from groma.catalogue.database import Database
from tests.processes import Place

SUBJECTS = "cache queue ledger router parser scheduler gateway uploader indexer mailer".split()
VALUES = "Redis Postgres SQLite Kafka memory S3 Vault systemd nginx Celery".split()


def said(writer: int, n: int) -> str:
    """A statement that no other one equals or replaces: another thing is named in each."""
    return f"The {SUBJECTS[n % 10]} of service w{writer}x{n} keeps its state in {VALUES[(n // 10) % 10]}"


def _write(place: Place, writer: int, writes: int, kill_after: int | None) -> tuple[list[dict[str, Any]], bool]:
    """One process that remembers `writes` statements, one call each; receipts that were printed whole, and whether it was killed."""
    process = place.start("remember", "--json", "--jsonl", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    receipts = []
    for n in range(writes):
        if n == kill_after:
            process.stdin.write(json.dumps({"content": said(writer, n), "project": "drill"}).encode() + b"\n")
            process.stdin.flush()
            time.sleep(0.002 * (writer % 5))
            process.kill()
            rest = process.communicate()[0].decode().splitlines(keepends=True)
            return receipts + [json.loads(line) for line in rest if line.endswith("\n")], True
        process.stdin.write(json.dumps({"content": said(writer, n), "project": "drill"}).encode() + b"\n")
        process.stdin.flush()
        receipts.append(json.loads(process.stdout.readline()))
    process.stdin.close()
    process.stdin = None
    place.end(process)
    return receipts, False


def crowd(folder: Path, processes: int, writes: int, seed: int) -> dict[str, object]:
    """`processes` write `writes` statements each while others recall; one in five is killed in the middle of a write."""
    random = Random(seed)
    place = Place(folder / "shared")
    told: dict[int, tuple[list[dict[str, Any]], bool]] = {}
    victims = {writer: random.randrange(writes // 4, writes) for writer in range(0, processes, 5)}

    def write(writer: int) -> None:
        told[writer] = _write(place, writer, writes, victims.get(writer))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(processes)]
    for thread in threads:
        thread.start()
    reads = torn = 0
    while any(thread.is_alive() for thread in threads):
        ran = place.groma("recall", "--json", "--project", "drill", f"state of the {random.choice(SUBJECTS)}", code=None)
        assert ran.code in (0, 2), ran  # 2: nothing is known of the project yet
        if ran.code == 0:
            reads += 1
            torn += sum(not m["content"].startswith("The ") or " keeps its state in " not in m["content"] for m in ran.json["memories"])
    for thread in threads:
        thread.join()
    assert sorted(told) == list(range(processes)) and sum(killed for _, killed in told.values()) == len(victims)

    expected = {said(writer, n) for writer in range(processes) for n in range(writes)}
    with closing(Database.connect(place.data / "catalogue.db")) as db:
        kept = memories.select(db, memories.EVERY, time.time(), limit=10 * len(expected))
        assert memories.problems(db) == db.verify() == []
    ids = {m.id: m.content for m in kept}
    acknowledged = {r["id"]: said(writer, n) for writer, (receipts, _) in told.items() for n, r in enumerate(receipts)}
    lost = sum(ids.get(id) != content for id, content in acknowledged.items())
    contents = [m.content for m in kept]
    torn += sum(content not in expected for content in contents)
    duplicated = len(contents) - len(set(contents))
    assert (lost, duplicated, torn) == (0, 0, 0), (lost, duplicated, torn)
    assert len(acknowledged) <= len(kept) <= len(acknowledged) + len(victims)  # who is killed may not have come to say so

    # What was cut off is remembered by saying it again, and nothing twice.
    for writer in victims:
        _write(place, writer, writes, None)
    found = place.groma("recall", "--json", "--k", "100", "--project", "drill", "service state").json["memories"]
    with closing(Database.connect(place.data / "catalogue.db")) as db:
        contents = [m.content for m in memories.select(db, memories.EVERY, time.time(), limit=10 * len(expected))]
    assert sorted(contents) == sorted(expected) and len({m["id"] for m in found}) == 100
    place.groma("verify")
    return {
        "processes": processes,
        "writes each": writes,
        "killed": len(victims),
        "acknowledged": len(acknowledged),
        "reads meanwhile": reads,
        "lost": lost,
        "duplicated": duplicated,
        "torn": torn,
    }


def test_a_crowd_of_writers_and_readers_some_of_them_killed(tmp_path: Path) -> None:
    counts = crowd(tmp_path, processes=5, writes=20, seed=5)
    assert counts["acknowledged"] and counts["reads meanwhile"]
