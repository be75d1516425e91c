"""Trains the models that `groma.memory.linear` predicts with: multinomial logistic regression over hashed n-grams, in plain NumPy.

Two things help where labelled texts are few, and neither costs anything at prediction, because both end in the weights:

- A column counts by how much oftener it is in a label's texts than in the others' (the log-count ratios of naive Bayes; Wang and Manning 2012,
  "Baselines and bigrams"), so that rare but telling wordings are learnt from a few texts.
- Words may come with vectors (of the static model). What is learnt about a direction of theirs is added to the weight of every word that has a
  vector, so words that no labelled text has get a weight, too.

The loss is the mean cross entropy plus an L2 penalty. Full-batch gradients with Nesterov's momentum, a fixed number of steps (stopping early is
part of the regularisation), nothing drawn by chance: the same texts give the same model. `tools/levels.py` uses it; a script of another task
brings its own texts and labels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from groma.memory.linear import SHARE, Features, Linear, columns, word_column, words_of

__all__ = ["fingerprint", "train"]

Floats = npt.NDArray[np.float64]
_SMOOTHING = 0.3  # of the counts of naive Bayes


def fingerprint(texts: Sequence[str], labels: Sequence[str]) -> str:
    """A hash of what a model is trained on, kept in its file: whether the file is older than its data can be told without training."""
    told = hashlib.blake2b(digest_size=16)
    for text, label in zip(texts, labels, strict=True):
        told.update(f"{label}\x00{text}\x01".encode("utf-8", "surrogatepass"))
    return told.hexdigest()


def train(
    texts: Sequence[str],
    labels: Sequence[str],
    order: Sequence[str],
    features: Features,
    *,
    penalty: float,
    steps: int,
    vectors: Mapping[str, Floats] | None = None,
) -> Linear:
    """A model of `order`'s labels, fitted to texts and their labels and rounded to int8.

    `penalty` (> 0) weighs the L2 term, `steps` are full passes. `vectors` maps words (as `words_of` gives them) to vectors of one length; how
    long they are decides how much they count beside the columns.
    """
    matrix = _Matrix(texts, features)
    wanted = np.array([order.index(label) for label in labels])
    dense = _dense(texts, matrix, features, vectors) if vectors else np.zeros((len(texts), 1))
    ratios = matrix.ratios(wanted, len(order))
    weights, direction, bias = _fit(matrix, ratios, dense, wanted, penalty, steps)

    whole = np.zeros((len(order), features.width))
    whole[:, matrix.used] = weights * ratios
    for word, vector in sorted((vectors or {}).items()):
        whole[:, word_column(word, features.bits)] += direction @ vector
    scales = np.maximum(np.abs(whole).max(axis=1), 1e-9) / 127
    # Rounded, so that the last bits of a sum, which differ between processors, do not change the file.
    return Linear(
        tuple(order),
        features,
        scales.round(6),
        bias.round(4),
        np.rint(whole / scales[:, None]).astype(np.int8),
        fingerprint(texts, labels),
    )


class _Matrix:
    """The texts as sparse rows over the columns that occur: entries in a row, and where each text begins."""

    def __init__(self, texts: Sequence[str], features: Features) -> None:
        cut = [columns(text, features) for text in texts]
        # An entry that is always there and weighs nothing keeps a text without words from being an empty row.
        parts = [(part, np.sqrt(SHARE / len(part))) for pair in cut for part in pair if len(part)]
        self.counts = np.array([sum(map(len, pair)) + 1 for pair in cut])
        self.starts = np.concatenate([[0], np.cumsum(self.counts)[:-1]])
        self.rows = np.repeat(np.arange(len(texts)), self.counts)
        real = np.ones(len(self.rows), bool)
        real[self.starts] = False
        at = np.zeros(len(self.rows), np.intp)
        self.values = np.zeros(len(self.rows))
        at[real] = np.concatenate([part for part, _ in parts])
        self.values[real] = np.concatenate([np.full(len(part), share) for part, share in parts])
        self.used, self.at = np.unique(at, return_inverse=True)

    def ratios(self, wanted: npt.NDArray[np.int64], kinds: int) -> Floats:
        """(kinds, columns): how much oftener a column is in a label's texts than in the others', as a logarithm."""
        there = (self.values > 0).astype(np.float64)
        counts = np.stack([np.bincount(self.at, there * (wanted[self.rows] == kind), len(self.used)) for kind in range(kinds)]) + _SMOOTHING
        others = counts.sum(axis=0) - counts + _SMOOTHING
        return np.log((counts / counts.sum(axis=1, keepdims=True)) / (others / others.sum(axis=1, keepdims=True)))

    def times(self, weights: Floats) -> Floats:
        """(kinds, texts): every text's sum of weights."""
        return np.stack([np.add.reduceat(row[self.at] * self.values, self.starts) for row in weights])

    def back(self, misses: Floats) -> Floats:
        """(kinds, columns): what every column adds to the gradient."""
        return np.stack([np.bincount(self.at, row[self.rows] * self.values, len(self.used)) for row in misses])


def _dense(texts: Sequence[str], matrix: _Matrix, features: Features, vectors: Mapping[str, Floats]) -> Floats:
    """Every text's sum of its words' vectors, each weighing what the word's column weighs."""
    width = len(next(iter(vectors.values())))
    dense = np.zeros((len(texts), width))
    for row, text in enumerate(texts):
        words, _ = columns(text, features)
        for word in sorted(set(words_of(text[: features.limit])) & vectors.keys()):
            dense[row] += vectors[word] * np.sqrt(SHARE / len(words))
    return dense


def _fit(matrix: _Matrix, ratios: Floats, dense: Floats, wanted: npt.NDArray[np.int64], penalty: float, steps: int) -> tuple[Floats, Floats, Floats]:
    """Weights of the columns (to be multiplied by their ratios), of the vectors' directions, and the bias."""
    kinds, n = len(ratios), len(wanted)
    target = np.zeros((kinds, n))
    target[wanted, np.arange(n)] = 1
    longest = max(np.add.reduceat((matrix.values * row[matrix.at]) ** 2, matrix.starts).max() for row in ratios) + (dense**2).sum(axis=1).max() + 1
    step = 1 / (longest / 2 + penalty)  # softmax bends by 1/2 at most, the bias is a feature of one

    now = [np.zeros((kinds, len(matrix.used))), np.zeros((kinds, dense.shape[1])), np.zeros(kinds)]
    ahead = now
    for t in range(steps):
        scores = matrix.times(ahead[0] * ratios) + ahead[1] @ dense.T + ahead[2][:, None]
        odds = np.exp(scores - scores.max(axis=0))
        miss = (odds / odds.sum(axis=0) - target) / n
        slopes = [matrix.back(miss) * ratios + penalty * ahead[0], miss @ dense + penalty * ahead[1], miss.sum(axis=1)]
        then = [one - step * slope for one, slope in zip(ahead, slopes, strict=True)]
        ahead = [new + t / (t + 3) * (new - old) for new, old in zip(then, now, strict=True)]
        now = then
    return now[0], now[1], now[2]
