"""Answers as JSON has them: one shape and one function each. What `--json` prints and what an agent gets are made here, so that they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from .types import Coverage, Hit, Lines, ScopeStatus

__all__ = [
    "CoverageShape",
    "HitShape",
    "LinesShape",
    "StatusShape",
    "coverage_shape",
    "hit_shape",
    "lines_shape",
    "status_shape",
]


class HitShape(TypedDict):
    """A hit of a search."""

    id: str
    path: str
    start_line: int
    end_line: int
    symbol: str
    kind: str
    language: str | None
    score: float
    why: str
    text: str
    masked: bool
    stale: bool


def hit_shape(h: Hit) -> HitShape:
    """A hit of a search."""
    return {
        "id": h.id,
        "path": h.path,
        "start_line": h.start_line,
        "end_line": h.end_line,
        "symbol": h.symbol,
        "kind": h.kind,
        "language": h.language,
        "score": round(h.score, 3),
        "why": h.why,
        "text": h.text,
        "masked": h.masked,
        "stale": h.stale,
    }


class CoverageShape(TypedDict):
    """How much of a folder stood behind an answer."""

    root: str
    generation: int
    age_s: float | None
    indexed: int
    known: int
    skipped: dict[str, int]


def coverage_shape(c: Coverage) -> CoverageShape:
    """How much of a folder stood behind an answer."""
    return {
        "root": c.root,
        "generation": c.generation,
        "age_s": c.age_s,
        "indexed": c.indexed,
        "known": c.known,
        "skipped": dict(c.skipped),
    }


class LinesShape(TypedDict):
    """Lines of a file."""

    root: str
    path: str
    start_line: int
    end_line: int
    total_lines: int
    text: str
    masked: bool
    degraded: list[str]


def lines_shape(lines: Lines, degraded: list[str]) -> LinesShape:
    """Lines of a file, and what there is to say about them."""
    return {
        "root": lines.root,
        "path": lines.path,
        "start_line": lines.start_line,
        "end_line": lines.end_line,
        "total_lines": lines.total,
        "text": lines.text,
        "masked": lines.masked,
        "degraded": degraded,
    }


class StatusShape(TypedDict):
    """What is indexed of a folder."""

    root: str
    files: int
    chunks: int
    languages: dict[str, int]
    skipped: dict[str, int]
    generation: int
    age_s: float | None
    stale_files: int
    finished: bool
    core: str


def status_shape(s: ScopeStatus, core: str) -> StatusShape:
    """What is indexed of a folder."""
    return {
        "root": s.root,
        "files": s.files,
        "chunks": s.chunks,
        "languages": s.languages,
        "skipped": s.skipped,
        "generation": s.generation,
        "age_s": s.age_s,
        "stale_files": s.stale_files,
        "finished": s.finished,
        "core": core,
    }
