"""Times that questions name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma.memory.when import named_span

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("what did we decide yesterday?", "2026-11-20", "2026-11-21"),
        ("what broke last night", "2026-11-20", "2026-11-21"),
        ("tasks of this morning", "2026-11-21", "2026-11-22"),
        ("what changed today", "2026-11-21", "2026-11-22"),
        ("the plan from last week", "2026-11-09", "2026-11-16"),
        ("progress this week", "2026-11-16", "2026-11-23"),
        ("what did Ana say last month", "2026-10-01", "2026-11-01"),
        ("goals of this year", "2026-01-01", "2027-01-01"),
        ("decisions of last year", "2025-01-01", "2026-01-01"),
        ("three days ago we moved the cache", "2026-11-18", "2026-11-21T15:30"),
        ("what happened 2 months ago", "2026-09-01", "2026-11-21T15:30"),
        ("in the last 7 days", "2026-11-14", "2026-11-21T15:30"),
        ("over the past two weeks", "2026-11-07", "2026-11-21T15:30"),
        ("since March", "2026-03-01", None),
        ("what was decided in December", "2025-12-01", "2026-01-01"),
        ("in May 2023", "2023-05-01", "2023-06-01"),
        ("on 7 May 2023", "2023-05-07", "2023-05-08"),
        ("on the 3rd of June", "2026-06-03", "2026-06-04"),
        ("on May 7th, 2023", "2023-05-07", "2023-05-08"),
        ("on 2024-03-05", "2024-03-05", "2024-03-06"),
        ("after 2024-03-05", "2024-03-06", None),
        ("before 2024-03-05", None, "2024-03-05"),
        ("until 2024-03-05", None, "2024-03-06"),
        ("what did we use in 2023?", "2023-01-01", "2024-01-01"),
        ("before 2020", None, "2020-01-01"),
        ("what happened on Monday", "2026-11-16", "2026-11-17"),
        ("last saturday", "2026-11-14", "2026-11-15"),
    ],
)
def test_a_span(text: str, since: str | None, until: str | None) -> None:
    found = named_span(text, NOW)
    assert found is not None
    at = lambda s: None if s is None else datetime.fromisoformat(s).replace(tzinfo=UTC).timestamp()  # noqa: E731
    assert (found.since, found.until) == (at(since), at(until)), found


@pytest.mark.parametrize(
    "text",
    [
        "where is the cache",
        "may I march on",
        "",
        "port 2023 is taken",
        "version 2024.1",
        "on the 45th of June",
        "2024-13-45",
        "a day in the life",
        "week",
    ],
)
def test_no_time(text: str) -> None:
    assert named_span(text, NOW) is None


@given(text=st.text(max_size=80))
def test_any_text(text: str) -> None:
    span = named_span(text, NOW)
    assert span is None or span.since is None or span.until is None or span.since < span.until


@given(count=st.integers(0, 9999), unit=st.sampled_from(["minute", "hour", "day", "week", "month", "year"]), now=st.datetimes(timezones=st.just(UTC)))
def test_ago_in_any_year(count: int, unit: str, now: datetime) -> None:
    span = named_span(f"{count} {unit}s ago", now)
    assert span is None or span.until == pytest.approx(now.timestamp())
