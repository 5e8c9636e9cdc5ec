"""Read a request that came whole in one read, and is what browsers send: the parser checks it, but hands over nothing.

A callback for each of some 16 headers costs more than all the rest of an event's way. The same parser without them
tells as well whether a request is one. Nothing is decided here that it decides: what it does not take for exactly one
whole request, and what is not as simple as it looks, is read again the ordinary way, as if it had not been seen.
"""

import re
from collections.abc import Iterable
from functools import partial
from types import SimpleNamespace
from typing import Final

import httptools

from collector.edge.payload import BODY_BYTES_MAX
from collector.http.limited import HEADERS_MAX

#: With one of these a request is not as simple as it looks; nor with a `Connection` that is not kept.
UNUSUAL: Final = frozenset((b"expect", b"transfer-encoding", b"upgrade"))
_CONNECTION: Final = b"connection"
#: The parser takes the second for another spelling of the first.
_NOT_SIMPLE: Final = UNUSUAL | {_CONNECTION, b"proxy-connection"}
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
        # The rest of a line, up to the `\r` that the parser demands before every `\n`. Of `Connection` only what is
        # not usual is found.
        self._find = re.compile(
            rb"\n(%s|%s(?!:[ \t]*keep-alive\r)):[ \t]*([^\r]*)"
            % (_any_case(({*wanted} | _NOT_SIMPLE) - {b"", _CONNECTION}), _both_cases(_CONNECTION))
        ).findall
        # What the parser says: pieces of a body, and `None` for the end of a request.
        self._said: list[bytes | None] = []
        self._calls = SimpleNamespace(on_body=self._said.append, on_message_complete=partial(self._said.append, None))
        self._renew()

    def _renew(self) -> None:
        """Begin with a new parser, as on a new connection."""
        # It calls what there is, and here nothing of it is written in Python.
        self._parser = httptools.HttpRequestParser(self._calls)

    def read(self, data: bytes) -> tuple[dict[bytes, bytes], bytes] | None:
        """Return the headers that were wanted, and the body; `None` where *data* is not exactly one simple request."""
        if not data.startswith(self._start):
            return None
        end = data.find(_HEAD_END)
        body = data[end + len(_HEAD_END) :]
        if end < 0 or not 0 < len(body) <= BODY_BYTES_MAX:
            return None
        if end > _SURELY_FEW and data.count(b"\n", 0, end) > HEADERS_MAX:
            return None
        # With the end of the last line, which a look ahead may ask for.
        found = self._find(data, 0, end + 1)
        fields = {name.lower(): value for name, value in found}
        is_simple = len(fields) == len(found) and _NOT_SIMPLE.isdisjoint(fields)
        return (fields, body) if is_simple and self._is_one(data, body) else None

    def _is_one(self, data: bytes, body: bytes) -> bool:
        """Tell whether the parser takes *data* for exactly one request with this body."""
        said = self._said
        try:
            self._parser.feed_data(data)
            if said == [body, None]:
                return True
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            pass
        finally:
            said.clear()
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
