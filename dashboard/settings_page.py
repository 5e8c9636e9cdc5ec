"""The page of a site's settings: what is on, since when and by whom, what waits, and the switches of a controller."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.errors import SettingsError
from collector.model import Dimension, Region, Site
from collector.policy import K_FLOOR
from collector.store.sites import K_MAX
from dashboard import access, goals, settings_told, site_change
from dashboard.frame import FORM_BYTES_MAX, Frame, parameters
from dashboard.house import House
from dashboard.period import QueryError
from dashboard.query import Query
from dashboard.settings_told import SWITCHABLE
from dashboard.who import Right

_SEE_OTHER: Final = 303
_DIGITS_MAX: Final = 6
REGIONS: Final = {one.value: settings_told.VALUES[one.value] for one in Region}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the switches as they were filled in."""

    is_on: bool
    k: str
    without: tuple[str, ...]
    retention_days: str
    region: str
    embed_hosts: str
    in_median: bool
    reason: str = ""


def as_it_is(site: Site) -> Wanted:
    """Return the switches of a site as it was set."""
    return Wanted(
        is_on=site.is_on,
        k=str(site.k or ""),
        without=tuple(one.value for one in site.without),
        retention_days=str(site.retention_days or ""),
        region=site.region.value if site.region else "",
        embed_hosts="\n".join(site.embed_hosts),
        in_median=site.in_median,
    )


def read(fields: Iterable[tuple[str, str]]) -> Wanted:
    """Return the form; what no box says is off."""
    pairs = list(fields)
    told = dict(pairs)
    return Wanted(
        is_on=told.get("on") == "1",
        k=told.get("k", "").strip(),
        without=tuple(value for name, value in pairs if name == "without"),
        retention_days=told.get("days", "").strip(),
        region=told.get("region", ""),
        embed_hosts=told.get("hosts", ""),
        in_median=told.get("median") == "1",
        reason=told.get("reason", ""),
    )


def changes(wanted: Wanted, site: Site) -> dict[str, Any]:
    """Return what the form changes of a site, as it was set.

    Raises:
        SettingsError: With what is wrong.
    """
    hosts = wanted.embed_hosts.replace(",", " ").lower().split()
    wrong = next((host for host in hosts if not host.startswith(("https://", "http://"))), None)
    if wrong:
        raise SettingsError("origin_invalid", wrong)
    made: dict[str, Any] = {
        "is_on": wanted.is_on,
        "k": _number(wanted.k),
        "without": [one.value for one in Dimension if one.value in wanted.without],
        "retention_days": _number(wanted.retention_days),
        "region": wanted.region or None,
        "embed_hosts": [host.rstrip("/") for host in hosts],
        "in_median": wanted.in_median,
    }
    before = settings_told.record(site)
    before["without"] = [one.value for one in Dimension if one in site.without]
    return {name: value for name, value in made.items() if value != before[name]}


def _number(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise SettingsError("number_invalid", text)
    return int(text)


class SitePage:
    """Answer the settings of a site, and change them."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def answer(self, request: Request) -> Response:
        """Answer the settings of the site that the address names."""
        own = site_change.sites_of(self._frame.who(request), self._house.sites())
        wanted = request.query_params.get("site", own[0].id if own else "")
        site = next((site for site in own if site.id == wanted), None)
        if site is None:
            return self._frame.message(request, "no_site" if own else "no_sites", status=404 if own else 200)
        return self._page(request, site, own)

    def change(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Change what the form says; on a mistake show it again, as it was filled in."""
        own = site_change.sites_of(self._frame.who(request), self._house.sites())
        site = next((site for site in own if site.id == dict(fields).get("site", "")), None)
        if site is None:
            return self._frame.message(request, "no_site", status=404)
        wanted, before = read(fields), goals.as_set(self._house, site)
        try:
            changed = changes(wanted, before)
            if changed:
                site_change.change(self._house, before, changed, who=self._frame.who(request), reason=wanted.reason)
        except SettingsError as error:
            message = site_change.said(self._frame.view(request), error)
            return self._page(request, site, own, wanted=wanted, error=message, status=422)
        path = self._frame.view(request).path("/settings", site=site.id, saved="1" if changed else "0")
        return RedirectResponse(path, _SEE_OTHER, headers=dict(access.HEADERS))

    def _page(
        self,
        request: Request,
        site: Site,
        sites: list[Site],
        *,
        wanted: Wanted | None = None,
        error: str = "",
        status: int = 200,
    ) -> Response:
        view = self._frame.view(request)
        declared, rules = goals.as_set(self._house, site), self._house.rules(site)
        log = goals.entries_of(self._house, site)
        told = settings_told.settings_of(view, site, declared, rules, log)
        return self._frame.page(
            request,
            "settings.html",
            place="settings",
            here="/settings",
            site=site,
            sites=sites,
            query=self._query(request, site),
            told=told,
            waiting=[one for one in told if one.waits],
            entries=settings_told.entries_of(view, log),
            entries_count=len(log),
            wanted=wanted or as_it_is(declared),
            is_open=wanted is not None,
            error=error,
            saved=request.query_params.get("saved", "") if not error else "",
            switchable={one.value: settings_told.name_of(view, one) for one in SWITCHABLE},
            regions=REGIONS,
            k_floor=K_FLOOR,
            k_max=K_MAX,
            k=rules.k,
            house_days=self._house.settings.privacy.retention_days,
            house_k=self._house.settings.privacy.k,
            house_profile=settings_told.VALUES[self._house.settings.privacy.profile],
            operator=self._house.settings.public.operator,
            snippet=self._house.snippet(site),
            privacy_path=f"{self._frame.base_path}/privacy",
            status=status,
        )

    def _query(self, request: Request, site: Site) -> Query:
        """Return the query that the page carries on to other pages: its period and what it is compared with."""
        pairs = [(name, value) for name, value in parameters(request) if name not in {"site", "filter", "show"}]
        try:
            return Query.from_params([("site", site.id), *pairs])
        except QueryError:
            return Query(sites=(site.id,))


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of a site's settings."""
    page, base = SitePage(house=house, frame=frame), frame.base_path
    return [
        Route(f"{base}/settings", frame.guarded(page.answer, Right.SETTINGS), methods=["GET"]),
        Route(
            f"{base}/settings",
            frame.form(page.change, Right.SETTINGS),
            methods=["POST"],
            max_body_size=FORM_BYTES_MAX,
        ),
    ]
