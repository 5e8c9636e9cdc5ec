"""Count a day slowly and obviously, event by event, to compare the SQL with; and make events by hand.

Written from the definitions and not from the SQL: no query, no table, one visitor after the other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from collector.day.current_day import CurrentDay
from collector.event import Batch, Event, Kind, VisitorKey
from collector.model import DIRECT, Dimension, Epoch

SITE = "school"
DAY = Epoch("Europe/Amsterdam", date(2026, 11, 24))
MEASURES = ("pageviews", "visits", "bounces", "seconds", "events")
ATTRIBUTES = (
    Dimension.SOURCE,
    Dimension.CHANNEL,
    Dimension.CAMPAIGN,
    Dimension.BROWSER,
    Dimension.BROWSER_MAJOR,
    Dimension.OS,
    Dimension.DEVICE,
    Dimension.VIEWPORT,
    Dimension.COUNTRY,
    Dimension.LANGUAGE,
)
#: What one visitor adds to one value: visitor and value to measures.
Sums = dict[tuple[Any, ...], Counter[str]]


def at(clock: str, *, day: Epoch = DAY, fold: int = 0) -> int:
    """Return the second at which the wall shows *clock* (HH:MM or HH:MM:SS) on *day*."""
    local = datetime.fromisoformat(f"{day.day.isoformat()}T{clock}").replace(tzinfo=ZoneInfo(day.timezone), fold=fold)
    return int(local.timestamp())


def event(visitor: int, second: int | str, kind: Kind = Kind.PAGEVIEW, page: str = "/", **more: Any) -> Event:
    """Make an event; *second* since 1970 or on the wall clock of the usual day."""
    told = {
        "site": SITE,
        "source": DIRECT,
        "channel": "direct",
        "browser": "Chrome",
        "os": "Windows",
        "device": "desktop",
        "country": "NL",
    } | more
    when = at(second) if isinstance(second, str) else second
    return Event(visitor=VisitorKey(visitor), at=when, kind=kind, page=page, **told)


def engaged(visitor: int, second: int | str, page: str, seconds: float, **more: Any) -> Event:
    """Make a report of engagement."""
    return event(visitor, second, Kind.ENGAGEMENT, page, milliseconds=int(seconds * 1000), **more)


def did(visitor: int, second: int | str, name: str, page: str = "/", **more: Any) -> Event:
    """Make an event of the page's own."""
    return event(visitor, second, Kind.CUSTOM, page, name=name, **more)


def day_of(events: Iterable[Event], *, epoch: Epoch = DAY, batch: int = 7) -> CurrentDay:
    """Return a current day that took *events* in, a few at a time."""
    day = CurrentDay(epoch)
    waiting = list(events)
    for first in range(0, len(waiting), batch):
        day.append(Batch(waiting[first : first + batch], []))
    return day


def sums_of(frame: pl.DataFrame, *keys: str) -> dict[tuple[Any, ...], dict[str, int]]:
    """Return a frame of facts as a table; two rows of one visitor and value are an error."""
    rows = {
        tuple(row[key] for key in ("visitor", *keys)): {
            measure: row[measure] for measure in MEASURES if row.get(measure)
        }
        for row in frame.to_dicts()
    }
    assert len(rows) == frame.height
    return rows


class Visit:
    """Hold the events of one visit in their order, the one that began it first."""

    def __init__(self, first: Event) -> None:
        self.first = first
        self.events: list[Event] = []

    def of(self, kind: Kind) -> list[Event]:
        """Return the events of one kind."""
        return [event for event in self.events if event.kind == kind]

    def milliseconds(self, page: str | None = None) -> int:
        """Return the time engaged, on one page or all."""
        reports = [event for event in self.of(Kind.ENGAGEMENT) if page is None or event.page == page]
        return sum(min(report.milliseconds, 1_800_000) for report in reports)

    def measures(self) -> Counter[str]:
        """Return what the visit adds to each value that it has."""
        pageviews, events = len(self.of(Kind.PAGEVIEW)), len(self.of(Kind.CUSTOM))
        return Counter(
            pageviews=pageviews,
            visits=1,
            bounces=int(pageviews == 1 and events == 0),
            seconds=min(1800, self.milliseconds() // 1000),
            events=events,
        )

    def value(self, dimension: Dimension) -> str:
        """Return what the visit says of *dimension*, or nothing."""
        pageviews = self.of(Kind.PAGEVIEW)
        if dimension is Dimension.ENTRY_PAGE:
            return pageviews[0].page if pageviews else ""
        if dimension is Dimension.EXIT_PAGE:
            return pageviews[-1].page if pageviews else ""
        return str(getattr(self.first, dimension.value))

    def add_pages(self, sums: Sums) -> None:
        """Add what the visit comes to on each of its pages."""
        whole = self.milliseconds()
        for page in {event.page for event in self.events}:
            pageviews = sum(event.page == page for event in self.of(Kind.PAGEVIEW))
            share = self.milliseconds(page) * min(whole, 1_800_000) // max(whole, 1) // 1000
            sums[self.first.visitor, page].update(
                pageviews=pageviews,
                visits=int(pageviews > 0),
                bounces=self.measures()["bounces"] if pageviews else 0,
                seconds=share,
                events=sum(event.page == page for event in self.of(Kind.CUSTOM)),
            )


def on_time(events: list[Event]) -> list[Event]:
    """Return *events* without engagement on a page that its visitor did not open."""
    opened = {(event.visitor, event.page) for event in events if event.kind == Kind.PAGEVIEW}
    return [event for event in events if event.kind != Kind.ENGAGEMENT or (event.visitor, event.page) in opened]


def visits_of(events: list[Event]) -> list[Visit]:
    """Return the visits of one visitor, whose *events* are in order of time."""
    visits: list[Visit] = []
    early: list[Event] = []
    before: int | None = None
    for event in events:
        is_idle = before is not None and event.at - before >= 1800
        is_entry = event.kind == Kind.PAGEVIEW and event.is_entry and event.source != DIRECT
        if event.kind != Kind.ENGAGEMENT and (not visits or is_idle or is_entry):
            visits.append(Visit(event))
        (visits[-1].events if visits else early).append(event)
        before = event.at
    visits[0].events[:0] = early
    return visits


class SlowCount:
    """Hold everything that a day comes to, per visitor and value."""

    def __init__(self, events: list[Event], *, epoch: Epoch = DAY) -> None:
        self.total: Sums = defaultdict(Counter)
        self.hours: Sums = defaultdict(Counter)
        self.values: dict[Dimension, Sums] = {dimension: defaultdict(Counter) for dimension in Dimension}
        self.visits: list[Visit] = []
        self._zone = ZoneInfo(epoch.timezone)
        of_visitor: dict[int, list[Event]] = defaultdict(list)
        for event in sorted(on_time(events), key=lambda event: event.at):
            of_visitor[event.visitor].append(event)
        for theirs in of_visitor.values():
            for visit in visits_of(theirs):
                self.visits.append(visit)
                self._add(visit)

    def _add(self, visit: Visit) -> None:
        visitor, measures = visit.first.visitor, visit.measures()
        self.total[(visitor,)].update(measures)
        begun = {measure: measures[measure] for measure in ("visits", "bounces", "seconds")}
        self.hours[visitor, self._hour(visit.first)].update(begun)
        for dimension in (*ATTRIBUTES, Dimension.ENTRY_PAGE, Dimension.EXIT_PAGE):
            if visit.value(dimension):
                self.values[dimension][visitor, visit.value(dimension)].update(measures)
        visit.add_pages(self.values[Dimension.PAGE])
        for event in visit.of(Kind.PAGEVIEW):
            self.hours[visitor, self._hour(event)]["pageviews"] += 1
        for event in visit.of(Kind.CUSTOM):
            self.hours[visitor, self._hour(event)]["events"] += 1
            self.values[Dimension.EVENT][visitor, event.name]["events"] += 1
        for name in {event.name for event in visit.of(Kind.CUSTOM)}:
            self.values[Dimension.EVENT][visitor, name]["visits"] += 1
        self._add_properties(visit)
        self._add_scroll(visit)

    def _add_properties(self, visit: Visit) -> None:
        sums, seen = self.values[Dimension.PROPERTY], set()
        for kind, measure in ((Kind.PAGEVIEW, "pageviews"), (Kind.CUSTOM, "events")):
            for event in visit.of(kind):
                for stated in set(event.properties):
                    label = f"{event.name or 'pageview'} · {stated}"
                    seen.add(label)
                    sums[visit.first.visitor, label][measure] += 1
        for label in seen:
            sums[visit.first.visitor, label]["visits"] += 1

    def _add_scroll(self, visit: Visit) -> None:
        opened, seen = Counter(event.page for event in visit.of(Kind.PAGEVIEW)), set()
        for page, pageviews in opened.items():
            deepest = max((event.scroll for event in visit.of(Kind.ENGAGEMENT) if event.page == page), default=0)
            for quarter in (25, 50, 75, 100):
                if quarter - 25 < deepest <= quarter:
                    self.values[Dimension.SCROLL][visit.first.visitor, str(quarter)]["pageviews"] += pageviews
                    seen.add(str(quarter))
        for quarter_ in seen:
            self.values[Dimension.SCROLL][visit.first.visitor, quarter_]["visits"] += 1

    def pair(self, a: Dimension, b: Dimension) -> dict[tuple[Any, ...], dict[str, int]]:
        """Return the pageviews by the values of two dimensions."""
        sums: Counter[tuple[Any, ...]] = Counter()
        for visit in self.visits:
            for event in visit.of(Kind.PAGEVIEW):
                values = [event.page if each is Dimension.PAGE else visit.value(each) for each in (a, b)]
                if all(values):
                    sums[visit.first.visitor, *values] += 1
        return {key: {"pageviews": pageviews} for key, pageviews in sums.items()}

    def _hour(self, event: Event) -> int:
        return datetime.fromtimestamp(event.at, UTC).astimezone(self._zone).hour


def plain(sums: Sums) -> dict[tuple[Any, ...], dict[str, int]]:
    """Return *sums* without measures of nothing, as `sums_of` gives them."""
    return {key: {measure: count for measure, count in sum_.items() if count} for key, sum_ in sums.items()}
