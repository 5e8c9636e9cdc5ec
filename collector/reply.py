"""What `/event` answers, made once: the same for the ordinary route and for the fast lane.

202 counted · 204 with `X-Dropped` not counted, and why · 4xx malformed · 503 with `Retry-After`: the spool could not be
written, or too much came at once.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Final

import msgspec

from collector.event import Drop, Malformed, Reason

#: When a sender may come again after the spool could not be written or too much came at once.
RETRY_SECONDS: Final = 2

Headers = tuple[tuple[bytes, bytes], ...]

# The page's script may not read the answer's content, but without this every event logs an error there.
_CORS: Final = (b"access-control-allow-origin", b"*")


class Reply(msgspec.Struct, frozen=True, gc=False):
    """Hold an answer, for an ASGI server and as the bytes of HTTP/1.1.

    Attributes:
        headers: In lower case, as they are sent.
        kept: The whole answer on a connection that stays open; empty where it never does.
        last: The whole answer on a connection that closes behind it.
        is_counted: Whether an event stands behind it: it may leave only once that is in the spool.
    """

    status: int
    headers: Headers
    body: bytes
    kept: bytes
    last: bytes
    is_counted: bool = False


def make_reply(status: int, headers: Headers = (), body: bytes = b"", *, is_counted: bool = False) -> Reply:
    """Put an answer together; a header `connection: close` among *headers* closes the connection."""
    if status != HTTPStatus.NO_CONTENT:
        headers = (*headers, (b"content-length", b"%d" % len(body)))
    if body:
        headers = (*headers, (b"content-type", b"application/json"))
    headers = (*headers, _CORS)
    start = b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode())
    lines = b"".join(b"%s: %s\r\n" % line for line in headers)
    closes = (b"connection", b"close") in headers
    return Reply(
        status=status,
        headers=headers,
        body=body,
        kept=b"" if closes else start + lines + b"\r\n" + body,
        last=start + lines + (b"" if closes else b"connection: close\r\n") + b"\r\n" + body,
        is_counted=is_counted,
    )


def _refusal(code: str, message: str, *, status: int, headers: Headers = ()) -> Reply:
    return make_reply(status, headers, msgspec.json.encode({"error": code, "message": message}))


_RETRY: Final = ((b"retry-after", b"%d" % RETRY_SECONDS),)
#: The event is in the spool.
COUNTED: Final = make_reply(202, is_counted=True)
#: The spool could not be written.
UNAVAILABLE: Final = _refusal(
    "unavailable", "The event could not be kept; send it again later.", status=503, headers=_RETRY
)
#: Something unforeseen went wrong; the same words as `collector.guard` has.
FAILED: Final = _refusal("internal", "Something went wrong here; nothing of the request was kept in a log.", status=500)
#: More came at once than the limits in force let in.
OVERLOADED: Final = _refusal("overload", "Too many events at once; send it again later.", status=503, headers=_RETRY)
_DROPPED: Final = {reason: make_reply(204, ((b"x-dropped", reason.value.encode()),)) for reason in Reason} | {
    Reason.OVERLOAD: OVERLOADED
}


def dropped(drop: Drop) -> Reply:
    """Return the answer that names the reason of a drop."""
    return _DROPPED[drop.reason]


@lru_cache(maxsize=64)
def refused(malformed: Malformed) -> Reply:
    """Return the answer to a request that could not be read; its texts are ours, and few."""
    headers: Headers = ()
    if malformed.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = ((b"allow", b"POST"),)
    elif malformed.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        # The rest of the body is not read.
        headers = ((b"connection", b"close"),)
    return _refusal(malformed.code, malformed.message, status=malformed.status, headers=headers)


def echoed(said: dict[str, object]) -> Reply:
    """Return the debug echo. A developer's own page may read it; it holds nothing that the page did not send."""
    return make_reply(200, ((b"cache-control", b"no-store"),), msgspec.json.encode(said))
