"""What groma makes of each language over the benchmark's repositories: how many files have a definition, how many fell to line windows.

    python -m bench.languages --checkouts DIR

It runs the core over the folders and keeps no index. A file "fell to line windows" if its language has a grammar or sections and yet no
definition was found in it (a script of plain statements, or a list of re-exports, is one), or if parsing was given up; why is counted apart.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from groma import core
from groma.config import SETTINGS

from .evaluate import Repository
from .record import header, result_path, write
from .retrieval import select

__all__ = ["Coverage", "coverage", "table"]

EXAMPLES = 8
MAX_FILE_BYTES = next(setting.default for setting in SETTINGS if setting.name == "max_file_bytes")


@dataclass(slots=True)
class Coverage:
    """What was found in the files of one language. `windows` counts files without a definition, `notes` those that were not parsed, by reason;
    `examples` are the first few of the former."""

    repositories: set[str] = field(default_factory=set)
    files: int = 0
    lines: int = 0
    chunks: int = 0
    definitions: int = 0
    with_definition: int = 0
    windows: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


def coverage(folders: Sequence[tuple[str, str]]) -> tuple[dict[str, Coverage], Counter[str]]:
    """By language ("text" where there is none), what the core finds in (repository, folder) pairs; and the files left out, by reason."""
    found: dict[str, Coverage] = {}
    left_out: Counter[str] = Counter()
    for name, folder in folders:
        begun = time.perf_counter()
        listing = core.walk(folder, None, max_file_bytes=MAX_FILE_BYTES)
        left_out.update(reason for _, reason in listing.skipped)
        for batch in core.scan(folder, listing.paths, max_file_bytes=MAX_FILE_BYTES):
            for f, reason in enumerate(batch.files.reasons):
                if reason is not None:
                    left_out[reason] += 1
                    continue
                row = found.setdefault(batch.files.languages[f] or "text", Coverage())
                definitions = int(batch.symbols.start[f + 1] - batch.symbols.start[f])
                row.repositories.add(name)
                row.files += 1
                row.lines += int(batch.files.lines[f])
                row.chunks += int(batch.chunk_start[f + 1] - batch.chunk_start[f])
                row.definitions += definitions
                row.with_definition += definitions > 0
                row.windows += definitions == 0
                if not definitions and len(row.examples) < EXAMPLES:
                    row.examples.append(f"{name}: {batch.files.paths[f]}")
                if (note := batch.files.notes[f]) is not None:
                    row.notes[note] += 1
        print(f"{name}: {len(listing.paths)} files, {time.perf_counter() - begun:.1f} s", file=sys.stderr)
    return found, left_out


def table(found: dict[str, Coverage]) -> str:
    """One row a language, code first, most files first."""
    known = core.all_languages()
    lines = [
        "| language | repositories | files | lines | with a definition | fell to line windows | not parsed | definitions a file | chunks |",
        "|---|---:|---:|---:|---:|---:|---|---:|---:|",
    ]
    for name, row in sorted(found.items(), key=lambda x: (known[x[0]].kind if x[0] in known else "text", -x[1].files, x[0])):
        structured = name in known and (known[name].grammar or known[name].sections)
        shares = [f"{100 * n / row.files:.1f} %" if structured else "by design" for n in (row.with_definition, row.windows)]
        notes = ", ".join(f"{n} {note}" for note, n in row.notes.most_common())
        lines.append(
            f"| {name} | {len(row.repositories)} | {row.files} | {row.lines} | {shares[0] if structured else ''} | {shares[1]} | {notes} "
            f"| {row.definitions / row.files:.1f} | {row.chunks} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Scan, print, keep."""
    parser = argparse.ArgumentParser(description="What groma makes of each language over the benchmark's repositories.")
    parser.add_argument("--checkouts", required=True, type=Path, help="the folder that bench.checkouts filled")
    parser.add_argument("--only", help="repository names, comma-separated")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-languages.json)")
    args = parser.parse_args()
    chosen: list[tuple[Repository, Path]] = select(args.checkouts, args.only)
    found, left_out = coverage([(repository.name, str(folder)) for repository, folder in chosen])
    result = header("groma.bench-languages/1") | {
        "chunker": core.CHUNKER_VERSION,
        "languages": {
            name: asdict(row) | {"repositories": sorted(row.repositories), "notes": dict(row.notes)} for name, row in sorted(found.items())
        },
        "left_out": dict(left_out.most_common()),
    }
    out = args.out or result_path("languages")
    write(out, result)
    print(table(found))
    print("\nleft out: " + (", ".join(f"{n} {reason}" for reason, n in left_out.most_common()) or "nothing"))
    print(f"raw result: {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
