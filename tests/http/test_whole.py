"""A request that is read without a call for each header is read as the parser reads it with them."""

from random import Random
from typing import Any, Final

import httptools
import pytest

from collector.http.whole import WholeReader
from tests.http.wires import wire

_WANTED: Final = (b"x-forwarded-for", b"user-agent", b"sec-gpc", b"dnt", b"accept-language", b"x-country")
_USUAL: Final = (
    b"POST /event HTTP/1.1\r\nHost: a\r\nuser-AGENT:  b \r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"
)
_READ: Final = ({b"user-agent": b"b "}, b"{}")

Heard = list[tuple[bytes, str, bool, list[tuple[bytes, bytes]], bytes]]


class _Reference:
    """Hear all that the parser says."""

    def __init__(self) -> None:
        self.heard: Heard = []
        self.begun = 0
        self.parser: Any = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        """Begin."""
        self.begun += 1
        self.url, self.body = b"", b""
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        """Gather the target."""
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        """Gather the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Note a request."""
        line = self.parser.get_method() + b" " + self.url
        kept = self.parser.should_keep_alive()
        self.heard.append((line, self.parser.get_http_version(), kept, self.headers, self.body))


def _heard(data: bytes) -> Heard | None:
    """Return the requests that *data* holds, and `None` where it holds anything else beside."""
    reference = _Reference()
    try:
        reference.parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    return reference.heard if reference.begun == len(reference.heard) else None


@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_is_what_the_parser_says(seed: int) -> None:
    """What the reader takes is one kept request to the parser, with the same headers and body; then it goes on."""
    random = Random(seed)
    reader = WholeReader(b"/event", _WANTED)
    taken = 0
    for _ in range(1_500):
        messages = [b"".join(pieces) for pieces in wire(random).messages]
        for data in (*messages, b"".join(messages), messages[0][: random.randrange(len(messages[0]) + 1)]):
            found = reader.read(data)
            if found is None:
                continue
            taken += 1
            ((line, version, is_kept, headers, body),) = _heard(data) or []
            wanted = [(name, value) for name, value in headers if name in _WANTED]
            assert (line, version, is_kept, body) == (b"POST /event", "1.1", True, found[1])
            assert sorted(wanted) == sorted(found[0].items())
            assert {name for name, _ in headers}.isdisjoint((b"expect", b"upgrade"))
        assert reader.read(_USUAL) == _READ
    assert taken > 500


@pytest.mark.parametrize(
    "data",
    [
        _USUAL[:-1],
        _USUAL[:-2],
        _USUAL[:70],
        _USUAL + b"\r\n",
        _USUAL + _USUAL,
        _USUAL.replace(b": keep-alive", b": close"),
        _USUAL.replace(b"Connection", b"Proxy-Connection").replace(b"keep-alive", b"close"),
        _USUAL.replace(b"Host: a", b"User-Agent: a"),
        _USUAL.replace(b"Host: a", b"Expect: 100-continue"),
        _USUAL.replace(b"Host: a", b"x:\r\n" * 254 + b"x: y"),
        _USUAL.replace(b"Host: a", b"Host: a\0"),
        _USUAL.replace(b"{}", b"x" * 8_193).replace(b": 2", b": 8193"),
        _USUAL.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
    ],
)
def test_what_is_not_simple_is_left_alone(data: bytes) -> None:
    """A request in pieces, two in one, one that ends the connection, and what the parser refuses are not taken."""
    reader = WholeReader(b"/event", _WANTED)
    assert reader.read(data) is None
    assert reader.read(_USUAL) == _READ
