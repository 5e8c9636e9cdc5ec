"""What everybody knows without looking: which systems a browser runs on, and which channel a source is.

An outsider knows this, so the attack does too. Where a name is not in these lists, everything is held possible.
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Final

from collector.audit.lists import CHANNELS, DEVICES
from collector.model import OTHER, Dimension

_D: Final = Dimension
#: What a visitor has one of for the whole day.
PERSISTENT: Final = (_D.BROWSER, _D.BROWSER_MAJOR, _D.OS, _D.DEVICE)
#: Breakdowns of which everybody knows what lies inside what.
NESTED: Final = (*combinations(PERSISTENT, 2), (_D.SOURCE, _D.CHANNEL))
_APPLE: Final = frozenset({"iOS", "iPadOS", "macOS"})
_SYSTEMS_OF: Final[Mapping[str, frozenset[str]]] = {
    "Safari": _APPLE,
    "Firefox": frozenset({"Windows", "macOS", "Linux", "BSD", "Android", "iOS", "iPadOS"}),
    "Edge": frozenset({"Windows", "macOS", "Linux", "Android", "iOS", "iPadOS"}),
    "Samsung Internet": frozenset({"Android"}),
    "Internet Explorer": frozenset({"Windows"}),
    "Silk": frozenset({"Android"}),
}
#: Systems on which one browser is all there is.
_BROWSERS_OF: Final[Mapping[str, frozenset[str]]] = {"ChromeOS": frozenset({"Chrome"})}
_DEVICES_OF: Final[Mapping[str, frozenset[str]]] = {
    "iOS": frozenset({"Phone"}),
    "iPadOS": frozenset({"Tablet"}),
    "macOS": frozenset({"Desktop"}),
    "Windows": frozenset({"Desktop"}),
    "ChromeOS": frozenset({"Desktop"}),
    "Linux": frozenset({"Desktop"}),
    "Android": frozenset({"Phone", "Tablet"}),
}
_SEARCH: Final = frozenset({"search"})
_CHANNEL_OF: Final[Mapping[str, frozenset[str]]] = {
    "(direct)": frozenset({"direct"}),
    **dict.fromkeys(("Google", "Bing", "DuckDuckGo", "Ecosia", "Qwant", "Startpage", "Yahoo", "Yandex"), _SEARCH),
    **dict.fromkeys(("Facebook", "Instagram", "LinkedIn", "X", "Reddit", "TikTok", "YouTube"), frozenset({"social"})),
}
#: Says whether a visitor of one value of a breakdown can have another value of another at all.
Possible = Callable[[Dimension, str, Dimension, str], bool]


def is_possible(a: Dimension, one: str, b: Dimension, other: str) -> bool:
    """Tell whether somebody can have both values, as far as everybody knows."""
    if OTHER in {one, other}:
        return True
    for (first, value), (second, beside) in (((a, one), (b, other)), ((b, other), (a, one))):
        allowed = _allowed(first, value, second)
        # A campaign's mark makes the channel, wherever the visitor came from.
        if allowed is not None and beside not in allowed and beside not in {"campaign", "(unknown)"}:
            return False
    return True


def _allowed(dimension: Dimension, value: str, of: Dimension) -> frozenset[str] | None:
    look_up = _KNOWN.get((dimension, of))
    return look_up(value) if look_up else None


def _devices_of_browser(browser: str) -> frozenset[str] | None:
    systems = _SYSTEMS_OF.get(browser)
    return frozenset().union(*(_DEVICES_OF.get(system, _EVERY) for system in systems)) if systems else None


def _browser_of_major(major: str) -> frozenset[str] | None:
    browser = major.rpartition(" ")[0]
    return frozenset({browser}) if browser else None


def _channel_of(source: str) -> frozenset[str] | None:
    rolled_up = source.removeprefix("(").removesuffix(")")
    if source.startswith("(") and rolled_up in CHANNELS and rolled_up != "unknown":
        return frozenset({rolled_up})
    return _CHANNEL_OF.get(source) or (frozenset({"referral"}) if "." in source else None)


_EVERY: Final = frozenset(DEVICES)
_KNOWN: Final[Mapping[tuple[Dimension, Dimension], Callable[[str], frozenset[str] | None]]] = {
    (_D.BROWSER, _D.OS): _SYSTEMS_OF.get,
    (_D.OS, _D.BROWSER): _BROWSERS_OF.get,
    (_D.OS, _D.DEVICE): _DEVICES_OF.get,
    (_D.BROWSER, _D.DEVICE): _devices_of_browser,
    (_D.BROWSER_MAJOR, _D.BROWSER): _browser_of_major,
    (_D.SOURCE, _D.CHANNEL): _channel_of,
}
