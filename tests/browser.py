"""Drive a real Chromium, cut off from everything but this machine."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

#: Real host names on loopback; a request to anywhere else fails, which proves that nothing leaves.
HOST_RULES: Final = "MAP *.school.example 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE localhost,EXCLUDE 127.0.0.1"
#: A pupil's browser; the headless one would say that it is headless.
USER_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)


def find_chromium() -> str:
    """Return the path of the machine's Chromium; skip the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no chromium on this machine")
    return found


@contextmanager
def open_browser(*, host_rules: str = HOST_RULES) -> Iterator[Browser]:
    """Launch Chromium without the flag that tells pages of automation, and end it afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=[
                "--no-sandbox",
                f"--host-resolver-rules={host_rules}",
                "--disable-blink-features=AutomationControlled",
                # A context's own user agent is not sent with what a page reports while it is left.
                f"--user-agent={USER_AGENT}",
            ],
            # Left as users have it: going back is a return from the back/forward cache, which fires no load event;
            # hence `page.go_back(wait_until="commit")`.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        try:
            yield browser
        finally:
            browser.close()


def open_context(browser: Browser, *, user_agent: str = USER_AGENT, **options: Any) -> BrowserContext:
    """Open a fresh profile: its own cookies and storage, in Dutch, in Amsterdam.

    Args:
        browser: From `open_browser`.
        user_agent: What it says it is.
        options: More of `Browser.new_context`, e.g. `extra_http_headers`, `viewport`.
    """
    return browser.new_context(user_agent=user_agent, locale="nl-NL", timezone_id="Europe/Amsterdam", **options)


@contextmanager
def open_quiet_page(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a tab of its own profile, and fail on any message in its console, such as a breach of the page's policy.

    Args:
        browser: From `open_browser`.
        options: Of `Browser.new_context`.
    """
    context = browser.new_context(**options)
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    yield tab
    context.close()
    assert said == []
