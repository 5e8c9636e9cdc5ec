"""See in a real browser what the tracker touches (R10), what travels along (R11), and whether one click stops it (R42).

A browser of the machine is started by its command line, in a profile of its own, and can reach nothing but loopback.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

from collector.audit.finding import Result, Seen
from collector.audit.folders import own_folder
from collector.audit.pages import COOKIE, DOMAIN, LAST_PAGE, SCHOOL, SchoolPages
from collector.audit.scratch import BROWSER, ScratchHouse, scratch_house
from collector.model import Site
from collector.script import SWITCHED_PARTS
from collector.settings import Privacy

#: Requirements that are seen here.
BROWSER_CHECKS: Final = frozenset({"R10", "R11", "R42"})
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_SECONDS_MAX: Final = 30
_LOOK_SECONDS: Final = 0.05
NO_BROWSER: Final = "No browser was found: install Chromium (chromium or google-chrome on the PATH) and audit again."
NO_PAGE: Final = "The browser does not start here: run `turven audit R10 R11 R42` in a shell of this machine."
_SITE: Final = "browser"
_NUMBER: Final = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d{2} \d{4} 0\.\d{5,20}")
_NO_NUMBER: Final = re.compile("")
_WORD: Final = re.compile(rb"[A-Za-z_$][\w$]{2,}")

#: All that the tracker may touch with every part switched on; written apart from the collector's and the tests' lists.
#: docs/guides/tracker.md says what each is for.
MAY_TOUCH: Final = frozenset(
    {
        # The visitor's wish, and whether a program drives the browser.
        "Navigator.globalPrivacyControl", "Navigator.doNotTrack", "Navigator.webdriver", "window.navigator",
        # Where it stands, and what it is part of.
        "Document.currentScript", "HTMLElement.dataset", "window.frameElement", "window.history", "window.performance",
        # What is sent.
        "Document.referrer", "Document.hidden", "Document.documentElement", "Navigator.maxTouchPoints",
        "Performance.navigation", "PerformanceNavigation.type", "Performance.now", "Element.scrollHeight",
        "window.innerWidth", "window.innerHeight", "window.scrollY", "window.fetch",
        # What it hooks into.
        "window.addEventListener", "History.pushState", "History.replaceState", "Element.closest",
        # What it keeps.
        "localStorage.turven", f"localStorage.turven:{_SITE}", f"localStorage.turven:{_SITE} =",
    }
)  # fmt: skip
#: Touched in any case: where these were not seen, the traps did not work.
MUST_TOUCH: Final = frozenset({"Document.referrer", "Navigator.maxTouchPoints", "localStorage.turven", "window.fetch"})
#: Every word of three letters and more that may stand in the script as it is served.
MAY_SAY: Final = frozenset(
    b"Date Download JSON Math Outbound POST URL addEventListener apply body catch click closest credentials "
    b"currentScript data dataset delete doNotTrack document documentElement docx else endpoint engagement event exec "
    b"fetch frameElement globalPrivacyControl hash hidden history host includes innerHeight innerWidth keepalive let "
    b"local localStorage localhost location map max maxTouchPoints method min navigation navigator new now off omit "
    b"optIn optOut origin pagehide pageshow pageview pathname pdf performance persisted popstate pptx push pushState "
    b"random referrer referrerPolicy replace replaceState scroll scrollHeight scrollY site slice splice split src "
    b"stringify target test try turven type visibilitychange webdriver window xlsx zip".split()
)


def find_browser() -> str | None:
    """Return a browser of this machine."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def check_browser(privacy: Privacy, *, browser: str | None) -> dict[str, Seen]:
    """Answer R10, R11 and R42 by one walk of a browser through pages of a made-up school.

    Args:
        privacy: The settings under audit.
        browser: Path of its program; without one only the script's words are read.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with scratch_house(privacy) as house:
        site = add_school(house)
        return look(house, site, browser=browser)


def add_school(house: ScratchHouse) -> Site:
    """Take the made-up school into a house, with every part of the tracker that a site can switch on."""
    house.add_site(_SITE, hosts=[SCHOOL], identity="browser", scripts=sorted(SWITCHED_PARTS))
    return next(one for one in house.sites() if one.id == _SITE)


def look(
    house: ScratchHouse, site: Site, *, browser: str | None, tamper: Callable[[bytes], bytes] = lambda script: script
) -> dict[str, Seen]:
    """Show a browser the pages of *site*, and judge what it did.

    *tamper* changes the script on its way to the browser, for who wants to see a check fail.
    """
    words = _check_words(tamper(house.request("GET", f"/turven.js?s={_SITE}")[2]))
    if browser is None:
        return _without_browser(house, words, reason=NO_BROWSER)
    pages = SchoolPages(house, site, tamper=tamper)
    with pages.serving():
        said = _walk(browser, pages)
    if not pages.pages:
        # A unit that forbids memory to be written and run, as deploy/turven.service does, lets no browser start.
        return _without_browser(house, words, reason=f"{NO_PAGE} ({said})")
    if LAST_PAGE not in pages.seen:
        failed = {"reason": f"The browser did not come to the end of its walk ({said}).", "pages": len(pages.seen)}
        return dict.fromkeys(sorted(BROWSER_CHECKS), Seen.that(False, **failed, **words))
    return {"R10": _touched(pages, words), "R11": _travels(pages, house), "R42": _stops(pages)}


def _walk(browser: str, pages: SchoolPages) -> str:
    """Show the browser the first page, from which it goes on by itself to the last; return how it ended."""
    with own_folder() as profile:
        return _show(browser, pages, profile=profile)


def _show(browser: str, pages: SchoolPages, *, profile: Path) -> str:
    command = [
        browser,
        "--headless=new", f"--user-data-dir={profile}",
        f"--host-resolver-rules=MAP *.{DOMAIN} 127.0.0.1,MAP * ~NOTFOUND", f"--user-agent={BROWSER.format(major=153)}",
        # A browser of a visitor, not of a test: it does not say that a program drives it.
        "--disable-blink-features=AutomationControlled",
        "--no-first-run", "--no-default-browser-check", "--no-proxy-server", "--disable-gpu", "--disable-extensions",
        "--disable-component-update", "--disable-background-networking", "--disable-sync", "--disable-crash-reporter",
    ]  # fmt: skip
    if os.geteuid() == 0:
        # Chromium refuses to build its sandbox as root; the pages are our own.
        command.append("--no-sandbox")
    process = subprocess.Popen(  # noqa: S603 - a browser, and pages of ours
        [*command, pages.first],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(profile), "XDG_CONFIG_HOME": str(profile), "XDG_CACHE_HOME": str(profile)},
        start_new_session=True,
    )
    ends_at = monotonic() + BROWSER_SECONDS_MAX
    try:
        while not pages.ended.wait(_LOOK_SECONDS):
            if process.poll() is not None:
                return f"exit {process.returncode}"
            if monotonic() > ends_at:
                return "out of time"
        return "all pages shown"
    finally:
        # It has processes of its own, all of the session that was begun for it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(BROWSER_SECONDS_MAX)


def _check_words(script: bytes) -> dict[str, Any]:
    """Compare the words of the served script with the list; a name that is put together at run time is not seen."""
    unknown = sorted({word.decode() for word in _WORD.findall(script)} - {word.decode() for word in MAY_SAY})
    return {
        "bytes_of_script": len(script),
        "words_beside_the_list": unknown,
        "makes_a_number": b"Math.random" in script,
    }


def _without_browser(house: ScratchHouse, words: Mapping[str, Any], *, reason: str) -> dict[str, Seen]:
    holds = not words["words_beside_the_list"]
    etags = _etags(house)
    seen = {"R10": holds, "R11": holds and len(etags) == 1, "R42": holds}
    # What could be read of it may fail, and is no pass: nobody looked at what the script does.
    return {
        number: Seen(
            Result.NOT_APPLICABLE if one else Result.FAIL, {"reason": reason, "script_etags": len(etags), **words}
        )
        for number, one in seen.items()
    }


def _touched(pages: SchoolPages, words: Mapping[str, Any]) -> Seen:
    """R10: what was touched and kept is on the list, and the traps worked."""
    seen = pages.seen["touch"]
    touched, stored = set(seen["touched"]), dict(seen["stored"])
    number = stored.pop(f"turven:{_SITE}", "")
    beside = sorted(touched - MAY_TOUCH)
    # A house that allows identity network only serves a script that makes no number.
    form = _NUMBER if words["makes_a_number"] else _NO_NUMBER
    kept_well = not stored and bool(form.fullmatch(number)) and not seen["session"]
    cookies_ours = seen["cookie"] == f"{COOKIE}=of-the-domain"
    return Seen.that(
        not beside and touched >= MUST_TOUCH and kept_well and cookies_ours and not words["words_beside_the_list"],
        touched=sorted(touched),
        touched_beside_the_list=beside,
        traps_worked=touched >= MUST_TOUCH,
        kept_on_the_device=["one number until midnight"] if number else [],
        kept_beside_the_list=sorted(stored),
        cookies_set=not cookies_ours,
        **words,
    )


def _travels(pages: SchoolPages, house: ScratchHouse) -> Seen:
    """R11: no cookie and no page address reaches the house, and nothing to know a browser by comes back."""
    passed = pages.passed
    cookies = sum("cookie" in one.headers for one in passed)
    referrers = sum("referer" in one.headers for one in passed)
    set_cookies = sum("set-cookie" in one.answered for one in passed)
    etags = _etags(house) | {one.answered["etag"] for one in passed if "etag" in one.answered}
    scripts = sum(one.method == "GET" for one in passed)
    events = sum(one.method == "POST" for one in passed)
    # The school's own pages got the cookie back: there was one that could have come along.
    had_cookie = any(COOKIE in cookie for cookie in pages.pages)
    return Seen.that(
        cookies == referrers == set_cookies == 0 and len(etags) == 1 and bool(scripts and events) and had_cookie,
        scripts_asked_for=scripts,
        events_sent=events,
        with_a_cookie=cookies,
        with_a_page_address=referrers,
        cookies_set_by_the_house=set_cookies,
        script_etags=len(etags),
        own_pages_had_a_cookie=had_cookie,
    )


def _stops(pages: SchoolPages) -> Seen:
    """R42: after one click, on a page and on the public page, nothing is sent and a flag without a number is kept."""
    events = [one.event for one in pages.passed if one.method == "POST"]
    counted = [event for event in events if str(event.get("u", "")).endswith("/click")]
    # What a page sends while it is left would come after the click; the view itself came before.
    before = [event for event in counted if event.get("n") == "pageview"]
    after = [event for event in events if "/after" in str(event.get("u", ""))] + counted[len(before[:1]) :]
    flags = {page: pages.seen[page]["stored"] for page in ("click", "after", "public", "end")}
    return Seen.that(
        not after and len(before) == 1 and all(flag == {"turven": "off"} for flag in flags.values()),
        views_before_the_click=len(before),
        sent_after_the_click=len(after),
        kept_on_the_device=sorted({name for flag in flags.values() for name in flag}),
        clicks={"on a page": bool(flags["click"]), "on the public page": bool(flags["public"])},
    )


def _etags(house: ScratchHouse) -> set[str]:
    """Return the tags under which two strangers get the script."""
    strangers = ({"User-Agent": BROWSER.format(major=150), "Cookie": "a=1"}, {"User-Agent": "b", "Accept": "*/*"})
    path = f"/turven.js?s={_SITE}"
    answers = [house.request("GET", path, headers=dict(headers))[1] for headers in strangers]
    return {answered.get("etag", "") for answered in answers}
