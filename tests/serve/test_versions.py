"""Two versions of groma side by side, each installed for itself: which daemon there is, what is asked of it, and that nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from groma.catalogue.schema import HEAD
from groma.config import load
from groma.serve import wire
from groma.serve.client import own_status
from tests.faults.corpus import modules
from tests.processes import gone, installed, repository
from tests.serve.conftest import PROJECT
from tests.serve.shared import Shared, Talk, shared, until

OLDER, NEWER = "0.9.0", "0.10.0rc1"

Edits = Mapping[str, Callable[[str], str]]
LATER_PROTOCOL: Edits = {"serve/wire.py": lambda text: text.replace("PROTOCOL = 1", "PROTOCOL = 2")}
LATER_SCHEMA: Edits = {
    "catalogue/schema.py": lambda text: text.replace('\n}\n"""Revision', '\n    "9999": ("CREATE TABLE later (id TEXT)",),\n}\n"""Revision'),
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Shared]:
    with shared(tmp_path) as place:
        yield place


@pytest.fixture
def project(place: Shared) -> Path:
    return repository(place.folder / "project", PROJECT)


@pytest.fixture
def older(place: Shared) -> dict[str, str]:
    return installed(place.folder / "older", OLDER)


@pytest.fixture
def newer(place: Shared) -> dict[str, str]:
    return installed(place.folder / "newer", NEWER)


def later_schema(place: Shared) -> dict[str, str]:
    """A newer one whose catalogue has a table more."""
    env = installed(place.folder / "newer", NEWER, LATER_SCHEMA)
    versions = place.folder / "newer/groma/catalogue/migrations/versions"
    text = (versions / "v0003_jobs.py").read_text().replace('revision = "0003"\n', 'revision = "9999"\n').replace('"0002"', f'"{HEAD}"')
    (versions / "v9999_later.py").write_text(text)
    return env


def runs(place: Shared) -> tuple[int, str]:
    """The daemon that there is: its process and version."""
    env = place.environment()
    told = own_status(load(env, data_dir=place.data, config_file=place.folder / "none"), env)
    assert told is not None
    return told["pid"], told["version"]


def exported(place: Shared, env: Mapping[str, str]) -> dict[str, str]:
    """Every memory by its id; none stands there twice."""
    lines = [line for line in map(json.loads, place.groma("export", env=env).out.splitlines()) if "content" in line]
    found = {line["id"]: line["content"] for line in lines}
    assert len(found) == len(lines) == len(set(found.values()))
    return found


def test_a_newer_client_puts_a_newer_one_into_its_place(place: Shared, project: Path, older: dict[str, str], newer: dict[str, str]) -> None:
    place.groma("search", "retries", cwd=project, env=older)
    first, version = runs(place)
    assert version == OLDER
    assert place.groma("search", "retries", "--json", cwd=project, env=newer).hits
    second, version = runs(place)
    assert second != first and version == NEWER and gone(first)
    assert "stopped in" in place.log and "requests were left" not in place.log  # it ended by itself, with nothing undone
    place.groma("verify", env=newer)


def test_neither_ends_the_others_again_and_again(place: Shared, project: Path, older: dict[str, str], newer: dict[str, str]) -> None:
    """The older client is answered by the newer daemon, all that it asks."""
    place.groma("start", env=newer)
    daemon = runs(place)
    for _ in range(3):
        for env in (older, newer):
            assert place.groma("search", "retries", "--json", cwd=project, env=env).hits
            assert runs(place) == daemon
    kept = place.groma("remember", "Two versions share one daemon", "--json", cwd=project, env=older).json["id"]
    for env in (older, newer):
        assert [m["id"] for m in place.groma("recall", "versions", "--json", cwd=project, env=env).json["memories"]] == [kept]
        for verb in (("start",), ("index",), ("briefing",), ("why", "app/store.go"), ("jobs",), ("about",), ("status",)):
            assert not place.groma(*verb, cwd=project, env=env).err
    assert runs(place) == daemon and place.log.count("listens at") == 1


def test_what_is_under_way_is_finished_and_what_was_acknowledged_is_there(place: Shared, older: dict[str, str], newer: dict[str, str]) -> None:
    """Writers, sessions and an index run of older clients, while newer ones come."""
    root = repository(place.folder / "repo", modules(150))
    place.groma("start", env=older)
    first, _ = runs(place)
    kept: dict[str, str] = {}

    def remember(n: int) -> None:
        for i in range(8):
            text = f"Fact {n}-{i} holds for service number {n * 100 + i}"
            kept[place.groma("remember", text, "--json", env=older).json["id"]] = text

    indexing = place.start("index", root, "--json", env=older)
    writers = [threading.Thread(target=remember, args=(n,)) for n in range(2)]
    for one in writers:
        one.start()
    with Talk(place, version=OLDER) as talk:
        facts = [f"Fact s-{n} holds for service number {1000 + 7 * n}" for n in range(30)]
        texts = {talk.send("remember", said=[{"content": text}], here=""): text for text in facts}
        newcomer = place.start("recall", "service", "--json", env=newer)
        answered = 0
        while texts:
            try:
                said = talk.frames.receive()
            except ConnectionError:
                break
            text = texts.pop(said["id"])
            if "error" in said:
                assert isinstance(wire.raised(said["error"]), wire.Stopping), said
            else:
                answered += 1
                kept[said["result"][0]["id"]] = text
    assert answered
    for one in writers:
        one.join()
    place.end(newcomer)
    assert place.end(indexing).json["known"] == 150
    second, version = runs(place)
    assert gone(first) and second != first and version == NEWER
    assert place.log.count("listens at") == 2
    found = exported(place, newer)
    assert {id: found.get(id) for id in kept} == kept and len(kept) == 16 + answered
    place.groma("verify", env=newer)


def test_ten_newer_clients_at_once_replace_it_once(place: Shared, project: Path, older: dict[str, str], newer: dict[str, str]) -> None:
    place.groma("index", cwd=project, env=older)
    started = [place.start("search", "retries", "--json", cwd=project, env=(newer, older)[n % 2]) for n in range(10)]
    assert all(place.end(one).hits for one in started)
    assert runs(place)[1] == NEWER and place.log.count("listens at") == 2


def test_a_protocol_that_is_spoken_no_more(place: Shared, project: Path, older: dict[str, str]) -> None:
    """The older client does without, and says why; the newer one understands the older daemon well enough to replace it."""
    newer = installed(place.folder / "newer", NEWER, LATER_PROTOCOL)
    place.groma("index", cwd=project, env=older)
    first, _ = runs(place)
    assert place.groma("search", "retries", "--json", cwd=project, env=newer).hits
    assert gone(first)
    for _ in range(2):
        ran = place.groma("search", "retries", "--json", cwd=project, env=older)
        assert ran.hits and ran.err == (
            f"groma: The daemon is groma {NEWER} and does not speak wire protocol 1 any more; update groma here too. Working without it.\n"
        )
    assert place.groma("search", "retries", "--json", cwd=project, env=newer).hits
    assert place.log.count("listens at") == 2


def test_a_catalogue_that_a_newer_one_wrote(place: Shared, project: Path, older: dict[str, str]) -> None:
    """The newer daemon answers older clients; where there is none, each of their verbs says in one sentence what is to be done."""
    newer = later_schema(place)
    place.groma("index", cwd=project, env=older)
    kept = place.groma("remember", "Written by the older one", "--json", cwd=project, env=older).json["id"]
    first, _ = runs(place)
    assert place.groma("search", "retries", "--json", cwd=project, env=newer).hits
    daemon = runs(place)
    assert daemon[1] == NEWER and gone(first)
    assert place.groma("search", "retries", "--json", cwd=project, env=older).hits
    assert [m["id"] for m in place.groma("recall", "older", "--json", cwd=project, env=older).json["memories"]] == [kept]
    assert runs(place) == daemon

    sentence = f"was written by a newer groma (schema '9999', this one knows {HEAD}); update groma."
    asked, itself = (("search", "retries"), ("recall", "older"), ("index",)), (("status",), ("jobs",), ("verify",), ("rebuild",))
    for verb in asked:
        assert not place.groma(*verb, cwd=project, env=older).err
    for verb in (*asked, *itself):
        ran = place.groma(*verb, cwd=project, env={**older, "GROMA_DAEMON": "off"}, code=3)
        assert sentence in ran.err and ran.err.count("\n") == 1, ran
    for verb in itself:
        ran = place.groma(*verb, cwd=project, env=older, code=3)
        assert sentence in ran.err and ran.err.count("\n") == 1, ran
    place.groma("stop", env=newer)
    for verb in (("search", "retries"), ("remember", "Not kept"), ("index",)):  # by an older daemon, which starts and cannot open it
        ran = place.groma(*verb, cwd=project, env=older, code=3)
        assert sentence in ran.err and ran.err.count("\n") == 1, ran
    assert place.groma("search", "retries", "--json", cwd=project, env=newer).hits
    assert list(exported(place, newer)) == [kept]


def test_an_update_under_a_running_one(place: Shared, project: Path) -> None:
    """As `pip install -U` does it: the old files go, the new ones come, and those who are connected ask on."""
    env = installed(place.folder / "site", "0.9.0")
    installed(place.folder / "new", "0.10.0")
    place.groma("index", cwd=project, env=env)
    place.groma("start", env=env)
    first, _ = runs(place)
    with Talk(place, version="0.9.0") as talk:
        assert talk.ask("roots") == [str(project)]
        os.rename(place.folder / "site/groma", place.folder / "site/~groma")
        # In between a module may be missing that is imported at first use: then whoever asks is told to ask again.
        with suppress(wire.Stopping, ConnectionError):
            assert not talk.ask("tool", name="search_code", arguments={"query": "retries"})["isError"]
        os.rename(place.folder / "new/groma", place.folder / "site/groma")
        shutil.rmtree(place.folder / "site/~groma")
    assert place.groma("search", "retries", "--json", cwd=project, env=env).hits
    second, version = runs(place)
    assert second != first and version == "0.10.0" and gone(first)
    assert until(lambda: place.log.count("listens at") == 2)
