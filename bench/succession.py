"""Whether what was superseded is ever shown above what superseded it: pairs in other people's words, stored and asked for through the engine.

    python -m bench.succession CLONES [--fillers 2000] [--out FILE]

The pairs are those of `bench.settle` in which one line took another's place. Three stores are filled, with so many sentences of the running
environment's packages and the lines that merely stand side by side among them:

- told: each new line is remembered with `supersedes`, the old one having begun 30 days before the commit and the new one with it; a human says
  the old one and calls it most important, an agent the new one and calls it least;
- by an agent: the same without times, and nobody says a level, so that what an agent's wording makes a preference waits until it is promoted;
- by rule: nobody says anything, and the rule of memory decides.

Each pair is asked for in the words of the old line, of the new one, of both, with those that only the old one has, those that only the new one
has, and the first six of the old one, for one, three and ten answers. In every answer every superseded record is looked at, not just the pair's:
its successor must be there, and above it. In the store that was told each pair is asked as of the second before the commit, too (the old one must
be there, valid, and the new one not) and as of the second after (the new one must be above the old one).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from groma.config import load as settings
from groma.engine import Engine
from groma.memories import Memories
from groma.memory.recall import Remembered
from groma.records import Receipt
from groma.types import LOCAL

from .checkouts import find_clone
from .evaluate import Repository
from .guard import texts_of
from .record import header, result_path, write
from .settle import Pair, load

__all__ = ["ask", "questions", "wrongs"]

AT_ONCE = (1, 3, 10)
"""So many answers are asked for."""
STOOD = 30 * 86_400.0
WORD = re.compile(r"\w+(?:[.\-_/]\w+)*")


def questions(old: str, new: str) -> dict[str, str]:
    """What is asked about a pair; what would be empty is left out."""
    was, now = WORD.findall(old), WORD.findall(new)
    asked = {
        "the old text": old,
        "the new text": new,
        "both": f"{old} {new}",
        "what only the old one says": " ".join(word for word in was if word not in now),
        "what only the new one says": " ".join(word for word in now if word not in was),
        "how the old one begins": " ".join(was[:6]),
    }
    return {what: text for what, text in asked.items() if WORD.search(text)}


def wrongs(answer: Remembered) -> tuple[int, list[tuple[str, str]]]:
    """How many superseded records an answer has, and those (with the successor) that stand without it or not below it."""
    place = {one.memory.id: n for n, one in enumerate(answer.memories)}
    old = [(n, one) for n, one in enumerate(answer.memories) if one.memory.superseded_by is not None]
    scores = {one.memory.id: one.score for one in answer.memories}
    wrong = []
    for n, one in old:
        heir = str(one.memory.superseded_by)
        if place.get(heir, n) >= n or scores[heir] < one.score:
            wrong.append((one.memory.id, heir))
    return len(old), wrong


@cache
def _when(clones: Path, repo: str, commit: str) -> float:
    """When a commit was made."""
    place = find_clone(clones, Repository(repo.split("/")[1], "", repo, "", "", ""))
    shown = subprocess.run(["git", f"--git-dir={place}", "show", "-s", "--format=%ct", commit], capture_output=True, check=True, text=True)
    return float(shown.stdout)


def times(clones: Path, pairs: Iterable[Pair]) -> dict[str, float]:
    """By each pair's place, when its commit was made."""
    return {pair.where: _when(clones, *pair.where.split(":")[0].split("@")) for pair in pairs}


def fill(
    memories: Memories, pairs: Sequence[Pair], others: Sequence[str], at: dict[str, float] | None, *, by_agent: bool = False
) -> list[tuple[Pair, Receipt, Receipt]]:
    """Remember others' sentences and both lines of each pair; `at` tells when the new one took the old one's place, None that nothing is told.
    `by_agent`: an agent tells it, and says neither a time nor a level."""

    def kept(text: str, **fields: object) -> Receipt:
        level = {} if by_agent else {"level": "PROJECT_CONTEXT"}
        (receipt,) = memories.remember(LOCAL, [{"content": text, **level, **fields}], here="")
        return receipt

    memories.remember(LOCAL, [{"content": text, "level": "PROJECT_CONTEXT"} for text in others], here="")
    result = []
    for pair in pairs:
        if by_agent:
            old = kept(pair.old, source="human")
            result.append((pair, old, kept(pair.new, source="agent", **({} if old.id is None else {"supersedes": old.id}))))
            continue
        if at is None:
            result.append((pair, kept(pair.old), kept(pair.new)))
            continue
        old = kept(pair.old, valid_from=at[pair.where] - STOOD, source="human", importance=1.0)
        told = {} if old.id is None else {"supersedes": old.id}
        result.append((pair, old, kept(pair.new, valid_from=at[pair.where], source="agent", importance=0.0, **told)))
    return result


def ask(memories: Memories, filled: Sequence[tuple[Pair, Receipt, Receipt]]) -> dict[str, Any]:
    """All questions about all pairs: how many answers, how many superseded records in them, and every one that is not below its successor."""
    answers, seen, without = Counter[str](), Counter[str](), 0
    wrong: list[list[str]] = []
    for pair, _, _ in filled:
        for what, text in questions(pair.old, pair.new).items():
            for k in AT_ONCE:
                answer = memories.recall(LOCAL, text, here="", k=k)
                many, found = wrongs(answer)
                answers[what] += 1
                seen[what] += many
                without += not answer.memories
                wrong += [[pair.where, what, str(k), old, new] for old, new in found]
    return {
        "answers": answers.total(),
        "empty answers": without,
        "superseded records in them": seen.total(),
        "… by question": dict(seen),
        "not below their successor": len(wrong),
        "wrong": wrong,
    }


def as_of(memories: Memories, filled: Sequence[tuple[Pair, Receipt, Receipt]], at: dict[str, float]) -> dict[str, Any]:
    """What held a second before each commit, and a second after."""
    before, after, old_there = 0, 0, 0
    wrong = []
    for pair, old, new in filled:
        then = {one.memory.id: one for one in memories.recall(LOCAL, pair.old, here="", as_of=at[pair.where] - 1).memories}
        held = old.id in then and then[old.id].valid and new.id not in then
        later = memories.recall(LOCAL, pair.old, here="", as_of=at[pair.where] + 1).memories
        order = [one.memory.id for one in later]
        right = new.id in order and (old.id not in order or order.index(new.id) < order.index(old.id))
        old_there += old.id in order
        before += held
        after += right
        wrong += [[pair.where, what] for what, good in (("before", held), ("after", right)) if not good]
    return {"pairs": len(filled), "right before": before, "right after": after, "the old one among the answers then": old_there, "wrong": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.succession", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("--fillers", type=int, default=2_000, help="so many other sentences are remembered (default: 2000)")
    parser.add_argument("--out", type=Path, default=None, help="where the raw result goes (default: bench/results)")
    given = parser.parse_args()
    every, missing = load(given.clones)
    for name in missing:
        print(f"missing: git clone https://github.com/{name} {given.clones / name.replace('/', '+')}", file=sys.stderr)
    pairs = [pair for pair in every if pair.kind == "replaced"]
    at = times(given.clones, pairs)
    pairs.sort(key=lambda pair: (at[pair.where], pair.where))
    lines = {text for pair in pairs for text in (pair.old, pair.new)}
    beside = [text for pair in every if pair.kind == "beside" for text in (pair.old, pair.new) if text not in lines]
    others = [*texts_of([Path(sysconfig.get_path("purelib"))], given.fillers), *beside]
    repositories = {pair.where.split("@")[0] for pair in pairs}
    result = header("groma.bench.succession/1") | {
        "pairs": {"all": len(pairs), "labels": dict(Counter(pair.label for pair in pairs)), "repositories": len(repositories)},
        "missing": missing,
        "others remembered": len(others),
    }
    for name, told in (("told", at), ("by an agent", None), ("by rule", None)):
        with tempfile.TemporaryDirectory() as folder:
            plain = {"GROMA_MEMORIES_PER_HOUR": "1000000"}
            with Engine(settings(plain, data_dir=Path(folder), config_file=Path(folder, "none"))) as engine:
                filled = fill(engine.memories, pairs, others, told, by_agent=name == "by an agent")
                kept = [one for one in filled if one[1].id and one[2].id and "quarantined" not in (one[1].outcome, one[2].outcome)]
                succeeded = [one for one in kept if one[2].outcome == "supersedes"]
                result[name] = {
                    "outcomes of the new lines": dict(Counter(new.outcome for _, _, new in filled)),
                    "outcomes by label": {f"{label} as {outcome}": n for (label, outcome), n in sorted(_by_label(filled).items())},
                    "not kept": [[pair.where, old.outcome, new.outcome] for pair, old, new in filled if (pair, old, new) not in kept],
                    "pairs that supersede": len(succeeded),
                    "wait to be promoted": sum(engine.memories.get(LOCAL, str(new.id)).state == "proposed" for _, _, new in kept),
                    "… labelled so": sum(pair.label == "supersedes" for pair, _, _ in succeeded),
                    "all questions": ask(engine.memories, filled),
                }
                if told is not None:
                    result[name]["as of"] = as_of(engine.memories, succeeded, told)
    path = given.out or result_path("succession")
    write(path, result)
    for name in ("told", "by an agent", "by rule"):
        print(name, *(f"  {what}: {value}" for what, value in result[name].items()), sep="\n")
    print(f"Raw result: {path.name}")


def _by_label(filled: Iterable[tuple[Pair, Receipt, Receipt]]) -> Counter[tuple[str, str]]:
    return Counter((pair.label, new.outcome) for pair, _, new in filled)


if __name__ == "__main__":
    main()
