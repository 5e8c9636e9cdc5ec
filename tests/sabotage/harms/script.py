"""Harms to the tracker: what it reads and keeps in a browser, what it sends, and when it is silent."""

from typing import Final

from tests.sabotage.harm import Harm

_SCRIPT: Final = "collector/static/turven.js"
_SILENCE: Final = "tests/flow/test_tracker_silence.py::"

SCRIPT: Final = (
    Harm("R11", "send the application's cookies", _SCRIPT,
         "credentials: 'omit'", "credentials: 'include'",
         _SILENCE + "test_requests_carry_no_cookie_and_no_referrer"),
    Harm("R11", "send the page's address as Referer", _SCRIPT,
         "referrerPolicy: 'no-referrer'", "referrerPolicy: 'unsafe-url'",
         _SILENCE + "test_requests_carry_no_cookie_and_no_referrer"),
    Harm("R11", "set a cookie with the script", "collector/app.py",
         '"Vary": "Accept-Encoding",', '"Vary": "Accept-Encoding", "Set-Cookie": "seen=1",',
         "tests/audit/test_browser.py::test_the_tracker_passes"),
    Harm("R42", "count whoever has opted out", _SCRIPT,
         "    localStorage.turven ||", "    localStorage.turven_off ||",
         _SILENCE + "test_one_click_stops_and_another_call_starts"),
    Harm("R42", "keep the number of whoever opted out", _SCRIPT,
         "delete localStorage[key];", "localStorage[key];",
         _SILENCE + "test_one_click_stops_and_another_call_starts"),
    Harm("R43", "count whoever sends Global Privacy Control", _SCRIPT,
         "navigator.globalPrivacyControl ||", "navigator.globalPrivacyControls ||",
         _SILENCE + "test_silence"),
    Harm("R10", "read the languages too", _SCRIPT,
         "t: navigator.maxTouchPoints > 0,", "t: !!navigator.languages && navigator.maxTouchPoints > 0,",
         _SILENCE + "test_the_script_reads_nothing_else_of_the_device"),
    Harm("R10", "keep something on every device", _SCRIPT,
         "let calls = window.turven?.q || [];", "let calls = (localStorage.seen = 1) && (window.turven?.q || []);",
         _SILENCE + "test_storage_stays_empty_otherwise"),
    Harm("R18", "keep the number for a year", _SCRIPT,
         "Date().slice(0, 16)", "Date().slice(10, 16)",
         _SILENCE + "test_storage_holds_one_number_until_midnight"),
    Harm("R3", "send the query", _SCRIPT,
         "            location.pathname", "            location.pathname + location.search",
         "tests/flow/test_tracker.py::test_a_page_is_counted_once_without_query_fragment_and_parameters"),
    Harm("R6", "send the whole referrer", _SCRIPT,
         "document.referrer.split('/')[2]", "document.referrer",
         "tests/flow/test_tracker.py::test_entry_is_a_navigation_from_a_foreign_host"),
)  # fmt: skip
