"""`@value` is what `@dataclass(frozen=True, slots=True)` is, but for the time it takes to make."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from groma.values import value


@value
class Place:
    """A value with all that a field may have."""

    path: str
    line: int = 1
    words: tuple[str, ...] = ()
    known: dict[str, int] = field(default_factory=dict)
    note: list[int] = field(default_factory=list, init=False, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Standard:
    """The same, as the standard library makes it."""

    path: str
    line: int = 1
    words: tuple[str, ...] = ()
    known: dict[str, int] = field(default_factory=dict)
    note: list[int] = field(default_factory=list, init=False, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@value
class One:
    """One field."""

    name: str


@value
class Empty:
    """No field."""


GIVEN: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a.py",), {}),
    (("a.py", 2), {"words": ("x",)}),
    ((), {"path": "b.py", "known": {"k": 1}}),
]


@pytest.mark.parametrize(("arguments", "named"), GIVEN)
def test_made_shown_and_compared_like_a_dataclass(arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, theirs = Place(*arguments, **named), Standard(*arguments, **named)
    assert repr(ours) == repr(theirs).replace("Standard", "Place")
    assert str(ours) == str(theirs)
    assert asdict(ours) == asdict(theirs)
    assert [f.name for f in fields(ours)] == [f.name for f in fields(theirs)]  # type: ignore[arg-type]
    assert ours == Place(*arguments, **named)
    assert ours != replace(ours, line=99)
    assert replace(ours, line=99).line == 99
    assert ours != theirs
    assert Place.__doc__
    assert Place.__match_args__ == Standard.__match_args__  # type: ignore[attr-defined]


def test_frozen_slotted_hashed_and_carried_elsewhere() -> None:
    place = Place("a.py", 3)
    place.note.append(1)
    with pytest.raises(FrozenInstanceError):
        place.line = 4  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del place.line
    with pytest.raises((AttributeError, TypeError)):
        place.other = 1  # type: ignore[attr-defined]
    assert not hasattr(place, "__dict__")
    assert pickle.loads(pickle.dumps(place)) == copy.deepcopy(place) == copy.copy(place) == place
    assert pickle.loads(pickle.dumps(place)).note == [1]
    assert hash(One("a")) == hash(One("a")) != hash(One("b"))
    assert One("a") == One("a") != One("b")
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert Place("a").known is not Place("a").known


@pytest.mark.parametrize("arguments", [(), ("a", 1, (), {}, [])])
def test_wrong_arguments_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        Place(*arguments)
    with pytest.raises(TypeError):
        Place("a", strange=1)  # type: ignore[call-arg]
