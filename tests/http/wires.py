"""Connections as senders of every kind make them, from a seed; and a transport that leads nowhere."""

import asyncio
import json
from random import Random
from typing import Any, Final, NamedTuple

from tests.agents import CHROME

_BOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
_URL: Final = "https://www.school.example/groep/les"
_EXTRAS: Final[tuple[dict[str, Any], ...]] = (
    {}, {}, {}, {"s": "tweede"}, {"s": "browser", "i": "Tue Nov 24 2026 0.5"}, {"s": "browser"}, {"s": "off"},
    {"s": "nobody"}, {"s": None}, {"u": "https://elsewhere.example/"}, {"u": "/groep/7?mail=jan@school.nl#a"}, {"u": 7},
    {"u": "about:blank"}, {"n": "engagement", "d": 61_000.7, "y": 101}, {"n": "Toets ingeleverd", "p": {"vak": "wis"}},
    {"s": "open", "p": {"email": "jan@school.nl", "vak": "wiskunde"}, "c": "krant/email/mei"}, {"n": "x" * 41},
    {"r": "https://www.google.com/", "e": 1}, {"r": "https://nieuws.example/a?b", "e": 1, "w": 2, "t": 1},
    {"r": "https://www.school.example/"}, {"uid": "7", "userName": "jan"}, {"i": 42}, {"w": 9}, {"x": "x" * 8_100},
    {"x": [[[[[]]]]]},
)  # fmt: skip
_BODIES: Final = (
    b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"s":"school","n":"pageview","u":"/\xff"}', b"x" * 8_192,
    b"x" * 8_193, b" " * 20_000, b'{"s":"school","n":"pageview","u":"/","x":' + b"[" * 5_000, b"\0" * 30,
    b'{"s":"school","n":"pageview","u":"/\\ud800"}',
)  # fmt: skip
_TARGETS: Final = (
    "/event?debug=1", "/event?x=1&debug=1", "/event?", "/event?debug=10", "/event#debug=1", "/event/", "//event",
    "/%65vent", "/event;x", "/event%20", "http://stats.example/event", "/EVENT", "/event/x", "/", "/page", "/slow",
    "*", "/e\u00e9n",
)  # fmt: skip
_METHODS: Final = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "post", "POSTS", "P\u00d6ST", "CONNECT")
_CLEAN_METHODS: Final = ("POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")
_HEADERS: Final = (
    "X-Forwarded-For: 10.1.2.3, 145.0.2.9\r\n", "X-Forwarded-For: 2001:610:1:2::3\r\n", "X-Forwarded-For: none\r\n",
    "x-forwarded-for: 145.0.2.1\r\nX-FORWARDED-FOR: 145.0.3.1\r\n", "Sec-GPC: 1\r\n", "DNT: 1\r\n", "sec-gpc: 0\r\n",
    "X-Forwarded-For: 145.0.7.1\r\nX-Forwarded-For: 10.0.0.1\r\n",
    "DNT: 0\r\nDNT: 1\r\n", "X-Country: BE\r\n", "Accept-Language: en\r\n", "Accept-Language: \u00ff\u00fe\r\n",
    "Cookie: a=b\r\nCookie: c=d\r\n", "Origin: https://www.school.example\r\n", "Connection: close\r\n",
    "Connection: keep-alive\r\n", "Connection: close, x\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Connection: Upgrade\r\nUpgrade: h2\r\n", "Upgrade: h2\r\n", "Expect: 100-continue\r\n", "Expect: 100-CONTINUE\r\n",
    "Expect: miracles\r\n", "User-Agent: second\r\n", "X-Empty:\r\n", "X-Long: " + "x" * 9_000 + "\r\n",
    "Connection: keep-alive, close\r\n", "CONNECTION: keep-alive\t\r\n", "Proxy-Connection: close\r\n",
    "Connection:keep-alive\r\nConnection: close\r\n", "Connection:\r\n", "Keep-Alive: timeout=5\r\n",
    "X-Said: user-agent: none\r\n", "X-User-Agent: none\r\n", "X-Said: x sec-gpc: 1\r\n", "User-Agent:\r\n",
    "sEC-gPC:1\r\n", "Sec-GPC:\t 1\r\n", "Sec-GPC: 1 \r\n", "DNT: 1\t\r\n", "DNT: \t\r\n",
    "X-Forwarded-For:\t145.0.9.1\t\r\n", "DNT: 1\r\nDNT: 0\r\n", "aCCEPT-lANGUAGE:fr\r\n", "X-Country:\r\n",
    "x-COUNTRY: nl\r\n", "".join(f"X-{number}:\r\n" for number in range(240)),
    "Transfer-Encoding: identity\r\n", "Content-Type: text/plain;charset=UTF-8\r\n", "Host: other.example\r\n",
)  # fmt: skip
_BROKEN_HEADERS: Final = (
    "Content-Length: 3\r\n", "Content-Length: abc\r\n", "Content-Length: -1\r\n", "Content-Length: +5\r\n",
    "Content-Length: 5, 5\r\n", "Content-Length: 99999999999999999999999\r\n", "Transfer-Encoding: chunked\r\n",
    "X-\u00e9: 1\r\n", "no colon\r\n", " folded\r\n", "X Y: 1\r\n", ": empty\r\n", "X: a\0b\r\n",
    "User-Agent : x\r\n", "DNT: 1\n", "X: 1\rDNT: 1\r\n", "X: 1\nSec-GPC: 1\r\n", "X:\r\n DNT: 1\r\n", "DNT\r\n",
    "Sec-GPC\0: 1\r\n", "DNT: 1\0\r\n", "X: 1\n\r\n", "X: 1\n\nDNT: 1\r\n", "X: 1\n",
    "X-Huge: " + "x" * 70_000 + "\r\n", "".join(f"X-{number}: 1\r\n" for number in range(300)),
)  # fmt: skip
_NONSENSE: Final = (
    b"\r\n",
    b"\r\n\r\n",
    b"x",
    b"\0\0\0",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01",
    b"PRI * HTTP/2.0\r\n\r\n",
)


class Wire(NamedTuple):
    """Hold what one sender sends.

    Attributes:
        messages: Each as the pieces in which it arrives.
        waits_for_pieces: Whether everything settles before the next piece arrives.
        waits_for_messages: Whether everything settles before the next message begins: what happens to answers that are
            on their way when something unreadable comes behind them depends on how quick they were.
        hangs_up: Whether the sender leaves before the last piece.
    """

    messages: list[list[bytes]]
    waits_for_pieces: bool
    waits_for_messages: bool
    hangs_up: bool


def wire(random: Random) -> Wire:
    """Make one connection with up to five requests."""
    made = [_message(random) for _ in range(random.choice((1, 1, 2, 2, 3, 5)))]
    is_clean = all(is_clean for _, is_clean in made)
    messages = [sent for sent, _ in made]
    if is_clean and random.random() < 0.5:
        # As a proxy sends them: cut anywhere, and not between two requests.
        messages = [b"".join(messages)]
    pieces = [_split(random, sent) for sent in messages]
    return Wire(pieces, random.random() < 0.4, not is_clean or random.random() < 0.3, random.random() < 0.05)


def _split(random: Random, sent: bytes) -> list[bytes]:
    how = random.random()
    if how < 0.4:
        return [sent]
    if how < 0.5 and len(sent) < 800:
        return [sent[at : at + 1] for at in range(len(sent))]
    cuts = sorted(random.randrange(len(sent)) for _ in range(random.randrange(1, 6)))
    return [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True) if end > start]


def _message(random: Random) -> tuple[bytes, bool]:
    """Return one request, and whether it is certain that the next one begins behind it."""
    how = random.random()
    if how < 0.03:
        return random.choice(_NONSENSE), False
    method = "POST" if how < 0.85 else random.choice(_METHODS)
    target = "/event" if how < 0.7 or random.random() < 0.4 else random.choice(_TARGETS)
    version = random.choice(("1.0", "1.2", "2.0", "x")) if random.random() < 0.05 else "1.1"
    body = random.choice(_BODIES) if random.random() < 0.2 else _event(random)
    lines = [f"X-Forwarded-For: 145.{random.randrange(3)}.2.77\r\n"] if random.random() < 0.8 else []
    if random.random() < 0.95:
        agent = _BOT if random.random() < 0.05 else CHROME
        lines.append(random.choice(("User-Agent", "user-agent", "USER-AGENT")) + f": {agent}\r\n")
    lines += random.sample(_HEADERS, random.choice((0, 0, 1, 2)))
    is_clean = version == "1.1" and method in _CLEAN_METHODS and target.isascii()
    if random.random() < 0.04:
        lines.append(random.choice(_BROKEN_HEADERS))
        is_clean = False
    framed = random.random()
    if framed < 0.1:
        lines.append("Transfer-Encoding: chunked\r\n")
        body = _chunked(random, body)
        is_clean = False
    elif framed < 0.13:
        is_clean = is_clean and not body
    else:
        wrong = random.choice((0,) * 30 + (-1, 1))
        lines.append(f"Content-Length: {max(0, len(body) + wrong)}\r\n")
        is_clean = is_clean and not wrong and len(body) <= 8_192
    is_clean = is_clean and not any(
        line.lower().startswith(("connection", "proxy", "transfer", "upgrade")) for line in lines
    )
    random.shuffle(lines)
    return f"{method} {target} HTTP/{version}\r\n{''.join(lines)}\r\n".encode("latin-1") + body, is_clean


def _event(random: Random) -> bytes:
    filled = {"s": "school", "n": "pageview", "u": _URL} | random.choice(_EXTRAS)
    return json.dumps({key: value for key, value in filled.items() if value is not None}).encode()


def _chunked(random: Random, body: bytes) -> bytes:
    cut = random.randrange(len(body) + 1)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:cut], body[cut:]) if part)
    return chunks + random.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nX-Trailer: 1\r\n\r\n", b"zz\r\n", b"0\r\n"))


class Line(asyncio.Transport):
    """Keep what is written; be paused, closed and lost as a socket's transport is."""

    def __init__(self, protocol: Any) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 8_000)})
        self.written = b""
        self.is_paused = False
        self._protocol = protocol
        self._is_closing = False
        self._is_lost = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep; what is written after the end is lost, as on a socket."""
        if not self._is_closing:
            self.written += bytes(data)

    def close(self) -> None:
        """End after what was written."""
        if not self._is_closing:
            self._is_closing = True
            asyncio.get_running_loop().call_soon(self.lose)

    abort = close

    def lose(self) -> None:
        """Let the protocol know, once, that the connection is gone."""
        self._is_closing = True
        if not self._is_lost:
            self._is_lost = True
            self._protocol.connection_lost(None)

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        """Return none: everything has left."""
        return 0

    def pause_reading(self) -> None:
        """Deliver nothing more for now."""
        self.is_paused = True

    def resume_reading(self) -> None:
        """Deliver again."""
        self.is_paused = False
