"""Turn a user agent into closed lists: browser, major version, operating system, device class, or a bot.

The rules for devices are those of the `user-agents` package, fed by the fast parser of `ua-parser-rs`. Both return
free text (`LeerlingJanBot/1.0` is a browser family to them), so whatever is not in our lists is `(unknown)`.
"""

import sys
from functools import lru_cache
from importlib import import_module
from math import inf
from types import ModuleType
from typing import Any, Final

import msgspec
from is_bot import Bots
from ua_parser import Domain, load_lazy_builtins
from ua_parser.regex import Resolver

from collector.model import UNKNOWN

#: User agents that are remembered. They are personal data, raw, in this process's memory: at most 2 MB of them,
#: and `Agents.clear` forgets them when a day turns.
AGENTS_MAX: Final = 4_096
#: User agents that may be read from cold at once, and how many more each time that the gate looks after itself, four
#: times a second. Noise takes 2 ms, as long as 200 events: without a bound, 500 a second of it take the whole process.
COLD_MAX: Final = 256
COLD_MORE: Final = 25
#: A longer user agent is cut: the end of a real one (an app's own marks) changes none of our lists.
AGENT_LENGTH_MAX: Final = 512

_BROWSERS: Final = {
    "Chrome": "Chromium|Chrome Mobile|Chrome Mobile iOS|HeadlessChrome",
    "Safari": "Mobile Safari",
    "Firefox": "Firefox Mobile|Firefox iOS|Firefox Focus|Firefox Klar",
    "Edge": "Edge Mobile",
    "Samsung Internet": "",
    "Opera": "Opera Mobile|Opera Mini|Opera Touch|Opera GX|Opera Neon|Opera Tablet",
    "DuckDuckGo": "DuckDuckGo Mobile",
    "Brave": "",
    "Vivaldi": "",
    "Ecosia": "Ecosia Android|Ecosia iOS",
    "Yandex Browser": "Yandex Browser Lite",
    "UC Browser": "",
    "MIUI Browser": "MiuiBrowser",
    "Huawei Browser": "HuaweiBrowser",
    "Silk": "Amazon Silk",
    "Google App": "Google",
    "In-app browser": (
        "Chrome Mobile WebView|Mobile Safari UI/WKWebView|Facebook|Instagram|LinkedIn|Snapchat|Pinterest|Twitter"
        "|WhatsApp|TikTok"
    ),
    "Internet Explorer": "IE|IE Mobile",
}
_SYSTEMS: Final = {
    "Windows": "Windows Phone|Windows Mobile|Windows RT",
    "macOS": "Mac OS X|Mac OS",
    "iOS": "",
    "Android": "HarmonyOS",
    "ChromeOS": "Chrome OS",
    "Linux": "Ubuntu|Debian|Fedora|Red Hat|SUSE|Linux Mint|Gentoo|Arch Linux|Kubuntu|CentOS|Mandriva|Slackware",
    "BSD": "FreeBSD|OpenBSD|NetBSD",
}
IPADOS: Final = "iPadOS"
DESKTOP: Final = "Desktop"
PHONE: Final = "Phone"
TABLET: Final = "Tablet"


class ColdError(Exception):
    """Say that too many user agents were new at once."""


def _lookup(families: dict[str, str]) -> dict[str, str]:
    return {alias: name for name, aliases in families.items() for alias in (name, *aliases.split("|")) if alias}


_BROWSER_OF: Final = _lookup(_BROWSERS)
_SYSTEM_OF: Final = _lookup(_SYSTEMS)
#: The closed lists, whole.
BROWSERS: Final = (*_BROWSERS, UNKNOWN)
SYSTEMS: Final = (*_SYSTEMS, IPADOS, UNKNOWN)
DEVICES: Final = (DESKTOP, PHONE, TABLET, UNKNOWN)
_MAJOR_MAX: Final = 999


class Agent(msgspec.Struct, frozen=True, gc=False):
    """Hold what is known of a browser.

    Attributes:
        browser: One of `BROWSERS`.
        major: Major version, `0`–`999`, or empty.
        os: One of `SYSTEMS`.
        device: One of `DEVICES`.
        is_bot: Whether it says that it is none.
        key: The four of them as the visitor key takes them in.
    """

    browser: str
    major: str
    os: str
    device: str
    is_bot: bool
    key: bytes


def _rules() -> Any:
    """Import `user-agents` without the slow parser that its own constructor asks: that alone takes 0.13 s."""
    slow = "ua_parser.user_agent_parser"
    if slow in sys.modules:
        return import_module("user_agents.parsers")
    sys.modules[slow] = ModuleType(slow)
    try:
        return import_module("user_agents.parsers")
    finally:
        del sys.modules[slow]


_RULES: Final = _rules()
_UserAgent: Any = _RULES.UserAgent


class _ParsedAgent(_UserAgent):  # type: ignore[misc]
    """Carry the rules of `user-agents` over the result of the fast parser.

    Its own constructor costs 500 µs, for it asks the slow parser; this costs 20.
    """

    def __init__(self, agent: str, *, resolver: Resolver) -> None:
        self.ua_string = agent
        result = resolver(agent, Domain.ALL)
        browser, system, device = result.user_agent, result.os, result.device
        self.browser = _RULES.parse_browser(browser.family if browser else "", browser.major if browser else None)
        self.os = _RULES.parse_operating_system(
            system.family if system else "", system.major if system else None, system.minor if system else None
        )
        self.device = _RULES.parse_device(device.family if device else "", None, None)


class Agents:
    """Read user agents, and remember the last `AGENTS_MAX` of them.

    Args:
        is_bounded: Whether only `COLD_MAX` may be new at once, and `COLD_MORE` each time that `look` is called.
    """

    def __init__(self, *, is_bounded: bool = False) -> None:
        # A resolver of our own: the package's shared parser remembers 2,000 user agents and cannot forget them.
        self._resolver = Resolver(load_lazy_builtins())
        self._bots = Bots()
        self._read = lru_cache(maxsize=AGENTS_MAX)(self._read_cold)
        self._left: float = inf
        self._read("", has_touch=False)
        self.clear()
        if is_bounded:
            self._left = COLD_MAX

    def read(self, agent: str, *, has_touch: bool) -> Agent:
        """Return the classes of *agent*.

        Args:
            agent: The header as it came.
            has_touch: The tracker's touch bit: a Mac with touch is an iPad.

        Raises:
            ColdError: It is not remembered, and too many were new just now.
        """
        return self._read(agent[:AGENT_LENGTH_MAX], has_touch)

    def read_once(self, agent: str, *, has_touch: bool) -> Agent:
        """As `read`, and remember nothing."""
        return self._read_cold(agent[:AGENT_LENGTH_MAX], has_touch)

    def look(self) -> None:
        """Let some more be new; called again and again."""
        self._left = max(self._left, min(COLD_MAX, self._left + COLD_MORE))

    def clear(self) -> None:
        """Forget every user agent."""
        self._read.cache_clear()

    def __repr__(self) -> str:
        return "<Agents sealed>"

    def _read_cold(self, agent: str, has_touch: bool) -> Agent:  # noqa: FBT001 - a keyword costs the cache 0.1 µs
        if self._left < 1:
            raise ColdError
        self._left -= 1
        parsed = _ParsedAgent(agent, resolver=self._resolver)
        browser = _BROWSER_OF.get(parsed.browser.family, UNKNOWN)
        system = _SYSTEM_OF.get(parsed.os.family, UNKNOWN)
        device = _device_of(parsed)
        if (system == "macOS" and has_touch) or (system == "iOS" and device == TABLET):
            system, device = IPADOS, TABLET
        major = _major_of(parsed)
        key = f"{browser}\0{major}\0{system}\0{device}".encode()
        is_bot = not agent or parsed.is_bot or self._bots.is_bot(agent)
        return Agent(browser, major, system, device, is_bot, key)


def _device_of(parsed: _ParsedAgent) -> str:
    if parsed.is_tablet:
        return TABLET
    if parsed.is_mobile:
        return PHONE
    return DESKTOP if parsed.is_pc else UNKNOWN


def _major_of(parsed: _ParsedAgent) -> str:
    # A number of five digits is no version; it may be somebody's.
    version = parsed.browser.version
    major = version[0] if version else None
    return str(major) if isinstance(major, int) and 0 <= major <= _MAJOR_MAX else ""
