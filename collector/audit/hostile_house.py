"""Send days made to give a small group away through the real door, close them, and attack what is published."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from collector.audit.finding import Seen
from collector.audit.hostile import Happening, generate_hostile_day
from collector.audit.outsider import PublishedByHouse, Tally
from collector.audit.scratch import COUNTRY_HEADER, ScratchHouse, scratch_house
from collector.settings import Privacy

DAYS: Final = 200
_PROXIED: Final = "X-Forwarded-For"
_WEBKIT: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_BLINK: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0"
#: A user agent of each browser and system that the made-up visitors have.
AGENTS: Final = {
    ("Safari", "iOS"): f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {_WEBKIT} Version/18.0 Mobile/15E148 "
    "Safari/604.1",
    ("Safari", "iPadOS"): f"Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) {_WEBKIT} Version/16.0 Mobile/15E148 "
    "Safari/604.1",
    ("Safari", "macOS"): f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/18.0 Safari/605.1.15",
    ("Chrome", "ChromeOS"): f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_BLINK} Safari/537.36",
    ("Chrome", "Android"): f"Mozilla/5.0 (Linux; Android 10; K) {_BLINK} Mobile Safari/537.36",
    ("Chrome", "Windows"): f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_BLINK} Safari/537.36",
    ("Firefox", "Windows"): "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
REFERRERS: Final = {
    "(direct)": "", "Google": "https://www.google.com/", "Bing": "https://www.bing.com/",
    "elo.example": "https://elo.example/",
}  # fmt: skip

Request = tuple[Mapping[str, str], Mapping[str, Any]]


class Hostile(msgspec.Struct):
    """Add up what came of the days."""

    sent: int = 0
    counted: int = 0
    kept: int = 0


def attack_hostile_days(privacy: Privacy, *, days: int = DAYS) -> Seen:
    """R22 on generated days: one site of a scratch house a day, counted through HTTP, closed, attacked.

    Args:
        privacy: The settings under audit.
        days: How many; eight shapes in turn, all of them within one hour.

    Raises:
        TurvenError: `scratch_failed`.
    """
    tally, done = Tally(), Hostile()
    with scratch_house(privacy) as house:
        k = _fill(house, done, days=days)
        published = PublishedByHouse(house.ask)
        for part in published.parts():
            tally.add(published.cells(part), k=part.k)
    done.kept = tally.attacked
    return Seen.that(
        tally.leaking == 0 and done.kept > 0 and done.counted == done.sent,
        days=days,
        events_sent=done.sent,
        events_counted=done.counted,
        days_that_publish_figures=done.kept,
        k=k,
        **tally.evidence(),
    )


def _fill(house: ScratchHouse, done: Hostile, *, days: int) -> int:
    house.add_site("day0")
    k = _threshold(house)
    for seed in range(days):
        name = f"day{seed}"
        if seed:
            house.add_site(name)
        requests = list(requests_of(generate_hostile_day(seed, k=k), site=name))
        answered = house.send_all(requests)
        done.sent += len(requests)
        done.counted += answered.get(202, 0)
    house.ask("close")
    return k


def _threshold(house: ScratchHouse) -> int:
    """Return the k in force, as the house shows it to everybody."""
    shown = msgspec.json.decode(house.request("GET", "/privacy.json")[2])
    return int(shown["sites"][0]["k"])


def requests_of(happenings: list[Happening], *, site: str) -> Iterator[Request]:
    """Turn what happened into requests, in the order of their seconds; a network of its own tells a visitor apart."""
    seen: set[int] = set()
    for happening in sorted(happenings, key=lambda each: each["second"]):
        visitor, is_first = happening["visitor"], happening["visitor"] not in seen
        seen.add(visitor)
        headers = {
            "User-Agent": AGENTS[happening["browser"], happening["os"]],
            # Networks that differ within the first 16 bits, since a strict house keeps no more.
            _PROXIED: f"{20 + visitor // 200}.{visitor % 200}.7.5",
            COUNTRY_HEADER: happening["country"],
        }
        common = {"s": site, "u": f"https://canary.example{happening['page']}"}
        entry = {"r": REFERRERS[happening["source"]], "e": 1} if is_first else {}
        yield headers, common | {"n": "pageview"} | entry
        if happening["name"]:
            yield headers, common | {"n": happening["name"]}
        yield headers, common | {"n": "engagement", "d": happening["milliseconds"]}
