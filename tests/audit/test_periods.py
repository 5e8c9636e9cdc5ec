"""Periods that overlap and sites together, asked over HTTP and subtracted: nothing new is told."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest
from starlette.testclient import TestClient

from collector.audit.finding import Result
from collector.audit.hostile_house import AGENTS
from collector.audit.outsider import PartName
from collector.audit.over_http import PublishedByExits
from collector.audit.periods import Subtracted, check_periods, subtract_periods, subtract_sites
from collector.model import Identity, Site
from tests.clock import ManualClock
from tests.house import TallyHouse
from turven.compose import compose

MAC = {"User-Agent": AGENTS["Safari", "macOS"]}


def live(house: TallyHouse, site: str, day: int) -> None:
    """Let a day of a site happen: busy ones, one of fewer than 2k, and one below k."""
    if day == 2:
        house.feed(visitors=14, site=site)
    elif day == 3:
        house.feed(visitors=6, site=site)
    else:
        house.feed(visitors=30 + day, site=site, r="https://www.google.com/")
        house.feed(visitors=12, first=50, page=f"/dag/{day}", site=site, headers=MAC)
        house.feed(visitors=11, first=80, page="/rooster", site=site, n="Klaar" if day == 4 else "pageview")
        house.feed(visitors=4, first=90, page="/zorg", site=site)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedByExits]:
    """Lend the dashboard of a house with two sites and seven closed days."""
    clock = ManualClock()
    house = TallyHouse(tmp_path_factory.mktemp("periods"), clock=clock)
    for name in ("portal", "school"):
        house.add(
            Site(
                id=name,
                hosts=("www.school.example",),
                controller="De School",
                agreement="V-1",
                agreed_on=clock.now().date(),
                identity=Identity.NETWORK,
                is_on=True,
            )
        )
    for day in range(1, 8):
        for name in ("portal", "school"):
            live(house, name, day if name == "school" else 8 - day)
        house.tick()
        house.close()
        clock.forward(days=1)
        house.tick()
    client = TestClient(
        compose(house.house, clock=clock), base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50_000)
    )

    def ask(path: str, params: Mapping[str, Any]) -> Any:
        answer = client.get(path, params=dict(params))
        assert answer.status_code == 200, answer.text
        return answer.json()

    yield PublishedByExits(ask)
    house.stop()


@pytest.mark.parametrize("day", [25, 26])
def test_a_week_minus_six_days_is_a_day(asked: PublishedByExits, day: int) -> None:
    """A week minus six of its days tells what the seventh tells by itself; of a day below k, nothing."""
    done = subtract_periods(asked, PartName(date(2026, 11, day), "school", 1, 10))
    assert done.new == 0
    assert done.figures + done.nothing > 20


@pytest.mark.parametrize("day", [25])
def test_two_sites_minus_one_are_the_other(asked: PublishedByExits, day: int) -> None:
    """What two sites come to together, minus one of them, is what the other tells by itself."""
    done = subtract_sites(asked, PartName(date(2026, 11, day), "school", 1, 10), "portal")
    assert (done.new, done.queries) == (0, len(asked.dimensions("school")))
    assert done.figures + done.nothing > 10


def test_the_audit_asks_as_long_as_it_may(asked: PublishedByExits) -> None:
    """The check puts its questions to the newest day first, and finds nothing that is told nowhere else."""
    seen = check_periods(asked, asked, seconds=0)
    assert seen.result is Result.PASS
    assert seen.evidence["questions_subtracted"] == 3 * len(asked.dimensions("school"))


def test_a_new_figure_is_seen() -> None:
    """A difference that is told nowhere by itself is counted: withheld on the day, or another figure."""
    done, key = Subtracted(), ("page", "/a", "visitors")
    done.add({key: 43}, {key: 40}, {})
    done.add({key: 43}, {key: 30}, {key: 12})
    done.add({key: 43}, {key: 30}, {key: 13})
    assert (done.queries, done.figures, done.new) == (3, 1, 2)
