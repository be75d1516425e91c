"""JSON schemas, as short as they can be: a model reads them all before its first call.

What comes in is checked by pydantic, whose schema is made shorter; what goes out is a TypedDict of `groma.shapes`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Mapping
from typing import Any, Literal

__all__ = ["compact", "output_schema"]

_OBJECTS: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def compact(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a pydantic model without titles; an argument that may be left out is not said to be null (though null is taken for that)."""
    properties = {}
    for name, one in schema.get("properties", {}).items():
        one = {key: v for key, v in one.items() if key != "title"}
        if "default" in one and one["default"] is None:
            del one["default"]
            (kept,) = (each for each in one.pop("anyOf") if each != {"type": "null"})
            one = {**kept, **one}
        properties[name] = one
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if schema.get("required"):
        found["required"] = list(schema["required"])
    if schema.get("$defs"):
        found["$defs"] = {name: _untitled(one) for name, one in schema["$defs"].items()}
    return {**found, "additionalProperties": False}


def _untitled(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_untitled(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _untitled(one) for key, one in schema.items() if key != "title" or not isinstance(one, str)}


def output_schema(shape: Any, plain: Collection[str] = ()) -> dict[str, Any]:
    """The schema of a TypedDict; of fields named in `plain` it is only said that they are lists of objects.

    All fields are always there; that is not said of each. Raises TypeError for a type that JSON has not.
    """
    if typing.is_typeddict(shape):
        hints = typing.get_type_hints(shape)
        return {"type": "object", "properties": {name: _OBJECTS if name in plain else output_schema(hint, plain) for name, hint in hints.items()}}
    if shape in _PLAIN:
        return {"type": _PLAIN[shape]}
    if shape is Any:
        return {}
    origin, given = typing.get_origin(shape), typing.get_args(shape)
    if origin is list:
        return {"type": "array", "items": output_schema(given[0], plain)}
    if origin is dict:
        return {"type": "object"}
    if origin is Literal:
        return {"enum": list(given)}
    if origin in (types.UnionType, typing.Union):
        options = [output_schema(one) for one in given]
        if all(set(one) == {"type"} for one in options):
            return {"type": [one["type"] for one in options]}
        return {"anyOf": options}
    raise TypeError(f"{shape!r} has no schema here")
