"""What the guard of memory catches, what it stops that it should not, and what it costs.

    python -m bench.guard [--packages FOLDER]… [--published CLONES] [--lists FOLDER] [--held-out] [--show N] [--no-write]

Attacks: `data/guard-attacks.jsonl`, fixed by its SHA-256 before the first rule was written; half of it by a hash of the text is the
development half, on which rules may be written. `--held-out` scores the other half, too: that is done twice in a set of rules' life, with its
first complete version and at its end, and never to look at misses in between. An attack is *stopped* when the guard says quarantine or
reject; *flagged* is told apart and counts as a miss. (480 texts were fixed; 145 whose licence could not be told were taken out later, the other
335 are byte for byte what they were. `WHOLE` is the hash of the 480, which the results of 2026-11-21 up to `-guard-4` name.)

`--published` scores `data/guard-published.jsonl`, too: texts of published sets under MIT and Apache-2.0, named and not quoted, read from clones
as `bench.checkouts` finds them. They were drawn by hash from the sets' own classes and fixed by SHA-256 when the rules had long been written, and
halved like the others. They are what such sets hold: many jailbreaks ask for a role, or for a secret in plain words, and say nothing that a
memory may not say.

`--lists` scores lists of payloads that are not in this repository, one a line (those of SecLists, PayloadsAllTheThings and their like): of each
file 100 lines, chosen by their hashes, beyond the first 60, which were read while rules were improved. Fuzzing lists hold much that is no attack
on its own (`sleep`, a lone quote, the name of an event), so their score is no share of a hundred that could be reached; it shows how the rules
do on what nobody who wrote them has seen.

False alarms: sentences of docstrings, package descriptions and comments of the Python packages in FOLDER (the running environment's, and
whatever was unpacked there with `pip install --no-deps --target`), at most `PER_PACKAGE` of one package, and the commit subjects of
`data/commits-dev.jsonl`. Which sentences: those with the smallest hashes, so that a run on the same packages takes the same ones. Those that
speak of security, prompts or shells are counted once more on their own, all of them. Nothing of these texts is kept but their counts and the
sentences that were stopped.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import io
import json
import re
import subprocess
import sysconfig
import time
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from .checkouts import find_clone
from .evaluate import Repository
from .record import header, result_path, write

__all__ = ["attacks", "main", "published", "sentences", "texts_of"]

DATA = Path(__file__).parent / "data"
ATTACKS = DATA / "guard-attacks.jsonl"
SHA256 = "4f7bf1593689ec6bab912c1525c0d62dda8d35d7412f3a54c70d4e730602cd82"
WHOLE = "bc300b72c49282872208eb55d586468adf6d7e616b2311e20c32a8bed1d7f286"
"""Of the attack set, and of what it was before texts without a licence were taken out. A run on another one is refused."""
PUBLISHED = DATA / "guard-published.jsonl"
PUBLISHED_SHA256 = "cbba91d25aeaaf99fd56c72c7a4d1b4aa88b99ff03f2ced149506b89e8f5ec58"

SAMPLE = 6_000
PER_PACKAGE = 400
SEEN, UNSEEN = 60, 100
STOPPED = ("quarantine", "reject")
ABOUT_SECURITY = re.compile(
    r"inject|attack|malicious|exploit|vulnerab|untrusted|sanitiz|escap|prompt|instruction|jailbreak|system message|ignore|password|secret|credential"
    r"|token|traversal|shell|subprocess|eval|exec|rm -rf|sudo|curl|script|<|select |drop table|union|\.\./|/etc/|template|\{\{|\$\{|entity|ldap",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z`\"'(<*-])|\n\s*\n")

Text = tuple[str, str]
"""A text and the package or repository it is from."""


def attacks() -> list[dict[str, str]]:
    """The attack set. Raises SystemExit if it is not the one that was fixed."""
    return _fixed(ATTACKS, SHA256)


def _fixed(path: Path, sha256: str) -> list[dict[str, Any]]:
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise SystemExit(f"{path} is not the attack set that was fixed: its SHA-256 differs. Restore it from git.")
    return [json.loads(line) for line in raw.decode().splitlines()]


def published(clones: Path) -> list[dict[str, str]]:
    """The texts that `PUBLISHED` names, with their class and where they stand. Raises SystemExit where a clone is missing or holds another text."""

    @cache
    def content(repo: str, commit: str, path: str) -> Any:
        place = find_clone(clones, Repository(repo.split("/")[1], "", repo, "", "", ""))
        if place is None:
            raise SystemExit(f"missing: git clone https://github.com/{repo} {clones / repo.replace('/', '+')}")
        shown = subprocess.run(["git", f"--git-dir={place}", "show", f"{commit}:{path}"], capture_output=True, check=True)
        return json.loads(shown.stdout)

    rows = []
    for row in _fixed(PUBLISHED, PUBLISHED_SHA256):
        text = content(row["repo"], row["commit"], row["path"])
        for step in row["at"]:
            text = text[step]
        if _order(text)[:4].hex() != row["check"]:
            raise SystemExit(f"{row['repo']}@{row['commit'][:12]}:{row['path']} holds another text at {row['at']}.")
        rows.append({"text": text, "class": row["class"], "where": f"{row['repo']}:{row['path']}:{row['at']}"})
    return rows


def held_out(text: str) -> bool:
    """Whether an attack belongs to the half on which no rule may be written."""
    return bool(hashlib.blake2b(text.encode(), digest_size=8).digest()[0] & 1)


def sentences(folders: list[Path]) -> tuple[list[Text], list[Text], dict[str, str]]:
    """A sample of real sentences, all that speak of security, and the versions of the packages they are from."""
    versions: dict[str, str] = {}
    drawn: list[Text] = []
    security: list[Text] = []
    for folder in folders:
        for info in sorted(folder.glob("*.dist-info")):
            name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
            if name in versions:
                continue
            found = sorted(set(_of_package(folder, info)), key=_order)
            if found:
                versions[name] = version
            drawn += [(text, name) for text in found[:PER_PACKAGE]]
            security += [(text, name) for text in found if ABOUT_SECURITY.search(text)][:PER_PACKAGE]
    return sorted(drawn, key=lambda one: _order(one[0]))[:SAMPLE], security, versions


def texts_of(folders: list[Path], count: int) -> list[str]:
    """`count` different real sentences of the packages in these folders, as many of each as there are; in the order of their hashes."""
    found = {text for folder in folders for info in folder.glob("*.dist-info") for text in _of_package(folder, info)}
    return sorted(found, key=_order)[:count]


def _order(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()


def _of_package(folder: Path, info: Path) -> Iterator[str]:
    metadata = info / "METADATA"
    if metadata.exists():
        yield from _cut(metadata.read_text("utf-8", "replace").partition("\n\n")[2])
    record = info / "RECORD"
    names = [line.split(",")[0] for line in record.read_text("utf-8").splitlines()] if record.exists() else []
    for name in sorted(n for n in names if n.endswith(".py")):
        path = folder / name
        if path.is_file():
            yield from _of_module(path.read_text("utf-8", "replace"))


def _of_module(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
        tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]
    except (SyntaxError, tokenize.TokenError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _cut(ast.get_docstring(node) or "")
    block: list[str] = []
    line = -1
    for token in tokens:
        if token.start[0] != line + 1:
            yield from _cut("\n".join(block))
            block = []
        block.append(token.string.lstrip("#:! "))
        line = token.start[0]
    yield from _cut("\n".join(block))


def _cut(text: str) -> Iterator[str]:
    for piece in SENTENCE_END.split(text):
        clean = "\n".join(line.strip() for line in piece.strip().splitlines())
        if 20 <= len(clean) <= 1_000 and clean.count(" ") >= 3:
            yield clean


def _subjects() -> list[Text]:
    lines = (DATA / "commits-dev.jsonl").read_text("utf-8").splitlines()
    return [(row["query"], row["repo"]) for row in map(json.loads, lines)]


def _score(examine: Callable[[str], Any], rows: list[dict[str, str]]) -> dict[str, Any]:
    verdicts = [(row, examine(row["text"])) for row in rows]
    stopped = [v.action in STOPPED for _, v in verdicts]
    by_class: dict[str, list[int]] = {}
    for (row, _), hit in zip(verdicts, stopped, strict=True):
        counts = by_class.setdefault(row["class"], [0, 0])
        counts[0] += hit
        counts[1] += 1
    return {
        "attacks": len(rows),
        "stopped": sum(stopped),
        "share": round(sum(stopped) / len(rows), 4),
        "actions": dict(Counter(v.action for _, v in verdicts)),
        "stopped of each class": by_class,
        "misses": [[row["class"], v.action, row.get("where", row["text"])] for (row, v), hit in zip(verdicts, stopped, strict=True) if not hit],
    }


def _lists(examine: Callable[[str], Any], folder: Path, known: set[str]) -> dict[str, Any]:
    counts = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        lines = {line.rstrip("\r") for line in path.read_text("utf-8", "replace").split("\n")}
        lines = {line for line in lines if len(line) > 6 and line.strip() and "\0" not in line} - known
        drawn = sorted(lines, key=lambda line: hashlib.blake2b(line.encode()).digest())[SEEN : SEEN + UNSEEN]
        if drawn:
            counts[path.name] = [sum(examine(line).action in STOPPED for line in drawn), len(drawn)]
    return {"lines": sum(n for _, n in counts.values()), "stopped": sum(n for n, _ in counts.values()), "stopped of each file": counts}


def _alarms(examine: Callable[[str], Any], texts: list[Text]) -> dict[str, Any]:
    verdicts = [(text, source, examine(text)) for text, source in texts]
    raised = [(t, s, v) for t, s, v in verdicts if v.action in STOPPED]
    flags = [(t, s, v) for t, s, v in verdicts if v.action == "flag"]
    return {
        "texts": len(texts),
        "stopped": len(raised),
        "flagged": len(flags),
        "stopped per cent": round(100 * len(raised) / len(texts), 3),
        "stopped or flagged per cent": round(100 * (len(raised) + len(flags)) / len(texts), 3),
        "those stopped": [[source, v.action, v.reasons[0], text] for text, source, v in raised],
        "rules of those flagged": dict(Counter(v.reasons[0] for _, _, v in flags).most_common()),
    }


def _speed(examine: Callable[[str], Any], texts: list[str]) -> dict[str, Any]:
    """Milliseconds a text: on the clock, and of the processor (the machine may have other work)."""
    clock, processor = [], []
    for text in texts:
        before = time.perf_counter_ns(), time.thread_time_ns()
        examine(text)
        clock.append((time.perf_counter_ns() - before[0]) / 1e6)
        processor.append((time.thread_time_ns() - before[1]) / 1e6)
    counts: dict[str, Any] = {"texts": len(texts)}
    for name, took in (("clock", sorted(clock)), ("processor", sorted(processor))):
        counts |= {f"{name} p50 ms": round(took[len(took) // 2], 4), f"{name} p99 ms": round(took[len(took) * 99 // 100], 4)}
    return counts


def main() -> None:
    """Score the guard, print the figures and keep them."""
    parser = argparse.ArgumentParser(description="What the guard of memory catches, stops wrongly, and costs.")
    parser.add_argument("--packages", type=Path, action="append", default=[], help="a folder of unpacked packages, beside the environment's")
    parser.add_argument("--published", type=Path, help="clones of the repositories whose sets are named in data/guard-published.jsonl")
    parser.add_argument("--lists", type=Path, help="a folder of lists of payloads, one a line")
    parser.add_argument("--held-out", action="store_true", help="score the held-out half, too (done twice, see above)")
    parser.add_argument("--show", type=int, default=0, help="print so many misses and false alarms")
    parser.add_argument("--no-write", action="store_true", help="print only")
    given = parser.parse_args()

    from groma.memory.guard import examine

    rows = attacks()
    sample, security, versions = sentences([Path(sysconfig.get_path("purelib")), *given.packages])
    result: dict[str, Any] = {
        **header("groma.bench-guard/1"),
        "attack set": {
            "sha256": SHA256,
            "texts": len(rows),
            "classes": len({r["class"] for r in rows}),
            "own": sum(r["origin"] == "own" for r in rows),
        },
        "development half": _score(examine, [r for r in rows if not held_out(r["text"])]),
    }
    if given.held_out:
        result["held-out half"] = _score(examine, [r for r in rows if held_out(r["text"])])
    if given.published:
        others = published(given.published)
        result["published set"] = {"sha256": PUBLISHED_SHA256, "texts": len(others), "classes": len({r["class"] for r in others})}
        for half, held in (("development", False), ("held-out", True)):
            if given.held_out or not held:
                result[f"published set, {half} half"] = _score(examine, [r for r in others if held_out(r["text"]) == held])
    if given.lists:
        result["lists of others"] = _lists(examine, given.lists, {r["text"] for r in rows})
    result["false alarms, sentences of packages"] = _alarms(examine, sample)
    result["false alarms, sentences that speak of security"] = _alarms(examine, security)
    result["false alarms, commit subjects"] = _alarms(examine, _subjects())
    result["speed, sentences of packages"] = _speed(examine, [text for text, _ in sample])
    result["speed, attacks"] = _speed(examine, [r["text"] for r in rows])
    long = ["\n".join(t for t, _ in sample[i : i + 12])[:1_000] for i in range(0, 3_000, 12)]
    result["speed, 1,000 characters"] = _speed(examine, long)
    result["packages"] = versions
    for name, value in result.items():
        if isinstance(value, dict) and name not in ("packages", "machine"):
            print(f"{name}: " + ", ".join(f"{k} {v}" for k, v in value.items() if not isinstance(v, list) and k != "misses" and k != "those stopped"))
            for one in (value.get("misses", []) + value.get("those stopped", []))[: given.show]:
                print("   ", *(str(part).replace("\n", "\\n")[:300] for part in one), sep=" | ")
    if not given.no_write:
        path = result_path("guard")
        write(path, result)
        print(path)


if __name__ == "__main__":
    main()
