"""Answer the list of sites: each with what it came to, and how it is doing."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.clock import local_day
from dashboard.frame import Frame, parameters
from dashboard.house import House
from dashboard.listed import CONDITIONS, Asked, Column, Condition, Line, listed
from dashboard.median import beside
from dashboard.metrics import METRICS, mark
from dashboard.period import Period, PeriodKind, shift
from dashboard.query import SITES_MAX, Query
from dashboard.rollup import ALL, chosen_by, collections
from dashboard.sparkline import HEIGHT, WIDTH
from dashboard.view import View
from dashboard.who import Right

_PERIODS: Final = (
    (PeriodKind.WEEK, mark("7 days")),
    (PeriodKind.FOUR_WEEKS, mark("28 days")),
    (PeriodKind.QUARTER, mark("90 days")),
)
_COLUMNS: Final = {
    Column.NAME: mark("Site"),
    Column.VISITORS: mark("Visitor-days"),
    Column.PAGEVIEWS: mark("Pageviews"),
    Column.CHANGE: mark("Difference"),
}


def answer(request: Request, *, house: House, frame: Frame) -> Response:
    """Answer the list of the sites that the reader may see."""
    asked = Asked.from_params(parameters(request))
    mine = frame.sites(request, house.sites())
    named = set(chosen_by(asked.collection, mine)) if asked.collection else {site.id for site in mine}
    chosen = [site for site in mine if site.id in named]
    if not chosen:
        return frame.message(request, "no_sites", status=200)
    today = local_day(house.clock.now(), chosen[0].timezone)
    span = asked.period.span(today)
    days = shift(span, Query(sites=("",)).compare)
    view = frame.view(request)
    return frame.page(
        request,
        "sites.html",
        asked=asked,
        span=span,
        before=span.before(days) if days else None,
        listed=listed(house.reader, asked, chosen, span=span, before=span.before(days) if days else None),
        sites_count=len(mine),
        periods=[(Period(kind), text) for kind, text in _PERIODS],
        collections=collections(mine),
        columns=_COLUMNS,
        condition=lambda line: _condition(view, line),
        query_of=lambda *sites: Query(sites=sites, period=asked.period),
        together=Query(sites=tuple(sorted(named)), collection=asked.collection or ALL, period=asked.period),
        sites_max=SITES_MAX,
        spark={"width": WIDTH, "height": HEIGHT},
        beside=beside(house, mine, chosen, period=asked.period, span=span, today=today),
        metrics=METRICS,
        may_add=frame.who(request).may(Right.SITES),
    )


def _condition(view: View, line: Line) -> str:
    few = {Condition.LOST: line.lost_days, Condition.BELOW_K: line.below_days}.get(line.condition, 0)
    text = CONDITIONS[line.condition]
    if not few:
        return view.words.text(text)
    ended = line.kept_days + line.below_days + line.lost_days
    return view.words.text(text, n=view.words.number(few), of=view.words.number(ended))


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the route of the list."""
    told: dict[str, Any] = {"house": house, "frame": frame}
    return [Route(f"{frame.base_path}/sites", frame.guarded(lambda request: answer(request, **told)), methods=["GET"])]
