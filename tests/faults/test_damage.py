"""Damaged files of groma's own: found, named, a copy kept, rebuilt from truth, said. Never a traceback, and never a wrong line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from groma import core
from tests.faults.corpus import modules
from tests.processes import Place, Ran, repository

QUERY = "validate a ledger budget and flush the session cursor"


class Patient:
    """A repository, the data directory of a healthy index of it, and what a healthy search finds. `place` gives a fresh copy of the data."""

    def __init__(self, folder: Path, files: int = 120) -> None:
        self.folder = folder
        self.root = repository(folder / "repo", modules(files, seed=5))
        healthy = Place(folder / "healthy")
        healthy.groma("index", self.root)
        # a second run with a change, so that there is more than one part, and rows that no view needs
        (self.root / "src/part00/unit0000.py").write_text(modules(1, seed=99)["src/part00/unit0000.py"])
        healthy.groma("index", self.root)
        self.data = healthy.data
        self.hits = self.search(healthy).hits
        self.copies = 0
        assert len(self.hits) == 10

    def place(self) -> Place:
        self.copies += 1
        place = Place(self.folder / f"copy{self.copies}")
        shutil.copytree(self.data, place.data)
        return place

    def search(self, place: Place, *more: str, code: int | None = 0) -> Ran:
        return place.groma("search", "--json", "--repo", self.root, QUERY, *more, code=code)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Patient:
    return Patient(tmp_path_factory.mktemp("damage"))


def store(place: Place) -> Path:
    return next(p for p in place.data.glob("store-*.db") if ".damaged" not in p.name)


def parts(place: Place) -> list[Path]:
    return sorted(place.data.glob("segment-*/*.part"))


def catalogue(place: Place) -> Path:
    return place.data / "catalogue.db"


def truncate(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def flip(path: Path, at: int, bit: int = 3) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "note.txt").write_text("not groma's")


DAMAGES: dict[str, Callable[[Place], object]] = {
    "store cut to a half": lambda p: truncate(store(p), 0.5),
    "store cut to a tenth": lambda p: truncate(store(p), 0.1),
    "store with a broken header": lambda p: flip(store(p), 2),
    "store of another program": lambda p: store(p).write_bytes(b"PK\3\4" + b"not a database " * 3000),
    "store replaced by an image": lambda p: store(p).write_bytes(bytes(range(256)) * 64),
    "part cut to a half": lambda p: truncate(parts(p)[0], 0.5),
    "part without content": lambda p: truncate(parts(p)[0], 0),
    "part with a flipped bit": lambda p: flip(parts(p)[0], parts(p)[0].stat().st_size // 4),
    "part of another program": lambda p: parts(p)[0].write_bytes(b"hello world\n" * 9999),
    "part of another store": lambda p: shutil.copy(parts(p)[-1], parts(p)[0]),
    "segment folder with foreign files": lambda p: emptied(parts(p)[0].parent),
}
"""What is done to a healthy index; `verify` must find each."""

GONE: dict[str, Callable[[Place], object]] = {
    "store deleted": lambda p: store(p).unlink(),
    "segment deleted": lambda p: shutil.rmtree(parts(p)[0].parent),
    "all but the catalogue deleted": lambda p: (store(p).unlink(), shutil.rmtree(parts(p)[0].parent)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_set_aside_and_healed_by_a_search(patient: Patient, damage: str) -> None:
    place = patient.place()
    DAMAGES[damage](place)
    found = place.groma("verify", code=7)
    assert "store-" in found.out or ".part" in found.out, found
    assert "Run" not in found.out and "groma rebuild" in found.err
    ran = patient.search(place, "--no-index")
    assert ran.hits == patient.hits
    assert any("damaged" in said for said in ran.json["degraded"]) or "gone" in str(ran.json["degraded"]), ran.json["degraded"]
    if "foreign files" not in damage:
        assert list(place.data.rglob("*.damaged-*"))
    place.groma("verify")


@pytest.mark.parametrize("name", ["end of the store", "texts of a part"])
def test_damage_where_a_search_does_not_go_is_for_verify_to_find_and_rebuild_to_heal(patient: Patient, name: str) -> None:
    place = patient.place()
    if name == "end of the store":
        truncate(store(place), 1 - 1 / store(place).stat().st_size)
        assert store(place).name in place.groma("verify", code=7).out
    else:
        for path in parts(place):  # a search takes what it cannot read there from the rows
            texts = len(core.open_part(path).texts)
            for tenth in range(10):
                flip(path, path.stat().st_size - 1 - texts * tenth // 10)
        assert "texts of " in place.groma("verify", code=7).out
    assert patient.search(place, "--no-index").hits == patient.hits
    place.groma("rebuild")
    place.groma("verify")


@pytest.mark.parametrize("loss", GONE)
def test_what_is_deleted_is_built_anew(patient: Patient, loss: str) -> None:
    place = patient.place()
    GONE[loss](place)
    place.groma("verify", code=7)
    assert patient.search(place).hits == patient.hits
    place.groma("verify")


def broken_header(place: Place) -> None:
    flip(catalogue(place), 5)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda p: truncate(catalogue(p), 0.4), id="cut"),
        pytest.param(broken_header, id="header"),
        pytest.param(lambda p: catalogue(p).write_bytes(b"something else\n" * 2000), id="foreign"),
        pytest.param(lambda p: (catalogue(p).unlink(), catalogue(p).mkdir()), id="a folder"),
    ],
)
def test_a_damaged_catalogue_is_never_guessed_around(patient: Patient, damage: Callable[[Place], object]) -> None:
    place = patient.place()
    damage(place)
    assert "catalogue" in place.groma("verify", code=7).out
    assert place.groma("verify", "--json", code=7).json["problems"]
    for verb in (("search", "--repo", patient.root, QUERY), ("status",), ("index", patient.root), ("forget", patient.root)):
        ran = place.groma(*verb, code=7)
        assert ran.out == "" and len(ran.err.splitlines()) == 1 and ran.err.strip().endswith("Run: groma rebuild PATH"), ran
    ran = place.groma("rebuild", patient.root)
    assert "set aside as catalogue.db.damaged-" in ran.err
    assert list(place.data.glob("catalogue.db.damaged-*"))
    place.groma("verify")
    assert patient.search(place).hits == patient.hits


def test_rebuilding_all_after_the_catalogue_is_lost_says_what_to_do(patient: Patient) -> None:
    place = patient.place()
    truncate(catalogue(place), 0.3)
    ran = place.groma("rebuild", code=7)
    assert ran.err.count("groma rebuild PATH") == 1 and list(place.data.glob("catalogue.db.damaged-*"))
    place.groma("verify", code=6)
    place.groma("rebuild", patient.root)
    place.groma("verify")


def test_a_heal_for_one_folder_leaves_the_others_unfinished_not_damaged(patient: Patient) -> None:
    place = patient.place()
    other = repository(place.folder / "other", {"one.py": "def only_here():\n    return 1\n"})
    place.groma("index", other)
    truncate(store(place), 0.5)
    assert patient.search(place).hits == patient.hits
    place.groma("verify")
    ran = place.groma("search", "--json", "--no-index", "--repo", other, "only_here")
    assert ran.json["hits"] == [] and "not searchable yet" in ran.json["degraded"][0]
    assert place.groma("search", "--json", "--repo", other, "only_here").json["hits"]


def flips(folder: Path, count: int, seed: int) -> dict[str, object]:
    """Flip `count` random bits, one at a time, anywhere in what groma keeps; each must be found, or harm nothing."""
    random = Random(seed)
    patient = Patient(folder)
    outcome = {"found": 0, "harmless": 0, "healed by search": 0}
    for _ in range(count):
        place = patient.place()
        path = random.choice([store(place), store(place), store(place), catalogue(place), *parts(place)])
        at, bit = random.randrange(path.stat().st_size), random.randrange(8)
        flip(path, at, bit)
        where = f"{path.name} byte {at} bit {bit}"
        checked = place.groma("verify", code=None)
        assert checked.code in (0, 6, 7), (where, checked)
        outcome["found" if checked.code == 7 else "harmless"] += 1
        ran = patient.search(place, code=None)
        if ran.code == 7:
            assert path == catalogue(place) and "groma rebuild" in ran.err, (where, ran)
        else:
            assert ran.code == 0 and ran.hits == patient.hits, (where, ran)
            outcome["healed by search"] += checked.code == 7 and place.groma("verify", code=None).code == 0
        place.groma("rebuild", patient.root)
        assert place.groma("verify").code == 0, where
        assert patient.search(place, "--no-index").hits == patient.hits, where
        shutil.rmtree(place.folder)
    return {"flips": count, **outcome}


def test_random_flipped_bits(tmp_path: Path) -> None:
    flips(tmp_path, 4, seed=11)
