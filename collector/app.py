"""The door: `POST /event`, the tracker script, health. The only code that knows both HTTP and the edge."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from collector.edge.payload import BODY_BYTES_MAX
from collector.edge.raw import RawRequest
from collector.errors import StoreError
from collector.event import Drop, Event, Malformed
from collector.intake import Intake
from collector.script import Script, Scripts
from collector.settings import Server
from collector.store.sites import Sites

#: When a sender may come again after the spool could not be written.
RETRY_SECONDS: Final = 2
#: How long a browser may keep `/turven.js`; its hashed twin never changes.
SCRIPT_FRESH_SECONDS: Final = 3600

_TOO_LARGE: Final = Malformed("too_large", f"An event has at most {BODY_BYTES_MAX} bytes.", 413)
_POST_ONLY: Final = Malformed("method_not_allowed", "Send events with POST.", 405)


class EventDoor:
    """Answer `/event` as an ASGI application.

    202 counted · 204 with `X-Dropped` not counted, and why · 4xx malformed · 503 the spool could not be written.
    """

    def __init__(self, intake: Intake, *, server: Server) -> None:
        self._intake = intake
        self._client_header = server.client_header.lower().encode()
        self._country_header = server.country_header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request; nothing of it outlives the answer."""
        answer = await self._answer(scope, receive)
        # The page's script may not read the answer's content, but without this every event logs an error there.
        answer.headers["Access-Control-Allow-Origin"] = "*"
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        if scope["method"] != "POST":
            return _refused(_POST_ONLY)
        body = await _read_body(receive)
        if body is None:
            return _refused(_TOO_LARGE)
        raw = self._raw(scope, body)
        if b"debug=1" in scope["query_string"].split(b"&"):
            return JSONResponse(self._intake.echo(raw), headers=_ECHO_HEADERS)
        try:
            outcome = self._intake.admit(raw)
            if isinstance(outcome, Event):
                await self._intake.written()
        except StoreError:
            return _UNAVAILABLE
        return _reply(outcome)

    def _raw(self, scope: Scope, body: bytes) -> RawRequest:
        forwarded, agent, gpc, dnt, country, language = [], b"", b"", b"", b"", b""
        for name, value in scope["headers"]:
            if name == b"user-agent":
                agent = value
            elif name == b"sec-gpc":
                gpc = value
            elif name == b"dnt":
                dnt = value
            elif name == b"accept-language":
                language = value
            elif name == self._client_header:
                forwarded.append(value)
            elif name == self._country_header:
                country = value
        client = scope.get("client")
        return RawRequest(
            peer=client[0] if client else "",
            forwarded=b",".join(forwarded).decode("latin-1"),
            user_agent=agent.decode("latin-1"),
            body=body,
            gpc=gpc.decode("latin-1"),
            dnt=dnt.decode("latin-1"),
            country=country.decode("latin-1"),
            language=language.decode("latin-1"),
        )


_UNAVAILABLE: Final = JSONResponse(
    {"error": "unavailable", "message": "The event could not be kept; send it again later."},
    status_code=503,
    headers={"Retry-After": str(RETRY_SECONDS)},
)
#: A developer's own page may read the echo; it holds nothing that the page did not send.
_ECHO_HEADERS: Final = {"Cache-Control": "no-store"}


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body; `None` when it is larger than an event may be, empty where the sender hung up before its end."""
    body = b""
    while True:
        message = await receive()
        # What came so far may read as a whole event, and its sender, who got no answer, sends it again.
        if message["type"] == "http.disconnect":
            return b""
        body += bytes(message.get("body", b""))
        if len(body) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return body


def _reply(outcome: Event | Drop | Malformed) -> Response:
    if isinstance(outcome, Event):
        return Response(status_code=202)
    if isinstance(outcome, Drop):
        return Response(status_code=204, headers={"X-Dropped": outcome.reason})
    return _refused(outcome)


def _refused(malformed: Malformed) -> Response:
    headers = {"Allow": "POST"} if malformed.status == 405 else {}  # noqa: PLR2004 - HTTP's own number
    if malformed.status == 413:  # noqa: PLR2004 - the rest of the body is not read
        headers["Connection"] = "close"
    answer = {"error": malformed.code, "message": malformed.message}
    return JSONResponse(answer, status_code=malformed.status, headers=headers)


class ScriptDoor:
    """Answer `/turven.js?s=SITE` and `/turven.HASH.js`."""

    def __init__(self, scripts: Scripts, *, sites: Sites) -> None:
        self._scripts = scripts
        self._sites = sites

    async def by_site(self, request: Request) -> Response:
        """Return what the site has switched on; browsers look again every hour."""
        site = self._sites.get(request.query_params.get("s", ""))
        script = self._scripts.for_site(site) if site else self._scripts.core()
        return self._serve(request, script, f"public, max-age={SCRIPT_FRESH_SECONDS}")

    async def by_hash(self, request: Request) -> Response:
        """Return one known assembly, for ever the same."""
        script = self._scripts.by_hash(request.path_params["hash"])
        if script is None:
            return JSONResponse(
                {"error": "script_unknown", "message": "No site has this version switched on; copy the snippet again."},
                status_code=404,
            )
        return self._serve(request, script, "public, max-age=31536000, immutable")

    def _serve(self, request: Request, script: Script, cache: str) -> Response:
        headers = {
            "Cache-Control": cache,
            "ETag": script.etag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            # Subresource integrity across hosts needs it; the script is the same for everybody.
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if request.headers.get("if-none-match") == script.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(script.gzipped, media_type="text/javascript", headers=headers)
        return Response(script.body, media_type="text/javascript", headers=headers)


def routes(intake: Intake, *, server: Server, scripts: Scripts, sites: Sites) -> list[Route]:
    """Return the collector's routes; `/event` stands first, since almost every request is one."""
    script_door = ScriptDoor(scripts, sites=sites)
    base = server.base_path
    return [
        Route(f"{base}/event", EventDoor(intake, server=server)),
        Route(f"{base}/turven.js", script_door.by_site),
        Route(f"{base}/turven.{{hash:str}}.js", script_door.by_hash),
    ]
