"""The pages of the dashboard as routes: check the door, read the query, answer."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.clock import Clock, local_day
from collector.errors import TurvenError
from collector.model import Site
from dashboard import access, cells, export
from dashboard.assets import pack
from dashboard.chart import draw
from dashboard.first_steps import Form, read_form
from dashboard.frame import FORM_BYTES_MAX, Endpoint, Frame, parameters
from dashboard.house import AddSite, MakeSnippet, Reader, RulesOf, Sites
from dashboard.plan import plan
from dashboard.query import Period, PeriodKind, Query, QueryError
from dashboard.report import Report, build


class Pages:
    """Answer requests of a house that was handed in."""

    def __init__(
        self,
        *,
        reader: Reader,
        sites: Sites,
        add_site: AddSite,
        snippet: MakeSnippet,
        rules: RulesOf,
        clock: Clock,
        frame: Frame,
    ) -> None:
        self._reader = reader
        self._sites = sites
        self._add_site = add_site
        self._snippet = snippet
        self._rules = rules
        self._clock = clock
        self._frame = frame

    # -- pages ----------------------------------------------------------------------------------------------------

    def overview(self, request: Request) -> Response:
        """Answer the overview; the first steps in an empty house, the list of sites where one has to be chosen."""
        sites = self._sites()
        if not sites:
            return RedirectResponse(self._frame.view(request).path("/first-steps"), 303)
        params = parameters(request)
        if len(sites) > 1 and not any(name == "site" for name, _ in params):
            return self._frame.page(request, "sites.html", sites=sites, make_query=lambda site: Query(sites=(site.id,)))
        report, chosen = self._report(params, sites, limit=cells.PANEL_ROWS)
        view = self._frame.view(request)
        figure = report.figure
        chart = draw(
            report.points,
            figure.metric.key,
            previous=report.previous_blocks,
            name_value=lambda value: view.axis(figure.metric.key, value),
            name_point=view.tick,
        )
        return self._frame.page(
            request,
            "overview.html",
            report=report,
            chart=chart,
            sites=chosen,
            sites_count=len(sites),
            query=report.query,
            make_period=Period.parse,
            make_month=Period.month,
        )

    def first_steps(self, request: Request) -> Response:
        """Answer the form for a site."""
        return self._frame.page(request, "first_steps.html", form=Form(), error="", sites_count=len(self._sites()))

    def site_added(self, request: Request) -> Response:
        """Answer what to do once a site is there: the snippet, and one's own event."""
        site = next((site for site in self._sites() if site.id == request.path_params["site"]), None)
        if site is None:
            return self._frame.message(request, "no_site", status=404)
        host = next((host for host in site.hosts if not host.startswith("*")), site.hosts[0].replace("*", "www"))
        return self._frame.page(
            request,
            "site_added.html",
            site=site,
            snippet=self._snippet(site),
            example_url=f"https://{host}/",
            event_url=f"{self._frame.base_path}/event?debug=1",
            origin=f"{request.url.scheme}://{request.headers['host']}",
            query=Query(sites=(site.id,)),
        )

    def export(self, request: Request) -> Response:
        """Answer a panel, or the chart, as CSV or JSON: the same query as on the page."""
        name, kind = request.path_params["name"], request.path_params["kind"]
        sites = self._sites()
        if kind not in export.KINDS or name not in export.NAMES:
            return self._frame.message(request, "no_page", status=404)
        report, _ = self._report(parameters(request), sites, limit=cells.PANEL_ROWS_MAX)
        table = export.table(report, name)
        file = export.file_name(report, name, kind)
        headers = {**access.HEADERS, "Content-Disposition": f'attachment; filename="{file}"'}
        body = export.as_csv(table) if kind == "csv" else export.as_json(table, report)
        return pack(request, body, media_type=export.KINDS[kind], headers=headers)

    def asset(self, request: Request) -> Response:
        """Answer a file that pages need."""
        return self._frame.assets.answer(request)

    async def add(self, request: Request) -> Response:
        """Take a site in and go on to its snippet; on a mistake show the form again, as it was filled in."""
        refused = access.refuse(request)
        if refused:
            return self._frame.message(request, refused.value, status=access.STATUS[refused])
        body = await request.body()
        return await run_in_threadpool(self._add, request, body)

    def _add(self, request: Request, body: bytes) -> Response:
        if len(body) > FORM_BYTES_MAX:
            return self._frame.message(request, "no_page", status=413)
        form = read_form(body)
        try:
            site, made_by = form.site()
            self._add_site(site, made_by)
        except TurvenError as error:
            message = self._frame.view(request).error(error)
            return self._frame.page(
                request, "first_steps.html", form=form, error=message, sites_count=len(self._sites()), status=422
            )
        return RedirectResponse(
            self._frame.view(request).path(f"/first-steps/{site.id}"), 303, headers=dict(access.HEADERS)
        )

    # -- helpers --------------------------------------------------------------------------------------------------

    def _report(self, params: list[tuple[str, str]], sites: list[Site], *, limit: int) -> tuple[Report, list[Site]]:
        query = Query.from_params(params, sites=[site.id for site in sites] if len(sites) == 1 else ())
        chosen = [site for site in sites if site.id in query.sites]
        if len(chosen) != len(query.sites):
            raise QueryError("site")
        if not any(name in {"period", "from"} for name, _ in params) and not cells.first_day(self._reader, query.sites):
            query = query.with_(period=Period(PeriodKind.TODAY))
        rules = [self._rules(site) for site in chosen]
        made = plan(query, rules, today=local_day(self._clock.now(), chosen[0].timezone))
        rows = cells.read(
            self._reader,
            query,
            sites=chosen,
            spans=made.spans,
            today=made.today,
            dimensions=made.answered,
            limit=cells.PANEL_ROWS_MAX if query.more else limit,
        )
        return build(rows, made, sites=chosen, rules=rules), chosen


def routes(
    *,
    reader: Reader,
    sites: Sites,
    add_site: AddSite,
    snippet: MakeSnippet,
    rules: RulesOf,
    clock: Clock,
    base_path: str = "",
) -> list[Route]:
    """Return the routes of the dashboard.

    Args:
        reader: Lends cursors on the history.
        sites: Names the sites that may be seen.
        add_site: Takes a new site in.
        snippet: Makes a site's script element.
        rules: Tells what is in force for a site.
        clock: Tells which day runs.
        base_path: Prefix of every address, as in the settings.
    """
    frame = Frame(base_path)
    pages = Pages(reader=reader, sites=sites, add_site=add_site, snippet=snippet, rules=rules, clock=clock, frame=frame)
    answers: dict[str, Endpoint] = {
        "/": pages.overview,
        "/first-steps": pages.first_steps,
        "/first-steps/{site}": pages.site_added,
        "/export/{name}.{kind}": pages.export,
        "/assets/{name}": pages.asset,
    }
    found = [Route(base_path + path, frame.guarded(answer), methods=["GET"]) for path, answer in answers.items()]
    return [*found, Route(f"{base_path}/first-steps", pages.add, methods=["POST"], max_body_size=FORM_BYTES_MAX)]
