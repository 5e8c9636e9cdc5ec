"""Try the fast lane before it is used: a few requests in memory have to come out as they do on the ordinary route.

The lane relies on how uvicorn's protocol class is built inside, which no version number promises. So what is installed
is tried, not looked up: whatever is missing or means something else shows as another answer or another request.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from collector.app import EventDoor
from collector.edge.raw import RawRequest
from collector.errors import StoreError
from collector.event import Drop, Malformed, Reason
from collector.http.keeper import Keeper
from collector.http.limited import LimitedProtocol, protocol_for
from collector.reply import COUNTED, Reply, dropped, refused
from collector.settings import Limits, Server

#: Turns of an event loop in which every trial request is answered many times over.
TURNS: Final = 12

_NOTHING: Final = Drop(Reason.HOST)
_PATH: Final = b"/event"
_REPLIES: Final = {
    b"counted": COUNTED,
    b"dropped": dropped(_NOTHING),
    b"": refused(Malformed("empty", "The body is empty.")),
}
_HEADERS: Final = (
    b"Host: trial.example\r\nX-Forwarded-For: 192.0.2.1\r\nUSER-AGENT: trial\r\nSec-GPC: 0\r\nDNT: 0\r\n"
    b"Accept-Language: nl\r\nX-Country: NL\r\n"
)


def _event(body: bytes, more: bytes = b"") -> bytes:
    return b"POST %s HTTP/1.1\r\n%sContent-Length: %d\r\n%s\r\n%s" % (_PATH, _HEADERS, len(body), more, body)


#: Connections, each as the pieces in which it arrives.
_TRIALS: Final = (
    (_event(b"counted"), _event(b"dropped"), _event(b"")),
    (_event(b"counted")[:200], _event(b"counted")[200:-3], b"ted"),
    (_event(b"counted") + _event(b"dropped") + b"GET /health HTTP/1.1\r\n\r\n" + _event(b"counted"),),
    (_event(b"counted", b"Connection: close\r\n"), _event(b"counted")),
    (b"POST /event HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ncounted\r\n0\r\n\r\n", b"nonsense\r\n\r\n"),
)


class UnfitError(Exception):
    """Say that the fast lane does not answer as the ordinary route."""


class _AtOnce:
    """Take the place of an intake that has written everything the moment it is asked."""

    def admit(self, raw: RawRequest) -> Drop:  # noqa: ARG002 - the door of the trial answers by itself
        """Count nothing."""
        return _NOTHING

    def refuse_overload(self) -> Drop:
        """Count nothing."""
        return _NOTHING

    def echo(self, raw: RawRequest) -> dict[str, object]:  # noqa: ARG002 - as above
        """Say nothing."""
        return {}

    def when_written(self, callback: Callable[[StoreError | None], None]) -> None:
        """Call back in the next turn."""
        asyncio.get_running_loop().call_soon(callback, None)

    async def written(self) -> None:
        """Wait for nothing."""


class _TrialDoor(EventDoor):
    """Note what arrives, and answer by the body alone."""

    def __init__(self) -> None:
        super().__init__(_AtOnce(), server=Server(country_header="X-Country"))
        self.seen: list[RawRequest] = []

    def ingest(self, raw: RawRequest, *, is_echo: bool = False) -> Reply:  # noqa: ARG002 - as above
        """Note a request."""
        self.seen.append(raw)
        return _REPLIES[raw.body]


class _Wire(asyncio.Transport):
    """Keep what is written, as one text."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.9", 1), "sockname": ("192.0.2.8", 2)})
        self.written = b""
        self._is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep."""
        self.written += bytes(data)

    def close(self) -> None:
        """Note that nothing follows."""
        self._is_closed = True

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return self._is_closed

    def get_write_buffer_size(self) -> int:
        """Return none: everything has left."""
        return 0

    def pause_reading(self) -> None:
        """Do nothing: what is read was read before."""

    def resume_reading(self) -> None:
        """Do nothing."""


Heard = list[tuple[bytes, bool]]


async def _hear(protocol_class: type[LimitedProtocol], door: EventDoor) -> Heard:
    """Return what each trial connection is answered, and whether it is closed then."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/event":
            await door(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = Config(application, http=protocol_class, ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    heard = []
    for pieces in _TRIALS:
        wire = _Wire()
        protocol = protocol_class(config, ServerState(), {}, asyncio.get_running_loop())
        protocol.connection_made(wire)
        for piece in pieces:
            if not wire.is_closing():
                protocol.data_received(piece)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        is_closed = wire.is_closing()
        protocol.shutdown()
        protocol.connection_lost(None)
        heard.append((wire.written, is_closed))
    return heard


def try_out(lane: type[LimitedProtocol]) -> None:
    """Send the trial requests by the fast lane and by the ordinary route. No event loop may be running.

    Args:
        lane: A subclass that takes its events to its `door`, from its `path`.

    Raises:
        UnfitError: Answers or requests differ. Other exceptions come from what does not fit.
    """
    ordinary, fast = _TrialDoor(), _TrialDoor()
    tried = protocol_for(Keeper(Limits()), type("Tried", (lane,), {"door": fast, "path": _PATH}))
    plain = protocol_for(Keeper(Limits()))
    ways: tuple[Coroutine[Any, Any, Heard], ...] = (_hear(plain, ordinary), _hear(tried, fast))
    loop = asyncio.new_event_loop()
    try:
        expected, found = (loop.run_until_complete(way) for way in ways)
    finally:
        loop.close()
    if found != expected or fast.seen != ordinary.seen or not fast.seen:
        raise UnfitError
