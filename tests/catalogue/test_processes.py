"""Several processes at one catalogue: writing at once, and dying in the middle."""

from __future__ import annotations

import random
import time

from groma.catalogue import generations, manifests, scopes
from groma.catalogue.database import Database
from tests.catalogue.samples import columns, rows, worker


def test_two_processes_write_the_same_scope_and_their_own(where: str) -> None:
    """The same rows in opposite orders: row locks alone would deadlock, lost updates would miscount the generation."""
    with Database.connect(where) as db:
        shared = scopes.ensure(db, "/shared")
    workers = [worker("write", where, "/shared", 12, backwards) for backwards in (0, 1)] + [worker("write", where, "/own", 12, 0)]
    assert [w.wait(120) for w in workers] == [0, 0, 0]
    for w in workers:
        w.communicate()
    expected = columns([f"f{i:03}.py" for i in range(200)], size=11)
    with Database.connect(where) as db:
        own = scopes.find(db, "/own")
        assert own is not None
        assert rows(manifests.load(db, own.id)) == rows(expected)
        found = manifests.load(db, shared.id)
        assert found.paths == expected.paths
        assert found.sizes.tolist() == [11] * 200
        assert [getattr(generations.current(db, s.id, "code"), "number", 0) for s in (shared, own)] == [24, 12]
        assert db.verify() == []


def test_a_writer_killed_in_a_transaction_leaves_nothing_of_it(where: str) -> None:
    with Database.connect(where) as db:
        scope = scopes.ensure(db, "/x")
        manifests.record(db, scope.id, columns(["kept.py"]))
    victim = worker("hang", where, "/x")
    with victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "in the middle\n"
        victim.kill()
    with Database.connect(where) as db:
        assert manifests.load(db, scope.id).paths == ["kept.py"]
        assert db.verify() == []
        manifests.record(db, scope.id, columns(["after.py"]))
        assert manifests.load(db, scope.id).paths == ["after.py", "kept.py"]


def test_a_writer_killed_at_any_moment_loses_nothing_it_had_acknowledged(where: str) -> None:
    for i in range(4):
        root = f"/{i}"
        victim = worker("churn", where, root)
        with victim:
            assert victim.stdout is not None
            victim.stdout.readline()
            time.sleep(random.uniform(0, 0.3))
            victim.kill()
            acknowledged = int(([0] + [int(line) for line in victim.stdout.read().splitlines() if line])[-1])
        with Database.connect(where) as db:
            scope = scopes.find(db, root)
            assert scope is not None
            sizes = set(manifests.load(db, scope.id).sizes.tolist())
            assert len(sizes) == 1
            assert sizes <= {acknowledged, acknowledged + 1}
            assert db.verify() == []
