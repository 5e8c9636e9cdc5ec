"""Take docs/screenshots: a demo house of five weeks, its pages in a real browser, always at the same moment.

python -m bench.screenshots [FOLDER]     the committed ones, or every page in every dress into FOLDER
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from os import urandom
from pathlib import Path
from threading import Thread
from typing import Final, Literal, NamedTuple

import msgspec
import uvicorn
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from collector.audit.shelf import Shelf
from collector.backfill import Backfill
from collector.clock import day_starts_at
from collector.demo.run import run_demo
from collector.demo.school import SITE
from collector.demo.weeks import ADDRESS, CDN
from collector.edge.raw import RawRequest
from collector.house import House
from collector.model import Origin, Site
from collector.settings import CONFIG_NAME, Public, Server, Settings
from turven.auditing import Auditing, audit_command
from turven.compose import compose

FOLDER: Final = Path(__file__).parents[1] / "docs" / "screenshots"
#: Twenty minutes to two on a Tuesday in Amsterdam, whenever the pictures are taken.
NOW: Final = datetime(2026, 11, 24, 12, 40, tzinfo=UTC)
TODAY: Final = date(2026, 11, 24)
DAYS: Final = 57
SHARE: Final = 0.5
WIDTHS: Final[dict[str, ViewportSize]] = {
    "wide": {"width": 1440, "height": 1100},
    "phone": {"width": 390, "height": 844},
}
AGENT: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
FILE_BYTES_MAX: Final = 150_000
QUALITIES: Final = (82, 74, 66, 58, 48, 38)
PAGE_HEIGHT_MAX: Final = 4_200

Theme = Literal["light", "dark"]


class Shot(NamedTuple):
    """Say which page is taken, and how."""

    name: str
    path: str
    width: str = "wide"
    theme: Theme = "light"
    is_whole: bool = False
    is_echoed: bool = False


OVERVIEW: Final = f"/?site={SITE.id}&lang="
SMALL: Final = msgspec.structs.replace(
    SITE, id="dorpsschool", hosts=("dorpsschool.example",), controller="Dorpsschool (simulated)"
)
COMMITTED: Final = (
    Shot("overview", f"{OVERVIEW}en"),
    Shot("overview-dark", f"{OVERVIEW}nl", theme="dark"),
    Shot("overview-phone", f"{OVERVIEW}nl", width="phone", is_whole=True),
    Shot("today", f"{OVERVIEW}en&period=today"),
    Shot("filtered", f"{OVERVIEW}en&filter=page:/rooster"),
    Shot("small-site", f"/?site={SMALL.id}&lang=en"),
    Shot("sites-phone", "/?lang=nl", width="phone"),
    Shot("first-steps", "/first-steps?lang=en", is_whole=True),
    Shot("first-event", f"/first-steps/{SITE.id}?lang=en", is_whole=True, is_echoed=True),
    Shot("audit", "/audit?lang=nl"),
    Shot("audit-phone", "/audit?lang=en", width="phone", theme="dark"),
    Shot("privacy", f"/privacy?site={SITE.id}&lang=nl"),
    Shot("privacy-pupils-phone", f"/privacy?site={SITE.id}&lang=nl-pupils", width="phone", theme="dark"),
)
PAGES: Final = {
    "overview": OVERVIEW,
    "today": f"/?site={SITE.id}&period=today&lang=",
    "filtered": f"/?site={SITE.id}&filter=page:/rooster&lang=",
    "two-filters": f"/?site={SITE.id}&filter=page:/rooster&filter=device:Phone&lang=",
    "long": f"/?site={SITE.id}&period=90d&lang=",
    "small": f"/?site={SMALL.id}&lang=",
    "sites": "/?lang=",
    "both": f"/?site={SITE.id}&site={SMALL.id}&lang=",
    "first": "/first-steps?lang=",
    "added": f"/first-steps/{SITE.id}?lang=",
    "audit": "/audit?lang=",
    "audit-unfolded": "/audit?view=open&lang=",
    "privacy": f"/privacy?site={SITE.id}&lang=",
    "nothing": "/?site=nobody&lang=",
}


class MovedClock:
    """Tell the time as if the pictures were taken at `NOW`."""

    def __init__(self) -> None:
        self._by = NOW - datetime.now(UTC)

    def now(self) -> datetime:
        """Return the instant as aware UTC."""
        return datetime.now(UTC) + self._by


def every_shot() -> Iterator[Shot]:
    """Yield each page in each width, theme and language."""
    for name, path in PAGES.items():
        for width in WIDTHS:
            for theme, language in (("light", "nl"), ("dark", "en")):
                yield Shot(f"{name}-{width}-{language}", path + language, width, theme, is_whole=True)  # type: ignore[arg-type]


def add_small_school(house: House, clock: MovedClock) -> None:
    """Take in a second site, to which eight people come a day."""
    house.engine.sites.add(SMALL, made_by="demo", reason="a small school", at=clock.now())
    backfill = Backfill(house.engine, clock=clock, random=urandom)
    for back in range(28, 0, -1):
        day = TODAY - timedelta(back)
        backfill.day(SMALL, day, _eight_visitors(SMALL, day), origin=Origin.TRACKER)
    backfill.finish()


def add_check(auditing: Auditing, shelf: Shelf) -> None:
    """Have the house audited as its page does it, and date the report as the pictures are dated."""
    auditing.start("")
    while (run := auditing.run()) and run.is_running:
        time.sleep(1)
    name = shelf.kept()[0].name
    made, at = shelf.load(name), NOW.isoformat(timespec="seconds")
    (shelf.folder / name).unlink()
    dated = [msgspec.structs.replace(finding, at=at) for finding in made.findings]
    shelf.keep(msgspec.structs.replace(made, at=at, findings=dated))


def _eight_visitors(site: Site, day: date) -> list[tuple[int, RawRequest]]:
    noon = int(day_starts_at(day, site.timezone).timestamp()) + 12 * 3_600
    body = '{{"s":"{}","n":"pageview","u":"https://{}/","i":"0.{}"}}'
    return [
        (
            noon + number,
            RawRequest(
                peer=CDN,
                forwarded=ADDRESS,
                user_agent=AGENT,
                body=body.format(site.id, site.hosts[0], 4711471147 + number).encode(),
            ),
        )
        for number in range(8)
    ]


@contextmanager
def serving(settings: Settings, clock: MovedClock) -> Iterator[str]:
    """Serve the demo's house until the block ends; yield its address."""
    house = House(settings, clock=clock)
    add_small_school(house, clock)
    shelf, command = Shelf(settings.data_dir), audit_command(settings.data_dir / CONFIG_NAME)
    auditing = Auditing(house, shelf=shelf, command=command, clock=clock)
    app = compose(house, clock=clock, auditing=auditing)
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.05)
    try:
        add_check(auditing, shelf)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def take(browser: Browser, base: str, shots: list[Shot], folder: Path) -> None:
    """Take *shots* as JPEG files, each as good as its size allows."""
    folder.mkdir(parents=True, exist_ok=True)
    for shot in shots:
        context = browser.new_context(
            viewport=WIDTHS[shot.width],
            color_scheme=shot.theme,
            locale="en-GB",
            timezone_id="Europe/Amsterdam",
            # The headless browser says what it is, and would be told that it is a bot.
            user_agent=AGENT,
        )
        page = context.new_page()
        page.goto(base + shot.path, wait_until="networkidle")
        if shot.is_echoed:
            page.locator(".echo button").click()
            page.locator(".echo output pre").wait_for()
        file = folder / f"{shot.name}.jpg"
        file.write_bytes(_picture(page, is_whole=shot.is_whole))
        print(f"{file.name} {file.stat().st_size:,} bytes")
        context.close()


def _picture(page: Page, *, is_whole: bool) -> bytes:
    if is_whole:
        size = page.viewport_size or WIDTHS["wide"]
        height = min(int(page.evaluate("document.documentElement.scrollHeight")), PAGE_HEIGHT_MAX)
        page.set_viewport_size({"width": size["width"], "height": height})
    pictures = (page.screenshot(type="jpeg", quality=quality) for quality in QUALITIES)
    return next((picture for picture in pictures if len(picture) <= FILE_BYTES_MAX), b"") or page.screenshot(
        type="jpeg", quality=QUALITIES[-1]
    )


def _taker(clock: MovedClock, shots: list[Shot], folder: Path) -> Callable[[Settings], None]:
    def serve(settings: Settings, /) -> None:
        with serving(settings, clock) as base, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("chromium-browser"), args=["--no-sandbox"]
            )
            take(browser, base, shots, folder)
            browser.close()

    return serve


def main(arguments: list[str]) -> None:
    """Take the committed pictures, or all of them into a folder."""
    clock = MovedClock()
    shots = list(every_shot()) if arguments else list(COMMITTED)
    folder = Path(arguments[0]) if arguments else FOLDER
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(
            data_dir=Path(scratch),
            runtime_dir=str(Path(scratch) / "run"),
            # Nobody listens there: live visitors would change the figures from one picture to the next.
            server=Server(listen="127.0.0.1:9"),
            public=Public(base_url="https://stats.example"),
        )
        run_demo(settings, serve=_taker(clock, shots, folder), clock=clock, say=print, days=DAYS, share=SHARE)


if __name__ == "__main__":
    main(sys.argv[1:])
