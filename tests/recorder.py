"""A small HTTP server that shows pages with the tracker in them and writes down every request it gets."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from collector.reply import OVERLOADED
from collector.script import Script, Scripts, build, read_source

_WAIT_SECONDS: Final = 10.0
_STATS: Final = "stats.school.example"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one request as it came over the wire."""

    host: str
    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    body: str

    @property
    def event(self) -> dict[str, Any]:
        """Return the body read as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def header(self, name: str) -> str | None:
        """Return the value of a header, `None` where it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Recorder:
    """Show pages by host, serve the tracker at `stats.school.example`, answer its events, and remember all of it."""

    def __init__(self) -> None:
        """Start empty, on a free port of loopback."""
        self.requests: list[Recorded] = []
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        #: Sites whose events are answered as in a rush.
        self.refused: set[str] = set()
        self._scripts = Scripts(read_source())
        self._changed = Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return int(self._server.server_address[1])

    @property
    def stats(self) -> str:
        """Return where the tracker is served."""
        return f"http://{_STATS}:{self.port}"

    def show(self, host: str, html: str, **headers: str) -> str:
        """Show *html* at every path of *host* and return its origin; `_` in a header's name stands for `-`."""
        self.pages[host] = html, {name.replace("_", "-"): value for name, value in headers.items()}
        return f"http://{host}:{self.port}"

    def events(self, site: str) -> list[Recorded]:
        """Return the events of *site* so far."""
        with self._changed:
            return [request for request in self.requests if request.method == "POST" and request.event["s"] == site]

    def wait(self, site: str, count: int) -> list[Recorded]:
        """Wait until *site* has sent *count* events and return them in order of arrival."""
        self.wait_for(lambda: len(self.events(site)) >= count)
        found = self.events(site)
        assert len(found) == count, [request.body for request in found]
        return found

    def wait_for(self, claim: Callable[[], bool]) -> None:
        """Wait until *claim* is true; it is asked again after every request."""
        with self._changed:
            assert self._changed.wait_for(claim, timeout=_WAIT_SECONDS), [
                (request.method, request.host, request.target, request.body) for request in self.requests
            ]

    def serve(self) -> Thread:
        """Serve in a thread of its own."""
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def record(self, request: Recorded) -> None:
        """Remember *request*."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def answer(self, request: Recorded) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers for *request*."""
        if request.method == "POST" and request.event["s"] in self.refused:
            return (
                OVERLOADED.status,
                OVERLOADED.body,
                {name.decode(): value.decode() for name, value in OVERLOADED.headers},
            )
        if request.method == "POST":
            return 202, b"", {"Access-Control-Allow-Origin": "*"}
        url = urlsplit(request.target)
        if script := self._script(url.path, url.query):
            return (
                200,
                script.body,
                {"Content-Type": "text/javascript; charset=utf-8", "Access-Control-Allow-Origin": "*"},
            )
        if request.method == "GET" and request.host in self.pages:
            html, headers = self.pages[request.host]
            return 200, html.encode(), {"Content-Type": "text/html; charset=utf-8", **headers}
        return 404, b"", {}

    def _script(self, path: str, query: str) -> Script | None:
        name = path.rpartition("/")[2]
        if name == "turven.js":
            parts = parse_qs(query).get("parts", [""])[0]
            return build(read_source(), parts=frozenset(filter(None, parts.split("."))))
        if name.startswith("turven."):
            return self._scripts.by_hash(name.removeprefix("turven.").removesuffix(".js"))
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Recorded(
                    host=str(self.headers.get("Host")).partition(":")[0],
                    method=self.command,
                    target=self.path,
                    version=self.request_version,
                    headers=list(self.headers.items()),
                    body=self.rfile.read(length).decode(),
                )
                recorder.record(request)
                status, body, headers = recorder.answer(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
                """Say nothing."""

        return Handler


@contextmanager
def recording() -> Iterator[Recorder]:
    """Serve for as long as the block runs."""
    recorder = Recorder()
    thread = recorder.serve()
    try:
        yield recorder
    finally:
        recorder.stop()
        thread.join()
