"""Answer a query of a house: decide, read, and say what it comes to. Pages, files and mails say the same."""

from collections.abc import Collection, Sequence

from collector.clock import local_day
from collector.model import Site
from dashboard import cells
from dashboard.breakdowns import FIRST
from dashboard.house import House
from dashboard.plan import plan
from dashboard.query import Period, PeriodKind, Query, QueryError
from dashboard.report import RATIOS, Report, build
from dashboard.rollup import chosen_by


def asked(house: House, params: Sequence[tuple[str, str]], sites: Sequence[Site]) -> tuple[Query, list[Site]]:
    """Read what an address asks, and of which of *sites*, those that the reader may see.

    Raises:
        QueryError: It asks for something there is not, or for a site that the reader may not see.
    """
    only = [site.id for site in sites] if len(sites) == 1 else ()
    query = Query.from_params(params, sites=only, collect=lambda name: chosen_by(name, sites))
    named = set(query.sites)
    chosen = [site for site in sites if site.id in named]
    if len(chosen) != len(query.sites):
        raise QueryError("site")
    is_chosen = any(name in {"period", "from"} for name, _ in params)
    if is_chosen and query.period.kind is not PeriodKind.ALL:
        return query, chosen
    first_day = cells.first_day(house.reader, query.sites)
    period = query.period.since(first_day) if first_day else Period(PeriodKind.TODAY)
    return query.with_(period=period), chosen


def report_of(
    house: House,
    query: Query,
    *,
    sites: Sequence[Site],
    limit: int = cells.PANEL_ROWS,
    panels: Collection[str] = FIRST,
    is_whole_table: bool = False,
) -> Report:
    """Return what *query* comes to.

    Args:
        house: Of the figures.
        query: What is asked.
        sites: Those that it names; the caller has seen that they may be shown.
        limit: Rows of a panel.
        panels: Names of those that are shown.
        is_whole_table: Whether they have a page of their own, with room for more columns.
    """
    rules = [house.rules(site) for site in sites]
    today = local_day(house.clock.now(), sites[0].timezone)
    made = plan(query, rules, today=today, sites=sites, panels=panels)
    rows = cells.read(
        house.reader,
        query,
        sites=sites,
        spans=made.spans,
        today=made.today,
        breakdowns=made.answered,
        limit=limit,
        ratios=is_whole_table or not RATIOS.isdisjoint(made.answered),
    )
    return build(rows, made, sites=sites, rules=rules, is_whole_table=is_whole_table)
