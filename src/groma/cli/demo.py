"""`groma demo`: a minute on the user's own repository. Their own commits ask, and what groma and grep find stands side by side."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import click

from ..places import project_root
from ..types import LOCAL, Hit, Request
from ..values import value
from .bench import Files, Question, grep, questions_of, repository_name
from .shared import PATH, as_json, json_option, open_engine, printable, progress, waiting

if TYPE_CHECKING:
    from ..engine import Engine

__all__ = ["command"]

SHOWN = 3
"""Files that are shown of each."""


@value
class _Found:
    """A question with what each tool found for it, best first, and in how many milliseconds."""

    question: Question
    hits: tuple[Hit, ...]
    ms: float
    files: tuple[str, ...]
    grep_ms: float


@click.command("demo", short_help="A minute on your own repository, beside grep.")
@click.argument("path", required=False, type=PATH)
@click.option("--questions", default=5, show_default=True, type=click.IntRange(1, 50), metavar="N", help="How many are asked.")
@json_option
def command(path: str | None, questions: int, as_json_: bool) -> None:
    """Ask PATH's own newest commits: each subject is a question, and the files
    that the commit touched are the right answers (marked *). What groma finds
    is shown beside word-by-word git grep, with the time each took.

    \b
    Examples:
      groma demo
      groma demo ~/src/app --questions 10

    Nothing is changed but groma's own index. For figures: groma bench.
    """
    root = project_root(path)
    name = repository_name(root)
    with open_engine() as engine:
        begun = time.perf_counter()
        engine.index(LOCAL, root, report=progress("indexing"), waiting=waiting)
        seconds = time.perf_counter() - begun
        (status,) = engine.status(LOCAL, root)
        if not as_json_:
            click.echo(f"{printable(name)}: {status.files} files in {status.chunks} chunks, up to date after {seconds:.1f} s\n")
        files = Files(engine, root)
        asked = questions_of(files, questions, Counter())
        engine.search(LOCAL, [root], Request(asked[0].query, 10))  # as in any server that runs, all is mapped when the first is asked
        found = []
        for n, question in enumerate(asked, 1):
            found.append(_ask(engine, files, question))
            if not as_json_:
                click.echo(_shown(n, found[-1]))
    if as_json_:
        as_json(
            {"schema": "groma.demo/1", "repository": name, "files": status.files, "seconds": round(seconds, 3), "questions": list(map(_plain, found))}
        )
        return
    click.echo(_summary(found))


def _ask(engine: Engine, files: Files, question: Question) -> _Found:
    begun = time.perf_counter()
    answer = engine.search(LOCAL, [files.root], Request(question.query, 10))
    between = time.perf_counter()
    ranking = grep(files.root, question.query)
    end = time.perf_counter()
    best: dict[str, Hit] = {}
    for hit in answer.hits:
        best.setdefault(hit.path, hit)
    theirs = islice((path for path in ranking if files.language(path) is not None), SHOWN)
    return _Found(question, tuple(islice(best.values(), SHOWN)), 1e3 * (between - begun), tuple(theirs), 1e3 * (end - between))


def _shown(n: int, one: _Found) -> str:
    right = one.question.answers
    ours = [f"{'*' if hit.path in right else ' '} {hit.path}:{hit.start_line}-{hit.end_line}  {hit.symbol}".rstrip() for hit in one.hits]
    theirs = [f"{'*' if path in right else ' '} {path}" for path in one.files]
    lines = [f"{n}. {one.question.query}"]
    for tool, ms, rows in (("groma", one.ms, ours), ("grep", one.grep_ms, theirs)):
        for i, row in enumerate(rows or ["  nothing"]):
            lines.append(f"   {f'{tool:5} {ms:7.1f} ms' if i == 0 else '':16} {row}")
    return "\n".join(printable(line) for line in lines) + "\n"


def _summary(found: list[_Found]) -> str:
    def right(paths: list[str], one: _Found, among: int) -> bool:
        return any(path in one.question.answers for path in paths[:among])

    rows = []
    for tool, of, ms in (
        ("groma", [[hit.path for hit in one.hits] for one in found], [one.ms for one in found]),
        ("grep", [list(one.files) for one in found], [one.grep_ms for one in found]),
    ):
        first = sum(right(paths, one, 1) for paths, one in zip(of, found, strict=True))
        three = sum(right(paths, one, SHOWN) for paths, one in zip(of, found, strict=True))
        rows.append(f"{tool:5}  a right file first: {first} of {len(found)}, among the first {SHOWN}: {three}; median {statistics.median(ms):.1f} ms")
    few = "So few questions prove nothing: groma bench asks 200 and says how sure the difference is."
    return "\n".join([*rows, "", few, "To use it in your agents: groma install"])


def _plain(one: _Found) -> dict[str, object]:
    return {
        "query": one.question.query,
        "answers": sorted(one.question.answers),
        "groma": {"files": [f"{hit.path}:{hit.start_line}-{hit.end_line}" for hit in one.hits], "ms": round(one.ms, 2)},
        "grep": {"files": list(one.files), "ms": round(one.grep_ms, 2)},
    }
