"""The trial event of the first steps, at a site of the kind that a school needs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import USER_AGENT
from tests.process import HouseProcess

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[HouseProcess]:
    """Run a house with a site in each identity."""
    with HouseProcess(tmp_path) as running:
        for identity in ("browser", "network"):
            running.turven("site", "add", identity, "--host", "www.school.example", "--identity", identity,
                           "--controller", "De Schoolvereniging", "--agreement", "VO-1", "--agreed-on", "2026-08-01",
                           "--on")  # fmt: skip
        yield running


@pytest.mark.parametrize("identity", ["browser", "network"])
def test_the_trial_event_would_count_in_each_identity(browser: Browser, house: HouseProcess, identity: str) -> None:
    """The trial event and the line for a terminal would be counted, in either identity, and fit into a narrow page."""
    page = browser.new_page(user_agent=USER_AGENT, viewport={"width": 390, "height": 844})
    try:
        page.goto(f"http://127.0.0.1:{house.port}/first-steps/{identity}?lang=en")
        page.click("button:text-is('Send a trial event')")
        output = page.locator("output")
        expect(output).to_contain_text("Received, nothing stored:")
        echoed = json.loads(output.locator("pre").inner_text())
        line = page.locator("code", has_text="curl").inner_text()
        width = page.evaluate("document.documentElement.scrollWidth")
        card = page.evaluate("document.querySelector('.steps-form').scrollWidth")
    finally:
        page.close()
    assert (echoed["stored"], echoed["counted"]) == (False, True)
    told = json.loads(line.rpartition(" -d '")[2].removesuffix("'"))
    assert ("i" in told) is (identity == "browser")
    assert width == 390
    assert card <= 390
