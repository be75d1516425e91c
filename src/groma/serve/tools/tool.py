"""What a tool is, and how one is declared: a function whose annotated arguments are its input and whose TypedDict is its output."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ...errors import UsageError
from ...values import value
from .schema import compact, output_schema

__all__ = ["Tool", "arguments_of", "checked", "readable", "shown", "tool"]

WRONG = 5
"""So many wrong arguments are named at once."""


_UNREADABLE = re.compile(r"[\x00\ud800-\udfff]")


class Arguments(BaseModel):
    """Arguments of a tool. What is not known is refused: a filter that is ignored would be an answer that lies."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


@value
class Tool:
    """One tool. `work(call, **arguments)` gives the structured content, `said` of that the text for a model; `core` if it is in the small toolset."""

    name: str
    title: str
    description: str
    core: bool
    annotations: Mapping[str, bool]
    work: Callable[..., Any]
    said: Callable[[Any], str]
    plain: tuple[str, ...] = ()

    @property
    def arguments(self) -> type[BaseModel]:
        """The model that its arguments are checked by; made when it is first called for."""
        return arguments_of(self.work)

    def listed(self) -> dict[str, Any]:
        """The tool as `tools/list` shows it."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": compact(self.arguments.model_json_schema()),
            "outputSchema": output_schema(typing.get_type_hints(self.work)["return"], self.plain),
            "annotations": dict(self.annotations),
        }


def tool(
    title: str,
    description: str,
    said: Callable[[Any], str],
    *,
    core: bool = False,
    writes: bool = False,
    destructive: bool = False,
    idempotent: bool = True,
    plain: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Tool]:
    """Declare a tool: `def name(call, argument: Annotated[type, "what it is"] = default) -> Shape`.

    Fields of the shape that are named in `plain` are lists of objects of which no more is said, so that the list of tools stays short.
    """
    annotations = {"readOnlyHint": True} if not writes else {"destructiveHint": destructive, "idempotentHint": idempotent}

    def made(work: Callable[..., Any]) -> Tool:
        return Tool(
            name=work.__name__.rstrip("_"),
            title=title,
            description=description,
            core=core,
            annotations={**annotations, "openWorldHint": False},
            work=work,
            said=said,
            plain=plain,
        )

    return made


@cache
def arguments_of(work: Callable[..., Any]) -> type[BaseModel]:
    """The model of a function's arguments but the first; a text in an `Annotated` describes one, other things in it go to pydantic."""
    hints = typing.get_type_hints(work, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(work).parameters.items())[1:]:
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        annotated = typing.get_origin(hints[name]) is typing.Annotated
        kind, *more = typing.get_args(hints[name]) if annotated else (hints[name],)
        description = next((one for one in more if isinstance(one, str)), None)
        bounds = next((one for one in more if isinstance(one, dict)), None)
        fields[name] = (kind, Field(default, description=description, json_schema_extra=bounds))
    model: type[BaseModel] = create_model(work.__name__, __base__=Arguments, **fields)
    return model


def checked(name: str, model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the tool takes them; null stands for one that was not given. Raises UsageError that says which are wrong."""
    known = model.model_fields
    said = {key: v for key, v in given.items() if v is not None or key not in known or known[key].is_required()}
    for key, v in said.items():
        readable(f"The argument {shown(key)}", v)
    try:
        read = model.model_validate(said)
    except ValidationError as e:
        raise UsageError(" ".join(_wrong(one, name, known) for one in e.errors()[:WRONG])) from None
    return {key: getattr(read, key) for key in known}


def readable(what: str, v: Any) -> None:
    """Raises UsageError where a text, or one within, is none that a path, a database or an answer can hold."""
    if isinstance(v, str):
        if _UNREADABLE.search(v):
            raise UsageError(f"{what} holds a NUL character or half of a surrogate pair; only text can be taken.")
    elif isinstance(v, Mapping):
        for key, one in v.items():
            readable(what, key)
            readable(what, one)
    elif isinstance(v, list | tuple):
        for one in v:
            readable(what, one)


def shown(name: object) -> str:
    """What somebody sent, short and harmless, to be said in a message."""
    return ascii(str(name)[:60])[1:-1]


def _wrong(error: Any, name: str, known: Mapping[str, Any]) -> str:
    where = ".".join(shown(part) for part in error["loc"])
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        near = get_close_matches(where, known, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"{name} has no argument {where!r}{hint}; it has {', '.join(known) or 'none'}."
    if error["type"] == "missing":
        return f"The argument {where} is missing."
    return f"The argument {where[:200]} is wrong: {error['msg'].rstrip('.')}."
