"""The auditor's page in a real browser: on a screen, on a phone, by keyboard, without scripts and on paper."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette

from collector.audit.report import Report
from dashboard import audit_page
from dashboard.frame import Frame
from dashboard.house import AuditRun
from tests.browser import open_browser, open_quiet_page
from tests.clock import ManualClock
from tests.dashboard.auditing import AT, FixedAuditing, live_of, log, report
from tests.dashboard.house import SCHOOL, TODAY, House, school_days

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LONG: Final = "Stichting voor Christelijk en Interconfessioneel Voortgezet Onderwijs in Midden-Groningen en Omstreken"
#: Of axe's findings only those that are wrong: it looks twice as fast.
VIOLATIONS: Final = {"resultTypes": ["violations"]}
A4: Final = (595, 842)
#: Places whose text is cut off: more in them than they show. What scrolls in a box of its own may be wider.
CUT: Final = """() => [...document.querySelectorAll('main *')].filter((part) => {
  const style = getComputedStyle(part);
  return part.clientWidth > 1 && part.scrollWidth > part.clientWidth + 1 && style.overflowX !== 'auto'
    && style.display !== 'inline' && !part.closest('.far, svg');
}).map((part) => `${part.tagName}.${part.className} ${part.textContent.trim().slice(0, 60)}`)"""


class Served:
    """Serve the auditor's page of twelve schools; a test says which state it is in."""

    def __init__(self, folder: Path) -> None:
        history = House(folder, ManualClock(), sites=(SCHOOL,))
        history.close_days(list(school_days(TODAY - timedelta(1), 7)), drops={"bot": 340, "refused:user_id": 40})
        others = [msgspec.structs.replace(SCHOOL, id=f"school-met-een-lange-naam-{n}") for n in range(11)]
        named = [msgspec.structs.replace(one, controller=LONG) for one in others]
        log(history, [SCHOOL, *named])
        self.history = history
        self.full = report(history)
        self.failed = report(history, failing=("R21", "R41"))
        self.live = live = live_of(history)
        self.auditing = FixedAuditing(history, live=lambda: live)
        routes = audit_page.routes(auditing=self.auditing, frame=Frame(""), refresh_seconds=0.1)
        config = uvicorn.Config(
            Starlette(routes=[*routes, *history.app().routes]), port=0, log_config=None, access_log=False
        )
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
        self.history.history.close()

    def url(self, path: str) -> str:
        """Return an address of this server."""
        return f"http://127.0.0.1:{self.port}{path}"


def only_school(whole: Report) -> Report:
    """Return a report with the settings and the register of one school: eleven more say nothing new to axe."""
    facts = whole.facts
    return msgspec.structs.replace(
        whole,
        facts=msgspec.structs.replace(
            facts,
            settings=[line for line in facts.settings if line.site in ("", "school")],
            register=facts.register[:2],
            changes=facts.changes[:3],
        ),
    )


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve for the whole module."""
    served = Served(tmp_path_factory.mktemp("audit"))
    served.start()
    yield served
    served.stop()


@pytest.fixture
def served(serving: Served) -> Served:
    """Begin each test with a full check in which all holds."""
    serving.auditing.reports = {"full": serving.full}
    serving.auditing.now = None
    serving.auditing.marks.clear()
    return serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a tab that fails the test on any message in the console, such as a breach of the policy."""
    with open_quiet_page(browser, locale="nl-NL", viewport={"width": 1440, "height": 1000}) as tab:
        yield tab


@pytest.mark.parametrize("width", [390, 1440])
def test_twelve_schools_with_long_names_fit(served: Served, page: Page, width: int) -> None:
    """With twelve schools of long names and all unfolded, nothing is wider than the screen, and no text is cut off."""
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(served.url("/audit?view=open"))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT) == []


def test_everybody_can_read_it_unfolded(served: Served, page: Page) -> None:
    """With checks that fail and all unfolded, axe finds nothing, in light and in dark."""
    served.auditing.reports = {"full": only_school(served.failed)}
    page.goto(served.url("/audit?view=open&report=full"))
    found = Axe().run(page, options=VIOLATIONS)
    assert found.violations_count == 0, found.generate_report()
    # Only colours are other ones in the dark, and the same ones folded.
    page.emulate_media(color_scheme="dark")
    page.goto(served.url("/audit?report=full"))
    found = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(
    ("path", "state"), [("/audit?lang=en", "running"), ("/audit?lang=nl", "none"), ("/audit?lang=nl", "mark")]
)
def test_a_phone_shows_every_state(served: Served, page: Page, *, path: str, state: str) -> None:
    """On a phone nothing is wider than the screen, and axe finds nothing: before, during and after a check."""
    if state == "none":
        served.auditing.reports = {}
    if state == "running":
        served.auditing.now = AuditRun(started_at=AT, seconds=4, is_running=True)
    if state == "mark":
        long = "eenheellangmerkteken" * 3
        served.auditing.now = AuditRun(started_at=AT, seconds=80, is_running=False, mark=long, mark_sha256="0a" * 32)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(served.url(path))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CUT) == []
    found = Axe().run(page, options=VIOLATIONS)
    assert found.violations_count == 0, found.generate_report()


def test_two_checks_side_by_side_can_be_read(served: Served, page: Page) -> None:
    """The page of differences is as accessible, and is reached from the list of checks that were kept."""
    served.auditing.reports = {"full": served.full, "old": served.failed}
    page.goto(served.url("/audit?lang=en"))
    page.get_by_label("Compare", exact=True).select_option("old")
    page.get_by_label("with", exact=True).select_option("full")
    page.get_by_role("button", name="Show what differs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What differs between two checks")
    assert "lang=en" in page.url
    found = Axe().run(page, options=VIOLATIONS)
    assert found.violations_count == 0, found.generate_report()


def test_a_paper_opens_in_its_own_style(served: Served, page: Page) -> None:
    """A paper that is opened from the page is dressed: its policy lets its own style through, and says nothing."""
    page.goto(served.url("/audit/papers/summary?site=school&lang=nl"))
    assert page.evaluate("() => document.styleSheets.length") == 1
    assert page.evaluate("() => getComputedStyle(document.body).fontFamily") != '"Times New Roman"'


def test_a_check_is_opened_by_keyboard(served: Served, page: Page) -> None:
    """From the verdict a theme is one key away, and a check opens and closes with Enter."""
    page.goto(served.url("/audit?lang=en"))
    page.get_by_role("link", name=re.compile("^Small groups")).press("Enter")
    expect(page).to_have_url(re.compile("#theme-4$"))
    summary = page.locator("#R21 > summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#R21")).to_have_attribute("open", "")
    page.keyboard.press("Enter")
    expect(page.locator("#R21")).not_to_have_attribute("open", "")


def test_a_check_tells_how_far_it_is_and_shows_its_result(served: Served, page: Page) -> None:
    """With scripts the page keeps telling what goes on and turns into the result by itself, without a new page."""
    served.auditing.reports = {}
    served.auditing.now = AuditRun(started_at=AT, seconds=4, is_running=True)
    page.goto(served.url("/audit?lang=en"))
    page.evaluate("() => { window.same = true; }")
    told = page.locator("[data-told]").first
    expect(told).to_have_text("The check begins.")
    served.auditing.now = AuditRun(started_at=AT, seconds=30, is_running=True, doing="Attacking what is kept …")
    expect(told).to_have_text("Trying to find small groups in what is kept")
    served.auditing.reports = {"full": served.full}
    served.auditing.now = AuditRun(started_at=AT, seconds=70, is_running=False)
    expect(page.get_by_role("heading", name="All 51 checks hold.")).to_be_visible()
    assert page.evaluate("() => window.same") is True


def test_everything_works_without_scripts(served: Served, browser: Browser) -> None:
    """Without scripts the button starts a check with the auditor's mark, and the page of a running check reloads."""
    context = browser.new_context(java_script_enabled=False, locale="nl-NL")
    page = context.new_page()
    page.goto(served.url("/audit?lang=nl"))
    page.get_by_label("Een eigen merkteken").fill("een zin van mij")
    page.get_by_role("button", name="Controleer nu").click()
    assert served.auditing.marks == ["een zin van mij"]
    page.locator("#R14 > summary").click()
    expect(page.locator("#R14 .place").first).to_be_visible()
    served.auditing.now = AuditRun(started_at=AT, seconds=4, is_running=True)
    page.goto(served.url("/audit?lang=nl"))
    served.auditing.now = None
    # The element that reloads the page is there for those without scripts only.
    expect(page.get_by_role("button", name="Controleer nu")).to_be_visible(timeout=10_000)
    context.close()


def test_it_prints_to_a_clean_report(served: Served, page: Page) -> None:
    """On paper: A4, numbered, no buttons, no text cut off; a check that holds is short, or whole where asked."""
    served.auditing.reports = {"full": served.full}
    page.goto(served.url("/audit?lang=nl"))
    page.set_viewport_size({"width": 673, "height": 950})
    page.emulate_media(media="print")
    assert page.evaluate(CUT) == []
    expect(page.locator("#R14 .how")).to_be_visible()
    expect(page.locator("#R14 .place").first).not_to_be_visible()
    expect(page.locator("#R33 .place").first).to_be_visible()
    expect(page.locator(".paper-note")).to_be_visible()
    expect(page.locator(".paper-only")).to_contain_text("Leerling in Beeld BV")
    expect(page.locator(".paper-only")).to_contain_text(served.full.settings_sha256)
    assert page.locator("nav:visible, button:visible, form:visible").count() == 0
    breaks = page.evaluate(
        "() => ['steps', 'settings', 'inventory', 'evidence', 'register'].map("
        "(id) => getComputedStyle(document.getElementById(id)).breakBefore)"
    )
    assert breaks == ["page"] * 5
    assert page.evaluate("() => getComputedStyle(document.querySelector('.rows thead')).display") == (
        "table-header-group"
    )
    short = pages_of(page)
    page.evaluate("() => { document.getElementById('figures-too').checked = true; }")
    expect(page.locator("#R14 .place").first).to_be_visible()
    expect(page.locator(".paper-note")).not_to_be_visible()
    assert short + 5 <= pages_of(page) <= 90


def pages_of(page: Page) -> int:
    """Print a page to A4 and return on how many sheets."""
    printed = page.pdf(prefer_css_page_size=True)
    sizes = {
        tuple(round(float(side)) for side in box.split()[2:])
        for box in re.findall(r"/MediaBox \[([\d. ]+)\]", printed.decode("latin-1"))
    }
    assert sizes == {A4}
    return len(re.findall(rb"/Type /Page\b(?!s)", printed))
