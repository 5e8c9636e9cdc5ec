"""Answer a query of a house: decide, read, and say what it comes to. Pages, files and mails say the same."""

from collections.abc import Sequence

from collector.clock import local_day
from collector.model import Site
from dashboard import cells
from dashboard.house import House
from dashboard.plan import plan
from dashboard.query import Query
from dashboard.report import Report, build


def report_of(house: House, query: Query, *, sites: Sequence[Site], limit: int = cells.PANEL_ROWS) -> Report:
    """Return what *query* comes to.

    Args:
        house: Of the figures.
        query: What is asked.
        sites: Those that it names; the caller has seen that they may be shown.
        limit: Rows of a panel.
    """
    rules = [house.rules(site) for site in sites]
    made = plan(query, rules, today=local_day(house.clock.now(), sites[0].timezone))
    rows = cells.read(
        house.reader,
        query,
        sites=sites,
        spans=made.spans,
        today=made.today,
        dimensions=made.answered,
        limit=cells.PANEL_ROWS_MAX if query.more else limit,
    )
    return build(rows, made, sites=sites, rules=rules)
