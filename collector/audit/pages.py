"""Pages of a made-up school for the audit's browser, and a proxy before the scratch house that notes what passes.

The school's pages and the house lie on two hosts of one domain, as they do at most schools: only then a cookie of the
domain could travel along.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Event, Lock, Thread
from typing import Any, Final

import msgspec

from collector.audit.scratch import ScratchHouse
from collector.model import Site
from collector.script import snippet

DOMAIN: Final = "school.audit.example"
SCHOOL: Final = f"www.{DOMAIN}"
STATS: Final = f"stats.{DOMAIN}"
COOKIE: Final = "session"
PUBLIC_PAGE: Final = "/privacy/opt-out"
LAST_PAGE: Final = "end"
_SEEN: Final = "/seen"
_NO_CONTENT: Final = 204
_PASSED_ON: Final = ("user-agent", "content-type", "sec-gpc", "dnt", "if-none-match", "x-forwarded-for")

#: What each page does once it is there, and where it goes then. `report` and `kept` stand in the frame around it.
_STEPS: Final = {
    "/touch": """
        document.querySelector('a').click();
        history.pushState({}, '', '/touch/next');
        turven('Toets', { vak: 'rekenen' });
        dispatchEvent(new Event('scroll'));
        dispatchEvent(new Event('pagehide'));
        await report('touch', { touched: seenByTraps(), cookie: document.cookie, ...storage() });
        location.href = '/click';""",
    "/click": """
        document.querySelector('button').click();
        await report('click', storage());
        history.pushState({}, '', '/click/after');
        turven('Toets');
        location.href = '/after';""",
    "/after": """
        turven('Toets');
        await report('after', storage());
        kept.clear();
        location.href = '/privacy/opt-out';""",
    PUBLIC_PAGE: """
        document.querySelector('[data-turven-opt-out]').click();
        await report('public', storage());
        location.href = '/after/public';""",
    "/after/public": """
        turven('Toets');
        history.pushState({}, '', '/after/public/next');
        // What was sent has the time of a round trip to arrive.
        await report('last', storage());
        await report('end', storage());""",
}
_REPORT: Final = """
const report = (page, seen) => fetch('/seen', { method: 'POST', body: JSON.stringify([page, seen]) });
const storage = () => ({ stored: { ...kept }, session: sessionStorage.length });
addEventListener('load', async () => {%s
});
"""


class Passed(msgspec.Struct, frozen=True):
    """Hold one request to the house as it came out of the browser, and the headers of its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    answered: dict[str, str]

    @property
    def event(self) -> dict[str, Any]:
        """Return the event that was sent."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that is ended hangs up in the middle of a request."""


class SchoolPages:
    """Serve the school and stand before the house.

    Attributes:
        passed: Requests to the house, in the order of their arrival.
        pages: Cookies that came with requests for the school's own pages.
        seen: What each page reported.
        ended: Set when the last one has.
    """

    def __init__(self, house: ScratchHouse, site: Site, *, tamper: Callable[[bytes], bytes]) -> None:
        self.passed: list[Passed] = []
        self.pages: list[str] = []
        self.seen: dict[str, dict[str, Any]] = {}
        self._house = house
        self._site = site
        self._tamper = tamper
        self.ended = Event()
        self._lock = Lock()
        self._traps = files("collector").joinpath("audit", "traps.js").read_text("utf-8")
        self._server = _Server(("127.0.0.1", 0), self._handler())

    @property
    def first(self) -> str:
        """Return the address at which the browser begins."""
        return f"http://{SCHOOL}:{self._port}/touch"

    @property
    def _port(self) -> int:
        return int(self._server.server_address[1])

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve for the length of a block."""
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer(
        self, method: str, host: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer one request."""
        if host == STATS:
            return self._pass_on(method, path, headers, body)
        if path == _SEEN:
            page, seen = json.loads(body)
            with self._lock:
                self.seen[page] = seen
            if page == LAST_PAGE:
                self.ended.set()
            return _NO_CONTENT, {}, b""
        bare = path.partition("?")[0]
        if bare not in _STEPS or bare == PUBLIC_PAGE:
            return self._from_house(bare)
        with self._lock:
            self.pages.append(headers.get("cookie", ""))
        # Of the host and of the domain; both without HttpOnly or SameSite, so that nothing but the tracker holds them.
        cookies = f"{COOKIE}=of-the-domain; Domain={DOMAIN}; Path=/"
        return 200, {"Content-Type": "text/html; charset=utf-8", "Set-Cookie": cookies}, self._page(bare).encode()

    def _page(self, path: str) -> str:
        element = snippet(self._site, base_url=f"http://{STATS}:{self._port}")
        body = '<p style="height: 3000px"><a href="#x">x</a> <button data-turven="opt-out">Tel mij niet</button>'
        step = f"<script>{_REPORT % _STEPS[path]}</script>"
        return f"<!doctype html><title>Les</title><script>{self._traps}</script>{element}<body>{body}{step}"

    def _from_house(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Show a page of the house on the school's own host, as where one proxy stands before both."""
        status, answered, body = self._house.request("GET", path, headers={"Host": SCHOOL})
        if path == PUBLIC_PAGE:
            step = f"<script>const kept = localStorage;{_REPORT % _STEPS[path]}</script>"
            body = body.replace(b"</body>", step.encode() + b"</body>")
        # Without its policy, which would keep our script out.
        return status, {"Content-Type": answered.get("content-type", "text/plain")}, body

    def _pass_on(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        given = {name: value for name, value in headers.items() if name in _PASSED_ON}
        status, answered, content = self._house.request(method, path, body=body, headers=given)
        with self._lock:
            self.passed.append(Passed(method, path, dict(headers), body, answered))
        if path.startswith("/turven"):
            content = self._tamper(content)
        kept = {name: value for name, value in answered.items() if name not in {"content-length", "connection"}}
        return status, kept, content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                host = str(self.headers.get("Host")).partition(":")[0]
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, given, content = pages.answer(self.command, host, self.path, headers, body)
                self.send_response(status)
                for name, value in given.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
                """Say nothing."""

        return Handler
