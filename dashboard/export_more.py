"""Tables that are given away beside those of a report: funnels, hours by weekday, and every site on a line."""

from collections.abc import Sequence
from typing import Any, Final

from collector.clock import local_day
from collector.model import Dimension, Site
from dashboard import cells, goals, rollup_sql
from dashboard.export import Cell, Table, Told
from dashboard.heat import heat, kept_hours
from dashboard.house import House
from dashboard.metrics import FIGURES, METRICS, Amount
from dashboard.period import Span
from dashboard.query import Query, QueryError
from dashboard.sql import TALLY, Statement
from dashboard.timeline import value_of

NAMES: Final = ("funnels", "goal", "hours", "next", "now", "sites")
#: Those that are about one value: what it is stands in the filter, as on their page.
_OF_ONE: Final = {"goal": Dimension.GOAL, "next": Dimension.PAGE}
#: Of what the rows of a table of sites are made.
_MEASURES: Final = "pageviews, visits, visitors, bounces, seconds, events"
_DIGITS: Final = 4
_BETWEEN: Final = " · "


def table(house: House, query: Query, *, name: str, sites: Sequence[Site]) -> tuple[Table, Told]:
    """Return one of `NAMES`, and what stands beside its rows.

    Args:
        house: Of the figures.
        query: Whose period counts, and whose sites but for the table of sites.
        name: Of the table.
        sites: Those that it is about; the caller has seen that they may be shown.

    Raises:
        QueryError: A filter where none of these is kept by another dimension, or none where one says what it is about.
    """
    if (query.filter.dimension if query.filter else None) is not _OF_ONE.get(name):
        raise QueryError(str(query.filter or name))
    today = local_day(house.clock.now(), sites[0].timezone)
    span = query.period.span(today)
    kept = kept_hours(span, today=today)
    ids = tuple(site.id for site in sites)
    made = {
        "funnels": lambda: _funnels(house, ids, span),
        "goal": lambda: _goal(house, sites, query, span),
        "next": lambda: _next(house, sites, query, span),
        "now": lambda: _now(house, ids),
        "hours": lambda: _hours(house, ids, kept),
        "sites": lambda: _sites(house, ids, span),
    }[name]()
    told_of = kept if name == "hours" and kept else span
    asked = str(query.filter) if query.filter else None
    return made, Told(sites=ids, span=told_of, filter=asked, k=max(house.rules(site).k for site in sites))


def _funnels(house: House, sites: tuple[str, ...], span: Span) -> Table:
    """Return the steps of each funnel: who came that far, of the days on which the funnel counted."""
    statement = Statement(
        f"select site, value, sum(visitors), count(distinct day) from cell where {_named(sites)} "
        "and day between ? and ? and filter_dimension = '' and dimension = 'funnel_step' group by site, value",
        (*sites, span.first, span.last),
    )
    rows: list[list[Cell]] = []
    for site, value, visitors, days in cells.rows(house.reader, statement):
        funnel, _, step = value.rpartition(_BETWEEN)
        rows.append([site, funnel, int(step), visitors, days])
    return Table(
        ["site", "funnel", "step", "visitors", "days"], sorted(rows, key=lambda row: [str(row[0]), str(row[1]), row[2]])
    )


def _goal(house: House, sites: Sequence[Site], query: Query, span: Span) -> Table:
    """Return who reached a goal by what else they had: visitors at least, and everybody who had it since it counts."""
    name = query.filter.value if query.filter else ""
    rows: list[list[Cell]] = []
    for site in sites:
        since = goals.first_day_of(house, site, name)
        days = Span(max(span.first, since), span.last) if since else span
        if days.days > 0:
            kept = [one for one in goals.DIVIDED_BY if (Dimension.GOAL, one) in house.rules(site).set_pairs]
            found = goals.divided(house, site, name, days, kept, limit=goals.ROWS_MAX)
            rows += [
                [site.id, dimension.value, row.value, row.visitors, row.of_visitors]
                for dimension, lines in found.items()
                for row in lines
            ]
    return Table(["site", "dimension", "value", "visitors_at_least", "of_visitors"], rows)


def _next(house: House, sites: Sequence[Site], query: Query, span: Span) -> Table:
    """Return where people went from a page: visitors at least; who left has `(exit)`."""
    page = query.filter.value if query.filter else ""
    return Table(
        ["site", "next_page", "visitors_at_least"],
        [[site.id, row.value, row.visitors] for site in sites for row in goals.next_pages(house, site, page, span)],
    )


def _now(house: House, sites: tuple[str, ...]) -> Table:
    """Return who is there now, as the page of now tells it; `at` is when that was counted, in UTC."""
    rows: list[list[Cell]] = []
    for site in sites:
        told = house.now(site)
        rows.append([site, *((told.visitors, told.pageviews, told.at.isoformat()) if told else (None, None, None))])
    return Table(["site", "visitors", "pageviews", "at"], rows)


def _hours(house: House, sites: tuple[str, ...], span: Span | None) -> Table:
    """Return the mean of each hour of each weekday (1 is Monday), as far as hours are still kept."""
    header = ["weekday", "hour", "pageviews", "is_about"]
    if span is None:
        return Table(header, [])
    made = heat(cells.hours(house.reader, sites, span), span)
    return Table(
        header,
        [
            [weekday + 1, hour, None if square.mean is None else round(square.mean, _DIGITS), int(square.is_about)]
            for hour, row in enumerate(made.rows)
            for weekday, square in enumerate(row)
        ],
    )


def _sites(house: House, sites: tuple[str, ...], span: Span) -> Table:
    """Return what every site came to on a line, as the list does; a site of which nothing was kept has no figures."""
    source = rollup_sql.parts(sites, [span])
    statement = Statement(f"select site, {TALLY} from ({source.sql}) group by site", source.parameters)
    found: dict[str, Any] = {site: rest for site, *rest in cells.rows(house.reader, statement)}
    return Table(["site", *FIGURES], [[site, *_figures(found.get(site))] for site in sites])


def _named(sites: Sequence[str]) -> str:
    return f"site in ({', '.join('?' for _ in sites)})"


def _figures(row: Sequence[Any] | None) -> list[Cell]:
    if row is None:
        return [None] * len(FIGURES)
    tally = {
        key: Amount(row[n] or 0, row[n + 1], row[n + 2], row[0])
        for key, n in zip(METRICS, range(1, len(row), 3), strict=True)
    }
    values = [value_of(tally, METRICS[key]) for key in FIGURES]
    return [round(value, _DIGITS) if isinstance(value, float) else value for value in values]
