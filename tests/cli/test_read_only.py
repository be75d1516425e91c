"""Read-only mode: every verb that would change what is kept is refused with one sentence, and nothing on disk changes, whatever is called."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groma.catalogue.database import Database
from groma.cli.main import VERBS
from groma.config import load
from groma.engine import Engine
from groma.errors import GromaError, NotIndexed, ReadOnly, Refused
from groma.records import Selection
from groma.types import LOCAL, Caller, Request
from tests.faults.corpus import modules
from tests.processes import Place, repository

WRITES = {
    "index": ("ROOT",), "forget": ("ROOT",), "install": ("cursor", "--yes"), "uninstall": ("--yes",),
    "rebuild": (), "search": ("--repo", "OTHER", "x"), "remember": ("a fact",),
    "import": ("ROOT/README.md",), "memories update": ("00000000", "another fact"), "memories promote": ("00000000",), "memories undo": ("00000000",),
    "memories purge": ("00000000",), "memories sweep": (), "forget --source": ("human",), "index --background": ("ROOT",),
    "rebuild --background": (), "import --background": ("ROOT/README.md",), "jobs pause": ("00000000",), "jobs resume": ("00000000",),
    "jobs cancel": ("00000000",), "jobs maintain": (),
}  # fmt: skip
"""Verbs that would write, with arguments that make them want to."""
READS = {
    "search": ("--repo", "ROOT", "validate_ledger"), "status": (), "why": ("ROOT/README.md",), "verify": (), "doctor": (), "config": ("show",),
    "completion": ("bash",), "recall": ("a fact",), "retrieve project-context": ("a fact",), "retrieve session-state": ("--json",),
    "memories": (), "forget --preview --source": ("human",), "export": (), "briefing": (),
    "timeline": ("--since", "2020-01-01"), "about": (), "jobs": (),
}  # fmt: skip
ELSEWHERE = {"mcp", "bench", "hook", "demo", "serve", "start", "stop", "restart", "logs"}
"""`mcp` serves until its input ends; `bench` keeps its index in a place of its own; of the daemon's, tests/serve/test_daemon.py tells."""


def kept(data: Path) -> dict[str, str]:
    """What is in a data directory, but for the memory that readers of SQLite share, and the log of what was refused."""
    passing = ("-shm", "-wal", "security.log", "security.log.lock")
    files = [path for path in data.rglob("*") if path.is_file() and not path.name.endswith(passing)]
    return {str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_every_verb_is_known_to_write_or_not() -> None:
    assert set(VERBS) == {verb.split()[0] for verb in (*WRITES, *READS, *ELSEWHERE)}


def test_no_verb_writes(place: Place) -> None:
    root = repository(place.folder / "repo", {**modules(12), "README.md": "# ledger\n"})
    other = repository(place.folder / "other", modules(2))
    place.groma("index", root)
    place.groma("remember", "a fact", cwd=root)
    (root / "new.py").write_text("def added(): ...\n")
    before = kept(place.data)
    words = lambda args: [word.replace("ROOT", str(root)).replace("OTHER", str(other)) for word in args]  # noqa: E731
    for verb, args in WRITES.items():
        ran = place.groma("--read-only", *verb.split(), *words(args), code=3)
        assert ran.out == "" and len(ran.err.splitlines()) == 1 and "read-only" in ran.err and "GROMA_READ_ONLY" in ran.err, ran
    for verb, args in READS.items():
        assert place.groma(*verb.split(), *words(args), env={"GROMA_READ_ONLY": "1"}, cwd=root).out
    assert kept(place.data) == before
    found = place.groma("--read-only", "search", "--json", "--repo", root, "validate_ledger")
    assert found.hits and "read-only" in found.err


def test_without_a_data_directory_none_is_made(place: Place) -> None:
    root = repository(place.folder / "repo", modules(2))
    place.groma("--read-only", "search", "--no-index", "--repo", root, "x", code=6)
    place.groma("--read-only", "status", code=6)
    assert not place.data.exists()


def test_a_value_that_is_neither_true_nor_false(place: Place) -> None:
    assert "must be true or false, not 'perhaps'" in place.groma("status", code=3, env={"GROMA_READ_ONLY": "perhaps"}).err


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("read-only")
    root = str(repository(folder / "repo", modules(6)))
    with Engine(load({}, data_dir=folder / "data", config_file=folder / "none")) as engine:
        engine.index(LOCAL, root)
    return folder / "data", root


CALLS = {
    "index": lambda engine, root: engine.index(LOCAL, root, consent=True),
    "forget": lambda engine, root: engine.forget(LOCAL, root),
    "rebuild": lambda engine, root: engine.rebuild(LOCAL, root),
    "rebuild all": lambda engine, _: engine.rebuild(LOCAL, None),
    "remember": lambda engine, root: engine.memories.remember(LOCAL, [{"content": "x"}], here=root),
    "update": lambda engine, _: engine.memories.update(LOCAL, "0" * 8, {"content": "x"}),
    "promote": lambda engine, _: engine.memories.promote(LOCAL, ["0" * 8]),
    "forget memories": lambda engine, _: engine.memories.forget(LOCAL, Selection(sources=("human",))),
    "undo": lambda engine, _: engine.memories.undo(LOCAL, "0" * 8),
    "purge": lambda engine, _: engine.memories.purge(LOCAL, ["0" * 8]),
    "sweep": lambda engine, _: engine.memories.sweep(LOCAL),
    "preview": lambda engine, _: engine.memories.forget(LOCAL, Selection(sources=("human",)), preview=True),
    "list": lambda engine, _: engine.memories.list(LOCAL),
    "recall": lambda engine, root: engine.memories.recall(LOCAL, "a fact", here=root),
    "search": lambda engine, root: engine.search(LOCAL, [root], Request("render_order", 3)),
    "status": lambda engine, root: engine.status(LOCAL, root),
    "verify": lambda engine, _: engine.verify(LOCAL),
    "why": lambda engine, root: engine.why(LOCAL, root, "nothing.py"),
    "read": lambda engine, root: engine.read(LOCAL, [root], path="nothing.py"),
    "import": lambda engine, root: engine.memories.import_(LOCAL, [("a.jsonl", '{"content": "a fact"}')], here=root),
    "restore": lambda engine, root: engine.memories.import_(LOCAL, [], here=root, restore=True),
    "export": lambda engine, _: list(engine.memories.export(LOCAL)),
    "briefing": lambda engine, root: engine.memories.briefing(LOCAL, here=root),
    "timeline": lambda engine, root: engine.memories.timeline(LOCAL, 0, here=root),
    "about": lambda engine, root: engine.memories.about(LOCAL, here=root),
    "maintain": lambda engine, _: engine.maintain(LOCAL),
    "maintain memories": lambda engine, _: engine.memories.maintain(LOCAL),
    "start a job": lambda engine, root: engine.jobs.submit(LOCAL, "rebuild", root),
    "pause a job": lambda engine, _: engine.jobs.pause(LOCAL, "0" * 8),
    "resume a job": lambda engine, _: engine.jobs.resume(LOCAL, "0" * 8),
    "cancel a job": lambda engine, _: engine.jobs.cancel(LOCAL, "0" * 8),
    "jobs": lambda engine, _: engine.jobs.list(LOCAL),
    "session": lambda engine, root: engine.memories.retrieve_session_state(LOCAL, "", here=root),
}

REFUSED = {
    "index", "forget", "rebuild", "rebuild all", "remember", "update", "promote", "forget memories", "undo", "purge", "sweep", "import",
    "restore", "maintain", "maintain memories", "start a job", "pause a job", "resume a job", "cancel a job",
}  # fmt: skip
"""Those of them that would write."""


@given(calls=st.lists(st.tuples(st.sampled_from(sorted(CALLS)), st.booleans()), max_size=6))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_call_changes_anything(indexed: tuple[Path, str], calls: list[tuple[str, bool]]) -> None:
    data, root = indexed
    before = kept(data)
    with Engine(load({"GROMA_READ_ONLY": "on"}, data_dir=data, config_file=data / "none")) as engine:
        for name, known in calls:
            try:
                CALLS[name](engine, root if known else os.path.dirname(root))
            except ReadOnly as e:
                assert name in REFUSED and "read_only is set by GROMA_READ_ONLY" in e.message  # noqa: PT017
            except GromaError:
                assert name not in REFUSED
    assert kept(data) == before


def test_the_catalogue_itself_refuses(tmp_path: Path) -> None:
    with pytest.raises(NotIndexed, match="read-only here"):
        Database.connect(tmp_path / "catalogue.db", read_only=True)
    Database.connect(tmp_path / "catalogue.db").close()
    with Database.connect(tmp_path / "catalogue.db", read_only=True) as db, pytest.raises(ReadOnly):
        db.execute("DELETE FROM scopes")


def test_the_security_log_takes_every_attempt_to_write_and_no_question(tmp_path: Path) -> None:
    root, data = repository(tmp_path / "repo", {"a.py": "def a(): pass\n"}), tmp_path / "data"
    with Engine(load({}, data_dir=data, config_file=tmp_path / "none")) as engine:
        engine.index(LOCAL, str(root))
        with pytest.raises(Refused):
            engine.memories.remember(Caller("guest"), [{"content": "Mine now"}], here="")
        with pytest.raises(Refused):
            engine.memories.about(Caller("guest"), here="")
    with Engine(load({"GROMA_READ_ONLY": "1"}, data_dir=data, config_file=tmp_path / "none")) as engine:
        for attempt in (
            lambda: engine.memories.remember(LOCAL, [{"content": "The token=abcd1234efgh5678"}], here=""),
            lambda: engine.index(LOCAL, str(root)),
            lambda: engine.rebuild(LOCAL, None),
            lambda: engine.jobs.submit(LOCAL, "index", str(root)),
            lambda: engine.jobs.submit(LOCAL, "maintenance"),
        ):
            with pytest.raises(ReadOnly):
                attempt()
        with pytest.raises(ReadOnly):
            engine.freshen(LOCAL, str(root))
        assert engine.search(LOCAL, [str(root)], Request("a", 3)).hits
    lines = [json.loads(line) for line in (data / "security.log").read_text().splitlines()]
    assert [(one["event"], one["by"], one["verb"]) for one in lines] == [
        ("unauthorised", "guest", "remember"), ("unauthorised", "guest", "see all that is kept"),
        ("read-only", "local", "remember"), ("read-only", "local", "index"), ("read-only", "local", "rebuild"),
        ("read-only", "local", "start jobs"), ("read-only", "local", "start jobs"),
    ]  # fmt: skip
    assert "abcd1234" not in (data / "security.log").read_text()
