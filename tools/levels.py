"""Trains the classifier of context levels: `src/groma/models/levels.bin` from `tools/data/levels.jsonl`.

    python -m tools.levels [--check]

`--check` trains and compares with the file that is there, and writes nothing. Needs a few seconds and no network.

A line of the data is {"text", "level", "origin", "license", "split"}: one text as somebody might want it remembered, the level that a reader gave
it who saw only the text, the repository and file it was quoted from ("own": written for this file) and its licence. `split` is "test" where
CRC-32 of the repository's name modulo 10 is below 4: all of a repository or nothing. Lines of "test" are never trained on, and neither rules nor
settings are chosen by them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from groma._pure import static_model
from groma.memory.classify import LIMIT, MODEL
from groma.memory.linear import Features, Linear, dump, load

from .linear import Floats, fingerprint, train

__all__ = ["DATA", "LEVELS", "labelled", "made", "same"]

DATA = Path(__file__).parent / "data" / "levels.jsonl"
LEVELS = ("USER_PREFERENCE", "PROJECT_CONTEXT", "SESSION_STATE")

# Chosen by cross-validation over the repositories of the training split.
FEATURES = Features(bits=17, words=2, characters=(3, 5), limit=LIMIT)
PENALTY = 1e-4
STEPS = 400
VECTOR_LENGTH = 0.007  # what one step of the static model's int8 counts; 0.004 to 0.01 make no difference


def labelled(split: str) -> list[dict[str, Any]]:
    """The lines of one split, "train" or "test", in the file's order."""
    with DATA.open(encoding="utf-8") as lines:
        return [row for row in map(json.loads, lines) if row["split"] == split]


def made() -> Linear:
    """The model, trained anew."""
    rows = labelled("train")
    texts, levels = [row["text"] for row in rows], [row["level"] for row in rows]
    return train(texts, levels, LEVELS, FEATURES, penalty=PENALTY, steps=STEPS, vectors=dict(_word_vectors()))


def _word_vectors() -> Iterator[tuple[str, Floats]]:
    """Whole words of the static model's vocabulary and their rows."""
    folder = MODEL.parent / "static-minilm-256"
    table = static_model.load(folder).table
    for row, word in enumerate((folder / "vocab.txt").read_text("utf-8").splitlines()):
        if word.isalpha() and len(word) > 1 and table[row].any():
            yield word, table[row].astype(np.float64) * VECTOR_LENGTH


def same(one: Linear, other: Linear) -> bool:
    """Whether two models say the same, but for a last bit that another processor may round otherwise."""
    return (
        (one.labels, one.features, one.data) == (other.labels, other.features, other.data)
        and np.allclose(one.scales, other.scales, atol=2e-6)
        and np.allclose(one.bias, other.bias, atol=2e-4)
        and int(np.abs(one.weights.astype(np.int16) - other.weights).max()) <= 1
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Train the classifier of context levels.")
    parser.add_argument("--check", action="store_true", help="compare with the shipped file, write nothing")
    if parser.parse_args(arguments).check:
        rows = labelled("train")
        there = load(MODEL)
        if there.data != fingerprint([row["text"] for row in rows], [row["level"] for row in rows]):
            print(f"{MODEL.name} was trained on other data than {DATA.name} holds now; run python -m tools.levels")
            return 1
        fits = same(made(), there)
        print(f"{MODEL.name} {'is' if fits else 'is not'} what training gives")
        return 0 if fits else 1
    model = made()
    MODEL.write_bytes(dump(model))
    print(f"{MODEL.name}: {MODEL.stat().st_size:,} bytes, {len(labelled('train')):,} texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
