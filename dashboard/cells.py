"""Read cells: the only code of the dashboard that opens the database, and it never writes."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from collector.cursor import Cursor
from collector.model import Dimension, Site
from dashboard import sql
from dashboard.breakdowns import Breakdown
from dashboard.heat import Block, read_block
from dashboard.house import Reader
from dashboard.metrics import METRICS, Amount, Key, Tally
from dashboard.query import Query, Span

PANEL_ROWS: Final = 10
PANEL_ROWS_MAX: Final = 1_000


class SeriesRow(msgspec.Struct, frozen=True):
    """Hold what a day, or a block of hours of it, came to."""

    stretch: int
    day: date
    dimension: str
    value: str
    tally: Tally


class PanelRow(msgspec.Struct, frozen=True):
    """Hold what a value of a breakdown came to.

    Attributes:
        part: Of `Breakdown.part`.
        rows: Rows that the breakdown has beside `(other)`.
        pageviews: Of all its rows, those that are not shown too.
    """

    part: str
    value: str
    rows: int
    pageviews: int
    tally: Tally


class DayRow(msgspec.Struct, frozen=True):
    """Hold how the parts of a day ended, over all sites asked for."""

    day: date
    kept: int
    below_k: int
    lost: int
    server_log: int
    network: int
    k: int
    is_split: bool


class HourRow(msgspec.Struct, frozen=True):
    """Hold a committed block of hours of a part that runs, or was lost."""

    site: str
    day: date
    part: int
    first_hour: int
    last_hour: int
    pageviews: int
    visitors: int
    is_lost: bool


class LossRow(msgspec.Struct, frozen=True):
    """Hold what was not counted, by reason; kind is `drop`, `house` (of no site) or `gap`."""

    kind: str
    reason: str
    count: int
    days: int


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Hold everything that a page is made from.

    Attributes:
        shown_days: On how many closed days each breakdown was kept; one that never was is missing.
        goal_days: Of each goal the first day in the period with figures, and how many such days there are.
        together: Pageviews and visitors that both filters had; the visitors are "at least".
        alone: By dimension and value, visitors since then without the filter, where that is a goal.
    """

    series: list[SeriesRow]
    panels: list[PanelRow]
    shown_days: dict[Dimension, int]
    days: list[DayRow]
    hours: list[HourRow]
    losses: list[LossRow]
    goal_days: dict[str, tuple[date, int]] = {}
    alone: dict[tuple[str, str], int] = {}
    together: tuple[int | None, int | None] = (None, None)


def read(
    reader: Reader,
    query: Query,
    *,
    sites: Sequence[Site],
    spans: Sequence[Span],
    today: date,
    breakdowns: Sequence[Breakdown],
    limit: int,
    ratios: bool = False,
) -> Rows:
    """Read what *query* asks for.

    Args:
        reader: Lends the cursor.
        query: What is asked.
        sites: Those that the query names.
        spans: The period, then the one it is compared with if there is one.
        today: The running day.
        breakdowns: What the panels show; those that are refused are left out.
        limit: Rows a panel beside `(other)`.
        ratios: Whether rows show ratios too.
    """
    span = spans[0]
    until_today = Span(span.first, max(span.last, today))
    zones = sorted({site.timezone for site in sites})
    is_goal = query.filter is not None and query.filter.dimension is Dimension.GOAL
    with reader.read() as cursor:
        goal_days = (
            {goal: (first, days) for goal, first, days in _run(cursor, sql.goal_days(query, span))}
            if is_goal or Breakdown.GOAL in breakdowns
            else {}
        )
        since = goal_days.get(query.filter.value) if query.filter and is_goal else None
        series = [
            SeriesRow(stretch, day, dimension, value, tally(rest))
            for stretch, day, dimension, value, *rest in _run(cursor, sql.series(query, spans, today=today))
        ]
        panels = [
            PanelRow(part, value, rows, int(pageviews), tally(rest))
            for part, value, rows, pageviews, *rest in (
                _run(cursor, sql.panels(query, breakdowns, span, limit=limit, ratios=ratios)) if breakdowns else ()
            )
        ]
        return Rows(
            series=series,
            panels=panels,
            shown_days=_shown_days(
                cursor, query, span, series=series if span.last < today else (), panels=panels, breakdowns=breakdowns
            ),
            days=[DayRow(*row) for row in _run(cursor, sql.days(query, span))],
            hours=[HourRow(*row) for row in _run(cursor, sql.hours(query, until_today))],
            losses=[LossRow(*row) for row in _run(cursor, sql.losses(query, span, timezones=zones))],
            goal_days=goal_days,
            together=(
                _run(cursor, sql.together(query.filter, query.second, query, span))[0]
                if query.filter and query.second
                else (None, None)
            ),
            alone={
                (dimension, value): int(visitors or 0)
                for dimension, value, visitors in (
                    _run(cursor, sql.alone(query, breakdowns, Span(since[0], span.last)))
                    if since and breakdowns
                    else ()
                )
            },
        )


def _shown_days(
    cursor: Cursor,
    query: Query,
    span: Span,
    *,
    series: Sequence[SeriesRow],
    panels: Sequence[PanelRow],
    breakdowns: Sequence[Breakdown],
) -> dict[Dimension, int]:
    """Return on how many closed days each breakdown was kept; *series* is empty where panels hold a running day too.

    Counting days apart takes as long as all panels; mostly it need not be done. A value has one cell a part: where one
    has as many as the line of the figures above, the breakdown was kept whenever anything was.
    """
    line = Dimension.TOTAL if query.filter is None else query.filter.dimension
    closed = [row for row in series if row.stretch == sql.CURRENT and row.dimension == line]
    parts = sum(row.tally[Key.VISITORS].cells for row in closed)
    most: dict[str, int] = {}
    for row in panels:
        most[row.part] = max(most.get(row.part, 0), row.tally[Key.VISITORS].cells)
    known = {one.dimension: len(closed) for one in breakdowns if closed and most.get(one.part) == parts}
    open_ones = [
        one for one in breakdowns if one.dimension not in known and (one.part in most or one.beginning or not closed)
    ]
    if not open_ones:
        return known
    asked = _run(cursor, sql.shown_days(query, open_ones, span))
    return {Dimension(dimension): days for dimension, days in asked} | known


def hours(reader: Reader, sites: Sequence[str], span: Span) -> list[Block]:
    """Return the blocks of hours of closed days."""
    with reader.read() as cursor:
        blocks = [read_block(*row) for row in _run(cursor, sql.closed_hours(sites, span))]
    return [block for block in blocks if block]


def first_day(reader: Reader, sites: Sequence[str]) -> date | None:
    """Return the first day of *sites* that was closed, or None."""
    with reader.read() as cursor:
        day: date | None = _run(cursor, sql.first_day(sites))[0][0]
        return day


def rows(reader: Reader, statement: sql.Statement) -> list[Any]:
    """Return the rows of a statement of ours."""
    with reader.read() as cursor:
        return _run(cursor, statement)


def _run(cursor: Cursor, statement: sql.Statement) -> list[Any]:
    return cursor.execute(statement.sql, list(statement.parameters)).fetchall()


def tally(row: Sequence[Any]) -> Tally:
    """Return the figures of a row of `TALLY` or `SUMS_ONLY`."""
    cells = row[0]
    return {
        key: Amount(row[n] or 0, row[n + 1], row[n + 2], cells)
        for key, n in zip(METRICS, range(1, len(row), 3), strict=True)
    }
