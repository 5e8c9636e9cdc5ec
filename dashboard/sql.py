"""Turn a query into SQL: constants of ours, and everything that came from outside as parameters."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import msgspec

from collector.model import OTHER
from dashboard.breakdowns import Breakdown
from dashboard.metrics import METRICS, Metric
from dashboard.query import Filter, Query, Span
from dashboard.sets import SETS

Parameter = str | int | date


class Statement(msgspec.Struct, frozen=True):
    """Hold SQL with its parameters, in order."""

    sql: str
    parameters: tuple[Parameter, ...]


def _sums(metric: Metric) -> str:
    if metric.denominator is None:
        return f"sum({metric.numerator}), null, count({metric.numerator})"
    both = f"filter (where {metric.numerator} is not null and {metric.denominator} is not null)"
    return f"sum({metric.numerator}) {both}, sum({metric.denominator}) {both}, count(*) {both}"


#: The cells there were, then numerator, denominator and covered cells of each metric, in order.
TALLY: Final = "count(*), " + ", ".join(_sums(metric) for metric in METRICS.values())
#: The same where rows show sums only: aggregates are what a long period spends its time on.
SUMS_ONLY: Final = "count(*), " + ", ".join(
    "0, null, 0" if metric.denominator else _sums(metric) for metric in METRICS.values()
)
_MEASURES: Final = "pageviews, visits, visitors, bounces, seconds, events"
#: A snapshot is replaced moments after its part was closed: what is closed counts once.
_RUNNING: Final = (
    "from today.cell as running anti join closed on running.site = closed.site and running.day = closed.day "
    "and running.part = closed.part"
)
_BETWEEN: Final = "and day between ? and ?"
#: No id of a site has it.
_BETWEEN_SITES: Final = ","
#: Which stretch of time a line of the series belongs to.
CURRENT: Final = 0
PREVIOUS: Final = 1
SNAPSHOT: Final = 2


def series(query: Query, spans: Sequence[Span], *, today: date) -> Statement:
    """Return day by day (a single day also by blocks of hours) what the sites came to in the period and before.

    Under a filter that is the filter's own line, which was counted exactly.

    Args:
        query: What is asked.
        spans: The period, then the one it is compared with if there is one.
        today: The running day, of which the snapshot is added as a stretch of its own.

    Returns:
        Columns: stretch, day, dimension, value, then `TALLY`.
    """
    parts: list[str] = []
    parameters: list[Parameter] = []
    where, values = _line(query.filter)
    for stretch, span in enumerate(spans):
        hours = "dimension in ('total', 'hour')" if query.filter is None and span.days == 1 else where
        parts.append(
            f"select {stretch} as stretch, day, dimension, value, {_MEASURES} from cell "
            f"where {of_sites(query.sites)} and day between ? and ? and filter_dimension = '' and {hours}"
        )
        parameters += [*named(query.sites), span.first, span.last, *values]
    parts.append(
        f"select {SNAPSHOT}, running.day, dimension, value, {_MEASURES} {_RUNNING} "
        f"where {of_sites(query.sites, table='running.')} and running.day = ? and {where}"
    )
    parameters += [*named(query.sites), today, *values]
    union = " union all ".join(parts)
    return Statement(f"select stretch, day, dimension, value, {TALLY} from ({union}) group by all", tuple(parameters))


def panels(query: Query, breakdowns: Sequence[Breakdown], span: Span, *, limit: int, ratios: bool = False) -> Statement:
    """Return the rows of every panel: `(other)`, and of the rest those with the most.

    Args:
        query: What is asked; with a filter, its pairs are read, which hold pageviews only, or visitors only where one
            of the two is a set.
        breakdowns: One a panel.
        span: The days.
        limit: Rows a panel beside `(other)`.
        ratios: Whether rows show ratios too.

    Returns:
        Columns: `Breakdown.part`, value, rows there are beside `(other)`, pageviews of all rows, then `TALLY` or
        `SUMS_ONLY`.
    """
    part, part_values = _part(breakdowns)
    where, values = _lines(query.filter, breakdowns)
    once: list[Parameter] = [*named(query.sites), span.first, span.last]
    sources = [
        f"select {part} as part, value, {_MEASURES} from cell where {of_sites(query.sites)} {_BETWEEN} and {where}"
    ]
    parameters = [*part_values, *once, *values]
    if query.filter is None:
        sources.append(
            f"select {part}, value, {_MEASURES} {_RUNNING} where {of_sites(query.sites, table='running.')} "
            f"and running.day between ? and ? and {where}"
        )
        parameters += [*part_values, *once, *values]
    # A set is kept on one side only: beside another filter it is read from its own side.
    turned = sorted({one.dimension for one in breakdowns} & SETS) if query.filter else []
    if query.filter and turned:
        sources.append(
            f"select filter_dimension, filter_value, {_MEASURES} from cell where {of_sites(query.sites)} {_BETWEEN} "
            f"and filter_dimension in ({_marks(turned)}) and dimension = ? and value = ?"
        )
        parameters += [*once, *turned, query.filter.dimension.value, query.filter.value]
    order = "sum(pageviews) desc nulls last, sum(visitors)" if query.filter else "sum(visitors)"
    sql = (
        f"select part, value, count(*) filter (where value <> '{OTHER}') over (partition by part), "
        f"coalesce(sum(sum(pageviews)) over (partition by part), 0), {TALLY if ratios else SUMS_ONLY} "
        f"from ({' union all '.join(sources)}) where part is not null group by part, value "
        f"qualify value = '{OTHER}' or row_number() over "
        f"(partition by part, value = '{OTHER}' order by {order} desc nulls last, value) <= ? "
        f"order by part, {order} desc nulls last, value"
    )
    return Statement(sql, (*parameters, limit))


def _part(breakdowns: Sequence[Breakdown]) -> tuple[str, list[Parameter]]:
    """Return which breakdown a line belongs to: its dimension, or of a property what its value begins with."""
    cut = [one for one in breakdowns if one.beginning]
    if not cut:
        return "dimension", []
    cases = " ".join(f"when dimension = 'property' and starts_with(value, ?) then '{one.part}'" for one in cut)
    return f"case {cases} when dimension <> 'property' then dimension end", [one.beginning for one in cut]


def _lines(filtered: Filter | None, breakdowns: Sequence[Breakdown]) -> tuple[str, list[Parameter]]:
    names: list[Parameter] = sorted({one.dimension.value for one in breakdowns})
    pair = [filtered.dimension.value, filtered.value] if filtered else ["", ""]
    return f"filter_dimension = ? and filter_value = ? and dimension in ({_marks(names)})", [*pair, *names]


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def shown_days(query: Query, breakdowns: Sequence[Breakdown], span: Span) -> Statement:
    """Return on how many closed days each breakdown was kept: where only `(other)` would be left it has no rows.

    Returns:
        Columns: dimension, days.
    """
    where, values = _lines(query.filter, breakdowns)
    return Statement(
        f"select dimension, count(distinct day) from cell where {of_sites(query.sites)} {_BETWEEN} and {where} "
        "group by dimension",
        (*named(query.sites), span.first, span.last, *values),
    )


def goal_days(query: Query, span: Span) -> Statement:
    """Return since when in the period each goal has figures.

    Returns:
        Columns: goal, first day, days.
    """
    return Statement(
        f"select value, min(day), count(distinct day) from cell where {of_sites(query.sites)} {_BETWEEN} "
        "and filter_dimension = '' and dimension = 'goal' group by value",
        (*named(query.sites), span.first, span.last),
    )


def together(first: Filter, second: Filter, query: Query, span: Span) -> Statement:
    """Return what two filters had together, where the pair is kept; a set is kept on one side only.

    Returns:
        Columns: pageviews, visitors; no row, or nulls, where there is nothing.
    """
    both = "filter_dimension = ? and filter_value = ? and dimension = ? and value = ?"
    one, other = (second, first) if second.dimension in SETS else (first, second)
    return Statement(
        f"select sum(pageviews), sum(visitors) from cell where {of_sites(query.sites)} {_BETWEEN} and {both}",
        (
            *named(query.sites),
            span.first,
            span.last,
            one.dimension.value,
            one.value,
            other.dimension.value,
            other.value,
        ),
    )


def alone(query: Query, breakdowns: Sequence[Breakdown], span: Span) -> Statement:
    """Return the visitors of each value without the filter.

    Returns:
        Columns: dimension, value, visitors.
    """
    where, values = _lines(None, breakdowns)
    return Statement(
        f"select dimension, value, sum(visitors) from cell where {of_sites(query.sites)} {_BETWEEN} and {where} "
        "group by dimension, value",
        (*named(query.sites), span.first, span.last, *values),
    )


def days(query: Query, span: Span) -> Statement:
    """Return how the days ended.

    Returns:
        Columns: day, parts kept, parts below k, parts lost, parts from a server log, parts in network identity, k,
            whether a site's day was counted in several parts.
    """
    return Statement(
        "select day, count(*) filter (where outcome = 'kept'), count(*) filter (where outcome = 'below_k'), "
        "count(*) filter (where outcome = 'lost'), count(*) filter (where origin = 'server_log'), "
        "count(*) filter (where identity = 'network'), max(k), "
        "count(*) filter (where outcome = 'kept' and origin = 'tracker') "
        "> count(distinct site) filter (where outcome = 'kept' and origin = 'tracker') "
        f"from closed where {of_sites(query.sites)} and day between ? and ? group by day",
        (*named(query.sites), span.first, span.last),
    )


def hours(query: Query, span: Span) -> Statement:
    """Return the committed hours of parts that run or were lost: what is left of them without their detail.

    Returns:
        Columns: site, day, part, first hour, last hour, pageviews, visitors, whether the part was lost.
    """
    return Statement(
        "select h.site, h.day, h.part, h.first_hour, h.last_hour, h.pageviews, h.visitors, c.outcome is not null "
        "from committed_hour as h left join closed as c on h.site = c.site and h.day = c.day and h.part = c.part "
        f"where {of_sites(query.sites, table='h.')} and h.day between ? and ? "
        "and (c.outcome is null or c.outcome = 'lost') order by all",
        (*named(query.sites), span.first, span.last),
    )


def closed_hours(sites: Sequence[str], span: Span) -> Statement:
    """Return the blocks of hours of closed days, the parts of a day each by itself.

    Returns:
        Columns: site, day, block `HH-HH`, pageviews.
    """
    return Statement(
        f"select site, day, value, pageviews from cell where {of_sites(sites)} {_BETWEEN} and filter_dimension = '' "
        "and dimension = 'hour' order by all",
        (*named(sites), span.first, span.last),
    )


def losses(query: Query, span: Span, *, timezones: Sequence[str]) -> Statement:
    """Return what was not counted on closed days.

    Returns:
        Columns: kind (`drop`, `house`, `gap`), reason, count, days.
    """
    zones = ", ".join("?" for _ in timezones) or "null"
    return Statement(
        f"select 'drop', reason, sum(count), count(distinct day) from dropped where {of_sites(query.sites)} "
        "and day between ? and ? group by reason "
        "union all select 'house', reason, sum(count), count(distinct day) from dropped where site = '' "
        "and day between ? and ? group by reason "
        "union all select 'gap', reason, count(*), count(distinct day) from gap "
        f"where timezone in ({zones}) and day between ? and ? group by reason order by all",
        (*named(query.sites), span.first, span.last, span.first, span.last, *timezones, span.first, span.last),
    )


def first_day(sites: Sequence[str]) -> Statement:
    """Return the first day that was closed, or null."""
    return Statement(f"select min(day) from closed where {of_sites(sites)}", named(sites))


def of_sites(sites: Sequence[str], *, table: str = "") -> str:
    """Return the condition of being one of *sites*, whose parameters are `named(sites)`.

    As one parameter: 500 took DuckDB's client 60 ms to hand over, each time.
    """
    column = f"{table}site"
    return f"{column} = ?" if len(sites) == 1 else f"{column} in (select unnest(string_split(?, '{_BETWEEN_SITES}')))"


def named(sites: Sequence[str]) -> tuple[str]:
    """Return the parameter that names *sites*."""
    return (_BETWEEN_SITES.join(sites),)


def _line(filtered: Filter | None) -> tuple[str, list[Parameter]]:
    if filtered is None:
        return "dimension = 'total'", []
    return "dimension = ? and value = ?", [filtered.dimension.value, filtered.value]
