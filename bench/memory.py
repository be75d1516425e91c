"""Recall from memory, scored on LoCoMo, beside plain BM25 and four lexical signals in the same run.

    python -m bench.memory --locomo PATH/locomo10.json

`make()` gives an empty memory with the shipped defaults, so that other benchmarks of memory can be scored the same way. What LoCoMo asks and how it
is counted, `bench/locomo.py` says. Beside the shipped weights, weights are chosen leave-one-conversation-out: for each conversation on the
nine others, so that no question has a say in the weights that answer it.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from groma.memory.index import Index, Memo
from groma.memory.question import asked
from groma.memory.score import WEIGHTS, useful

from .locomo import SHA256, Conversation, Lexical, chosen, measures, read
from .record import header, result_path, write

__all__ = ["Memory", "make"]


class Memory:
    """A memory of its own, empty at first. Ids may be anything that can be a key, and may repeat; nothing is dropped."""

    def __init__(self) -> None:
        self._index = Index()
        self._ids: list[Any] = []
        self._parents: dict[str, Any] = {}

    def add(self, units: Iterable[Mapping[str, Any]]) -> None:
        """Remember units, dicts with `id`, `text`, `time` (ISO 8601 or None), `role` (any speaker's name) and `parent`; their order within a parent
        is that of the list. Raises UsageError for a time that is none."""
        units = list(units)
        memos = []
        for n, unit in enumerate(units, len(self._ids)):
            parent = "" if unit.get("parent") is None else f"{type(unit['parent']).__name__} {unit['parent']}"
            memos.append(Memo(str(n), unit["text"], unit.get("time"), str(unit.get("role") or ""), parent))
            self._parents[parent or str(n)] = unit["id"] if not parent else unit["parent"]
        self._index.add(memos)
        self._ids += [unit["id"] for unit in units]

    def recall(self, query: str, k: int, unit: Literal["turn", "parent"] = "turn") -> list[Any]:
        """The ids of the `k` best units, or the parents of the best, best first."""
        found = self._index.search(asked(query), k, unit=unit).ids
        return [self._parents[one] for one in found] if unit == "parent" else [self._ids[int(one)] for one in found]

    def signals(self, query: str) -> tuple[list[Any], np.ndarray]:
        """All units and the signals (n, signals) they are scored by, best first."""
        found = self._index.search(asked(query), len(self._ids))
        return [self._ids[int(one)] for one in found.ids], np.stack([found.signals[name] for name in WEIGHTS], axis=1)

    def answers(self, query: str) -> bool:
        """Whether recall would say that something useful was found."""
        return useful(self._index.search(asked(query), 10))

    def close(self) -> None:
        """Forget all."""
        self._index = Index()


def make() -> Memory:
    """An empty memory, apart from all others."""
    return Memory()


CANDIDATES = 60
"""So many of the best by the shipped weights are what weights are chosen on; all units are ranked by them."""


def _rows(conversations: Sequence[Conversation]) -> tuple[dict[str, np.ndarray], list[list[tuple[list[Any], np.ndarray]]], list[float]]:
    """Per way of recall the measures of each question (turns' three, sessions' two), the signals of all units, milliseconds of each recall."""
    found: dict[str, list[tuple[float, ...]]] = {"BM25": [], "four lexical signals": [], "groma": []}
    signals, took = [], []
    for conversation in conversations:
        memory, lexical = make(), Lexical(conversation.units)
        memory.add(conversation.units)
        signals.append([memory.signals(question.text) for question in conversation.questions])
        for question in conversation.questions:
            begin = time.perf_counter()
            turns = memory.recall(question.text, 10)
            took.append(1e3 * (time.perf_counter() - begin))
            ways = {
                "BM25": [lexical.plain(question.text, unit) for unit in ("turn", "parent")],
                "four lexical signals": [lexical.four(question.text, unit) for unit in ("turn", "parent")],
                "groma": [turns, memory.recall(question.text, 10, unit="parent")],
            }
            for name, (of_turns, of_sessions) in ways.items():
                found[name].append((*measures(of_turns, question.turns), *measures(of_sessions, question.sessions)[:2]))
        memory.close()
    return {name: np.array(rows) for name, rows in found.items()}, signals, took


def _left_out(
    conversations: Sequence[Conversation], signals: Sequence[Sequence[tuple[list[Any], np.ndarray]]]
) -> tuple[np.ndarray, list[list[float]]]:
    """The measures under weights that were chosen on the other conversations, and these weights."""
    lists, evidence, owner = [], [], []
    for n, (conversation, found) in enumerate(zip(conversations, signals, strict=True)):
        for question, (ids, rows) in zip(conversation.questions, found, strict=True):
            hits = np.array([one in question.turns for one in ids])
            near = np.flatnonzero(hits | (np.arange(len(ids)) < CANDIDATES))
            lists.append(rows[near])
            evidence.append(hits[near].astype(np.float64))
            owner.append(n)
    results, kept = [], []
    for n, (conversation, found) in enumerate(zip(conversations, signals, strict=True)):
        others = [i for i, of in enumerate(owner) if of != n]
        weights = chosen([lists[i] for i in others], [evidence[i] for i in others], np.array(list(WEIGHTS.values())))
        kept.append([round(float(weight), 3) for weight in weights])
        for question, (ids, rows) in zip(conversation.questions, found, strict=True):
            ranked = [ids[i] for i in np.argsort(-(rows @ weights), kind="stable").tolist()]
            sessions = list(dict.fromkeys(one.split(":")[0] for one in ranked))
            results.append((*measures(ranked, question.turns), *measures(sessions, question.sessions)[:2]))
    return np.array(results), kept


def _nothing_useful(conversations: Sequence[Conversation], right: np.ndarray) -> dict[str, float]:
    """How often recall says that nothing is useful, in percent: of questions whose evidence was found (`right`), of all, and of all when the next
    conversation is asked, with its speakers' names in place of theirs."""
    memories, speakers = [], []
    for conversation in conversations:
        memory = make()
        memory.add(conversation.units)
        memories.append(memory)
        speakers.append(list(dict.fromkeys(unit["role"] for unit in conversation.units)))
    own, other = [], []
    for n, conversation in enumerate(conversations):
        following = (n + 1) % len(conversations)
        names = dict(zip(speakers[n], speakers[following], strict=True))
        pattern = re.compile("|".join(names))
        for question in conversation.questions:
            own.append(not memories[n].answers(question.text))
            other.append(not memories[following].answers(pattern.sub(lambda found, names=names: names[found[0]], question.text)))
    shares = {"evidence found": np.array(own)[right], "all": own, "asked elsewhere": other}
    return {name: round(100 * float(np.mean(said)), 2) for name, said in shares.items()}


MANY = 10_000


def _at_many(conversations: Sequence[Conversation]) -> dict[str, float]:
    """Times with `MANY` units, all conversations again and again: milliseconds of processor, the medians of what is done often."""
    every = [(f"{c.name}/{n}", unit) for n in range(1 + MANY // sum(len(c.units) for c in conversations)) for c in conversations for unit in c.units]
    memos = [Memo(f"{of}/{u['id']}", u["text"], u["time"], u["role"], f"{of}/{u['parent']}") for of, u in every[:MANY]]
    questions = [question.text for c in conversations for question in c.questions[::8]]
    times: dict[str, list[float]] = {}

    def timed(what: str, do: Callable[[], Any]) -> Any:
        begin = time.process_time()
        result = do()
        times.setdefault(what, []).append(1e3 * (time.process_time() - begin))
        return result

    index = timed("build", lambda: Index.of(memos))
    with tempfile.TemporaryDirectory() as folder:
        timed("save", lambda: index.save(Path(folder, "index")))
        index = timed("load", lambda: Index.load(Path(folder, "index")))
        for text in questions:
            timed("recall", lambda text=text: index.search(asked(text), 10))
        for n, memo in enumerate(memos[:200]):
            timed("add one", lambda n=n, memo=memo: index.add([Memo(f"one {n}", memo.text)]))
            timed("recall after it", lambda memo=memo: index.search(asked(memo.text), 10))
        timed("add 100", lambda: index.add([Memo(f"of many {n}", memo.text) for n, memo in enumerate(memos[:100])]))
    result = {what: round(statistics.median(took), 2) for what, took in times.items()}
    return result | {"recall p95": round(statistics.quantiles(times["recall"], n=20)[-1], 2)}


def _table(found: Mapping[str, np.ndarray]) -> str:
    lines = ["| way | turns R@5 | R@10 | NDCG@10 | sessions R@5 | R@10 |", "|---|---|---|---|---|---|"]
    lines += [f"| {name} | " + " | ".join(f"{100 * mean:.1f}" for mean in rows.mean(axis=0)) + " |" for name, rows in found.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--locomo", type=Path, required=True, help="locomo10.json, as published")
    parser.add_argument("--out", type=Path, default=None, help="where the raw result goes (default: bench/results)")
    args = parser.parse_args()
    result = header("groma.bench.memory/1")
    conversations = read(args.locomo)
    found, signals, took = _rows(conversations)
    left_out, weights = _left_out(conversations, signals)
    found["groma, weights chosen leave-one-conversation-out"] = left_out
    categories = np.array([question.category for conversation in conversations for question in conversation.questions])
    owners = np.repeat(np.arange(len(conversations)), [len(conversation.questions) for conversation in conversations])
    names = ["turns R@5", "turns R@10", "turns NDCG@10", "sessions R@5", "sessions R@10"]

    def means(rows: np.ndarray) -> dict[str, float]:
        return dict(zip(names, (100 * rows.mean(axis=0)).round(2).tolist(), strict=True))

    result["data"] = {
        "sha256": SHA256,
        "conversations": len(conversations),
        "turns": sum(len(c.units) for c in conversations),
        "questions": len(categories),
    }
    result["weights"] = WEIGHTS
    result["means over questions"] = {way: means(rows) for way, rows in found.items()}
    result["by category"] = {way: {int(c): means(rows[categories == c]) for c in (1, 2, 3, 4)} for way, rows in found.items()}
    result["by conversation"] = {way: {c.name: means(rows[owners == n]) for n, c in enumerate(conversations)} for way, rows in found.items()}
    result["weights chosen"] = {c.name: dict(zip(WEIGHTS, w, strict=True)) for c, w in zip(conversations, weights, strict=True)}
    result["nothing useful, percent"] = _nothing_useful(conversations, found["groma"][:, 0] > 0)
    result[f"ms at {MANY} units"] = _at_many(conversations)
    result["recall ms"] = {"median": round(statistics.median(took), 2), "p95": round(statistics.quantiles(took, n=20)[-1], 2)}
    path = args.out or result_path("memory")
    write(path, result)
    print(_table(found))
    for name in ("nothing useful, percent", f"ms at {MANY} units"):
        print(f"\n{name}: " + ", ".join(f"{what} {figure}" for what, figure in result[name].items()))
    print(
        f"\n{len(categories):,} questions; a recall in a conversation takes {result['recall ms']['median']} ms (median). Raw result: {path.name}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
