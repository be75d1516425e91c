"""What is said in one call is settled as if it were said one by one; and what a new process knows from its files is what is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from groma.catalogue.identity import uuid7
from groma.config import load
from groma.engine import Engine
from groma.memories import Memories
from groma.memory import nearest
from groma.records import SESSION_STATE
from groma.types import LOCAL
from tests.memory.test_settle import DUPLICATE, NEW, REFINES, SUPERSEDES

TEXTS = [text for pairs in (DUPLICATE, REFINES, SUPERSEDES, NEW) for pair in pairs[::3] for text in pair[:2]]


@contextmanager
def opened(data: Path) -> Iterator[Memories]:
    with Engine(load({}, data_dir=data, config_file=data / "none")) as engine:
        yield engine.memories


def settled(data: Path, texts: list[str], size: int) -> list[tuple[str, str | None]]:
    """Outcome and the text of the target, of texts that are said so many at a time."""
    result: list[tuple[str, str | None]] = []
    said: dict[str | None, str] = {}
    with opened(data) as memories:
        for start in range(0, len(texts), size):
            some = texts[start : start + size]
            for text, receipt in zip(some, memories.remember(LOCAL, [{"content": text} for text in some], here=""), strict=True):
                said.setdefault(receipt.id, text)
                result.append((receipt.outcome, said.get(receipt.target)))
    return result


def test_a_batch_is_settled_as_its_texts_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = settled(tmp_path / "alone", TEXTS, 1)
    assert {outcome for outcome, _ in alone} >= {"stored", "duplicate", "refines", "supersedes"}
    assert settled(tmp_path / "together", TEXTS, len(TEXTS)) == alone
    monkeypatch.setattr(nearest, "AT_ONCE", 7)
    assert settled(tmp_path / "parts", TEXTS, len(TEXTS)) == alone


def test_a_chain_within_one_call(tmp_path: Path) -> None:
    texts = ["The API listens on port 8080.", "The API listens on port 9090.", "The API listens on port 7070.", "API listens on port 7070"]
    assert settled(tmp_path, texts, 4) == [("stored", None), ("supersedes", texts[0]), ("supersedes", texts[1]), ("duplicate", texts[2])]


def test_projects_and_conversations_are_kept_apart_within_one_call(tmp_path: Path) -> None:
    with opened(tmp_path) as memories:
        said = [{"content": "The API listens on port 8080.", "project": name, "scope": "project"} for name in ("shop", "bank", "shop")]
        assert [r.outcome for r in memories.remember(LOCAL, said, here="")] == ["stored", "stored", "duplicate"]
        state = [{"content": f"Tests of part {n} are red", "level": SESSION_STATE, "session": f"s{n % 2}"} for n in (1, 2, 1)]
        assert [r.outcome for r in memories.remember(LOCAL, state, here="")][-1] == "duplicate"


def test_how_many_are_compared_in_one_pass() -> None:
    assert list(nearest.parts(300, 10)) == [slice(0, 128), slice(128, 256), slice(256, 384)]
    assert len(list(nearest.parts(3, 10**9))) == 3


def test_ids_of_one_process_sort_as_they_were_made() -> None:
    made = [uuid7() for _ in range(5_000)]
    assert made == sorted(made) and len(set(made)) == len(made)


# ------------------------------------------------------------------------------------------------------------ files of a new process

FACTS = "memories.facts"


def recalled(data: Path, question: str = "service number 77 listens", **asked: object) -> list[tuple[str, float, bool]]:
    with opened(data) as memories:
        return [(r.memory.content, round(r.score, 6), r.valid) for r in memories.recall(LOCAL, question, here="", **asked).memories]  # type: ignore[arg-type]


def filled(data: Path, many: int = 600) -> None:
    said = [{"content": f"Service number {n} listens on port {8000 + n}", "tags": [f"service-{n}"]} for n in range(many)]
    with opened(data) as memories:
        memories.remember(LOCAL, said, here="")


def without_files(data: Path, question: str = "service number 77 listens", **asked: object) -> list[tuple[str, float, bool]]:
    bare = data.with_name(f"{data.name}-bare")
    shutil.rmtree(bare, ignore_errors=True)
    shutil.copytree(data, bare, ignore=shutil.ignore_patterns("memories.*"))
    return recalled(bare, question, **asked)


def test_what_changed_since_the_files_were_written_is_taken_in(tmp_path: Path) -> None:
    data = tmp_path / "data"
    filled(data)
    assert (data / FACTS).is_file()
    with opened(data) as memories:
        (first,) = (m for m in memories.list(LOCAL, limit=1000).memories if m.content.startswith("Service number 77 "))
        (other,) = (m for m in memories.list(LOCAL, limit=1000).memories if m.content.startswith("Service number 78 "))
        memories.update(LOCAL, first.id, {"tags": ["moved"], "content": "Service number 77 listens on a socket"})
        memories.forget(LOCAL, [other.id])
        memories.remember(LOCAL, [{"content": "Service number 79 listens on port 9999"}], here="")
    for tags in ([], ["moved"], ["service-78"], ["service-500"]):
        assert recalled(data, tags=tags) == without_files(data, tags=tags)
    assert recalled(data, tags=["moved"])[0][0] == "Service number 77 listens on a socket"
    assert recalled(data, tags=["service-78"]) == []


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:200] + bytes([b[200] ^ 255]) + b[201:], lambda b: b"", None])
def test_columns_that_are_lost_or_damaged_are_read_anew(tmp_path: Path, damage: object) -> None:
    data = tmp_path / "data"
    filled(data)
    before = recalled(data)
    path = data / FACTS
    if callable(damage):
        path.write_bytes(damage(path.read_bytes()))
    else:
        path.unlink()
    assert recalled(data) == before


def test_columns_of_another_catalogue_are_not_believed(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    filled(ours, 700)
    filled(theirs)
    shutil.copy(theirs / FACTS, ours / FACTS)  # as when a catalogue is put back from elsewhere: its changes have the same numbers
    assert len(recalled(ours)) == 10 and recalled(ours) == without_files(ours)


def test_nothing_of_what_was_purged_stays_in_the_columns(tmp_path: Path) -> None:
    data = tmp_path / "data"
    filled(data)
    with opened(data) as memories:
        (gone,) = (m for m in memories.list(LOCAL, limit=1000).memories if m.content.startswith("Service number 77 "))
        assert b"service-77\\n" in (data / FACTS).read_bytes()
        assert memories.purge(LOCAL, [gone.id]).proven
    assert b"service-77\\n" not in (data / FACTS).read_bytes() and gone.id.encode() not in (data / FACTS).read_bytes()
    assert recalled(data) == without_files(data)
