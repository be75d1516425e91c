"""`groma remember` and `groma recall`: one line a text, each durable when it is printed, and the right exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.processes import Place, repository, write

RECEIPT = {"schema", "id", "outcome", "target", "reason", "level", "masked", "undo"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def shop(place: Place) -> Path:
    return repository(place.folder / "shop", {"src/cache.py": "class Cache:\n    pass\n"})


def test_a_text_and_its_answer(place: Place, shop: Path) -> None:
    kept = place.groma("remember", "--json", "--anchor", "src/cache.py#Cache", "The cache is dropped by number", cwd=shop).json
    assert set(kept) == RECEIPT and (kept["schema"], kept["outcome"], kept["level"]) == ("groma.remember/1", "stored", "PROJECT_CONTEXT")
    answer = place.groma("recall", "--json", "how is the cache dropped", cwd=shop / "src").json
    assert answer["schema"] == "groma.recall/1" and answer["nothing_useful"] is False
    (memory,) = answer["memories"]
    assert (memory["id"], memory["content"], memory["valid"], memory["source"]) == (kept["id"], "The cache is dropped by number", True, "human")
    assert memory["anchors"] == [{"path": "src/cache.py", "symbol": "Cache", "state": "fresh"}]
    assert memory["project"] == str(shop) and memory["superseded_by"] is None and memory["why"]
    shown = place.groma("recall", "how is the cache dropped", cwd=shop)
    assert "The cache is dropped by number" in shown.out and "src/cache.py#Cache fresh" in shown.out
    assert "nothing useful" in place.groma("recall", "the capital of France", cwd=shop).err


def test_a_search_shows_what_is_remembered_of_what_it_found(place: Place, shop: Path) -> None:
    kept = place.groma("remember", "--json", "--anchor", "src/cache.py#Cache", "The cache is dropped by number\nnever by time", cwd=shop).json
    (memory,) = place.groma("search", "--json", "Cache", cwd=shop).json["memories"]
    assert memory == {
        "id": kept["id"], "level": "PROJECT_CONTEXT", "line": "The cache is dropped by number", "path": "src/cache.py", "symbol": "Cache",
        "state": "fresh", "source": "human", "trust": 1.0,
    }  # fmt: skip
    write(shop / "src/cache.py", "class Cache:\n    size = 3\n")
    out = place.groma("search", "Cache", cwd=shop).out
    assert (
        f"remembered of these files:\n    {kept['id']}  src/cache.py#Cache changed  The cache is dropped by number  (PROJECT_CONTEXT, human)\n" in out
    )
    place.groma("forget", "--id", kept["id"])
    assert "remembered" not in place.groma("search", "Cache", cwd=shop).out


def test_words_for_people(place: Place, shop: Path) -> None:
    assert place.groma("remember", "The service listens on port 8080", cwd=shop).out.startswith("stored: ")
    assert place.groma("remember", "The service listens on port 9090", cwd=shop).out.startswith("supersedes ")
    refused = place.groma("remember", "'; DROP TABLE users; --", code=1, cwd=shop)
    assert refused.out == "" and "SQL injection" in refused.err
    assert "superseded by" in place.groma("recall", "service port", cwd=shop).out


def test_a_stream(place: Place, shop: Path) -> None:
    lines = [
        '{"content": "Redis holds the sessions", "tags": ["infra"]}', "", '{"content": 1}', "no json", '{"content": "x", "importance": NaN}',
        '{"content": "Redis holds the sessions"}', '"text"', "[" * 100_000, '{"content": "\\ud800"}', '{"content": "a", "unknown": 1}',
    ]  # fmt: skip
    (place.folder / "notes.jsonl").write_text("\n".join(lines))
    ran = place.groma("remember", "--json", "--jsonl", place.folder / "notes.jsonl", cwd=shop)
    receipts = [json.loads(line) for line in ran.out.splitlines()]
    assert [r["outcome"] for r in receipts] == ["stored", "rejected", "rejected", "rejected", "duplicate", *["rejected"] * 4]
    assert all(set(r) == RECEIPT and (r["id"] is None) == (r["outcome"] == "rejected") and r["reason"] for r in receipts)
    assert place.groma("recall", "--json", "--tag", "infra", "sessions", cwd=shop).json["memories"][0]["tags"] == ["infra"]


def test_each_line_is_answered_before_the_next_is_sent(place: Place, shop: Path) -> None:
    process = place.start("remember", "--json", "--jsonl", "-", cwd=shop, stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    for n in range(3):
        process.stdin.write(f'{{"content": "Fact number {n} about the shop"}}\n'.encode())
        process.stdin.flush()
        receipt = json.loads(process.stdout.readline())
        assert receipt["outcome"] in ("stored", "supersedes", "refines")
        found = place.groma("recall", "--json", "fact about the shop", cwd=shop).json["memories"]
        assert receipt["id"] in {m["id"] for m in found}  # by another process, while this one still runs
    process.stdin.close()
    process.stdin = None
    place.end(process)


def test_what_was_acknowledged_outlives_a_kill(place: Place, shop: Path) -> None:
    process = place.start("remember", "--json", "--jsonl", "-", cwd=shop, stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("".join(f'{{"content": "Host h{n}.example serves module m{n}"}}\n' for n in range(2000)).encode())
    process.stdin.flush()
    acknowledged = [json.loads(process.stdout.readline())["id"] for _ in range(150)]
    process.kill()
    rest = process.stdout.read().decode().splitlines()  # the reader has a part of it already
    process.communicate()
    acknowledged += [json.loads(line)["id"] for line in rest if line.endswith("}")]
    place.groma("verify")
    found = place.groma("recall", "--json", "--k", "100", "host serves module", cwd=shop).json["memories"]
    assert found and len({m["content"] for m in found}) == len(found)
    again = place.groma("remember", "--json", "--jsonl", _lines(place, len(acknowledged)), cwd=shop)
    assert [json.loads(line)["id"] for line in again.out.splitlines()] == acknowledged


def _lines(place: Place, n: int) -> Path:
    path = place.folder / "again.jsonl"
    path.write_text("".join(f'{{"content": "Host h{i}.example serves module m{i}"}}\n' for i in range(n)))
    return path


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("remember",), 2, "Give either a text"),
        (("remember", "--jsonl", "nowhere.jsonl"), 2, "nowhere.jsonl cannot be read"),
        (("remember", "--jsonl", "-", "--tag", "x"), 2, "--tags can only be given with a text"),
        (("remember", "--importance", "2", "x"), 1, "importance"),
        (("remember", "--valid-from", "soon", "x"), 1, "valid_from"),
        (("remember", "--level", "WHATEVER", "x"), 2, "WHATEVER"),
        (("remember", "--supersedes", "00000000", "x"), 1, "No memory has the id"),
        (("recall", " "), 2, "The question is empty"),
        (("recall", "--k", "0", "x"), 2, "between 1 and 100"),
        (("recall", "--as-of", "soon", "x"), 2, "as-of"),
        (("recall", "--project", "nowhere", "x"), 2, "Nothing is remembered of a project nowhere"),
    ],
)
def test_wrong_usage(place: Place, shop: Path, args: tuple[str, ...], code: int, said: str) -> None:
    ran = place.groma(*args, code=code, cwd=shop)
    assert ran.out == "" and said in ran.err
