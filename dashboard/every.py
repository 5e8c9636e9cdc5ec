"""Show all of a breakdown: a page of its own, in hundreds, sorted and narrowed by its address."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard import cells, sentences
from dashboard.answer import asked, report_of
from dashboard.beginnings import begin_with
from dashboard.breakdowns import LATER, Breakdown, panel_of
from dashboard.frame import Frame, parameters
from dashboard.heat import heat, kept_hours
from dashboard.house import House
from dashboard.metrics import SHOWN, Amount, Key
from dashboard.query import VALUE_LENGTH_MAX, QueryError
from dashboard.report import Panel, Report, Row
from dashboard.view import View
from dashboard.who import Right

PAGE_ROWS: Final = 100
ROWS_MAX: Final = 20_000
#: Of the number of a page; Python reads no number of thousands of digits.
_DIGITS_MAX: Final = 6
_NAME: Final = "name"
_FALLING: Final = "-"


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Hold how the rows of a table are looked through.

    Attributes:
        narrow: What names have to contain, whatever its capitals.
        sort: Name of a metric, or `name`; empty for the usual order.
        is_rising: Whether the least come first.
        page: From 1.
    """

    narrow: str = ""
    sort: str = ""
    is_rising: bool = False
    page: int = 1

    def with_(self, **changes: Any) -> "Listing":
        """Return the listing with *changes*."""
        return msgspec.structs.replace(self, **changes)

    def by(self, sort: str) -> "Listing":
        """Return the listing sorted by *sort*, the other way round where it is that already."""
        is_rising = not self.is_rising if sort == self.sort else sort == _NAME
        return Listing(narrow=self.narrow, sort=sort, is_rising=is_rising)

    def to_params(self) -> list[tuple[str, str]]:
        """Return it as parameters of an address; what is usual is left out."""
        params = [("with", self.narrow)] if self.narrow else []
        if self.sort:
            params.append(("sort", self.sort if self.is_rising else _FALLING + self.sort))
        return [*params, ("page", str(self.page))] if self.page > 1 else params

    @classmethod
    def from_params(cls, params: Sequence[tuple[str, str]]) -> "Listing":
        """Read a listing from the parameters of an address.

        Raises:
            QueryError: A column or a page that there is not.
        """
        given = dict(params)
        sort, page = given.get("sort", ""), given.get("page", "1")
        bare = sort.removeprefix(_FALLING)
        if bare and bare != _NAME and bare not in set(SHOWN):
            raise QueryError(sort)
        if not (page.isascii() and page.isdigit() and len(page) <= _DIGITS_MAX and 0 < int(page) <= ROWS_MAX):
            raise QueryError(page[:VALUE_LENGTH_MAX])
        narrow = given.get("with", "").strip()[:VALUE_LENGTH_MAX]
        return cls(narrow=narrow, sort=bare, is_rising=bool(bare) and not sort.startswith(_FALLING), page=int(page))


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one page of a table.

    Attributes:
        rows: With their names.
        first: Number of the first of them.
        count: Rows on all pages.
        pages: How many pages there are, at least one.
    """

    rows: list[tuple[Row, str]]
    first: int
    count: int
    pages: int


def leaf(panel: Panel, listing: Listing, view: View) -> Leaf:
    """Return the page of *panel* that *listing* asks for; one past the last is the last."""
    named = [(row, view.name(panel.breakdown, row.value)) for row in panel.rows]
    wanted = listing.narrow.casefold()
    found = [one for one in named if wanted in one[1].casefold() or wanted in one[0].value.casefold()]
    if listing.sort == _NAME:
        found.sort(key=lambda one: (one[1].casefold(), one[0].value), reverse=not listing.is_rising)
    elif listing.sort:
        key = Key(listing.sort)
        known = [one for one in found if _value(one[0], key) is not None]
        known.sort(key=lambda one: _value(one[0], key) or 0.0, reverse=not listing.is_rising)
        found = known + [one for one in found if _value(one[0], key) is None]
    pages = max(-(-len(found) // PAGE_ROWS), 1)
    first = (min(listing.page, pages) - 1) * PAGE_ROWS
    return Leaf(rows=found[first : first + PAGE_ROWS], first=first + 1, count=len(found), pages=pages)


def _value(row: Row, key: Key) -> float | None:
    return row.tally.get(key, Amount()).value


class Every:
    """Answer tables of their own, and what comes further down the overview."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def all(self, request: Request) -> Response:
        """Answer all of a breakdown."""
        name = request.path_params["name"]
        if name not in set(Breakdown):
            return self._frame.message(request, "no_page", status=404)
        breakdown, params, view = Breakdown(name), parameters(request), self._frame.view(request)
        listing = Listing.from_params(params)
        query, sites = asked(self._house, params, self._frame.sites(request, self._house.sites()))
        query = query.showing(breakdown)
        report = report_of(
            self._house, query, sites=sites, limit=ROWS_MAX, panels=[panel_of(breakdown)], is_whole_table=True
        )
        panel = report.panels[0]
        is_path = panel.breakdown is Breakdown.PAGE and listing.narrow.startswith("/")
        return self._frame.page(
            request,
            "all.html",
            report=report,
            query=query,
            panel=panel,
            sites=sites,
            listing=listing,
            leaf=leaf(panel, listing, view),
            beginning=begin_with(listing.narrow, panel) if is_path and not panel.refusal else None,
            doubts=sentences.DOUBTS,
        )

    def engagement(self, request: Request) -> Response:
        """Answer hours by weekday, time on page and depth of scrolling."""
        query, sites = asked(self._house, parameters(request), self._frame.sites(request, self._house.sites()))
        report = report_of(self._house, query, sites=sites, panels=LATER)
        return self._frame.page(
            request, "engagement.html", report=report, query=query, sites=sites, heat=self._heat(report)
        )

    def _heat(self, report: Report) -> Any:
        span = kept_hours(report.span, today=report.today)
        if span is None or report.query.filter:
            return None
        return heat(cells.hours(self._house.reader, report.query.sites, span), span)


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of tables of their own, and of what comes further down the overview."""
    every = Every(house=house, frame=frame)
    answers = {"/all/{name}": every.all, "/engagement": every.engagement}
    return [
        Route(frame.base_path + path, frame.guarded(answer, Right.FIGURES), methods=["GET"])
        for path, answer in answers.items()
    ]
