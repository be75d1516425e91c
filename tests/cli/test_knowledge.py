"""`knowledge-manager`: what it keeps, finds, counts and forgets, and how it says no."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import PATIENCE_S, Place, Ran


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def manager(place: Place, *args: str, code: int = 0, **env: str) -> Ran:
    command = [sys.executable, "-m", "groma.cli.knowledge", *args]
    done = subprocess.run(command, cwd=place.folder, env=place.environment(**env), capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == code and "Traceback" not in done.stderr, (args, done)
    return Ran(args, done.returncode, done.stdout, done.stderr)


def test_what_is_stored_is_found_listed_counted_and_cleaned_up(place: Place) -> None:
    said = ["store", "--json", "Sessions live in Redis", "--type", "decision", "--project", "shop", "--agent", "planner", "--tags", "infra,redis"]
    kept = manager(place, *said).json
    assert (kept["outcome"], kept["type"], kept["level"], kept["masked"]) == ("stored", "decision", "PROJECT_CONTEXT", False)
    other = manager(place, "store", "--json", "The mailer drops attachments", "--type", "issue", "--project", "mail").json
    assert place.groma("recall", "--json", "--project", "shop", "sessions").json["memories"][0]["id"] == kept["id"]

    (first, *_) = manager(place, "search", "--json", "where do sessions live", "--limit", "5").json["entries"]
    assert (first["id"], first["kind"], first["tags"], first["score"]) == (kept["id"], "decision", ["infra", "redis"], 1.0)
    assert manager(place, "search", "--json", "sessions", "--type", "issue").json["nothing_useful"]

    def listed(*args: str) -> list[str]:
        return [e["id"] for e in manager(place, "query", "--json", *args).json["entries"]]

    assert listed() == [other["id"], kept["id"]] and listed("--type", "decision") == listed("--agent", "planner") == [kept["id"]]
    assert listed("--project", "mail") == [other["id"]] and listed("--tags", "redis") == [kept["id"]]
    assert listed("--since", "2020-01-01") == listed() and listed("--since", "2100-01-01") == []
    page = manager(place, "query", "--json", "--limit", "1").json
    assert listed("--limit", "1", "--after", page["next"]) == [kept["id"]]
    counted = manager(place, "stats", "--json").json
    assert (counted["total"], counted["by_type"], counted["by_project"]) == (2, {"decision": 1, "issue": 1}, {"mail": 1, "shop": 1})
    assert counted["by_agent"] == {"": 1, "planner": 1} and counted["by_age"] == {"under a day": 2}

    assert manager(place, "cleanup", "--json", "--older-than", "90d").json["count"] == 0
    would = manager(place, "cleanup", "--json", "--older-than", "0s", "--dry-run").json
    assert (sorted(would["ids"]), would["undo"]) == (sorted([kept["id"], other["id"]]), None) and len(listed()) == 2
    done = manager(place, "cleanup", "--json", "--older-than", "0s", "--project", "shop").json
    assert done["ids"] == [kept["id"]] and done["undo"] and listed() == [other["id"]]


def test_words_for_people(place: Place) -> None:
    assert manager(place, "store", "Sessions live in Redis", "--type", "decision").out.startswith("stored: ")
    assert "Sessions live in Redis" in manager(place, "query").out and "decision" in manager(place, "search", "sessions").out
    assert "by type: decision 1" in manager(place, "stats").out
    assert "1 would be forgotten" in manager(place, "cleanup", "--older-than", "0s", "--dry-run").err


def test_a_credential_reference_does_not_hold_the_credential(place: Place) -> None:
    token = "ghp_" + "".join(secrets.choice("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(36))
    kept = manager(place, "store", f"The deploy token {token} is in the vault under ci/deploy", "--type", "credential-reference")
    assert "credentials in it masked" in kept.out
    assert "ci/deploy" in manager(place, "query", "--type", "credential-reference").out
    assert all(token.encode() not in path.read_bytes() for path in place.data.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("store", ""), 1, "content is empty"),
        (("store", "x", "--type", "rumour"), 2, "rumour"),
        (("store", "x", "--tags", "it's"), 1, "tags"),
        (("store", "x", "--project", "/nowhere/at/all"), 1, "There is no folder"),
        (("store", "'; DROP TABLE users; --"), 1, "SQL injection"),
        (("search", " "), 2, "The question is empty"),
        (("search", "x", "--limit", "0"), 2, "between 1 and 100"),
        (("search", "x", "--project", "nowhere"), 2, "Nothing is remembered of a project nowhere"),
        (("query", "--since", "soon"), 2, "since"),
        (("query", "--limit", "0"), 2, "between 1 and 1,000"),
        (("query", "--after", "00000000"), 2, "No memory has the id"),
        (("cleanup",), 2, "--older-than"),
        (("cleanup", "--older-than", "long"), 2, "The age 'long' is none"),
        (("--read-only", "store", "x"), 3, "read-only"),
        (("--read-only", "cleanup", "--older-than", "1d"), 3, "read-only"),
    ],
)
def test_wrong_usage(place: Place, args: tuple[str, ...], code: int, said: str) -> None:
    manager(place, "store", "Sessions live in Redis")
    ran = manager(place, *args, code=code)
    assert ran.out == "" and said in ran.err, ran
