"""Put a question to the cells in SQL: the layer of the API, whose figures a test sets beside those of the pages."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from collector.model import Dimension
from dashboard import cells, sql
from dashboard.api_ask import Ask
from dashboard.api_words import QuestionError
from dashboard.cells import DayRow, HourRow
from dashboard.house import Reader
from dashboard.metrics import METRICS, Amount, Tally
from dashboard.period import Span
from dashboard.query import Query
from dashboard.sets import SETS
from dashboard.sql import TALLY, Parameter, Statement

#: More rows are not read for one answer: a longer bucket or a shorter period has fewer.
ROWS_READ_MAX: Final = 100_000
_MEASURES: Final = "pageviews, visits, visitors, bounces, seconds, events"
_BUCKETS: Final = {
    "": "null::date",
    "day": "day",
    "week": "date_trunc('week', day)::date",
    "month": "date_trunc('month', day)::date",
}
#: A snapshot is replaced moments after its part was closed: what is closed counts once.
_RUNNING: Final = (
    "from today.cell as running anti join closed on running.site = closed.site and running.day = closed.day "
    "and running.part = closed.part where running.site = ? and running.day between ? and ?"
)
_CLOSED: Final = "from cell where site = ? and day between ? and ?"


class Line(msgspec.Struct, frozen=True):
    """Hold what a value came to in a bucket of time, which begins on *day*; None for the whole period."""

    day: date | None
    value: str
    tally: Tally


class Block(msgspec.Struct, frozen=True):
    """Hold what a block of hours of a day came to; *until* is the hour in which it is over."""

    day: date
    hour: int
    until: int
    tally: Tally


def lines(reader: Reader, ask: Ask, span: Span) -> list[Line]:
    """Return what *ask* comes to in *span*: one line a bucket and value.

    Raises:
        QuestionError: `rows_too_many`.
    """
    return _read(reader, _statement(ask, span))


def whole(reader: Reader, ask: Ask, span: Span, *, bucket: str) -> list[Line]:
    """Return the same without the breakdown: all who were there, or all who had what the filter says."""
    return lines(reader, msgspec.structs.replace(ask, by=None, bucket=bucket), span)


def closed_days(reader: Reader, ask: Ask, span: Span) -> dict[date, int]:
    """Return the visitors of each closed day, of everybody or of what the filter says.

    What came in a part that runs, or was lost, had no chance to be counted as having reached a goal.
    """
    statement = Statement(
        f"select day, sum(visitors) {_CLOSED} and filter_dimension = '' and dimension = ? and value = ? group by day",
        (ask.site.id, span.first, span.last, (ask.dimension or Dimension.TOTAL).value, ask.value),
    )
    return {day: int(visitors or 0) for day, visitors in cells.rows(reader, statement)}


def unfiltered(reader: Reader, ask: Ask, span: Span) -> dict[str, int]:
    """Return the visitors of each value without the filter, of closed days."""
    found = lines(reader, msgspec.structs.replace(ask, dimension=None, bucket=""), span)
    return {line.value: visitors for line in found if (visitors := _visitors(line.tally))}


def goals_since(reader: Reader, ask: Ask, span: Span) -> dict[str, date]:
    """Return the first day in *span* on which each goal has a figure."""
    statement = Statement(
        f"select value, min(day) {_CLOSED} and filter_dimension = '' and dimension = 'goal' group by value",
        (ask.site.id, span.first, span.last),
    )
    return {value: day for value, day in cells.rows(reader, statement)}  # noqa: C416 - rows are lists


def ends(reader: Reader, ask: Ask) -> tuple[list[DayRow], list[HourRow]]:
    """Return how the days of the period ended, and the committed hours of parts that run or were lost."""
    query = Query(sites=(ask.site.id,))
    days, hours = (cells.rows(reader, statement(query, ask.span)) for statement in (sql.days, sql.hours))
    return [DayRow(*row) for row in days], [HourRow(*row) for row in hours]


def blocks(reader: Reader, ask: Ask, span: Span) -> list[Block]:
    """Return the blocks of hours of each day, those that overlap (of several parts) not joined yet."""
    once: list[Parameter] = [ask.site.id, span.first, span.last]
    statement = Statement(
        f"select day, value, {TALLY} from (select day, value, {_MEASURES} {_CLOSED} and filter_dimension = '' "
        "and dimension = 'hour' union all "
        "select h.day, printf('%02d-%02d', h.first_hour, h.last_hour + 1), h.pageviews, null, h.visitors, null, null, "
        f"null {_COMMITTED}) group by day, value order by day, value limit {ROWS_READ_MAX + 1}",
        (*once, *once),
    )
    found = []
    for day, value, *rest in _bounded(cells.rows(reader, statement)):
        start, _, until = value.partition("-")
        found.append(Block(day, int(start), int(until), _tally(rest)))
    return found


#: Committed hours of parts that run or were lost.
_COMMITTED: Final = (
    "from committed_hour as h left join closed as c on h.site = c.site and h.day = c.day and h.part = c.part "
    "where h.site = ? and h.day between ? and ? and (c.outcome is null or c.outcome = 'lost')"
)
#: Pageviews of a part that runs or was lost are those of its hours. Visitors of a running part come from its snapshot;
#: to a lost one at least as many came as in its fullest block, since blocks share visitors.
_UNFINISHED: Final = (
    f"select day, '' as value, max(pageviews), null, max(visitors), null, null, null from ("
    f"select h.day as day, h.part as part, sum(h.pageviews) as pageviews, "
    f"max(h.visitors) filter (where c.outcome = 'lost') as visitors {_COMMITTED} group by h.day, h.part union all "
    f"select running.day, running.part, null, visitors {_RUNNING} and filter_dimension = '' and dimension = 'total'"
    ") group by day, part"
)


def _statement(ask: Ask, span: Span) -> Statement:
    once: list[Parameter] = [ask.site.id, span.first, span.last]
    parts: list[str]
    if ask.is_pair:
        parts, parameters = _pair(ask, once)
    elif ask.by is None and ask.dimension is None:
        parts = [f"select day, value, {_MEASURES} {_CLOSED} and filter_dimension = '' and dimension = 'total'"]
        parts.append(_UNFINISHED)
        parameters = [*once, *once, *once]
    else:
        where, values = _one(ask)
        parts = [
            f"select day, value, {_MEASURES} {_CLOSED} and filter_dimension = '' and {where}",
            f"select running.day, value, {_MEASURES} {_RUNNING} and filter_dimension = '' and {where}",
        ]
        parameters = [*once, *values, *once, *values]
    # Of a whole under a filter, all lines have the same value.
    sql = (
        f"select {_BUCKETS[ask.bucket]} as bucket, value, {TALLY} from ({' union all '.join(parts)}) "
        f"group by bucket, value order by bucket, value limit {ROWS_READ_MAX + 1}"
    )
    return Statement(sql, tuple(parameters))


def _one(ask: Ask) -> tuple[str, list[Parameter]]:
    """Return which lines of single breakdowns are meant."""
    by = ask.by
    if by is None:
        assert ask.dimension is not None  # noqa: S101 - of the type checker
        return "dimension = ? and value = ?", [ask.dimension.value, ask.value]
    if by.beginning:
        return "dimension = 'property' and starts_with(value, ?)", [by.beginning]
    if by.property:
        return "dimension = 'property' and contains(value, ?)", [f" · {by.property}="]
    if ask.dimension:
        return "dimension = ? and value = ?", [by.dimension.value, ask.value]
    return "dimension = ?", [by.dimension.value]


def _pair(ask: Ask, once: Sequence[Parameter]) -> tuple[list[str], list[Parameter]]:
    """Return the lines of a pair: from the filter's side, and from the set's where a set is asked for beside it."""
    assert ask.by is not None  # noqa: S101 - of the type checker
    assert ask.dimension is not None  # noqa: S101 - of the type checker
    by, filtered = ask.by.dimension.value, ask.dimension.value
    if ask.by.dimension in SETS and ask.dimension not in SETS:
        line = "filter_dimension = ? and dimension = ? and value = ?"
        return [f"select day, filter_value as value, {_MEASURES} {_CLOSED} and {line}"], [
            *once,
            by,
            filtered,
            ask.value,
        ]
    line = "filter_dimension = ? and filter_value = ? and dimension = ?"
    return [f"select day, value, {_MEASURES} {_CLOSED} and {line}"], [*once, filtered, ask.value, by]


def _read(reader: Reader, statement: Statement) -> list[Line]:
    return [Line(bucket, value, _tally(rest)) for bucket, value, *rest in _bounded(cells.rows(reader, statement))]


def _bounded(rows: list[Any]) -> list[Any]:
    if len(rows) > ROWS_READ_MAX:
        raise QuestionError(
            "rows_too_many",
            f"The answer would be made from more than {ROWS_READ_MAX} rows; ask for fewer days, or for time:month.",
        )
    return rows


def _tally(row: Sequence[Any]) -> Tally:
    cells = row[0]
    return {
        key: Amount(row[n] or 0, row[n + 1], row[n + 2], cells)
        for key, n in zip(METRICS, range(1, len(row), 3), strict=True)
    }


def _visitors(tally: Tally) -> int:
    return next(iter(tally.values())).numerator
