"""The pages of the dashboard as routes: check the door, read the query, answer."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.errors import TurvenError
from collector.model import Site
from dashboard import access, sites_page
from dashboard.answer import asked, report_of
from dashboard.export_page import Files
from dashboard.first_steps import Form, read_form
from dashboard.frame import FORM_BYTES_MAX, Endpoint, Frame, parameters
from dashboard.house import House
from dashboard.median import beside
from dashboard.metrics import METRICS
from dashboard.overview import above
from dashboard.query import Period, Query
from dashboard.report import Report
from dashboard.who import Right, signed


class Pages:
    """Answer requests of a house that was handed in."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    # -- pages ----------------------------------------------------------------------------------------------------

    def overview(self, request: Request) -> Response:
        """Answer the overview; the first steps in an empty house, the list of sites where one has to be chosen."""
        sites = self._sites(request)
        if not sites and (self._house.sites() or not self._frame.who(request).may(Right.SITES)):
            return self._frame.message(request, "no_sites", status=200)
        if not sites:
            return RedirectResponse(self._frame.view(request).path("/first-steps"), 303)
        params = parameters(request)
        if len(sites) > 1 and not any(name in {"site", "collection"} for name, _ in params):
            return sites_page.answer(request, house=self._house, frame=self._frame)
        query, chosen = asked(self._house, params, sites)
        report = report_of(self._house, query, sites=chosen)
        return self._frame.page(
            request,
            "overview.html",
            report=report,
            sites=chosen,
            sites_count=len(sites),
            query=report.query,
            make_period=Period.parse,
            metrics=METRICS,
            **self._beside(report, sites, chosen),
            **above(self._house, self._frame.view(request), report, chosen, who=self._frame.who(request)),
        )

    def first_steps(self, request: Request) -> Response:
        """Answer the form for a site."""
        return self._frame.page(
            request, "first_steps.html", form=Form(), error="", sites_count=len(self._sites(request))
        )

    def site_added(self, request: Request) -> Response:
        """Answer what to do once a site is there: the snippet, and one's own event."""
        # Of any site: whoever takes sites in needs the snippet, and it tells no figure.
        site = next((site for site in self._house.sites() if site.id == request.path_params["site"]), None)
        if site is None:
            return self._frame.message(request, "no_site", status=404)
        host = next((host for host in site.hosts if not host.startswith("*")), site.hosts[0].replace("*", "www"))
        return self._frame.page(
            request,
            "site_added.html",
            site=site,
            snippet=self._house.snippet(site),
            example_url=f"https://{host}/",
            event_url=f"{self._frame.base_path}/event?debug=1",
            origin=self._origin(request),
            query=Query(sites=(site.id,)),
        )

    def asset(self, request: Request) -> Response:
        """Answer a file that pages need."""
        return self._frame.assets.answer(request)

    def add(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Take a site in and go on to its snippet; on a mistake show the form again, as it was filled in."""
        form = read_form(fields)
        try:
            site, made_by = form.site()
            self._house.add_site(site, signed(made_by, self._frame.who(request)))
        except TurvenError as error:
            message = self._frame.view(request).error(error)
            return self._frame.page(
                request,
                "first_steps.html",
                form=form,
                error=message,
                sites_count=len(self._sites(request)),
                status=422,
            )
        return RedirectResponse(
            self._frame.view(request).path(f"/first-steps/{site.id}"), 303, headers=dict(access.HEADERS)
        )

    def _beside(self, report: Report, sites: list[Site], chosen: list[Site]) -> dict[str, Any]:
        """Return the medians that one site is set beside; nothing where several are looked at, or one value."""
        if len(chosen) != 1 or report.query.filter:
            return {}
        told = beside(self._house, sites, chosen, period=report.query.period, span=report.span, today=report.today)
        return {"beside": told}

    # -- helpers --------------------------------------------------------------------------------------------------

    def _origin(self, request: Request) -> str:
        """Return where browsers reach the house; behind a proxy only the settings know."""
        base_url = self._house.settings.public.base_url
        return base_url.removesuffix(self._frame.base_path) or f"{request.url.scheme}://{request.headers['host']}"

    def _sites(self, request: Request) -> list[Site]:
        return self._frame.sites(request, self._house.sites())


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of the overview, of first steps, and of files that pages need."""
    pages = Pages(house=house, frame=frame)
    answers: dict[str, tuple[Endpoint, Right]] = {
        "/": (pages.overview, Right.FIGURES),
        "/first-steps": (pages.first_steps, Right.SITES),
        "/first-steps/{site}": (pages.site_added, Right.SITES),
        "/export/{name}.{kind}": (Files(house=house, frame=frame).answer, Right.EXPORT),
        "/assets/{name}": (pages.asset, Right.ANYBODY),
    }
    base = frame.base_path
    found = [Route(base + path, frame.guarded(*guarded), methods=["GET"]) for path, guarded in answers.items()]
    taking = frame.form(pages.add, Right.SITES)
    return [*found, Route(f"{base}/first-steps", taking, methods=["POST"], max_body_size=FORM_BYTES_MAX)]
