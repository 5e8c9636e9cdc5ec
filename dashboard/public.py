"""The public side: what is counted and kept, the opt-out, and two well-known files; for everybody, from anywhere.

Every link is relative, so that the pages work at the root of a host and behind a path of a product's own host.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from collector.clock import Clock
from collector.effective import effective
from collector.model import Site
from collector.policy import Rules
from collector.settings import Settings
from dashboard.frame import templates
from dashboard.public_words import WORDS
from dashboard.visitor_text import Language, visitor_text

#: When the statement that the signal is an opt-out was last changed; `lastUpdate` of gpc.json.
GPC_STATED_ON: Final = "2026-11-24"
#: RFC 9116 asks for less than a year, so that a file nobody looks after runs out.
SECURITY_TXT_DAYS: Final = 180
#: How long a changed setting may stay unseen.
PAGE_FRESH_SECONDS: Final = 300
ASSET_FRESH_SECONDS: Final = 3_600

_SAFE: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PAGE: Final = {
    **_SAFE,
    "Cache-Control": f"public, max-age={PAGE_FRESH_SECONDS}",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
}
#: Anybody's program may read what is public anyway.
_DATA: Final = {
    **_SAFE,
    "Cache-Control": f"public, max-age={PAGE_FRESH_SECONDS}",
    "Access-Control-Allow-Origin": "*",
}
_ASSETS: Final = {"public.css": "text/css", "public.js": "text/javascript"}


def routes(
    *,
    settings: Settings,
    sites: Callable[[], list[Site]],
    rules: Callable[[Site], Rules],
    clock: Clock,
    version: str,
) -> list[Route]:
    """Return the public routes; none of them looks at who asks.

    The pages stand behind the base path, the well-known files at the root of the host, where RFC 8615 has them.

    Args:
        settings: Settings of the house.
        sites: Names every site, by id.
        rules: Tells what is in force for a site.
        clock: Tells when `security.txt` has to run out.
        version: Of the program.
    """
    base = settings.server.base_path
    pages = Public(settings=settings, sites=sites, rules=rules, clock=clock, version=version)
    return [
        Route(f"{base}/privacy", pages.privacy),
        Route(f"{base}/privacy.json", pages.settings_in_force),
        Route(f"{base}/privacy/opt-out", pages.opt_out),
        *(Route(f"{base}/privacy/{name}", _Asset(name, kind).answer) for name, kind in _ASSETS.items()),
        Route("/.well-known/gpc.json", _gpc),
        Route("/.well-known/security.txt", pages.security_txt),
    ]


class Public:
    """Answer the public pages of a house."""

    def __init__(
        self,
        *,
        settings: Settings,
        sites: Callable[[], list[Site]],
        rules: Callable[[Site], Rules],
        clock: Clock,
        version: str,
    ) -> None:
        self._settings = settings
        self._sites = sites
        self._rules = rules
        self._clock = clock
        self._version = version
        self._templates = templates()

    async def privacy(self, request: Request) -> Response:
        """Answer the visitor text of a site and the settings in force; `?site=ID`, `?lang=nl|nl-pupils|en`."""
        sites = self._sites()
        site, is_unknown = _chosen(request, sites)
        page = self._page(request, site=site, sites=sites, root="")
        if site:
            page["text"] = Markup(  # noqa: S704 - visitor_text escapes every line; the switch comes from a template
                visitor_text(
                    site,
                    self._rules(site),
                    self._settings,
                    language=page["language"],
                    form="html",
                    switch=self._templates.get_template("public/switch.html").render(page),
                )
            )
        page |= {"shown": self._shown([site] if site else sites), "is_unknown": is_unknown}
        return self._html("public/privacy.html", page, status=404 if is_unknown else 200)

    async def settings_in_force(self, request: Request) -> Response:
        """Answer the settings in force as JSON with sorted keys: of the house and every site, or of `?site=ID`."""
        sites = self._sites()
        wanted = request.query_params.get("site")
        if wanted is not None:
            sites = [site for site in sites if site.id == wanted]
            if not sites:
                return JSONResponse(
                    {"error": "site_unknown", "message": "There is no such site here."}, status_code=404, headers=_DATA
                )
        body = json.dumps(self._shown(sites), sort_keys=True, indent=2, ensure_ascii=False) + "\n"
        return Response(body, media_type="application/json", headers=_DATA)

    async def opt_out(self, request: Request) -> Response:
        """Answer the page with the one button that stops counting in a browser."""
        sites = self._sites()
        site, _ = _chosen(request, sites)
        return self._html("public/opt_out.html", self._page(request, site=site, sites=sites, root="../"), status=200)

    async def security_txt(self, _request: Request) -> Response:
        """Answer where a hole can be reported (RFC 9116); 404 where the operator named nobody."""
        contact = self._settings.public.security_contact
        if not contact:
            return PlainTextResponse(
                "The operator of this server has named no contact for security (public.security_contact).\n",
                status_code=404,
                headers=_SAFE,
            )
        expires = _midnight(self._clock.now()) + timedelta(days=SECURITY_TXT_DAYS)
        lines = (f"Contact: {contact}", f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}", "Preferred-Languages: nl, en", "")
        return PlainTextResponse("\n".join(lines), headers=_DATA)

    def _shown(self, sites: list[Site]) -> dict[str, Any]:
        return effective(self._settings, sites, rules=self._rules, version=self._version)

    def _page(self, request: Request, *, site: Site | None, sites: list[Site], root: str) -> dict[str, Any]:
        language = _language(request)
        host = _host(request)
        return {
            "_": WORDS[language],
            "language": language,
            "languages": WORDS,
            "root": root,
            "site": site,
            "sites": sites,
            "site_query": Markup(f"{urlencode({'site': site.id})}&amp;") if site else "",  # noqa: S704 - encoded
            "hosts": site.hosts if site else (),
            # The choice is kept by origin: elsewhere a button would promise what it cannot keep.
            "is_own_host": any(
                _covers(pattern, host) for choice in ([site] if site else sites) for pattern in choice.hosts
            ),
        }

    def _html(self, template: str, page: Mapping[str, Any], *, status: int) -> Response:
        body = self._templates.get_template(template).render(page)
        headers = {**_PAGE, "Content-Language": page["language"].tag}
        return HTMLResponse(body, status_code=status, headers=headers)


class _Asset:
    """Answer one file that the public pages need; the same for everybody, and so is its tag."""

    def __init__(self, name: str, kind: str) -> None:
        self._body = (files("dashboard") / "static" / name).read_bytes()
        self._kind = kind
        self._headers = {
            **_SAFE,
            "Cache-Control": f"public, max-age={ASSET_FRESH_SECONDS}",
            "Cross-Origin-Resource-Policy": "same-origin",
            "ETag": f'"{hashlib.sha256(self._body).hexdigest()[:16]}"',
        }

    async def answer(self, request: Request) -> Response:
        if request.headers.get("if-none-match") == self._headers["ETag"]:
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, media_type=self._kind, headers=self._headers)


async def _gpc(_request: Request) -> Response:
    return JSONResponse({"gpc": True, "lastUpdate": GPC_STATED_ON}, headers=_DATA)


def _language(request: Request) -> Language:
    """Return what `?lang=` asks for; Dutch where it asks for nothing that there is."""
    asked = request.query_params.get("lang", "")
    return Language(asked) if asked in set(Language) else Language.NL


def _chosen(request: Request, sites: list[Site]) -> tuple[Site | None, bool]:
    """Return the site that is meant, and whether one was named that is not there.

    Without `?site=` it is the only site, or the only one that lives on the host that the page was opened on.
    """
    wanted = request.query_params.get("site")
    if wanted is not None:
        site = next((site for site in sites if site.id == wanted), None)
        return site, site is None
    host = _host(request)
    here = [site for site in sites if any(_covers(pattern, host) for pattern in site.hosts)]
    for meant in (sites, here):
        if len(meant) == 1:
            return meant[0], False
    return None, False


def _host(request: Request) -> str:
    """Return the host that the page was opened on, lower case and without its port."""
    name, _, port = request.headers.get("host", "").lower().rpartition(":")
    return name if port.isdigit() else f"{name}:{port}".lstrip(":")


def _covers(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
