"""The public pages in a real browser: read by everybody, and one click that holds."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any, Final, Literal, Self

import msgspec
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from collector.model import Identity, Site
from collector.settings import Settings
from dashboard.public import routes
from dashboard.visitor_text import Language
from tests.browser import open_quiet_page
from tests.clock import ManualClock

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

HOST: Final = "www.school.example"
#: The source of the tracker as it stands: the page below loads it with every optional part.
TRACKER: Final = Path(__file__).parents[2] / "collector" / "static" / "turven.js"
START_SECONDS_MAX: Final = 10.0
SCHEMES: Final[dict[Literal["light", "dark"], str]] = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 28)"}


class PublicHouse:
    """Serve the public pages, a page that is counted, and an `/event` that only notes what it was sent."""

    def __init__(self, *sites: Site) -> None:
        self.events: list[dict[str, Any]] = []
        settings = Settings()
        made = routes(
            settings=settings,
            sites=lambda: list(sites),
            rules=settings.privacy.rules_of,
            clock=ManualClock(),
            version="1.2.3",
        )
        own = [
            Route("/event", self._event, methods=["POST"]),
            Route("/counted", self._counted),
            Route("/turven.js", self._tracker),
        ]
        config = uvicorn.Config(Starlette(routes=[*own, *made]), port=0, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Self:
        self._thread.start()
        ends_at = time.monotonic() + START_SECONDS_MAX
        while not self._server.started:
            assert time.monotonic() < ends_at
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def url(self, path: str, *, host: str = HOST) -> str:
        """Return the address of *path* as a browser sees it."""
        return f"http://{host}:{self.port}{path}"

    async def _event(self, request: Request) -> Response:
        self.events.append(json.loads(await request.body()))
        return Response(status_code=202)

    async def _counted(self, _request: Request) -> Response:
        return HTMLResponse(
            '<!doctype html><title>x</title><link rel="icon" href="data:,">'
            '<script src="/turven.js" data-site="school"></script>'
        )

    async def _tracker(self, _request: Request) -> Response:
        return Response(TRACKER.read_text("utf-8"), media_type="text/javascript")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Debian's chromium; every name but the school's leads nowhere."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=which("chromium") or which("chromium-browser") or which("google-chrome"),
            args=[
                f"--host-resolver-rules=MAP {HOST} 127.0.0.1,MAP stats.example 127.0.0.1,MAP * ~NOTFOUND",
                "--disable-blink-features=AutomationControlled",
                "--no-sandbox",
            ],
        )
        yield started
        started.close()


@pytest.fixture
def house(school: Site) -> Iterator[PublicHouse]:
    """Serve a school in `browser` identity."""
    with PublicHouse(msgspec.structs.replace(school, identity=Identity.BROWSER)) as served:
        yield served


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a tab that fails the test on any message in the console, such as a breach of the policy."""
    with open_quiet_page(browser) as tab:
        yield tab


def storage(page: Page) -> dict[str, str]:
    """Return what the page's origin keeps in the browser."""
    kept: dict[str, str] = page.evaluate("() => ({...localStorage})")
    return kept


def test_one_click_stops_the_tracker(house: PublicHouse, page: Page) -> None:
    """After one click on either page no request is made, the day's number is gone, and nothing but the flag is kept."""
    with page.expect_request("**/event"):
        page.goto(house.url("/counted"))
    assert "turven:school" in storage(page)
    page.goto(house.url("/privacy?lang=en"))
    page.get_by_role("button", name="Do not count me").click()
    assert page.get_by_role("status").inner_text() == "This browser is not counted at this web address."
    assert storage(page) == {"turven": "off"}
    before = len(house.events)
    page.goto(house.url("/counted"), wait_until="networkidle")
    page.evaluate("() => turven('Signed up')")
    page.goto(house.url("/privacy/opt-out?lang=en"), wait_until="networkidle")
    assert len(house.events) == before


def test_opting_out_is_never_counted_itself(house: PublicHouse, page: Page) -> None:
    """Reading the public pages and clicking there sends nothing but requests for the pages' own files."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(house.url(""))))
    page.goto(house.url("/privacy/opt-out"), wait_until="networkidle")
    page.get_by_role("button", name="Tel mij niet mee").click()
    page.wait_for_load_state("networkidle")
    assert set(asked) == {"/privacy/opt-out", "/privacy/public.css", "/privacy/public.js"}


def test_the_choice_can_be_taken_back_by_keyboard(house: PublicHouse, page: Page) -> None:
    """The keyboard alone opts out and in again, and the focus stays at the choice."""
    page.goto(house.url("/privacy/opt-out"))
    page.get_by_role("button", name="Tel mij niet mee").focus()
    page.keyboard.press("Enter")
    assert storage(page) == {"turven": "off"}
    page.keyboard.press("Enter")
    assert storage(page) == {}
    assert page.get_by_role("status").inner_text() == "Deze browser telt op dit webadres mee."


def test_a_signal_needs_no_click(house: PublicHouse, page: Page) -> None:
    """A browser that sends Global Privacy Control is told that there is nothing to do."""
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})")
    page.goto(house.url("/privacy/opt-out?lang=en"))
    assert page.get_by_role("status").inner_text().startswith("Your browser sends a signal")
    assert page.get_by_role("button").count() == 0


def test_a_browser_that_keeps_nothing_is_told_what_helps(house: PublicHouse, page: Page) -> None:
    """Where storage is forbidden, the page does not claim that the choice was kept, and names the signal instead."""
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})")
    page.goto(house.url("/privacy/opt-out?lang=en"))
    assert "Global Privacy Control" in page.get_by_role("status").inner_text()
    assert page.get_by_role("button").count() == 0


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("path", ["/privacy", "/privacy/opt-out"])
def test_pages_can_be_read_by_everybody(house: PublicHouse, page: Page, *, path: str, language: Language) -> None:
    """On a phone, in light and in dark, axe finds nothing and nothing is wider than the screen."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(house.url(f"{path}?lang={language.value}"))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for scheme, paper in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == paper
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_where_a_site_is_chosen_everybody_can_choose(school: Site, page: Page) -> None:
    """On a shared host, where a site has to be chosen and the opt-out cannot be kept, axe finds nothing either."""
    other = msgspec.structs.replace(school, id="other", hosts=("other.example",))
    with PublicHouse(school, other) as house:
        page.goto(house.url("/privacy/opt-out", host="stats.example"))
        assert page.get_by_role("button").count() == 0
        assert Axe().run(page).violations_count == 0
        page.goto(house.url("/privacy?lang=nl-pupils", host="stats.example"))
        assert Axe().run(page).violations_count == 0
        page.get_by_label("Site").select_option("other")
        page.get_by_role("button", name="Toon").click()
        assert page.url.endswith("/privacy?lang=nl-pupils&site=other")
        assert page.get_by_role("heading", level=1).inner_text() == "Wij tellen, maar we weten niet wie jij bent"


def test_paper_shows_the_text_and_no_buttons(house: PublicHouse, page: Page) -> None:
    """Printed, the page is black on white with text and settings, without what can only be clicked."""
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(house.url("/privacy"))
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.get_by_role("button").count() == 0
    assert page.get_by_role("heading", name="Alleen groepen").is_visible()
