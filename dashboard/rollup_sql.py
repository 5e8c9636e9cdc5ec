"""Statements over many sites: one line a site, however many sites there are."""

from collections.abc import Sequence
from datetime import date

from dashboard.period import Span
from dashboard.sql import Statement, named, of_sites

_TOTALS = "filter_dimension = '' and dimension = 'total'"


def totals(sites: Sequence[str], span: Span, before: Span | None) -> Statement:
    """Return what each site came to in a period, and how many visitors it had in the one before.

    Returns:
        Columns: site, visitors, visits, pageviews, parts, parts with visitors, visitors before, parts with visitors
            before. A measure is null where all of it is withheld.
    """
    earlier = before or span
    now, then = "filter (where day >= ?)", "filter (where day <= ?)"
    return Statement(
        f"select site, sum(visitors) {now}, sum(visits) {now}, sum(pageviews) {now}, count(*) {now}, "
        f"count(visitors) {now}, sum(visitors) {then}, count(visitors) {then} "
        f"from cell where {of_sites(sites)} and day between ? and ? and {_TOTALS} group by site",
        (
            *(span.first,) * 5, *(earlier.last if before else date.min,) * 2, *named(sites),
            min(span.first, earlier.first), span.last,
        ),
    )  # fmt: skip


def ends(sites: Sequence[str], span: Span) -> Statement:
    """Return how the days of each site ended.

    Returns:
        Columns: site, days of which anything was kept, days below k, days lost.
    """
    return Statement(
        "select site, count(distinct day) filter (where outcome = 'kept'), "
        "count(distinct day) filter (where outcome = 'below_k'), count(distinct day) filter (where outcome = 'lost') "
        f"from closed where {of_sites(sites)} and day between ? and ? group by site",
        (*named(sites), span.first, span.last),
    )


def lines(sites: Sequence[str], span: Span, *, is_by_week: bool) -> Statement:
    """Return the visitors of each site over time.

    Returns:
        Columns: site, day (of a week its Monday), visitors.
    """
    day = "date_trunc('week', day)::date" if is_by_week else "day"
    return Statement(
        f"select site, {day}, sum(visitors) from cell where {of_sites(sites)} and day between ? and ? "
        f"and {_TOTALS} group by all",
        (*named(sites), span.first, span.last),
    )
