"""List many sites with what each came to: looked through by name, sorted by a column, in pages of fifty."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from collector.model import Site
from dashboard import cells, rollup_sql
from dashboard.house import Reader
from dashboard.metrics import mark
from dashboard.period import Period, Span
from dashboard.query import VALUE_LENGTH_MAX, QueryError
from dashboard.sparkline import path

PAGE_SITES: Final = 50
_PAGES_MAX: Final = 1_000
#: Of the number of a page; Python reads no number of thousands of digits.
_DIGITS_MAX: Final = 6
#: Longer periods are drawn by week.
_DAILY_MAX: Final = 90
_FALLING: Final = "-"


class Column(StrEnum):
    """Name what sites can be sorted by."""

    NAME = "name"
    VISITORS = "visitors"
    PAGEVIEWS = "pageviews"
    CHANGE = "change"


class Condition(StrEnum):
    """Name how a site is doing, the worst first."""

    OFF = "off"
    SILENT = "silent"
    LOST = "lost"
    BELOW_K = "below_k"
    GOOD = "good"


CONDITIONS: Final = {
    Condition.OFF: mark("is off"),
    Condition.SILENT: mark("nothing counted"),
    Condition.LOST: mark("{n} of {of} days lost"),
    Condition.BELOW_K: mark("{n} of {of} days below the threshold"),
    Condition.GOOD: mark("counts"),
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Hold how the list is looked through.

    Attributes:
        narrow: What a site's id, host or controller has to contain, whatever its capitals.
        collection: Whose sites; empty for all of them.
        is_rising: Whether the least come first.
        page: From 1.
    """

    period: Period = Period()
    narrow: str = ""
    collection: str = ""
    sort: Column = Column.VISITORS
    is_rising: bool = False
    page: int = 1

    def with_(self, **changes: Any) -> "Asked":
        """Return it with *changes*, on the first page unless they name one."""
        return msgspec.structs.replace(self, **({"page": 1} | changes))

    def by(self, column: Column) -> "Asked":
        """Return it sorted by *column*, the other way round where it is that already."""
        return self.with_(sort=column, is_rising=not self.is_rising if column is self.sort else column is Column.NAME)

    def to_params(self) -> list[tuple[str, str]]:
        """Return it as parameters of an address; what is usual is left out."""
        sort = self.sort.value if self.is_rising else _FALLING + self.sort.value
        told = {
            "period": str(self.period),
            "collection": self.collection,
            "with": self.narrow,
            "sort": sort,
            "page": str(self.page),
        }
        usual = {"period": str(Period()), "collection": "", "with": "", "sort": "-visitors", "page": "1"}
        return [(name, value) for name, value in told.items() if value != usual[name]]

    @classmethod
    def from_params(cls, params: Sequence[tuple[str, str]]) -> "Asked":
        """Read it from the parameters of an address.

        Raises:
            QueryError: A period, a column or a page that there is not.
        """
        given = dict(params)
        sort, page = given.get("sort", "-visitors"), given.get("page", "1")
        bare = sort.removeprefix(_FALLING)
        if bare not in set(Column):
            raise QueryError(sort[:VALUE_LENGTH_MAX])
        if not (page.isascii() and page.isdigit() and len(page) <= _DIGITS_MAX and 0 < int(page) <= _PAGES_MAX):
            raise QueryError(page[:VALUE_LENGTH_MAX])
        return cls(
            period=Period.parse(given["period"]) if "period" in given else Period(),
            narrow=given.get("with", "").strip()[:VALUE_LENGTH_MAX],
            collection=given.get("collection", ""),
            sort=Column(bare),
            is_rising=not sort.startswith(_FALLING),
            page=int(page),
        )


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one site with its figures; None is withheld, or was never counted.

    Attributes:
        is_at_least: Whether visitors of some part of a day are withheld.
        are_views_at_least: The same of pageviews.
        change: By what part the visitors grew over the period before.
        path: Of its sparkline; empty until it is drawn.
    """

    site: Site
    visitors: int | None = None
    visits: int | None = None
    pageviews: int | None = None
    before: int | None = None
    is_at_least: bool = False
    are_views_at_least: bool = False
    kept_days: int = 0
    below_days: int = 0
    lost_days: int = 0
    path: str = ""

    @property
    def change(self) -> float | None:
        """Return by what part the visitors grew; None where it cannot be said."""
        if self.visitors is None or not self.before:
            return None
        return (self.visitors - self.before) / self.before

    @property
    def condition(self) -> Condition:
        """Return how the site is doing."""
        if not self.site.is_on:
            return Condition.OFF
        if self.lost_days:
            return Condition.LOST
        if self.below_days:
            return Condition.BELOW_K
        return Condition.GOOD if self.kept_days else Condition.SILENT


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one page of the list.

    Attributes:
        lines: Of this page, each with its sparkline.
        found: Sites on all pages.
        visitors: Of all of them.
        pageviews: Of all of them.
        change: By what part the visitors of those grew that have figures of both periods.
        is_at_least: Whether visitors of some part of a day are withheld.
        are_views_at_least: The same of pageviews.
    """

    lines: list[Line]
    found: int
    page: int
    pages: int
    visitors: int
    pageviews: int
    change: float | None
    is_at_least: bool
    are_views_at_least: bool


def holds(site: Site, narrow: str) -> bool:
    """Tell whether a site's id, host or controller contains *narrow*, whatever its capitals."""
    return narrow.casefold() in " ".join((site.id, site.controller, *site.hosts)).casefold()


def listed(reader: Reader, asked: Asked, sites: Sequence[Site], *, span: Span, before: Span | None) -> Listed:
    """Return the page that is asked for.

    Args:
        reader: Of the history.
        asked: How the list is looked through.
        sites: Those of the collection that the reader may see.
        span: The period.
        before: The one that it is compared with, if there is one.
    """
    found = [site for site in sites if holds(site, asked.narrow)]
    lines = sorted(_lines(reader, found, span, before), key=lambda line: line.site.id)
    lines = _sorted(lines, asked)
    pages = max(-(-len(lines) // PAGE_SITES), 1)
    page = min(asked.page, pages)
    shown = lines[(page - 1) * PAGE_SITES : page * PAGE_SITES]
    return Listed(
        lines=_drawn(reader, shown, span),
        found=len(lines),
        page=page,
        pages=pages,
        visitors=sum(line.visitors or 0 for line in lines),
        pageviews=sum(line.pageviews or 0 for line in lines),
        change=_change(lines),
        is_at_least=any(line.is_at_least for line in lines),
        are_views_at_least=any(line.are_views_at_least for line in lines),
    )


def _change(lines: Sequence[Line]) -> float | None:
    both = [(line.visitors, line.before) for line in lines if line.visitors is not None and line.before is not None]
    before = sum(earlier for _, earlier in both)
    return (sum(now for now, _ in both) - before) / before if before else None


def _lines(reader: Reader, sites: Sequence[Site], span: Span, before: Span | None) -> list[Line]:
    ids = [site.id for site in sites]
    if not ids:
        return []
    figures = {row[0]: row[1:] for row in cells.rows(reader, rollup_sql.totals(ids, span, before))}
    ends = {row[0]: row[1:] for row in cells.rows(reader, rollup_sql.ends(ids, span))}
    return [_line(site, figures.get(site.id), ends.get(site.id, (0, 0, 0))) for site in sites]


def _line(site: Site, figures: Sequence[Any] | None, ends: Sequence[int]) -> Line:
    kept, below, lost = ends
    if figures is None:
        return Line(site=site, kept_days=kept, below_days=below, lost_days=lost)
    visitors, visits, pageviews, parts, with_visitors, with_pageviews, earlier, parts_before = figures
    return Line(
        site=site,
        visitors=visitors,
        visits=visits,
        pageviews=pageviews,
        before=earlier if parts_before else None,
        is_at_least=with_visitors < parts,
        are_views_at_least=with_pageviews < parts,
        kept_days=kept,
        below_days=below,
        lost_days=lost,
    )


def _sorted(lines: list[Line], asked: Asked) -> list[Line]:
    if asked.sort is Column.NAME:
        return sorted(lines, key=lambda line: line.site.id, reverse=not asked.is_rising)
    valued = {line.site.id: getattr(line, asked.sort.value) for line in lines}
    known = [line for line in lines if valued[line.site.id] is not None]
    known.sort(key=lambda line: valued[line.site.id], reverse=not asked.is_rising)
    return known + [line for line in lines if valued[line.site.id] is None]


def _drawn(reader: Reader, lines: Sequence[Line], span: Span) -> list[Line]:
    if not lines:
        return []
    is_by_week = span.days > _DAILY_MAX
    statement = rollup_sql.lines([line.site.id for line in lines], span, is_by_week=is_by_week)
    points: dict[str, dict[date, int | None]] = {}
    for site, day, visitors in cells.rows(reader, statement):
        points.setdefault(site, {})[day] = visitors
    places = _places(span, is_by_week=is_by_week)
    return [msgspec.structs.replace(line, path=_path(points.get(line.site.id, {}), places)) for line in lines]


def _places(span: Span, *, is_by_week: bool) -> list[date]:
    if not is_by_week:
        return span.each()
    monday = span.first - timedelta(span.first.weekday())
    return [monday + timedelta(days) for days in range(0, (span.last - monday).days + 1, 7)]


def _path(points: Mapping[date, int | None], places: Sequence[date]) -> str:
    return path([points.get(place) for place in places])
