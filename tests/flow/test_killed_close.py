"""A house that is killed while it closes."""

import json
import random
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any, Final

from collector.control import SOCKET_NAME, ask
from collector.errors import TurvenError
from collector.model import Site
from tests.clock import ManualClock
from tests.house import TallyHouse
from tests.process import HouseProcess

KILLS: Final = 5
#: By site: at least k, so that every close has something to keep.
VISITORS: Final = {"school": 15, "tweede": 12}


def _close(house: HouseProcess) -> None:
    """Ask the running house to close everything, as the command does; it may be killed meanwhile."""
    with suppress(TurvenError, OSError):
        ask(house.runtime / SOCKET_NAME, "close", {"sites": None})


def _visit(house: HouseProcess, *, first: int) -> None:
    """Let new visitors of both sites each see two pages."""
    for site, visitors in VISITORS.items():
        for visitor in range(first, first + visitors):
            for page in ("/rooster", "/cijfers"):
                assert house.send(visitor=visitor, page=page, site=site) == 202


def _close_whole(house: HouseProcess) -> dict[str, list[dict[str, Any]]]:
    """Start the house, close, and return what is kept of each site's parts, in order."""
    kept = {}
    with house:
        assert ask(house.runtime / SOCKET_NAME, "close", {"sites": None})
        for site in VISITORS:
            asked = {"site": site, "first": None, "last": None, "format": "json"}
            rows = json.loads(ask(house.runtime / SOCKET_NAME, "export", asked) or b"[]")
            kept[site] = sorted((row for row in rows if row["dimension"] == "total"), key=lambda row: row["part"])
    return kept


def test_a_killed_close_counts_once(tmp_path: Path) -> None:
    """Killed at random moments of a close and started again, the house ends with every event once, on every site."""
    house = HouseProcess(tmp_path)
    # A time zone in which midnight is far: a day that turns meanwhile would be another test.
    zone = "America/Curacao" if datetime.now(UTC).hour in {22, 23} else "Europe/Amsterdam"
    house.add_school("--identity", "network", "--timezone", zone)
    house.turven(
        "site", "add", "tweede", "--host", "www.tweede.example", "--controller", "De Tweede", "--agreement", "VO-2",
        "--agreed-on", "2026-08-01", "--on", "--identity", "network", "--timezone", zone,
    )  # fmt: skip
    chance = random.Random(20261124)
    with house:
        _visit(house, first=0)
        began = monotonic()
        _close(house)
        longest = monotonic() - began
    for kill in range(1, KILLS + 1):
        house.start()
        _visit(house, first=100 * kill)
        closing = Thread(target=_close, args=(house,))
        closing.start()
        # The moment is the point here: anywhere from the first step to just after the last.
        closing.join(chance.uniform(0, 1.1 * longest))
        house.kill()
        closing.join()
    once = _close_whole(house)
    for site, visitors in VISITORS.items():
        kept = once[site]
        assert sum(row["pageviews"] for row in kept) == 2 * visitors * (KILLS + 1), (site, kept)
        assert sum(row["visitors"] for row in kept) == visitors * (KILLS + 1), (site, kept)
    # All sites of a close are kept together or not at all.
    assert [row["part"] for row in once["school"]] == [row["part"] for row in once["tweede"]]
    assert _close_whole(house) == once


def test_a_close_that_breaks_off_makes_nobody_two(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """Who comes before and after a close that broke off is one visitor: five people are not shown as ten."""
    house = TallyHouse(tmp_path, clock=clock).add(school).feed(visitors=12).feed(visitors=5, page="/klein")
    house.house.intake.look()

    def break_off() -> None:
        raise InterruptedError

    # The salt is replaced, and the collector was not waited for.
    house.house.engine.wait = break_off
    with suppress(InterruptedError):
        house.house.engine.close_now()
    house.restart().feed(visitors=12).feed(visitors=5, page="/klein").close()
    kept, shown = house.cells("total"), house.cells("page")
    house.stop()
    assert kept == {"": 12}
    assert "/klein" not in shown
