"""Read how often goals, groups and steps of funnels were reached, since when they count, and where people go next."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from collector.clock import local_day
from collector.model import Dimension, Site
from dashboard import cells
from dashboard.house import House
from dashboard.period import Span
from dashboard.sparkline import BRIDGED
from dashboard.sql import Statement

#: What of a site's settings declares a set, and the dimension that its figures stand under.
DECLARED: Final = {"goals": Dimension.GOAL, "groups": Dimension.GROUP, "funnels": Dimension.FUNNEL_STEP}
#: Stands between the name of a funnel and the number of its step.
BETWEEN: Final = " · "
#: What goals are divided by, in the order of the page.
DIVIDED_BY: Final = (
    Dimension.SOURCE, Dimension.CHANNEL, Dimension.DEVICE, Dimension.BROWSER, Dimension.OS, Dimension.COUNTRY,
    Dimension.PAGE, Dimension.ENTRY_PAGE,
)  # fmt: skip
#: Where people go who leave.
EXIT: Final = "(exit)"
PAGES_MAX: Final = 500
#: Of a file: as many values of a dimension as there may be.
ROWS_MAX: Final = 10_000
_TOTAL: Final = (Dimension.TOTAL.value, "")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what one day came to; None is withheld."""

    visitors: int | None
    visits: int | None
    times: int | None
    pageviews: int | None


#: Figures of days, by dimension and value.
Days = dict[tuple[str, str], dict[date, Figures]]


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """Hold since when something declared counts.

    Attributes:
        first_day: That counts.
        is_only: Whether nothing else ever had its name, so that older figures of that name are its own.
    """

    first_day: date
    is_only: bool


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what the days came to on which something counted.

    Attributes:
        visitors: Who reached it; None where no day tells.
        of_visitors: Everybody on the same days.
        visits: In which it was reached; None where no day tells.
        of_visits: All visits of the days that do not withhold them.
        times: How often, as events or pageviews; None where no day tells.
        days_told: Days with a figure.
        days: Days that counted.
    """

    visitors: int | None
    of_visitors: int
    visits: int | None
    of_visits: int
    times: int | None
    days_told: int
    days: int

    @property
    def conversion(self) -> float | None:
        """Return which part of all visitors reached it; at least, where not every day tells."""
        return _share(self.visitors, self.of_visitors)

    @property
    def visit_conversion(self) -> float | None:
        """Return in which part of all visits it was reached."""
        return _share(self.visits, self.of_visits)

    @property
    def is_at_least(self) -> bool:
        """Tell whether some days tell nothing: who reached it then is not in the figure."""
        return self.days_told < self.days


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a step of a funnel.

    Attributes:
        visitors: Who came that far; None where no day tells.
        stayed: Part of those of the step before, over the days that tell both; None where none does.
        width: Part of the longest bar.
    """

    number: int
    visitors: int | None
    stayed: float | None
    width: float
    days_told: int


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a value of a breakdown beside a goal: visitors at least, and everybody who had the value."""

    value: str
    visitors: int
    of_visitors: int | None
    width: float

    @property
    def conversion(self) -> float | None:
        """Return which part of them reached the goal, at least."""
        return _share(self.visitors, self.of_visitors)


def _share(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else min(part / whole, 1.0)


def as_set(house: House, site: Site) -> Site:
    """Return a site as it was set, with what waits for its next day; `sites()` returns what is in force."""
    found = cells.rows(house.reader, Statement("select record from site where id = ?", (site.id,)))
    return msgspec.json.decode(found[0][0], type=Site) if found else site


def entries_of(house: House, site: Site) -> list[tuple[datetime, dict[str, Any], str, str]]:
    """Return what the settings log tells of a site, oldest first: instant (aware UTC), change, by whom, and why."""
    asked = Statement(
        "select made_at, change, coalesce(made_by, ''), coalesce(reason, '') from settings_log "
        "where site = ? and change is not null order by seq",
        (site.id,),
    )
    read = [
        (made_at, json.loads(change), by, reason) for made_at, change, by, reason in cells.rows(house.reader, asked)
    ]
    return [(at.replace(tzinfo=UTC), change, by, why) for at, change, by, why in read if isinstance(change, dict)]


def begun(changes: Iterable[tuple[datetime, Mapping[str, Any]]], timezone: str) -> dict[tuple[str, str], Begun]:
    """Return since when each declared thing counts, by setting and name: what was declared today counts tomorrow.

    Args:
        changes: Of one site, oldest first.
        timezone: Of the site.
    """
    now: dict[str, dict[str, Any]] = {name: {} for name in DECLARED}
    ever: set[tuple[str, str]] = set()
    found: dict[tuple[str, str], Begun] = {}
    for number, (made_at, change) in enumerate(changes):
        # A new site counts at once with what it was added with: no day of it was begun under another promise.
        first_day = local_day(made_at, timezone) + timedelta(days=1 if number else 0)
        for setting in [name for name in DECLARED if name in change]:
            named = {one["name"] if isinstance(one, dict) else str(one): one for one in change[setting] or ()}
            for name, what in named.items():
                if now[setting].get(name) != what:
                    found[setting, name] = Begun(first_day=first_day, is_only=(setting, name) not in ever)
                    ever.add((setting, name))
            now[setting] = named
    return {key: one for key, one in found.items() if key[1] in now[key[0]]}


def days_of(house: House, site: Site, span: Span) -> Days:
    """Return the figures of each closed day: of the site, its goals, its groups and the steps of its funnels."""
    asked = Statement(
        "select dimension, value, day, sum(visitors), case when count(visits) = count(*) then sum(visits) end, "
        "sum(events), sum(pageviews) from cell where site = ? and day between ? and ? and filter_dimension = '' "
        "and dimension in ('total', 'goal', 'group', 'funnel_step') group by dimension, value, day order by day",
        (site.id, span.first, span.last),
    )
    found: Days = {}
    for dimension, value, day, visitors, visits, times, pageviews in cells.rows(house.reader, asked):
        figures = Figures(visitors=visitors, visits=visits, times=times, pageviews=pageviews)
        found.setdefault((dimension, value), {})[day] = figures
    return found


def first_days(house: House, site: Site) -> dict[tuple[str, str], date]:
    """Return the first day with a figure of each goal, group and step that is kept, by dimension and value."""
    asked = Statement(
        "select dimension, value, min(day) from cell where site = ? and filter_dimension = '' "
        "and dimension in ('goal', 'group', 'funnel_step') group by dimension, value",
        (site.id,),
    )
    return {(dimension, value): day for dimension, value, day in cells.rows(house.reader, asked)}


def since(
    setting: str, name: str, *, told: Mapping[tuple[str, str], Begun], kept: Mapping[tuple[str, str], date]
) -> date | None:
    """Return the first day that counts; None where neither the settings log nor a figure tells."""
    begins = told.get((setting, name))
    value = f"{name}{BETWEEN}1" if setting == "funnels" else name
    first_kept = kept.get((DECLARED[setting].value, value))
    if begins is None:
        return first_kept
    # Days that were counted after the fact, from a log or a demonstration, are older than the entry.
    return min(begins.first_day, first_kept) if begins.is_only and first_kept else begins.first_day


def first_day_of(house: House, site: Site, goal: str) -> date | None:
    """Return the first day on which a goal counts; None where nothing tells."""
    told = begun([(at, change) for at, change, _, _ in entries_of(house, site)], site.timezone)
    return since("goals", goal, told=told, kept=first_days(house, site))


def sums(days: Days, key: tuple[str, str], span: Span, *, first: date | None) -> Sums | None:
    """Return what the days of *span* came to from *first* on; None where none of them counted."""
    whole, own = days.get(_TOTAL, {}), days.get(key, {})
    counted = [day for day in whole if span.holds(day) and (first is None or day >= first)]
    if not counted or first is None:
        return None
    told_on = [day for day in counted if day in own and own[day].visitors is not None]
    # As the panel of goals divides: among everybody since the first day in the period that has a figure.
    counted = [day for day in counted if day >= min(told_on, default=day)]
    told = [own[day] for day in told_on]
    # Days on which visits are withheld are left out on both sides.
    both = [day for day in counted if whole[day].visits is not None and (day not in own or own[day].visits is not None)]
    visits = [own[day].visits or 0 for day in both if day in own]
    times = [n for one in told for n in (one.times or one.pageviews,) if n is not None]
    return Sums(
        visitors=sum(one.visitors or 0 for one in told) if told else None,
        of_visitors=sum(whole[day].visitors or 0 for day in counted),
        visits=sum(visits) if visits else None,
        of_visits=sum(whole[day].visits or 0 for day in both),
        times=sum(times) if times else None,
        days_told=len(told),
        days=len(counted),
    )


def steps(days: Days, name: str, number: int, span: Span, *, first: date | None) -> list[Step]:
    """Return the steps of a funnel with *number* of them, over the days of *span* from *first* on."""
    of = [_step(days, name, n + 1, span, first=first) for n in range(number)]
    most = max((sum(one.values()) for one in of), default=0)
    made = []
    for n, one in enumerate(of):
        before = of[n - 1] if n else {}
        both = one.keys() & before.keys()
        stayed = _share(sum(one[day] for day in both), sum(before[day] for day in both)) if both else None
        visitors = sum(one.values()) if one else None
        made.append(
            Step(
                number=n + 1,
                visitors=visitors,
                stayed=stayed,
                width=(visitors or 0) / most if most else 0.0,
                days_told=len(one),
            )
        )
    return made


def through(days: Days, name: str, number: int, span: Span, *, first: date | None) -> float | None:
    """Return which part of those who took the first step took the last, over the days that tell both; None of none."""
    begun_by, ended_by = (_step(days, name, n, span, first=first) for n in (1, number))
    both = begun_by.keys() & ended_by.keys()
    return _share(sum(ended_by[day] for day in both), sum(begun_by[day] for day in both)) if both else None


def _step(days: Days, name: str, number: int, span: Span, *, first: date | None) -> dict[date, int]:
    """Return who took a step of a funnel, of the days that tell it."""
    return {
        day: figures.visitors
        for day, figures in days.get((Dimension.FUNNEL_STEP.value, f"{name}{BETWEEN}{number}"), {}).items()
        if span.holds(day) and (first is None or day >= first) and figures.visitors is not None
    }


def divided(
    house: House, site: Site, goal: str, span: Span, dimensions: Sequence[Dimension], *, limit: int
) -> dict[Dimension, list[Shared]]:
    """Return who reached a goal by what else they had: at least, and among everybody who had it."""
    names = ", ".join("?" for _ in dimensions) or "null"
    asked = Statement(
        "select p.dimension, p.value, p.reached, s.everybody from (select dimension, value, sum(visitors) as reached "
        "from cell where site = ? and day between ? and ? and filter_dimension = 'goal' and filter_value = ? "
        f"and dimension in ({names}) group by dimension, value) as p left join (select dimension, value, "
        "sum(visitors) as everybody from cell where site = ? and day between ? and ? and filter_dimension = '' "
        f"and dimension in ({names}) group by dimension, value) as s on p.dimension = s.dimension "
        "and p.value = s.value order by p.reached desc, p.value",
        (site.id, span.first, span.last, goal, *dimensions, site.id, span.first, span.last, *dimensions),
    )
    found: dict[Dimension, list[tuple[str, int, int | None]]] = {}
    for dimension, value, reached, everybody in cells.rows(house.reader, asked):
        found.setdefault(Dimension(dimension), []).append((value, int(reached or 0), everybody))
    return {one: _bars(found[one][:limit]) for one in dimensions if one in found}


def pages_before(house: House, site: Site, span: Span) -> list[str]:
    """Return the pages of which it is known where people go next, the one with most of them first."""
    asked = Statement(
        "select filter_value from cell where site = ? and day between ? and ? and filter_dimension = 'page' "
        f"and dimension = 'next_page' group by filter_value order by sum(visitors) desc, 1 limit {PAGES_MAX}",
        (site.id, span.first, span.last),
    )
    return [page for (page,) in cells.rows(house.reader, asked)]


def next_pages(house: House, site: Site, page: str, span: Span) -> list[Shared]:
    """Return where people went from a page, and how many of them left: at least."""
    asked = Statement(
        "select value, sum(visitors) from cell where site = ? and day between ? and ? and filter_dimension = 'page' "
        f"and filter_value = ? and dimension = 'next_page' group by value order by 2 desc, value limit {PAGES_MAX}",
        (site.id, span.first, span.last, page),
    )
    return _bars([(value, int(visitors or 0), None) for value, visitors in cells.rows(house.reader, asked)])


def _bars(lines: Sequence[tuple[str, int, int | None]]) -> list[Shared]:
    most = max((visitors for _, visitors, _ in lines), default=0)
    return [
        Shared(value=value, visitors=visitors, of_visitors=whole, width=visitors / most if most else 0.0)
        for value, visitors, whole in lines
    ]


def spark(days: Days, key: tuple[str, str], span: Span, *, first: date | None) -> str:
    """Return the path of a small line over the days that count, in a box of 100 by 30; empty where nothing is told.

    It goes on over a weekend of which nothing is told, and is broken where more days are missing.
    """
    own = days.get(key, {})
    start = max(span.first, first) if first else span.first
    whole = [start + timedelta(n) for n in range((span.last - start).days + 1)]
    known = [own[day].visitors or 0 for day in whole if day in own]
    if not known or not max(known):
        return ""
    path = ""
    upto: int | None = None
    for n, day in enumerate(whole):
        value = own[day].visitors if day in own else None
        if value is None:
            continue
        is_on = upto is not None and n - upto <= BRIDGED + 1
        x, y = (n + 0.5) / len(whole) * 100, 28 - value / max(known) * 26
        path += f"{'L' if is_on else 'M'}{x:.1f} {y:.1f}" + ("" if is_on else "h.01")
        upto = n
    return path
