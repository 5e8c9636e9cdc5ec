"""Can everybody read and use tables of their own, hours by weekday and hostile names, in a real browser?"""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from collector.model import Dimension, Profile
from tests.browser import open_browser, open_quiet_page
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, line, total
from tests.dashboard.test_panels import NAMES, SITE, day_of
from tests.flow.serving import served

pytestmark = pytest.mark.browser
ODD = msgspec.structs.replace(SCHOOL, id="odd", profile=Profile.OPEN)
PATHS = (
    "/?site=school",
    "/?site=school&filter=goal:Aangemeld&show=source",
    "/?site=school&filter=group:/ouders/",
    "/all/page?site=school&with=/leerling/&sort=-time_on_page",
    "/engagement?site=school",
    "/all/page?site=odd",
    "/?site=odd&filter=page:" + quote(NAMES[3]),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a site with goals and groups, and one with hostile names."""
    house = House(tmp_path_factory.mktemp("panels"), ManualClock(), sites=(SITE, ODD))
    house.close_days([(TODAY - timedelta(n), day_of(n)) for n in range(1, 15)], site=SITE)
    house.close_days(
        [(TODAY - timedelta(1), [total(900), *(line(Dimension.PAGE, name, 50) for name in NAMES)])], site=ODD
    )
    with served(house.app()) as found:
        yield found
    house.history.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Launch Chromium once."""
    with open_browser(host_rules="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as opened:
        yield opened


@pytest.mark.parametrize(("language", "scheme", "width"), [("nl", "light", 390), ("en", "dark", 1440)])
def test_no_table_has_a_barrier_or_breaks_the_page(
    browser: Browser, address: str, language: str, scheme: str, width: int
) -> None:
    """The checker axe finds no violation, and no name, however hostile, makes a page wider than the screen."""
    with open_quiet_page(browser, color_scheme=scheme, viewport={"width": width, "height": 900}) as tab:
        for path in PATHS:
            tab.goto(f"{address}{path}&lang={language}")
            found = Axe().run(tab)
            assert found.response["violations"] == [], path
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_what_is_further_down_comes_when_it_is_looked_at(browser: Browser, address: str) -> None:
    """Hours, times and depth are fetched once somebody scrolls there, in the page's own colours; not before."""
    with open_quiet_page(browser, viewport={"width": 1440, "height": 600}) as tab:
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(f"{address}/?site=school&lang=en", wait_until="networkidle")
        assert not [url for url in asked if "/engagement" in url]
        tab.locator("[data-later]").scroll_into_view_if_needed()
        square = tab.locator(".heat .s5").first
        square.wait_for()
        assert square.inner_text() == "900"
        tab.wait_for_function("getComputedStyle(document.querySelector('.heat .s5')).borderRadius === '3px'")


def test_tables_work_without_scripts_and_by_keyboard(browser: Browser, address: str) -> None:
    """Without scripts a column sorts, a text narrows, and a row filters: by keys alone."""
    with open_quiet_page(browser, java_script_enabled=False) as tab:
        tab.goto(f"{address}/all/page?site=school&lang=en")
        tab.get_by_role("link", name="Views").focus()
        tab.keyboard.press("Enter")
        tab.wait_for_url("**sort=-pageviews*")
        assert tab.locator("[aria-sort=descending]").inner_text().startswith("Views")
        tab.get_by_label("Only names with").fill("cijfers")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**with=cijfers*")
        assert tab.locator(".whole tbody tr").count() == 1
        assert "sort=-pageviews" in tab.url
        tab.get_by_role("link", name="/leerling/cijfers").focus()
        tab.keyboard.press("Enter")
        tab.wait_for_url("**filter=page*")
        assert tab.locator(".chip bdi").inner_text() == "/leerling/cijfers"
