"""`groma doctor` and `groma config`: what is here, and what holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from groma import core
from tests.cli.conftest import Groma
from tests.processes import Place, unprivileged, write


def test_a_sound_installation(groma: Groma, place: Place, shop: Path) -> None:
    groma("index", shop)
    found = groma("doctor", "--json").json
    assert (found["schema"], found["core"]) == ("groma.doctor/1", core.NAME)
    checks = {c["name"]: c for c in found["checks"]}
    assert set(checks) == {"groma", "python", "sqlite", "core", "data directory", "grammars", "model", "indexed folders", "watching"}
    assert [c["name"] for c in found["checks"] if not c["ok"]] == []
    assert (checks["data directory"]["detail"], checks["indexed folders"]["detail"]) == (str(place.data), "1")
    assert all(line.startswith("ok   ") for line in groma("doctor").out.splitlines())
    assert checks["core"]["detail"] == (f"{core.NAME} ({core.WHY})" if core.WHY else "rust")


@pytest.mark.parametrize("name", ["pure", core.NAME])
def test_the_core_in_use_is_named_everywhere(place: Place, shop: Path, name: str) -> None:
    env = {"GROMA_CORE": name}
    assert place.groma("index", shop, "--json", env=env).json["core"] == name
    assert place.groma("search", "--repo", shop, "price", "--json", env=env).json["core"] == name
    assert place.groma("status", "--json", env=env).json["core"] == name
    assert place.groma("status", env=env).out.endswith(f"core: {name}\n")
    assert place.groma("doctor", "--json", env=env).json["core"] == name
    assert f"ok   core: {name}{' (GROMA_CORE is pure)' if name == 'pure' else ''}\n" in place.groma("doctor", env=env).out


def test_a_data_directory_that_cannot_be_used(groma: Groma, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(place.folder / "file", "in the way")
    monkeypatch.setenv("GROMA_DATA_DIR", str(file))
    ran = groma("doctor", code=1)
    assert f"BAD  data directory: {file} cannot be written; set GROMA_DATA_DIR" in ran.out
    assert "ok   grammars" in ran.out
    assert groma("status", code=3).err == f"groma: The data directory {file} is a file; set GROMA_DATA_DIR to a folder.\n"


def test_a_data_directory_that_may_not_be_written(place: Place) -> None:
    place.data.mkdir()
    place.data.chmod(0o555)
    place.folder.chmod(0o755)
    ran = place.groma("doctor", code=1, before=unprivileged)
    assert "BAD  data directory: " in ran.out


def test_what_holds_and_where_it_comes_from(groma: Groma, place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = write(place.home / ".config/groma/config.toml", "answer_within_s = 5\n")
    write(shop / ".groma.toml", "max_file_bytes = 70000\n")
    out = groma("config", "show", "--origin", cwd=shop / "src").out.splitlines()
    width = max(line.index("  # ") for line in out)
    assert {line.index("  # ") for line in out} == {width}
    assert [" ".join(line.split()) for line in out] == [
        f"data_dir = {place.data} # GROMA_DATA_DIR",
        f"max_file_bytes = 70000 # {shop / '.groma.toml'}",
        f"answer_within_s = 5 # {user}",
        "memories_per_hour = 10000 # default",
        "memories_undo_days = 30 # default",
        "daemon = off # GROMA_DAEMON",
        "daemon_idle_s = 1800 # default",
        "memory_mb = 1000 # default",
        "watch = true # default",
        "watch_debounce_ms = 1000 # default",
        "jobs_at_once = 2 # default",
        "job_memory_mb = 2000 # default",
        "read_only = false # default",
    ]
    assert (
        groma("config", "show", cwd=shop).out
        == f"data_dir = {place.data}\nmax_file_bytes = 70000\nanswer_within_s = 5\nmemories_per_hour = 10000\nmemories_undo_days = 30\n"
        "daemon = off\ndaemon_idle_s = 1800\nmemory_mb = 1000\nwatch = true\nwatch_debounce_ms = 1000\n"
        "jobs_at_once = 2\njob_memory_mb = 2000\nread_only = false\n"
    )
    monkeypatch.setenv("GROMA_MAX_FILE_BYTES", "80000")
    found = groma("config", "show", "--json", cwd=shop).json
    assert found["schema"] == "groma.config/1"
    row = found["settings"][1]
    assert (row["name"], row["value"], row["origin"], row["variable"]) == (
        "max_file_bytes", 80000, "GROMA_MAX_FILE_BYTES", "GROMA_MAX_FILE_BYTES",
    )  # fmt: skip
    assert row["help"]


def test_a_setting_without_sense_stops_every_verb(groma: Groma, place: Place, shop: Path) -> None:
    write(place.home / ".config/groma/config.toml", "colour = true\n")
    for verb in (("status",), ("search", "x"), ("index",), ("verify",), ("config", "show"), ("doctor",), ("mcp",)):
        ran = groma(*verb, code=3, cwd=shop)
        assert "sets colour, which groma does not know" in ran.err and ran.out == ""
