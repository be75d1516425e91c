"""Edits in place on generated texts: what was there means the same afterwards, and taking ours out again leaves it as it was."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groma.agents import blocks, jsonc, tomls, yamls
from groma.errors import ConfigurationError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ENTRY = {"command": "/opt/x y", "args": ['"quoted"', "größe"], "env": {"A": "b"}}


@st.composite
def texts(draw: st.DrawFn, comments: bool) -> tuple[str, dict[str, object]]:
    """An object as text in some style, with comments and trailing commas if they may be; and what it means."""
    value = draw(st.dictionaries(st.sampled_from(["a", "b", "servers", "ü"]), VALUES, max_size=4))
    if not isinstance(value.get("servers", {}), dict):
        value["servers"] = {}
    text = json.dumps(value, indent=draw(st.sampled_from([None, 1, 2, 4, "\t"])), ensure_ascii=draw(st.booleans()))
    if comments:
        text = re.sub(r"\n(?=[\t ]*\")", lambda _: draw(st.sampled_from(["\n", " // one\n", " /* two */\n", "\n\n", '\n// "no": 1,\n'])), text)
        if draw(st.booleans()):
            text = re.sub(r"(?<=[\]}\de\"])\n([\t ]*[}\]])", r",\n\1", text)
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\n", "  "])) + text + draw(st.sampled_from(["", "\n", "\n\n"])), value


@pytest.mark.parametrize("comments", [False, True])
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_json(comments: bool, data: st.DataObject) -> None:
    text, value = data.draw(texts(comments))
    made = jsonc.put(text, ["servers", "groma"], ENTRY, comments=comments)
    meant = value | {"servers": {**(value.get("servers") or {}), "groma": ENTRY}}  # type: ignore[dict-item]
    assert {k: jsonc.look(made, [k], comments=comments) for k in meant} == meant
    if not comments:
        assert json.loads(made) == meant
    assert jsonc.put(made, ["servers", "groma"], ENTRY, comments=comments) == made
    back = jsonc.drop(made, ["servers", "groma"], comments=comments)
    assert {k: jsonc.look(back, [k], comments=comments) for k in meant} == value | {"servers": (value.get("servers") or {})}
    if isinstance(value.get("servers"), dict) and value["servers"] and "groma" not in value["servers"]:
        assert re.sub(r"[\s,]", "", back) == re.sub(r"[\s,]", "", text)  # comments are all there


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_json_never_fails_otherwise(text: str) -> None:
    for comments in (False, True):
        try:
            made = jsonc.put(text, ["servers", "groma"], 1, comments=comments)
        except ConfigurationError:
            continue
        assert jsonc.look(made, ["servers", "groma"], comments=comments) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1,\n"a": 2}', 'line 2 says "a" a second time'),
        ("{\n// x\n}", "line 2 holds a comment, which is no JSON"),
        ('{"a": 1,\n}', "line 2 has a comma before it closes"),
        ('{"a": 1', "line 1 is where the file ends too early"),
        ('{"a": nope}', "line 1 is no JSON"),
        ("[]", "holds no object"),
        ('{"servers": []}', 'holds something else where an object with "groma"'),
    ],
)
def test_json_says_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(sentence)):
        jsonc.put(text, ["servers", "groma"], 1, comments=False)


def test_a_comment_stays_at_its_line() -> None:
    text = '{\n  "servers": {\n    "x": {} // mine\n  }\n}\n'
    made = jsonc.put(text, ["servers", "groma"], {}, comments=True)
    assert made == '{\n  "servers": {\n    "x": {}, // mine\n    "groma": {}\n  }\n}\n'
    assert jsonc.drop(made, ["servers", "groma"], comments=True) == text


def test_lists_lose_only_what_is_ours() -> None:
    text = '{"hooks": {"Stop": [1, 2, 3, 2]}}'
    assert jsonc.without(text, ["hooks", "Stop"], lambda v: v == 2, comments=False) == '{"hooks": {"Stop": [1, 3]}}'
    assert jsonc.without(text, ["hooks", "None"], lambda v: True, comments=False) == text


@pytest.mark.parametrize(
    "text",
    ["", "a = 1", 'a = """\n[servers.groma]\n"""\n', "# c\n[servers.x]\ny = 1\n", "servers.x.y = 1\n", "[servers]\nz = 1\n\n[other]\n# end\n"],
)
def test_toml(text: str) -> None:
    made = tomls.put(text, ["servers", "groma"], ENTRY)
    assert tomls.look(made, ["servers", "groma"]) == ENTRY and made.startswith(text)
    if '"""' in text:  # what looks like a table in there is none; rather than guess, it is said
        with pytest.raises(ConfigurationError):
            tomls.drop(made, ["servers", "groma"])
        return
    assert tomls.put(made, ["servers", "groma"], ENTRY) == made
    back = tomls.drop(made + "\n# next\n[more]\nx = 1\n", ["servers", "groma"])
    assert "command" not in back and "# next\n[more]" in back and back.startswith(text.rstrip("\n"))


def test_toml_takes_subtables_along() -> None:
    text = '[servers.groma]\ncommand = "x"\n\n[servers.groma.env]\nA = "b"\n\n[servers."y"]\nc = 1\n'
    assert tomls.drop(text, ["servers", "groma"]) == '\n[servers."y"]\nc = 1\n'


@pytest.mark.parametrize("text", ["servers = { x = {} }\n", "servers = 1\n", "servers = []\n"])
def test_toml_that_cannot_be_added_to(text: str) -> None:
    with pytest.raises(ConfigurationError):
        tomls.put(text, ["servers", "groma"], ENTRY)


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    "head", ["", "a: &x 1\nb: *x\n", "# only a comment\n", "a: |\n  servers:\n    groma: no\n", "a: 'it''s'\n", "servers: # none yet\nb: 2\n"]
)
def test_yaml(head: str, listed: bool) -> None:
    for body in ("", "" if "servers: #" in head else "servers:\n- name: x\n  y: [1, 2]\n" if listed else "servers:\n   x:\n      y: 1 # c\n\nz: 3\n"):
        text = head + body
        made = yamls.put(text, "servers", "groma", ENTRY, listed=listed)
        assert {k: v for k, v in yamls.look(made, "servers", "groma").items() if k != "name"} == ENTRY
        assert yamls.put(made, "servers", "groma", ENTRY, listed=listed) == made
        back = yamls.drop(made, "servers", "groma")
        assert yamls.look(back, "servers", "groma") is None
        if body:
            assert back == text


@pytest.mark.parametrize("text", ["", "a", "a\n", "a\r\n\r\n", "# x\n\ny\n"])
def test_blocks(text: str) -> None:
    made = blocks.put(text, "one\ntwo\n")
    assert blocks.look(made) == "one\ntwo" and blocks.put(made, "one\ntwo") == made
    assert blocks.look(blocks.put(made + "after\n", "three")) == "three"
    assert blocks.drop(made) in (text, text + "\n")
    assert blocks.drop(text) == text
