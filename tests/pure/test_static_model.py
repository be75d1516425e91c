"""The static model agrees with its reference, token by token, and refuses to work with a damaged folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma._pure import static_model
from groma._pure.static_model import StaticModel, embed, load, quantize, tokenize
from groma.errors import DataDamaged, UsageError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "src" / "groma" / "models" / "static-minilm-256"
REFERENCE = ROOT.parent / "shared" / "models" / "static-minilm-256"
GOLDEN: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / "static_model.json").read_text("utf-8"))
TEXTS: list[str] = [row["text"] for row in GOLDEN["texts"]]


@cache
def shipped() -> StaticModel:
    return load(FOLDER)


@pytest.fixture
def model() -> StaticModel:
    return shipped()


# The reference


def test_golden_file_was_made_with_this_model(model: StaticModel) -> None:
    assert GOLDEN["model"] == model.id


@pytest.mark.parametrize("row", GOLDEN["texts"], ids=lambda row: ascii(row["text"][:24]))
def test_tokens_are_those_of_the_reference(model: StaticModel, row: dict[str, Any]) -> None:
    assert tokenize(model, row["text"]) == row["ids"]


def test_vectors_are_those_of_the_reference(model: StaticModel) -> None:
    expected = np.array([row["vector"] for row in GOLDEN["texts"]], dtype=np.float32)
    vectors = embed(model, TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), model.dim)
    np.testing.assert_allclose(vectors[:, : expected.shape[1]], expected, atol=1e-5, rtol=0)


def test_table_is_that_of_the_reference_distillation() -> None:
    if not REFERENCE.is_dir():
        pytest.skip("no reference distillation beside this checkout")
    script = ROOT / "tools" / "distill_static.py"
    run = subprocess.run([sys.executable, script, "compare", REFERENCE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "the same 29,525 tokens" in run.stdout


# What is shipped


def test_shipped_folder_is_whole(model: StaticModel) -> None:
    digest = hashlib.sha256()
    for name in ("table.npy", "vocab.txt", "characters.txt"):
        digest.update((FOLDER / name).read_bytes())
    assert model.id == f"static-minilm-256:256:{digest.hexdigest()[:12]}"
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 9_000_000
    assert "Apache License" in (FOLDER / "LICENSE").read_text("utf-8")
    assert "all-MiniLM-L6-v2" in (FOLDER / "NOTICE").read_text("utf-8")


def test_unknown_words_carry_no_weight(model: StaticModel) -> None:
    (unknown,) = tokenize(model, "\u0378")
    assert not model.table[unknown].any()
    known, mixed = embed(model, ["refresh token", "\u0378 refresh \u0379 token \u0380"])
    assert known.tobytes() == mixed.tobytes()


# Embedding


def test_a_vector_has_length_one_or_zero(model: StaticModel) -> None:
    lengths = np.linalg.norm(embed(model, TEXTS), axis=1)
    assert set(np.round(lengths, 6)) == {0.0, 1.0}
    assert not embed(model, ["", "\u0378", "\x00"]).any()


def test_no_texts_give_no_vectors(model: StaticModel) -> None:
    assert embed(model, []).shape == (0, 256)


def test_a_vector_does_not_depend_on_its_batch(model: StaticModel) -> None:
    together = embed(model, TEXTS)
    for row, text in enumerate(TEXTS):
        assert embed(model, [text])[0].tobytes() == together[row].tobytes()


def test_related_texts_are_nearer_than_unrelated_ones(model: StaticModel) -> None:
    query, near, far = embed(
        model,
        [
            "how is a user's password checked at login",
            "def authenticate(username, password): return verify_hash(user.password_hash, password)",
            "def draw_triangle(canvas, a, b, c): canvas.line(a, b); canvas.line(b, c)",
        ],
    )
    assert query @ near > query @ far + 0.1


@given(st.text(st.characters() | st.sampled_from("[]PADUNK #\x00\u0301\u4e2dÉΣ\ud800 "), max_size=60))
def test_any_text_can_be_embedded(text: str) -> None:
    model = shipped()  # Hypothesis refuses function-scoped fixtures
    ids = tokenize(model, text)
    assert ids == tokenize(model, text)  # the first may have filled the cache, the second read it
    vector = embed(model, [text])[0]
    assert np.isfinite(vector).all()
    assert vector.any() == model.table[ids].astype(np.int64).sum(axis=0).any()


def test_text_beyond_the_bounds_is_not_read(model: StaticModel) -> None:
    text = "many different words of a very long text, one after the other. " * 20_000
    assert tokenize(model, text) == tokenize(model, text[: model.max_chars])
    assert len(tokenize(model, "(" * model.max_chars)) == model.max_tokens


def test_word_cache_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_model, "_CACHED_WORDS", 7)
    small = load(FOLDER)
    for row in GOLDEN["texts"]:
        assert tokenize(small, row["text"]) == row["ids"]
        assert len(small.words) <= 7
    small.words.clear()
    tokenize(small, "x" * 3000)
    assert not small.words  # a long word is not worth its place


def test_threads_may_share_a_model() -> None:
    shared = load(FOLDER)
    expected = embed(load(FOLDER), TEXTS).tobytes()
    with ThreadPoolExecutor(4) as threads:
        results = [threads.submit(embed, shared, TEXTS) for _ in range(16)]
    assert {result.result().tobytes() for result in results} == {expected}


# Loading


@pytest.mark.parametrize("name", ["meta.json", "table.npy", "vocab.txt", "characters.txt"])
@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_damaged_folder_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    file = folder / name
    if damage == "missing":
        file.unlink()
    else:
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataDamaged, match="Install groma again"):
        load(folder)


def test_folder_of_another_format_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    (folder / "meta.json").write_text(json.dumps(meta | {"format": "groma.static/2"}), "utf-8")
    with pytest.raises(DataDamaged, match=r"groma\.static/2"):
        load(folder)


# Quantizing


def test_quantized_vectors_stay_close(model: StaticModel) -> None:
    vectors = embed(model, TEXTS)
    codes, scale = quantize(vectors)
    assert codes.dtype == np.int8
    assert codes.shape == vectors.shape
    assert scale.dtype == np.float32
    assert scale.shape == (len(TEXTS),)
    assert np.abs(codes * scale[:, None] - vectors).max() <= scale.max() * 0.5001
    weighty = vectors.any(axis=1)
    assert (np.abs(codes[weighty].astype(int)).max(axis=1) == 127).all()
    assert not codes[~weighty].any()
    assert not scale[~weighty].any()


def test_quantizing_rounds_half_to_even() -> None:
    codes, scale = quantize(np.array([[127, 0.5, 1.5, 2.5, -0.5, -1.5, -127]], dtype=np.float32))
    assert scale.tolist() == [1.0]
    assert codes.tolist() == [[127, 0, 2, 2, 0, -2, -127]]


def test_quantizing_nothing_gives_nothing() -> None:
    codes, scale = quantize(np.zeros((0, 256), dtype=np.float32))
    assert (codes.shape, scale.shape) == ((0, 256), (0,))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_quantizing_refuses_what_is_not_a_number(value: float) -> None:
    with pytest.raises(UsageError, match="not a finite number"):
        quantize(np.array([[1, 2], [value, 3]], dtype=np.float32))
