"""The pages of the dashboard as routes: check the door, read the query, answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.clock import Clock, local_day
from collector.errors import TurvenError
from collector.model import Site
from dashboard import access, cells, export
from dashboard.assets import Assets, pack
from dashboard.chart import draw
from dashboard.first_steps import Form, read_form
from dashboard.house import AddSite, MakeSnippet, Reader, RulesOf, Sites
from dashboard.plan import plan
from dashboard.query import Period, PeriodKind, Query, QueryError
from dashboard.report import Report, build
from dashboard.view import View
from dashboard.words import Words, choose, load

FORM_BYTES_MAX: Final = 16_384
QUERY_FIELDS_MAX: Final = 100
#: Asks for what is inside <main> only; the page's module sends it.
FRAGMENT: Final = "turven-fragment"

Endpoint = Callable[[Request], Response]


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
        base_path: str,
    ) -> None:
        self._reader = reader
        self._sites = sites
        self._add_site = add_site
        self._snippet = snippet
        self._rules = rules
        self._clock = clock
        self._base_path = base_path
        self._words = load()
        self._assets = Assets(base_path)
        self._templates = Environment(
            loader=PackageLoader("dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    # -- pages ----------------------------------------------------------------------------------------------------

    def overview(self, request: Request) -> Response:
        """Answer the overview; the first steps in an empty house, the list of sites where one has to be chosen."""
        sites = self._sites()
        if not sites:
            return RedirectResponse(self._view(request).path("/first-steps"), 303)
        params = _params(request)
        if len(sites) > 1 and not any(name == "site" for name, _ in params):
            return self._page(request, "sites.html", sites=sites, make_query=lambda site: Query(sites=(site.id,)))
        report, chosen = self._report(params, sites, limit=cells.PANEL_ROWS)
        view = self._view(request)
        figure = report.figure
        chart = draw(
            report.points,
            figure.metric.key,
            previous=report.previous_blocks,
            name_value=lambda value: view.axis(figure.metric.key, value),
            name_point=view.tick,
        )
        return self._page(
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
        return self._page(request, "first_steps.html", form=Form(), error="", sites_count=len(self._sites()))

    def site_added(self, request: Request) -> Response:
        """Answer what to do once a site is there: the snippet, and one's own event."""
        site = next((site for site in self._sites() if site.id == request.path_params["site"]), None)
        if site is None:
            return self._message(request, "no_site", status=404)
        host = next((host for host in site.hosts if not host.startswith("*")), site.hosts[0].replace("*", "www"))
        return self._page(
            request,
            "site_added.html",
            site=site,
            snippet=self._snippet(site),
            example_url=f"https://{host}/",
            event_url=f"{self._base_path}/event?debug=1",
            origin=f"{request.url.scheme}://{request.headers['host']}",
            query=Query(sites=(site.id,)),
        )

    def export(self, request: Request) -> Response:
        """Answer a panel, or the chart, as CSV or JSON: the same query as on the page."""
        name, kind = request.path_params["name"], request.path_params["kind"]
        sites = self._sites()
        if kind not in export.KINDS or name not in export.NAMES:
            return self._message(request, "no_page", status=404)
        report, _ = self._report(_params(request), sites, limit=cells.PANEL_ROWS_MAX)
        table = export.table(report, name)
        file = export.file_name(report, name, kind)
        headers = {**access.HEADERS, "Content-Disposition": f'attachment; filename="{file}"'}
        body = export.as_csv(table) if kind == "csv" else export.as_json(table, report)
        return pack(request, body, media_type=export.KINDS[kind], headers=headers)

    def asset(self, request: Request) -> Response:
        """Answer a file that pages need."""
        return self._assets.answer(request)

    async def add(self, request: Request) -> Response:
        """Take a site in and go on to its snippet; on a mistake show the form again, as it was filled in."""
        refused = access.refuse(request)
        if refused:
            return self._message(request, refused.value, status=access.STATUS[refused])
        body = await request.body()
        return await run_in_threadpool(self._add, request, body)

    def _add(self, request: Request, body: bytes) -> Response:
        if len(body) > FORM_BYTES_MAX:
            return self._message(request, "no_page", status=413)
        form = read_form(body)
        try:
            site, made_by = form.site()
            self._add_site(site, made_by)
        except TurvenError as error:
            message = self._view(request).error(error)
            return self._page(
                request, "first_steps.html", form=form, error=message, sites_count=len(self._sites()), status=422
            )
        return RedirectResponse(self._view(request).path(f"/first-steps/{site.id}"), 303, headers=dict(access.HEADERS))

    # -- helpers --------------------------------------------------------------------------------------------------

    def guarded(self, answer: Endpoint) -> Endpoint:
        """Return *answer* behind the door, with a page for what goes wrong."""

        @wraps(answer)
        def endpoint(request: Request) -> Response:
            refused = access.refuse(request)
            if refused:
                return self._message(request, refused.value, status=access.STATUS[refused])
            try:
                return answer(request)
            except QueryError as error:
                return self._message(request, "query", status=400, what=error.what)

        return endpoint

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

    def _view(self, request: Request) -> View:
        asked = request.query_params.get("lang")
        return View(
            self._language(request), base_path=self._base_path, language=asked if asked in self._words else None
        )

    def _language(self, request: Request) -> Words:
        return self._words[choose(request.query_params.get("lang"), request.headers.get("accept-language", ""))]

    def _page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        view = self._view(request)
        body = self._templates.get_template(template).render(
            _=view.words.text,
            n_=view.words.count,
            view=view,
            words=view.words,
            asset=self._assets.url,
            languages={code: self._same(request, code) for code in self._words},
            is_fragment=FRAGMENT in request.headers,
            **values,
        )
        headers = {**access.HEADERS, "Content-Language": view.words.language}
        return pack(request, body.encode(), media_type="text/html; charset=utf-8", headers=headers, status=status)

    def _same(self, request: Request, language: str) -> str:
        pairs = [(name, value) for name, value in _params(request) if name != "lang"]
        view = View(self._words[language], base_path=self._base_path, language=None)
        path = request.url.path.removeprefix(self._base_path)
        return view.address(path, [*pairs, ("lang", language)])

    def _message(self, request: Request, code: str, *, status: int, what: str = "") -> Response:
        return self._page(request, "message.html", code=code, what=what, status=status)


def _params(request: Request) -> list[tuple[str, str]]:
    query = request.scope.get("query_string", b"").decode("latin-1")
    try:
        return parse_qsl(query, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        raise QueryError("…") from None


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
    pages = Pages(
        reader=reader, sites=sites, add_site=add_site, snippet=snippet, rules=rules, clock=clock, base_path=base_path
    )
    answers: dict[str, Endpoint] = {
        "/": pages.overview,
        "/first-steps": pages.first_steps,
        "/first-steps/{site}": pages.site_added,
        "/export/{name}.{kind}": pages.export,
        "/assets/{name}": pages.asset,
    }
    found = [Route(base_path + path, pages.guarded(answer), methods=["GET"]) for path, answer in answers.items()]
    return [*found, Route(f"{base_path}/first-steps", pages.add, methods=["POST"], max_body_size=FORM_BYTES_MAX)]
