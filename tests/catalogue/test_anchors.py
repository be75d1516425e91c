"""Which memories speak of which files; on SQLite and on Postgres."""

from __future__ import annotations

from groma.catalogue import memory_writes
from groma.catalogue.anchors import anchored_paths, anchored_to
from groma.catalogue.database import Database
from groma.catalogue.identity import uuid7
from groma.catalogue.memory_events import call
from groma.records import Anchor, Memory


def add(db: Database, content: str, *paths: str, project: str = "/x", created: float = 1.0, **more: str) -> str:
    m = Memory(uuid7(), content, scope="project", project=project, anchors=tuple(map(Anchor, paths)), created=created, updated=created, **more)
    assert memory_writes.add(db, call("t"), m).new
    return m.id


def test_where_nothing_is_anchored_nothing_is_found(db: Database) -> None:
    assert anchored_paths(db, ["a.py"]) == anchored_paths(db, []) == set()
    add(db, "no anchor at all")
    assert anchored_paths(db, ["a.py"]) == set()


def test_paths_are_known_again_as_soon_as_somebody_wrote(db: Database, where: str) -> None:
    assert anchored_paths(db, ["a.py", "it's.py"]) == set()
    first = add(db, "one", "it's.py", "100%.py")
    assert anchored_paths(db, ["a.py", "it's.py"]) == {"it's.py"}
    with Database.connect(where) as other:
        add(other, "two", "a.py")
    assert anchored_paths(db, ["a.py", "it's.py", "b.py"]) == {"a.py", "it's.py"}
    memory_writes.purge(db, call("t"), [first])
    assert anchored_paths(db, ["a.py", "it's.py"]) == {"a.py"}
    assert anchored_paths(db, [f"{i}.py" for i in range(6_000)] + ["a.py"]) == {"a.py"}


def test_what_stands_of_a_project_newest_first(db: Database) -> None:
    old, new = add(db, "old", "a.py", created=1.0), add(db, "new", "b.py", "a.py", created=2.0)
    add(db, "elsewhere", "a.py", project="/y")
    add(db, "held", "a.py", state="quarantined")
    gone, heir = add(db, "gone", "a.py"), add(db, "its heir", "c.py")
    memory_writes.supersede(db, call("t"), gone, heir)
    memory_writes.forget(db, call("t"), [add(db, "forgotten", "a.py")])
    assert anchored_to(db, "/x", ["a.py"], 10) == [new, old]
    assert anchored_to(db, "/x", ["a.py", "b.py", "none.py"], 1) == [new]
    assert anchored_to(db, "/z", ["a.py"], 10) == []
