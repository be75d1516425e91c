"""Finding and masking credentials, on every way in and out.

What is stored, embedded or shown goes through `mask` first, as a whole file, and is cut afterwards. The work is the
core's; this is the name under which the rooms above know it. It knows no files and keeps nothing.
"""

from __future__ import annotations

from . import core

__all__ = ["mask"]

mask = core.mask
