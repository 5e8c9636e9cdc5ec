"""Can everybody read and use goals, now and settings in a real browser?"""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser import open_browser, open_quiet_page
from tests.dashboard.reached import filled
from tests.flow.serving import served

pytestmark = pytest.mark.browser
PATHS = (
    "/goals?site=school",
    "/goals?site=school&filter=goal:Verlof+aangevraagd",
    "/goals?site=quiet",
    "/now?site=school",
    "/settings?site=school",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a site with goals and a quiet one."""
    house = filled(tmp_path_factory.mktemp("reached"))
    with served(house.app()) as found:
        yield found
    house.history.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Launch Chromium once."""
    with open_browser(host_rules="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as opened:
        yield opened


@pytest.mark.parametrize(("language", "scheme", "width"), [("nl", "light", 390), ("en", "dark", 1440)])
def test_goals_now_and_settings_have_no_barrier(
    browser: Browser, address: str, language: str, scheme: str, width: int
) -> None:
    """The checker axe finds no violation, with every part opened, and no page is wider than the screen."""
    with open_quiet_page(browser, color_scheme=scheme, viewport={"width": width, "height": 900}) as tab:
        for path in PATHS:
            tab.goto(f"{address}{path}&lang={language}")
            tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            found = Axe().run(tab)
            assert found.response["violations"] == [], path
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_a_goal_is_declared_without_scripts_by_keyboard(browser: Browser, address: str) -> None:
    """Without scripts: a page is chosen and its next pages come, a goal is declared by keys, and now can be paused."""
    with open_quiet_page(browser, java_script_enabled=False) as tab:
        tab.goto(f"{address}/goals?site=school&lang=en")
        tab.get_by_label("From the page").select_option("page:/rooster")
        tab.locator(".next-form button").click()
        assert tab.locator("#next .bars tbody tr").all_inner_texts() == ["Left the site\n\t≥ 140"]
        tab.locator("#declare summary").first.focus()
        tab.keyboard.press("Enter")
        tab.locator("#goal-name").fill("Nieuws")
        tab.locator("#declare form").first.get_by_label("Which one").fill("/nieuws")
        tab.locator("#goal-reason").fill("jaarplan")
        tab.keyboard.press("Enter")
        tab.locator(".reached", has_text="Nieuws").wait_for()
        tab.goto(f"{address}/now?site=school&lang=en")
        assert tab.locator("noscript meta, meta[http-equiv=refresh]").count() == 1
        tab.get_by_role("link", name="Pause").click()
        assert tab.locator("meta[http-equiv=refresh]").count() == 0
