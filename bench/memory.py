"""Recall from memory, scored on LoCoMo, beside plain BM25 and four lexical signals in the same run.

    python -m bench.memory --locomo PATH/locomo10.json

`make()` gives an empty memory with the shipped defaults, so that other benchmarks of memory can be scored the same way: an engine of its own, whose
verbs take units in and answer; only the signals for the choice of weights and the times at 10,000 units are asked of its index alone. What LoCoMo
asks and how it is counted, `bench/locomo.py` says. Beside the shipped weights, weights are chosen leave-one-conversation-out: for each
conversation on the nine others, so that no question has a say in the weights that answer it.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from groma.config import load
from groma.drafts import MAX_CONTENT, MAX_TEXT
from groma.engine import Engine
from groma.errors import UsageError
from groma.memory.index import Index, Memo
from groma.memory.question import asked
from groma.memory.score import WEIGHTS
from groma.records import PROJECT_CONTEXT, Receipt
from groma.types import LOCAL

from .locomo import SHA256, Conversation, Lexical, chosen, measures, read
from .record import header, result_path, write

__all__ = ["Memory", "make"]


class Memory:
    """A memory of its own: an engine with a data directory of its own, empty at first, and the verbs behind `groma import` and `groma recall`.

    Units come in as groma's own lines of JSON do, with their conversation or document as parent, their place in it, who spoke and when, as context
    of no project. Turns are told apart by their place, so that what is said twice is there twice. Whatever the guard holds for a human is
    promoted, as its owner would; of what it rejects, and of what has no words, the place is kept: `without_words` counts them. Ids may be anything
    that can be a key, and may repeat; nothing is dropped.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="groma-bench-")
        self._engine = Engine(load({}, data_dir=Path(self._folder.name), config_file=Path(self._folder.name, "none")))
        self._units: list[tuple[Any, Any]] = []
        self._of: dict[str, list[int]] = {}
        self._parents: dict[Any, int] = {}
        self._ends: Counter[int] = Counter()
        self.without_words = 0

    def add(self, units: Iterable[Mapping[str, Any]]) -> None:
        """Remember units, dicts with `id`, `text`, `time` (ISO 8601 or None), `role` (any speaker's name) and `parent`; their order within a parent
        is that of the list. Raises UsageError for a time that is none; then none of them is kept."""
        lines, numbers, ends = [], [], self._ends.copy()
        known = len(self._units)
        for n, unit in enumerate(units, known):
            alone = unit.get("parent") is None
            self._units.append((unit["id"], unit["id"] if alone else unit["parent"]))
            fields = {"level": PROJECT_CONTEXT, "created": unit.get("time"), "role": _name(unit.get("role"))}
            parent = None if alone else self._parents.setdefault((type(unit["parent"]), unit["parent"]), len(self._parents))
            for text in _pieces(unit["text"]):
                if parent is not None:
                    fields |= {"parent": f"parent {parent}", "position": ends[parent]}
                    ends[parent] += 1
                lines.append(fields | {"content": text})
                numbers.append(n)
        try:
            receipts = self._kept(lines)
        except UsageError:
            del self._units[known:]
            raise
        self._ends = ends
        for n, receipt in zip(numbers, receipts, strict=True):
            self._of.setdefault(str(receipt.id), []).append(n)

    def _kept(self, lines: list[dict[str, Any]]) -> list[Receipt]:
        receipts = self._taken_in(lines)
        if refused := [n for n, receipt in enumerate(receipts) if receipt.id is None]:
            for n, receipt in zip(refused, self._taken_in([lines[n] | {"content": NO_WORDS} for n in refused]), strict=True):
                receipts[n] = receipt
        if held := [str(receipt.id) for receipt in receipts if receipt.outcome == "quarantined"]:
            self._engine.memories.promote(LOCAL, held)
        return receipts

    def _taken_in(self, lines: list[dict[str, Any]]) -> list[Receipt]:
        if not lines:
            return []
        self.without_words += sum(line["content"] == NO_WORDS for line in lines)
        said = "\n".join(json.dumps({name: v for name, v in line.items() if v is not None}) for line in lines)
        done = self._engine.memories.import_(LOCAL, [("units.jsonl", said)], here="", format="jsonl")
        return [line.receipt for line in done.lines]

    def recall(self, query: str, k: int, unit: Literal["turn", "parent"] = "turn") -> list[Any]:
        """The ids of the `k` best units (100 at most), or the parents of the best, best first. What has nothing to do with the query is left out."""
        found = self._engine.memories.recall(LOCAL, query, here="", k=min(k, 100), unit=unit).memories
        numbers = dict.fromkeys(n for one in found for n in self._of[one.memory.id])
        return list(dict.fromkeys(self._units[n][1] for n in numbers))[:k] if unit == "parent" else [self._units[n][0] for n in numbers][:k]

    def signals(self, query: str) -> tuple[list[Any], np.ndarray]:
        """All units and the signals (n, signals) that the engine's index scores them by, best first."""
        memories = self._engine.memories
        memories._known.refresh(memories._data.db)
        index = memories._known._index
        found = index.search(asked(query), len(index))
        return [self._units[self._of[one][0]][0] for one in found.ids], np.stack([found.signals[name] for name in WEIGHTS], axis=1)

    def answers(self, query: str) -> bool:
        """Whether recall says that something useful was found."""
        return not self._engine.memories.recall(LOCAL, query, here="").nothing_useful

    def close(self) -> None:
        """Forget all."""
        self._engine.close()
        self._folder.cleanup()


NO_WORDS = "…"
"""Stands for a unit that says nothing, so that it keeps its place."""


def _pieces(text: str) -> list[str]:
    """A text as the engine takes it: not empty, and not longer than a memory may be."""
    return [text[at : at + MAX_CONTENT] for at in range(0, len(text), MAX_CONTENT)] if text.strip() else [NO_WORDS]


def _name(role: object) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", str(role or ""))[:MAX_TEXT]


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
