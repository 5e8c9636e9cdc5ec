"""Lead an address that has a slash too many or too few to the one that there is, without naming scheme or host.

The library's own redirect names both as the request had them: behind a proxy that speaks TLS that is `http://`, and the
address of a secret link would travel in clear; and whoever sends a foreign Host header is led to that host.
"""

from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Match, Router
from starlette.types import Receive, Scope, Send

from dashboard.access import HEADERS

_MISSING: Final = 404
_MOVED: Final = 307
#: The address may be a secret one.
_QUIET: Final = {**HEADERS, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class Slashes:
    """Answer what no route answers."""

    def __init__(self, router: Router) -> None:
        """Stand behind *router*, in the place of its own redirect."""
        self._router = router
        router.redirect_slashes = False
        router.default = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead whoever only looks to the address that there is; anything else is not there."""
        other = self._other(scope) if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} else ""
        if not other:
            if scope["type"] == "http":
                raise HTTPException(_MISSING, headers=_QUIET)
            await self._router.not_found(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        location = quote(other) + (f"?{query}" if query else "")
        await RedirectResponse(location, _MOVED, headers=_QUIET)(scope, receive, send)

    def _other(self, scope: Scope) -> str:
        """Return the path that there is; empty for none, and for one that a browser takes for a host."""
        path: str = scope["path"]
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        if not other or other.startswith("//"):
            return ""
        asked = {**scope, "path": other}
        return other if any(route.matches(asked)[0] is Match.FULL for route in self._router.routes) else ""
