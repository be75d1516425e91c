"""Which memories speak of which files: a module of its own, for every search asks whether there is any, and reads nothing else of memories."""

from __future__ import annotations

from collections.abc import Sequence

from .database import Database

__all__ = ["anchored_to", "any_anchor"]


def any_anchor(db: Database) -> bool:
    """Is any memory anchored to anything? Asked again only after somebody wrote."""
    return db.remembered("any anchor", lambda: bool(db.query("SELECT 1 FROM memory_anchors LIMIT 1")))


def anchored_to(db: Database, project: str, paths: Sequence[str], now: float, limit: int) -> list[str]:
    """Ids of the memories of a project that have an anchor at one of these paths, newest first: active, live and valid ones."""
    marks = ",".join("?" * len(paths))
    rows = db.query(
        "SELECT id FROM memories WHERE project = ? AND state = 'active' AND superseded_by IS NULL AND forgotten IS NULL "
        "AND (expires IS NULL OR expires > ?) AND (valid_from IS NULL OR valid_from <= ?) AND (valid_to IS NULL OR valid_to > ?) "
        f"AND id IN (SELECT memory_id FROM memory_anchors WHERE path IN ({marks})) ORDER BY created DESC, id DESC LIMIT ?",
        (project, now, now, now, *paths, limit),
    )
    return [id for (id,) in rows]
