"""Read a request that came whole in one read, and is what browsers send: the parser checks it, but hands over nothing.

A callback for each of some 16 headers costs more than all the rest of an event's way. The same parser without them
tells as well whether a request is one. Nothing is decided here that it decides: what it does not take for exactly one
whole request, and what is not as simple as it looks, is read again the ordinary way, as if it had not been seen.
"""

import re
from collections.abc import Iterable
from typing import Final

import httptools

from collector.edge.payload import BODY_BYTES_MAX
from collector.http.limited import HEADERS_MAX

#: With one of these a request is not as simple as it looks.
UNUSUAL: Final = frozenset((b"expect", b"transfer-encoding", b"upgrade"))
_LENGTH: Final = b"content-length"
_CONNECTION: Final = b"connection"
_KEPT: Final = b"keep-alive"
_HEAD_END: Final = b"\r\n\r\n"
#: A shorter head cannot hold more headers than any may: the shortest, `a:`, takes four bytes.
_SURELY_FEW: Final = 4 * HEADERS_MAX


class WholeReader:
    """Read whole requests of one kind; between them it holds nothing of any.

    Args:
        path: Where they are sent with `POST`.
        wanted: Names, in lower case, of the headers that are looked at.
    """

    def __init__(self, path: bytes, wanted: Iterable[bytes]) -> None:
        self._start = b"POST %s HTTP/1.1\r\n" % path
        # The rest of a line, up to the `\r` that the parser demands before every `\n`.
        self._find = re.compile(
            rb"\n(%s):[ \t]*([^\r]*)" % _any_case({*wanted, *UNUSUAL, _LENGTH, _CONNECTION} - {b""})
        ).findall
        self._bodies: list[bytes] = []
        self._completed = 0
        self._renew()

    def _renew(self) -> None:
        """Begin with a new parser, as on a new connection."""
        self._bodies.clear()
        # It calls what it finds: no `on_header`, no call.
        self._parser = httptools.HttpRequestParser(self)

    def on_body(self, body: bytes) -> None:
        """Take the body; called by the parser."""
        self._bodies.append(body)

    def on_message_complete(self) -> None:
        """Count a request; called by the parser."""
        self._completed += 1

    def read(self, data: bytes) -> tuple[dict[bytes, bytes], bytes] | None:
        """Return the headers that were wanted, and the body; `None` where *data* is not exactly one simple request."""
        if not data.startswith(self._start):
            return None
        end = data.find(_HEAD_END)
        length = len(data) - end - len(_HEAD_END)
        if end < 0 or length > BODY_BYTES_MAX or (end > _SURELY_FEW and data.count(b"\n", 0, end) > HEADERS_MAX):
            return None
        found = self._find(data, 0, end)
        fields = {name.lower(): value for name, value in found}
        if (
            len(fields) != len(found)
            or fields.get(_LENGTH) != b"%d" % length
            or fields.get(_CONNECTION, _KEPT) != _KEPT
            or not UNUSUAL.isdisjoint(fields)
        ):
            return None
        return (fields, self._bodies.pop()) if self._holds(data, length) else None

    def _holds(self, data: bytes, length: int) -> bool:
        """Tell whether the parser takes *data* for exactly one request with a body of *length* bytes."""
        self._completed = 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._renew()
            return False
        bodies = self._bodies
        if not length and not bodies:
            bodies.append(b"")
        if self._completed == 1 and len(bodies) == 1 and len(bodies[0]) == length:
            return True
        self._renew()
        return False


def _any_case(names: Iterable[bytes]) -> bytes:
    """Return a pattern of any of *names*, each letter spelled in both cases: half the cost of a flag for it."""
    by_first: dict[bytes, list[bytes]] = {}
    for name in sorted(names):
        by_first.setdefault(name[:1], []).append(name[1:])
    return b"|".join(
        _both_cases(first) + b"(?:%s)" % b"|".join(_both_cases(rest) for rest in rests)
        for first, rests in by_first.items()
    )


def _both_cases(text: bytes) -> bytes:
    return b"".join(
        b"[%s%s]" % (letter.lower(), letter.upper()) if letter.isalpha() else re.escape(letter)
        for letter in (text[at : at + 1] for at in range(len(text)))
    )
