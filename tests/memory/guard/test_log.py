"""The security log: whole lines from many processes, few and small files, no secret and no whole text in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from groma.memory.guard import log, record

SECRET = "postgres://bob:hT7kq92LmzPw@db.internal/app"


def lines(folder: Path) -> list[dict[str, object]]:
    """All lines that are there, oldest first."""
    names = [folder / f"{log.NAME}.{n}" for n in range(log.FILES - 1, 0, -1)] + [folder / log.NAME]
    return [json.loads(line) for path in names if path.exists() for line in path.read_text("utf-8").splitlines()]


def test_a_line_is_cleaned_masked_and_cut(tmp_path: Path) -> None:
    record(tmp_path, "rejected", text=f"\u202e{SECRET}\n" + "x" * 500, rule="sql-stacked", agent=None, count=3)
    (row,) = lines(tmp_path)
    assert {k: v for k, v in row.items() if k not in ("time", "text")} == {"event": "rejected", "rule": "sql-stacked", "agent": None, "count": 3}
    text = str(row["text"])
    assert text.startswith("postgres://bob:************@db.internal/app\nxxx")
    assert len(text) == log.SHOWN
    assert "hT7kq92" not in (tmp_path / log.NAME).read_text("utf-8")


def test_a_secret_that_the_cut_would_halve_is_masked_first(tmp_path: Path) -> None:
    record(tmp_path, "rejected", text="y" * (log.SHOWN - 20) + " " + SECRET)
    assert "hT7" not in (tmp_path / log.NAME).read_text("utf-8")


def test_halves_of_characters_are_logged(tmp_path: Path) -> None:
    record(tmp_path, "rejected", text="a\ud800\x00b")
    assert lines(tmp_path)[0]["text"] == "a\ud800b"


def test_files_are_turned_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LIMIT", 1_000)
    for n in range(100):
        record(tmp_path, "refused", n=n, text="z" * 40)
    files = sorted(p.name for p in tmp_path.iterdir() if p.name != f"{log.NAME}.lock")
    assert files == [log.NAME, *(f"{log.NAME}.{n}" for n in range(1, log.FILES))]
    assert all((tmp_path / name).stat().st_size <= 1_000 for name in files)
    kept = [row["n"] for row in lines(tmp_path)]
    assert kept == list(range(100 - len(kept), 100))


WRITER = """
import sys
from pathlib import Path
from groma.memory.guard import log, record
log.LIMIT = 40_000
for n in range(100):
    record(Path(sys.argv[1]), "refused", who=sys.argv[2], n=n, text="w" * 150)
"""


def test_many_processes_write_whole_lines_and_lose_none(tmp_path: Path) -> None:
    started = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(i)]) for i in range(4)]
    assert [process.wait(timeout=120) for process in started] == [0] * 4
    kept = lines(tmp_path)
    assert len(kept) == 400
    for who in "0123":
        assert [row["n"] for row in kept if row["who"] == who] == list(range(100))


def test_the_log_is_for_its_owner_alone(tmp_path: Path) -> None:
    record(tmp_path, "refused")
    assert (tmp_path / log.NAME).stat().st_mode & 0o077 == 0


def test_a_text_is_emptied_wherever_it_is_shown(tmp_path: Path) -> None:
    long = "the vault stands in room 1729 " * 20
    for text in (long, "another one", " the  vault\nstands"):
        record(tmp_path, "quarantine", text=text, by="bot")
    (tmp_path / log.NAME).replace(tmp_path / f"{log.NAME}.2")
    record(tmp_path, "quarantine", text="the vault stands", by="bot")
    with open(tmp_path / log.NAME, "ab") as file:
        file.write(b'{"text": "the vault st')  # of one who was killed
    assert log.blank(tmp_path, ["the vault stands", long]) == 4
    assert [row.get("text") for row in lines(tmp_path)] == ["", "another one", "", "", None]
    assert all(row["by"] == "bot" for row in lines(tmp_path)[:4]) and not list(tmp_path.glob("*.tmp"))
    assert log.blank(tmp_path, ["the vault stands", long]) == 0
