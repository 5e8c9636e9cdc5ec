"""The top of the overview in a real browser: by keyboard, with a pointer, on a telephone, in the dark and on paper."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from collector.model import Outcome, Region
from dashboard.desk import notes
from dashboard.house import Present
from tests.browser import open_browser, open_quiet_page
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, morning, school_days

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

VIOLATIONS: Final = {"resultTypes": ["violations"]}
#: Words of the chart that stand outside of its card.
CUT: Final = """() => {
  const card = document.querySelector('.chart-card').getBoundingClientRect();
  return [...document.querySelectorAll('.chart text')]
    .filter((word) => getComputedStyle(word).display !== 'none')
    .map((word) => [word.textContent, word.getBoundingClientRect()])
    .filter(([, box]) => box.left < card.left || box.right > card.right)
    .map(([text]) => text);
}"""


class Served:
    """Serve ninety days of a school in the north with notes, a day below k and one that was lost."""

    def __init__(self, folder: Path) -> None:
        site = msgspec.structs.replace(SCHOOL, region=Region.NORTH)
        self.house = house = House(folder, ManualClock(), sites=(site,))
        gone = {TODAY - timedelta(9), TODAY - timedelta(20)}
        house.close_days([one for one in school_days(TODAY - timedelta(1), 90) if one[0] not in gone], site=site)
        house.close_day(TODAY - timedelta(20), [], site=site, outcome=Outcome.BELOW_K)
        house.lose(TODAY - timedelta(9), morning()[1], site=site)
        house.run_today(*morning(), site=site)
        at = datetime(2026, 11, 24, 8, tzinfo=UTC)
        for days, text in ((3, "Release 4.2"), (40, "Release 4.1")):
            day = TODAY - timedelta(days)
            notes.write(house.desk, site="school", day=day, text=text, made_by="Anna", at=at, today=TODAY)
        house.present = Present(visitors=20, pageviews=60, at=at)
        config = uvicorn.Config(house.app(), port=0, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        """End."""
        self._server.should_exit = True
        self._thread.join()
        self.house.history.close()

    def url(self, query: str) -> str:
        """Return an address of the overview."""
        return f"http://127.0.0.1:{self.port}/?{query}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve for the whole module."""
    made = Served(tmp_path_factory.mktemp("overview"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Open one browser for the whole module."""
    with open_browser() as opened:
        yield opened


def period(page: Page) -> str:
    """Return which period the address asks for."""
    found = re.search(r"[?&]period=([^&]+)", page.url)
    return found[1] if found else "28d"


def stays(page: Page, asked: str) -> bool:
    """Tell whether the last key asked for nothing; what one asks for is on its way, or there, once it was pressed."""
    return period(page) == asked and not page.evaluate("document.querySelector('main').hasAttribute('aria-busy')")


def test_keys_pick_a_period(browser: Browser, served: Served) -> None:
    """Letters and arrows pick a period, say what is shown, and do nothing in a field, with a modifier or when off."""
    with open_quiet_page(browser) as page:
        page.goto(served.url("lang=en"))
        for key, asked in (("w", "7d"), ("m", "2026-11"), ("ArrowLeft", "2026-10"), ("ArrowRight", "2026-11"),
                           ("s", "2026-2027"), ("y", "2026"), ("D", "2026"), ("d", "today")):  # fmt: skip
            page.keyboard.press(key if key != "D" else "Shift+D")
            page.wait_for_function("asked => (location.search.match(/period=([^&]+)/) ?? [])[1] === asked", arg=asked)
        expect(page.locator("body > [role=status]")).to_contain_text("Tuesday 24 November 2026")
        page.keyboard.press("Control+m")
        assert stays(page, "today")
        page.locator("#pick summary").click()
        page.locator("input[name=from]").press("w")
        assert stays(page, "today")
        page.keyboard.press("Escape")
        page.locator("h1").click()
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keys")
        expect(dialog).to_be_visible()
        dialog.get_by_label("Keys are on").uncheck()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        page.reload()
        page.keyboard.press("w")
        assert stays(page, "today")


def test_the_chart_is_read_by_key(browser: Browser, served: Served) -> None:
    """Arrow keys in the chart read day, figure, figure before, and the note or holiday; the period stays."""
    with open_quiet_page(browser) as page:
        page.goto(served.url("period=28d&lang=nl"))
        page.locator(".plot").focus()
        page.keyboard.press("End")
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        expect(page.locator(".reading")).to_have_text(
            re.compile(r"^za 21 nov, bezoekers \d+, vorige periode \d+, Release 4\.2$")
        )
        page.keyboard.press("Home")
        expect(page.locator(".reading")).to_have_text(re.compile(r"^di 27 okt, bezoekers \d+, vorige periode \d+$"))
        assert period(page) == "28d"


@pytest.mark.parametrize(
    ("scheme", "width", "query"), [("light", 1440, "period=90d&lang=en"), ("dark", 390, "period=90d&lang=nl")]
)
def test_the_top_is_in_order(browser: Browser, served: Served, scheme: str, width: int, query: str) -> None:
    """Wide and narrow, light and dark: axe finds nothing, nothing is cut off, and the page does not scroll sideways."""
    with open_quiet_page(browser, color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
        page.goto(served.url(query))
        assert page.evaluate(CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("#pick summary").click()
        page.locator("#note-form summary").click()
        page.locator(".chart-card .data").last.locator("summary").first.click()
        found = Axe().run(page, context={"include": [[".head"], [".chart-card"]]}, options=VIOLATIONS)
        assert found.response["violations"] == [], found.generate_report()


def test_without_scripts_everything_is_a_link_or_a_form(browser: Browser, served: Served) -> None:
    """Without scripts a period is picked, a note written, seen and removed; what needs a script is not shown."""
    with open_quiet_page(browser, java_script_enabled=False) as page:
        page.goto(served.url("lang=en"))
        expect(page.locator("[data-keys]")).to_be_hidden()
        page.get_by_role("link", name="earlier").click()
        assert period(page) == "2026-09-29..2026-10-26"
        page.locator("#pick summary").click()
        page.locator("input[name=from]").fill("2026-11-01")
        page.locator("input[name=to]").fill("2026-11-10")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("h1 + p")).to_contain_text("1 Nov – 10 Nov 2026")
        page.locator("#note-form summary").click()
        page.get_by_label("Note").fill("Open evening")
        page.get_by_role("button", name="Keep").click()
        mark = page.locator(".marks li", has_text="Open evening")
        expect(mark).to_contain_text("Tue 10 Nov")
        mark.get_by_role("button").click()
        expect(page.locator(".marks li", has_text="Open evening")).to_have_count(0)


def test_it_prints_without_what_paper_cannot_do(browser: Browser, served: Served) -> None:
    """On paper stand figures, chart and what happened; controls and forms do not."""
    with open_quiet_page(browser) as page:
        page.goto(served.url("period=90d&lang=en"))
        page.emulate_media(media="print")
        for shown in (".chart", ".signs", ".marks li"):
            expect(page.locator(shown).first).to_be_visible()
        for hidden in (".controls", "#note-form", ".plain"):
            expect(page.locator(hidden).first).to_be_hidden()
