"""Settling: what a text is to one that is known. A table of cases, most of them such that two facts must stay apart."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma.memory.settle import Decision, relation, settle
from groma.records import Memory

DUPLICATE = [
    ("We use Postgres.", "we use postgres"),
    ("We use PostgreSQL for the job queue.", "We use Postgres for the job queue"),
    ("The API listens on port 8080.", "API listens on port 8080"),
    ("Always run `make lint` before committing.", "Run `make lint` before committing."),
    ("The supported formats are JSON, YAML and TOML.", "The supported formats are TOML, JSON and YAML."),
    ("Please use tabs for indentation!", "Use tabs for indentation"),
    ("Don't commit to main directly.", "Do not commit to main directly"),
    ("Configuration is stored in `config/app.toml`.", "Config is stored in `config/app.toml`"),
    ("The timeout is 30 seconds", "The timeout is 30s"),
    ("Retries: three", "Retries: 3"),
    ("The repo's docs live in docs/", "The repository docs live in docs"),
    ("Use ruff for linting.", "Use Ruff for linting"),
    ("Tests must run in CI.", "Tests run in CI."),
]

REFINES = [
    ("We use Postgres for the job queue.", "We use Postgres for the job queue, with SKIP LOCKED and one worker per core."),
    ("Run the tests with pytest.", "Run the tests with pytest -n auto."),
    ("The API listens on port 8080.", "The API listens on port 8080 behind nginx."),
    ("Data is aggregated into daily summaries.", "Data is aggregated into daily summaries and session summaries."),
    ("`get_node_info` - Get comprehensive information about a node", "`get_node_info` - Get comprehensive information about a node (properties)"),
    ("Imports go to the top of the file.", "Imports go to the top of the file, sorted by ruff."),
    ("The user prefers short answers.", "The user prefers short answers without bullet lists."),
    ("Backups run at 02:00.", "Backups run at 02:00 and are kept in Glacier."),
    ("Never amend commits.", "Never amend commits that were pushed."),
]

SUPERSEDES = [
    # another number, version, amount
    ("The API listens on port 8080.", "The API listens on port 9090."),
    ("The API listens on port 8080.", "The API now listens on port 9090."),
    ("Test timeouts: default 3s - optimize or mark as integration tests", "Test timeouts: default 5s - optimize or mark as integration tests"),
    ("This project uses StyLua version 0.19.0 for formatting.", "This project uses StyLua version 2.1.0 for formatting."),
    ("The session expires after 30 minutes.", "The session expires after 15 minutes."),
    ("Multi-version testing: Python 3.9-3.13 support", "Multi-version testing: Python 3.10-3.13 support"),
    ("Coverage must be at least 80%.", "Coverage must be at least 90%."),
    ("The upload limit is 10 MB.", "The upload limit is 25 MB."),
    ("Pull the latest image (~283MB)", "Pull the latest image (~150MB)"),
    ("The minimum supported Rust version is 1.70.", "The minimum supported Rust version is 1.77."),
    # another name or path
    ("Type checking: `uv run pyright`", "Type checking: `uv run ty check`"),
    ("Type hints must pass `make mypy`.", "Type hints must pass `make typecheck`."),
    ("Configuration is stored in config/app.yml.", "Configuration is stored in config/app.toml."),
    ("The published launcher is `src/cli.ts`.", "The published launcher is `src/cli.js`."),
    ("`bun run build` - Build distribution files with tsdown", "`pnpm run build` - Build distribution files with tsdown"),
    ("The default model is gpt-4o.", "The default model is gpt-5."),
    ("Auth lives in src/auth.py.", "Auth lives in src/security/auth.py."),
    ("The login handler is `do_login` in the web module.", "The login handler is `authenticate` in the web module."),
    # another choice
    ("We use npm as package manager.", "We use pnpm as package manager."),
    ("We use Jest for unit tests.", "We switched to Vitest for unit tests."),
    ("We use Jest for unit tests.", "We switched from Jest to Vitest for unit tests."),
    ("We use npm.", "We switched from npm to pnpm."),
    ("Uses Biome for formatting with tab indentation", "Uses ESLint for formatting with tab indentation"),
    ("Releases are built with setuptools.", "Releases are built with hatchling instead of setuptools."),
    ("Deployments go through Jenkins.", "Deployments no longer go through Jenkins."),
    ("The search service is written in Python.", "The search service has been rewritten, it is now written in Rust."),
    ("Auth is handled by Keycloak.", "Auth is now handled by our own OAuth service."),
    ("We deploy with Helm charts.", "We replaced Helm charts with Kustomize."),
    ("The queue is Redis.", "The queue is now Postgres; it was Redis."),
    ("Standup is at 9:30 on weekdays.", "Standup is at 10:00 on weekdays."),
    ("The logo colour is #ff0000.", "Correction: the logo colour is #00ff00."),
    ("Dates are formatted with moment.js.", "Moment.js was replaced by date-fns for formatting dates."),
    ("The entry point of the parser is `parse_all`.", "The entry point of the parser, `parse_all`, was renamed to `parse`."),
    ("We store sessions in Redis.", "Sessions moved from Redis to Postgres."),
    ("Timeout is 3s", "Timeout: 3s → 5s"),
    ("The user prefers tabs.", "The user prefers spaces, not tabs."),
    ("Feature flags come from LaunchDarkly.", "We dropped LaunchDarkly in favour of our own feature flags."),
    # the opposite
    ("Commit generated files.", "Do not commit generated files."),
    ("The API supports XML.", "The API no longer supports XML."),
    ("Telemetry is enabled by default.", "Telemetry is disabled by default."),
    ("Don't use `await import()` in tests.", "Use `await import()` in tests."),
    ("Type annotations are required in tests.", "Type annotations are optional in tests."),
]

NEW = [
    # another subject
    ("Service A listens on port 8080.", "Service B listens on port 9090."),
    ("Service A listens on port 8080.", "Service B listens on port 8080."),
    ("The billing service uses Postgres 15.", "The search service uses Postgres 16."),
    ("The billing database runs on Postgres.", "The analytics database runs on ClickHouse."),
    ("The port of the API is 8080.", "The port of the metrics endpoint is 9090."),
    ("The session timeout is 30 minutes.", "The request timeout is 30 seconds."),
    ("The session timeout is 30 minutes.", "The request timeout is 15 minutes."),
    ("Alice owns the billing module.", "Bob owns the search module."),
    ("Alice owns the billing module.", "Bob reviews the billing module."),
    ("The upload limit is 10 MB.", "The download limit is 25 MB."),
    ("Lint: `ruff check .`", "Format: `ruff format .`"),
    ("`bun run lint` - Lint code with ESLint", "`bun run format` - Format code with ESLint"),
    ("`npm run build` - Build the project", "`npm run test` - Test the project"),
    ("`ccusage daily` - Show daily report", "`ccusage monthly` - Show monthly report"),
    ("`get_user` - Fetch a user by id", "`get_order` - Fetch an order by id"),
    ("Integration: `uv run pytest -m integration`", "Unit: `uv run pytest -m unit`"),
    # another environment or platform
    ("The staging database is at db1.example.org.", "The production database is at db2.example.org."),
    ("On staging the API listens on port 8080.", "On production the API listens on port 9090."),
    ("The API listens on port 8080 in development.", "The API listens on port 80 in production."),
    ("On Linux the cache lives in ~/.cache/app.", "On macOS the cache lives in ~/Library/Caches/app."),
    ("The iOS app requires version 16.", "The Android app requires version 12."),
    ("The frontend uses React.", "The backend uses FastAPI."),
    ("The client retries 3 times.", "The server retries 5 times."),
    ("Unit tests run with pytest.", "Integration tests run with docker compose."),
    ("The primary has 16 GB of memory.", "The replica has 8 GB of memory."),
    # another file, module, function
    ("`parse` in src/a.py raises ValueError.", "`parse` in src/b.py raises KeyError."),
    ("Tests for the parser are in tests/parser.", "Tests for the lexer are in tests/lexer."),
    ("Run pytest before committing changes to the parser module.", "Run pytest before committing changes to the lexer module."),
    ("src/a.py is generated; do not edit it.", "src/b.py is generated; do not edit it."),
    # numbers that only name something
    ("Phase 1: quick wins sprint", "Phase 2: quick wins sprint"),
    ("Issue #12 is blocked by the upstream parser.", "Issue #13 is blocked by the upstream parser."),
    ("Step 3: run the migrations.", "Step 4: run the migrations."),
    ("Error 404 means the page is missing.", "Error 500 means the server failed."),
    ("Exit code 3 means a bad setting.", "Exit code 4 means an unreachable store."),
    # choices that may stand side by side
    ("We use Postgres.", "We use Redis."),
    ("We use Redis for caching.", "We use Postgres for the job queue."),
    ("The team uses Slack for chat.", "The team uses Linear for tickets."),
    ("The user likes Python.", "The user likes Rust."),
    ("The API supports JSON.", "The CLI no longer supports XML."),
    # marks of change about something else
    ("npm audit runs nightly.", "We switched from npm to pnpm for the docs site."),
    ("The legacy CRM runs on MySQL.", "Use Postgres, not MySQL, for the billing database."),
    ("The API listens on port 8080.", "The worker now listens on port 9090."),
    ("We use Jest for unit tests.", "We switched to Terraform for the staging cluster."),
    # direction, tense, time, questions
    ("Data is copied from Redis to Postgres.", "Data is copied to Redis from Postgres."),
    ("The API calls the worker.", "The API is called by the worker."),
    ("Run lint before the tests.", "Run the tests before the build."),
    ("Is the API on port 8080?", "The API is on port 8080."),
    ("The API was on port 8080.", "The API is on port 8080."),
    ("You may use eval in tests.", "Use eval in tests."),
    # of no kin
    ("We use Postgres for the job queue.", "The user prefers short answers."),
    ("Deploys happen on Thursdays.", "Releases need two approvals."),
    ("Logs are in JSON.", "Traces are sampled at 10%."),
]

CASES = [
    (*pair, outcome)
    for outcome, pairs in (("duplicate", DUPLICATE), ("refines", REFINES), ("supersedes", SUPERSEDES), ("new", NEW))
    for pair in pairs
]


@pytest.mark.parametrize(("old", "new", "outcome"), CASES)
def test_the_table(old: str, new: str, outcome: str) -> None:
    found, reason = relation(old, new, 0.5)
    assert found == outcome, reason
    assert reason


class Beside(NamedTuple):
    memory: Memory
    cosine: float = 0.8
    covered: float = 0.5


def known(content: str, id: str = "old", **more: object) -> Memory:
    return Memory(**{"id": id, "content": content, "project": "/p", "scope": "project", **more})  # type: ignore[arg-type]


NEWER = known("The API listens on port 9090.", "new")


def test_nothing_near_is_new() -> None:
    assert settle(NEWER, []).outcome == "new"
    assert settle(NEWER, [Beside(known("Logs are in JSON."))]) == Decision("new", None, "nothing that is known says this")


def test_the_decision_names_its_target_and_reason() -> None:
    found = settle(NEWER, [Beside(known("Logs are in JSON.", "a")), Beside(known("The API listens on port 8080.", "b"))])
    assert found == Decision("supersedes", "b", "says '9090' where '8080' was said")


def test_the_same_wins_over_another_value_and_that_over_more() -> None:
    value = Beside(known("The API listens on port 8080.", "a"), 0.99)
    same = Beside(known("API listens on port 9090", "b"), 0.1)
    less = Beside(known("The API listens on port.", "c"), 1.0)
    assert settle(NEWER, [value, same, less]).target == "b"
    assert settle(NEWER, [less, value]).target == "a"
    assert settle(NEWER, [less]) == Decision("refines", "c", "adds '9090'")


def test_of_several_the_nearest() -> None:
    olds = [Beside(known(f"The API listens on port {port}.", f"{port}"), cosine) for port, cosine in ((1, 0.5), (2, 0.9), (3, 0.7), (4, 0.9))]
    assert settle(NEWER, olds).target == "2"
    assert settle(NEWER, olds[::-1]).target == "2"


@pytest.mark.parametrize(
    "change",
    [
        {"project": "/q"},
        {"scope": "path:src/a.py"},
        {"scope": "global", "project": ""},
        {"superseded_by": "x"},
        {"forgotten": 1.0},
        {"state": "quarantined"},
        {"parent": "talk"},
        {"level": "SESSION_STATE", "session": "s"},
        {"tags": ("staging",)},
        {"id": "new"},
    ],
)
def test_what_is_elsewhere_or_stands_no_more_is_not_compared(change: dict[str, object]) -> None:
    old = known("The API listens on port 8080.")
    assert settle(NEWER, [Beside(old)]).outcome == "supersedes"
    assert settle(NEWER, [Beside(replace(old, **change))]).outcome == "new"  # type: ignore[arg-type]


def test_sessions_have_their_own_state() -> None:
    one = known("Working on branch a1 of the parser.", level="SESSION_STATE", session="s")
    two = known("Working on branch b2 of the parser.", "new", level="SESSION_STATE", session="s")
    assert settle(two, [Beside(one)]).outcome == "supersedes"
    assert settle(replace(two, session="t"), [Beside(one)]).outcome == "new"


def test_a_unit_of_a_conversation_is_kept_as_it_was_said() -> None:
    assert settle(replace(NEWER, parent="talk"), [Beside(known("The API listens on port 9090."))]).outcome == "new"


_TEXT = st.text(max_size=80)
_WORDS = st.lists(
    st.sampled_from("the api listens on port 8080 we use postgres for `a_b` not staging now from to , . and queue Redis 3.9".split()), max_size=12
)


@given(_TEXT | _WORDS.map(" ".join), _TEXT | _WORDS.map(" ".join))
def test_any_two_texts_have_a_relation_and_a_text_is_itself(old: str, new: str) -> None:
    outcome, reason = relation(old, new)
    assert outcome in ("new", "duplicate", "refines", "supersedes")
    assert reason
    assert relation(new, new)[0] in ("duplicate", "new")


@given(_WORDS, st.integers(0, 12), st.sampled_from(["7", "not", "9.1", "`other`", "Kafka", "production"]))
def test_nothing_that_makes_a_difference_is_lost_as_a_duplicate(words: list[str], place: int, more: str) -> None:
    old, new = " ".join(words), " ".join([*words[:place], more, *words[place:]])
    assert relation(old, new)[0] != "duplicate"
    assert relation(new, old)[0] != "duplicate"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Use C for the parser.", "Use C++ for the parser."),
        ("It needs Python 3.9.", "It needs Python 3.9+."),
        ("Port 80 80 is open.", "Port 8080 is open."),
        ("The entry is `parse`.", "The entry is `Parse`."),
        ("x = a - b", "x = a + b"),
        ("foo(a, b)", "foo(b, a)"),
        ("Upgrade to Node 20.", "Downgrade to Node 20."),
        ("He prefers tabs.", "She prefers tabs."),
        ("We prefer tabs.", "We use tabs."),
        ("Run `make -n` first.", "Run `make n` first."),
        ("Fail if a < b.", "Fail if a > b."),
        ("Tests run on main.", "Tests ran on every branch."),
    ],
)
def test_a_small_difference_is_a_difference(one: str, other: str) -> None:
    assert relation(one, other)[0] != "duplicate"
    assert relation(other, one)[0] != "duplicate"
