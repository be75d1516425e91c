"""`groma export`, `import`, `briefing`, `timeline` and `about`: what they print and write, and what they refuse."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Groma
from tests.processes import Place


@pytest.fixture
def kept(groma: Groma, shop: Path) -> Path:
    """The shop, with a few memories of it."""
    groma("remember", "--level", "USER_PREFERENCE", "Prefer pathlib over os.path — für alles", cwd=shop)
    groma("remember", "The service listens on port 8080", cwd=shop)
    groma("remember", "The service listens on port 9090", cwd=shop)
    return shop


def test_out_and_back_byte_for_byte(place: Place, kept: Path) -> None:
    told = place.groma("export", cwd=kept).out
    assert len({json.loads(line)["id"] for line in told.splitlines()}) == 3
    file = place.folder / "all.jsonl"
    assert place.groma("export", "--out", file, cwd=kept).out == ""
    assert file.read_text("utf-8") == told and os.stat(file).st_mode & 0o777 == 0o600
    elsewhere = {"GROMA_DATA_DIR": str(place.folder / "other")}
    done = place.groma("import", "--json", "--restore", file, env=elsewhere).json
    assert (done["schema"], done["outcomes"]) == ("groma.import/1", {"stored": 3}) and done["undo"]
    assert [set(one) for one in done["entries"]] == [{"file", "line", "id", "outcome", "reason"}] * 3
    assert place.groma("export", env=elsewhere).out == told
    file.write_text(told[:-10])
    again = place.groma("import", file, env={"GROMA_DATA_DIR": str(place.folder / "third")}, code=2)
    assert "line 3" in again.err.lower() and "Nothing was imported" in again.err
    assert place.groma("export", env={"GROMA_DATA_DIR": str(place.folder / "third")}).out == ""


def test_a_file_of_instructions_keeps_what_is_ours_not(groma: Groma, kept: Path) -> None:
    file = kept / "CLAUDE.md"
    file.write_text("# Mine\n\nBe brief.\n")
    file.chmod(0o644)
    (kept / "AGENTS.md").symlink_to("CLAUDE.md")
    groma("export", "--format", "instructions", "--project", ".", "--out", "AGENTS.md", cwd=kept)
    text = file.read_text("utf-8")
    assert text.startswith("# Mine\n\nBe brief.\n") and "- Prefer pathlib over os.path" in text and "8080" not in text
    assert (kept / "AGENTS.md").is_symlink() and file.stat().st_mode & 0o777 == 0o644
    groma("export", "--format", "instructions", "--project", ".", "--out", "CLAUDE.md", cwd=kept)
    assert file.read_text("utf-8") == text
    file.write_bytes(b"\xff\xfe")
    refused = groma("export", "--format", "instructions", "--out", "CLAUDE.md", cwd=kept, code=2)
    assert "cannot be read as UTF-8" in refused.err and file.read_bytes() == b"\xff\xfe"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="limits of processes")
def test_a_file_is_written_whole_or_not_at_all(place: Place, kept: Path) -> None:
    import resource

    file = place.folder / "out" / "all.jsonl"
    file.parent.mkdir()
    file.write_text("as it was\n")
    (kept / "many.jsonl").write_text("".join(f'{{"content": "Host h{n}.example serves module m{n}"}}\n' for n in range(150)))
    place.groma("import", kept / "many.jsonl")
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))  # noqa: E731
    ran = place.groma("export", "--out", file, env={"GROMA_READ_ONLY": "1"}, before=limit, code=2)
    assert "cannot be written" in ran.err and "it is as it was" in ran.err
    assert file.read_text() == "as it was\n" and os.listdir(file.parent) == ["all.jsonl"]
    ran = place.groma("export", "--out", place.folder / "nowhere" / "all.jsonl", code=2)
    assert "cannot be written (No such file or directory)" in ran.err


def test_an_import_is_told(groma: Groma, kept: Path) -> None:
    (kept / "notes.jsonl").write_text('{"content": "Redis holds the sessions"}\n{"content": "\'; DROP TABLE users; --"}\n')
    ran = groma("import", "notes.jsonl", cwd=kept)
    assert ran.out.startswith("1 rejected, 1 stored\nto take it back: ") and "notes.jsonl:2: rejected: " in ran.err
    again = groma("import", "notes.jsonl", "--json", cwd=kept).json
    assert again["outcomes"] == {"duplicate": 1, "rejected": 1} and again["undo"] is None


def test_standard_input(place: Place, kept: Path) -> None:
    process = place.start("import", "--json", "-", cwd=kept, stdin=-1)
    assert process.stdin is not None
    process.stdin.write(b'{"content": "Redis holds the sessions"}\n')
    assert place.end(process).json["outcomes"] == {"stored": 1}


def test_a_briefing(groma: Groma, kept: Path) -> None:
    shown = groma("briefing", cwd=kept)
    assert "Prefer pathlib over os.path" in shown.out and "9090" in shown.out and "8080" not in shown.out and shown.err == ""
    told = groma("briefing", "--json", cwd=kept).json
    assert told["schema"] == "groma.briefing/1" and told["text"] == shown.out and len(told["memories"]) == 2 and told["left_out"] == 0
    assert "did not fit into 100 tokens" in groma("briefing", "--tokens", "100", cwd=kept).err
    groma("briefing", "--tokens", "3", cwd=kept, code=2)


def test_nothing_to_tell(groma: Groma, shop: Path) -> None:
    ran = groma("briefing", cwd=shop)
    assert ran.out == "" and "nothing is remembered" in ran.err
    assert "nothing changed" in groma("timeline", "--since", "yesterday", cwd=shop).err
    assert groma("about", cwd=shop).out.startswith("0 memories about you")
    assert groma("export", cwd=shop).out == ""


def test_what_changed(groma: Groma, kept: Path) -> None:
    told = groma("timeline", "--since", "yesterday", "--json", cwd=kept).json
    assert told["schema"] == "groma.timeline/1"
    assert [c["verb"] for c in told["changes"]].count("add") == 3 and "supersede" in [c["verb"] for c in told["changes"]]
    shown = groma("timeline", "--since", "2020-01-01", cwd=kept).out
    assert len(shown.splitlines()) == len(told["changes"]) and "port 8080" in shown
    assert "since" in groma("timeline", "--since", "soon", cwd=kept, code=2).err


def test_all_that_is_kept(groma: Groma, kept: Path, place: Place) -> None:
    told = groma("about", "--json", cwd=kept).json
    assert (told["schema"], told["project"], told["folder"]) == ("groma.about/1", str(kept), str(place.data)) and len(told["memories"]) == 3
    shown = groma("about", cwd=kept).out
    assert "3 memories about you and " in shown and "superseded by" in shown and "Prefer pathlib" in shown


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("import", "nowhere.md"), "nowhere.md cannot be read"),
        (("import", "."), "is a folder"),
        (("import", "--format", "yaml", "shop.toml"), "There is no format"),
        (("import", "--restore", "--project", ".", "shop.toml"), "keeps the project"),
        (("export", "--format", "mem0"), "There is no format"),
        (("export", "--project", "nowhere"), "Nothing is remembered of a project nowhere"),
    ],
)
def test_wrong_usage(groma: Groma, shop: Path, args: tuple[str, ...], said: str) -> None:
    ran = groma(*args, code=2, cwd=shop)
    assert ran.out == "" and said in ran.err
