"""Whatever a tool's schema allows, and whatever it does not: an answer or an error with words in it, never one from inside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groma.config import load
from groma.engine import Engine
from groma.errors import GromaError
from groma.serve.freshness import Freshness
from groma.serve.tools import Surface, catalogue
from tests.processes import Place, repository
from tests.serve.conftest import PROJECT

TOOLS = {one["name"]: one for one in catalogue("full")["tools"]}
EXAMPLES = int(os.environ.get("GROMA_FUZZ", "25"))
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
ANY = st.characters(codec=None, exclude_categories=())  # JSON brings halves of surrogate pairs, too
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(ANY, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def drawn(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows, of what our schemas are made of. (hypothesis-jsonschema 0.23.1 fails with this Hypothesis for every object.)"""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "object":
        properties = {name: drawn(one) for name, one in schema.get("properties", {}).items()}
        required = {name: properties.pop(name) for name in schema.get("required", ())}
        declared = st.fixed_dictionaries(required, optional=properties)
        return declared if schema.get("additionalProperties") is False else st.builds(lambda some, more: more | some, declared, EXTRA)
    if schema["type"] == "array":
        return st.lists(drawn(schema["items"]), max_size=4)
    integers = st.integers(schema.get("minimum"), schema.get("maximum"))
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
    texts = st.text(ANY) | st.sampled_from(["app/retry.py", "app", ".", "yesterday", "2026-11-21", "90d", "project", "path:app", "memory", "-"])
    return {"integer": integers, "number": numbers, "boolean": st.booleans(), "string": texts}[schema["type"]]


EXTRA = st.dictionaries(st.sampled_from(["content", "type", "project", "agent", "tags", "importance", "source", "other"]), ANYTHING, max_size=4)


@pytest.fixture(scope="module")
def surface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surface]:
    """One for all: what one tool left behind, the next one meets."""
    place = Place(tmp_path_factory.mktemp("fuzz"))
    project = repository(place.folder / "project", PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(place.home))
        limits = {"GROMA_ANSWER_WITHIN_S": "60", "GROMA_MEMORIES_PER_HOUR": "100000"}
        with Engine(load(limits, data_dir=place.data, config_file=place.folder / "none.toml")) as engine, Freshness(engine) as freshness:
            found = Surface(engine, freshness, cwd=str(project), environment={}, toolset="full")
            assert found.tool("index", {})["isError"] is False
            for text in ("The cache is dropped by number", "Deploys go out on Tuesdays", "Halfway through the retries"):
                assert found.tool("remember", {"content": text, "anchors": ["app/retry.py"]})["isError"] is False
            yield found


def judged(result: dict[str, Any], schema: dict[str, Any]) -> None:
    """A result that the protocol can carry: JSON, text that can be encoded, a structure as the schema says."""
    json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    (content,) = result["content"]
    assert content["type"] == "text" and isinstance(content["text"], str) and "Traceback" not in content["text"]
    if result["isError"]:
        assert content["text"] and "structuredContent" not in result
    else:
        jsonschema.validate(result["structuredContent"], schema)


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_what_the_schema_allows(surface: Surface, name: str) -> None:
    @FUZZ
    @given(drawn(TOOLS[name]["inputSchema"]))
    def run(arguments: dict[str, Any]) -> None:
        if isinstance(arguments.get("repository"), str) and os.path.isdir(os.path.join("/", os.path.expanduser(arguments["repository"]))):
            arguments["repository"] = "."  # nobody means this machine's folders
        judged(surface.tool(name, arguments), TOOLS[name]["outputSchema"])

    run()


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_what_it_does_not_allow(surface: Surface, name: str) -> None:
    known = sorted(TOOLS[name]["inputSchema"]["properties"])

    @FUZZ
    @given(st.dictionaries(st.sampled_from(known) if known else st.nothing(), ANYTHING) if known else st.just({}), st.booleans())
    def run(arguments: dict[str, Any], more: bool) -> None:
        if isinstance(arguments.get("repository"), str):
            arguments["repository"] = "."
        judged(surface.tool(name, {**arguments, **({"surplus": 1} if more else {})}), TOOLS[name]["outputSchema"])

    run()


@FUZZ
@given(st.text(ANY), ANYTHING)
def test_any_tool(surface: Surface, name: str, arguments: Any) -> None:
    assert surface.tool(name, arguments if isinstance(arguments, dict) else {})["isError"] is (name not in TOOLS)


@FUZZ
@given(st.sampled_from(["groma://file/", "groma://memory/", "groma://status", "", "groma://"]), st.text(ANY), st.text(ANY))
def test_any_address_prompt_and_completion(surface: Surface, begin: str, text: str, other: str) -> None:
    for ask in (
        lambda: surface.resource(begin + text),
        lambda: surface.resources(begin[8:] + text),
        lambda: surface.prompt("review_impact", {"target": text}),
        lambda: surface.prompt("find_and_fix", {"problem": text, "path": other}),
        lambda: surface.complete({"type": "ref/prompt", "name": "review_impact"}, {"name": "target", "value": text}),
        lambda: surface.complete({"type": "ref/resource", "uri": "groma://file/{+path}{?start,end}"}, {"name": "path", "value": other}),
        lambda: surface.complete({"type": text, "uri": other}, {"name": other, "value": text}),
    ):
        with suppress(GromaError):  # whose sentences go through the same fuzz as those of the tools
            json.dumps(ask(), ensure_ascii=False).encode()
