"""The page of goals and funnels: what was reached, since when it counts, where people go next, and declaring more."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.errors import SettingsError
from collector.model import Dimension, Site, Target, TargetKind
from dashboard import access, cells, goals, goals_form, site_change
from dashboard.answer import asked, report_of
from dashboard.frame import FORM_BYTES_MAX, Frame, parameters
from dashboard.goals import Days, Step, Sums
from dashboard.goals_form import Given
from dashboard.house import House
from dashboard.metrics import mark
from dashboard.overview import picker
from dashboard.period import Span
from dashboard.query import Filter, Query, QueryError
from dashboard.report import Report
from dashboard.who import Right

_SEE_OTHER: Final = 303
_ROWS: Final = 12
#: What reaches a target, in words.
TARGETS: Final = {
    TargetKind.EVENT: mark("event “{what}”"),
    TargetKind.PAGE: mark("page {what}"),
    TargetKind.PREFIX: mark("pages under {what}"),
}
KINDS: Final = {
    TargetKind.PAGE: mark("opens the page"),
    TargetKind.PREFIX: mark("opens a page under"),
    TargetKind.EVENT: mark("does the event"),
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a goal or a group.

    Attributes:
        first: Day from which it counts; None where nothing tells.
        is_waiting: Whether it comes into force with the next day.
        now: What the period came to; None where no day of it counts.
        before: What the compared period came to, where all of it counts.
        spark: Path of its days.
    """

    name: str
    target: Target
    first: date | None
    is_waiting: bool
    now: Sums | None
    before: Sums | None
    spark: str

    @property
    def change(self) -> float | None:
        """Return by what part its visitors grew."""
        was, is_ = self.before.visitors if self.before else None, self.now.visitors if self.now else None
        return (is_ - was) / was if was and is_ is not None else None


class Tunnel(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a funnel with its steps; *whole* is the part of those of the first step that took the last one."""

    name: str
    targets: tuple[Target, ...]
    first: date | None
    is_waiting: bool
    days: int
    steps: list[Step]
    whole: float | None


class Goals:
    """Answer the page, and take its forms."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def answer(self, request: Request) -> Response:
        """Answer goals, funnels and groups; of a filter on a goal what it divides into, on a page where people go."""
        sites = self._frame.sites(request, self._house.sites())
        if not sites:
            return self._frame.message(request, "no_sites", status=200)
        return self._page(request, sites, given=Given())

    def declare(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Declare what the form says; on a mistake show it again, as it was filled in."""
        site = self._site(request, fields)
        given = goals_form.read(fields)
        if site is None or given.what not in goals_form.KINDS:
            return self._frame.message(request, "no_site", status=404)
        before = goals.as_set(self._house, site)
        try:
            changes = goals_form.added(given, before)
            site_change.change(self._house, before, changes, who=self._frame.who(request), reason=given.reason)
        except SettingsError as error:
            message = site_change.said(self._frame.view(request), error)
            sites = self._frame.sites(request, self._house.sites())
            return self._page(request, sites, given=given, error=message, site=site, status=422)
        return self._back(request, site)

    def remove(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Take back what the form names: it counts no more from now on, and its figures stay."""
        site, told = self._site(request, fields), dict(fields)
        if site is None:
            return self._frame.message(request, "no_site", status=404)
        before = goals.as_set(self._house, site)
        changes = goals_form.removed(told.get("what", ""), told.get("name", ""), before)
        if changes is None:
            return self._frame.message(request, "no_page", status=404)
        site_change.change(self._house, before, changes, who=self._frame.who(request), reason=told.get("reason", ""))
        return self._back(request, site)

    # -- helpers --------------------------------------------------------------------------------------------------

    def _site(self, request: Request, fields: list[tuple[str, str]]) -> Site | None:
        wanted = dict(fields).get("site", "")
        own = site_change.sites_of(self._frame.who(request), self._house.sites())
        return next((site for site in own if site.id == wanted), None)

    def _back(self, request: Request, site: Site) -> Response:
        path = self._frame.view(request).path("/goals", site=site.id)
        return RedirectResponse(f"{path}#declare", _SEE_OTHER, headers=dict(access.HEADERS))

    def _page(
        self,
        request: Request,
        sites: Sequence[Site],
        *,
        given: Given,
        error: str = "",
        site: Site | None = None,
        status: int = 200,
    ) -> Response:
        params = parameters(request)
        if not any(name == "site" for name, _ in params):
            params.append(("site", site.id if site else sites[0].id))
        query, chosen = asked(self._house, params, sites)
        site = chosen[0]
        query = query.with_(sites=(site.id,), second=None, shown=())
        report = report_of(self._house, query.with_(filter=None), sites=[site], panels=())
        view, who = self._frame.view(request), self._frame.who(request)
        values: dict[str, Any] = {
            "query": query,
            "report": report,
            "site": site,
            "sites": list(sites),
            "here": "/goals",
            "place": "goals",
            "picker": picker(view.words, report, first_day=cells.first_day(self._house.reader, query.sites)),
            "make_filter": Filter,
            "targets": TARGETS,
            "exit": goals.EXIT,
        }
        if query.filter and query.filter.dimension is Dimension.GOAL:
            return self._frame.page(request, "goal.html", **values, **self._divided(site, query, report))
        return self._frame.page(
            request,
            "goals.html",
            given=given,
            empty=Given(),
            error=error,
            kinds=KINDS,
            steps_number=goals_form.STEPS,
            may_declare=who.may(Right.SETTINGS, site.id),
            status=status,
            **values,
            **self._reached(site, report),
            **self._next(site, query, report),
        )

    def _reached(self, site: Site, report: Report) -> dict[str, Any]:
        """Return every goal, group and funnel with its figures."""
        told = goals.begun([(at, change) for at, change, _, _ in goals.entries_of(self._house, site)], site.timezone)
        kept = goals.first_days(self._house, site)
        declared = goals.as_set(self._house, site)
        days = goals.days_of(self._house, site, report.span)
        before = goals.days_of(self._house, site, report.previous_span) if report.previous_span else {}

        def line(setting: str, name: str, target: Target, *, in_force: bool) -> Line:
            first = goals.since(setting, name, told=told, kept=kept)
            key = (goals.DECLARED[setting].value, name)
            span = report.previous_span
            return Line(
                name=name,
                target=target,
                first=first,
                is_waiting=not in_force,
                now=goals.sums(days, key, report.span, first=first),
                before=goals.sums(before, key, span, first=first) if span and first and first <= span.first else None,
                spark=goals.spark(days, key, report.span, first=first),
            )

        return {
            "lines": [line("goals", one.name, one.target, in_force=one in site.goals) for one in declared.goals],
            "groups": [
                line("groups", one, Target(TargetKind.PREFIX, one), in_force=one in site.groups)
                for one in declared.groups
            ],
            "funnels": [
                self._funnel(site, declared, number, days=days, span=report.span, told=told, kept=kept)
                for number in range(len(declared.funnels))
            ],
        }

    def _funnel(
        self,
        site: Site,
        declared: Site,
        number: int,
        *,
        days: Days,
        span: Span,
        told: Mapping[tuple[str, str], goals.Begun],
        kept: Mapping[tuple[str, str], date],
    ) -> Tunnel:
        funnel = declared.funnels[number]
        first = goals.since("funnels", funnel.name, told=told, kept=kept)
        counted = [
            day for day in days.get((Dimension.TOTAL.value, ""), {}) if span.holds(day) and first and day >= first
        ]
        return Tunnel(
            name=funnel.name,
            targets=funnel.steps,
            first=first,
            is_waiting=funnel not in site.funnels,
            days=len(counted),
            steps=goals.steps(days, funnel.name, len(funnel.steps), span, first=first),
            whole=goals.through(days, funnel.name, len(funnel.steps), span, first=first),
        )

    def _next(self, site: Site, query: Query, report: Report) -> dict[str, Any]:
        """Return the pages to choose from, and where people go from the one that was chosen."""
        pages = goals.pages_before(self._house, site, report.span)
        filtered = query.filter if query.filter and query.filter.dimension is Dimension.PAGE else None
        page = filtered.value if filtered else (pages[0] if pages else "")
        return {
            "pages": pages,
            "page": page,
            "nexts": goals.next_pages(self._house, site, page, report.span) if page else [],
        }

    def _divided(self, site: Site, query: Query, report: Report) -> dict[str, Any]:
        """Return a goal with what it divides into.

        Raises:
            QueryError: There is no such goal.
        """
        name = query.filter.value if query.filter else ""
        reached = self._reached(site, report)
        line = next((one for one in reached["lines"] if one.name == name), None)
        if line is None:
            raise QueryError(name)
        rules = self._house.rules(site)
        kept = [one for one in goals.DIVIDED_BY if (Dimension.GOAL, one) in rules.set_pairs]
        span = Span(max(report.span.first, line.first), report.span.last) if line.first else report.span
        tables = goals.divided(self._house, site, name, span, kept, limit=_ROWS) if span.days > 0 else {}
        return {"line": line, "tables": tables, "kept": kept, "k": rules.k}


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of goals and funnels."""
    page, base = Goals(house=house, frame=frame), frame.base_path
    limits: dict[str, Any] = {"methods": ["POST"], "max_body_size": FORM_BYTES_MAX}
    return [
        Route(f"{base}/goals", frame.guarded(page.answer, Right.FIGURES), methods=["GET"]),
        Route(f"{base}/goals", frame.form(page.declare, Right.SETTINGS), **limits),
        Route(f"{base}/goals/remove", frame.form(page.remove, Right.SETTINGS), **limits),
    ]
