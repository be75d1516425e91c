"""The static embedding model: text -> one unit vector, by a WordPiece tokenizer and a table look-up.

The table was distilled from a transformer (`tools/distill_static.py`): each token has one int8 row that already carries
its SIF weight, so a text's vector is the sum of its tokens' rows, scaled to length one. The tokenizer is BERT's uncased
one: clean, strip accents, lower-case, split at spaces and punctuation, then the greedy longest match of every word
against the vocabulary. Tokens and vectors are those that model2vec 0.10 gives with the same table;
`tests/golden/static_model.json` holds it to that.

It does not know chunks, stores or other models, nor which text of a chunk is embedded.

A model folder holds `meta.json`, `table.npy` (int8, tokens x dim; the row of [UNK] is zero), `vocab.txt` (one token a
line, line number = row) and `characters.txt` (which characters beyond ASCII are dropped, are spaces, or are words of
their own).
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groma.errors import DataDamaged, UsageError

from .unicode import is_assigned

__all__ = ["StaticModel", "embed", "load", "quantize", "tokenize"]

_FORMAT = "groma.static/1"
_LONGEST_WORD = 100  # characters; a longer word is unknown as a whole, as in BERT
_CACHED_WORDS = 50_000  # some 9 MB when full; the words of 12,000 chunks from 30 repositories

# One pass of this pattern over the raw text cuts it into words. It knows ASCII only: what is hidden in a word beyond
# ASCII (other spaces, punctuation, ideographs), what is to be dropped from it (control characters) and its case are
# settled once, when the word is first seen. That leaves one C-speed scan and one dictionary look-up a word.
# "[" has a branch of its own: the reference takes "[PAD]" and "[UNK]" out of the raw text before anything else.
_RAW_WORD = re.compile(r"[!-/:-@\\-`{-~]|[^\t\n\r !-/:-@\[-`{-~]+|\[(?:PAD\]|UNK\])?")
_PLAIN_WORD = re.compile(r"[!-/:-@\[-`{-~]|[^ !-/:-@\[-`{-~]+")
_ADDED = ("[PAD]", "[UNK]")
_ASCII_CONTROL = dict.fromkeys([*range(0x20), 0x7F])


@dataclass(frozen=True, slots=True, eq=False)
class StaticModel:
    """A loaded model; threads may share it.

    `id` names model, dimension and revision of its data ("static-minilm-256:256:0123456789ab"): vectors of different
    ids must not be compared. `table` is int8 (tokens, dim), mapped from disk, read-only. Of a text only the first
    `max_chars` characters are read, and of those the first `max_tokens` tokens. `words` is filled as words are met.
    """

    id: str
    dim: int
    max_chars: int
    max_tokens: int
    table: npt.NDArray[np.int8]
    words: dict[str, tuple[int, ...]]


def load(folder: Path) -> StaticModel:
    """Open the model in `folder`. The table is mapped, not read: this takes some 10 ms.

    Raises DataDamaged if a file is missing, has another size than when it was made, or is of another format.
    """
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        if meta["format"] != _FORMAT:
            raise ValueError(f"its format is {meta['format']}, this groma reads {_FORMAT}")
        # Sizes and not hashes, because every search pays for this; the hash is in `revision` for whoever has time.
        for name, size in meta["bytes"].items():
            found = (folder / name).stat().st_size
            if found != size:
                raise ValueError(f"{name} has {found:,} bytes and not {size:,}")
        tokens = (folder / "vocab.txt").read_text("utf-8").split("\n")[:-1]
        characters = _Characters((folder / "characters.txt").read_text("utf-8"))
        return StaticModel(
            id=f"{meta['name']}:{meta['dim']}:{meta['revision']}",
            dim=meta["dim"],
            max_chars=meta["max_chars"],
            max_tokens=meta["max_tokens"],
            # A plain array over the map: NumPy's memmap objects are slow to slice.
            table=np.asarray(np.load(folder / "table.npy", mmap_mode="r")),
            words=_Words(dict(zip(tokens, range(len(tokens)), strict=True)), characters),
        )
    except (OSError, ValueError, KeyError) as error:
        message = f"The static model in {folder} cannot be used: {error}. Install groma again."
        raise DataDamaged(message, folder=folder) from error


def tokenize(model: StaticModel, text: str) -> list[int]:
    """The ids of the text's tokens in order, [UNK] for each unknown word, cut to the model's bounds."""
    pieces = map(model.words.__getitem__, _RAW_WORD.findall(text[: model.max_chars]))
    return list(islice(chain.from_iterable(pieces), model.max_tokens))


def embed(model: StaticModel, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Unit vectors, float32 (len(texts), dim); the zero vector for a text in which no token carries weight.

    Any str will do: lone surrogates and control characters are dropped. The same text has the same vector in any batch.
    """
    out = np.zeros((len(texts), model.dim), dtype=np.float32)
    ones = np.ones(model.max_tokens, dtype=np.float32)
    table = model.table
    for row, text in enumerate(texts):
        ids = tokenize(model, text)
        # The mean of the reference differs from this sum by a factor that scaling removes; unknown words add zeros.
        # A product, because add.reduceat takes 25 times as long. Sums of int8 below 2**24 are exact in float32, so
        # that no order of summation (threads, another BLAS) can change a bit of them.
        if ids:
            rows = table.take(np.fromiter(ids, np.intp, len(ids)), axis=0)
            np.matmul(ones[: len(ids)], rows.astype(np.float32), out=out[row])
    # Squares of whole numbers below 2**53 have one sum in float64, in whatever order a core adds them up.
    length = np.sqrt(np.square(out, dtype=np.float64).sum(axis=1, keepdims=True)).astype(np.float32)
    np.divide(out, length, out=out, where=length > 0)
    return out


def quantize(vectors: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Vectors (n, d) -> codes int8 (n, d) within ±127 and scales float32 (n,); `codes * scale` is nearly the vector.

    A vector's scale is its largest magnitude / 127; codes round half to even; a zero vector has scale 0.
    Raises UsageError if a value is not finite.
    """
    scale = (np.abs(vectors).max(axis=1, initial=0.0) / np.float32(127)).astype(np.float32)
    if not np.isfinite(scale).all():
        raise UsageError("A vector to be quantized holds a value that is not a finite number.")
    codes = np.zeros(vectors.shape, dtype=np.float32)
    np.divide(vectors, scale[:, None], out=codes, where=scale[:, None] > 0)
    return np.clip(np.rint(codes, out=codes), -127, 127, out=codes).astype(np.int8), scale


class _Words(dict[str, tuple[int, ...]]):
    """Word as `_RAW_WORD` cuts it -> ids of its pieces; filled at first sight, emptied when full.

    Threads may share it: an entry never changes, and a word that two threads miss at once is only worked out twice.
    """

    __slots__ = ("_characters", "_ids", "_longest_token", "_unknown")

    def __init__(self, ids: dict[str, int], characters: _Characters) -> None:
        super().__init__()
        self._ids = ids
        self._characters = characters
        self._longest_token = max(map(len, ids))
        self._unknown = (ids["[UNK]"],)

    def __missing__(self, word: str) -> tuple[int, ...]:
        pieces: tuple[int, ...]
        if word in _ADDED:
            pieces = (self._ids[word],)
        elif word.isascii():
            pieces = self._pieces(word.translate(_ASCII_CONTROL).lower())
        else:
            plain = "".join(map(self._characters.__getitem__, word))
            pieces = tuple(chain.from_iterable(map(self._pieces, _PLAIN_WORD.findall(plain))))
        if len(word) <= _LONGEST_WORD:  # a longer one hardly comes again, and would let the cache grow without bound
            if len(self) >= _CACHED_WORDS:
                self.clear()
            self[word] = pieces
        return pieces

    def _pieces(self, word: str) -> tuple[int, ...]:
        """The longest token that starts the word, then again and again the longest that goes on; or else [UNK]."""
        if not word:
            return ()
        if len(word) > _LONGEST_WORD:
            return self._unknown
        ids = self._ids
        found = []
        start, prefix = 0, ""
        while start < len(word):
            for end in range(min(len(word), start + self._longest_token), start, -1):
                token = ids.get(prefix + word[start:end])
                if token is not None:
                    break
            else:
                return self._unknown
            found.append(token)
            start, prefix = end, "##"
        return tuple(found)


class _Characters(dict[str, str]):
    """Character -> what BERT's normaliser makes of it: "", " ", its lower-case base, or that between spaces.

    The classes come from a table beside the model and not from `unicodedata`: that one changes with Python's version,
    and the reference follows an old Unicode. Decompositions and case never change once assigned, so Python's own do
    for what `unicode` knows to be assigned; any other character stays as it is.
    """

    __slots__ = ("_classes", "_ends", "_starts")

    def __init__(self, table: str) -> None:
        """`table`: a line a range, sorted: first and last code point in hex and `drop`, `space` or `alone`."""
        super().__init__(zip(map(chr, _ASCII_CONTROL), [""] * len(_ASCII_CONTROL), strict=True))
        rows = [line.split(" ") for line in table.split("\n")[:-1]]
        self._starts = [int(first, 16) for first, _, _ in rows]
        self._ends = [int(last, 16) for _, last, _ in rows]
        self._classes = [name for _, _, name in rows]

    def __missing__(self, character: str) -> str:
        name = self._class(character)
        if name == "space":
            plain = " "
        elif name == "drop":
            plain = ""
        elif not is_assigned(character):
            plain = f" {character} " if name == "alone" else character
        else:
            # One character at a time, so that no context is in play (lower() of a whole word ends in another sigma).
            parts = [part for part in unicodedata.normalize("NFD", character) if self._class(part) != "drop"]
            plain = "".join(f" {part.lower()} " if self._class(part) == "alone" else part.lower() for part in parts)
            if name == "alone":
                plain = f" {plain} "
        self[character] = plain
        return plain

    def _class(self, character: str) -> str:
        at = bisect_right(self._starts, ord(character)) - 1
        return self._classes[at] if at >= 0 and ord(character) <= self._ends[at] else "plain"
