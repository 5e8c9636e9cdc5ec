"""Statements over many sites: one line a site, however many sites there are."""

from collections.abc import Sequence

from dashboard.period import Span
from dashboard.sql import Parameter, Statement, named, of_sites

_TOTALS = "filter_dimension = '' and dimension = 'total'"


def parts(sites: Sequence[str], spans: Sequence[Span]) -> Statement:
    """Return what the parts of days came to, as the overview adds them up: closed ones, and the hours of lost ones.

    To a lost part at least as many visitors came as in its fullest block of hours, since blocks share visitors.

    Returns:
        Columns: site, day, and the six measures; null is withheld.
    """
    days = " or ".join("day between ? and ?" for _ in spans)
    once: tuple[Parameter, ...] = (*named(sites), *(day for span in spans for day in (span.first, span.last)))
    return Statement(
        "select site, day, pageviews, visits, visitors, bounces, seconds, events from cell "
        f"where {of_sites(sites)} and ({days}) and {_TOTALS} union all "
        "select site, day, sum(pageviews), null, max(visitors), null, null, null from committed_hour "
        "semi join (from closed where outcome = 'lost') as lost using (site, day, part) "
        f"where {of_sites(sites)} and ({days}) group by site, day, part",
        once * 2,
    )


def totals(sites: Sequence[str], span: Span, before: Span | None) -> Statement:
    """Return what each site came to in a period, and how many visitors it had in the one before.

    Returns:
        Columns: site, visitors, visits, pageviews, parts, parts with visitors, parts with pageviews, visitors before,
            parts with visitors before. A measure is null where all of it is withheld.
    """
    earlier = before or span
    now, then = "filter (where day >= ?)", "filter (where day <= ?)"
    source = parts(sites, [span, before] if before else [span])
    return Statement(
        f"select site, sum(visitors) {now}, sum(visits) {now}, sum(pageviews) {now}, count(*) {now}, "
        f"count(visitors) {now}, count(pageviews) {now}, sum(visitors) {then}, count(visitors) {then} "
        f"from ({source.sql}) group by site",
        (*(span.first,) * 6, *(earlier.last if before else earlier.first.min,) * 2, *source.parameters),
    )


def ends(sites: Sequence[str], span: Span) -> Statement:
    """Return how the days of each site ended; a day of which any part was kept is kept, as everywhere.

    Returns:
        Columns: site, days of which anything was kept, days below k, days lost.
    """
    return Statement(
        "select site, count(*) filter (where is_kept), count(*) filter (where not is_kept and not is_lost), "
        "count(*) filter (where not is_kept and is_lost) from ("
        "select site, bool_or(outcome = 'kept') as is_kept, bool_or(outcome = 'lost') as is_lost "
        f"from closed where {of_sites(sites)} and day between ? and ? group by site, day) group by site",
        (*named(sites), span.first, span.last),
    )


def lines(sites: Sequence[str], span: Span, *, is_by_week: bool) -> Statement:
    """Return the visitors of each site over time.

    Returns:
        Columns: site, day (of a week its Monday), visitors.
    """
    day = "date_trunc('week', day)::date" if is_by_week else "day"
    source = parts(sites, [span])
    return Statement(f"select site, {day}, sum(visitors) from ({source.sql}) group by all", source.parameters)
