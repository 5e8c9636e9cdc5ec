"""The page of now: one total of a site, counted at marks of five minutes, with a pause."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.answer import asked
from dashboard.frame import Frame, parameters
from dashboard.house import House
from dashboard.who import Right

#: How far the marks lie apart at which the house counts.
MARK: Final = timedelta(minutes=5)
#: How often a page with scripts looks, and one without.
LOOK_SECONDS: Final = 30
RELOAD_SECONDS: Final = 300


class Now:
    """Answer who is there now."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def answer(self, request: Request) -> Response:
        """Answer the page; it refreshes itself unless the address says `pause=1`."""
        sites = self._frame.sites(request, self._house.sites())
        if not sites:
            return self._frame.message(request, "no_sites", status=200)
        params = parameters(request)
        if not any(name == "site" for name, _ in params):
            params.append(("site", sites[0].id))
        query, chosen = asked(self._house, params, sites)
        site = chosen[0]
        present = self._house.now(site.id)
        at = present.at.astimezone(ZoneInfo(site.timezone)) if present else None
        return self._frame.page(
            request,
            "now.html",
            place="now",
            here="/now",
            site=site,
            sites=sites,
            query=query.with_(sites=(site.id,), filter=None, second=None, shown=()),
            present=present,
            at=f"{at:%H:%M}" if at else "",
            next_at=f"{at + MARK:%H:%M}" if at else "",
            k=self._house.rules(site).k,
            is_paused=request.query_params.get("pause") == "1",
            look_seconds=LOOK_SECONDS,
            reload_seconds=RELOAD_SECONDS,
        )


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the route of now."""
    now = Now(house=house, frame=frame)
    return [Route(f"{frame.base_path}/now", frame.guarded(now.answer, Right.FIGURES), methods=["GET"])]
