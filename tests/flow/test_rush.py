"""A rush on a house: what is above a limit is refused, told and counted, and nothing else is touched."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.audit.finding import Result
from collector.audit.governance import no_total_spans_sites
from collector.audit.kept import Kept
from collector.effective import house_settings
from collector.model import Site
from collector.settings import Limits
from tests.clock import ManualClock
from tests.house import TallyHouse

LIMITS = Limits(site_events_per_second=2, network_events_per_minute=3)


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, school: Site) -> Iterator[TallyHouse]:
    """Open a house that takes two events of a site a second, and three of a network a minute."""
    made = TallyHouse(tmp_path, clock=clock, limits=LIMITS)
    made.add(school).add(msgspec.structs.replace(school, id="library"))
    yield made
    made.stop()


def statuses(house: TallyHouse, visitors: range, *, site: str = "school") -> list[int]:
    """Send an event of each visitor; return the answers."""
    return [house.send(visitor=visitor, site=site).status_code for visitor in visitors]


def test_a_rush_is_refused_and_counted_for_its_site(house: TallyHouse, clock: ManualClock) -> None:
    """Above ten seconds' worth a site's events are answered 503 and counted as its own; another site goes on."""
    assert statuses(house, range(35)) == [202] * 20 + [503] * 15
    refused = house.send(visitor=36)
    assert (refused.headers["retry-after"], refused.json()["error"]) == ("2", "overload")
    assert statuses(house, range(5), site="library") == [202] * 5
    clock.forward(seconds=2)
    assert statuses(house, range(40, 45)) == [202] * 4 + [503]
    house.tick().close()
    assert house.rows("select site, reason, count from dropped") == [("school", "overload", 10)]
    assert house.cells("total", measure="pageviews") == {"": 24}


def test_one_network_is_held_apart(house: TallyHouse, clock: ManualClock) -> None:
    """With a limit for networks one sender is refused, others are not, and a minute later it may send again."""
    assert [house.send(visitor=0).status_code for _ in range(5)] == [202, 202, 202, 503, 503]
    assert statuses(house, range(1, 4)) == [202] * 3
    clock.forward(minutes=1)
    assert statuses(house, range(1)) == [202]


def test_the_debug_echo_takes_no_room(house: TallyHouse, school: Site) -> None:
    """Looking at what would be stored uses nothing of a site's limit."""
    for _ in range(50):
        assert house.client.post("/event?debug=1", content=b'{"s":"school","n":"pageview","u":"/"}').status_code == 200
    assert statuses(house, range(20)) == [202] * 20


def test_what_is_refused_unread_is_counted_for_the_house(house: TallyHouse, clock: ManualClock) -> None:
    """An event that was refused before its site was known is the house's, in tens, and the audit finds that right."""
    statuses(house, range(20))
    for _ in range(17):
        house.house.intake.refuse_overload()
    house.tick()
    clock.forward(days=1)
    house.tick().tick()
    assert house.rows("select site, reason, count from dropped") == [("", "overload", 10)]
    with house.house.engine.history.read() as cursor:
        assert no_total_spans_sites(Kept(cursor)).result is Result.PASS


def test_limits_in_force_stand_in_the_log(house: TallyHouse) -> None:
    """What the house takes is among the settings that it promises, and a change of it is an entry of the log."""
    house.settings = msgspec.structs.replace(house.settings, limits=Limits())
    house.restart()
    assert house_settings(house.settings)["limits"]["site_events_per_second"] == 1_000
    changes = [row[0] for row in house.rows("select change from settings_log where site = '' order by seq")]
    assert '"site_events_per_second":2' in changes[0].replace(" ", "")
    assert '"site_events_per_second":1000' in changes[1].replace(" ", "")
