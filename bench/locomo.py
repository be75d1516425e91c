"""LoCoMo as a test of recall: its conversations as units, its questions with their evidence, the metrics, and what is measured beside groma.

LoCoMo (Maharana et al. 2024, snap-research/locomo, `data/locomo10.json`) is under CC BY-NC 4.0: it is read from where its user put it and is no part
of this repository. Ten conversations of two people over months, 5,882 turns in 272 sessions. Of its questions those of categories 1 to 4 count
that name a turn as evidence, 1,536 (category 5 has no answer; four name none). Evidence is read from the field's text, because some entries hold
several turns or a zero too many; what names no turn of the conversation is left out.

A turn's text is what was said and, where an image was shared, its caption. Recall is macro: of each question the share of its evidence among
the first k, then the mean over questions. NDCG has gain 1 for each turn of evidence. A session is evidence if one of its turns is.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from groma import core
from groma.values import value

__all__ = ["SHA256", "Conversation", "Lexical", "Question", "chosen", "conversation", "measures", "read"]

SHA256 = "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4"
_EVIDENCE = re.compile(r"D:?(\d+):0*(\d+)")


@value
class Question:
    text: str
    category: int
    turns: tuple[str, ...]
    sessions: tuple[str, ...]


@value
class Conversation:
    """`units` are dicts as `bench.memory` takes them."""

    name: str
    units: list[dict[str, Any]]
    questions: list[Question]


def read(path: Path) -> list[Conversation]:
    """The ten conversations. Exits with a sentence if the file is another one."""
    data = path.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        sys.exit(f"{path} is not the locomo10.json that the figures are of: its SHA-256 is {found} and not {SHA256}.")
    return [conversation(one) for one in json.loads(data)]


def conversation(raw: dict[str, Any]) -> Conversation:
    """One conversation, as it is published."""
    said, units = raw["conversation"], []
    for n in range(1, 1 + len(said)):
        for turn in said.get(f"session_{n}", ()):
            time = datetime.strptime(said[f"session_{n}_date_time"], "%I:%M %p on %d %B, %Y")
            text = turn["text"] + (f" {turn['blip_caption']}" if turn.get("blip_caption") else "")
            units.append({"id": turn["dia_id"], "text": text, "time": time.isoformat(), "role": turn["speaker"], "parent": f"D{n}"})
    there = {unit["id"] for unit in units}
    questions = []
    for asked in raw["qa"]:
        named = [f"D{session}:{turn}" for entry in asked["evidence"] for session, turn in _EVIDENCE.findall(entry)]
        turns = tuple(dict.fromkeys(name for name in named if name in there))
        if asked["category"] != 5 and turns:
            sessions = tuple(dict.fromkeys(name.split(":")[0] for name in turns))
            questions.append(Question(asked["question"], asked["category"], turns, sessions))
    return Conversation(raw["sample_id"], units, questions)


def measures(found: Sequence[str], evidence: Sequence[str]) -> tuple[float, float, float]:
    """R@5, R@10 and NDCG@10 of one question, from the first ten that were found."""
    hits = [one in evidence for one in found[:10]]
    gain = sum(hit / math.log2(place + 2) for place, hit in enumerate(hits))
    ideal = sum(1 / math.log2(place + 2) for place in range(min(10, len(evidence))))
    return sum(hits[:5]) / len(evidence), sum(hits) / len(evidence), gain / ideal


class Lexical:
    """What is measured beside groma: BM25 (k1 = 1.2, b = 0.75) over "speaker: text", and four such signals.

    `plain`: the turn alone; a session is its date and its turns as one text. `four`: turn, with its neighbours ±1, ±2, and session, each over its own
    best, equal weights; a session scores its BM25 and half its best turn. No model, no knowledge of who is asked about.
    """

    def __init__(self, units: Sequence[dict[str, Any]]) -> None:
        self.ids = [unit["id"] for unit in units]
        self.names = list(dict.fromkeys(unit["parent"] for unit in units))
        self.parent = np.array([self.names.index(unit["parent"]) for unit in units])
        turns = [_terms(f"{unit['role']}: {unit['text']}") for unit in units]
        dates = {unit["parent"]: _terms(datetime.fromisoformat(unit["time"]).strftime("%I:%M %p on %d %B, %Y")) for unit in units}
        sessions = [Counter(dates[name]) for name in self.names]
        for parent, turn in zip(self.parent.tolist(), turns, strict=True):
            sessions[parent].update(turn)
        self.turns, self.sessions = _Bm25(turns), _Bm25(sessions)
        self.near, self.around = (_Bm25([self._window(turns, i, reach) for i in range(len(turns))]) for reach in (1, 2))

    def _window(self, turns: Sequence[Counter[str]], at: int, reach: int) -> Counter[str]:
        total: Counter[str] = Counter()
        for i in range(max(0, at - reach), min(len(turns), at + reach + 1)):
            if self.parent[i] == self.parent[at]:
                total.update(turns[i])
        return total

    def plain(self, query: str, unit: str) -> list[str]:
        terms = core.query_tokens(query)
        return self._best(self.turns.scores(terms), self.ids) if unit == "turn" else self._best(self.sessions.scores(terms), self.names)

    def four(self, query: str, unit: str) -> list[str]:
        terms = core.query_tokens(query)
        turns, near, around, sessions = (_share(of.scores(terms)) for of in (self.turns, self.near, self.around, self.sessions))
        scores = turns + near + around + sessions[self.parent]
        if unit == "turn":
            return self._best(scores, self.ids)
        best = np.zeros(len(self.names))
        np.maximum.at(best, self.parent, scores)
        return self._best(sessions + 0.5 * _share(best), self.names)

    @staticmethod
    def _best(scores: np.ndarray, names: Sequence[str]) -> list[str]:
        return [names[i] for i in np.lexsort((np.arange(len(scores)), -scores))[:10].tolist()]


def _terms(text: str) -> Counter[str]:
    return Counter(token for identifier in core.identifiers(text) for token in core.split(identifier))


def _share(scores: np.ndarray) -> np.ndarray:
    return scores / (scores.max() or 1.0)


class _Bm25:
    def __init__(self, texts: Sequence[Counter[str]]) -> None:
        lengths = np.array([text.total() for text in texts], np.float64)
        self.norm = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
        self.postings: dict[str, tuple[list[int], list[int]]] = {}
        for i, text in enumerate(texts):
            for term, count in text.items():
                rows, counts = self.postings.setdefault(term, ([], []))
                rows.append(i)
                counts.append(count)

    def scores(self, terms: Sequence[str]) -> np.ndarray:
        n = len(self.norm)
        scores = np.zeros(n)
        for term, times in Counter(terms).items():
            rows, counts = map(np.array, self.postings.get(term, ([], [])))
            if len(rows):
                scores[rows] += times * math.log(1 + (n - len(rows) + 0.5) / (len(rows) + 0.5)) * counts * 2.2 / (counts + self.norm[rows])
        return scores


# ------------------------------------------------------------------------------------------------- weights chosen on other conversations


def chosen(lists: Sequence[np.ndarray], evidence: Sequence[np.ndarray], begin: np.ndarray) -> np.ndarray:
    """Weights of the signals that make the evidence likeliest among a question's candidates.

    `lists` are a question's candidates each, (n, signals); `evidence` tells which of them are evidence; `begin` are the weights to begin with. The
    likelihood is that of a softmax over the weighted sums; it is climbed by Adam, 200 steps.
    """
    rows = np.concatenate(lists)
    start = np.cumsum([0, *map(len, lists)])
    of = np.repeat(np.arange(len(lists)), np.diff(start))
    wanted = np.concatenate([hit / hit.sum() for hit in evidence])
    weights, momentum, spread = begin * 2.0, np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for step in range(1, 201):
        sums = rows @ weights
        likely = np.exp(sums - np.maximum.reduceat(sums, start[:-1])[of])
        likely /= np.add.reduceat(likely, start[:-1])[of]
        slope = (likely - wanted) @ rows / len(lists)
        momentum, spread = 0.9 * momentum + 0.1 * slope, 0.99 * spread + 0.01 * slope * slope
        weights = weights - 0.1 * (momentum / (1 - 0.9**step)) / (np.sqrt(spread / (1 - 0.99**step)) + 1e-9)
    return weights
