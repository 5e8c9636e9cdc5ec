"""Set a school beside the median of others: of a whole week or month, of all who permit it, and of nobody alone.

One median a week is the same for everybody who may see it: the group is every site whose controller permitted it from
the week's first day to its last and that was counted on each of its days, the reader's own too where it permits. So
nothing is learned by leaving oneself out, by another account, or later: what is permitted or withdrawn counts for weeks
to come.

Source: docs/decisions/0017-many-sites.md
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Final

import msgspec

from collector.clock import day_ends_at, day_starts_at
from collector.model import Site
from collector.store.in_force import State, states_in
from dashboard import cells
from dashboard.house import House
from dashboard.metrics import FIGURES, METRICS, Amount, Key, Tally, Unit
from dashboard.period import Period, PeriodKind, Span
from dashboard.sql import TALLY, Statement, named, of_sites

#: So many schools beside one's own are the least, and k of them where k is more.
SCHOOLS_MIN: Final = 10
#: No school may be more of the others than this: their sum would be its own.
SHARE_MAX: Final = 0.85
DIGITS: Final = 2
_WEEK: Final = 7
_SUMS: Final = (Key.VISITORS, Key.VISITS, Key.PAGEVIEWS)


class Absent(StrEnum):
    """Name why there is no median."""

    NO_WEEK = "no_week"
    FEW = "few"


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the medians of a week or a month.

    Attributes:
        span: The week or month; None where the period holds none that is over.
        schools: How many they are of.
        least: How many others it takes.
        values: By figure, to two digits; one that too few schools have is missing.
        own: What one's own site came to in the same days; empty where several are looked at.
        absent: Why there is none.
    """

    span: Span | None
    schools: int = 0
    least: int = SCHOOLS_MIN
    values: dict[Key, float] = {}
    own: Tally = {}
    absent: Absent | None = None


def stretch(period: Period, span: Span, *, today: date) -> Span | None:
    """Return the days that medians are told of: a month that was asked for and is over, else the last week that is."""
    if period.kind is PeriodKind.MONTH:
        whole = span.first.day == 1 and (span.last + timedelta(1)).day == 1 and span.last < today
        return span if whole else None
    last = min(span.last, today - timedelta(1))
    sunday = last - timedelta((last.weekday() + 1) % _WEEK)
    week = Span(sunday - timedelta(_WEEK - 1), sunday)
    return week if week.first >= span.first else None


def beside(
    house: House, mine: Sequence[Site], chosen: Sequence[Site], *, period: Period, span: Span, today: date
) -> Beside:
    """Return the medians that the reader may see.

    Args:
        house: Of the figures.
        mine: The sites whose figures the reader may see.
        chosen: Those that are looked at; one of them is set beside the others.
        period: What is looked at.
        span: Its days.
        today: The running day.
    """
    days = stretch(period, span, today=today)
    if days is None:
        return Beside(span=None, absent=Absent.NO_WEEK)
    members = _members(house, days)
    own = [site.id for site in chosen] if len(chosen) == 1 else []
    tallies = _tallies(house, sorted({*members, *own}), days)
    group = {site: tallies[site] for site in members if site in tallies}
    seen = {site.id for site in mine}
    least = max([SCHOOLS_MIN, *(house.rules(site).k for site in house.sites() if site.id in group)])
    told = Beside(span=days, schools=len(group), least=least, own=tallies.get(own[0], {}) if own else {})
    if not may_be_told(group, seen, least=least):
        return msgspec.structs.replace(told, absent=Absent.FEW)
    return msgspec.structs.replace(told, values=_medians(group, seen, least=least))


def may_be_told(group: Mapping[str, Tally], seen: set[str], *, least: int) -> bool:
    """Tell whether a figure over *group* may be shown to who sees the sites *seen*.

    Of sites that one sees a figure is a figure. Of others there are at least *least*, and none of them is nearly all.
    """
    others = [tally for site, tally in group.items() if site not in seen]
    if len(others or group) < least:
        return False
    return all(_is_mixed([tally[key].numerator for tally in others]) for key in _SUMS)


def _is_mixed(values: Sequence[int]) -> bool:
    return not values or max(values) <= SHARE_MAX * sum(values)


def _medians(group: Mapping[str, Tally], seen: set[str], *, least: int) -> dict[Key, float]:
    found = {}
    for key in FIGURES:
        known = {site: value for site, tally in group.items() if (value := _whole(tally[key])) is not None}
        others = [site for site in known if site not in seen]
        if len(others or known) >= least:
            found[key] = rounded(median(known.values()), METRICS[key].unit)
    return found


def _whole(amount: Amount) -> float | None:
    """Return a figure, or None where part of a sum is withheld: then it is not known how much."""
    is_sum = amount.denominator is None
    return None if is_sum and amount.is_partial else amount.value


def rounded(value: float, unit: Unit) -> float:
    """Return *value* to two digits; of a share those are percents."""
    if unit is Unit.SHARE:
        return round(value, DIGITS)
    if value == 0:
        return 0.0
    return float(f"{value:.{DIGITS - 1}e}")


def _members(house: House, days: Span) -> list[str]:
    """Return the sites that permitted it from the first of *days* to the last, as the settings log tells."""
    asked = Statement(
        "select site, made_at, change from settings_log where site in (select site from settings_log where "
        "json_extract_string(change, '$.in_median') = 'true') order by seq",
        (),
    )
    known = {site.id: site for site in house.sites()}
    states = states_in(cells.rows(house.reader, asked))
    members = [site for site, told in states.items() if site in known and _permits(told, known[site].timezone, days)]
    return _counted(house, members, days)


def _permits(states: Sequence[State], timezone: str, days: Span) -> bool:
    begins, ends = (
        instant.astimezone(UTC).replace(tzinfo=None)
        for instant in (day_starts_at(days.first, timezone), day_ends_at(days.last, timezone))
    )
    before = [state for state in states if state.made_at <= begins][-1:]
    return bool(before) and all(state.site.in_median for state in [*before, *_during(states, begins, ends)])


def _during(states: Sequence[State], begins: datetime, ends: datetime) -> list[State]:
    return [state for state in states if begins < state.made_at < ends]


def _counted(house: House, sites: Sequence[str], days: Span) -> list[str]:
    """Return those of *sites* of which each day was closed and none lost, and anything kept."""
    if not sites:
        return []
    asked = Statement(
        f"select site from closed where {of_sites(sites)} and day between ? and ? "
        "group by site having count(distinct day) = ? and count(*) filter (where outcome = 'lost') = 0 "
        "and count(*) filter (where outcome = 'kept') > 0 order by site",
        (*named(sites), days.first, days.last, days.days),
    )
    return [site for (site,) in cells.rows(house.reader, asked)]


def _tallies(house: House, sites: Sequence[str], days: Span) -> dict[str, Tally]:
    if not sites:
        return {}
    asked = Statement(
        f"select site, {TALLY} from cell where {of_sites(sites)} and day between ? and ? "
        "and filter_dimension = '' and dimension = 'total' group by site",
        (*named(sites), days.first, days.last),
    )
    return {row[0]: cells.tally(row[1:]) for row in cells.rows(house.reader, asked)}
