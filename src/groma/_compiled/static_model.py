"""Compiled twin of `groma._pure.static_model`: the same tokens and, bit for bit, the same vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groma.errors import DataDamaged, UsageError

from .. import _rs
from .._rs import StaticModel

__all__ = ["StaticModel", "embed", "embed_query", "load", "quantize", "tokenize"]


def load(folder: Path) -> StaticModel:
    """Open the model in `folder`. The table is mapped, not read: this takes some milliseconds.

    Raises DataDamaged if a file is missing, has another size than when it was made, or is of another format.
    """
    try:
        return StaticModel(folder)
    except ValueError as error:
        message = f"The static model in {folder} cannot be used: {error}. Install groma again."
        raise DataDamaged(message, folder=folder) from error


def tokenize(model: StaticModel, text: str) -> list[int]:
    """The ids of the text's tokens in order, [UNK] for each unknown word, cut to the model's bounds."""
    ids: list[int] = model.tokenize(text)
    return ids


def embed(model: StaticModel, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Unit vectors, float32 (len(texts), dim); the zero vector for a text in which no token carries weight.

    Any str will do: lone surrogates and control characters are dropped. The same text has the same vector in any batch.
    """
    vectors: npt.NDArray[np.float32] = model.embed(texts)
    return vectors


def embed_query(model: StaticModel, text: str) -> npt.NDArray[np.float32]:
    """The unit vector of one text, float32 (dim,)."""
    vector: npt.NDArray[np.float32] = model.embed_query(text)
    return vector


def quantize(vectors: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Vectors (n, d) -> codes int8 (n, d) within ±127 and scales float32 (n,); `codes * scale` is nearly the vector.

    A vector's scale is its largest magnitude / 127; codes round half to even; a zero vector has scale 0.
    Raises UsageError if a value is not finite.
    """
    codes, scale = _rs.quantize(np.ascontiguousarray(vectors))
    if not np.isfinite(scale).all():
        raise UsageError("A vector to be quantized holds a value that is not a finite number.")
    return codes, scale
