"""Both cores give the same tokens, the same vectors and the same codes, bit for bit."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from groma._pure import passage
from groma._pure import static_model as plain
from groma.errors import DataDamaged, UsageError

from .samples import chunks, noise, texts

pytest.importorskip("groma._rs", reason="the compiled core is not built; static vectors are NOT compared")
compiled = pytest.importorskip("groma._compiled.static_model")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "src" / "groma" / "models" / "static-minilm-256"
GOLDEN: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / "static_model.json").read_text("utf-8"))


@cache
def both() -> tuple[Any, Any]:
    return plain.load(FOLDER), compiled.load(FOLDER)


def _same(words: list[str]) -> None:
    ours, theirs = both()
    for text in words:
        assert compiled.tokenize(theirs, text) == plain.tokenize(ours, text), ascii(text)
    vectors = plain.embed(ours, words)
    assert compiled.embed(theirs, words).tobytes() == vectors.tobytes()


def test_identity_and_bounds() -> None:
    ours, theirs = both()
    for name in ("id", "dim", "max_chars", "max_tokens"):
        assert getattr(theirs, name) == getattr(ours, name)


def test_the_reference() -> None:
    _, model = both()
    rows = GOLDEN["texts"]
    assert [compiled.tokenize(model, row["text"]) for row in rows] == [row["ids"] for row in rows]
    expected = np.array([row["vector"] for row in rows], dtype=np.float32)
    vectors = compiled.embed(model, [row["text"] for row in rows])
    np.testing.assert_allclose(vectors[:, : expected.shape[1]], expected, atol=1e-5, rtol=0)
    _same([row["text"] for row in rows])


@given(texts | st.text(st.sampled_from("[]PADUNK #\x00\x7f\u0301中ÉΣİ\ud800 ##ing"), max_size=40))
@example("[PAD] [UNK] [PAD [UNK[PAD]] x[UNK]y \x00[PAD]\x7f")
@example("x" * 100 + " " + "y" * 101 + " " + "é" * 100 + " " + "é" * 101 + " " + "中" * 120)
def test_any_text(text: str) -> None:
    _same([text])


def test_noise() -> None:
    _same(noise(5, 6_000))


def test_every_character_of_the_first_plane_alone_and_in_a_word() -> None:
    _same([f"{c} a{c}b {c}{c}" for c in map(chr, range(0x10000))])


def test_real_chunks_down_to_the_codes() -> None:
    ours, theirs = both()
    dense = [passage.dense_text(*chunk) for chunk in chunks()]
    vectors = plain.embed(ours, dense)
    found = compiled.embed(theirs, dense)
    assert found.tobytes() == vectors.tobytes()
    for one, other in zip(compiled.quantize(found), plain.quantize(vectors), strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
    assert compiled.embed_query(theirs, dense[0]).tobytes() == vectors[0].tobytes()


def test_text_beyond_the_bounds_is_not_read() -> None:
    _same(["many words é of a long text. " * 500, "(" * 4000, "é" * 3071 + "aé" + "x", "x " * 513, "[UNK]" * 700])
    assert compiled.embed(both()[1], []).shape == (0, 256)


def test_more_words_than_are_remembered() -> None:
    _same([" ".join(f"w{i * 7919:x}" for i in range(start, start + 400)) for start in range(0, 40_000, 400)])


def test_threads_and_models_do_not_mix() -> None:
    other = compiled.load(FOLDER)
    rows = [row["text"] for row in GOLDEN["texts"]]
    expected = plain.embed(both()[0], rows).tobytes()
    with ThreadPoolExecutor(4) as threads:
        results = [threads.submit(compiled.embed, model, rows) for model in (both()[1], other) * 8]
    assert {result.result().tobytes() for result in results} == {expected}


@settings(max_examples=60)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(0, 5), st.integers(1, 9)), elements=st.floats(width=32, allow_nan=False, allow_infinity=False))
)
@example(np.array([[127, 0.5, 1.5, 2.5, -0.5, -1.5, -127], [1e-45, 0, -1e-44, 3e-43, 0, 0, 0]], dtype=np.float32))
def test_codes_of_any_numbers(vectors: np.ndarray) -> None:
    for one, other in zip(compiled.quantize(vectors), plain.quantize(vectors), strict=True):
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_codes_of_what_is_not_a_number_are_refused(value: float, at: int) -> None:
    vectors = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    vectors[1, at] = value
    with pytest.raises(UsageError, match="not a finite number"):
        compiled.quantize(vectors)


@pytest.mark.parametrize("name", ["meta.json", "table.npy", "vocab.txt", "characters.txt"])
@pytest.mark.parametrize("damage", ["missing", "cut short", "same size"])
def test_damaged_folder_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    file = folder / name
    data = file.read_bytes()
    file.unlink()
    if damage == "cut short":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "same size":
        file.write_bytes(bytes(len(data)))
    with pytest.raises(DataDamaged, match="Install groma again"):
        compiled.load(folder)


def test_folder_of_another_format_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    (folder / "meta.json").write_text(json.dumps(meta | {"format": "groma.static/2"}), "utf-8")
    with pytest.raises(DataDamaged, match=r"its format is groma\.static/2, this groma reads groma\.static/1"):
        compiled.load(folder)
