"""Who goes to the simulated school, with which devices, and when: plain tables, made up and seeded."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import accumulate
from random import Random
from typing import Final, Generic, NamedTuple, TypeVar

CHROME_VERSION: Final = "153"

T = TypeVar("T")


class Weighted(Generic[T]):
    """Draw from values by their weight."""

    def __init__(self, weights: Mapping[T, int]) -> None:
        self._values = tuple(weights)
        self._up_to = tuple(accumulate(weights.values()))

    def pick(self, rng: Random) -> T:
        """Return one of the values."""
        return rng.choices(self._values, cum_weights=self._up_to)[0]


class Device(NamedTuple):
    """Hold what a browser says of itself: its user agent, its touch bit and its width class."""

    agent: str
    has_touch: int
    width: int


def _chrome(system: str, *, mobile: str = "") -> str:
    return (
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{CHROME_VERSION}.0.0.0 {mobile}Safari/537.36"
    )


def _webkit(system: str, *, version: str, mobile: str = "") -> str:
    return f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version} {mobile}Safari/605.1.15"


_MAC: Final = "Macintosh; Intel Mac OS X 10_15_7"
_WINDOWS: Final = "Windows NT 10.0; Win64; x64"
_PHONE: Final = "iPhone; CPU iPhone OS 18_6 like Mac OS X"

CHROMEBOOK: Final = Device(_chrome("X11; CrOS x86_64 14541.0.0"), 0, 2)
CHROMEBOOK_TOUCH: Final = Device(_chrome("X11; CrOS x86_64 14541.0.0"), 1, 2)
WINDOWS: Final = Device(_chrome(_WINDOWS), 0, 3)
EDGE: Final = Device(_chrome(_WINDOWS) + f" Edg/{CHROME_VERSION}.0.0.0", 0, 3)
FIREFOX: Final = Device("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0", 0, 3)
MAC: Final = Device(_webkit(_MAC, version="26.0"), 0, 2)
#: An iPad says that it is a Mac; only its touch bit gives it away.
IPAD: Final = Device(_webkit(_MAC, version="26.0"), 1, 2)
IPHONE: Final = Device(_webkit(_PHONE, version="26.0", mobile="Mobile/15E148 "), 1, 0)
ANDROID: Final = Device(_chrome("Linux; Android 10; K", mobile="Mobile "), 1, 0)
SAMSUNG: Final = Device(
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    1,
    0,
)

BOTS: Final = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
)


class Group(StrEnum):
    """Name who somebody is at the school."""

    PUPIL = "pupil"
    STAFF = "staff"
    PARENT = "parent"


class DayKind(StrEnum):
    """Name what sort of day it is."""

    SCHOOL = "school"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    HOLIDAY = "holiday"


SIZES: Final = {Group.PUPIL: 600, Group.STAFF: 60, Group.PARENT: 400}
#: Share of a group that comes on a day.
ATTENDANCE: Final = {
    DayKind.SCHOOL: {Group.PUPIL: 0.86, Group.STAFF: 0.9, Group.PARENT: 0.28},
    DayKind.SATURDAY: {Group.PUPIL: 0.1, Group.STAFF: 0.05, Group.PARENT: 0.05},
    DayKind.SUNDAY: {Group.PUPIL: 0.24, Group.STAFF: 0.2, Group.PARENT: 0.08},
    DayKind.HOLIDAY: {Group.PUPIL: 0.03, Group.STAFF: 0.03, Group.PARENT: 0.015},
}
#: Visits of somebody who comes, by how often.
VISITS: Final = {Group.PUPIL: (50, 35, 15), Group.STAFF: (30, 40, 30), Group.PARENT: (85, 15)}

#: Weights of the hours 6 to 22.
FIRST_HOUR: Final = 6
_LESSONS: Final = (1, 4, 16, 11, 10, 11, 9, 10, 8, 6, 4, 3, 3, 6, 7, 4, 2)
_OFFICE: Final = (2, 9, 14, 10, 9, 9, 8, 10, 9, 8, 6, 3, 1, 2, 4, 2, 1)
_HOME: Final = (3, 14, 12, 4, 3, 3, 4, 4, 3, 5, 5, 5, 5, 9, 12, 9, 4)
_FREE: Final = (0, 0, 1, 2, 4, 5, 5, 5, 6, 6, 6, 6, 5, 7, 8, 6, 3)
HOURS: Final = {Group.PUPIL: _LESSONS, Group.STAFF: _OFFICE, Group.PARENT: _HOME}
HOURS_FREE: Final = _FREE
#: Hours in which pupils work on the school's devices.
LESSONS: Final = range(8, 16)

AT_SCHOOL: Final = Weighted({CHROMEBOOK: 55, CHROMEBOOK_TOUCH: 15, IPAD: 14, WINDOWS: 10, EDGE: 6})
AT_HOME: Final = {
    Group.PUPIL: Weighted({IPHONE: 42, ANDROID: 22, SAMSUNG: 14, WINDOWS: 14, MAC: 5, FIREFOX: 3}),
    Group.STAFF: Weighted({EDGE: 48, WINDOWS: 20, MAC: 16, IPHONE: 8, IPAD: 4, FIREFOX: 4}),
    Group.PARENT: Weighted({IPHONE: 38, ANDROID: 24, SAMSUNG: 16, WINDOWS: 12, IPAD: 6, MAC: 4}),
}
_COUNTRIES: Final = Weighted({"NL": 955, "BE": 22, "DE": 13, "TR": 5, "MA": 3, "PL": 2})
#: Share of people who have told their browser that they do not want to be counted.
OPT_OUT_SHARE: Final = 0.03


class Person(NamedTuple):
    """Hold one person of the school.

    Attributes:
        id: Unlike everybody else's.
        at_school: What a pupil works with in lessons; others have one device.
        at_home: Their own.
        country: From where they come.
        opts_out: Whether their browser says so.
    """

    id: str
    group: Group
    at_school: Device
    at_home: Device
    country: str
    opts_out: bool


def make_people(*, seed: str, share: float) -> list[Person]:
    """Return the people of the school, always the same for the same *seed*.

    Args:
        seed: Any text.
        share: Size of the school, 1 for the whole one.
    """
    rng = Random(f"{seed}/people")  # noqa: S311 - a simulation has to be repeatable
    people = []
    for group, size in SIZES.items():
        for index in range(round(size * share)):
            own = AT_HOME[group].pick(rng)
            shared = AT_SCHOOL.pick(rng) if group is Group.PUPIL else own
            country = _COUNTRIES.pick(rng) if group is Group.PARENT else "NL"
            people.append(Person(f"{group}{index}", group, shared, own, country, rng.random() < OPT_OUT_SHARE))
    return people
