"""Which memories speak of which files: a module of its own, for every search asks whether there is any, and reads nothing else of memories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .database import Database

__all__ = ["anchored_paths", "anchored_to"]

KEPT = 4096
"""Of so many paths it is remembered whether anything is anchored to them, while nobody writes."""
_ANY = ""


def anchored_paths(db: Database, paths: Iterable[str]) -> set[str]:
    """Those of these paths that an anchor of any memory names, whatever became of it. A warm search asks the database nothing for it."""
    kept: dict[str, bool] = db.remembered("anchored", dict)
    if _ANY not in kept:
        kept[_ANY] = bool(db.query("SELECT 1 FROM memory_anchors LIMIT 1"))
    if not kept[_ANY]:
        return set()
    wanted = set(paths)
    if missing := [path for path in wanted if path not in kept]:
        if len(kept) > KEPT:
            kept.clear()
            kept[_ANY] = True
        kept |= dict.fromkeys(missing, False)
        marks = ",".join("?" * len(missing))
        kept |= {path: True for (path,) in db.query(f"SELECT DISTINCT path FROM memory_anchors WHERE path IN ({marks})", missing)}
    return {path for path in wanted if kept.get(path)}


def anchored_to(db: Database, project: str, paths: Sequence[str], limit: int) -> list[str]:
    """Ids of the memories of a project that have an anchor at one of these paths, newest first: active ones that nothing superseded."""
    marks = ",".join("?" * len(paths))
    rows = db.query(
        "SELECT id FROM memories WHERE project = ? AND state = 'active' AND superseded_by IS NULL AND forgotten IS NULL "
        f"AND id IN (SELECT memory_id FROM memory_anchors WHERE path IN ({marks})) ORDER BY created DESC, id DESC LIMIT ?",
        (project, *paths, limit),
    )
    return [id for (id,) in rows]
