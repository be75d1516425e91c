"""Records: what a draft may be, what is said of one that may not, and what is made of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma.drafts import ALLOWED, MAX_CONTENT, draft, moment
from groma.errors import UsageError
from groma.records import KINDS, LEVELS, SOURCES, TRUST, Anchor, Draft, Memory, content_hash, is_live, is_valid, memory, plain, restored


def test_a_draft_of_everything_that_may_be_sent() -> None:
    fields = {
        "content": "  We use *Postgres*.\n",
        "level": "USER_PREFERENCE",
        "category": " db ",
        "scope": "path:./src//a.py",
        "project": "/home/x/",
        "tags": ["b", " a ", "b"],
        "importance": 1,
        "source": "tool",
        "session": "s",
        "agent": "bot",
        "valid_from": "2026-11-21",
        "valid_to": 1795305600.5,
        "supersedes": "0199abcd-12",
        "anchors": ["src/a.py", "src/b.py#f", {"path": "c.py", "symbol": "g", "blob": "a" * 40, "commit": "b" * 64}, "src/a.py"],
    }
    assert set(fields) == set(ALLOWED)
    assert draft(fields) == Draft(
        content="  We use *Postgres*.\n",
        level="USER_PREFERENCE",
        category="db",
        scope="path:src/a.py",
        project="/home/x",
        tags=("a", "b"),
        importance=1.0,
        source="tool",
        session="s",
        agent="bot",
        valid_from=1795219200.0,
        valid_to=1795305600.5,
        supersedes="0199abcd-12",
        anchors=(Anchor("src/a.py"), Anchor("src/b.py", "f"), Anchor("c.py", "g", "a" * 40, "b" * 64)),
    )


def test_null_is_not_said() -> None:
    assert draft(dict.fromkeys(ALLOWED) | {"content": "x"}) == Draft("x")


def test_the_engine_gives_fields_that_nobody_may_send() -> None:
    assert draft({"content": "x"}, kind="issue", parent="talk", position=3, role="Ann") == Draft(
        "x", kind="issue", parent="talk", position=3, role="Ann"
    )
    for name in ("kind", "parent", "position", "role", "id", "trust", "state"):
        with pytest.raises(UsageError, match=f'no field "{name}"'):
            draft({"content": "x", name: "issue"})
    with pytest.raises(UsageError, match=r"field kind cannot be .*memory, decision"):
        draft({"content": "x"}, kind="fact")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"content": ""}, "content is empty"),
    ({"content": " \n\t"}, "content is empty"),
    ({"content": 5}, "content must be a text, not a number"),
    ({"content": ["x"]}, "content must be a text, not a list"),
    ({"content": b"x"}, "content must be a text, not bytes"),
    ({"content": "x" * (MAX_CONTENT + 1)}, "65,537 characters; at most 65,536"),
    ({"content": "x" * 10_000_000}, "10,000,000 characters"),
    ({"content": "a\0b"}, "NUL"),
    ({"content": "a\ud83eb"}, "surrogate"),
    ({"contents": "x"}, 'no field "contents" .did you mean content'),
    ({"contents": "x", "content": "x"}, "allowed are content, level, category"),
    ({"level": "PREFERENCE"}, "level cannot be .* USER_PREFERENCE, PROJECT_CONTEXT, SESSION_STATE"),
    ({"level": "user_preference"}, "level"),
    ({"level": ["USER_PREFERENCE"]}, "level"),
    ({"category": "a\nb"}, "category .*without quotes"),
    ({"category": "x" * 65}, "at most 64 characters"),
    ({"scope": "everywhere"}, "scope .*global, project, path:"),
    ({"scope": "path:"}, "scope"),
    ({"scope": "path:/etc/passwd"}, "scope"),
    ({"scope": "path:../../etc"}, "scope .*without \\.\\."),
    ({"scope": "path:a/../../b"}, "scope"),
    ({"scope": "path:C:\\x"}, "scope"),
    ({"scope": "path:~/x"}, "scope"),
    ({"scope": "symbol:"}, "scope"),
    ({"scope": "symbol: "}, "scope"),
    ({"scope": "global:x"}, "scope"),
    ({"scope": 7}, "scope"),
    ({"project": "../x"}, "project cannot be .*absolute path of its root, or a plain name"),
    ({"project": "~/x"}, "project"),
    ({"project": "a\\b"}, "project"),
    ({"project": "a\0b"}, "project"),
    ({"project": "x" * 1001}, "project"),
    ({"tags": "a,b"}, "tags cannot be .*a list of texts"),
    ({"tags": ["it's"]}, "tags .*without quotes"),
    ({"tags": ['"x"']}, "tags"),
    ({"tags": ["a\nb"]}, "tags"),
    ({"tags": ["a\u2028b"]}, "tags"),
    ({"tags": ["a,b"]}, "tags"),
    ({"tags": [""]}, "tags that are not empty"),
    ({"tags": [None]}, "tags"),
    ({"tags": {"a": 1}}, "tags"),
    ({"tags": ["x" * 65]}, "tags"),
    ({"tags": ["\ud800"]}, "tags"),
    ({"tags": [str(n) for n in range(33)]}, "33 tags.*at most 32"),
    ({"importance": math.nan}, "importance cannot be NaN; allowed is a number from 0 to 1"),
    ({"importance": math.inf}, "importance"),
    ({"importance": -0.1}, "importance"),
    ({"importance": 1.01}, "importance"),
    ({"importance": True}, "importance cannot be true"),
    ({"importance": "0.5"}, "importance"),
    ({"importance": 10**400}, "importance"),
    ({"importance": 10**5000}, "importance cannot be .*a number"),
    ({"source": "robot"}, "source .*human, tool, import, agent"),
    ({"session": "a\nb"}, "session"),
    ({"session": 5}, "session"),
    ({"agent": "x" * 201}, "agent .*at most 200 characters"),
    ({"valid_from": "yesterday"}, 'valid_from cannot be "yesterday"; allowed is ISO 8601'),
    ({"valid_from": "2026-02-30"}, "valid_from"),
    ({"valid_from": "2026-13-01T00:00:00Z"}, "valid_from"),
    ({"valid_from": "2026-01-01T25:00"}, "valid_from"),
    ({"valid_from": ""}, "valid_from"),
    ({"valid_from": "9" * 70}, "valid_from"),
    ({"valid_from": math.nan}, "valid_from"),
    ({"valid_from": -math.inf}, "valid_from"),
    ({"valid_from": True}, "valid_from"),
    ({"valid_from": [2026]}, "valid_from"),
    ({"valid_from": 1795219200000}, "milliseconds"),
    ({"valid_from": 10**400}, "valid_from"),
    ({"valid_from": "2026-11-21", "valid_to": "2026-11-20"}, 'valid_to cannot be "2026-11-20"; allowed is a time after valid_from .*2026-11-21'),
    ({"valid_from": 5, "valid_to": 5}, "after valid_from"),
    ({"supersedes": "short"}, "supersedes .*at least 8 characters"),
    ({"supersedes": "' OR 1=1 --"}, "supersedes"),
    ({"supersedes": 12345678}, "supersedes"),
    ({"anchors": "src/a.py"}, "anchors cannot be .*a list of anchors"),
    ({"anchors": [5]}, "anchors"),
    ({"anchors": ["/etc/passwd"]}, "anchors .*below the project's root"),
    ({"anchors": ["a/../../b"]}, "anchors"),
    ({"anchors": [""]}, "anchors"),
    ({"anchors": [{"symbol": "f"}]}, "anchors .*an object with path"),
    ({"anchors": [{"path": "a.py", "line": 5}]}, "anchors"),
    ({"anchors": [{"path": "a.py", "blob": "xyz"}]}, "object id of git"),
    ({"anchors": [{"path": "a.py", "commit": 5}]}, "object id of git"),
    ({"anchors": [{"path": ["a.py"]}]}, "anchors"),
    ({"anchors": [f"{n}.py" for n in range(33)]}, "33 anchors.*at most 32"),
]


@pytest.mark.parametrize(("fields", "message"), BAD, ids=[f"{n}-{'-'.join(fields)}" for n, (fields, _) in enumerate(BAD)])
def test_what_may_not_be_sent_is_told_in_one_sentence(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        draft({"content": "x"} | fields)
    said = caught.value.message
    assert len(said) < 500
    assert said.isprintable()
    assert said.endswith(".")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("said", [None, [], "text", 5, True, [("content", "x")], {}])
def test_what_is_no_object_with_content(said: object) -> None:
    with pytest.raises(UsageError, match=r"must be an object with a field content|content is missing"):
        draft(said)
    with pytest.raises(UsageError, match="no field 5"):
        draft({5: "x", "content": "x"})


def test_content_is_never_quoted() -> None:
    for content in ("hunter2\0", "hunter2\ud800", "hunter2" * MAX_CONTENT):
        with pytest.raises(UsageError) as caught:
            draft({"content": content})
        assert "hunter2" not in caught.value.message


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(ALLOWED), _JSON) | _JSON)
def test_any_json_is_a_draft_or_a_usage_error(said: object) -> None:
    try:
        made = draft(said)
    except UsageError as e:
        told = e.message
    else:
        record = memory(made, "id", now=0.0, project="/p")
        assert json.loads(json.dumps(plain(record), allow_nan=False))
        assert restored(json.loads(json.dumps(plain(record)))) == record
        return
    assert told.endswith(".")
    assert told.isprintable()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (0, 0.0),
        (1795219200.25, 1795219200.25),
        (-1, -1.0),
        ("2026-11-21", 1795219200.0),
        ("2026-11-21T01:00:00+01:00", 1795219200.0),
        ("2026-11-21T00:00:00Z", 1795219200.0),
        (" 2026-11-21 00:00 ", 1795219200.0),
        ("20261121T000000", 1795219200.0),
        ("0001-01-01", -62135596800.0),
        ("9999-12-31T23:59:59Z", 253402300799.0),
    ],
)
def test_moments(said: object, seconds: float) -> None:
    assert moment("since", said) == seconds


# ---------------------------------------------------------------------------------------------------------------------- records


def test_the_record_of_a_draft() -> None:
    said = draft({"content": "x", "tags": ["t"], "valid_from": 5, "anchors": ["a.py"]}, kind="decision", role="Ann")
    assert memory(said, "1", now=7.0) == Memory(
        id="1", content="x", kind="decision", tags=("t",), role="Ann", valid_from=5.0, anchors=(Anchor("a.py"),), created=7.0, updated=7.0
    )
    made = memory(draft({"content": "x", "source": "agent"}), "1", now=7.0, project="/p", level="SESSION_STATE", content="y", masked=1, expires=9.0)
    assert (made.scope, made.project, made.trust, made.level, made.content) == ("project", "/p", 0.6, "SESSION_STATE", "y")
    assert (made.masked, made.expires) == (1, 9.0)
    assert memory(draft({"content": "x", "scope": "global", "project": "/p"}), "1").scope == "global"
    assert {memory(draft({"content": "x", "source": source}), "1").trust for source in SOURCES} == set(TRUST.values())


def test_a_scope_within_a_project_needs_one() -> None:
    for scope in ("project", "path:a.py", "symbol:f"):
        with pytest.raises(UsageError, match=f"scope {scope} is within a project"):
            memory(draft({"content": "x", "scope": scope}), "1")
        assert memory(draft({"content": "x", "scope": scope}), "1", project="/p").scope == scope


def test_the_hash_is_of_words_and_place() -> None:
    same = content_hash("We  use é\n", "global", "")
    assert same == content_hash(" We use e\u0301", "global", "")
    assert len(same) == 16
    others = [
        content_hash(*x) for x in [("we use é", "global", ""), ("We use é", "project", ""), ("We use é", "global", "/p"), ("Weuse é", "global", "")]
    ]
    assert len({same, *others}) == 5
    assert Memory("1", "We  use é\n").hash == same


def test_turns_of_a_conversation_are_told_apart_by_their_place_and_paragraphs_are_not() -> None:
    alone, paragraph = Memory("1", "Yes."), Memory("1", "Yes.", parent="notes.md", position=1)
    assert alone.hash == paragraph.hash == replace(paragraph, position=2).hash == replace(alone, role="Ann").hash
    turn = Memory("1", "Yes.", parent="talk", position=1, role="Ann")
    assert turn.hash == replace(turn, content=" Yes. ", id="2").hash
    others = [turn, paragraph, replace(turn, position=2), replace(turn, role="Ben"), replace(turn, parent="talk 2"), replace(turn, content="No.")]
    assert len({m.hash for m in others}) == 6


def test_live_and_valid() -> None:
    m = Memory("1", "x", valid_from=5.0, valid_to=9.0, expires=7.0)
    assert [is_valid(m, at) for at in (4.9, 5.0, 8.9, 9.0)] == [False, True, True, False]
    assert [is_live(m, at) for at in (6.9, 7.0)] == [True, False]
    assert not is_live(replace(m, forgotten=1.0), 6.0)
    assert not is_live(replace(m, superseded_by="2"), 6.0)
    assert is_live(Memory("1", "x"), math.inf)
    assert is_valid(Memory("1", "x"), -math.inf)


def test_names() -> None:
    assert len(LEVELS) == 3
    assert len(KINDS) == 8
    assert {0 <= trust <= 1 for trust in TRUST.values()} == {True}
