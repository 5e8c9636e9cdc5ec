"""Show the figures of a site inside pages of other sites: only of those that its controller named."""

import re
from html import escape
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from collector.model import Site
from dashboard.access import HEADERS
from dashboard.frame import Frame
from dashboard.house import House
from dashboard.links_door import LinkFrame
from dashboard.who import Right

EMBED: Final = "/embed"
SCHEMES: Final = ("light", "dark")
HEIGHT: Final = 720
#: An origin as a browser compares it; anything else would be a hole in the policy that it is written into.
_ORIGIN: Final = re.compile(
    r"https://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?|http://(localhost|127\.0\.0\.1|\[::1\]|[a-z0-9-.]+\.localhost)(:\d{1,5})?"
)


def allowed(site: Site) -> list[str]:
    """Return the origins whose pages may show *site* inside themselves."""
    return [origin for origin in site.embed_hosts if _ORIGIN.fullmatch(origin)]


def snippet(address: str, title: str) -> str:
    """Return the element that shows *address* in a page: it runs no script there, and reaches nothing of the page."""
    return (
        f'<iframe src="{escape(address)}" title="{escape(title)}" sandbox loading="lazy" '
        f'width="100%" height="{HEIGHT}"></iframe>'
    )


class EmbedFrame(LinkFrame):
    """Make pages that other pages show inside themselves: no cookie, no script, nothing around the figures."""

    def __init__(self, frame: Frame, house: House) -> None:
        super().__init__(frame, house, prefix=EMBED)

    def kept(self, request: Request) -> list[tuple[str, str]]:
        """Return the parameters that every address carries on: the colours of the page around it as well."""
        scheme = self._scheme(request)
        return [*super().kept(request), *([("scheme", scheme)] if scheme else [])]

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """Answer a page with nothing but the figures."""
        name = "embed.html" if template == "overview.html" else "embed_message.html"
        return super().page(request, name, status=status, scheme=self._scheme(request), **values)

    def refused(self, request: Request, right: Right) -> Response | None:
        """Return why *request* is not answered, or None."""
        if (answer := super().refused(request, right)) is not None:
            return answer
        return None if self._origins(request) else self.message(request, "embed_nowhere", status=403)

    def dressed(self, request: Request, response: Response) -> Response:
        """Return *response* as a page that only pages of the named sites may show."""
        origins = " ".join(self._origins(request)) or "'none'"
        policy = HEADERS["Content-Security-Policy"]
        # Older than `frame-ancestors` and knows no list: where both stand, browsers obey the newer one alone.
        if origins == "'none'":
            response.headers["X-Frame-Options"] = "DENY"
        policy = policy.replace("script-src 'self'; ", "").replace("connect-src 'self'; ", "")
        policy = policy.replace("form-action 'self'", "form-action 'none'")
        response.headers["Content-Security-Policy"] = policy.replace(
            "frame-ancestors 'none'", f"frame-ancestors {origins}"
        )
        # Pages that shut themselves off from others (COEP) may show only what says both of these.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Cross-Origin-Embedder-Policy"] = "require-corp"
        return super().dressed(request, response)

    def _origins(self, request: Request) -> list[str]:
        link = self.link(request)
        site = self.site(link) if link else None
        return allowed(site) if site else []

    def _scheme(self, request: Request) -> str:
        asked = request.query_params.get("scheme", "")
        return asked if asked in SCHEMES else ""
