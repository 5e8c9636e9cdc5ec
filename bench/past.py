"""Houses with a past: a site of 10,000 visits a day, some days simulated and closed for real, the rest their twins.

A simulated day goes through the gate, the current day and the k rule as any other, and is kept as any past day is. The
other dates get the same cells the same way: two days of one site differ in their figures and hardly in their size.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from bench import traffic
from bench.servers import prepare, runtime, settings_of, shared_folder, site
from collector.backfill import Backfill, DayCount, PastDays
from collector.clock import SystemClock, day_starts_at, local_day
from collector.edge.raw import RawRequest
from collector.engine import Engine
from collector.model import Identity, Origin, Site
from collector.settings import Server, Settings

#: As many browsers come once as come twice.
VISITS_A_DAY: Final = 10_000
SIMULATED_DAYS: Final = 3
#: 25 months, as long as figures are kept.
LONGEST_DAYS: Final = 759
PAGES: Final = 800
_PROXY: Final = "127.0.0.1"
COUNTRY_HEADER: Final = "CDN-Country"
_COUNTRIES: Final = {"NL": 88, "BE": 6, "DE": 3, "FR": 1, "GB": 1, "US": 1}
_SOURCES: Final = {"": 46, "www.google.com": 20, "teams.microsoft.com": 8, "itslearning.com": 6, "www.bing.com": 4,
                   "outlook.office.com": 3, "chatgpt.com": 3, "duckduckgo.com": 1, "nl.wikipedia.org": 1}  # fmt: skip
#: How many pages a visit sees, from one, and how often; on average 2.9.
_PAGES_A_VISIT: Final = (38, 20, 14, 10, 8, 5, 3, 2)
#: Hours of the day by how many visits begin in them.
_HOURS: Final = (1, 1, 0, 0, 0, 1, 3, 8, 14, 15, 14, 13, 11, 13, 12, 10, 9, 8, 8, 9, 8, 6, 4, 2)
_NUMBER: Final = 0


def portal() -> Site:
    """Return the site whose past is simulated."""
    return site(_NUMBER, identity=Identity.BROWSER)


def requests_of(day: date, *, timezone: str, visits: int = VISITS_A_DAY) -> Iterator[tuple[int, RawRequest]]:
    """Yield what so many visits of one day send: a pageview a page, and how long it was looked at."""
    visitors = visits * 2 // 3
    rng = Random(str(day))
    starts_at = int(day_starts_at(day, timezone).timestamp())
    paths, weights = traffic.pages(PAGES), traffic.page_weights(PAGES)
    agents = traffic.Agents().pick(rng, visitors)
    countries = rng.choices(list(_COUNTRIES), list(_COUNTRIES.values()), k=visitors)
    clients = traffic.addresses(rng)
    hours = rng.choices(range(24), _HOURS, k=visits)
    sources = rng.choices(list(_SOURCES), list(_SOURCES.values()), k=visits)
    for visit, (hour, source) in enumerate(zip(hours, sources, strict=True)):
        visitor = visit % visitors
        at = starts_at + hour * 3_600 + rng.randrange(3_000)
        seen = rng.choices(paths, weights, k=1 + rng.choices(range(len(_PAGES_A_VISIT)), _PAGES_A_VISIT)[0])
        for step, page in enumerate(seen):
            seconds = min(300, int(rng.lognormvariate(3.0, 0.9)) + 2)
            told = {"s": traffic.site_id(_NUMBER), "u": f"https://{traffic.host(_NUMBER)}{page}", "i": f"0.{visitor}"}
            arrives = {"r": source, "e": 1} if source and not step else {}
            for instant, fields in (
                (at, {"n": "pageview"} | arrives),
                (at + seconds, {"n": "engagement", "d": seconds * 1_000}),
            ):
                yield (
                    min(instant, starts_at + 82_000),
                    RawRequest(
                        peer=_PROXY,
                        forwarded=clients[visitor % len(clients)],
                        user_agent=agents[visitor],
                        body=msgspec.json.encode(told | fields),
                        country=countries[visitor],
                    ),
                )
            at += seconds + 1


def house(at: Path, *, days: int, is_closed_daily: bool) -> Engine:
    """Make a house in *at* whose site has so many closed days before today; return its engine.

    Args:
        at: An empty folder.
        days: How many.
        is_closed_daily: Open the file anew after each day, as a close does; else once a month.
    """
    prepare(at, [portal()])
    clock = SystemClock()
    engine = Engine(settings_of(at), clock=clock)
    backfill = Backfill(engine, clock=clock, random=os.urandom)
    today = local_day(clock.now(), portal().timezone)
    simulated = _simulated(engine.settings, [today - timedelta(back) for back in range(SIMULATED_DAYS, 0, -1)])
    for back in range(days, 0, -1):
        backfill.keep(portal(), msgspec.structs.replace(simulated[-back % len(simulated)], day=today - timedelta(back)))
        if is_closed_daily:
            engine.history.reopen()
    backfill.finish()
    return engine


def long_house(at: Path) -> None:
    """Put a house with 25 months of closed days into *at*; made once a run of the bench."""
    shared = shared_folder()
    made = (shared or at) / "long-house"
    if not made.exists():
        made.mkdir()
        house(made, days=LONGEST_DAYS, is_closed_daily=False).stop()
        shutil.rmtree(runtime(made), ignore_errors=True)
    shutil.copytree(made / "data", at / "data")


def _simulated(settings: Settings, days: list[date]) -> list[DayCount]:
    """Simulate days and close them under the k rule; once a run of the bench."""
    shared = shared_folder()
    file = shared / "simulated.json" if shared else None
    if file and file.exists():
        return msgspec.json.decode(file.read_bytes(), type=list[DayCount])
    server = Server(trusted_proxies=(_PROXY,), country_header=COUNTRY_HEADER)
    settings = msgspec.structs.replace(settings, server=server)
    past = PastDays(portal(), settings=settings, origin=Origin.TRACKER, random=os.urandom)
    counts = [past.count(day, requests_of(day, timezone=portal().timezone)) for day in days]
    if file:
        file.write_bytes(msgspec.json.encode(counts))
    return counts
