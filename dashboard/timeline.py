"""Lay what was counted out in time: days, weeks, or the blocks of hours of one day."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from collector.model import Dimension
from dashboard import sql
from dashboard.cells import DayRow, HourRow, Rows, SeriesRow
from dashboard.metrics import METRICS, Amount, Key, Metric, Tally, Unit, add, bounded, total
from dashboard.period import Period, PeriodKind, Span
from dashboard.plan import Plan
from dashboard.query import Filter

#: Longer periods are drawn and listed by week.
DAILY_POINTS_MAX: Final = 120
_WEEK: Final = 7


class State(StrEnum):
    """Name how a stretch of time ended."""

    KEPT = "kept"
    BELOW_K = "below_k"
    LOST = "lost"
    RUNNING = "running"
    EMPTY = "empty"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one place on the time axis.

    Attributes:
        first: First day.
        last: Last day; the same unless weeks are drawn.
        hours: First hour and the hour in which the block is over, of a single day drawn by hours.
        previous: The same stretch of the compared period, where there is one.
        is_counted: Whether the figures above the chart hold it; the running day after closed ones is not in them.
        is_whole: Whether all days of a week are in the period; at its ends there may be fewer.
    """

    first: date
    last: date
    state: State
    tally: Tally
    hours: tuple[int, int] | None = None
    previous: Tally | None = None
    is_counted: bool = True
    is_whole: bool = True

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.last - self.first).days + 1


def value_of(tally: Tally | None, metric: Metric) -> float | None:
    """Return what is drawn of a figure; a share stays between its bounds."""
    amount = tally.get(metric.key) if tally else None
    value = amount.value if amount else None
    return bounded(value) if value is not None and metric.unit is Unit.SHARE else value


def _is_line(row: SeriesRow, filtered: Filter | None) -> bool:
    return row.dimension == (filtered.dimension if filtered else Dimension.TOTAL)


def by_day(rows: Rows, stretch: int, filtered: Filter | None) -> dict[date, Tally]:
    """Return what each day of a stretch came to."""
    return {row.day: row.tally for row in rows.series if row.stretch == stretch and _is_line(row, filtered)}


def unfinished(rows: Rows, filtered: Filter | None, *, today: date) -> dict[date, Tally]:
    """Return what is known of parts that run or were lost.

    Pageviews are those of the committed hours. Visitors of a running part come from its snapshot; of a lost one at
    least as many came as in its fullest block, since blocks share visitors.
    """
    found: dict[date, Tally] = {}
    if filtered is None:
        parts: dict[tuple[date, str, int], list[HourRow]] = {}
        for row in rows.hours:
            parts.setdefault((row.day, row.site, row.part), []).append(row)
        for (day, _, _), hours in parts.items():
            visitors = max(row.visitors for row in hours) if hours[0].is_lost else None
            tally = _only(pageviews=sum(row.pageviews for row in hours), visitors=visitors)
            found[day] = add(found.get(day, {}), tally)
    for seen in rows.series:
        if seen.stretch != sql.SNAPSHOT or not _is_line(seen, filtered):
            continue
        amount = seen.tally[Key.VISITORS]
        tally = found.get(today) or {key: Amount(cells=amount.cells) for key in METRICS}
        lost = tally[Key.VISITORS]
        cells = max(lost.cells, lost.covered + amount.covered)
        came = Amount(lost.numerator + amount.numerator, None, lost.covered + amount.covered, cells)
        found[today] = tally | {Key.VISITORS: came}
    return found


def _only(*, pageviews: int, visitors: int | None) -> Tally:
    tally = {key: Amount(cells=1) for key in METRICS}
    tally[Key.PAGEVIEWS] = Amount(pageviews, None, 1, 1)
    if visitors is not None:
        tally[Key.VISITORS] = Amount(visitors, None, 1, 1)
    return tally


def state_of(day: date, row: DayRow | None, *, today: date) -> State:
    """Tell how *day* ended; a day of which any part was kept is kept."""
    if row and row.kept:
        return State.KEPT
    if day == today:
        return State.RUNNING
    if row and row.lost:
        return State.LOST
    return State.BELOW_K if row and row.below_k else State.EMPTY


def points(
    made: Plan, days: Mapping[date, Tally], before: Mapping[date, Tally], ended: Mapping[date, DayRow]
) -> list[Point]:
    """Return the period day by day, or week by week where it is long; the running day follows closed ones.

    Args:
        made: What was asked.
        days: What each day came to.
        before: What each day of the compared period came to.
        ended: How each day ended.
    """
    span, today = made.spans[0], made.today
    shift = span.first - made.spans[1].first if len(made.spans) > 1 else None
    each = [
        Point(
            first=day,
            last=day,
            state=state_of(day, ended.get(day), today=today),
            tally=days.get(day, {}),
            previous=before.get(day - shift, {}) if shift else None,
        )
        for day in span.each()
    ]
    if len(each) > DAILY_POINTS_MAX:
        return _weeks(each)
    if _goes_on(made.query.period, span, today=today):
        running = Point(first=today, last=today, state=State.RUNNING, tally=days.get(today, {}), is_counted=False)
        return [*each, running] if running.tally else each
    return each


def _goes_on(period: Period, span: Span, *, today: date) -> bool:
    return period.kind is not PeriodKind.OWN and span.last == today - timedelta(1)


def _weeks(points: Sequence[Point]) -> list[Point]:
    weeks: dict[date, list[Point]] = {}
    for point in points:
        weeks.setdefault(point.first - timedelta(point.first.weekday()), []).append(point)
    order = list(State)
    return [
        Point(
            first=week[0].first,
            last=week[-1].last,
            state=min((point.state for point in week), key=order.index),
            tally=total(point.tally for point in week),
            previous=(total(point.previous or {} for point in week) if week[0].previous is not None else None),
            is_whole=len(week) == _WEEK,
        )
        for week in weeks.values()
    ]


def blocks(rows: Rows, stretch: int, day: date) -> list[Point]:
    """Return a day's blocks of hours, those that overlap (of several sites or parts) joined."""
    found: list[tuple[int, int, State, Tally]] = []
    for line in rows.series:
        if line.stretch == stretch and line.dimension == Dimension.HOUR:
            start, _, over = line.value.partition("-")
            found.append((int(start), int(over), State.KEPT, line.tally))
    if stretch == sql.CURRENT:
        found += [
            (
                row.first_hour,
                row.last_hour + 1,
                State.LOST if row.is_lost else State.RUNNING,
                _only(pageviews=row.pageviews, visitors=row.visitors),
            )
            for row in rows.hours
            if row.day == day
        ]
    joined: list[Point] = []
    for first, end, state, tally in sorted(found, key=lambda block: block[:2]):
        last = joined[-1] if joined else None
        if last and last.hours and first < last.hours[1]:
            hours = (last.hours[0], max(end, last.hours[1]))
            joined[-1] = Point(first=day, last=day, state=state, tally=add(last.tally, tally), hours=hours)
        else:
            joined.append(Point(first=day, last=day, state=state, tally=tally, hours=(first, end)))
    return joined
