"""What crosses the socket: frames of one JSON object a line, the greeting, values and errors as JSON and back by their annotations.

Wire protocol 1. The client speaks first: `{"groma": 1, "version": …, "client": …, "pid": …, "cwd": …, "env": {…}, "toolset": …}`; the daemon
answers `{"groma": 1, "version": …, "pid": …, "core": …, "data_dir": …, "project": …}`, with `"replace": true` where it is older than the client (or
speaks an older protocol) or than its own code, or `{"error": …}`. So much, and the verb `stop`, is the same in every protocol to come. Then requests
`{"id", "verb", "args", "progress"}`, each answered by any number of `{"id", "progress"}` and one `{"id", "result"}` or `{"id", "error"}`;
`{"cancel": id}` asks to stop one, and is heard however many wait: it is answered with the error "Cancelled", but for a write that has begun, which
is finished, and answered with what it did. End of input cancels what only reads. A session that has more than 1,000 requests, or 32 MB of them,
waiting is refused more. Fields that are not known are ignored; every later field has a default.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from .. import errors
from ..errors import GromaError, StoreUnreachable, UsageError

__all__ = ["FORWARDED", "FRAME_BYTES", "PROTOCOL", "Frames", "Stopping", "error_of", "frame", "raised", "read", "typed"]

PROTOCOL = 1
FRAME_BYTES = 32 << 20
"""The most that a line may have."""
FORWARDED = ("CLAUDE_PROJECT_DIR", "XDG_CONFIG_HOME")
"""Of a client's environment, what the daemon is told; and all that begins with GROMA_."""

Json: TypeAlias = Any


class Stopping(StoreUnreachable):
    """The daemon ends and takes no new work; another one will."""


# ---------------------------------------------------------------------------------------------------------------------------- frames


def frame(message: Mapping[str, Any]) -> bytes:
    """One line. Values in it become objects of all their fields; names of files that are no text stay what they are. Raises TypeError."""
    return _ENCODER.encode(message).encode("ascii") + b"\n"


def read(line: bytes) -> dict[str, Json]:
    """The object of one line. Raises UsageError for anything else."""
    try:
        said = json.loads(line)
    except RecursionError:
        raise UsageError("The line is nested too deeply.") from None
    except ValueError as e:  # of which UnicodeDecodeError is one
        raise UsageError(f"The line is not JSON: {e}.") from None
    if not isinstance(said, dict):
        raise UsageError("The line is not a JSON object.")
    return said


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=lambda value: _plain(value))


class Frames:
    """Frames over a blocking socket: a client's side. For one thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._parts: list[bytes] = []
        self._rest = b""

    def send(self, message: Mapping[str, Any]) -> None:
        """Raises OSError where nobody listens any more."""
        self._connection.sendall(frame(message))

    def receive(self) -> dict[str, Json]:
        """The next one. Raises ConnectionError at the end of input, OSError."""
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                whole = b"".join((*self._parts, line))
                self._parts, self._rest = [], rest
                return read(whole)
            if self._rest:
                self._parts.append(self._rest)
            self._rest = self._connection.recv(1 << 18)
            if not self._rest:
                raise ConnectionResetError("the daemon closed the connection")

    def patience(self, seconds: float) -> None:
        """How long it is waited for the other side; then TimeoutError is raised."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        """Let go of the socket."""
        self._connection.close()


# ---------------------------------------------------------------------------------------------------------------------------- values


def _plain(value: Any) -> Json:
    """A value that JSON does not know as one it does: values of ours as objects of all their fields, sets as lists."""
    kind: Any = type(value)
    if (names := _names(kind)) is not None:
        return {name: getattr(value, name) for name in names}
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError(f"{kind.__name__} cannot cross the socket")


@cache
def _names(kind: Any) -> tuple[str, ...] | None:
    found = getattr(kind, "__dataclass_fields__", None)
    return None if found is None else tuple(name for name, one in found.items() if one._field_type.name == "_FIELD")


def typed(annotation: Any, said: Json) -> Any:
    """What came of a value in a frame, as a value of the annotated type; fields that are missing get their defaults. Raises UsageError."""
    try:
        return _reader(annotation)(said)
    except (TypeError, ValueError, KeyError, AttributeError) as e:
        raise UsageError(f"This is no {getattr(annotation, '__name__', annotation)}: {e}.") from e


Reader: TypeAlias = Callable[[Json], Any]


@cache
def _reader(annotation: Any) -> Reader:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in (Any, object):
        return lambda said: said
    if annotation in (str, int, bool):
        return lambda said: _checked(annotation, said)
    if annotation is float:
        return lambda said: float(_checked((int, float), said))
    if annotation in (None, NoneType):
        return lambda said: _checked(NoneType, said)
    if annotation is bytes:
        return lambda said: said.encode("latin-1")
    if origin in (Union, UnionType):
        return _either([one for one in arguments if one is not NoneType], NoneType in arguments)
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        each = [_reader(one) for one in arguments]
        return lambda said: tuple(one(part) for one, part in zip(each, _checked(list, said), strict=True))
    if origin is not None and issubclass(origin, Mapping):
        of = _reader(arguments[1])
        return lambda said: {name: of(one) for name, one in _checked(dict, said).items()}
    if origin is not None:  # a sequence, set or iterable of one type
        of = _reader(arguments[0])
        made: Any = tuple if origin is tuple else frozenset if origin is frozenset else list
        return lambda said: made([of(one) for one in _checked(list, said)])
    names = _names(annotation)
    if names is None:
        raise TypeError(f"{annotation} cannot cross the socket")
    hints = get_type_hints(annotation)
    fields = {name: _reader(hints[name]) for name in names}

    def value(said: Json) -> Any:
        return annotation(**{name: fields[name](one) for name, one in _checked(dict, said).items() if name in fields})

    return value


def _checked(kind: Any, said: Json) -> Any:
    if not isinstance(said, kind) or (isinstance(said, bool) and kind in (int, (int, float))):
        raise TypeError(f"{type(said).__name__} where {getattr(kind, '__name__', 'a number')} should be")
    return said


def _either(kinds: Sequence[Any], none: bool) -> Reader:
    each = [_reader(kind) for kind in kinds]

    def value(said: Json) -> Any:
        if said is None and none:
            return None
        wrong: Exception = TypeError("nothing where something should be")
        for one in each:
            try:
                return one(said)
            except (TypeError, ValueError, AttributeError) as e:
                wrong = e
        raise wrong

    return value


# ---------------------------------------------------------------------------------------------------------------------------- errors


def error_of(e: BaseException) -> dict[str, Json]:
    """An error as JSON. What is no error of ours is told as a fault of groma's, without its details: they are in the log."""
    if isinstance(e, GromaError):
        context = {name: v if v is None or isinstance(v, str | int | float) else str(v) for name, v in e.context.items()}
        return {"type": type(e).__name__, "message": e.message, "context": context}
    message = f"groma failed on the inside ({type(e).__name__}); the details are in its log: groma logs"
    return {"type": "GromaError", "message": message, "context": {}}


def raised(said: Mapping[str, Json]) -> GromaError:
    """The error of what `error_of` said, to be raised; one of a type that is not known here is a GromaError."""
    name = str(said.get("type"))
    kind = Stopping if name == "Stopping" else getattr(errors, name) if name in errors.__all__ else GromaError
    context = said.get("context")
    made: GromaError = kind(str(said.get("message")))
    made.context = context if isinstance(context, dict) else {}
    return made
