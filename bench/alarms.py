"""How often the PreToolUse hook would refuse what people wrote: `python -m bench.alarms FOLDER …` takes the shell texts out of Makefiles, CI files,
scripts, Dockerfiles, package.json and fenced blocks of documents below the folders, each once, and prints a line for each that is refused.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from groma.agents.protect import refusal

LARGEST = 400_000
"""Bytes of a file that is looked at."""
_RUN = re.compile(r"( *)(?:- )?run: *(.*)")
_FENCE = re.compile(r"(?m)^```+ *(?:sh|bash|shell|console|zsh|shell-session)\b.*\n((?:.*\n)*?)```")
_PROMPT = re.compile(r"(?m)^\s*\$ (.+)$")


def steps(text: str) -> Iterator[str]:
    """The `run:` steps of a CI file."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        step = _RUN.match(line)
        if step and step[2].rstrip() in ("|", ">", "|-", ">-", "|+"):
            end = i + 1
            while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > len(step[1])):
                end += 1
            yield "\n".join(lines[i + 1 : end])
        elif step and step[2]:
            yield step[2]


def recipes(text: str) -> Iterator[str]:
    """The commands of a Makefile."""
    for found in re.finditer(r"(?m)^\t((?:.*\\\n)*.*)$", text):
        yield re.sub(r"\$\((\w+)\)", r"$\1", found[1].lstrip("@-+")).replace("$$", "$")


def texts(path: Path) -> tuple[str, list[str]]:
    """What kind of file it is, and the shell texts in it."""
    name = path.name.lower()
    text = path.read_text("utf-8", "replace")
    if name.endswith((".yml", ".yaml")):
        return "CI", [re.sub(r"\$\{\{.*?\}\}", "X", step) for step in steps(text)]
    if name in ("makefile", "gnumakefile") or name.endswith((".mk", ".mak")):
        return "make", list(recipes(text))
    if name.endswith((".sh", ".bash")) or ("." not in name and re.match(r"#!.*\b(?:ba|da)?sh\b", text)):
        return "scripts", [text]
    if name.startswith("dockerfile"):
        return "docker", re.findall(r"(?m)^RUN ((?:.*\\\n)*.*)", text)
    if name.endswith((".md", ".markdown", ".rst", ".txt")):
        fenced = [block for block in _FENCE.findall(text) if not _PROMPT.search(block)]
        return "documents", fenced + _PROMPT.findall(text)
    if name == "package.json":
        try:
            return "npm", [str(script) for script in json.loads(text)["scripts"].values()]
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
    return "", []


def main() -> None:
    """Look, print what is refused, and how many that are."""
    seen: set[str] = set()
    looked: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    lines, slowest = 0, 0.0
    for base in sys.argv[1:]:
        for root, _, files in os.walk(base):
            for path in (Path(root, name) for name in sorted(files)):
                if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
                    continue
                kind, found = texts(path)
                for text in found:
                    if not text.strip() or text in seen:
                        continue
                    seen.add(text)
                    looked[kind] += 1
                    lines += text.count("\n") + 1
                    begun = time.perf_counter()
                    why = refusal("Bash", {"command": text}, "/nowhere/project")
                    slowest = max(slowest, time.perf_counter() - begun)
                    if why:
                        refused[kind] += 1
                        print(f"{kind}: {path}: {why.partition(': ')[0]}")
    print(f"{looked.total()} texts, {lines} lines ({dict(looked)}); refused {refused.total()} ({dict(refused)}); slowest {1e3 * slowest:.0f} ms")


if __name__ == "__main__":
    main()
