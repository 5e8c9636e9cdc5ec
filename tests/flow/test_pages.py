"""Can everybody read and use the dashboard: in a real browser, in both languages, with and without scripts?"""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, Route

from collector.model import Identity
from tests.browser import open_browser, open_context
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, morning, school_days

pytestmark = pytest.mark.browser
START_SECONDS_MAX: Final = 20.0
QUIET: Final = msgspec.structs.replace(SCHOOL, id="quiet", identity=Identity.NETWORK)
PATHS: Final = (
    "/",
    "/?site=school",
    "/?site=school&period=today",
    "/?site=school&period=2026-11-20..2026-11-20&metric=bounce_rate",
    "/?site=school&filter=page:/rooster&filter=source:Google",
    "/?site=quiet",
    "/first-steps",
    "/first-steps/school",
    "/?metric=none",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a school and a quiet site on loopback."""
    house = House(tmp_path_factory.mktemp("house"), ManualClock(), sites=(SCHOOL, QUIET))
    house.close_days(list(school_days(TODAY - timedelta(1), 56)), drops={"bot": 340})
    house.run_today(*morning())
    house.close_days([(TODAY - timedelta(n), []) for n in range(1, 29)], site=QUIET)
    server = uvicorn.Server(uvicorn.Config(house.app(), port=0, log_level="error", proxy_headers=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    ends_at = time.monotonic() + START_SECONDS_MAX
    while not server.started and time.monotonic() < ends_at:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    house.history.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Launch Chromium once for all pages."""
    with open_browser(host_rules="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as opened_browser:
        yield opened_browser


@pytest.fixture
def complaints() -> list[str]:
    """Gather what the browser complains about."""
    return []


def opened(browser: Browser, complaints: list[str], **options: Any) -> Page:
    """Open a tab that writes down every error, refusal of the policy and failed request."""
    page = open_context(browser, **options).new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    return page


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("language", "scheme", "width"), [("nl", "light", 1440), ("en", "dark", 390)])
def test_a_page_has_no_barrier(
    browser: Browser, address: str, complaints: list[str], path: str, language: str, scheme: str, width: int
) -> None:
    """The checker axe finds no violation, nothing is wider than the screen, and the policy refuses nothing."""
    page = opened(browser, complaints, color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(f"{address}{path}{'&' if '?' in path else '?'}lang={language}")
    for part in page.locator("details").all():
        part.evaluate("part => { part.open = true }")
    found = Axe().run(page)
    assert found.response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("html").get_attribute("lang") == language
    assert [text for text in complaints if "status of 400" not in text] == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_overview_has_no_barrier_the_other_way_round(
    browser: Browser, address: str, complaints: list[str], scheme: str
) -> None:
    """The overview passes on a narrow light and on a wide dark screen too."""
    width = 390 if scheme == "light" else 1440
    page = opened(browser, complaints, color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(f"{address}/?site=school&lang={'nl' if scheme == 'dark' else 'en'}")
    assert Axe().run(page).response["violations"] == []
    page.context.close()


def test_everything_works_without_scripts(browser: Browser, address: str, complaints: list[str]) -> None:
    """Without scripts figures switch the chart, rows filter, tabs and periods work, and a table tells the chart."""
    page = opened(browser, complaints, java_script_enabled=False)
    page.goto(f"{address}/?site=school&lang=en")
    page.get_by_role("link", name="Pageviews").first.click()
    assert page.get_by_role("heading", name="Pageviews per day").is_visible()
    page.get_by_role("link", name="Browser", exact=True).click()
    page.get_by_role("link", name="/rooster", exact=True).click()
    assert page.locator(".chip bdi").inner_text() == "/rooster"
    assert page.get_by_role("row", name="Chrome").is_visible()
    page.locator("#pick summary").click()
    page.get_by_label("from").fill("2026-11-02")
    page.get_by_label("to", exact=True).fill("2026-11-08")
    page.get_by_role("button", name="Show").click()
    assert "2 Nov – 8 Nov 2026" in page.locator(".head").inner_text()
    assert page.locator(".chip bdi").inner_text() == "/rooster"
    page.get_by_text("Figures as a table").click()
    assert page.locator(".scroll tbody tr").count() == 7
    assert complaints == []
    page.context.close()


def test_parts_change_without_a_new_page(browser: Browser, address: str, complaints: list[str]) -> None:
    """With scripts a figure changes the chart in place, the address follows, and going back goes back."""
    page = opened(browser, complaints)
    page.goto(f"{address}/?site=school&lang=en")
    page.evaluate("window.isSamePage = true")
    page.get_by_role("link", name="Bounce rate").click()
    page.get_by_role("heading", name="Bounce rate per day").wait_for()
    assert "metric=bounce_rate" in page.url
    assert page.evaluate("document.activeElement.textContent").strip().startswith("Bounce rate")
    page.go_back()
    page.get_by_role("heading", name="Visitors per day").wait_for()
    assert page.evaluate("window.isSamePage")
    assert complaints == []
    page.context.close()


def test_a_chart_is_read_by_keyboard(browser: Browser, address: str, complaints: list[str]) -> None:
    """Arrow keys name one day at a time, with its figure and that of the period before, as the table has them."""
    page = opened(browser, complaints)
    page.goto(f"{address}/?site=school&lang=nl")
    page.locator(".plot").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    cells = page.locator(".scroll tbody tr").nth(1).locator("th, td").all_text_contents()
    day, visitors, before = (cell.strip() for cell in cells)
    assert page.locator(".reading").inner_text() == f"{day}, bezoekers {visitors}, vorige periode {before}"
    page.keyboard.press("End")
    assert "tot nu toe" in page.locator(".reading").inner_text()
    page.context.close()


def test_the_first_page_is_small(browser: Browser, address: str, complaints: list[str]) -> None:
    """The first page takes at most five requests and 15 KB, all from the house itself."""
    page = opened(browser, complaints)
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    page.on("response", note)
    page.goto(f"{address}/?site=school", wait_until="networkidle")
    sizes = [answer.request.sizes() for answer in answers]
    assert len(answers) <= 5
    assert sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes) <= 15_000
    assert {urlsplit(answer.url).netloc for answer in answers} == {urlsplit(address).netloc}
    page.context.close()


def test_paper_shows_figures_and_no_controls(browser: Browser, address: str, complaints: list[str]) -> None:
    """On paper the figures, the chart and the panels are there and what can only be clicked is not."""
    page = opened(browser, complaints)
    page.goto(f"{address}/?site=school&lang=en")
    page.emulate_media(media="print")
    assert page.locator(".chart").is_visible()
    assert page.locator(".bars").first.is_visible()
    assert not page.locator(".controls").is_visible()
    assert not page.locator(".exports").first.is_visible()
    page.context.close()


def test_the_trial_event_shows_what_the_collector_says(browser: Browser, address: str, complaints: list[str]) -> None:
    """The first-steps page sends a trial event to the collector and shows its answer: received, nothing stored."""
    page = opened(browser, complaints)
    sent: list[str] = []

    def answer(route: Route) -> None:
        sent.append(route.request.post_data or "")
        route.fulfill(json={"page": "/"})

    page.route("**/event?debug=1", answer)
    page.goto(f"{address}/first-steps/school?lang=en")
    page.get_by_role("button", name="Send a trial event").click()
    page.get_by_text("Received, nothing stored:").wait_for()
    assert '"page": "/"' in page.locator("output").inner_text()
    assert '"u":"https://www.school.example/"' in sent[0]
    assert complaints == []
    page.context.close()
