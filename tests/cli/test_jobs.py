"""`groma jobs`, and `--background` of the verbs that can be jobs: without a daemon, by processes that outlive the command."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Groma
from tests.processes import Place, write

PATIENCE_S = 120
FIELDS = [
    "id", "kind", "root", "state", "asked", "priority", "step", "done", "total", "rate", "eta_s", "created", "started", "finished", "owner", "caller",
    "arguments", "error", "result",
]  # fmt: skip


def over(groma: Groma, id: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_S
    while True:
        job: dict[str, Any] = groma("jobs", "show", id, "--json").json["job"]
        if job["state"] in ("done", "failed", "cancelled"):
            return job
        assert time.monotonic() < until, job
        time.sleep(0.05)


def started(groma: Groma, *args: str | Path, **how: Any) -> dict[str, Any]:
    told = groma(*args, "--json", **how).json
    assert told["schema"] == "groma.job/1"
    assert list(told["job"]) == FIELDS
    job: dict[str, Any] = told["job"]
    return job


def test_no_jobs(groma: Groma) -> None:
    assert groma("jobs").out == "no jobs\n"
    assert groma("jobs", "--json").json == {"schema": "groma.jobs/1", "jobs": []}


def test_an_index_in_the_background(groma: Groma, shop: Path) -> None:
    job = started(groma, "index", shop, "--background")
    assert (job["kind"], job["root"], job["arguments"]) == ("index", str(shop), {})
    done = over(groma, job["id"])
    assert (done["state"], done["result"]["indexed"], done["error"]) == ("done", 7, "")
    assert groma("search", "--no-index", "--repo", shop, "total_price").out
    assert groma("jobs").out.split() == [job["id"], "index", "done", "10/10", str(shop)]
    (listed,) = groma("jobs", "list", "--json").json["jobs"]
    assert listed == done
    shown = groma("jobs", "show", job["id"][-8:]).out
    assert "state: done" in shown
    assert "error" not in shown


def test_the_other_verbs(groma: Groma, shop: Path) -> None:
    groma("index", shop)
    assert over(groma, started(groma, "rebuild", "--background")["id"])["result"]["scopes"][0]["indexed"] == 7
    assert over(groma, started(groma, "jobs", "maintain")["id"])["result"]["scopes"] == [{"root": str(shop)}]
    assert over(groma, started(groma, "jobs", "maintain", shop)["id"])["state"] == "done"
    write(shop / "notes.jsonl", '{"content": "The warehouse is in the north"}\n')
    job = started(groma, "import", "notes.jsonl", "--background", cwd=shop)
    assert over(groma, job["id"])["result"]["outcomes"] == {"stored": 1}
    assert "north" in groma("recall", "where is the warehouse", cwd=shop).out
    assert "standard input" in groma("import", "-", "--background", code=2).err


def test_pause_resume_and_cancel(groma: Groma, shop: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groma.jobs.Jobs.start", lambda _self: None)  # so that it waits
    job = started(groma, "index", shop, "--background")
    assert job["state"] == "queued"
    assert groma("jobs", "pause", job["id"]).out.split() == [job["id"], "index", "paused", str(shop)]
    assert started(groma, "index", shop, "--background")["state"] == "paused"
    monkeypatch.undo()
    place.groma("jobs", "resume", job["id"])
    assert over(lambda *args: place.groma(*args), job["id"])["state"] == "done"


def test_what_cannot_be(groma: Groma, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in ("show", "pause", "resume", "cancel"):
        ran = groma("jobs", verb, "01234567", code=2)
        assert ran.err == "groma: No job has the id 01234567; to see them run: groma jobs\n"
    monkeypatch.setattr("groma.jobs.Jobs.start", lambda _self: None)
    id = started(groma, "index", shop, "--background")["id"]
    assert groma("jobs", "cancel", id).out.split() == [id, "index", "cancelled", str(shop)]
    assert groma("jobs", "resume", id, code=2).err == f"groma: The job {id} cannot be resumed: it is cancelled.\n"
    assert groma("jobs", "pause", id, code=2).err == f"groma: The job {id} cannot be paused: it is cancelled.\n"
    assert groma("jobs", "cancel", id).out.split()[2] == "cancelled"
    assert "too wide" in groma("index", "/", "--background", code=3).err
