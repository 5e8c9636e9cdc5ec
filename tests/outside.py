"""What lies outside a house: host names, the pages on them, and a proxy that says for whom it asks.

Each browser profile gets a line of its own, a proxy on a port of its own, so that the house sees it behind an address
of its own, and everything that the browser sends, header for header, is written down before it is passed on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

#: Where browsers find the house.
STATS: Final = "stats.school.example"
_WAIT_SECONDS: Final = 30.0
#: Say something about one connection only; a proxy does not pass them on.
_OF_THE_LINE: Final = frozenset({"connection", "proxy-connection", "keep-alive", "content-length", "transfer-encoding"})


class Sent(msgspec.Struct, frozen=True):
    """Hold one request as a browser sent it, and what it was answered."""

    host: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    status: int

    def header(self, name: str) -> str | None:
        """Return the value of a header, `None` where it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class Line:
    """Be the proxy of one browser profile.

    Attributes:
        requests: What the browser sent, in the order of the answers.
        pages: HTML by host and path (`{host}{path}`), the same for every path where only the host is named.
    """

    def __init__(self, *, address: str, house_port: int, pages: Mapping[str, str]) -> None:
        """Listen on a free port of loopback.

        Args:
            address: What the house is told about whom the proxy asks for.
            house_port: Where the house listens.
            pages: As the attribute.
        """
        self.requests: list[Sent] = []
        self.pages = pages
        self._address = address
        self._house_port = house_port
        self._changed = Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def proxy(self) -> str:
        """Return what the browser is told to use."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def to_house(self) -> list[Sent]:
        """Return the requests for the house."""
        with self._changed:
            return [request for request in self.requests if request.host == STATS]

    def events(self) -> list[Sent]:
        """Return the events that were sent and answered."""
        return [request for request in self.to_house() if request.method == "POST"]

    def wait_for_events(self, count: int) -> None:
        """Wait until *count* events in all were answered, and all of them counted."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.events()) >= count, timeout=_WAIT_SECONDS)
        found = [(request.status, request.body) for request in self.events()]
        assert [status for status, _ in found] == [202] * count, found

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, host: str, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Any:
        if host == STATS:
            return self._pass_on(method, target, headers, body)
        path = target.partition("?")[0]
        html = self.pages.get(host + path) or self.pages.get(host)
        if html is None:
            return 404, [], b""
        return 200, [("Content-Type", "text/html; charset=utf-8")], html.encode()

    def _pass_on(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Any:
        connection = HTTPConnection("127.0.0.1", self._house_port, timeout=_WAIT_SECONDS)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in _OF_THE_LINE:
                    connection.putheader(name, value)
            connection.putheader("X-Forwarded-For", self._address)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_THE_LINE]
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                url = urlsplit(self.path)
                target = url.path + (f"?{url.query}" if url.query else "")
                headers = list(self.headers.items())
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                host = url.hostname or ""
                status, answered, content = line._answer(host, self.command, target, headers, body)
                self.send_response_only(status)
                for name, value in answered:
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                line._note(Sent(host, self.command, target, headers, body, status))

            do_GET = do_POST = do_OPTIONS = do_HEAD = _serve  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
                """Say nothing."""

        return Handler

    def _note(self, request: Sent) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()


@contextmanager
def lines(*, house_port: int) -> Iterator[Callable[[str, Mapping[str, str]], Line]]:
    """Lend a function that opens a line for an address, with pages; all are closed afterwards."""
    opened: list[Line] = []

    def open_line(address: str, pages: Mapping[str, str]) -> Line:
        line = Line(address=address, house_port=house_port, pages=pages)
        opened.append(line)
        return line

    try:
        yield open_line
    finally:
        for line in opened:
            line.stop()
