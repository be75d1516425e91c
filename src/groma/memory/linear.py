"""A small text classifier, prediction only: hashed n-grams and a multinomial logistic regression whose weights are one int8 file.

A text's features are its words, its word n-grams and the character n-grams of its words. Each of these three kinds is hashed into 2^bits columns
of its own by CRC-32 (Weinberger et al. 2009, "Feature hashing for large scale multitask learning"). A feature is there or not; word and
character features weigh the same in sum, and together the vector has length one, so that a long text is no surer than a short one. The score
of a label is the sum of its weights over the text's columns, and the softmax of the scores are the probabilities. No vocabulary is kept: any
text in any script has features, and the same text has the same ones on every machine.

It knows no task: labels, kinds of n-grams and how much of a text is read stand in the file. `tools/linear.py` trains and writes such files.

A file is: 8 bytes magic (the last digit is the format), 4 bytes length of the head, the head (JSON), the weights (int8, labels x 3 * 2^bits,
Deflate), 4 bytes CRC-32 of all before it; numbers are little-endian. A file of another format or with a wrong byte is refused as a whole.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from zlib import compress, crc32, decompressobj
from zlib import error as DeflateError

import numpy as np
import numpy.typing as npt

from groma.errors import DataDamaged
from groma.values import value

__all__ = ["SHARE", "Features", "Linear", "Prediction", "columns", "dump", "load", "predict", "word_column", "words_of"]

SHARE = 0.5
"""Of the squared length of a text's vector, what its word features have; its character features have as much."""

_MAGIC = b"groLIN1\n"
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+|[^\w\s]|_+")
_EDGE = "\x02"  # stands before the first and after the last word: how a text begins says much


@value
class Features:
    """How a text is cut into features.

    `bits`: 2^bits columns a kind. `words`: the longest word n-gram (1: single words only). `characters`: first and last n of the character
    n-grams within a word, its ends marked; (0, 0) for none. `limit`: characters of a text that are read, from its beginning.
    """

    bits: int
    words: int
    characters: tuple[int, int]
    limit: int

    @property
    def width(self) -> int:
        """How many columns there are."""
        return 3 << self.bits


@value
class Linear:
    """A loaded model; threads may share it. `weights` is int8 (labels, columns); a label's real weights are its row times its `scales`."""

    labels: tuple[str, ...]
    features: Features
    scales: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    weights: npt.NDArray[np.int8]
    data: str  # what it was trained on, in words of the trainer: a hash


@value
class Prediction:
    """The likeliest label, its probability (0..1), and all probabilities by label."""

    label: str
    confidence: float
    probabilities: dict[str, float]


def columns(text: str, features: Features) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The columns that a text's words and word n-grams set, and those that its character n-grams set: sorted, distinct, none without words.

    Any string will do, lone surrogates too.
    """
    words = words_of(text[: features.limit])
    grams = {word_column(word, features.bits) for word in words}
    edged = [_EDGE, *words, _EDGE] if words else []
    for n in range(2, features.words + 1):
        grams.update(_hash(" ".join(edged[i : i + n]), features.bits) | 1 << features.bits for i in range(len(edged) - n + 1))
    first, last = features.characters
    inner: set[int] = set()
    for word in set(words) if last else ():
        inner.update(_within(word, first, last, features.bits))
    return np.fromiter(sorted(grams), np.intp, len(grams)), np.fromiter(sorted(inner), np.intp, len(inner))


@lru_cache(8192)
def _within(word: str, first: int, last: int, bits: int) -> tuple[int, ...]:
    """The columns that the character n-grams of a word set."""
    marked = f"<{word}>"
    cut = [marked[i : i + n] for n in range(first, min(last, len(marked)) + 1) for i in range(len(marked) - n + 1)]
    return tuple(_hash(gram, bits) | 2 << bits for gram in cut)


def words_of(text: str) -> list[str]:
    """The words of a text as features know them: compatible forms and case folded, a mark of punctuation each a word, any number the word "0"."""
    return ["0" if word[0].isdigit() else word for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold())]


def word_column(word: str, bits: int) -> int:
    """The column of one word."""
    return _hash(word, bits)


def _hash(gram: str, bits: int) -> int:
    return crc32(gram.encode("utf-8", "surrogatepass")) & ((1 << bits) - 1)


def predict(model: Linear, text: str) -> Prediction:
    """What a text is, to this model. A text without words gets what the model thinks of nothing: its bias."""
    scores = model.bias.copy()
    for found in columns(text, model.features):
        if len(found):
            scores += model.weights[:, found].sum(axis=1, dtype=np.int64) * model.scales * np.sqrt(SHARE / len(found))
    odds = np.exp(scores - scores.max())
    shares = [float(share) for share in odds / odds.sum()]
    best = max(range(len(shares)), key=shares.__getitem__)
    return Prediction(model.labels[best], shares[best], dict(zip(model.labels, shares, strict=True)))


def dump(model: Linear) -> bytes:
    """The bytes of a model's file."""
    features = model.features
    head = {
        "labels": model.labels,
        "bits": features.bits,
        "words": features.words,
        "characters": features.characters,
        "limit": features.limit,
        "scales": [float(scale) for scale in model.scales],
        "bias": [float(one) for one in model.bias],
        "data": model.data,
    }
    packed = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    body = _MAGIC + len(packed).to_bytes(4, "little") + packed + compress(model.weights.tobytes(), 9)
    return body + crc32(body).to_bytes(4, "little")


def load(path: Path) -> Linear:
    """Read a model's file. Raises DataDamaged if it is missing, cut short, changed, or of a format that this groma does not read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataDamaged(f"The model {path.name} cannot be read ({error.strerror}); install groma again.", path=str(path)) from error
    try:
        return _parse(raw)
    except (ValueError, KeyError, TypeError, DeflateError) as error:
        raise DataDamaged(f"The model {path.name} is damaged: {error}; install groma again.", path=str(path)) from error


def _parse(raw: bytes) -> Linear:
    if raw[: len(_MAGIC)] != _MAGIC:
        raise ValueError("it is no model that this groma reads")
    body, check = raw[:-4], raw[-4:]
    if crc32(body).to_bytes(4, "little") != check:
        raise ValueError("its checksum is wrong")
    start = len(_MAGIC) + 4
    end = start + int.from_bytes(body[len(_MAGIC) : start], "little")
    head = json.loads(body[start:end])
    first, last = map(int, head["characters"])
    features = Features(int(head["bits"]), int(head["words"]), (first, last), int(head["limit"]))
    size = len(head["labels"]) * features.width
    weights = np.frombuffer(decompressobj().decompress(body[end:], size + 1), np.int8).reshape(len(head["labels"]), features.width)
    scales, bias = np.array(head["scales"], np.float64), np.array(head["bias"], np.float64)
    if not scales.shape == bias.shape == (len(head["labels"]),):
        raise ValueError("its head does not fit its labels")
    return Linear(tuple(head["labels"]), features, scales, bias, weights, head["data"])
