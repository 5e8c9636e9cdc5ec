"""Does a period cover the days that its name says, and does it know its neighbours?"""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.period import CALENDAR, PERIOD_DAYS_MAX, Period, PeriodKind, shift
from dashboard.query import Query

TODAY = date(2026, 11, 24)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))
PERIODS = st.one_of(
    st.sampled_from(["today", "yesterday", "7d", "28d", "90d", "12mo", "all"]).map(Period.parse),
    DAYS.map(Period.month),
    DAYS.map(Period.year),
    DAYS.map(Period.school_year),
    st.builds(Period.own, DAYS, DAYS),
)


@given(PERIODS)
def test_a_period_can_be_written_and_read_back(period: Period) -> None:
    """What stands in an address says the whole period."""
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("yesterday", "2026-11-23", "2026-11-23"),
        ("2026", "2026-01-01", "2026-11-23"),
        ("2025", "2025-01-01", "2025-12-31"),
        ("2026-2027", "2026-08-01", "2026-11-23"),
        ("2025-2026", "2025-08-01", "2026-07-31"),
        ("2023-2024", "2023-08-01", "2024-07-31"),
        ("12mo", "2025-12-01", "2026-11-23"),
        ("all", "2024-10-25", "2026-11-23"),
        ("2027", "2026-11-24", "2026-11-24"),
    ],
)
def test_a_period_covers_what_its_name_says(text: str, first: str, last: str) -> None:
    """A school year runs from 1 August to 31 July, and what is not over ends yesterday."""
    span = Period.parse(text).span(TODAY)
    assert (str(span.first), str(span.last)) == (first, last)


@pytest.mark.parametrize(
    "text", ["2025-2027", "2026-2025", "0000", "99999", "9999-10000", "2026-13", "1mo", "tomorrow"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    """A school year is two years in a row, and a year is one there is."""
    with pytest.raises(Exception, match="not known here"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("first_day", "first"),
    [(date(2026, 11, 2), "2026-11-02"), (TODAY, "2026-11-23"), (date(2020, 1, 1), "2024-10-25"), (None, "2024-10-25")],
)
def test_everything_begins_with_the_first_closed_day(first_day: date | None, first: str) -> None:
    """Everything is what was kept: from the first closed day, and no longer than cells are kept."""
    span = Period.parse("all").since(first_day).span(TODAY)
    assert (str(span.first), str(span.last)) == (first, "2026-11-23")
    assert Period.parse("7d").since(first_day) == Period.parse("7d")


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("today", "yesterday", None),
        ("yesterday", "2026-11-22..2026-11-22", "today"),
        ("7d", "2026-11-10..2026-11-16", None),
        ("2026-11-10..2026-11-16", "2026-11-03..2026-11-09", "7d"),
        ("2026-11", "2026-10", None),
        ("2025", "2024", "2026"),
        ("2025-2026", "2024-2025", "2026-2027"),
        ("2026-2027", "2025-2026", None),
        ("2026-11-22..2026-11-22", "2026-11-21..2026-11-21", "yesterday"),
        ("all", None, None),
    ],
)
def test_every_period_has_its_neighbours(text: str, before: str | None, after: str | None) -> None:
    """One step leads to the period of the same kind or length; nothing comes after the present."""
    period = Period.parse(text)
    steps = [period.step(way, today=TODAY) for way in (-1, 1)]
    assert [str(step) if step else None for step in steps] == [before, after]


@given(PERIODS, DAYS)
def test_a_step_back_and_forth_is_none(period: Period, today: date) -> None:
    """The period after the one before covers the same days, where that period is over."""
    before = period.step(-1, today=today)
    assert (before is None) == (period.kind is PeriodKind.ALL) or period.kind in CALENDAR
    span = period.span(today)
    if before and span.first < today and period.span(date.max) == span:
        again = before.step(1, today=today)
        assert again
        assert again.span(today) == span


@given(PERIODS, DAYS, st.sampled_from([0, 28, 364]))
def test_a_period_never_overlaps_the_one_it_is_compared_with(period: Period, today: date, compare: int) -> None:
    """A compared period lies before the period, on the same weekdays, without a day in common."""
    span = period.span(today)
    days = shift(span, compare)
    assert span.first <= span.last <= today
    assert span.days <= PERIOD_DAYS_MAX
    assert days % 7 == 0
    assert not days or span.before(days).last < span.first
    assert Query(sites=("school",), compare=compare).shift(span) == days


@pytest.mark.parametrize(
    ("text", "compare", "days"),
    [("28d", 28, 28), ("90d", 28, 364), ("28d", 364, 364), ("2025", 364, 371), ("2023-2024", 364, 371), ("all", 28, 0)],
)
def test_a_comparison_is_as_near_as_it_can_be(text: str, compare: int, days: int) -> None:
    """What is too long for 28 days is compared over 52 weeks, a whole year over 53, and more over nothing."""
    assert shift(Period.parse(text).span(TODAY), compare) == days


def test_a_long_period_ends_where_it_was_asked_to() -> None:
    """No period is longer than what is kept."""
    period = Period.own(date(2000, 1, 1), date(2026, 1, 1))
    assert period.last == date(2026, 1, 1)
    assert period.span(TODAY).days == PERIOD_DAYS_MAX
    assert period.first == date(2026, 1, 1) - timedelta(PERIOD_DAYS_MAX - 1)
