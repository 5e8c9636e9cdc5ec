"""The first steps of a newcomer in a real browser: an empty house, a site, the line to copy, one's own event."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import USER_AGENT
from tests.process import HouseProcess

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FIELDS: Final = {
    "id": "school",
    "hosts": "www.school.example",
    "controller": "De Schoolvereniging",
    "agreement": "VO-1",
    "agreed_on": "2026-08-01",
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[HouseProcess]:
    """Run an empty house."""
    with HouseProcess(tmp_path) as running:
        yield running


def _fill(page: Page, *, identity: str, button: str) -> None:
    """Fill the form; it cannot be sent before one has chosen what tells visitors apart."""
    for name, value in FIELDS.items():
        page.fill(f"#{name}", value)
    page.check("[name=on]")
    assert page.locator("[name=identity]:checked").count() == 0
    assert page.locator("[name=identity]:invalid").count() == 2
    page.check(f"[name=identity][value={identity}]")
    page.click(f"button:text-is('{button}')")


@pytest.mark.parametrize(
    ("locale", "title", "add", "send", "received"),
    [
        ("nl-NL", "Eerste stappen", "Site toevoegen", "Proef versturen", "Ontvangen, niets bewaard:"),
        ("en-GB", "First steps", "Add the site", "Send a trial event", "Received, nothing stored:"),
    ],
)
def test_first_steps(
    browser: Browser, house: HouseProcess, locale: str, title: str, add: str, send: str, received: str
) -> None:
    """From an empty house to one's own event, received and not stored, in the language of the browser."""
    context = browser.new_context(user_agent=USER_AGENT, locale=locale)
    said: list[str] = []
    try:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        origin = f"http://127.0.0.1:{house.port}"
        page.goto(f"{origin}/")
        assert page.url == f"{origin}/first-steps"
        expect(page.locator("h1")).to_have_text(title)
        _fill(page, identity="network", button=add)
        page.wait_for_url(f"{origin}/first-steps/school")
        expect(page.locator("code").first).to_contain_text(f'src="{origin}/turven.js?s=school"')
        page.click(f"button:text-is('{send}')")
        output = page.locator("output")
        expect(output).to_contain_text(received)
        echoed = json.loads(output.locator("pre").inner_text())
    finally:
        context.close()
    assert said == []
    assert (echoed["stored"], echoed["counted"]) == (False, True)
    assert (echoed["event"]["page"], echoed["event"]["browser"]) == ("/", "Chrome")
    _expect_nothing_stored(house)


def _expect_nothing_stored(house: HouseProcess) -> None:
    """The echo began no spool file; ten visitors after it are ten visitors, and its host is in no file."""
    assert list((house.folder / "data" / "spool").rglob("*.spool")) == []
    for visitor in range(10):
        assert house.send(visitor=visitor, page="/les") == 202
    house.turven("close")
    assert [(row["visitors"], row["pageviews"]) for row in house.cells("total")] == [(10, 10)]
    assert [row["value"] for row in house.cells("page")] == ["/les"]
