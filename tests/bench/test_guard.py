"""The sets of attacks are those that were fixed, every text of them says whose it is, and what is only named is read from a clone or not at all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench import guard


def test_the_attacks_are_enough_of_enough_kinds_and_mostly_other_people_s() -> None:
    rows = guard.attacks()
    assert len({row["text"] for row in rows}) == len(rows) == 335
    assert len({row["class"] for row in rows}) == 19
    licences = Counter((row["origin"] == "own", row["licence"]) for row in rows)
    assert set(licences) == {(True, "Apache-2.0"), (False, "Apache-2.0"), (False, "MIT")}
    assert sum(n for (own, _), n in licences.items() if not own) == 229
    assert 150 < sum(guard.held_out(row["text"]) for row in rows) < 190


def test_another_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "guard-attacks.jsonl"
    other.write_bytes(guard.ATTACKS.read_bytes() + b"\n")
    monkeypatch.setattr(guard, "ATTACKS", other)
    with pytest.raises(SystemExit, match="not the attack set that was fixed"):
        guard.attacks()


def test_published_texts_are_read_from_clones(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"missing: git clone https://github\.com/meta-llama/PurpleLlama"):
        guard.published(tmp_path)
