"""Signing in, one's own account and those of others in a real browser: telephone, keyboard, no scripts, axe."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyotp
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from dashboard.who import Role
from tests.browser import open_browser
from tests.clock import ManualClock
from tests.dashboard.accounts import PASSWORD, Accounted
from tests.dashboard.house import SCHOOL, House

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

VIOLATIONS: Final = {"resultTypes": ["violations"]}


class Served:
    """Serve a house with accounts on loopback."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.house = House(folder, self.clock, sites=(SCHOOL,))
        self.accounted = Accounted(self.house, base_url="")
        self.accounted.add("els", Role.OPERATOR)
        self.accounted.add("een.heel.lange.naam.van.iemand.die.kijkt@school.example", Role.VIEWER)
        self._server = uvicorn.Server(uvicorn.Config(self.accounted.app, port=0, log_config=None, access_log=False))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        """End."""
        self._server.should_exit = True
        self._thread.join()
        self.house.history.close()

    def url(self, path: str) -> str:
        """Return an address of this server."""
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve for all tests."""
    served = Served(tmp_path_factory.mktemp("access"))
    yield served
    served.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Open a browser for all tests."""
    with open_browser() as browser:
        yield browser


def whole(page: Page) -> None:
    """See that a page has no violation and is no wider than its window."""
    assert [one["id"] for one in Axe().run(page, options=VIOLATIONS).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("width", "scheme", "language"), [(390, "dark", "nl"), (1440, "light", "en")])
def test_each_page_of_accounts_is_whole(
    served: Served, browser: Browser, width: int, scheme: str, language: str
) -> None:
    """Every page about accounts is free of violations, fits its window, and loads nothing that its policy forbids."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=language,
    )
    page, errors = context.new_page(), []
    page.on("console", lambda line: errors.append(line.text) if "Content Security" in line.text else None)
    page.goto(served.url("/staff"))
    whole(page)
    page.fill("#name", "els")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/staff"))
    page.locator(".people summary").first.click()
    whole(page)
    page.goto(served.url("/me"))
    whole(page)
    held = context.cookies()
    assert [(one["name"], one["secure"], one["httpOnly"], one["sameSite"]) for one in held] == [
        ("__Host-turven", True, True, "Lax")
    ]
    assert page.evaluate("document.cookie") == ""
    assert errors == []
    context.close()


def test_everything_works_without_scripts_and_by_keyboard(served: Served, browser: Browser) -> None:
    """Without scripts somebody signs in by keyboard, sets up a second step from its text, and signs out."""
    served.accounted.add("stap", Role.VIEWER)
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto(served.url("/me"))
    page.locator("#name").focus()
    for text in ("stap", PASSWORD):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/me"))
    secret = page.locator(".secret code").inner_text().replace(" ", "")
    page.locator(".stack #step").fill(pyotp.TOTP(secret).at(served.clock.now()))
    page.locator("#current-second").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("done=second"))
    assert "each sign-in asks for a code" in page.locator("main").inner_text()
    page.locator(".signed button").press("Enter")
    page.wait_for_url(re.compile("/sign-in"))
    page.goto(served.url("/me"))
    assert "/sign-in" in page.url
    context.close()
