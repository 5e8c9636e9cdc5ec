"""What the tracker does not do: requests, reads and writes that must not happen, seen in a real browser."""

import re

import pytest

from tests.flow.conftest import Walk
from tests.recorder import Recorder

pytestmark = pytest.mark.browser

_ALL = ("browser", "downloads", "engagement", "hash", "outbound", "width")

#: Everything that the tracker may touch, with all parts on. `location` cannot be trapped: the source shows that it
#: reads host, origin, path and, with the part `hash`, the fragment.
_PROMISE = [
    # Its own script element, and the globals through which it goes.
    *("Document.currentScript", "window.frameElement", "window.history", "window.navigator", "window.performance"),
    # Wishes of the visitor, and whether somebody is there.
    *("Navigator.globalPrivacyControl", "Navigator.doNotTrack", "Navigator.webdriver", "Document.hidden"),
    # What is sent: referrer's host, type of navigation, touch, width class, time in view, depth of scrolling.
    *("Document.referrer", "PerformanceNavigation.type", "Performance.navigation", "Navigator.maxTouchPoints"),
    *("window.innerWidth", "window.innerHeight", "window.scrollY", "Element.scrollHeight", "Document.documentElement"),
    *("Performance.now", "window.fetch"),
    # What it hooks into.
    *("window.addEventListener", "History.pushState", "History.replaceState", "Element.closest"),
    # What it keeps.
    *("localStorage.turven", "localStorage.turven:SITE", "localStorage.turven:SITE ="),
]
#: Writes down what the tracker reads, of every interface that tells something about the device or its user.
_TRAPS = r"""
    const touched = new Set();
    // Chromium has no such property yet; an absent one cannot be trapped.
    Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => undefined, configurable: true});
    const isTracker = () => /turven\.js/.test(new Error().stack);
    for (const name of ['Navigator', 'Screen', 'ScreenOrientation', 'Document', 'HTMLDocument', 'History',
            'Performance', 'PerformanceNavigation', 'Intl', 'MediaDevices', 'NetworkInformation', 'Permissions',
            'PluginArray', 'HTMLCanvasElement', 'CanvasRenderingContext2D', 'WebGLRenderingContext', 'AudioContext',
            'OfflineAudioContext', 'RTCPeerConnection', 'SpeechSynthesis', 'StorageManager', 'Crypto', 'FontFaceSet',
            'NavigatorUAData', 'BatteryManager', 'VisualViewport', 'Element', 'Node', 'Date']) {
        const owner = window[name] && (window[name].prototype || window[name]);
        if (owner) trap(owner, name);
    }
    trap(window, 'window');
    function trap(owner, name) {
        for (const key of Object.getOwnPropertyNames(owner)) {
            const found = Object.getOwnPropertyDescriptor(owner, key);
            if (!found.configurable || key == 'constructor' || key == 'localStorage') continue;
            const note = () => { if (isTracker()) touched.add(name + '.' + key) };
            if (found.get)
                Object.defineProperty(owner, key, {...found, get() { note(); return found.get.call(this) }});
            else if (typeof found.value == 'function' && !/^[A-Z]/.test(key))
                Object.defineProperty(owner, key, {...found, value(...given) {
                    note();
                    return found.value.apply(this, given);
                }});
        }
    }
    const real = localStorage;
    Object.defineProperty(window, 'localStorage', {get: () => new Proxy(real, {
        get(_, key) {
            if (isTracker()) touched.add('localStorage.' + String(key));
            return real[key];
        },
        set(_, key, value) {
            if (isTracker()) touched.add('localStorage.' + key + ' =');
            real[key] = value;
            return true;
        },
    })});
    window.touched = () => [...touched].sort();
"""


@pytest.mark.parametrize(
    "wish",
    [
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})",
        "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})",
        "Object.defineProperty(Navigator.prototype, 'webdriver', {get: () => true})",
        "localStorage.turven = 'off'",
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})",
        "Object.defineProperty(window, 'localStorage', {get: () => null})",
    ],
    ids=["gpc", "dnt", "webdriver", "opt-out", "no-storage", "no-storage-at-all"],
)
def test_silence(walk: Walk, *, wish: str) -> None:
    """With GPC, DNT, an opt-out, a driven browser or forbidden storage not a single request is made."""
    walk.before(wish)
    stay = "<script>addEventListener('click', e => e.preventDefault())</script>"
    walk.page.goto(walk.show(*_ALL, body='<a href="http://elders.school.example">b</a>' + stay) + "/les")
    walk.page.evaluate(
        "() => { history.pushState({}, '', '/b'); turven('Toets'); dispatchEvent(new Event('pagehide')) }"
    )
    walk.page.click("a")
    assert walk.sent() == 0
    assert walk.recorder.events(walk.site) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_developers_machine_is_silent_unless_told(walk: Walk, *, host: str) -> None:
    """On localhost nothing is sent, unless the script element says `data-local`."""
    address = f"http://{host}:{walk.recorder.port}/les"
    walk.recorder.show(host, walk.tag())
    walk.page.goto(address)
    assert walk.sent() == 0
    walk.recorder.show(host, walk.tag(attributes='data-local="yes"'))
    walk.page.goto(address)
    assert walk.wait(1)[0]["u"] == address


def test_one_click_stops_and_another_call_starts(walk: Walk) -> None:
    """One click on the opt-out is enough: the number is gone, the flag is there, and nothing is sent from then on."""
    stop = "<script>addEventListener('click', e => e.stopImmediatePropagation())</script>"
    origin = walk.show(*_ALL, body=stop + '<button data-turven="opt-out"><b>Tel mij niet</b></button>')
    walk.page.goto(origin + "/a")
    walk.wait(1)
    walk.page.click("b")
    assert walk.storage() == {"turven": "off"}
    walk.page.evaluate("() => { history.pushState({}, '', '/b'); turven('Toets'); }")
    walk.page.goto(origin + "/c")
    assert walk.sent() == 1
    walk.page.evaluate("turven.optIn()")
    walk.page.goto(origin + "/d")
    assert [event["u"] for event in walk.wait(2)] == [origin + "/a", origin + "/d"]
    walk.page.evaluate("turven.optOut()")
    assert walk.storage() == {"turven": "off"}


def test_storage_holds_one_number_until_midnight(walk: Walk) -> None:
    """In `browser` identity one number is kept: the same on every page, another after midnight."""
    origin = walk.show("browser")
    walk.page.clock.install(time="2026-11-04T21:00:00Z")
    walk.page.goto(origin + "/a")
    walk.page.evaluate("history.pushState({}, '', '/b')")
    first, second = walk.wait(2)
    assert walk.storage() == {f"turven:{walk.site}": first["i"]}
    assert re.fullmatch(r"Wed Nov 04 2026 0\.\d{5,20}", first["i"])
    assert second["i"] == first["i"]
    walk.page.clock.set_fixed_time("2026-11-04T23:00:01Z")
    walk.page.evaluate("history.pushState({}, '', '/c')")
    third = walk.wait(3)[2]
    assert walk.storage() == {f"turven:{walk.site}": third["i"]}
    assert third["i"].startswith("Thu Nov 05 2026 ")
    assert third["i"].split()[-1] != first["i"].split()[-1]


def test_storage_stays_empty_otherwise(walk: Walk) -> None:
    """Without `browser` identity nothing at all is kept on the device."""
    walk.page.goto(walk.show(*(part for part in _ALL if part != "browser")) + "/a")
    walk.page.evaluate("turven('Toets')")
    assert not [event for event in walk.wait(2) if "i" in event]
    assert walk.storage() == {}
    assert walk.page.evaluate("document.cookie") == ""


def test_requests_carry_no_cookie_and_no_referrer(walk: Walk, recorder: Recorder) -> None:
    """The application's session cookie and the page's address are not in the request, and no preflight precedes it."""
    origin = walk.show(*_ALL)
    cookie = {"name": "sessie", "value": "geheim", "domain": ".school.example", "path": "/"}
    walk.page.context.add_cookies([cookie])  # type: ignore[list-item]
    walk.page.goto(origin + "/les")
    walk.page.evaluate("turven('Toets')")
    walk.page.goto("about:blank")
    walk.wait(3)
    pages = [request for request in recorder.requests if request.host == walk.host and request.target == "/les"]
    assert [page.header("Cookie") for page in pages] == ["sessie=geheim"]
    for request in recorder.events(walk.site):
        assert (request.header("Cookie"), request.header("Referer")) == (None, None)
        assert request.header("Content-Type") == "text/plain;charset=UTF-8"
    assert not [request for request in recorder.requests if request.method == "OPTIONS"]


def test_the_script_reads_nothing_else_of_the_device(walk: Walk) -> None:
    """Traps on the getters show everything that the script touches; the list is the promise."""
    walk.before(_TRAPS)
    walk.page.goto(walk.show(*_ALL, body='<a href="#x">x</a>') + "/a")
    walk.page.click("a")
    walk.page.evaluate("() => { history.pushState({}, '', '/b'); turven('Toets') }")
    walk.wait(4)
    touched = {name.replace(walk.site, "SITE") for name in walk.page.evaluate("touched()")}
    print("touched:", *sorted(touched))  # noqa: T201 - evidence for the reader of the log
    assert touched <= set(_PROMISE)
    # The traps work: these are touched for certain.
    assert touched > {"Document.referrer", "Navigator.maxTouchPoints", "localStorage.turven", "window.fetch"}


def test_a_refusal_is_read_before_anything_else(walk: Walk) -> None:
    """Where the opt-out is set, the script reads that flag and nothing else of the device."""
    walk.before("localStorage.turven = 'off';" + _TRAPS)
    walk.page.goto(walk.show(*_ALL) + "/a")
    walk.page.evaluate("() => { history.pushState({}, '', '/b'); turven('Toets') }")
    # Its own element, and the original of the two methods that it passes on.
    allowed = {"Document.currentScript", "window.history", "History.pushState", "localStorage.turven"}
    assert set(walk.page.evaluate("touched()")) == allowed
