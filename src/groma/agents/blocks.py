"""A section of ours in a text that somebody else writes: between two markers, the rest untouched."""

from __future__ import annotations

from ..errors import ConfigurationError

__all__ = ["BEGIN", "END", "drop", "look", "put"]

BEGIN = "<!-- groma:usage:begin -->"
END = "<!-- groma:usage:end -->"


def _place(text: str) -> tuple[int, int] | None:
    """Where the section begins and ends, the markers and the last line feed included; None if there is none.

    Raises ConfigurationError if the markers are not one pair, each alone on its line.
    """
    found: list[tuple[str, int, int]] = []
    at = 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if line.strip() in (BEGIN, END):
            found.append((line.strip(), at, number))
        at += len(line)
    if not found:
        return None
    if [mark for mark, _, _ in found] != [BEGIN, END]:
        raise ConfigurationError(f"has markers {BEGIN} and {END} that are not one pair (lines {', '.join(str(n) for _, _, n in found)})")
    end = text.find("\n", found[1][1])
    return found[0][1], len(text) if end < 0 else end + 1


def look(text: str) -> str | None:
    """What stands between the markers; None without them. Raises ConfigurationError as `put` does."""
    place = _place(text)
    if place is None:
        return None
    return "\n".join(text[place[0] : place[1]].splitlines()[1:-1])


def put(text: str, body: str) -> str:
    """`text` with the section, in its place or at the end. Raises ConfigurationError if its markers are not one pair."""
    feed = "\r\n" if "\r\n" in text else "\n"
    section = feed.join([BEGIN, *body.splitlines(), END]) + feed
    place = _place(text)
    if place is not None:
        return text[: place[0]] + section + text[place[1] :]
    gap = "" if not text else feed if text.endswith("\n") else feed * 2
    return text + gap + section


def drop(text: str) -> str:
    """`text` without the section, and without the empty line above it. Raises ConfigurationError as `put` does."""
    place = _place(text)
    if place is None:
        return text
    head = text[: place[0]]
    for feed in ("\r\n", "\n"):
        if head.endswith(feed * 2):
            head = head[: -len(feed)]
            break
    return head + text[place[1] :]
