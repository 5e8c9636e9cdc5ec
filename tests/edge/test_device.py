"""Browser, system and device are closed lists; a program is not a visitor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.edge.device import (
    AGENT_LENGTH_MAX,
    AGENTS_MAX,
    BROWSERS,
    COLD_MAX,
    COLD_MORE,
    DEVICES,
    SYSTEMS,
    Agents,
)
from collector.edge.gate import Gate
from collector.edge.rates import Rates
from collector.event import Drop, Event, Reason
from collector.settings import Limits, Privacy
from tests.edge.doors import AT, CHROME, SAFARI, SITES, TRUSTED, admit, request

AGENTS = Agents()
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {WEBKIT}"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "classes"),
    [
        (CHROME, "Chrome 156 Windows Desktop"),
        (CHROME + " Edg/156.0.0.0", "Edge 156 Windows Desktop"),
        (CHROME + " OPR/120.0.0.0", "Opera 120 Windows Desktop"),
        (SAFARI, "Safari 26 macOS Desktop"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "Firefox 153 Linux Desktop"),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/156.0.0.0 Safari/537.36",
            "Chrome 156 ChromeOS Desktop",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/153.0.0.0 Mobile Safari/537.36",
            "Chrome 153 Android Phone",
        ),
        (f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/153.0.0.0 Safari/537.36", "Chrome 153 Android Tablet"),
        (
            f"Mozilla/5.0 (Linux; Android 15; SM-S938B) {BLINK} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
            "Samsung Internet 28 Android Phone",
        ),
        (
            f"{IPHONE} Version/26.6.1 Mobile/15E148 Safari/604.1",
            "Safari 26 iOS Phone",
        ),
        (
            f"{IPHONE} CriOS/150.0.0.0 Mobile/15E148 Safari/604.1",
            "Chrome 150 iOS Phone",
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) {WEBKIT} Version/18.7 Mobile/15E148 Safari/604.1",
            "Safari 18 iPadOS Tablet",
        ),
        (
            f"{IPHONE} GSA/439.4.980558000 Mobile/15E148 Safari/604.1",
            "Google App 439 iOS Phone",
        ),
    ],
)
def test_a_browser_is_named_from_closed_lists(agent: str, classes: str) -> None:
    """A common browser has its name, major version, system and device class."""
    found = AGENTS.read(agent, has_touch=False)
    assert f"{found.browser} {found.major} {found.os} {found.device}" == classes
    assert not found.is_bot


def test_a_mac_with_touch_is_an_ipad() -> None:
    """Most iPads say that they are a Mac; the touch bit tells. Touch changes nothing else."""
    found = AGENTS.read(SAFARI, has_touch=True)
    assert (found.browser, found.os, found.device) == ("Safari", "iPadOS", "Tablet")
    assert AGENTS.read(CHROME, has_touch=True).device == "Desktop"


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "LeerlingJanBot/1.0",
        "curl/8.5.0",
        "python-requests/2.32",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        CHROME.replace("Chrome", "HeadlessChrome"),
        "facebookexternalhit/1.1",
    ],
)
def test_a_program_is_a_bot(agent: str) -> None:
    """Crawlers, scripts, headless browsers and those without a user agent are not counted."""
    assert AGENTS.read(agent, has_touch=False).is_bot


agents = st.text(max_size=20).map(lambda words: f"Mozilla/5.0 ({words}) {words}/4711.2 LeerlingJan/1")


@given(st.text(max_size=80) | agents)
def test_nothing_but_the_closed_lists_leaves(agent: str) -> None:
    """Whatever the user agent says, only values of the closed lists and a small number come of it."""
    found = AGENTS.read(agent, has_touch=False)
    assert found.browser in BROWSERS
    assert found.os in SYSTEMS
    assert found.device in DEVICES
    assert found.major == "" or 0 <= int(found.major) <= 999


def test_a_made_up_browser_is_unknown() -> None:
    """A name in the user agent is not stored, whatever the parser makes of it."""
    found = AGENTS.read("Mozilla/5.0 (LeerlingOS; JanPhone 12345678) Jansen/123456782 (school)", has_touch=False)
    assert (found.browser, found.major, found.os, found.device) == ("(unknown)", "", "(unknown)", "(unknown)")


@pytest.mark.parametrize("version", ["1000", "4711", "123456782"])
def test_a_number_that_is_no_version_is_not_kept(version: str) -> None:
    """A major version has at most three digits; a longer number may be somebody's."""
    assert AGENTS.read(CHROME.replace("156.0.0.0", f"{version}.0.0.0"), has_touch=False).major == ""


def test_what_is_remembered_has_a_limit_and_an_end() -> None:
    """User agents are remembered up to a limit of number and length, and forgotten when the day turns."""
    agents = Agents()
    for number in range(AGENTS_MAX + 10):
        agents.read(f"x/{number} " + "y" * 10_000 if number < 3 else f"x/{number}", has_touch=False)
    info = agents._read.cache_info()
    assert (info.currsize, info.maxsize) == (AGENTS_MAX, AGENTS_MAX)
    long = CHROME + " x" * AGENT_LENGTH_MAX
    assert agents.read(long, has_touch=False) is agents.read(long + "Canary", has_touch=False)
    agents.clear()
    assert agents._read.cache_info().currsize == 0
    assert repr(agents) == "<Agents sealed>"


def test_few_user_agents_may_be_new_at_once() -> None:
    """Noise in place of user agents is refused above a bound, and so is not parsed; who was seen before is read."""
    door = Gate(privacy=Privacy(), server=TRUSTED, site=SITES.get, rates=Rates(Limits(), random_bytes=bytes))
    assert isinstance(admit(door, request()), Event)
    found = [admit(door, request(headers={"user_agent": f"{CHROME} {number}"})) for number in range(COLD_MAX + 9)]
    assert all(isinstance(outcome, Event) for outcome in found[: COLD_MAX - 1])
    assert found[COLD_MAX - 1 :] == [Drop(Reason.OVERLOAD, "school")] * 10
    assert isinstance(admit(door, request()), Event)
    door.look(AT)
    found = [admit(door, request(headers={"user_agent": f"{CHROME} more {number}"})) for number in range(COLD_MORE + 1)]
    assert [isinstance(outcome, Event) for outcome in found] == [True] * COLD_MORE + [False]
    assert door.echo(request(headers={"user_agent": f"{CHROME} x"}), at=AT)["reason"] == "overload"
