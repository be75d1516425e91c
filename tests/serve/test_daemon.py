"""The daemon as its users meet it: real processes, each in a place of its own; every one is ended."""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from groma.config import load
from groma.errors import ReadOnly, Refused, StoreUnreachable, UsageError
from groma.locks import exclusive
from groma.serve import client, sockets, wire
from groma.serve.daemon import FINISH_S
from groma.serve.upkeep import newer
from tests.faults.corpus import modules
from tests.processes import PATIENCE_S, Ran, gone, limited, repository, write
from tests.serve.conftest import PROJECT
from tests.serve.shared import Shared, Talk, shared, until


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Shared]:
    with shared(tmp_path) as place:
        yield place


@pytest.fixture
def project(place: Shared) -> Path:
    return repository(place.folder / "project", PROJECT)


# ------------------------------------------------------------------------------------------------------------------------- its life


def test_it_starts_once_and_stops_once(place: Shared) -> None:
    assert place.groma("stop").out == "groma: no daemon runs\n"
    assert "nothing has been logged" in place.groma("logs").err
    first = place.groma("start").out
    assert place.groma("start").out == first
    told = place.status()
    assert told is not None and first == f"groma: the daemon runs (process {told['pid']})\n"
    assert {"pid", "version", "uptime_s", "rss_mb", "sessions", "jobs"} <= set(told) and told["rss_mb"] < told["memory_mb"]
    assert oct(os.stat(place.socket).st_mode & 0o777) == "0o600"
    assert f"daemon: process {told['pid']}" in place.groma("status").out
    again = place.groma("restart").out
    assert again != first and gone(told["pid"])
    pid = place.pid
    assert place.groma("stop").out == f"groma: the daemon (process {pid}) has ended\n"
    assert gone(pid) and place.status() is None and not os.path.exists(place.socket)
    assert place.groma("stop").code == 0
    assert "listens at" in place.groma("logs", "-n", "100").out


@pytest.mark.parametrize("verb", [("search", "retries"), ("index",), ("recall", "anything"), ("remember", "We use tabs")])
def test_it_is_started_by_who_needs_it(place: Shared, project: Path, verb: tuple[str, ...]) -> None:
    place.groma(*verb, cwd=project)
    assert place.pid


@pytest.mark.parametrize("verb", [("status",), ("verify",), ("doctor",), ("stop",), ("logs",), ("briefing",), ("config", "show")])
def test_it_is_not_started_by_who_only_looks(place: Shared, verb: tuple[str, ...]) -> None:
    place.groma(*verb, code=None)
    assert not (place.data / "daemon.lock").exists()


def test_off_is_off(place: Shared, project: Path) -> None:
    assert place.groma("search", "retries", "--json", cwd=project, env={"GROMA_DAEMON": "off"}).hits
    assert "daemon is set by GROMA_DAEMON" in place.groma("start", code=3, env={"GROMA_DAEMON": "off"}).err
    assert "read_only is set by" in place.groma("--read-only", "start", code=3).err
    assert place.groma("--read-only", "search", "retries", "--json", cwd=project).hits
    assert not (place.data / "daemon.lock").exists()
    assert "--foreground" in place.groma("serve", code=2).err
    assert f"{sys.executable} -m groma serve --foreground" in place.groma("serve", "--systemd").out


def test_ten_starts_at_once_give_one(place: Shared, project: Path) -> None:
    starts = [place.start("start") for _ in range(6)] + [place.start("search", "retries", "--json", cwd=project) for _ in range(4)]
    ran = [place.end(one) for one in starts]
    assert len({one.out for one in ran[:6]}) == 1
    assert all(one.hits for one in ran[6:])
    assert place.log.count("listens at") == 1


def test_who_starts_one_and_hangs_holds_nobody_up_for_ever(place: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "START_S", 0.2)
    place.data.mkdir()
    settings = load({}, data_dir=place.data, config_file=place.folder / "none")
    with exclusive(place.data / "locks" / "daemon-start.lock"), pytest.raises(StoreUnreachable, match="another process has been starting"):
        client.found(settings, place.environment(), "cli", start=True)


def test_one_that_greets_and_then_hangs_is_not_waited_for_for_ever(place: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "STOP_S", 0.2)
    settings = load({}, data_dir=place.data, config_file=place.folder / "none")
    with closing(sockets.listen(place.socket)) as listening:
        hung: list[socket.socket] = []

        def greet() -> None:
            hung.append(listening.accept()[0])
            hung[0].sendall(wire.frame({"groma": 1, "pid": 0, "core": "pure", "data_dir": str(place.data)}))

        greeting = threading.Thread(target=greet)
        greeting.start()
        assert client.stop(settings, place.environment()) == 0
        greeting.join()
        hung[0].close()


def test_more_sessions_than_it_has_files_for_are_refused_and_cost_nobody(place: Shared, project: Path) -> None:
    place.groma("index", cwd=project, env={"GROMA_DAEMON": "off"})
    server = place.start("serve", "--foreground", before=limited(resource.RLIMIT_NOFILE, 200))
    until(place.status)
    with Talk(place, cwd=str(project)) as talk:
        others = [Talk(place) for _ in range(150)]
        assert {one.said["error"]["type"] for one in others if "error" in one.said} == {"StoreUnreachable"}
        assert talk.ask("search", roots=[str(project)], request={"text": "retry"})["hits"]
        ran = place.groma("search", "retries", "--json", cwd=project)
        assert ran.hits and "sessions" in ran.err and "Working without it" in ran.err
        for one in others:
            one.socket.close()
        until(lambda: talk.ask("status")["sessions"] == 1)
        assert not place.groma("search", "retries", "--json", cwd=project).err
    server.terminate()
    place.end(server)


def test_ten_servers_at_once_give_one(place: Shared) -> None:
    servers = [place.start("serve", "--foreground") for _ in range(10)]
    lost = [one for one in servers if until(lambda one=one: one.poll() is not None or place.groma("status", "--json", code=None).json["daemon"])]
    pid = place.pid
    for one in lost:
        if one.pid != pid:
            assert "a daemon runs already" in place.end(one).err
    place.groma("stop")
    (server,) = [one for one in servers if one.pid == pid]
    assert "stops (asked to" in place.end(server).err


def test_it_ends_when_nobody_comes(place: Shared) -> None:
    place.groma("start", env={"GROMA_DAEMON_IDLE_S": "1"})
    pid = json.loads((place.data / "daemon.lock").read_text())["pid"]
    assert gone(pid, PATIENCE_S) and "stops (idle)" in place.log


def test_it_stays_while_somebody_is_connected(place: Shared) -> None:
    place.groma("start", env={"GROMA_DAEMON_IDLE_S": "1"})
    with Talk(place) as talk:
        pid = talk.said["pid"]
        assert not gone(pid, 3.0)
    assert gone(pid, PATIENCE_S)


def test_it_ends_with_its_data_directory(place: Shared) -> None:
    place.groma("start")
    pid = place.pid
    shutil.rmtree(place.data)
    assert gone(pid, PATIENCE_S)


def test_nothing_is_written_to_a_data_directory_that_is_gone(place: Shared) -> None:
    place.groma("remember", "The first thing that is kept")
    pid = place.pid
    with Talk(place) as talk:
        assert talk.ask("count") == 1
        shutil.rmtree(place.data)
        kept = place.groma("remember", "We deploy on Fridays at noon", "--json").json["id"]
        with pytest.raises((wire.Stopping, OSError)):
            talk.ask("remember", said="Said in a session that was there before", here="", kind="memory", batch="b")
    assert gone(pid, PATIENCE_S) and place.pid != pid
    place.groma("stop")
    assert kept in place.groma("export").out


def test_a_socket_that_was_swept_away_is_made_again(place: Shared, project: Path) -> None:
    place.groma("search", "retries", cwd=project)
    pid = place.pid
    with Talk(place) as talk:
        os.unlink(place.socket)
        assert place.groma("search", "retries", "--json", cwd=project).err == ""
        assert place.pid == pid and talk.ask("count") == 0  # who was connected stays so
    shutil.rmtree(place.runtime)  # the user logged out
    ran = place.groma("search", "retries", "--json", cwd=project)
    assert ran.hits and ran.err == "" and place.pid == pid
    assert place.groma("stop").out == f"groma: the daemon (process {pid}) has ended\n"


def test_a_copied_data_directory_has_a_daemon_of_its_own(place: Shared, project: Path) -> None:
    place.groma("search", "retries", cwd=project)
    pid = place.pid
    copied = {"GROMA_DATA_DIR": str(shutil.copytree(place.data, place.folder / "copied"))}
    assert place.groma("status", "--json", env=copied).json["daemon"] is None
    assert place.groma("stop", env=copied).out == "groma: no daemon runs\n"
    assert place.groma("search", "retries", "--json", cwd=project, env=copied).hits
    other = place.groma("status", "--json", env=copied).json["daemon"]["pid"]
    assert other != pid and place.pid == pid
    assert str(other) in place.groma("stop", env=copied).out and gone(other) and place.pid == pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_when_its_work_is_done(place: Shared, number: int) -> None:
    server = place.start("serve", "--foreground")
    until(lambda: os.path.exists(place.socket) and place.status())
    server.send_signal(number)
    assert "stopped in" in place.end(server).err
    assert not os.path.exists(place.socket)


def test_two_interrupts_end_it_at_once(place: Shared) -> None:
    root = repository(place.folder / "big", modules(900), commit=False)
    server = place.start("serve", "--foreground")
    until(lambda: place.status())
    with Talk(place) as talk:
        talk.frames.send({"id": 1, "verb": "index", "args": {"root": str(root)}, "progress": True})
        talk.frames.receive()
        server.send_signal(signal.SIGINT)
        until(lambda: not os.path.exists(place.socket))
        server.send_signal(signal.SIGINT)
        assert place.end(server, code=None).code in (0, 130)  # it may have been quicker than the second one


@pytest.mark.parametrize("many", [900, 2_500], ids=["here", "in a job"])
def test_who_waits_for_an_index_when_it_is_stopped_gets_an_answer_all_the_same(place: Shared, many: int) -> None:
    root = repository(place.folder / "big", modules(many), commit=False)
    place.groma("start")
    with Talk(place) as talk:
        pid = talk.said["pid"]
        searching = place.start("search", "validate_ledger", "--json", "--repo", root)
        until(lambda: talk.ask("status")["runs"])  # a process that asks for it is too late on a busy machine
    begun = time.monotonic()
    place.groma("stop")
    assert gone(pid, 1.0)
    took = float(next(line for line in place.log.splitlines() if "stopped in" in line).split("stopped in ")[1].split(" s")[0])
    assert took < 10 and time.monotonic() - begun < PATIENCE_S
    ran = place.end(searching)
    assert ran.hits, (ran, place.log)  # by the next daemon, unless this one was done with it
    place.groma("verify")


def test_a_run_that_nobody_asked_for_does_not_hold_up_the_end(place: Shared) -> None:
    root = repository(place.folder / "big", modules(3_000), commit=False)
    place.groma("search", "validate_ledger", cwd=root)
    with Talk(place) as talk:
        until(lambda: talk.ask("status")["watched"] and not talk.ask("status")["runs"])
        for n in range(3_000):
            write(root / f"new_{n}.py", f"def fresh_{n}(): return {n}\n")
        until(lambda: talk.ask("status")["runs"])
    place.groma("stop")
    assert float(place.log.split("stopped in ")[1].split(" s")[0]) < FINISH_S


# ----------------------------------------------------------------------------------------------------------------- deaths, and newer code


@pytest.mark.unmeasured
def test_a_killed_one_leaves_nothing_in_the_way(place: Shared, project: Path) -> None:
    place.groma("search", "retries", cwd=project)
    pids = set()
    for _ in range(3):
        pid = place.pid
        pids.add(pid)
        os.kill(pid, signal.SIGKILL)
        assert os.path.exists(place.socket)
        assert place.groma("search", "retries", "--json", cwd=project).hits
    assert len(pids) == 3


@pytest.mark.unmeasured
def test_what_was_acknowledged_is_kept_once_whenever_it_is_killed(place: Shared) -> None:
    place.groma("start")
    kept: dict[int, list[str]] = {}

    def remember(n: int) -> None:
        for i in range(12):
            ran = place.groma("remember", f"Fact {n}-{i} holds for service number {n * 100 + i}", "--json", code=None)
            if ran.code == 0:
                kept.setdefault(n, []).append(ran.json["id"])

    writers = [threading.Thread(target=remember, args=(n,)) for n in range(3)]
    for one in writers:
        one.start()
    killed = 0
    while any(one.is_alive() for one in writers):
        try:
            os.kill(json.loads((place.data / "daemon.lock").read_text())["pid"], signal.SIGKILL)
            killed += 1
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.4)
    for one in writers:
        one.join()
    assert killed and sum(map(len, kept.values())) == 36
    lines = [json.loads(line) for line in place.groma("export").out.splitlines()]
    contents = [line["content"] for line in lines if "content" in line]
    assert len(contents) == len(set(contents)) == 36
    assert {line["id"] for line in lines if "content" in line} == {id for ids in kept.values() for id in ids}
    place.groma("verify")


@pytest.mark.unmeasured
def test_a_first_index_that_is_killed_goes_on(place: Shared) -> None:
    root = repository(place.folder / "repo", modules(60))
    started = place.start("search", "validate_ledger", "--json", cwd=root)
    until(lambda: (place.data / "daemon.lock").exists() and os.path.exists(place.socket))
    os.kill(json.loads((place.data / "daemon.lock").read_text())["pid"], signal.SIGKILL)
    assert place.end(started).hits
    place.groma("verify")


def test_one_that_does_not_answer_is_done_without(place: Shared, project: Path) -> None:
    place.groma("start")
    pid = place.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        ran = place.groma("search", "retries", "--json", cwd=project)
        assert ran.hits and ran.err.count("\n") == 1 and "does not answer. Working without it." in ran.err
    finally:
        os.kill(pid, signal.SIGCONT)


def test_where_none_can_be_started_it_is_said_once(place: Shared, project: Path) -> None:
    (place.data / "daemon.log").mkdir(parents=True)
    ran = place.groma("search", "retries", "--json", cwd=project)
    assert ran.hits and ran.err.count("\n") == 1 and "No daemon can be started" in ran.err and "Working without it." in ran.err


def test_a_newer_client_is_told_to_replace_it(place: Shared) -> None:
    place.groma("start")
    for version, expected in (("0.1.0", False), ("0.0.9", False), ("0.2.0", True), ("1.0.0", True), ("what?", False)):
        with Talk(place, version=version) as talk:
            assert talk.said.get("replace", False) is expected
    # Of one to come we understand that it is newer, whatever else it says, and it is understood when it asks us to end.
    with Talk(place, groma=2, version="x", env={"GROMA_MEMORY_MB": "as you like"}, more=[]) as talk:
        assert talk.said["replace"] is True
        talk.send("stop")
        assert "result" in talk.frames.receive()


@pytest.mark.parametrize(
    "rising",
    [
        "what? 0.0.9 0.1.0.dev3 0.1.0a1 0.1.0b2 0.1.0rc1 0.1.0rc2 0.1.0 0.1.0.post1 0.1.1 0.2.0-rc1 0.2.0-rc.2 0.2 0.10.0 1.0.0",
        "1.dev1 1.a1 1",
    ],
)
def test_versions_are_in_order(rising: str) -> None:
    versions = rising.split()
    for i, one in enumerate(versions):
        for j, other in enumerate(versions):
            assert newer(one, other) is (i > j), (one, other)
    assert not newer("1.0", "1.0.0") and not newer("1.0.0", "1.0") and not newer("0.2.0-rc.1", "0.2.0rc1")


@pytest.mark.unmeasured
def test_code_that_was_changed_under_it_is_run_by_another(place: Shared, project: Path) -> None:
    copied = place.folder / "copied"
    shutil.copytree(Path(wire.__file__).parents[1], copied / "groma", ignore=shutil.ignore_patterns("__pycache__"))
    env = {"PYTHONPATH": str(copied)}
    place.groma("start", env=env)
    pid = place.pid
    place.groma("search", "retries", cwd=project, env=env)
    assert place.pid == pid
    with open(copied / "groma" / "locks.py", "a") as file:
        file.write("# changed\n")
    until(lambda: place.groma("search", "retries", cwd=project, env=env) and (place.status() or {"pid": pid})["pid"] != pid)
    assert gone(pid)


# ------------------------------------------------------------------------------------------------------------------- the same answers


def test_answers_are_the_same_with_it_and_without(place: Shared, project: Path) -> None:
    place.groma("index", cwd=project)
    place.groma("remember", "Retries are limited to three", cwd=project)

    def both(*args: str, code: int = 0) -> tuple[Ran, Ran]:
        ran = [place.groma(*args, cwd=project, code=code, env={"GROMA_DAEMON": mode}) for mode in ("auto", "off")]
        return ran[0], ran[1]

    def searched(ran: Ran) -> dict[str, Any]:
        said = dict(ran.json)
        for name in ("query_id", "timings"):
            del said[name]
        for scope in said["scopes"]:
            del scope["age_s"]
        return said

    for query in ("retries", "Backoff.delay", "nothing of the kind whatsoever"):
        one, other = both("search", query, "--json", "--explain")
        assert searched(one) == searched(other) and one.err == other.err
        one, other = both("search", query, "--k", "3")
        assert (one.out, one.err) == (other.out, other.err)
    one, other = both("recall", "retries", "--json")
    assert {**one.json, "memories": [m["id"] for m in one.json["memories"]]} == {**other.json, "memories": [m["id"] for m in other.json["memories"]]}
    for args, code in (
        (("search", " "), 2),
        (("search", "x", "--k", "0"), 2),
        (("search", "x", "--kind", "nonsense"), 2),
        (("search", "x", "--no-index", "--repo", str(place.folder)), 6),
        (("search", "x", "--repo", "/nowhere/at/all"), 2),
        (("recall", " "), 2),
        (("recall", "x", "--project", "no such"), 2),
        (("remember", " "), 1),
        (("index", "/"), 3),
    ):
        one, other = both(*args, code=code)
        assert (one.out, one.err) == (other.out, other.err), args


def test_settings_are_those_of_who_asks(place: Shared) -> None:
    place.groma("remember", "The first fact of them")
    pid = place.pid
    assert "quota" in (ran := place.groma("remember", "Another fact altogether", code=1, env={"GROMA_MEMORIES_PER_HOUR": "1"})).err.lower() or ran.err
    assert place.groma("remember", "A third fact, of the same hour").out.startswith("stored")
    assert "must be a whole number" in place.groma("recall", "fact", code=3, env={"GROMA_MEMORIES_PER_HOUR": "many"}).err
    assert place.pid == pid
    write(place.home / ".config/groma/config.toml", "memories_per_hour = 1\n")
    place.groma("remember", "A fourth fact, under other settings", code=1)
    assert place.pid == pid


LARGE = "def unmistakably_large():\n    pass\n" + "# filler\n" * 200
SMALL = {"GROMA_MAX_FILE_BYTES": "1024"}


def test_what_is_indexed_is_as_who_asks_has_it(place: Shared, project: Path) -> None:
    """Whoever started the daemon, whoever asked before, and whether it is a question, an index run or a job."""
    write(project / "app/large.py", LARGE)

    def found(talk: Talk) -> bool:
        said = talk.ask("tool", name="search_code", arguments={"query": "unmistakably_large"})["structuredContent"]
        return any(hit["path"] == "app/large.py" for hit in said["hits"])

    place.groma("start", env=SMALL)
    pid = place.pid
    with Talk(place, cwd=str(project)) as usual, Talk(place, cwd=str(project), env=SMALL) as other:
        for _ in range(3):  # until it is watched, and after
            assert found(usual) and not found(other)
        until(lambda: usual.ask("status")["watched"])
        for change in (
            lambda: other.ask("index", root=str(project)),
            lambda: other.ask("freshen", root=str(project)),
            lambda: place.groma("index", cwd=project, env=SMALL),
            lambda: place.groma("index", cwd=project, env={**SMALL, "GROMA_DAEMON": "off"}),
        ):
            assert found(usual)
            assert found(usual)
            change()
            assert found(usual), change
    assert any(hit[0] == "app/large.py" for hit in place.groma("search", "unmistakably_large", "--json", cwd=project).hits)
    assert not any(hit[0] == "app/large.py" for hit in place.groma("search", "unmistakably_large", "--json", cwd=project, env=SMALL).hits)
    for env, reason in ((SMALL, "larger than max_file_bytes"), ({}, "")):
        id = place.groma("index", "--background", "--json", cwd=project, env=env).json["job"]["id"]
        until(lambda id=id: jobs(place)[id][0] == "done")
        assert reason in place.groma("why", "app/large.py", cwd=project).out
        assert ("larger" in place.groma("why", "app/large.py", cwd=project).out) == bool(reason)
    assert place.pid == pid


def test_its_own_settings_are_those_of_now(place: Shared, project: Path) -> None:
    place.groma("search", "retries", cwd=project, env={"GROMA_WATCH": "off"})  # it indexes when it is asked
    pid = place.pid
    write(project / "app/large.py", LARGE)
    assert any(hit[0] == "app/large.py" for hit in place.groma("search", "unmistakably_large", "--json", cwd=project).hits)
    write(place.home / ".config/groma/config.toml", "max_file_bytes = 1024\nmemory_mb = 500\n")
    assert not any(hit[0] == "app/large.py" for hit in place.groma("search", "unmistakably_large", "--json", cwd=project).hits)
    told = place.status()
    assert told is not None and told["pid"] != pid and told["memory_mb"] == 500


def test_who_may_not_write_has_nothing_indexed(place: Shared, project: Path) -> None:
    place.groma("start")
    with Talk(place, cwd=str(project), env={"GROMA_READ_ONLY": "true"}) as talk:
        with pytest.raises(ReadOnly):
            talk.ask("freshen", root=str(project))
        assert talk.ask("tool", name="search_code", arguments={"query": "retries"})["isError"] is True
        assert talk.ask("roots") == []
        place.groma("index", cwd=project)
        write(project / "app/new.py", "def brand_new(): ...\n")
        (said,) = talk.ask("freshen", root=str(project))
        found = talk.ask("tool", name="search_code", arguments={"query": "retries"})
        assert "read-only" in said and said in found["structuredContent"]["degraded"]
        assert talk.ask("index_status")[0]["stale_files"] == 1


def test_another_core_is_another_process(place: Shared, project: Path) -> None:
    place.groma("search", "retries", cwd=project)
    with Talk(place) as talk:
        running = talk.said["core"]
    other = "pure" if running == "rust" else running
    assert place.groma("search", "retries", "--json", cwd=project, env={"GROMA_CORE": other}).json["core"] == other


def test_a_change_is_seen_by_the_next_question(place: Shared, project: Path) -> None:
    place.groma("search", "retries", cwd=project)
    for n in range(5):
        write(project / f"app/fresh{n}.py", f"def freshly_made_{n}():\n    return {n}\n")
        assert place.groma("search", f"freshly_made_{n}", "--json", cwd=project).hits[0][0] == f"app/fresh{n}.py"


# ------------------------------------------------------------------------------------------------------------------------ the socket


def test_requests_of_a_session_overlap(place: Shared, project: Path) -> None:
    place.groma("index", cwd=project)
    with Talk(place) as talk:
        numbers = {talk.send("search", roots=[str(project)], request={"text": f"retry {n}"}) for n in range(50)}
        numbers.add(talk.send("ping"))
        assert {talk.frames.receive()["id"] for _ in range(51)} == numbers


def test_what_is_no_request_is_refused_in_words(place: Shared) -> None:
    place.groma("start")
    with Talk(place) as talk:
        for verb, args, word in (
            ("fly", {}, "There is no verb fly"),
            ("search", {"roots": "x", "request": {"text": "x"}}, "str where list"),
            ("search", {"roots": []}, "request"),
            ("search", {"roots": [], "request": {"text": 3}}, "int where str"),
            ("search", {"roots": [], "request": {"text": "x"}, "caller": "root"}, "no argument caller"),
            ("index", {}, "root"),
            ("tool", {}, "needs name"),
        ):
            with pytest.raises(wire.GromaError, match=word):
                talk.ask(verb, **args)
        assert talk.ask("ping")


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        (b"GET / HTTP/1.1\r\n", "not JSON"),
        (b"\xff\xfe\x00\n", "not JSON"),
        (b"[1, 2]\n", "not a JSON object"),
        (b"{}\n", "begins with"),
        (b'{"groma": 0}\n', "does not speak wire protocol 0 any more; update groma"),
        (b"[" * 200_000 + b"\n", "nested too deeply"),
        (b'{"groma": 1, "env": {"GROMA_MEMORY_MB": "x"}}\n', "must be a whole number"),
    ],
)
def test_garbage_is_refused_and_closed(place: Shared, sent: bytes, word: str) -> None:
    place.groma("start")
    with Talk(place, greet=False) as talk:
        talk.socket.sendall(sent)
        assert word in talk.frames.receive()["error"]["message"]
        with pytest.raises(ConnectionError):
            talk.frames.receive()


def test_arguments_of_a_wrong_kind_are_the_fault_of_who_sent_them(place: Shared, project: Path) -> None:
    place.groma("start")
    with Talk(place, cwd=str(project)) as talk:
        for verb, args in (
            ("resources", {"cursor": 5}),
            ("tool", {"name": "search_code", "arguments": [1]}),
            ("prompt", {"name": "onboard", "arguments": "x"}),
            ("freshen", {"root": "with\0nul"}),
        ):
            with pytest.raises((UsageError, Refused)):
                talk.ask(verb, **args)


def test_a_line_without_end_is_refused(place: Shared) -> None:
    place.groma("start")
    with Talk(place) as talk, pytest.raises(ConnectionError):
        talk.socket.sendall(b"x" * (80 << 20))
    with Talk(place) as talk:
        assert talk.ask("ping")


@pytest.mark.unmeasured
def test_nothing_that_clients_do_leaks_or_holds_up_others(place: Shared, project: Path) -> None:
    place.groma("index", cwd=project)
    with Talk(place) as talk:
        pid = talk.said["pid"]
        open_files = lambda: len(os.listdir(f"/proc/{pid}/fd"))  # noqa: E731
        for _ in range(50):  # every thread has its connections
            talk.send("search", roots=[str(project)], request={"text": "retry"})
        for _ in range(50):
            talk.frames.receive()
        before = open_files()
        deaf = []
        for _ in range(5):  # they ask and never listen
            one = Talk(place)
            one.socket.setblocking(False)
            try:
                for n in range(2_000):
                    one.socket.sendall(wire.frame({"id": n, "verb": "search", "args": {"roots": [str(project)], "request": {"text": "retry"}}}))
            except BlockingIOError:
                pass
            deaf.append(one)
        for _ in range(40):
            half = Talk(place)
            half.socket.sendall(b'{"id": 1, "verb": "sea')
            half.socket.close()
            gone_ = Talk(place)
            gone_.send("search", roots=[str(project)], request={"text": "retry"})
            gone_.socket.close()
            mute = socket.socket(socket.AF_UNIX)
            mute.connect(place.socket)
            mute.close()
        assert talk.ask("search", roots=[str(project)], request={"text": "retry"})["hits"]
        for one in deaf:
            one.socket.close()
        until(lambda: talk.ask("status")["sessions"] == 1 and open_files() <= before + 1)
    assert "Traceback" not in place.log


def test_fifty_at_once_are_answered(place: Shared, project: Path) -> None:
    place.groma("index", cwd=project)
    wrong: list[BaseException] = []

    def work(n: int) -> None:
        try:
            with Talk(place) as talk:
                for i in range(10):
                    assert talk.ask("search", roots=[str(project)], request={"text": "retry"})["hits"]
                    if i == 5:
                        (kept,) = talk.ask("remember", said=[{"content": f"Client number {n} wrote down its own fact"}], here=str(project))
                        assert kept["outcome"] != "rejected", kept
                    talk.ask("recall", text="fact", here=str(project))
        except BaseException as e:  # noqa: BLE001 - told below
            wrong.append(e)

    clients = [threading.Thread(target=work, args=(n,)) for n in range(50)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert not wrong
    assert "Traceback" not in place.log


def test_more_questions_than_threads_do_not_wait_for_one_another(place: Shared, project: Path) -> None:
    """The run that all of them wait for needs a thread, too, and comes after another one."""
    root = repository(place.folder / "big", modules(1_500), commit=False)
    place.groma("start")
    talks = [Talk(place) for _ in range(6)]
    talks[0].send("freshen", root=str(root))
    until(lambda: talks[-1].ask("status")["runs"])
    for talk in talks[:-1]:
        for _ in range(64):
            talk.send("freshen", root=str(root))
    assert talks[0].frames.receive()["result"] == []
    for talk in talks[:-1]:
        assert all(talk.frames.receive()["result"] == [] for _ in range(64))


def test_a_project_waits_for_no_other_ones(place: Shared, project: Path) -> None:
    """However many of them are indexed for the first time."""
    place.groma("start")
    roots = [repository(place.folder / f"big{n}", modules(1_100), commit=False) for n in range(12)]
    with Talk(place) as talk, Talk(place) as other:
        for root in roots:
            talk.send("freshen", root=str(root))
        until(lambda: other.ask("status")["runs"] >= 6)
        assert other.ask("freshen", root=str(project)) == []
        assert other.ask("status")["runs"] >= 6
    place.groma("stop")


def test_questions_do_not_wait_behind_writes_that_wait(place: Shared, project: Path) -> None:
    place.groma("index", cwd=project)
    with Talk(place) as talk, Talk(place) as other, closing(sqlite3.connect(place.data / "catalogue.db", isolation_level=None)) as db:
        talk.ask("remember", said=[{"content": "The first of them"}], here="")
        db.execute("BEGIN IMMEDIATE")
        for n in range(40):
            talk.send("remember", said=[{"content": f"Fact number {n} of the forty"}], here="")
        talk.frames.send({"id": "ping", "verb": "ping"})
        assert talk.frames.receive()["id"] == "ping"  # all of them are taken up
        assert other.ask("search", roots=[str(project)], request={"text": "retry"})["hits"]
        assert not select.select([talk.socket], [], [], 0)[0]  # they wait still
        db.execute("ROLLBACK")
        assert all("result" in talk.frames.receive() for _ in range(40))


def test_its_log_is_turned_over_while_it_runs(place: Shared) -> None:
    place.groma("start")
    with open(place.data / "daemon.log", "a") as file:
        file.write("said before\n" * 100_000)
    older = place.data / "daemon.log.1"
    until(older.exists)
    place.groma("stop")
    assert "listens at" in older.read_text()
    assert "stops (asked to" in place.log and "said before" not in place.log
    assert oct(os.stat(place.data / "daemon.log").st_mode & 0o777) == "0o600"


def test_progress_and_cancelling(place: Shared) -> None:
    root = repository(place.folder / "big", modules(6_000), commit=False)
    place.groma("start")
    with Talk(place) as talk, Talk(place) as other:
        talk.frames.send({"id": 1, "verb": "index", "args": {"root": str(root)}, "progress": True})
        said = talk.frames.receive()
        assert said["id"] == 1 and said["progress"]["total"] >= said["progress"]["done"]
        assert other.ask("ping")  # nobody waits for it
        assert other.ask("status")["runs"] == 1
        talk.frames.send({"cancel": 1})
        while "progress" in (said := talk.frames.receive()):
            pass
        assert said["error"]["type"] == "Cancelled"
        until(lambda: other.ask("status")["runs"] == 0)
    place.groma("verify")


def test_a_cancel_is_heard_however_many_requests_wait(place: Shared) -> None:
    root = repository(place.folder / "big", modules(6_000), commit=False)
    place.groma("start")
    with Talk(place) as talk:
        requests = [{"id": n, "verb": "index", "args": {"root": str(root)}} for n in range(999)]
        more = [{"id": 999, "verb": "ping"}, {"id": 1_000, "verb": "ping"}, {"id": "large", "verb": "ping"}, {"cancel": 998}, {"cancel": 0}]
        talk.socket.sendall(b"".join(map(wire.frame, (*requests, *more))))
        said = [talk.frames.receive() for _ in range(4)]
        assert {one["id"]: one["error"]["type"] for one in said} == {1_000: "Refused", "large": "Refused", 998: "Cancelled", 0: "Cancelled"}
        assert "1,000 requests of this session wait" in said[0]["error"]["message"]
        talk.frames.send({"id": 0, "verb": "ping"})
        for n in range(1, 998):
            talk.frames.send({"cancel": n})
        said = [talk.frames.receive() for _ in range(999)]
        assert {one["id"] for one in said if "error" in one} == set(range(1, 998)) and {one["id"] for one in said if "result" in one} == {0, 999}


def test_what_waits_for_an_answer_is_bounded_in_size(place: Shared) -> None:
    root = repository(place.folder / "big", modules(6_000), commit=False)
    place.groma("start")
    with Talk(place) as talk:
        talk.frames.send({"id": 0, "verb": "index", "args": {"root": str(root)}, "more": "x" * (20 << 20)})
        talk.frames.send({"id": 1, "verb": "ping", "more": "x" * (20 << 20)})
        said = talk.frames.receive()
        assert said["id"] == 1 and "hold 32 MB already" in said["error"]["message"]
        talk.frames.send({"cancel": 0})
        assert talk.frames.receive()["error"]["type"] == "Cancelled"
        talk.frames.send({"id": 1, "verb": "ping", "more": "x" * (20 << 20)})
        assert talk.frames.receive()["result"]


def test_what_is_cancelled_in_the_same_breath_is_answered(place: Shared) -> None:
    place.groma("start")
    with Talk(place) as talk:
        for n in range(70):
            talk.socket.sendall(wire.frame({"id": n, "verb": "ping"}) + wire.frame({"cancel": n}))
            assert talk.frames.receive()["id"] == n


def facts(topic: str) -> list[dict[str, str]]:
    return [{"content": f"The {topic} number {n} listens on port {8000 + n}"} for n in range(120)]


WRITING: dict[str, Callable[[str], tuple[str, dict[str, Any]]]] = {
    "remember": lambda topic: ("remember", {"said": facts(topic), "here": ""}),
    "store": lambda topic: ("store", {"entries": facts(topic), "here": ""}),
    "knowledge_store_batch": lambda topic: ("tool", {"name": "knowledge_store_batch", "arguments": {"entries": facts(topic)}}),
    "import": lambda topic: ("tool", {"name": "import", "arguments": {
        "content": "# Facts\n\n" + "".join(f"- {one['content']}\n" for one in facts(topic)), "format": "instructions"}}),
}  # fmt: skip


@pytest.mark.parametrize("verb", WRITING)
def test_a_write_that_was_begun_is_finished_and_answered(place: Shared, project: Path, verb: str) -> None:
    """Whoever cancels hears either that nothing was done, or what was; who leaves finds it done."""
    place.groma("start")
    with Talk(place) as watching:
        with Talk(place, cwd=str(project), toolset="full") as talk:
            name, args = WRITING[verb]("service")
            talk.frames.send({"id": 1, "verb": name, "args": args})
            talk.frames.send({"id": 2, "verb": "ping"})
            said = [talk.frames.receive()]
            talk.frames.send({"cancel": 1})
            said.append(talk.frames.receive())
            (answer,) = [one for one in said if one["id"] == 1]
            watching.ask("remember", said=[{"content": "Memories are written one after the other"}], here="")  # and so after the one before
            kept = watching.ask("count")
            if "result" in answer:
                assert kept > 1 and not (name == "tool" and answer["result"]["isError"]), answer
            else:
                assert kept == 1 and answer["error"]["type"] == "Cancelled", answer
        with Talk(place, cwd=str(project), toolset="full") as talk:
            name, args = WRITING[verb]("printer")
            talk.frames.send({"id": 1, "verb": name, "args": args})
            talk.frames.send({"id": 2, "verb": "ping"})
            talk.frames.receive()
        until(lambda: watching.ask("status")["sessions"] == 1)
        assert watching.ask("count") > kept


def jobs(place: Shared) -> dict[str, tuple[str, bool]]:
    """Of each job: its state, and whether it is there only for who waits for it."""
    return {one["id"]: (one["state"], "awaited" in one["arguments"]) for one in place.groma("jobs", "--json").json["jobs"]}


def test_a_job_that_somebody_else_asked_for_is_left_and_not_ended(place: Shared) -> None:
    root = repository(place.folder / "big", modules(3_000), commit=False)
    place.groma("start")
    id = place.groma("index", "--background", root, "--json").json["job"]["id"]
    with Talk(place) as talk:
        talk.frames.send({"id": 1, "verb": "index", "args": {"root": str(root)}, "progress": True})
        assert talk.frames.receive()["progress"]
        talk.frames.send({"cancel": 1})
        while "progress" in (said := talk.frames.receive()):
            pass
        assert said["error"]["type"] == "Cancelled"
        until(lambda: talk.ask("status")["runs"] == 0)
    assert until(lambda: (now := jobs(place))[id][0] in ("done", "cancelled", "failed") and now) == {id: ("done", False)}


def test_what_is_asked_for_beside_a_run_that_is_waited_for_outlives_it(place: Shared) -> None:
    root = repository(place.folder / "big", modules(3_000), commit=False)
    place.groma("start")
    with Talk(place) as talk:
        talk.frames.send({"id": 1, "verb": "index", "args": {"root": str(root)}, "progress": True})
        assert talk.frames.receive()["progress"]
        id = place.groma("index", "--background", root, "--json").json["job"]["id"]
        talk.frames.send({"cancel": 1})
        while "progress" in talk.frames.receive():
            pass
    assert until(lambda: (now := jobs(place))[id][0] in ("done", "cancelled", "failed") and now)[id] == ("done", False)


def test_index_runs_that_are_asked_for_at_once_are_joined(place: Shared, project: Path) -> None:
    place.groma("start")
    with Talk(place) as talk:
        for _ in range(30):
            talk.send("index", root=str(project))
        found = [talk.frames.receive()["result"] for _ in range(30)]
    assert {one["indexed"] for one in found} == {5} and sum(1 for one in found if one["read"]) == 1


def test_much_that_changed_in_a_known_folder_is_read_by_a_job(place: Shared) -> None:
    root = repository(place.folder / "big", modules(1_200), commit=False)
    place.groma("index", cwd=root)
    assert [job["kind"] for job in place.groma("jobs", "--json").json["jobs"]] == ["index"]  # the first one
    for path, text in modules(1_100, seed=1).items():
        write(root / path, text + "def after_the_switch(): return 1\n")
    assert place.groma("search", "after_the_switch", "--json", cwd=root).hits
    write(root / "src/part00/unit0000.py", "def after_one_edit(): return 1\n")
    assert place.groma("search", "after_one_edit", "--json", cwd=root).hits
    jobs = place.groma("jobs", "--json").json["jobs"]
    assert [(job["state"], job["total"]) for job in jobs] == [("done", 1_100), ("done", 1_200)]  # the edit was read at once
    place.groma("verify")


def test_what_is_a_job_already_is_waited_for(place: Shared) -> None:
    root = repository(place.folder / "small", modules(300), commit=False)
    id = place.groma("index", "--background", "--json", cwd=root).json["job"]["id"]
    assert place.groma("index", cwd=root).out.startswith(f"{root}: 300 files")
    (job,) = (job for job in place.groma("jobs", "--json").json["jobs"] if job["id"] == id)
    assert job["state"] == "done"


def test_what_was_healed_for_a_long_run_is_told_by_who_waited_for_it(place: Shared, project: Path) -> None:
    place.groma("index", cwd=project)
    place.groma("stop")
    for store in place.data.glob("store-*.db*"):
        store.write_bytes(b"no database at all " * 1_000)
    root = repository(place.folder / "big", modules(1_500), commit=False)
    ran = place.groma("index", cwd=root)  # by a job, after a look in the daemon
    assert ran.out.startswith(f"{root}: 1500 files") and "set aside as" in ran.err


def test_agents_are_answered_as_the_protocol_has_it(place: Shared, project: Path) -> None:
    place.groma("start")
    with Talk(place, cwd=str(project)) as talk:
        assert talk.said["project"] == str(project)
        found = talk.ask("tool", name="search_code", arguments={"query": "where are retries limited"})
        assert found["isError"] is False and found["structuredContent"]["hits"]
        assert talk.ask("tool", name="no_such_tool", arguments={})["isError"] is True
        assert "completion" in talk.ask("complete", ref={"type": "ref/prompt", "name": "onboard"}, argument={"name": "focus", "value": ""})


def test_memory_is_kept_to_a_budget(place: Shared) -> None:
    root = repository(place.folder / "repo", modules(300))
    config = write(place.home / ".config/groma/config.toml", "memory_mb = 100\n")
    place.groma("index", cwd=root)
    with Talk(place) as talk:
        first = talk.ask("search", roots=[str(root)], request={"text": "validate_ledger"})["hits"]
        # What it holds is made more than it may hold by what a client may well send.
        ballast = [Talk(place) for _ in range(6)]
        for one in ballast:
            one.socket.sendall(b'{"id": 1, "verb": "' + b"x" * (20 << 20))
        until(lambda: talk.ask("status")["slimmed"])
        assert talk.ask("search", roots=[str(root)], request={"text": "validate_ledger"})["hits"] == first
        for one in ballast:
            one.socket.close()
    assert config.exists() and "of 100" in place.log


def test_a_client_imports_next_to_nothing(place: Shared, project: Path) -> None:
    place.groma("search", "retries", cwd=project)
    code = "import sys; from groma.cli.main import main\ntry:\n main()\nfinally:\n print(*sys.modules, file=sys.stderr)"
    env = {name: value for name, value in place.environment().items() if not name.startswith("COVERAGE_")}
    for args in (("search", "retries"), ("recall", "retries"), ("remember", "Tabs are used here"), ("index",)):
        ran = subprocess.run([sys.executable, "-c", code, *args], cwd=project, env=env, capture_output=True, text=True, check=True)
        loaded = set(ran.stderr.split())
        assert not loaded & {"numpy", "sqlite3", "asyncio", "subprocess", "groma.core", "groma.engine", "groma.data", "groma.catalogue", "tempfile"}


# ------------------------------------------------------------------------------------------------------------------ what is watched


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is watched on this system")
def test_why_a_folder_is_not_watched_is_said(place: Shared, project: Path) -> None:
    script = """
echo 3 > /proc/sys/user/max_inotify_watches || exit 77
"$@" start > /dev/null
"$@" search retries > /dev/null
for i in 1 2 3 4 5 6 7 8 9; do "$@" status | grep 'not watched' && break; "$@" search retries > /dev/null; done
"$@" status --json
"$@" doctor
"$@" stop > /dev/null
"""
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", sys.executable, "-P", "-m", "groma"]
    ran = subprocess.run(command, cwd=project, env=place.environment(), capture_output=True, text=True, check=False)
    if ran.returncode == 77 or "unshare" in ran.stderr:
        pytest.skip(f"no namespaces here: {ran.stderr}")
    why = "this user's watches are used up (a larger fs.inotify.max_user_watches would help)"
    sentence = f"{project} is not watched, so that every question walks it: {why}"
    text, said, *checks = ran.stdout.splitlines()
    assert text == f"    {sentence}", ran
    daemon = json.loads(said)["daemon"]
    assert (daemon["watch"], daemon["watched"]) == (True, 0)
    assert daemon["not_watched"] == [{"root": str(project), "why": why, "limit": "max_user_watches"}]
    now = Path("/proc/sys/fs/inotify/max_user_watches").read_text().strip()
    (watching,) = (line for line in checks if "watching:" in line)
    assert watching.startswith(
        f"ok   watching: 0 folders are watched; {sentence}; fs.inotify.max_user_watches is {now}: to have more, run: sudo sysctl "
    )


def test_what_is_watched_is_said(place: Shared, project: Path) -> None:
    assert "watching: no daemon runs that would watch\n" in place.groma("doctor").out
    place.groma("start")
    with Talk(place) as talk:
        talk.ask("freshen", root=str(project))
        if sys.platform == "linux":
            until(lambda: talk.ask("status")["watched"] == 1)
            assert ", 1 folders watched\n" in place.groma("status").out
            assert "ok   watching: 1 folders are watched\n" in place.groma("doctor").out
    place.groma("stop")
    off = {"GROMA_WATCH": "off"}
    place.groma("search", "retries", cwd=project, env=off)
    assert "no folder is watched (watch is off)\n" in place.groma("status", env=off).out
    assert "ok   watching: off (watch is set by GROMA_WATCH); every question walks its folder\n" in place.groma("doctor", env=off).out
