"""Know the Dutch school holidays: from a file that says where it has them from, and what it does not know."""

import tomllib
from collections.abc import Collection, Iterable
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from collector.model import Region
from dashboard.period import Span


class Break(StrEnum):
    """Name a school holiday."""

    AUTUMN = "autumn"
    CHRISTMAS = "christmas"
    SPRING = "spring"
    MAY = "may"
    SUMMER = "summer"


#: Month and day from which, and up to which, each has ever lain: where one is not known, it may be here.
_MAY_LIE: Final = {
    Break.AUTUMN: ((10, 5), (11, 5)),
    Break.CHRISTMAS: ((12, 15), (1, 12)),
    Break.SPRING: ((2, 5), (3, 10)),
    Break.MAY: ((4, 18), (5, 12)),
    Break.SUMMER: ((7, 1), (9, 8)),
}


class Holiday(msgspec.Struct, frozen=True):
    """Hold when a region's schools are closed, both days included."""

    name: Break
    region: Region
    first: date
    last: date


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Hold every holiday that is known.

    Attributes:
        source: Where the government publishes them.
        written_on: When they were written down.
        complete_until: Last day up to which none is missing.
        years: Begin of the school years that the file speaks of.
    """

    source: str
    written_on: date
    complete_until: date
    years: tuple[int, ...]
    holidays: tuple[Holiday, ...]

    def shared(self, regions: Collection[Region], span: Span) -> list[Holiday]:
        """Return when the schools of all *regions* are closed, as far as *span* goes; none for no region.

        A holiday that they have at different times is shared for the days that they have in common.
        """
        found = []
        for holiday in self.holidays if regions else ():
            others = [self._of(holiday, region) for region in regions]
            first = max((each.first for each in others if each), default=holiday.first)
            last = min((each.last for each in others if each), default=holiday.last)
            common = Span(max(first, span.first), min(last, span.last))
            if holiday.region == min(regions) and all(others) and common.first <= common.last:
                found.append(Holiday(holiday.name, holiday.region, common.first, common.last))
        return sorted(found, key=lambda each: each.first)

    def missing(self, regions: Collection[Region], span: Span) -> list[tuple[Break, int]]:
        """Return which holidays, with their year, may lie in *span* and are not known for one of *regions*."""
        known = {(each.region, each.name, _begun(each.first)) for each in self.holidays}
        years = range(_begun(span.first), _begun(span.last) + 1)
        return [
            (name, begun if name in {Break.AUTUMN, Break.CHRISTMAS} else begun + 1)
            for begun in years
            for name in Break
            if _may_lie(name, begun, span) and any((region, name, begun) not in known for region in regions)
        ]

    def _of(self, holiday: Holiday, region: Region) -> Holiday | None:
        begun = _begun(holiday.first)
        same = (each for each in self.holidays if each.region == region and each.name is holiday.name)
        return next((each for each in same if _begun(each.first) == begun), None)


def _begun(day: date) -> int:
    """Return in which year the school year of *day* began; a summer holiday belongs to the year that it ends."""
    august = 8
    return day.year if day.month >= august else day.year - 1


def _may_lie(name: Break, begun: int, span: Span) -> bool:
    (month, day), (month_last, day_last) = _MAY_LIE[name]
    year = begun if name in {Break.AUTUMN, Break.CHRISTMAS} else begun + 1
    ends = year + (month_last < month)
    if not date.min.year <= year <= ends <= date.max.year:
        return False
    last = date(ends, month_last, day_last)
    return date(year, month, day) <= span.last and span.first <= last


@cache
def calendar() -> Calendar:
    """Return what the file says, read once a process."""
    return read((files("dashboard") / "holidays.toml").read_text("utf-8"))


def read(text: str) -> Calendar:
    """Read a calendar.

    Raises:
        ValueError: A name, a region or a date that there is not.
    """
    raw = tomllib.loads(text)
    years = {name: raw[name] for name in raw if isinstance(raw[name], dict)}
    return Calendar(
        source=raw["source"],
        written_on=raw["written_on"],
        complete_until=raw["complete_until"],
        years=tuple(int(name[:4]) for name in years),
        holidays=tuple(holiday for year in years.values() for holiday in _of_year(year)),
    )


def _of_year(year: dict[str, dict[str, list[Any]]]) -> Iterable[Holiday]:
    for name, regions in year.items():
        for region, (first, last) in regions.items():
            yield Holiday(Break(name), Region(region), first, last)
