"""Masking, compiled: the face of `groma_core::masking` under the names of `groma._pure.masking`.

Knows how a Python text crosses the seam; what a credential is, it does not know.
"""

from __future__ import annotations

import re

from .._rs import mask as find_and_cover
from .._shared import Masked, Span

__all__ = ["Masked", "Span", "mask"]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def mask(text: str) -> Masked:
    """Cover every credential in `text` with asterisks. See `groma._pure.masking.mask`."""
    try:
        found = find_and_cover(text)
    except UnicodeEncodeError:
        # Half a character is as good as any other outside ASCII; what is not covered keeps it.
        found = find_and_cover(_LONE_SURROGATE.sub("\ufffd", text))
        if found:
            found = "".join(old if new == "\ufffd" else new for old, new in zip(text, found[0], strict=True)), found[1]
    return Masked(found[0], tuple(found[1])) if found else Masked(text, ())
