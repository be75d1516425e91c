"""What other processes do to a catalogue while tests look: `python -m tests.catalogue.worker VERB WHERE …`."""

from __future__ import annotations

import sys
import time
from functools import partial

from groma.catalogue import generations, manifests, memory_events, memory_writes, scopes
from groma.catalogue.database import Database
from groma.catalogue.identity import uuid7
from groma.records import Anchor, Memory
from tests.catalogue.samples import columns

say = partial(print, flush=True)


def ensure(where: str, root: str, at: str) -> None:
    """Open (and make) the catalogue at a moment, ask for the scope, print its id."""
    time.sleep(max(0.0, float(at) - time.time()))
    with Database.connect(where) as db:
        say(scopes.ensure(db, root).id)


def write(where: str, root: str, batches: str, backwards: str) -> None:
    """Record the same 200 paths many times, and count a generation up each time."""
    order = -1 if backwards == "1" else 1
    with Database.connect(where) as db:
        scope = scopes.ensure(db, root)
        for size in range(int(batches)):
            manifests.record(db, scope.id, columns([f"f{i:03}.py" for i in range(200)][::order], size=size))
            generations.flip(db, scope.id, "code", f"p{size}")


def hang(where: str, root: str) -> None:
    """Write half of something, say so, and never finish."""
    with Database.connect(where) as db, db.transaction():
        manifests.record(db, scopes.ensure(db, root).id, columns(f"{i}.py" for i in range(3000)))
        say("in the middle")
        time.sleep(600)


def churn(where: str, root: str) -> None:
    """Write the same 50 rows for ever, printing what was acknowledged."""
    with Database.connect(where) as db:
        scope = scopes.ensure(db, root)
        size = 0
        while True:
            manifests.record(db, scope.id, columns((f"{i}.py" for i in range(50)), size=size))
            say(size)
            size += 1


def remember(where: str, text: str, count: str, at: str) -> None:
    """Keep `count` numbered records of a text, one by one; the id of each that says so now, with a + if it was made here."""
    time.sleep(max(0.0, float(at) - time.time()))
    with Database.connect(where) as db:
        for n in range(int(count)):
            added = memory_writes.add(db, memory_events.call("worker"), Memory(id=uuid7(), content=f"{text} {n}", anchors=(Anchor("a.py"),)))
            say(added.memory.id + "+" * added.new)


def remember_batches(where: str, text: str) -> None:
    """Keep ten records at a time for ever, printing what was acknowledged."""
    with Database.connect(where) as db:
        n = 0
        while True:
            memory_writes.add_all(db, memory_events.call("worker"), [Memory(id=uuid7(), content=f"{text} {n} {i}") for i in range(10)])
            say(n)
            n += 1


VERBS = {f.__name__: f for f in (ensure, write, hang, churn, remember, remember_batches)}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
