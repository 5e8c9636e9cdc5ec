"""A made-up year of three sites, in which everything happens that can: days lost, split, withheld, below the threshold.

Figures are made by a checksum of what they are about, so that no two are alike and a mistaken one is seen.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import msgspec
import polars as pl

from collector.model import Funnel, Goal, Identity, Outcome, Profile, Site, Target, TargetKind
from collector.store.history import insert_frame
from collector.store.ledger import CELL_SCHEMA
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House

FIRST: Final = TODAY - timedelta(420)
YESTERDAY: Final = TODAY - timedelta(1)
#: The goal, the group and the funnel that were declared later than the site.
DECLARED: Final = date(2026, 10, 6)
LOST: Final = date(2026, 11, 5)
#: Its first part was lost, its second one kept.
HALF_LOST: Final = date(2026, 11, 12)
SPLIT: Final = date(2026, 11, 17)
BELOW: Final = date(2026, 11, 8)
EMPTY: Final = date(2026, 10, 31)
FROM_LOG: Final = date(2026, 11, 10)
#: Each with what became of it.
ODD: Final = {LOST: Outcome.LOST, BELOW: Outcome.BELOW_K}

_EVENT, _PAGE = TargetKind.EVENT, TargetKind.PAGE
_OLD: Final = (Goal("Verlof", Target(_EVENT, "Verlof aangevraagd")),)
_GOALS: Final = (*_OLD, Goal("Rooster gezien", Target(_PAGE, "/rooster")))
_FUNNEL: Final = Funnel(
    "Verlof vragen", tuple(Target(_PAGE, page) for page in ("/", "/ouders/verlof", "/verlof/klaar"))
)
MAIN: Final = msgspec.structs.replace(
    SCHOOL,
    goals=_GOALS,
    groups=("/vakken/",),
    funnels=(_FUNNEL,),
    embed_hosts=("https://intranet.school.example",),
    profile=Profile.OPEN,
)
NEAR: Final = msgspec.structs.replace(
    SCHOOL, id="buurschool", hosts=("buur.example",), controller="De Buren", identity=Identity.NETWORK
)
FAR: Final = msgspec.structs.replace(SCHOOL, id="overzee", hosts=("overzee.example",), timezone="America/New_York")
SITES: Final = (MAIN, NEAR, FAR)

#: Part of the visitors that each value has.
_VALUES: Final[dict[str, dict[str, float]]] = {
    "page": {
        "/": 0.8, "/rooster": 0.5, "/inloggen": 0.46, "/toetsen/:id": 0.31, "/nieuws": 0.2, "/cijfers": 0.19,
        "/vakken/wis": 0.12, "/vakken/nat": 0.1, "/contact": 0.09, "/agenda": 0.07, "/bieb/2026": 0.06, "/werk": 0.05,
        "(other)": 0.11,
    },
    "entry_page": {"/": 0.6, "/inloggen": 0.22, "/rooster": 0.12, "(other)": 0.06},
    "exit_page": {"/rooster": 0.4, "/": 0.3, "/cijfers": 0.2, "(other)": 0.1},
    "channel": {"direct": 0.6, "search": 0.25, "referral": 0.08, "ai": 0.05, "(other)": 0.02},
    "source": {"(direct)": 0.6, "Google": 0.22, "magister.net": 0.08, "ChatGPT": 0.04, "(other)": 0.03},
    "campaign": {"open-dag-2026": 0.03},
    "device": {"Phone": 0.52, "Desktop": 0.36, "Tablet": 0.12},
    "browser": {"Chrome": 0.55, "Safari": 0.3, "Edge": 0.1, "(other)": 0.05},
    "browser_major": {"Chrome 140": 0.5},
    "os": {"Android": 0.3, "iOS": 0.25, "Windows": 0.2, "ChromeOS": 0.15, "macOS": 0.1},
    "viewport": {"small": 0.5, "medium": 0.1, "large": 0.4},
    "country": {"NL": 0.93, "BE": 0.04, "(other)": 0.03},
    "language": {"nl": 0.9, "en": 0.1},
    "event": {"Verlof aangevraagd": 0.05, "Outbound": 0.1, "(other)": 0.02},
    "property": {
        "Outbound · host=magister.net": 0.06, "Download · type=pdf": 0.05, "Not found · page=/oud/2019": 0.04,
        "Verlof aangevraagd · soort=arts": 0.03,
    },
    "scroll": {"25": 0.4, "50": 0.3, "75": 0.2, "100": 0.1},
}  # fmt: skip
#: Those of sets: the goal of the first settings, and what came later.
_SETS: Final = (
    ("goal", "Verlof", 0.05, FIRST),
    ("goal", "Rooster gezien", 0.45, DECLARED),
    ("group", "/vakken/", 0.2, DECLARED),
    ("funnel_step", "Verlof vragen · 1", 0.7, DECLARED),
    ("funnel_step", "Verlof vragen · 2", 0.12, DECLARED),
    ("funnel_step", "Verlof vragen · 3", 0.05, DECLARED),
)
_PAIRS: Final = (
    ("page", "/rooster", "source", "Google"), ("page", "/rooster", "device", "Phone"),
    ("page", "/rooster", "device", "(other)"), ("page", "/", "browser", "Chrome"), ("page", "/", "country", "NL"),
    ("source", "Google", "device", "Phone"), ("source", "Google", "os", "iOS"),
    ("device", "Phone", "browser", "Safari"),
)  # fmt: skip
_SET_PAIRS: Final = (
    ("goal", "Verlof", "source", "Google"), ("goal", "Verlof", "device", "Phone"), ("goal", "Verlof", "page", "/"),
    ("goal", "Verlof", "channel", "search"), ("goal", "Rooster gezien", "device", "Desktop"),
    ("group", "/vakken/", "page", "/vakken/wis"), ("group", "/vakken/", "device", "Phone"),
    ("page", "/", "next_page", "/rooster"), ("page", "/", "next_page", "(exit)"),
    ("page", "/rooster", "next_page", "/"),
)  # fmt: skip
_HOURS: Final = {"00-07": 0.1, "07-08": 0.2, "08-09": 0.3, "09-12": 0.4, "13-14": 0.2, "14-24": 0.3}
_HOUR_DAYS: Final = 62
_SATURDAY: Final = 5


def built(folder: Path) -> House:
    """Return a house in which the year is over, and a morning runs."""
    house = House(folder, ManualClock(), sites=SITES)
    rows = [row for site in SITES for row in _cells(site)]
    with house.history.write() as cursor:
        insert_frame(cursor, "cell", pl.DataFrame(rows, schema=CELL_SCHEMA, orient="row"))
        closed = pl.DataFrame(
            [row for site in SITES for row in _closed(site)],
            schema=["site", "day", "part", "outcome", "origin", "identity", "profile", "k", "settings", "closed_at",
                    "epoch_part", "spool"],
            orient="row",
        )  # fmt: skip
        insert_frame(cursor, "closed", closed)
        for lost in (LOST, HALF_LOST):
            for first, last, pageviews, visitors in ((0, 8, 311, 90), (9, 9, 207, 85)):
                cursor.execute(
                    "insert into committed_hour values ('school', ?, 1, ?, ?, ?, ?, 20)",
                    [lost, first, last, pageviews + lost.day, visitors],
                )
            cursor.execute("insert into gap values ('Europe/Amsterdam', ?, 1, 'keys_lost', ?)", [lost, _AT])
        for n, day in enumerate((LOST, SPLIT, YESTERDAY, FIRST)):
            for reason, count in (("bot", 340 + 10 * n), ("refused:device", 20), ("late", 10)):
                cursor.execute("insert into dropped values ('school', ?, 1, ?, ?)", [day, reason, count])
            cursor.execute("insert into dropped values ('', ?, 1, 'opt_out', ?)", [day, 100 * (n + 1)])
        for n, (at, goals, more) in enumerate((
            (datetime(2025, 9, 1, 8), _OLD, {"hosts": ["www.school.example"]}),  # noqa: DTZ001 - as kept
            (datetime(2026, 10, 5, 9), _GOALS, {"groups": ["/vakken/"], "funnels": _plain((_FUNNEL,))}),  # noqa: DTZ001
        )):  # fmt: skip
            change = json.dumps({"id": "school", "goals": _plain(goals)} | more)
            zeros = ["0" * 64] * 4
            cursor.execute(
                "insert into settings_log values (?, ?, 'school', ?, 'controller', 'asked', ?, ?, ?, ?)",
                [n, at, change, *zeros],
            )
    _run(house)
    return house


_AT: Final = datetime(2026, 11, 24, 3)  # noqa: DTZ001 - as it is kept


def _plain(declared: Any) -> Any:
    return json.loads(msgspec.json.encode(declared))


def _run(house: House) -> None:
    """Let two sites' mornings run; of one of them a first part was closed."""
    with house.history.write() as cursor:
        for site in ("school", "buurschool"):
            for first, last, pageviews, visitors in ((0, 6, 80, 20), (7, 7, 310, 120), (8, 8, 451, 160)):
                cursor.execute(
                    "insert into committed_hour values (?, ?, 1, ?, ?, ?, ?, 20)",
                    [site, TODAY, first, last, pageviews, visitors],
                )
    rows = [
        (site, TODAY, 1, "", "", dimension, value, None, None, visitors + bonus, None, None, None, 20)
        for site, bonus in (("school", 0), ("buurschool", 30))
        for dimension, value, visitors in (
            ("total", "", 210), ("page", "/", 180), ("page", "/rooster", 110), ("source", "(direct)", 150),
            ("source", "Google", 40), ("page", "(other)", 20),
        )
    ]  # fmt: skip
    house.history.publish(pl.DataFrame(rows, schema=CELL_SCHEMA, orient="row"))


def _closed(site: Site) -> Iterator[tuple[Any, ...]]:
    for day, part in _days(site):
        outcome = ODD.get(day, Outcome.KEPT) if site is MAIN else Outcome.KEPT
        if site is MAIN and day == HALF_LOST and part == 1:
            outcome = Outcome.LOST
        origin = "server_log" if site is MAIN and day == FROM_LOG else "tracker"
        yield (
            site.id, day, part, outcome.value, origin, site.identity.value, "open", 5, "0" * 64, _AT, part, "{}",
        )  # fmt: skip


def _days(site: Site) -> Iterator[tuple[date, int]]:
    """Yield closed days with their parts; the neighbours began later, and of theirs nothing odd is kept."""
    first = FIRST if site is MAIN else TODAY - timedelta(60)
    for n in range((TODAY - first).days):
        day = first + timedelta(n)
        if site is MAIN and day == EMPTY:
            continue
        yield day, 1
        if site is MAIN and day in {SPLIT, HALF_LOST}:
            yield day, 2


def _cells(site: Site) -> Iterator[tuple[Any, ...]]:
    for day, part in _days(site):
        if site is MAIN and (day in ODD or (day == HALF_LOST and part == 1)):
            continue
        whole = _draw(site.id, day, part, "total", 120 if day.weekday() >= _SATURDAY else 500, 200)
        yield _row(site, day, part, "total", "", whole)
        # A neighbour has a few breakdowns, the school all of them.
        names = _VALUES if site is MAIN else ("page", "channel", "device")
        for dimension in names:
            values = _VALUES[dimension]
            if _draw(day, dimension, "gone", 0, 100) < 3:
                continue
            for value, share in values.items():
                visitors = int(whole * share * (0.7 + _draw(day, dimension, value, site.id, 0, 300) / 1000))
                if visitors > 4:
                    yield _row(site, day, part, dimension, value, visitors)
        if TODAY - day <= timedelta(_HOUR_DAYS):
            for block, share in _HOURS.items():
                yield _row(site, day, part, "hour", block, int(whole * share))
        if site is MAIN:
            yield from _of_sets(site, day, part, whole)


def _of_sets(site: Site, day: date, part: int, whole: int) -> Iterator[tuple[Any, ...]]:
    for dimension, value, share, first in _SETS:
        if day < first or _draw(day, value, "set", 0, 100) < 6:
            continue
        row = list(_row(site, day, part, dimension, value, max(int(whole * share), 5)))
        if dimension == "funnel_step":
            row[7:9], row[10:13] = [None, None], [None, None, None]
        elif dimension == "goal":
            row[7], row[10], row[11] = None, None, None
        yield tuple(row)
    for first_name, first_value, name, value in _PAIRS:
        pageviews = _draw(day, first_value, value, 20, 80)
        for a, x, b, y in ((first_name, first_value, name, value), (name, value, first_name, first_value)):
            if x != "(other)":
                yield (site.id, day, part, a, x, b, y, pageviews, None, None, None, None, None, 10)
    for a, x, b, y in _SET_PAIRS:
        if (a, x) == ("goal", "Verlof") or day >= DECLARED:
            visitors = 5 * _draw(day, x, y, 1, 4)
            yield (site.id, day, part, a, x, b, y, None, None, visitors, None, None, None, 10)


def _row(site: Site, day: date, part: int, dimension: str, value: str, visitors: int) -> tuple[Any, ...]:
    about = (site.id, day, part, dimension, value)

    def measure(name: str, least: int, over: int) -> int | None:
        # One in twenty is withheld.
        return (
            None if _draw(*about, name, "withheld", 0, 20) == 0 else visitors * _draw(*about, name, least, over) // 100
        )

    visits = measure("visits", 100, 40)
    # One page keeps nearly everybody: its rate stays below what is told.
    bounced = _draw(*about, "bounces", 1, 3) if value == "/rooster" else _draw(*about, "bounces", 20, 40)
    bounces = None if visits is None else visits * bounced // 100
    told_bounces = None if _draw(*about, "bounces", "withheld", 0, 20) == 0 else bounces
    return (
        site.id, day, part, "", "", dimension, value, measure("pageviews", 180, 200), visits, visitors, told_bounces,
        measure("seconds", 9_000, 9_000), measure("events", 10, 20), 20,
    )  # fmt: skip


def _draw(*about: object) -> int:
    """Return a whole number from the last but one on, of as many as the last says; the same for the same things."""
    least, over = about[-2:]
    assert isinstance(least, int)
    assert isinstance(over, int)
    return least + crc32(repr(about[:-2]).encode()) % over
