"""Write or print the golden outline of a language sample: `python tests/golden/languages/outline.py NAME [--write]`.

Each language has a folder here: `sample.<ext>` (real third-party source; its origin and licence are in SOURCES.md) and `expected.txt`,
which was read against the sample by a person before it was committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from groma._pure.chunk import chunks
from groma._pure.languages import by_name, detect
from groma._pure.parse import outline

HERE = Path(__file__).parent


def sample(name: str) -> Path:
    """The sample file of the language `name`."""
    return next(p for p in sorted((HERE / name).iterdir()) if p.name != "expected.txt")


def render(name: str) -> str:
    """The outline and chunks of the sample of `name` as text, lines counted from 1."""
    path = sample(name)
    text = path.read_text("utf-8")
    found = detect(path.name, text[:4096].encode())
    assert found == name, f"{path.name} is detected as {found}"
    language = by_name(name)
    assert language is not None
    result = outline(text, language)
    rows = [f"cut: {result.cut}", f"imports: {', '.join(result.imports)}", f"calls: {', '.join(result.calls[:40])}", "", "definitions"]
    for d in result.definitions:
        rows.append(f"  {d.first + 1}-{d.last + 1} {d.kind} {d.name}" + (f" in {d.enclosing}" if d.enclosing else ""))
        rows.append(f"      signature: {d.signature}")
        if d.doc:
            rows.append(f"      doc: {d.doc}")
    rows += ["", "chunks"]
    for c in chunks(text.split("\n"), result.definitions):
        names = ", ".join(d.name for d in c.definitions)
        rows.append(f"  {c.first + 1}-{c.last + 1} [{c.enclosing or ''}] {names}")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    for argument in [a for a in sys.argv[1:] if a != "--write"]:
        if "--write" in sys.argv:
            (HERE / argument / "expected.txt").write_text(render(argument), "utf-8")
        else:
            print(render(argument))
