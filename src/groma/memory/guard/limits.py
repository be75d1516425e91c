"""What is no text that a memory could be: nothing, too much, and characters that no store keeps as they are."""

from __future__ import annotations

import re

__all__ = ["LONGEST", "refused"]

LONGEST = 100_000
"""Characters a text may have. A longer one is a file: it is indexed, not remembered."""

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def refused(text: str, seen: str) -> tuple[str, str] | None:
    """The name of the limit that `text` breaks and a sentence that says so, or None. `seen` is what cleaning leaves of it."""
    if len(text) > LONGEST:
        return "too-long", f"The text has {len(text):,} characters and a memory at most {LONGEST:,}: cut it, or keep it as a file."
    if not seen.strip():
        return "empty", "The text is empty, or holds nothing that can be seen: say what is to be remembered."
    if found := _NOT_TEXT.search(text):
        what = "a NUL character" if found[0] == "\x00" else "half of a surrogate pair"
        return "not-text", f"The text holds {what} at position {found.start()}: send it as valid UTF-8 text."
    return None
