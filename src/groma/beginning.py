"""What a session begins with, read from the catalogue alone: for a hook, for which an agent waits and which has no time to load an engine.

`Engine.memories.briefing` tells the same; what it imports on the way (NumPy, the core, the index of memories) takes several times as long.
"""

from __future__ import annotations

import time

from .catalogue import memories
from .catalogue.database import Database
from .config import Settings
from .memory.briefing import TOKENS, briefing

__all__ = ["told"]


def told(settings: Settings, here: str, *, states: int) -> str:
    """The briefing of a project ("" for none) with so many notes of where work stood; "" if there is nothing to tell. Nothing is written.

    Raises what the catalogue raises, also where it has to be upgraded first: then an engine has to be asked.
    """
    path = settings.data_dir / "catalogue.db"
    if not path.exists():
        return ""
    with Database.connect(path, read_only=True) as db:
        return briefing(memories.standing(db, ("", here) if here else ("",)), time.time(), TOKENS, states).text
