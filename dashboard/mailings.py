"""Reports by e-mail: the page that has them sent, and the one by which a receiver stops them."""

from secrets import token_urlsafe
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.clock import local_day
from collector.errors import SettingsError
from collector.model import Site
from dashboard import access
from dashboard.desk import mailings
from dashboard.desk.links import SECRET_BYTES
from dashboard.desk.mailings import LATEST_DAYS, Order
from dashboard.frame import FORM_BYTES_MAX, Frame
from dashboard.house import House
from dashboard.links import sharing_sites
from dashboard.links_door import SecretFrame
from dashboard.links_words import FAILED, error_text
from dashboard.who import Right

STOP: Final = "/weekly/stop"
_SEE_OTHER: Final = 303


class Mailings:
    """Have reports of a site sent, list them, and send them no more."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def listed(self, request: Request) -> Response:
        """Answer who gets reports of a site, and the form for one more."""
        return self._page(request, self._site(request, request.query_params.get("site", "")))

    def add(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Have a report sent from the next week or month that ends."""
        given = dict(fields)
        site = self._site(request, given.get("site", ""))
        if site is None:
            return self._frame.message(request, "no_site", status=404)
        now = self._house.clock.now()
        order = Order(
            site=site.id,
            every=given.get("every", ""),
            receiver=given.get("receiver", "").strip(),
            language=given.get("language", ""),
        )
        try:
            mailings.add(
                self._house.desk,
                order,
                stop=token_urlsafe(SECRET_BYTES),
                made_by=self._frame.who(request).name,
                at=now,
                today=local_day(now, site.timezone),
            )
        except SettingsError as error:
            message = error_text(self._frame.view(request), error)
            return self._page(request, site, given=given, error=message, status=422)
        return self._to_list(request, site)

    def remove(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Send a report no more."""
        given = dict(fields)
        site, number = self._site(request, given.get("site", "")), given.get("mailing", "")
        is_number = number.isascii() and number.isdigit() and len(number) < 10  # noqa: PLR2004
        if site is None or not is_number:
            return self._frame.message(request, "no_page", status=404)
        mailings.remove(self._house.desk, site=site.id, mailing=int(number))
        return self._to_list(request, site)

    # -- helpers --------------------------------------------------------------------------------------------------

    def _site(self, request: Request, name: str) -> Site | None:
        sites = sharing_sites(self._frame, request, self._house)
        return next((site for site in sites if site.id == name), sites[0] if len(sites) == 1 and not name else None)

    def _to_list(self, request: Request, site: Site) -> Response:
        path = self._frame.view(request).path("/weekly", site=site.id)
        return RedirectResponse(path, _SEE_OTHER, headers=dict(access.HEADERS))

    def _page(
        self,
        request: Request,
        site: Site | None,
        *,
        given: dict[str, str] | None = None,
        error: str = "",
        status: int = 200,
    ) -> Response:
        if site is None and request.query_params.get("site"):
            return self._frame.message(request, "no_site", status=404)
        view = self._frame.view(request)
        return self._frame.page(
            request,
            "weekly.html",
            site=site,
            sites=sharing_sites(self._frame, request, self._house),
            kept=mailings.mailings(self._house.desk, site.id) if site else [],
            failed={code: view.words.text(text) for code, text in FAILED.items()},
            given={"every": next(iter(LATEST_DAYS)), "receiver": "", "language": view.words.language} | (given or {}),
            mail=self._house.settings.mail,
            error=error,
            status=status,
        )


class Stopped:
    """Let who gets a report stop it: the address says which, and a click says that it is meant."""

    def __init__(self, *, house: House, frame: SecretFrame) -> None:
        self._house = house
        self._frame = frame

    def ask(self, request: Request) -> Response:
        """Answer the page with the button; opening it changes nothing, since programs open addresses in mails too."""
        mailing = mailings.by_stop(self._house.desk, request.path_params["secret"])
        if mailing is None:
            return self._frame.message(request, "no_mailing", status=404)
        return self._frame.page(
            request,
            "weekly_stop.html",
            site_id=mailing.site,
            every=mailing.every,
            is_over=False,
            action=self._frame.root(request),
        )

    async def stop(self, request: Request) -> Response:
        """Stop it; a mail program that offers to does the same (RFC 8058)."""
        return self._frame.dressed(request, await run_in_threadpool(self._stop, request))

    def _stop(self, request: Request) -> Response:
        mailing = mailings.by_stop(self._house.desk, request.path_params["secret"])
        if mailing is None:
            return self._frame.message(request, "no_mailing", status=404)
        mailings.remove(self._house.desk, site=mailing.site, mailing=mailing.id)
        return self._frame.page(
            request, "weekly_stop.html", site_id=mailing.site, every=mailing.every, is_over=True, action=""
        )


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of the page about reports, and of the one that stops them."""
    base = frame.base_path
    page, inner = Mailings(house=house, frame=frame), SecretFrame(frame, prefix=STOP)
    stopped = Stopped(house=house, frame=inner)
    taking: dict[str, Any] = {"methods": ["POST"], "max_body_size": FORM_BYTES_MAX}
    return [
        Route(f"{base}/weekly", frame.guarded(page.listed, Right.SHARING), methods=["GET"]),
        Route(f"{base}/weekly", frame.form(page.add, Right.SHARING), **taking),
        Route(f"{base}/weekly/withdraw", frame.form(page.remove, Right.SHARING), **taking),
        Route(inner.base_path, inner.guarded(stopped.ask, Right.ANYBODY), methods=["GET"]),
        Route(inner.base_path, stopped.stop, **taking),
    ]
