"""The door: `POST /event`, the tracker script, health. The only code that knows both HTTP and the edge."""

from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.edge.payload import BODY_BYTES_MAX
from collector.edge.raw import RawRequest
from collector.errors import StoreError
from collector.event import Drop, Event, Malformed
from collector.intake import Written
from collector.model import Site
from collector.reply import COUNTED, UNAVAILABLE, Reply, dropped, echoed, refused
from collector.script import Script, Scripts
from collector.settings import Server

#: How long a browser may keep `/turven.js`; its hashed twin never changes.
SCRIPT_FRESH_SECONDS: Final = 3600

_TOO_LARGE: Final = refused(Malformed("too_large", f"An event has at most {BODY_BYTES_MAX} bytes.", 413))
_POST_ONLY: Final = refused(Malformed("method_not_allowed", "Send events with POST.", 405))


class Admitting(Protocol):
    """Say what the door asks of an intake."""

    def admit(self, raw: RawRequest) -> Event | Drop | Malformed:
        """As `Intake.admit`."""
        ...

    def refuse_overload(self) -> Drop:
        """As `Intake.refuse_overload`."""
        ...

    def echo(self, raw: RawRequest) -> dict[str, object]:
        """As `Intake.echo`."""
        ...

    def when_written(self, callback: Written) -> None:
        """As `Intake.when_written`."""
        ...

    async def written(self) -> None:
        """As `Intake.written`."""
        ...


class EventDoor:
    """Answer `/event`: by `ingest`, which every way in shares, and as an ASGI application around it.

    Attributes:
        client_header: Name, in lower case, of the header in which a trusted proxy names the client.
        country_header: Name, in lower case, of the header in which a trusted proxy names the country; may be empty.
    """

    def __init__(self, intake: Admitting, *, server: Server) -> None:
        self.intake = intake
        self.client_header = server.client_header.lower().encode()
        self.country_header = server.country_header.lower().encode()

    def ingest(self, raw: RawRequest, *, is_echo: bool = False) -> Reply:
        """Take one request and say what to answer; nothing of it outlives the answer.

        Returns:
            Where its `is_counted` says so, what to answer once the event is written (`Intake.when_written`), and
            `UNAVAILABLE` if it was not.
        """
        if is_echo:
            return echoed(self.intake.echo(raw))
        try:
            outcome = self.intake.admit(raw)
        except StoreError:
            return UNAVAILABLE
        if isinstance(outcome, Event):
            return COUNTED
        return dropped(outcome) if isinstance(outcome, Drop) else refused(outcome)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request by the ordinary route."""
        reply = await self._answer(scope, receive)
        if reply is not None:
            await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
            await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Reply | None:
        if scope["method"] != "POST":
            return _POST_ONLY
        try:
            body = await _read_body(receive)
        except EOFError:
            return None
        if body is None:
            return _TOO_LARGE
        reply = self.ingest(self._raw(scope, body), is_echo=b"debug=1" in scope["query_string"].split(b"&"))
        if reply.is_counted:
            try:
                await self.intake.written()
            except StoreError:
                return UNAVAILABLE
        return reply

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
            elif name == self.client_header:
                forwarded.append(value)
            elif name == self.country_header:
                country = value
        client = scope.get("client")
        return RawRequest(
            peer=client[0] if client else "",
            forwarded=b",".join(forwarded).decode("latin-1"),
            user_agent=agent.decode("latin-1"),
            body=body,
            # The parser leaves the space behind a value, which is none of it: an opt-out is one with it, too.
            gpc=gpc.strip().decode("latin-1"),
            dnt=dnt.strip().decode("latin-1"),
            country=country.decode("latin-1"),
            language=language.decode("latin-1"),
        )


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body; `None` when it is larger than an event may be.

    Raises:
        EOFError: The sender hung up before its end. What came so far may read as a whole event, and its sender, who
            got no answer, sends it again.
    """
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError
        body += bytes(message.get("body", b""))
        if len(body) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return body


class FrontDoor:
    """Answer `/event` before anything looks for a route, which costs as much as the event; pass on what is none.

    Args:
        door: Takes the events.
        behind: Takes everything else.
        path: Where events are posted.
    """

    def __init__(self, door: EventDoor, behind: ASGIApp, *, path: str) -> None:
        self._door = door
        self._behind = behind
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request, or what is none."""
        if scope["type"] == "http" and scope["path"] == self._path:
            await self._door(scope, receive, send)
        else:
            await self._behind(scope, receive, send)


class KnownSites(Protocol):
    """Find a site as it is in force; in the house the history's, in a collector what the house published."""

    def get(self, site_id: str) -> Site | None:
        """Return a site, or `None`."""
        ...


class ScriptDoor:
    """Answer `/turven.js?s=SITE` and `/turven.HASH.js`."""

    def __init__(self, scripts: Scripts, *, sites: KnownSites) -> None:
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


def routes(door: EventDoor, *, server: Server, scripts: Scripts, sites: KnownSites) -> list[Route]:
    """Return the collector's routes; `/event` stands first, since almost every request is one."""
    script_door = ScriptDoor(scripts, sites=sites)
    base = server.base_path
    return [
        Route(f"{base}/event", door),
        Route(f"{base}/turven.js", script_door.by_site),
        Route(f"{base}/turven.{{hash:str}}.js", script_door.by_hash),
    ]
