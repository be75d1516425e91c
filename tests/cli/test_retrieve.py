"""`groma retrieve`: one level each, in the form that `groma recall` has, with and without the daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from groma.shapes import RecalledShape
from tests.processes import Place, repository


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "shop", {"src/cache.py": "class Cache:\n    pass\n"})


@pytest.fixture(params=["off", "auto"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.groma("stop", code=None, env={"GROMA_DAEMON": request.param, "XDG_RUNTIME_DIR": ""})


def test_a_level_each(place: Place, shop: Path, request: pytest.FixtureRequest) -> None:
    env = {"GROMA_DAEMON": request.node.callspec.params["place"], "XDG_RUNTIME_DIR": ""}

    def said(*words: str, cwd: Path = shop) -> list[str]:
        answer = place.groma("retrieve", "--json", *words, cwd=cwd, env=env).json
        assert set(answer) == {"schema", "query", "memories", "nothing_useful", "degraded"} and answer["schema"] == "groma.recall/1"
        assert all(set(m) == set(RecalledShape.__annotations__) for m in answer["memories"])
        return [m["content"] for m in answer["memories"]]

    for level, content in (
        ("USER_PREFERENCE", "Prefer Redis over Memcached for caches"),
        ("PROJECT_CONTEXT", "Redis holds the sessions of the shop"),
        ("SESSION_STATE", "Moving Redis to the new host"),
        ("SESSION_STATE", "Waiting for the invoices of the host"),
    ):
        place.groma("remember", "--level", level, content, cwd=shop, env=env)
    assert said("preferences", "redis") == ["Prefer Redis over Memcached for caches"]
    assert said("project-context", "--limit", "1", "redis") == ["Redis holds the sessions of the shop"]
    assert said("session-state", "moving", "redis")[:1] == ["Moving Redis to the new host"]
    assert said("session-state", "--limit", "1") == ["Waiting for the invoices of the host"]
    assert len(said("session-state", "--project", str(shop), cwd=shop.parent)) == 2
    assert said("session-state", cwd=shop.parent) == []
    shown = place.groma("retrieve", "project-context", "redis", cwd=shop, env=env)
    assert "Redis holds the sessions" in shown.out and "PROJECT_CONTEXT" in shown.out
    for words, message in (
        (("preferences",), "The question is empty"),
        (("session-state", "--limit", "0"), "between 1 and 100"),
        (("project-context", "--project", "nowhere", "x"), "nowhere"),
        (("everything", "x"), "session-state"),
    ):
        assert message in place.groma("retrieve", *words, cwd=shop, env=env, code=2).err
