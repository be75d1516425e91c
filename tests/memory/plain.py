"""The formulas of `groma.memory.score`, written as they are told: unit by unit, in plain Python. What the index is compared with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean

from groma import core
from groma.memory.index import Memo
from groma.memory.question import Question, date_terms, day_of, names_in, says_when
from groma.memory.score import ANSWERS, ASKS, K1, MEAN, SAME, TELLING, WEIGHTS, B

__all__ = ["Plain"]


class Plain:
    """Memos in the order they were added, without those that were removed."""

    def __init__(self, memos: Sequence[Memo], question: Question, allowed: Callable[[Memo], bool] = lambda memo: True) -> None:
        self.memos = memos
        self.allowed = [allowed(memo) for memo in memos]
        groups: dict[str, list[int]] = {}
        for i, memo in enumerate(memos):
            groups.setdefault(memo.parent or f"alone {i}", []).append(i)
        self.group_of = {i: name for name, group in groups.items() for i in group}
        self.beside = {}
        for group in groups.values():
            group.sort(key=lambda i: (memos[i].position, i))
            for place, i in enumerate(group):
                self.beside[i] = {step: group[place + step] for step in range(-2, 3) if 0 <= place + step < len(group)}
        counts = [Counter(core.count_terms(memo.text)[0]) + Counter(core.count_terms(memo.role)[0]) for memo in memos]
        dates = {name: Counter(date_terms(day_of(memos[group[0]].time, ""))) if memos[group[0]].time else Counter() for name, group in groups.items()}
        parents = {name: sum((counts[i] for i in group), dates[name]) for name, group in groups.items()}
        n = range(len(memos))
        near, around = ([sum((counts[j] for step, j in self.beside[i].items() if abs(step) <= reach), Counter()) for i in n] for reach in (1, 2))
        idf = {term: _idf(sum(term in one for one in counts), len(memos)) for term in question.terms}
        of_parents = {term: _idf(sum(term in one for one in parents.values()), len(parents)) for term in question.terms}
        parent = dict(zip(parents, _bm25(list(parents.values()), question, of_parents), strict=True))
        total = sum(times * idf[term] for term, times in question.terms.items())
        self.covered = [sum(times * idf[term] for term, times in question.terms.items() if term in around[i]) / (total or 1) for i in n]
        own, window, self.cosine = self._meanings(question)
        said = [core.count_terms(memo.text)[0] for memo in memos]
        self.signals = {
            "text": self._over_best(_bm25(counts, question, idf)),
            "near": self._over_best(_bm25(near, question, idf)),
            "around": self._over_best(_bm25(around, question, idf)),
            "parent": self._over_best([parent[self.group_of[i]] for i in n]),
            "meaning": self._above_median(own),
            "context": self._above_median(window),
            "speaker": [float(names_in(memo.role, question.words)) for memo in memos],
            "time": [float(question.when and says_when(one)) for one in said],
            "standing": [self._standing(i, counts[i].total()) for i in n],
        }
        self.scores = [sum(WEIGHTS[name] * values[i] for name, values in self.signals.items()) for i in n]

    def _meanings(self, question: Question) -> tuple[list[float] | None, list[float] | None, list[float]]:
        if question.vector is None or not question.vector.any() or not any(self.allowed):
            return None, None, [0.0] * len(self.memos)
        codes, scales = core.quantize(core.embed_texts([memo.text for memo in self.memos]))
        vectors = [[int(x) * float(scale) for x in row] for row, scale in zip(codes, scales, strict=True)]
        asked = question.vector.tolist()
        mean = [fmean(column) for column in zip(*vectors, strict=True)]
        away = [a - m for a, m in zip(asked, mean, strict=True)]
        own = [_cosine([x - m for x, m in zip(v, mean, strict=True)], away) if any(v) else -1.0 for v in vectors]
        sums = [[sum(column) for column in zip(*(vectors[j] for j in beside.values()), strict=True)] for _, beside in sorted(self.beside.items())]
        return own, [_cosine_to_unit(one, asked) for one in sums], [_dot(v, asked) for v in vectors]

    def _standing(self, i: int, length: int) -> float:
        asks = [memo.text.rstrip().endswith("?") for memo in self.memos]
        if len(self.beside[i]) == 1:
            return 1.0
        follows = -1 in self.beside[i] and asks[self.beside[i][-1]]
        return math.log1p(min(length, TELLING)) / math.log1p(TELLING) - ASKS * asks[i] + ANSWERS * follows

    def _over_best(self, values: list[float]) -> list[float]:
        most = max((x for x, allowed in zip(values, self.allowed, strict=True) if allowed), default=0.0)
        return [x / (most or 1.0) for x in values]

    def _above_median(self, values: list[float] | None) -> list[float]:
        if values is None:
            return [0.0] * len(self.memos)
        known = sorted(x for x, allowed in zip(values, self.allowed, strict=True) if allowed)
        low, high = known[len(known) // 2], known[-1]
        return [min(1.0, max(0.0, (x - low) / (high - low))) if high - low > SAME else 0.0 for x in values]

    def parents(self) -> dict[str, float]:
        """The score of each parent that has a unit which is allowed; who stands alone under its own id."""
        best: dict[str, float] = {}
        for memo, score, allowed in zip(self.memos, self.scores, self.allowed, strict=True):
            name = memo.parent or memo.id
            if allowed:
                best[name] = max(score, best.get(name, -math.inf))
        return best


def _bm25(texts: list[Counter[int]], question: Question, idf: dict[int, float]) -> list[float]:
    mean = fmean([text.total() for text in texts]) if texts else 0.0
    scores = []
    for text in texts:
        norm = K1 * (1 - B + B * text.total() / (mean or 1.0))
        scores.append(sum(times * idf[t] * text[t] * (K1 + 1) / (text[t] + norm) for t, times in question.terms.items() if text[t]))
    return scores


def _idf(having: int, of: int) -> float:
    return math.log(1 + (of - having + 0.5) / (having + 0.5))


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    squares = _dot(a, a) * _dot(b, b)
    return _dot(a, b) / math.sqrt(squares) if squares > MEAN else 0.0


def _cosine_to_unit(a: Sequence[float], unit: Sequence[float]) -> float:
    return _dot(a, unit) / max(math.sqrt(_dot(a, a)), 1e-9)
