"""Answers as JSON has them: one shape and one function each. What `--json` prints and what an agent gets are made here, so that they agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from .records import plain

if TYPE_CHECKING:
    from .catalogue.jobs import Job
    from .records import Memory, Recalled, Receipt, Remembered
    from .types import Coverage, Hit, Lines, Reminder, ScopeStatus, Why

__all__ = [
    "AboutShape",
    "AnchorShape",
    "BriefingShape",
    "ChangeShape",
    "ChangedShape",
    "CleanedShape",
    "CoverageShape",
    "EntryShape",
    "EventShape",
    "ForgottenShape",
    "FullAnchorShape",
    "HitShape",
    "ImportedEntryShape",
    "ImportedShape",
    "IndexShape",
    "JobShape",
    "LinesShape",
    "MemoryShape",
    "PurgedShape",
    "RecalledShape",
    "ReceiptShape",
    "RecollectionShape",
    "ReminderShape",
    "StatisticsShape",
    "StatusShape",
    "SymbolShape",
    "WhyShape",
    "about_shape",
    "briefing_shape",
    "change_shape",
    "changed_shape",
    "cleaned_shape",
    "coverage_shape",
    "entry_shape",
    "event_shape",
    "forgotten_shape",
    "hit_shape",
    "imported_shape",
    "index_shape",
    "job_shape",
    "lines_shape",
    "memory_shape",
    "moment_shown",
    "purged_shape",
    "recalled_shape",
    "receipt_shape",
    "recollection_shape",
    "reminder_shape",
    "reminder_text",
    "scope_shape",
    "statistics_shape",
    "status_shape",
    "why_shape",
]

TIMES = ("created", "updated", "used", "valid_from", "valid_to", "expires", "forgotten")


def moment_shown(at: float | None) -> str | None:
    """A time as ISO 8601 in UTC, to the second; None for none."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


# --------------------------------------------------------------------------------------------------------------------------- code


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


class ReminderShape(TypedDict):
    """A memory that is anchored to what a search found."""

    id: str
    level: str
    line: str
    path: str
    symbol: str
    state: str
    source: str
    trust: float


def reminder_shape(r: Reminder) -> ReminderShape:
    """A memory that is anchored to what a search found."""
    return {
        "id": r.id,
        "level": r.level,
        "line": r.line,
        "path": r.path,
        "symbol": r.symbol,
        "state": r.state,
        "source": r.source,
        "trust": r.trust,
    }


def reminder_text(r: ReminderShape) -> str:
    """It on one line."""
    where = f"{r['path']}#{r['symbol']}" if r["symbol"] else r["path"]
    return f"{r['id']}  {where} {r['state']}  {r['line']}  ({r['level']}, {r['source']})"


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


class ScopeShape(TypedDict):
    """What is indexed of a folder."""

    root: str
    files: int
    chunks: int
    languages: dict[str, int]
    skipped: dict[str, int]
    generation: int
    age_s: float | None
    stale_files: int


class StatusShape(ScopeShape):
    """What is indexed of a folder, whether that is all, and the core in use."""

    finished: bool
    core: str


def scope_shape(s: ScopeStatus) -> ScopeShape:
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
    }


def status_shape(s: ScopeStatus, core: str) -> StatusShape:
    """The same, with whether that is all, and the core in use."""
    return {**scope_shape(s), "finished": s.finished, "core": core}


class SymbolShape(TypedDict):
    """A symbol of a file."""

    name: str
    kind: str
    line: int
    signature: str


class WhyShape(TypedDict):
    """Why a file is or is not in the index."""

    root: str
    path: str
    indexed: bool
    reason: str
    language: str | None
    lines: int
    chunks: int
    symbols: list[SymbolShape]
    imports: list[str]
    calls: list[str]
    note: str | None


def why_shape(root: str, why: Why) -> WhyShape:
    """Why a file is or is not in the index."""
    return {
        "root": root,
        "path": why.path,
        "indexed": why.indexed,
        "reason": why.reason,
        "language": why.language,
        "lines": why.lines,
        "chunks": why.chunks,
        "symbols": [{"name": n, "kind": k, "line": line, "signature": s} for n, k, line, s in why.symbols],
        "imports": list(why.imports),
        "calls": list(why.calls),
        "note": why.note,
    }


class IndexShape(TypedDict):
    """What an index run did."""

    root: str
    known: int
    indexed: int
    read: int
    attached: int
    gone: int
    chunks: int
    skipped: dict[str, int]
    seconds: float
    core: str


def index_shape(root: str, summary: Any, chunks: int, skipped: Mapping[str, int], seconds: float, core: str) -> IndexShape:
    """What an index run did (`summary` is its Summary)."""
    return {
        "root": root,
        "known": summary.known,
        "indexed": summary.indexed,
        "read": summary.read,
        "attached": summary.attached,
        "gone": summary.gone,
        "chunks": chunks,
        "skipped": dict(skipped),
        "seconds": round(seconds, 3),
        "core": core,
    }


# ------------------------------------------------------------------------------------------------------------------------- memory


class AnchorShape(TypedDict):
    """Code that a memory speaks of, and what became of it."""

    path: str
    symbol: str
    state: str


class RecalledShape(TypedDict):
    """A memory that answers."""

    id: str
    content: str
    level: str
    kind: str
    category: str
    scope: str
    project: str
    tags: list[str]
    score: float
    source: str
    trust: float
    agent: str
    created: str | None
    valid: bool
    valid_from: str | None
    valid_to: str | None
    superseded_by: str | None
    anchors: list[AnchorShape]
    why: str


def recalled_shape(one: Recalled) -> RecalledShape:
    """A memory that answers."""
    m = one.memory
    return {
        "id": m.id,
        "content": m.content,
        "level": m.level,
        "kind": m.kind,
        "category": m.category,
        "scope": m.scope,
        "project": m.project,
        "tags": list(m.tags),
        "score": round(one.score, 6),
        "source": m.source,
        "trust": m.trust,
        "agent": m.agent,
        "created": moment_shown(m.created),
        "valid": one.valid,
        "valid_from": moment_shown(m.valid_from),
        "valid_to": moment_shown(m.valid_to),
        "superseded_by": m.superseded_by,
        "anchors": [{"path": a.path, "symbol": a.symbol, "state": state} for a, state in one.anchors],
        "why": one.why,
    }


class RecollectionShape(TypedDict):
    """What is remembered about something, best first."""

    query: str
    memories: list[RecalledShape]
    nothing_useful: bool
    degraded: list[str]


def recollection_shape(answer: Remembered) -> RecollectionShape:
    """What is remembered about something, best first."""
    return {
        "query": answer.query,
        "memories": [recalled_shape(one) for one in answer.memories],
        "nothing_useful": answer.nothing_useful,
        "degraded": list(answer.degraded),
    }


class ReceiptShape(TypedDict):
    """What became of something that was to be remembered."""

    id: str | None
    outcome: str
    target: str | None
    reason: str
    level: str | None
    masked: bool
    undo: str | None


def receipt_shape(receipt: Receipt) -> ReceiptShape:
    """What became of something that was to be remembered."""
    return {
        "id": receipt.id,
        "outcome": receipt.outcome,
        "target": receipt.target,
        "reason": receipt.reason,
        "level": receipt.level,
        "masked": bool(receipt.masked),
        "undo": receipt.batch or None,
    }


class FullAnchorShape(TypedDict):
    """Code that a memory speaks of, as it was."""

    path: str
    symbol: str
    blob: str
    commit: str


class MemoryShape(TypedDict):
    """A memory with all its fields; times as ISO 8601."""

    id: str
    content: str
    level: str
    kind: str
    category: str
    scope: str
    project: str
    tags: list[str]
    importance: float
    source: str
    trust: float
    session: str
    agent: str
    state: str
    reason: str
    masked: int
    created: str | None
    updated: str | None
    used: str | None
    uses: int
    valid_from: str | None
    valid_to: str | None
    expires: str | None
    supersedes: str | None
    superseded_by: str | None
    refines: str | None
    forgotten: str | None
    parent: str
    position: int
    role: str
    model: str
    anchors: list[FullAnchorShape]


def memory_shape(m: Memory) -> MemoryShape:
    """A memory with all its fields; times as ISO 8601."""
    return {name: moment_shown(v) if name in TIMES else v for name, v in plain(m).items()}  # type: ignore[return-value]


class ChangedShape(TypedDict):
    """Records that a call changed, as they are now, and what takes it back."""

    memories: list[MemoryShape]
    undo: str | None


def changed_shape(memories: Iterable[Memory], batch: str) -> ChangedShape:
    """Records that a call changed, as they are now, and what takes it back."""
    return {"memories": [memory_shape(m) for m in memories], "undo": batch or None}


class ForgottenShape(TypedDict):
    """What was forgotten, or would be."""

    memories: list[str]
    preview: bool
    undo: str | None
    undo_until: str | None


def forgotten_shape(changed: Any, preview: bool) -> ForgottenShape:
    """What was forgotten, or would be (`changed` is a Changed of `memories.lifecycle`); until when it can be taken back, None for always."""
    return {
        "memories": [m.id for m in changed.memories],
        "preview": preview,
        "undo": changed.batch or None,
        "undo_until": moment_shown(changed.until),
    }


class PurgedShape(TypedDict):
    """What was destroyed, and the proof."""

    ids: list[str]
    files: int
    bytes: int
    found: list[str]
    others: list[str]
    scrubbed: bool
    logged: int
    proven: bool


def purged_shape(done: Any) -> PurgedShape:
    """What was destroyed, and the proof (`done` is a Purged)."""
    return {
        "ids": list(done.ids),
        "files": done.files,
        "bytes": done.bytes,
        "found": list(done.found),
        "others": list(done.others),
        "scrubbed": done.scrubbed,
        "logged": done.logged,
        "proven": done.proven,
    }


class EventShape(TypedDict):
    """One change of one record."""

    verb: str
    at: str | None
    actor: str
    undo: str
    before: MemoryShape | None


def event_shape(e: Any) -> EventShape:
    """One change of one record (`e` is an Event)."""
    before = None if e.previous is None else memory_shape(e.previous)
    return {"verb": e.verb, "at": moment_shown(e.at), "actor": e.actor, "undo": e.batch, "before": before}


class ChangeShape(TypedDict):
    """One change, as a timeline tells it."""

    at: str | None
    verb: str
    by: str
    id: str
    content: str | None
    superseded_by: str | None
    call: str


def change_shape(one: Any) -> ChangeShape:
    """One change, as a timeline tells it (`one` is a Changed of `memories.delivery`)."""
    return {
        "at": moment_shown(one.at),
        "verb": one.verb,
        "by": one.actor,
        "id": one.id,
        "content": one.memory.content if one.memory else None,
        "superseded_by": one.memory.superseded_by if one.memory else None,
        "call": one.batch,
    }


class BriefingShape(TypedDict):
    """What an agent should know when a session begins."""

    text: str
    tokens: int
    memories: list[str]
    left_out: int


def briefing_shape(answer: Any) -> BriefingShape:
    """What an agent should know when a session begins (`answer` is a Briefing)."""
    return {"text": answer.text, "tokens": answer.tokens, "memories": list(answer.memories), "left_out": answer.left_out}


class AboutShape(TypedDict):
    """All that is kept about the user and a project."""

    project: str
    folder: str
    memories: list[MemoryShape]


def about_shape(answer: Any) -> AboutShape:
    """All that is kept about the user and a project (`answer` is an About)."""
    return {"project": answer.project, "folder": answer.folder, "memories": [memory_shape(m) for m in answer.memories]}


class ImportedEntryShape(TypedDict):
    """What became of one entry of an import."""

    file: str
    line: int
    id: str | None
    outcome: str
    reason: str


class ImportedShape(TypedDict):
    """What an import did."""

    outcomes: dict[str, int]
    entries: list[ImportedEntryShape]
    undo: str | None


def imported_shape(done: Any) -> ImportedShape:
    """What an import did (`done` is an Imported)."""
    entries: list[ImportedEntryShape] = [
        {"file": one.file, "line": one.line, "id": one.receipt.id, "outcome": one.receipt.outcome, "reason": one.receipt.reason} for one in done.lines
    ]
    return {"outcomes": dict(done.outcomes), "entries": entries, "undo": done.batch or None}


# ---------------------------------------------------------------------------------------------------------------------- knowledge


class EntryShape(TypedDict):
    """A knowledge entry."""

    id: str
    content: str
    type: str
    project: str
    agent: str
    tags: list[str]
    source: str
    trust: float
    importance: float
    created: str | None
    updated: str | None
    superseded_by: str | None
    masked: bool


def entry_shape(m: Memory) -> EntryShape:
    """A knowledge entry."""
    return {
        "id": m.id,
        "content": m.content,
        "type": m.kind,
        "project": m.project,
        "agent": m.agent,
        "tags": list(m.tags),
        "source": m.source,
        "trust": m.trust,
        "importance": m.importance,
        "created": moment_shown(m.created),
        "updated": moment_shown(m.updated),
        "superseded_by": m.superseded_by,
        "masked": bool(m.masked),
    }


class StatisticsShape(TypedDict):
    """Exact counts of knowledge entries."""

    total: int
    by_type: dict[str, int]
    by_project: dict[str, int]
    by_agent: dict[str, int]
    by_source: dict[str, int]
    by_level: dict[str, int]
    by_state: dict[str, int]
    by_age: dict[str, int]


def statistics_shape(counted: Any) -> StatisticsShape:
    """Exact counts of knowledge entries (`counted` are Statistics)."""
    by = {f"by_{'type' if name == 'kind' else name}": dict(numbers) for name, numbers in counted.by.items()}
    return {"total": counted.total, **by}  # type: ignore[typeddict-item]


class CleanedShape(TypedDict):
    """What a clean-up forgot, or would."""

    dry_run: bool
    count: int
    ids: list[str]
    undo: str | None
    undo_until: str | None


def cleaned_shape(ids: Sequence[str], batch: str, dry_run: bool, until: float | None) -> CleanedShape:
    """What a clean-up forgot, or would; until when it can be taken back, None for always."""
    return {"dry_run": dry_run, "count": len(ids), "ids": list(ids), "undo": batch or None, "undo_until": moment_shown(until)}


# --------------------------------------------------------------------------------------------------------------------------- jobs


class JobShape(TypedDict):
    """Work in the background."""

    id: str
    kind: str
    root: str
    state: str
    asked: str
    priority: int
    step: str
    done: int
    total: int
    rate: float
    eta_s: float | None
    created: str | None
    started: str | None
    finished: str | None
    owner: str
    caller: str
    arguments: dict[str, Any]
    error: str
    result: dict[str, Any]


def job_shape(job: Job) -> JobShape:
    """Work in the background."""
    return {
        "id": job.id,
        "kind": job.kind,
        "root": job.root,
        "state": job.state,
        "asked": job.asked,
        "priority": job.priority,
        "step": job.step,
        "done": job.done,
        "total": job.total,
        "rate": round(job.rate, 1),
        "eta_s": None if job.eta_s is None else round(job.eta_s, 1),
        "created": moment_shown(job.created),
        "started": moment_shown(job.started),
        "finished": moment_shown(job.finished),
        "owner": job.owner,
        "caller": job.caller,
        "arguments": dict(job.arguments),
        "error": job.error,
        "result": dict(job.result),
    }
