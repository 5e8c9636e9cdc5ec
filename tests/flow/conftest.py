"""Fixtures of the walks in a real browser.

The browser lives for one module: while Playwright's loop runs, no other test of this thread may start one.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.browser import open_browser, open_context
from tests.recorder import Recorder, recording

_NUMBERS = count(1)


class Walk:
    """Show a page with the tracker in it, on a host and a site of its own, to one browser.

    Attributes:
        site: Id of the site.
        page: The open tab.
        errors: What the page's scripts threw.
        requested: Addresses of requests to the house, as the browser issued them.
    """

    def __init__(self, browser: Browser, recorder: Recorder) -> None:
        """Take a fresh site; the tab is opened by `open`."""
        self.site = f"s{next(_NUMBERS)}"
        self.host = f"{self.site}.school.example"
        self.recorder = recorder
        self.errors: list[str] = []
        self.requested: list[str] = []
        self._bodies: list[str] = []
        self._browser = browser
        self._context = open_context(browser)

    def configure(self, **options: Any) -> None:
        """Start over with another context."""
        self._context.close()
        self._context = open_context(self._browser, **options)

    def tag(self, *parts: str, attributes: str = "", base: str = "") -> str:
        """Return the script element with *parts* switched on."""
        address = f"{base or self.recorder.stats}/turven.js?parts={'.'.join(parts)}"
        return f'<script defer src="{address}" data-site="{self.site}" {attributes}></script>'

    def show(self, *parts: str, attributes: str = "", head: str = "", body: str = "", **headers: str) -> str:
        """Put the tracker into every page of the host and return its origin."""
        tag = self.tag(*parts, attributes=attributes)
        return self.recorder.show(
            self.host, f"<!doctype html><title>Les</title>{head}{tag}<body>{body}</body>", **headers
        )

    def before(self, script: str) -> None:
        """Run *script* in every page before its own."""
        self._context.add_init_script(script)

    @property
    def page(self) -> Page:
        """Return the open tab."""
        if self._context.pages:
            return self._context.pages[0]
        page = self._context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note)
        return page

    def _note(self, request: Request) -> None:
        self.requested.append(f"{request.method} {request.url}")
        self._bodies.append(request.post_data or "")

    def wait(self, count: int) -> list[dict[str, Any]]:
        """Wait until the site has sent *count* events in all and return them in the order in which they were sent.

        They travel on several connections, so the order of arrival may be another one.
        """
        arrived = self.recorder.wait(self.site, count)
        self.page.evaluate("0")
        sent: list[dict[str, Any]] = []
        for body in self._bodies:
            found = next((request for request in arrived if request.body == body), None)
            if found:
                arrived.remove(found)
                sent.append(found.event)
        # What a page sends while it is left is not always reported by the browser.
        return sent + [request.event for request in arrived]

    def sent(self) -> int:
        """Return how many events the browser has issued, after all scripts of the page had their turn."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return sum(request.startswith("POST") for request in self.requested)

    def storage(self) -> dict[str, str]:
        """Return what the page's origin keeps in localStorage."""
        found: dict[str, str] = self.page.evaluate("() => ({...localStorage})")
        return found

    def close(self) -> None:
        """Leave."""
        self._context.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Launch Chromium."""
    with open_browser() as launched:
        yield launched


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """Serve pages and the tracker, and record."""
    with recording() as serving:
        yield serving


@pytest.fixture
def walk(browser: Browser, recorder: Recorder) -> Iterator[Walk]:
    """Open a browser profile; whatever happens in it, the tracker may not throw into the page."""
    opened = Walk(browser, recorder)
    yield opened
    opened.close()
    assert opened.errors == []
