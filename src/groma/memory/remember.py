"""The way into memory, on one page (DESIGN §4 "Remember"): guard, same text?, level, nearest, settle, durable, receipt. No model is asked.

Nothing is destroyed here: what is superseded stays beside what supersedes it, and every call can be taken back as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .. import core
from ..catalogue import memories
from ..catalogue.database import Database
from ..catalogue.identity import uuid7
from ..catalogue.memory_events import Call, batch_of, writes
from ..catalogue.memory_writes import add, supersede
from ..errors import UsageError
from ..records import KNOWLEDGE, PROJECT_CONTEXT, SESSION_STATE, USER_PREFERENCE, Draft, Memory, Receipt, content_hash, memory
from .anchors import anchored_all
from .classify import classify
from .fence import Returned, returned
from .guard import Verdict, examine
from .nearest import Kin
from .projection import Projection
from .settle import Decision, settle

__all__ = ["SESSION_S", "remember"]

SESSION_S = 7 * 86_400.0
"""Seconds until what is said of a session is over, if nobody says when."""
SURE = 0.8
"""What is told from a text to be of a session is over by itself only if it was told as surely as this: a fact must not go because its wording was
taken for a passing one. (Of the 400 held-out texts of `bench.levels`, 11 of the 18 that were so taken stay, and 18 of the 83 rightly taken.)"""
NEAREST = 4
"""So many records are compared with a new one. (Of the same decisions, 97 in 100 were for the first, and the 23 beyond the fourth were wrong.)"""
HOUR = 3_600.0


def remember(
    db: Database,
    known: Projection,
    drafts: Sequence[Draft],
    of: Call,
    *,
    quota: int | None,
    noted: Callable[[Draft, Verdict], None],
) -> list[Receipt]:
    """Keep what several drafts say, in one transaction: a receipt each, in order, durable when this returns.

    Each draft names its project, whose folder (if it is one) is where its anchors are read. An agent writes `quota` records an hour at most;
    None is for an import, all of which is the caller's own writing, whatever agent it names, and has no limit. `noted` is told of what the
    guard did not simply let in. Raises what the catalogue raises; then nothing is kept.
    """
    receipts: list[Receipt] = []
    written: dict[str, int] = {}
    with known.during(db), db.transaction():
        before = _kept_before(db, of)
        for part in known.parts(len(drafts)):
            known.refresh(db)
            verdicts = [(draft, examine(draft.content)) for draft in drafts[part]]
            kin = known.kin([verdict.text for _, verdict in verdicts])
            for place, (draft, verdict) in enumerate(verdicts):
                actor = of if quota is None else replace(of, actor=draft.agent or of.actor)
                receipts.append(_one(db, kin, place, draft, verdict, actor, quota, written, before, noted))
        known.refresh(db)
    return receipts


def _kept_before(db: Database, of: Call) -> dict[bytes, Memory]:
    """What a call of the same batch has kept already, by content: who did not hear the answer asks again, and nothing is kept twice."""
    added = [event.id for event in batch_of(db, of.batch) if event.verb == "add"]
    return {m.hash: m for m in memories.get_all(db, added).values()} if added else {}


def _one(
    db: Database,
    kin: Kin,
    place: int,
    draft: Draft,
    verdict: Verdict,
    of: Call,
    quota: int | None,
    written: dict[str, int],
    before: dict[bytes, Memory],
    noted: Callable[[Draft, Verdict], None],
) -> Receipt:
    """The draft at a place of those that are compared at once. `written`: how many records each actor has stored in the last hour, as far as this
    call has counted them."""
    if (back := returned(draft.content)) is not None and (ours := _ours(db, draft, back)) is not None:
        return ours
    if verdict.action != "accept":
        noted(draft, verdict)
    if verdict.action == "reject":
        return Receipt(None, "rejected", verdict.why)
    if before:
        try:
            there = before.pop(_made(draft, verdict, of, None).hash, None)
        except UsageError as e:
            return Receipt(None, "rejected", e.message)
        if there is not None:
            return _again(there, of)
    if of.actor not in written:
        written[of.actor] = writes(db, of.actor, of.at - HOUR)
    if quota is not None and written[of.actor] >= quota:
        return Receipt(None, "rejected", f"{of.actor} has stored {quota} memories in the last hour, which is the limit; try again later.")

    try:
        old = None if draft.supersedes is None else _replaced(db, draft.supersedes)
        new = _made(draft, verdict, of, old)
        if (same := memories.live(db, new.hash)) is not None and same.expires is None and not _holds_again(new, same):
            return _known(db, kin, of, old, same)
        decision = _decision(db, kin, place, old, new)
    except UsageError as e:
        return Receipt(None, "rejected", e.message)
    if decision.outcome == "duplicate":
        target = memories.required(db, str(decision.target))
        return _receipt(target.id, "duplicate", decision.reason, target, target=target.id)
    if decision.outcome == "refines":
        new = replace(new, refines=decision.target)
    if decision.outcome == "new":
        new = replace(new, supersedes=decision.target)  # once it is promoted

    added = add(db, of, new)
    if not added.new:
        return _known(db, kin, of, old, added.memory)
    written[of.actor] += 1
    kin.kept(place, new)
    if added.memory.supersedes is not None:
        kin.gone(added.memory.supersedes)  # the same text, whose time was over
    if decision.outcome == "supersedes":
        kin.gone(supersede(db, of, str(decision.target), new.id).id)

    if new.state == "quarantined":
        return _receipt(new.id, "quarantined", new.reason, new, batch=of.batch)
    outcome = "stored" if decision.outcome == "new" else decision.outcome
    said = "; ".join(one for one in (decision.reason, new.reason, verdict.why) if one)
    return _receipt(new.id, outcome, said, new, target=None if decision.outcome == "new" else decision.target, batch=of.batch)


def _known(db: Database, kin: Kin, of: Call, old: Memory | None, same: Memory) -> Receipt:
    """What becomes of a text that `same` says already: nothing, unless the caller says that it replaces `old`; then `same` replaces that."""
    if old is None or same.state != "active" or old.id == same.id or old.superseded_by == same.id:
        return _receipt(same.id, "duplicate", "the same text is known", same, target=same.id)
    kin.gone(supersede(db, of, old.id, same.id).id)
    return _receipt(same.id, "supersedes", "the caller says so, and the same text is known", same, target=old.id, batch=of.batch)


def _replaced(db: Database, named: str) -> Memory:
    """The record that a caller says is superseded."""
    old = memories.find(db, named)
    if old.forgotten is not None:
        raise UsageError(f"The memory {old.id} was forgotten; it cannot be superseded.", id=old.id)
    return old


def _ours(db: Database, draft: Draft, said: Returned) -> Receipt | None:
    """The receipt for a text that groma itself has handed out: a duplicate of the one record that it shows, else rejected."""
    project = draft.project or ""
    places = dict.fromkeys(((draft.scope or ("project" if project else "global"), project), ("project", project), ("global", "")))
    shown = memories.get_all(db, said.ids)
    for text in said.texts:
        same = next((m for scope, of in places if (m := memories.live(db, content_hash(text, scope, of))) is not None), None)
        if same is not None:
            shown[same.id] = same
    if said.ids and not said.texts and not shown:
        return None  # ids of another groma: whoever lists them may have it from elsewhere
    stand = [m for m in shown.values() if m.forgotten is None]
    if len(stand) == max(len(said.texts), len(said.ids)) == 1:
        return _receipt(stand[0].id, "duplicate", "groma itself said this", stand[0], target=stand[0].id)
    return Receipt(None, "rejected", "The text is what groma itself handed out: say what is new, in words of your own.")


def _made(draft: Draft, verdict: Verdict, of: Call, old: Memory | None) -> Memory:
    """The record that a draft would become. What the classifier takes for a preference of the user waits until somebody promotes it, unless a
    human said it; what a file calls one waits, too. What the caller says replaces context of a project (`old`) is that, however it is worded: it
    must neither wait nor pass away."""
    level, state, reason, root, sure = draft.level, "active", "", draft.project or "", True
    if level is None and (draft.kind in KNOWLEDGE or (old is not None and old.level == PROJECT_CONTEXT)):
        level = PROJECT_CONTEXT  # somebody has said what it is; it is no passing state, however it is worded
    if level is None:
        found = classify(verdict.text)
        level, sure = found.level, found.confidence >= SURE
    by_file = draft.source == "import"  # a level in it is the file's word, and not the caller's
    if level == USER_PREFERENCE and (by_file or (draft.level is None and (draft.source or "human") != "human")):
        state, reason = "proposed", "a preference that no human has confirmed yet"
    if verdict.action == "quarantine":
        state, reason = "quarantined", verdict.why
    expires = draft.valid_to if draft.valid_to is not None else of.at + SESSION_S if sure else None
    return memory(
        draft,
        uuid7(),
        now=of.at,
        content=verdict.text,
        level=level,
        state=state,
        reason=reason,
        masked=int(verdict.masked),
        expires=expires if level == SESSION_STATE else None,
        model=core.static_id(),
        anchors=anchored_all(draft.anchors, root),
    )


def _decision(db: Database, kin: Kin, place: int, old: Memory | None, new: Memory) -> Decision:
    """What is to be done; `old` is what the caller says is replaced. A new record with a target replaces that when it is promoted."""
    if new.state == "quarantined":
        return Decision("new", old.id if old else None, new.reason)  # it must change nothing until somebody has looked at it
    if old is not None and new.state == "proposed":
        return Decision("new", old.id, f"{old.id} stays until this is promoted")
    if old is not None:
        return Decision("supersedes", old.id, "the caller says so")
    # A unit of a conversation or document is kept as it was said, whatever is near.
    decision = settle(new, () if new.parent else kin.nearest(place, new, NEAREST))
    if decision.outcome == "duplicate" and _holds_again(new, memories.required(db, str(decision.target))):
        return Decision("supersedes", decision.target, "it holds again: what said the same had ended")
    if decision.outcome == "supersedes" and new.source != "human":
        target = memories.required(db, str(decision.target))
        if target.source == "human":
            return Decision("new", None, f"differs from {target.id}, which a human said: both are kept")
        if new.state == "proposed":
            return Decision("new", target.id, f"differs from {target.id}, which stays until this is promoted")
        if new.source == "import" and _began(new) < _began(target):
            return Decision("new", None, f"differs from {target.id}, which is newer: both are kept")
    return decision


def _holds_again(new: Memory, same: Memory) -> bool:
    """Has what said the same ended, while somebody says that it holds now? A file may be older than that end."""
    at = new.created
    return new.source != "import" and same.valid_to is not None and same.valid_to <= at and (new.valid_to is None or new.valid_to > at)


def _began(m: Memory) -> float:
    return m.created if m.valid_from is None else m.valid_from


def _again(m: Memory, of: Call) -> Receipt:
    """The receipt of what the same call kept before."""
    replaced = m.supersedes if m.state == "active" else None  # else it is what it will replace once it is promoted
    outcome = "quarantined" if m.state == "quarantined" else "supersedes" if replaced else "refines" if m.refines else "stored"
    said = m.reason or "kept already, before the answer was given"
    return _receipt(m.id, outcome, said, m, target=replaced or m.refines, batch=of.batch)


def _receipt(id: str, outcome: str, reason: str, m: Memory, *, target: str | None = None, batch: str = "") -> Receipt:
    return Receipt(id, outcome, reason, target, m.level, m.masked, batch)
