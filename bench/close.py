"""Measure how long closing takes: one site with a million events, and a hundred with ten thousand, on one core.

Profile `standard`, all its breakdowns and pairs. Visits see 2,000 pages, a few of them often, with browsers by their
weight on real sites; every page is followed by how long it was looked at. Processor time of whichever threads work, so
that it is that of one core; reading the events in is no part of it.
"""

import gc
import time
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Final

from bench import traffic
from collector.clock import day_starts_at
from collector.day.breakdowns import facts
from collector.day.close import close_part
from collector.day.current_day import CurrentDay
from collector.day.small_groups import fold
from collector.edge.device import Agents
from collector.event import Batch, Event, Kind, VisitorKey
from collector.model import DIRECT, Epoch, Profile
from collector.policy import rules_for

LARGE_EVENTS: Final = 1_000_000
MANY_SITES: Final = 100
MANY_EVENTS: Final = 10_000
EPOCH: Final = Epoch("Europe/Amsterdam", date(2026, 11, 24))
_BATCH_EVENTS: Final = 50_000
#: The key of a visitor, as scattered as a real one.
_SCATTER: Final = 0x9E3779B97F4A7C15
_COUNTRIES: Final = {"NL": 880, "BE": 60, "DE": 30, "FR": 10, "GB": 8, "US": 6, "TR": 3, "MA": 2, "PL": 1}
_SOURCES: Final = {
    (DIRECT, "direct"): 460, ("Google", "search"): 200, ("teams.microsoft.com", "referral"): 80,
    ("itslearning.com", "referral"): 60, ("Bing", "search"): 40, ("ChatGPT", "ai"): 30, ("Outlook", "email"): 30,
    ("Facebook", "social"): 15, ("DuckDuckGo", "search"): 10, ("nl.wikipedia.org", "referral"): 8,
    ("Instagram", "social"): 8, ("Ecosia", "search"): 4, **{(f"school{n}.example", "referral"): 2 for n in range(25)},
}  # fmt: skip
#: How many pages a visit sees, from one, and how often.
_PAGES_A_VISIT: Final = (38, 20, 14, 10, 8, 5, 3, 2)
#: Hours of the day by how many visits begin in them.
_HOURS: Final = (1, 1, 0, 0, 0, 1, 3, 8, 14, 15, 14, 13, 11, 13, 12, 10, 9, 8, 8, 9, 8, 6, 4, 2)


def pages() -> list[str]:
    """Return 2,000 paths of three words, none of them with so many beside it that they would be taken for names."""
    paths = [path.split("/") for path in traffic.pages()[1:]]
    return ["/", *(f"/{section}/{name[:4]}/{name}" for _, section, name in paths)]


def events(site: str, count: int, *, seed: int) -> Iterator[Event]:
    """Yield *count* events of one day and site; two visits in three are their visitor's first."""
    rng, agents = Random(seed), Agents()
    paths, weights = pages(), traffic.page_weights(traffic.PAGES)
    clients = [agents.read(agent, has_touch=False) for agent in traffic.Agents().pick(rng, count)]
    countries = rng.choices(list(_COUNTRIES), list(_COUNTRIES.values()), k=count)
    starts_at, visitors, made = int(day_starts_at(EPOCH.day, EPOCH.timezone).timestamp()), 0, 0
    while True:
        visitor = visitors if rng.random() < 2 / 3 else rng.randrange(visitors + 1)
        visitors = max(visitors, visitor + 1)
        client = clients[visitor]
        source, channel = rng.choices(list(_SOURCES), list(_SOURCES.values()))[0]
        at = starts_at + rng.choices(range(24), _HOURS)[0] * 3_600 + rng.randrange(3_000)
        for step, page in enumerate(rng.choices(paths, weights, k=1 + rng.choices(range(8), _PAGES_A_VISIT)[0])):
            seconds = min(300, int(rng.lognormvariate(3.0, 0.9)) + 2)
            kinds = [Kind.PAGEVIEW, Kind.ENGAGEMENT, *([Kind.CUSTOM] if rng.random() < 0.05 else [])]
            for kind in kinds:
                if made == count:
                    return
                made += 1
                yield Event(
                    site=site,
                    at=at + (seconds if kind is Kind.ENGAGEMENT else 0),
                    visitor=VisitorKey((visitor + 1) * _SCATTER % 2**64),
                    kind=kind,
                    page=page,
                    source=source,
                    channel=channel,
                    browser=client.browser,
                    browser_major=client.major,
                    os=client.os,
                    device=client.device,
                    country=countries[visitor],
                    is_entry=not step and kind is Kind.PAGEVIEW and source != DIRECT,
                    name=rng.choice(("Klaar", "Download", "Zoeken")) if kind is Kind.CUSTOM else "",
                    milliseconds=seconds * 1_000 if kind is Kind.ENGAGEMENT else 0,
                )
            at += seconds + 1


def day_of(sites: int, count: int) -> CurrentDay:
    """Return a day of so many sites with *count* events each."""
    day = CurrentDay(EPOCH, memory_limit="2GB", threads=1)
    for number in range(sites):
        waiting: list[Event] = []
        for event in events(traffic.site_id(number), count, seed=number):
            waiting.append(event)
            if len(waiting) == _BATCH_EVENTS:
                day.append(Batch(waiting, []))
                waiting = []
        day.append(Batch(waiting, []))
    return day


def measure() -> dict[str, float]:
    """Return the processor seconds of both closes, those of the large one's parts, and the cells that are kept."""
    rules = rules_for(Profile.STANDARD)
    day = day_of(1, LARGE_EVENTS)
    gc.collect()
    began = time.process_time()
    counted = facts(day, traffic.site_id(0), rules)
    read = time.process_time()
    cells = fold(counted, rules)
    large = time.process_time() - began
    day.close()
    many = day_of(MANY_SITES, MANY_EVENTS)
    gc.collect()
    started = time.process_time()
    kept = [len(close_part(many, site, rules).cells or ()) for site in many.sites()]
    spent = time.process_time() - started
    many.close()
    return {
        "large_s": large,
        "large_facts_s": read - began,
        "large_fold_s": large - (read - began),
        "large_cells": float(len(cells or ())),
        "many_s": spent,
        "many_cells": sum(kept) / len(kept),
    }


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:14} {value:10.2f}")
