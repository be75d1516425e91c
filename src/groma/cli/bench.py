"""`groma bench`: proof on the user's own code. The subjects of commits are the queries, the files they touched the right answers, and
word-by-word grep is asked the same.

Everything that judges is here and pure (which subjects can be asked, the metrics); git is asked for the history and for the grep, the engine
for the rest. It deliberately does not know how groma ranks.
"""

from __future__ import annotations

import math
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..errors import GromaError, UsageError
from ..places import project_root
from ..types import LOCAL, Request
from ..values import value
from .shared import as_json, json_option, open_engine, progress, waiting

if TYPE_CHECKING:
    from ..engine import Engine

__all__ = [
    "NOT_SOURCE",
    "Commit",
    "Files",
    "Question",
    "command",
    "difference",
    "grep",
    "question_of",
    "questions_of",
    "repository_name",
    "score",
    "summary",
    "words",
]

K = 10
MAX_FILES = 3
MIN_WORDS = 3
METRICS = ("ndcg@10", "mrr", "recall@5", "recall@10")

NOT_SOURCE = frozenset({"docker", "html", "ini", "json", "markdown", "rst", "terraform", "text", "toml", "yaml"})
"""Languages that are documents or configuration: a file of theirs is searched, but it is not what a commit's subject asks for."""


@value
class Commit:
    """One commit as git tells it: `author` is name and address, `paths` are what it touched, relative to the root."""

    subject: str
    author: str
    paths: tuple[str, ...]


@value
class Question:
    """A cleaned subject and the files that answer it."""

    query: str
    answers: frozenset[str]


@click.command("bench", short_help="Score groma on your own repository, beside grep.")
@click.argument("path", required=False)
@click.option("--commits", default=200, show_default=True, metavar="N", help="How many commits to ask for, newest first.")
@json_option
def command(path: str | None, commits: int, as_json_: bool) -> None:
    """Score groma on PATH's own history, beside word-by-word grep, with a table that can be shared.

    \b
    Examples:
      groma bench
      groma bench ~/src/app --commits 500

    The subjects of commits are the queries, the source files they touched are the right answers. The table names the repository and nothing
    else of it. Needs git, and a repository with some history.
    """
    if commits < 1:
        raise UsageError(f"--commits must be at least 1, not {commits}.")
    root = project_root(path)
    name = repository_name(root)
    with open_engine() as engine:
        engine.index(LOCAL, root, report=progress("indexing"), waiting=waiting)
        looked: Counter[str] = Counter()
        files = Files(engine, root)
        questions = questions_of(files, commits, looked)
        ours, theirs = _ask(engine, files, questions)
        (status,) = engine.status(LOCAL, root)
        result = {
            "schema": "groma.bench/1",
            "repository": name,
            "version": __version__,
            "core": engine.core,
            "files": status.files,
            "chunks": status.chunks,
            "commits": len(questions),
            "looked_at": looked.total() + len(questions),
            "left_out": dict(looked.most_common()),
            "tools": {"groma": summary(*ours), "git grep": summary(*theirs)},
            "difference": difference([a["ndcg@10"] - b["ndcg@10"] for a, b in zip(ours[0], theirs[0], strict=True)]),
        }
    if as_json_:
        as_json(result)
    else:
        click.echo(_table(result))


# ---------------------------------------------------------------------------------------------------------- subjects that can be asked

_STANDARDS = r"(?:UTF|SHA|ISO|RFC|CVE|CWE|MD|AES|RSA|TLS|HTTP|IPV|PEP|JSR|ES|CP|GPT|X)"
_TICKET = rf"(?!{_STANDARDS}-)[A-Z][A-Z0-9]{{1,9}}-\d+"
_TYPE = r"(?:feat(?:ure)?|(?:bug|hot)?fix|docs?|style|refactor|perf|tests?|build|ci|chore|deps|security|improve(?:ment)?)(?:\([^)]*\))?!?:"
_CLEAN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^\s*(?::[a-z0-9_+-]+:\s*)+"), ""),  # :sparkles:
    (re.compile(rf"[\[(]\s*(?:{_TICKET}|(?:GH-|[#!])\d+)(?:\s*,\s*(?:{_TICKET}|#\d+))*\s*[\])]"), " "),  # [ABC-12], (#123)
    (re.compile(rf"^\s*{_TICKET}(?:\s*[:,-])?\s+"), ""),
    (re.compile(rf"^\s*{_TYPE}\s+", re.I), ""),  # feat(parser)!:
    (re.compile(rf"^\s*{_TICKET}(?:\s*[:,-])?\s+"), ""),
    (re.compile(r"[\s,;-]*\b(?:(?:fix|close|resolve)(?:e?[sd])?|see|refs?|re|issue|bug|gh|pr)[\s:]*#\d+\b", re.I), " "),
    (re.compile(r"(?:(?<=\s)|^)(?:#\d+|GH-\d+)\b:?"), " "),
    (re.compile(rf"\s+{_TICKET}\s*$"), ""),
)
_BUMP = "|".join(
    (
        r"v?\d+\.\d+[\w.+-]*\W*$",
        r"bump\b",
        r"(?:prepare|cut|start|begin)\b.*\b(?:release|development)\b",
        r"release(?:\s+(?:v?\d|notes\b|version\b)|\W*$)",
        r"version\s+(?:bump\b|v?\d)",
        r"(?:new|set|update|increment|increase)\s+version\b",
        r"(?:up(?:date|grade)|pin)\b.*\b(?:to|from)\s+v?\d",
        r"update\s+(?:dependenc|changelog|submodule)",
    )
)
_LEFT_OUT: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("revert", re.compile(r"^\s*(?:reverts?|reapply|back ?out)\b", re.I)),
    ("unfinished", re.compile(r"^\s*(?:(?:fixup|squash|amend)!|wip\b|merge\b)", re.I)),
    ("version bump", re.compile(rf"^\W*(?:{_TYPE}\s*)?(?:{_BUMP})", re.I)),
    ("typo", re.compile(r"\b(?:typos?|mis-?spell\w*|spelling)\b", re.I)),
)
_BOT = re.compile(r"\[bot\]|\bbot\b|dependabot|renovate|greenkeeper|github-actions|pre-commit-ci|weblate|allcontributors", re.I)
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")  # scripts without spaces between words: each sign is one


def words(text: str) -> list[str]:
    """The words of a text, lower case, in order."""
    return [w.lower() for w in _WORD.findall(text)]


def question_of(commit: Commit) -> tuple[str, str]:
    """(the subject as a query, ""), or ("", why it is none): bots, reverts, version bumps, typos, and what is too short once tickets are gone."""
    if _BOT.search(commit.author):
        return "", "bot"
    for reason, pattern in _LEFT_OUT:
        if pattern.search(commit.subject):
            return "", reason
    text = commit.subject
    for pattern, instead in _CLEAN:
        text = pattern.sub(instead, text)
    text = " ".join(text.split()).strip(" :;,-")
    if sum(any(c.isalpha() for c in w) for w in words(text)) < MIN_WORDS:
        return "", "too short"
    return text, ""


# -------------------------------------------------------------------------------------------------------------------------- metrics


def score(found: Sequence[str], answers: frozenset[str]) -> dict[str, float]:
    """What a list of paths, best first, is worth against the right ones: NDCG@10 (binary), 1 / rank of the first, recall@5 and @10.

    A path that comes again counts once, at its first place.
    """
    best = list(dict.fromkeys(found))[:K]
    places = [i for i, path in enumerate(best, 1) if path in answers]
    ideal = sum(1 / math.log2(i + 1) for i in range(1, min(K, len(answers)) + 1))
    return {
        "ndcg@10": sum(1 / math.log2(i + 1) for i in places) / ideal,
        "mrr": 1 / places[0] if places else 0.0,
        "recall@5": sum(i <= 5 for i in places) / len(answers),
        "recall@10": len(places) / len(answers),
    }


def summary(rows: Sequence[dict[str, float]], milliseconds: Sequence[float]) -> dict[str, float]:
    """The means of the rows of `score`, and the median and 95th percentile of the times."""
    ordered = sorted(milliseconds)
    return {metric: round(statistics.fmean(row[metric] for row in rows), 4) for metric in METRICS} | {
        "p50_ms": round(statistics.median(ordered), 2),
        "p95_ms": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 2),
    }


def difference(deltas: Sequence[float]) -> dict[str, float | None]:
    """Paired differences of one metric: mean and the ends of its 95 % interval (normal; None below 20 pairs)."""
    mean = statistics.fmean(deltas)
    half = 1.96 * statistics.stdev(deltas) / math.sqrt(len(deltas)) if len(deltas) >= 20 else None
    return {
        "ndcg@10": round(mean, 4),
        "low": None if half is None else round(mean - half, 4),
        "high": None if half is None else round(mean + half, 4),
    }


# ------------------------------------------------------------------------------------------------------------------------------ git


def _git(root: str, *arguments: str) -> list[str]:
    plain = ("grep.lineNumber=false", "grep.column=false", "grep.fullName=false", "log.showSignature=false", "color.ui=false")
    return ["git", "-C", root, *(part for setting in plain for part in ("-c", setting)), *arguments]


def _environment() -> dict[str, str]:
    """Without what a hook's environment says of another repository: the folder given is the folder meant."""
    return {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")}


def _run(root: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(_git(root, *arguments), capture_output=True, env=_environment(), stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        raise GromaError("this needs git, and there is no git on the PATH; install it and try again.") from None


def repository_name(root: str) -> str:
    """The repository's folder name, with the path below it where only a part is scored."""
    said = _run(root, "rev-parse", "--show-toplevel", "--show-prefix")
    lines = os.fsdecode(said.stdout).splitlines()
    if said.returncode or not lines:
        why = said.stderr.decode("utf-8", "replace").strip().splitlines() or ["a bare repository"]
        raise GromaError(f"{root} is not in a git work tree ({why[-1]}); groma needs a repository with its history for this.")
    if _run(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").returncode:
        raise GromaError(f"{root} has no commits yet; it is the subjects of commits that are asked.")
    prefix = lines[1].rstrip("/") if len(lines) > 1 else ""
    return "/".join(part for part in (os.path.basename(lines[0]), prefix) if part)


def _history(root: str) -> Iterator[Commit]:
    """The commits that touched something below `root`, newest first, without merges."""
    shape = ("--no-merges", "--no-renames", "--relative", "--name-only", "-z", "--encoding=UTF-8", "--format=%x01%an <%ae>%x00%s")
    with subprocess.Popen(_git(root, "log", *shape, "--", "."), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()) as git:
        assert git.stdout is not None
        try:
            yield from _commits(_fields(partial(os.read, git.stdout.fileno())))
            if git.wait():
                raise GromaError(f"git log failed in {root} with exit code {git.returncode}; check the repository with git fsck.")
        finally:
            git.kill()


def _fields(read: Callable[[int], bytes]) -> Iterator[bytes]:
    rest = b""
    while some := read(1 << 16):
        *whole, rest = (rest + some).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _commits(fields: Iterable[bytes]) -> Iterator[Commit]:
    """A commit is the author behind a \\x01, the subject, and the paths; git puts a line end before the first of them."""
    author: bytes | None = None
    subject: bytes | None = None
    paths: list[str] = []
    for field in fields:
        if field.startswith(b"\x01"):
            if author is not None:
                yield Commit(_text(subject or b""), _text(author), tuple(paths))
            author, subject, paths = field[1:], None, []
        elif subject is None:
            subject = field
        elif path := os.fsdecode(field.removeprefix(b"\n")):
            paths.append(path)
    if author is not None:
        yield Commit(_text(subject or b""), _text(author), tuple(paths))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").strip()


# ------------------------------------------------------------------------------------------------------------------ asking both tools


class Files:
    """Which files the index holds, asked once each."""

    def __init__(self, engine: Engine, root: str) -> None:
        self.root = root
        self._engine = engine
        self._known: dict[str, str | None] = {}

    def language(self, path: str) -> str | None:
        """The language of an indexed file ("" if it has none), None where the file is not indexed."""
        if path not in self._known:
            self._known[path] = self._ask(path)
        return self._known[path]

    def _ask(self, path: str) -> str | None:
        if not os.path.isfile(os.path.join(self.root, path)) or not path.isprintable():
            return None  # gone, or a name that is not text
        why = self._engine.why(LOCAL, self.root, path)
        return (why.language or "") if why.indexed else None


def questions_of(files: Files, wanted: int, left_out: Counter[str]) -> list[Question]:
    """The newest `wanted` commits that can be asked; `left_out` counts the others by reason."""
    root = files.root
    found: dict[str, Question] = {}
    for commit in _history(root):
        query, reason = question_of(commit)
        if not reason:
            gone = sum(not os.path.lexists(os.path.join(root, path)) for path in commit.paths)
            answers = frozenset(path for path in commit.paths if files.language(path) not in (None, "", *NOT_SOURCE))
            if len(answers) + gone > MAX_FILES:
                reason = f"more than {MAX_FILES} files"
            elif not answers:
                reason = "no source file that is still there"
            elif query.lower() in found:
                reason = "same subject"
        if reason:
            left_out[reason] += 1
            continue
        found[query.lower()] = Question(query, answers)
        if len(found) == wanted:
            break
    if not found:
        said = ", ".join(f"{n} {reason}" for reason, n in left_out.most_common()) or "none touches it"
        raise GromaError(
            f"{root} has no commit that can be asked ({said}); they need a telling subject and 1-{MAX_FILES} source files that are still there."
        )
    return list(found.values())


Asked = tuple[list[dict[str, float]], list[float]]
"""A row of `score` and the milliseconds of each question."""


def _ask(engine: Engine, files: Files, questions: Sequence[Question]) -> tuple[Asked, Asked]:
    """Both tools' scores and times; each question goes to one and then to the other."""
    root = files.root
    ours: Asked = ([], [])
    theirs: Asked = ([], [])
    engine.search(LOCAL, [root], Request(questions[0].query, K))  # the segment and the model are mapped now, as in any server that runs
    for n, question in enumerate(questions, 1):
        begun = time.perf_counter()
        answer = engine.search(LOCAL, [root], Request(question.query, K))
        ours[1].append(1e3 * (time.perf_counter() - begun))
        ours[0].append(score([hit.path for hit in answer.hits], question.answers))

        begun = time.perf_counter()
        ranking = grep(root, question.query)
        theirs[1].append(1e3 * (time.perf_counter() - begun))
        theirs[0].append(score(list(islice((path for path in ranking if files.language(path) is not None), K)), question.answers))
        _show(n, len(questions))
    return ours, theirs


_STOP = frozenset(
    "a an and are as at be but by can do does for from has have how if in into is it its no not of on or so than that the then this to was we what"
    " when where which why will with you".split()
)


def grep(root: str, query: str) -> list[str]:
    """Files by how many different words of the query they hold, then by how many lines with one, then by path.

    A word is found within longer ones and whatever its case, and stop words are not looked for: on the 958 commits of `bench/data` that is the
    strongest of the plain forms (0.584; whole words only 0.576). One process a word, all at once, is what is fastest on large trees.
    """
    asked = list(dict.fromkeys(words(query)))
    asked = [w for w in asked if w not in _STOP and (len(w) > 1 or not w.isascii())] or asked
    running = [
        subprocess.Popen(
            _git(root, "grep", "--untracked", "-I", "-i", "-F", "-c", "-z", "-e", word, "--", "."),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
        for word in asked
    ]
    held: Counter[bytes] = Counter()
    lines: Counter[bytes] = Counter()
    for process in running:
        out, _ = process.communicate()
        if process.returncode > 1:
            raise GromaError(f"git grep failed in {root} with exit code {process.returncode}; try it by hand: git grep -c -i -F -e WORD")
        for record in out.splitlines():
            path, _, count = record.rpartition(b"\0")
            held[path] += 1
            lines[path] += int(count)
    return [os.fsdecode(path) for path in sorted(held, key=lambda path: (-held[path], -lines[path], path))]


def _show(done: int, total: int) -> None:
    if sys.stderr.isatty() and (done % 5 == 0 or done == total):
        click.echo(f"\rasking   [{'#' * int(30 * done / total):30}] {done}/{total} commits", err=True, nl=done == total)


# -------------------------------------------------------------------------------------------------------------------------- the table


_CAVEATS = (
    "What to bear in mind: the files are searched as they are now, so they already hold what each commit changed, for both tools alike. groma's ten "
    "results are folded to files and timed in process. git grep looks for each word without regard to case (also within longer words, no stop words) "
    "in the same files, ranks them by different words found, then by lines, and is timed as the processes it is."
)


def _table(result: dict[str, Any]) -> str:
    ours, theirs = result["tools"]["groma"], result["tools"]["git grep"]
    labels = ("NDCG@10", "MRR", "recall@5", "recall@10")
    d = result["difference"]
    sure = "too few commits for an interval" if d["low"] is None else f"95 % interval {d['low']:+.3f} to {d['high']:+.3f}"
    return "\n".join(
        [
            f"| {_printable(result['repository'])}, {result['commits']} commits | groma | git grep |",
            "|---|---:|---:|",
            *(f"| {label} | {ours[metric]:.3f} | {theirs[metric]:.3f} |" for label, metric in zip(labels, METRICS, strict=True)),
            f"| milliseconds a query, median | {ours['p50_ms']:.1f} | {theirs['p50_ms']:.1f} |",
            f"| milliseconds a query, 95 % | {ours['p95_ms']:.1f} | {theirs['p95_ms']:.1f} |",
            "",
            f"Measured with groma {result['version']} ({result['core']} core): the subjects of the newest {result['commits']} commits that can be "
            f"asked ({result['looked_at']} looked at) are the queries, the 1-{MAX_FILES} source files each touched are the right answers, searched "
            f"among {result['files']} files. Difference in NDCG@10: {d['ndcg@10']:+.3f} ({sure}).",
            "",
            _CAVEATS,
        ]
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() and c != "|" else "?" for c in text)
