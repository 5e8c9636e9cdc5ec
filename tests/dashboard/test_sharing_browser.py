"""Links, embedded figures and mails in a real browser: who may show them, on a phone, in the dark, without scripts."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Final

import httpx2
import msgspec
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from collector.settings import Public, Settings
from dashboard.desk import mailings
from dashboard.desk.mailings import Mailing, Order
from dashboard.mail import letter
from tests.browser import open_browser, open_quiet_page
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, school_days

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

VIOLATIONS: Final = {"resultTypes": ["violations"]}
STOP: Final = "S" * 43
LONG: Final = "Een naam die heel lang is, voor het bestuur en de raad van toezicht van de hele scholengroep samen"


class Serving:
    """Serve an application on loopback."""

    def __init__(self, app: Starlette) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)
        self.port = int(self._server.servers[0].sockets[0].getsockname()[1])

    def stop(self) -> None:
        """End."""
        self._server.should_exit = True
        self._thread.join()


class Shown:
    """Serve a house, and beside it a page of somebody else that shows what it was given."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.element = ""
        self._around = Serving(Starlette(routes=[Route("/", self._page)]))
        #: The same page under two names; the site allows one of them.
        self.allowed, self.other = (f"http://{host}:{self._around.port}" for host in ("localhost", "127.0.0.1"))
        house.sites[:] = [msgspec.structs.replace(SCHOOL, embed_hosts=(self.allowed,))]
        self._house = Serving(house.app())
        self.base = f"http://127.0.0.1:{self._house.port}"
        house.settings = Settings(data_dir=house.settings.data_dir, public=Public(base_url=self.base))
        self._house.stop()
        self._house = Serving(house.app())
        self.base = f"http://127.0.0.1:{self._house.port}"

    def make(self, **more: str) -> str:
        """Make a link; return its address and keep the element that shows it."""
        form = {"site": "school", "name": LONG, "days": "90", "kind": "link"} | more
        answer = httpx2.post(f"{self.base}/links", data=form, headers={"sec-fetch-site": "same-origin"})
        found = [unescape(one) for one in re.findall(r"<code>(.*?)</code>", answer.text)]
        path = re.sub(r"^http://[^/]*", "", found[0])
        self.element = found[-1].replace(found[0].removesuffix(path), self.base)
        return self.base + path

    def _page(self, _request: Request) -> Response:
        page = f"<!doctype html><html lang=nl><title>Intranet</title><link rel=icon href='data:,'>{self.element}</html>"
        # The strictest page there is: it shows only what allows it twice.
        return HTMLResponse(page, headers={"Cross-Origin-Embedder-Policy": "require-corp"})

    def stop(self) -> None:
        """End."""
        self._house.stop()
        self._around.stop()
        self.house.history.close()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Serve five weeks of a school."""
    house = House(tmp_path_factory.mktemp("sharing"), ManualClock())
    house.close_days(list(school_days(TODAY - timedelta(1), 35)))
    served = Shown(house)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a tab that fails the test on any message in the console."""
    with open_quiet_page(browser, locale="nl-NL", viewport={"width": 1440, "height": 1000}) as tab:
        yield tab


def no_faults(page: Page) -> None:
    """Let axe look at a page."""
    found = Axe().run(page, options=VIOLATIONS)
    assert found.violations_count == 0, found.generate_report()


def in_the_dark_on_a_phone(page: Page) -> None:
    """Look at a page again where only its colours and its width are other ones."""
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    found = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_named_site_shows_the_figures(shown: Shown, page: Page) -> None:
    """A page of the named origin shows them in the frame that was copied: with looks, in its colours, and to click."""
    shown.make(kind="embed")
    shown.element = shown.element.replace("/&quot;", "").replace('/" title', '/?scheme=dark" title')
    page.goto(shown.allowed)
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("school")
    expect(frame.locator("body")).to_have_css("background-color", "rgb(16, 20, 29)")
    frame.get_by_role("link", name="7 dagen").click()
    expect(frame.get_by_role("link", name="7 dagen")).to_have_attribute("aria-current", "true")
    expect(frame.locator("body")).to_have_css("background-color", "rgb(16, 20, 29)")
    assert page.context.cookies() == []


def test_any_other_site_is_refused_by_the_browser(shown: Shown, browser: Browser) -> None:
    """The same page under another name shows nothing: the browser itself keeps the figures out."""
    shown.make(kind="embed")
    tab = browser.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    with tab.expect_event("console"):
        tab.goto(shown.other)
    assert any("frame-ancestors" in each for each in said), said
    assert "school" not in "".join(frame.content() for frame in tab.frames[1:])
    tab.close()


@pytest.mark.parametrize("kind", ["embed", "link"])
def test_everybody_can_read_what_is_shared(shown: Shown, page: Page, kind: str) -> None:
    """Shared and embedded pages are without faults for axe in light and in dark, and fit a phone."""
    page.goto(shown.make(kind=kind))
    no_faults(page)
    in_the_dark_on_a_phone(page)


def test_a_link_stays_below_its_own_address(shown: Shown, page: Page) -> None:
    """With the page's own module, filters, periods and figures change what is shown and never leave the link."""
    address = shown.make()
    page.goto(address)
    page.get_by_role("link", name="/rooster", exact=True).first.click()
    expect(page.locator(".chip")).to_contain_text("/rooster")
    page.get_by_role("link", name="7 dagen").click()
    expect(page.get_by_role("link", name="7 dagen")).to_have_attribute("aria-current", "true")
    assert page.url.startswith(address)


def test_a_password_is_asked_once(shown: Shown, browser: Browser) -> None:
    """Typed in once, by keyboard and without scripts, it opens the figures; the next visit asks no more."""
    address = shown.make(password="een lange zin")  # noqa: S106 - of this test
    # Not a quiet page: the one that asks is an answer with status 403, which the console tells of.
    with browser.new_context(locale="nl-NL", java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(address)
        tab.get_by_label("Wachtwoord").press_sequentially("een lange zin")
        tab.keyboard.press("Enter")
        expect(tab.locator("h1")).to_have_text("school")
        tab.goto(address)
        expect(tab.locator("h1")).to_have_text("school")
        (cookie,) = context.cookies()
        assert cookie.get("httpOnly")
        assert address.removesuffix("/").endswith(cookie.get("path", ""))


def test_everybody_can_use_the_pages_that_share(shown: Shown, page: Page) -> None:
    """What makes links and reports is without faults for axe, in the dark too, and fits a phone."""
    shown.make()
    receiver = "een.heel.lange.naam.van.iemand@administratie.van.de.school.example"
    order = Order(site="school", every="week", receiver=receiver, language="nl")
    desk, at = shown.house.desk, shown.house.clock.now()
    mailings.add(desk, order, stop=STOP, made_by="operator", at=at, today=TODAY)
    mailings.note_failed(desk, 1, code="mail_refused", at=at)
    for path in (f"/weekly/stop/{STOP}", "/links?site=school", "/weekly?site=school"):
        page.emulate_media(color_scheme="light")
        page.goto(shown.base + path)
        no_faults(page)
    in_the_dark_on_a_phone(page)


def test_everybody_can_read_a_mail(shown: Shown, page: Page) -> None:
    """A mail has no faults for axe in light and in dark, fits a phone, and asks the network for nothing."""
    mailing = Mailing(
        id=1, site="school", every="week", receiver="team@school.example", language="nl", made_by="operator",
        made_at=shown.house.clock.now(), sent_until=TODAY, stop=STOP,
    )  # fmt: skip
    span = mailings.ended("week", TODAY)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(letter(shown.house.inside(), mailing, span, site=shown.house.sites[0], base_url=shown.base).html)
    no_faults(page)
    in_the_dark_on_a_phone(page)
    assert asked == []
