"""Are the school holidays what a school could have, and are the ones that are not known said to be missing?"""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from collector.model import Region
from dashboard.holidays import Break, Holiday, calendar, read
from dashboard.period import Span

NORTH, MIDDLE, SOUTH = Region.NORTH, Region.MIDDLE, Region.SOUTH
SATURDAY, SUNDAY = 5, 6
DAYS = {Break.AUTUMN: 9, Break.CHRISTMAS: 16, Break.SPRING: 9, Break.MAY: 9, Break.SUMMER: 44}


@pytest.mark.parametrize("holiday", calendar().holidays, ids=lambda each: f"{each.region}-{each.name}-{each.first}")
def test_a_holiday_runs_from_a_saturday_to_a_sunday(holiday: Holiday) -> None:
    """Each holiday begins on a Saturday, ends on a Sunday and is as long as its kind is."""
    assert (holiday.first.weekday(), holiday.last.weekday()) == (SATURDAY, SUNDAY)
    assert Span(holiday.first, holiday.last).days == DAYS[holiday.name]


@pytest.mark.parametrize("region", Region)
def test_no_two_holidays_of_a_region_overlap(region: Region) -> None:
    """In a region one holiday follows another, with weeks of school between them."""
    own = sorted((each for each in calendar().holidays if each.region == region), key=lambda each: each.first)
    assert all(one.last + timedelta(28) < other.first for one, other in pairwise(own))


def test_regions_are_a_week_or_two_apart() -> None:
    """Autumn, spring and summer of one school year lie within two weeks of each other; the rest is everybody's."""
    first: dict[tuple[Break, int], set[date]] = {}
    for each in calendar().holidays:
        first.setdefault((each.name, each.first.year), set()).add(each.first)
    for (name, _), days in first.items():
        apart = max(days) - min(days)
        assert apart <= timedelta(14 if name is Break.SUMMER else 0 if name in {Break.CHRISTMAS, Break.MAY} else 7)
        assert name is not Break.SUMMER or len(days) in {1, 3}


def test_the_file_is_complete_until_it_says() -> None:
    """Up to the day that the file names no holiday of any region is missing; after it one is."""
    known = calendar()
    begin = date(min(known.years), 8, 1)
    # The summer before the first school year is not part of the file.
    since = date(begin.year, 9, 9)
    assert known.missing(list(Region), Span(since, known.complete_until)) == []
    assert known.missing(list(Region), Span(since, known.complete_until + timedelta(31)))
    assert known.complete_until >= known.written_on
    assert known.source.startswith("https://www.rijksoverheid.nl/")


def test_what_is_not_known_is_said_by_name() -> None:
    """A holiday that may lie in a period and is not known is named, for the regions that it is not known of."""
    year = Span(date(2027, 1, 1), date(2027, 8, 31))
    assert calendar().missing([MIDDLE], year) == [(Break.MAY, 2027)]
    assert calendar().missing([SOUTH], year) == [(Break.SPRING, 2027), (Break.MAY, 2027), (Break.SUMMER, 2027)]
    assert calendar().missing([SOUTH], Span(date(2027, 5, 15), date(2027, 6, 20))) == []
    assert calendar().missing([], year) == []


def test_all_that_is_missing_is_known_to_be() -> None:
    """Of the school years that the file speaks of, six dates are not known, and those are named in it."""
    years = calendar().years
    whole = Span(date(min(years), 9, 9), date(max(years) + 1, 9, 30))
    assert years == (2024, 2025, 2026, 2027, 2028)
    missing = [(region, *each) for region in Region for each in calendar().missing([region], whole)]
    assert sorted(missing) == [
        (MIDDLE, Break.MAY, 2027),
        (NORTH, Break.MAY, 2027),
        (NORTH, Break.SUMMER, 2027),
        (SOUTH, Break.MAY, 2027),
        (SOUTH, Break.SPRING, 2027),
        (SOUTH, Break.SUMMER, 2027),
    ]


def test_several_regions_share_the_days_they_have_in_common() -> None:
    """Of two regions only the days are shown on which the schools of both are closed."""
    summer = Span(date(2025, 6, 1), date(2025, 9, 30))
    assert [(each.first, each.last) for each in calendar().shared([SOUTH], summer)] == [
        (date(2025, 7, 5), date(2025, 8, 17))
    ]
    assert [(each.first, each.last) for each in calendar().shared([SOUTH, MIDDLE], summer)] == [
        (date(2025, 7, 19), date(2025, 8, 17))
    ]
    assert calendar().shared([], summer) == []
    autumn = Span(date(2026, 10, 1), date(2026, 10, 31))
    assert [each.first.day for each in calendar().shared([NORTH, SOUTH], autumn)] == [17]


def test_a_holiday_is_cut_where_the_period_ends() -> None:
    """What is shown of a holiday lies in the period."""
    found = calendar().shared([NORTH], Span(date(2026, 1, 2), date(2026, 1, 31)))
    assert [(each.name, each.first, each.last) for each in found] == [
        (Break.CHRISTMAS, date(2026, 1, 2), date(2026, 1, 4))
    ]


@pytest.mark.parametrize("line", ["autum.noord = [2024-10-26, 2024-11-03]", "autumn.oost = [2024-10-26, 2024-11-03]"])
def test_a_slip_of_the_pen_is_no_holiday(line: str) -> None:
    """A holiday or region that there is not is refused when the file is read."""
    head = 'source = ""\nwritten_on = 2026-01-01\ncomplete_until = 2026-01-01\n["2024-2025"]\n'
    with pytest.raises(ValueError, match="is not a valid"):
        read(head + line)
