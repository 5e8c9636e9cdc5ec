"""Secret links: the page that makes and withdraws them, and the pages that they open."""

from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.errors import SettingsError
from collector.model import Site
from dashboard import access, app, every
from dashboard.desk import links
from dashboard.desk.links import LINK_DAYS, LINK_DAYS_MAX, PASS_HOURS, SECRET_BYTES, Link, Wish
from dashboard.embed import EMBED, EmbedFrame, allowed, snippet
from dashboard.frame import FORM_BYTES_MAX, Frame
from dashboard.house import House
from dashboard.links_door import COOKIE, SHARED, LinkFrame, Tries
from dashboard.links_words import error_text
from dashboard.who import Right

PASSWORD_FIELDS_MAX: Final = 10
#: Parts whose pages a link opens below its own address, as far as they show figures.
_READ: Final = (app.routes, every.routes)
_READING: Final = frozenset({Right.FIGURES, Right.EXPORT})
_SEE_OTHER: Final = 303


class Links:
    """Make, list and withdraw the links of a site."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def listed(self, request: Request) -> Response:
        """Answer the links of a site, and the form for one more."""
        return self._page(request, self._site(request, request.query_params.get("site", "")))

    def make(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Make a link and show its address, this once."""
        given = dict(fields)
        site = self._site(request, given.get("site", ""))
        if site is None:
            return self._frame.message(request, "no_site", status=404)
        secret = token_urlsafe(SECRET_BYTES)
        try:
            wish = _wish(given, site)
            made_by = self._frame.who(request).name
            made = links.make(self._house.desk, wish, secret=secret, made_by=made_by, at=self._house.clock.now())
        except SettingsError as error:
            message = error_text(self._frame.view(request), error)
            return self._page(request, site, given=given, error=message, status=422)
        return self._page(request, site, made=made, secret=secret)

    def withdraw(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Let a link stop working, and show those that are left."""
        given = dict(fields)
        site = self._site(request, given.get("site", ""))
        if site is None or not links.withdraw(self._house.desk, site=site.id, link=given.get("link", "")):
            return self._frame.message(request, "no_page", status=404)
        path = self._frame.view(request).path("/links", site=site.id)
        return RedirectResponse(path, _SEE_OTHER, headers=dict(access.HEADERS))

    # -- helpers --------------------------------------------------------------------------------------------------

    def _sites(self, request: Request) -> list[Site]:
        return sharing_sites(self._frame, request, self._house)

    def _site(self, request: Request, name: str) -> Site | None:
        sites = self._sites(request)
        return next((site for site in sites if site.id == name), sites[0] if len(sites) == 1 and not name else None)

    def _page(
        self,
        request: Request,
        site: Site | None,
        *,
        given: dict[str, str] | None = None,
        error: str = "",
        made: Link | None = None,
        secret: str = "",
        status: int = 200,
    ) -> Response:
        if site is None and request.query_params.get("site"):
            return self._frame.message(request, "no_site", status=404)
        view, is_embed = self._frame.view(request), made is not None and made.is_embed
        address = f"{base_url(self._house)}{EMBED if is_embed else SHARED}/{secret}/" if secret else ""
        title = view.words.text("Figures of {site}", site=site.id if site else "")
        return self._frame.page(
            request,
            "links.html",
            site=site,
            sites=self._sites(request),
            links=links.links_of(self._house.desk, site.id) if site else [],
            now=self._house.clock.now(),
            given={"days": str(LINK_DAYS), "name": "", "kind": "link", "export": ""} | (given or {}),
            days_max=LINK_DAYS_MAX,
            embed_hosts=allowed(site) if site else [],
            error=error,
            made=made,
            address=address,
            snippet=snippet(address, title) if is_embed else "",
            status=status,
        )


class Opened:
    """Answer what a link opens."""

    def __init__(self, *, house: House, frame: LinkFrame) -> None:
        self._house = house
        self._frame = frame
        self._tries = Tries()

    async def take(self, request: Request) -> Response:
        """Take a password: a right one is remembered by the browser, for this link only."""
        body = await request.body()
        try:
            fields = dict(parse_qsl(body.decode(errors="replace"), max_num_fields=PASSWORD_FIELDS_MAX))
        except ValueError:
            fields = {}
        answered = await run_in_threadpool(self._opened, request, fields.get("password", ""))
        return self._frame.dressed(request, answered)

    def _opened(self, request: Request, password: str) -> Response:
        link = self._frame.link(request)
        if link is None:
            return self._frame.message(request, "no_link", status=404)
        at, root = self._house.clock.now(), self._frame.root(request)
        answer = RedirectResponse(self._frame.view(request).path("/"), _SEE_OTHER, headers=dict(access.HEADERS))
        if not link.password:
            return answer
        request.state.until = link.expires_at.date()
        if refused := self._refused(request, link, password, at=at):
            return refused
        until = min(at + timedelta(hours=PASS_HOURS), link.expires_at)
        answer.set_cookie(
            COOKIE,
            links.sealed_pass(link, until=until),
            max_age=int((until - at).total_seconds()),
            path=root,
            secure=request.url.scheme == "https" or self._house.settings.public.base_url.startswith("https://"),
            httponly=True,
            samesite="lax",
        )
        return answer

    def _refused(self, request: Request, link: Link, password: str, *, at: datetime) -> Response | None:
        """Return the answer to a password that is wrong, or one too many; None where it opens *link*."""
        if not self._tries.room.acquire(blocking=False):
            return self._frame.password_page(request, error="tries", status=429)
        try:
            with self._tries.lock:
                if self._tries.are_over(link, at=at):
                    return self._frame.password_page(request, error="tries", status=429)
                if not links.fits(link, password):
                    self._tries.note(link, at=at)
                    return self._frame.password_page(request, error="wrong", status=403)
                self._tries.forget(link)
        finally:
            self._tries.room.release()
        return None


def _wish(given: dict[str, str], site: Site) -> Wish:
    days = given.get("days", "")
    is_embed = given.get("kind") == "embed"
    if is_embed and not allowed(site):
        raise SettingsError("embed_nowhere", "Name the sites that may show this one in its settings first.")
    return Wish(
        name=given.get("name", "").strip(),
        site=site.id,
        days=int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0,  # noqa: PLR2004
        password=given.get("password", ""),
        is_embed=is_embed,
        may_export=given.get("export") == "1",
    )


def sharing_sites(frame: Frame, request: Request, house: House) -> list[Site]:
    """Return the sites that the reader may share figures of."""
    who = frame.who(request)
    return [site for site in frame.sites(request, house.sites()) if who.may(Right.SHARING, site.id)]


def base_url(house: House) -> str:
    """Return where browsers reach the house, without a slash at the end."""
    server = house.settings.server
    return house.settings.public.base_url.rstrip("/") or f"http://{server.listen}{server.base_path}"


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of the page about links, and of what links open."""
    base = frame.base_path
    page = Links(house=house, frame=frame)
    found = [
        Route(f"{base}/links", frame.guarded(page.listed, Right.SHARING), methods=["GET"]),
        Route(f"{base}/links", frame.form(page.make, Right.SHARING), methods=["POST"], max_body_size=FORM_BYTES_MAX),
        Route(
            f"{base}/links/withdraw",
            frame.form(page.withdraw, Right.SHARING),
            methods=["POST"],
            max_body_size=FORM_BYTES_MAX,
        ),
    ]
    shared, embed = LinkFrame(frame, house), EmbedFrame(frame, house)
    # Before the addresses that hold a secret: `assets` is none.
    found.append(Route(f"{base}{SHARED}/assets/{{name}}", shared.assets.answer, methods=["GET"]))
    opened = Opened(house=house, frame=shared)
    found.append(Route(f"{base}{SHARED}/{{secret}}", opened.take, methods=["POST"], max_body_size=FORM_BYTES_MAX))
    for inner, parts, rights in ((shared, _READ, _READING), (embed, (app.routes,), {Right.FIGURES})):
        made = [route for part in parts for route in part(house=house, frame=inner)]
        read = [route for route in made if inner.rights.get(route.endpoint) in rights]
        # Who cuts the slash off the end is let in as well.
        bare = [Route(inner.base_path, route.endpoint, methods=["GET"]) for route in read if route.path.endswith("}/")]
        found += [*bare, *read]
    return found
