"""Lay the hours of many days out by weekday: when is a site looked at? From blocks of hours, as they were closed."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import msgspec

from collector.policy import HOUR_ROWS_DAYS_MAX
from dashboard.query import Span

HOURS: Final = 24
WEEKDAYS: Final = 7
#: Shades of a figure: the lightest is up to a fifth of the most.
SHADES: Final = 5


class Block(msgspec.Struct, frozen=True):
    """Hold a block of hours of a closed day; *over* is the hour in which it ended, `pageviews` None is withheld."""

    site: str
    day: date
    first: int
    over: int
    pageviews: int | None


class Square(msgspec.Struct, frozen=True):
    """Hold one hour of one weekday.

    Attributes:
        mean: Pageviews on such a day in that hour; None where no day has a figure.
        is_about: Whether some of it was a block of several hours, spread evenly, or is missing on some days.
        shade: 1 to `SHADES`; 0 where there is no figure.
    """

    mean: float | None
    is_about: bool
    shade: int


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the hours of a period by weekday.

    Attributes:
        span: The days that could have figures.
        days: Closed days that have them.
        rows: 24 hours of seven weekdays each, from Monday.
        most: The largest mean.
        has_about: Whether any figure was spread.
        has_none: Whether any hour has no figure.
    """

    span: Span
    days: int
    rows: list[list[Square]]
    most: float
    has_about: bool
    has_none: bool


def kept_hours(span: Span, *, today: date) -> Span | None:
    """Return the part of *span* of which hours are still kept; None where that is nothing."""
    first = max(span.first, today - timedelta(HOUR_ROWS_DAYS_MAX - 1))
    return Span(first, span.last) if first <= span.last else None


def read_block(site: str, day: date, name: str, pageviews: int | None) -> Block | None:
    """Return a block by its name `HH-HH`; None of the hours that are told together as small groups."""
    first, between, over = name.partition("-")
    if not between or not first.isdigit() or not over.isdigit():
        return None
    return Block(site, day, int(first), int(over), pageviews)


def heat(blocks: Iterable[Block], span: Span) -> Heat:
    """Return *blocks* by hour and weekday.

    A block of several hours is spread evenly over them. An hour that lies in no block of a day counts as none of that
    day's views: somebody may have been there, but too few to be told from the hours beside.
    """
    sums = [[0.0] * WEEKDAYS for _ in range(HOURS)]
    seen: list[list[set[tuple[str, date]]]] = [[set() for _ in range(WEEKDAYS)] for _ in range(HOURS)]
    about = [[False] * WEEKDAYS for _ in range(HOURS)]
    days: list[set[tuple[str, date]]] = [set() for _ in range(WEEKDAYS)]
    for block in blocks:
        if block.pageviews is None:
            continue
        weekday, length = block.day.weekday(), block.over - block.first
        days[weekday].add((block.site, block.day))
        for hour in range(block.first, block.over):
            sums[hour][weekday] += block.pageviews / length
            seen[hour][weekday].add((block.site, block.day))
            about[hour][weekday] |= length > 1
    dates = [len({day for _, day in one}) for one in days]
    means = [
        [sums[hour][weekday] / dates[weekday] if seen[hour][weekday] else None for weekday in range(WEEKDAYS)]
        for hour in range(HOURS)
    ]
    most = max((mean for row in means for mean in row if mean is not None), default=0.0)
    rows = [
        [
            _square(
                means[hour][weekday],
                most,
                is_about=about[hour][weekday] or seen[hour][weekday] != days[weekday],
            )
            for weekday in range(WEEKDAYS)
        ]
        for hour in range(HOURS)
    ]
    squares = [square for row in rows for square in row]
    return Heat(
        span=span,
        days=len({day for one in days for _, day in one}),
        rows=rows,
        most=most,
        has_about=any(square.mean is not None and square.is_about for square in squares),
        has_none=any(square.mean is None for square in squares),
    )


def _square(mean: float | None, most: float, *, is_about: bool) -> Square:
    if mean is None or not most:
        return Square(None, is_about, 0)
    return Square(mean, is_about, min(int(mean / most * SHADES), SHADES - 1) + 1)
