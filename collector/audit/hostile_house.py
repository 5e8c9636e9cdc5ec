"""Send days made to give a small group away through the real door, close them, and attack what is published."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from datetime import time
from functools import partial
from typing import Any, Final

import msgspec

from collector.audit.finding import Result, Seen
from collector.audit.hostile import Happening, generate_hostile_day
from collector.audit.kept import not_applicable
from collector.audit.outsider import Tally
from collector.audit.over_http import Door, PublishedByExits
from collector.audit.scratch import COUNTRY_HEADER, ScratchHouse, scratch_house
from collector.audit.snapshots import Snapshot, compare_snapshots
from collector.model import Profile
from collector.policy import K_FLOOR
from collector.settings import Privacy

#: Days in an audit that asks for no other number.
DAYS: Final = 6
#: Sites that one scratch house is asked to hold.
DAYS_MAX: Final = 1_000
#: Bits by which the made-up visitors can be told apart.
NETWORK_BITS: Final = 16
_BEGINS_AT: Final = time(20, 1)
#: The site that tells how far the house is; committed and closed after all others.
_CLOCK: Final = "zz-clock"
#: Hours of a generated day at which the next stretch begins.
_STAGES: Final = (9, 11, 14)
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
    "elo.example": "https://elo.example/", "mail.example": "https://mail.example/",
}  # fmt: skip

Request = tuple[Mapping[str, str], Mapping[str, Any]]


class Hostile(msgspec.Struct):
    """Add up what came of the days."""

    sent: int = 0
    counted: int = 0
    snapshots: int = 0
    requests: int = 0


def attack_hostile_days(privacy: Privacy, *, days: int = DAYS) -> Seen:
    """R22 on generated days: one site of a scratch house a day, counted, watched, closed and attacked over HTTP alone.

    Each day takes four hours of a clock that is moved on; after each, the dashboard of the running day is kept. Then
    midnight comes, and everything that the dashboard tells of the closed day is read and attacked, together with what
    was kept.

    Args:
        privacy: The settings under audit.
        days: How many; see `generate_hostile_day`.

    Raises:
        TurvenError: `scratch_failed`, `exit_closed`.
    """
    if privacy.ipv4_bits < NETWORK_BITS:
        return not_applicable(
            f"The visitors of made-up days differ in the first {NETWORK_BITS} bits of addresses; this house keeps "
            f"{privacy.ipv4_bits}, so all of them would be one. What is kept was attacked all the same."
        )
    tally, done = Tally(), Hostile()
    with scratch_house(privacy, begins_at=_BEGINS_AT) as house, Door("127.0.0.1", house.port) as door:
        seen = _fill(house, door, done, profile=privacy.profile, days=days)
        published = PublishedByExits(door.ask)
        house.wait_for(lambda: bool(published.days(_CLOCK)))
        k = 0
        for part in published.parts():
            if part.site == _CLOCK:
                continue
            k, cells = part.k, published.cells(part)
            tally.add(cells, k=k)
            tally.add_leaks(list(compare_snapshots(seen[part.site], cells, k=k)))
        done.requests = door.requests
    return Seen.that(
        tally.leaking == 0 and tally.attacked > 0 and done.counted == done.sent,
        days=days,
        events_sent=done.sent,
        events_counted=done.counted,
        days_that_publish_figures=tally.attacked,
        snapshots_of_running_days=done.snapshots,
        requests_to_the_dashboard=done.requests,
        k=k,
        **tally.evidence(),
    )


def _fill(house: ScratchHouse, door: Door, done: Hostile, *, profile: Profile, days: int) -> dict[str, list[Snapshot]]:
    """Let the days happen; return what was seen of each while it ran."""
    names = [f"day{seed:04}" for seed in range(days)]
    for name in (*names, _CLOCK):
        # The loosest that the house allows is the hardest to hold.
        house.add_site(name, profile=profile.value)
    published = PublishedByExits(door.ask)
    k = published.k_of(names[0])
    stages: list[list[Request]] = [[] for _ in range(len(_STAGES) + 1)]
    for seed, name in enumerate(names):
        for stage, request in requests_of(generate_hostile_day(seed, k=k), site=name):
            stages[stage].append(request)
    seen: dict[str, list[Snapshot]] = {name: [] for name in names}
    for stage, requests in enumerate(stages):
        ticks = [_tick(stage * k + visitor) for visitor in range(k)]
        done.sent += len(requests) + k
        done.counted += house.send_all([*requests, *ticks]).get(202, 0)
        house.step()
        if stage < len(_STAGES):
            house.wait_for(partial(_has_ticked, published, (stage + 1) * k))
            for name in names:
                seen[name].append(published.running(name))
                done.snapshots += 1
    return seen


def _has_ticked(published: PublishedByExits, visitors: int) -> bool:
    return published.visitors_running(_CLOCK) == visitors


def _tick(visitor: int) -> Request:
    """Return a visit of the site by which it is seen that an hour was committed."""
    headers = {"User-Agent": AGENTS["Chrome", "Windows"], _PROXIED: f"{20 + visitor}.0.7.5", COUNTRY_HEADER: "NL"}
    return headers, {"s": _CLOCK, "u": "https://canary.example/", "n": "pageview"}


def requests_of(happenings: list[Happening], *, site: str) -> Iterator[tuple[int, Request]]:
    """Turn what happened into requests, in the order of their seconds; a network of its own tells a visitor apart.

    With each comes the number of the stretch of the day that it lies in.
    """
    for happening in sorted(happenings, key=lambda each: each["second"]):
        stage = sum(happening["second"] >= hour * 3600 for hour in _STAGES)
        visitor = happening["visitor"]
        headers = {
            "User-Agent": AGENTS[happening["browser"], happening["os"]],
            # Networks that differ within the first 16 bits, since a strict house keeps no more.
            _PROXIED: f"{20 + visitor // 200}.{visitor % 200}.7.5",
            COUNTRY_HEADER: happening["country"],
        }
        common = {"s": site, "u": f"https://canary.example{happening['page']}"}
        entry = {"r": REFERRERS[happening["source"]], "e": 1} if happening["enters"] else {}
        yield stage, (headers, common | {"n": "pageview"} | entry)
        if happening["name"]:
            stated = {"p": {"niveau": happening["stated"]}} if happening["stated"] else {}
            yield stage, (headers, common | {"n": happening["name"]} | stated)
        yield stage, (headers, common | {"n": "engagement", "d": happening["milliseconds"]})


def main(words: list[str] | None = None) -> int:
    """Attack as many hostile days as are asked for; print what was seen, and return 1 where a group was found."""
    parser = ArgumentParser(prog="python -m collector.audit.hostile_house", description=main.__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--profile", type=Profile, choices=list(Profile), default=Profile.STANDARD)
    parser.add_argument("--k", type=int, default=K_FLOOR)
    asked = parser.parse_args(words)
    seen = attack_hostile_days(Privacy(profile=asked.profile, k=asked.k), days=asked.days)
    print(json.dumps({"result": seen.result, **seen.evidence}, indent=2))  # noqa: T201 - its answer
    return int(seen.result is Result.FAIL)


if __name__ == "__main__":
    sys.exit(main())
