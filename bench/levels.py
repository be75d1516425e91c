"""How well the classifier of context levels does on texts of repositories that it has never seen.

    python -m bench.levels

Prints, for the held-out split of `tools/data/levels.jsonl`: right answers a level by the rules alone (of the texts a rule knows), by the model
alone and by both; what was taken for what; and the time a text takes. Every miss of both goes into the result, with its origin.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from typing import Any

from groma.memory.classify import MODEL, classify, matching
from groma.memory.linear import load, predict
from tools.levels import LEVELS, labelled

from .record import header, result_path, write

__all__ = ["measure", "timed"]


def measure(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Right answers by level, confusion and misses of labelled texts."""
    model = load(MODEL)
    by_rules = [(row, matching(row["text"])) for row in rows]
    answers = [(row, classify(row["text"])) for row in rows]
    return {
        "texts": _counts(rows),
        "repositories": len({row["origin"].split(" ")[0] for row in rows}),
        "rules": _right([(row, rule.level) for row, rule in by_rules if rule is not None]),
        "model": _right([(row, predict(model, row["text"]).label) for row in rows]),
        "both": _right([(row, answer.level) for row, answer in answers]),
        "by confidence": _by_confidence([(answer.confidence, row["level"], answer.level) for row, answer in answers]),
        "confusion": {was: {said: sum(row["level"] == was and answer.level == said for row, answer in answers) for said in LEVELS} for was in LEVELS},
        "misses": [
            {
                "text": row["text"],
                "level": row["level"],
                "said": answer.level,
                "why": answer.why,
                "confidence": round(answer.confidence, 3),
                "origin": row["origin"],
            }
            for row, answer in answers
            if answer.level != row["level"]
        ],
    }


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    counted = Counter(row["level"] for row in rows)
    return {"all": len(rows)} | {level: counted[level] for level in LEVELS}


def _right(answers: list[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """Texts that were answered and the share of right ones: over all, over the texts of a level (recall), over the answers of a level (precision)."""
    right = [(row["level"], said) for row, said in answers]
    return {
        "answered": len(right),
        "right": _share(right),
        "recall": {level: _share([pair for pair in right if pair[0] == level]) for level in LEVELS},
        "precision": {level: _share([pair for pair in right if pair[1] == level]) for level in LEVELS},
    }


def _by_confidence(answers: list[tuple[float, str, str]]) -> dict[str, dict[str, Any]]:
    """How often an answer of some confidence is right: whether the confidence means anything."""
    found = {}
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        pairs = [(was, said) for confidence, was, said in answers if low <= confidence < high]
        found[f"{low:.1f} to {min(high, 1):.1f}"] = {"texts": len(pairs), "right": _share(pairs)}
    return found


def _share(pairs: list[tuple[str, str]]) -> float | None:
    return round(sum(was == said for was, said in pairs) / len(pairs), 4) if pairs else None


def timed(texts: list[str], rounds: int = 5) -> dict[str, float]:
    """Milliseconds a text: the median, the 99th percentile and the most, each text's best of some rounds."""
    classify("warm the model up, it is read when the first text needs it")
    took = []
    for text in texts:
        best = float("inf")
        for _ in range(rounds):
            start = time.perf_counter()
            classify(text)
            best = min(best, time.perf_counter() - start)
        took.append(best * 1000)
    took.sort()
    return {"median": round(statistics.median(took), 3), "p99": round(took[int(len(took) * 0.99)], 3), "max": round(took[-1], 3)}


def main() -> int:
    rows = labelled("test")
    result = measure(rows)
    longest = " ".join(row["text"] for row in rows)
    result["ms"] = {"texts": timed([row["text"] for row in rows]), "100,000 characters": timed([longest[:100_000]])}
    print(f"{len(rows)} texts of {result['repositories']} repositories")
    for name in ("rules", "model", "both"):
        shown = " ".join(f"{level} {result[name]['recall'][level]}/{result[name]['precision'][level]}" for level in LEVELS)
        print(f"{name:6} answered {result[name]['answered']:4}  right {result[name]['right']}  recall/precision {shown}")
    for was, said in result["confusion"].items():
        print(f"{was:16} taken for " + ", ".join(f"{level} {n}" for level, n in said.items()))
    print(f"by confidence: {result['by confidence']}")
    print(f"ms a text: {result['ms']}")
    path = result_path("levels")
    write(path, header("groma.bench.levels/1") | {"training": _counts(labelled("train"))} | result)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
