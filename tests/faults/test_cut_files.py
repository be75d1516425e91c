"""A file of every language, cut at random bytes: both cores make the same of it, and it is indexed and found like any other."""

from __future__ import annotations

from pathlib import Path
from random import Random

from groma import core
from groma._pure import scan as plain
from groma.config import load
from groma.engine import Engine
from groma.types import LOCAL, Filter, Request
from tests.processes import Place, repository
from tests.twins.compare import first_difference

SAMPLES = Path(__file__).parents[1] / "golden" / "languages"


def samples() -> dict[str, tuple[str, bytes]]:
    """Language → the name and content of its sample."""
    found = {folder.name: next(folder.glob("[!e]*")) for folder in SAMPLES.iterdir() if (folder / "expected.txt").exists()}
    found["text"] = SAMPLES / "python" / "expected.txt"
    assert set(found) == set(core.all_languages())
    return {name: (path.name, path.read_bytes()) for name, path in sorted(found.items())}


def cut_files(folder: Path, cuts: int, seed: int) -> dict[str, object]:
    """Every sample cut at so many bytes by chance, and at as many more in the midst of a character if it has any of several bytes."""
    random = Random(seed)
    files: dict[str, str | bytes] = {}
    for language, (name, data) in samples().items():
        inner = [at for at, byte in enumerate(data) if byte & 0xC0 == 0x80]
        places = [random.randrange(1, len(data)) for _ in range(cuts)] + random.sample(inner, min(cuts // 2, len(inner)))
        for at in places:
            files[f"{language}/cut{at}/{name}"] = data[:at]
    items = [(path, bytes(data)) for path, data in files.items() if isinstance(data, bytes)]
    ours = core.scan_texts(items)
    if core.NAME != "pure":
        assert first_difference([plain.scan_texts(items)], [ours]) is None
    assert not any(ours.files.notes), [path for path, note in zip(ours.files.paths, ours.files.notes, strict=True) if note]
    place = Place(folder / "place")
    root = repository(folder / "repo", files, commit=False)
    index = place.groma("index", "--json", root).json
    assert index["known"] == len(files) == index["indexed"] + sum(index["skipped"].values())
    place.groma("verify")
    hits = 0
    with Engine(load({}, data_dir=place.data, config_file=place.data / "none")) as engine:
        for language in samples():
            longest = max((data for path, data in items if path.startswith(f"{language}/")), key=len)
            query = Request(" ".join(core.decode(longest).split()[:12]), filter=Filter(paths=(f"{language}/**",)))
            found = engine.search(LOCAL, [str(root)], query).hits
            assert found, language
            for hit in found:
                now = core.mask(core.decode((root / hit.path).read_bytes())).text.split("\n")
                assert hit.text.split("\n") == now[hit.start_line - 1 : hit.end_line]
            hits += len(found)
    return {"languages": len(samples()), "files": len(files), "skipped": index["skipped"], "hits": hits}


def test_files_cut_at_random_bytes(tmp_path: Path) -> None:
    assert cut_files(tmp_path, 3, seed=1)["skipped"] == {}
