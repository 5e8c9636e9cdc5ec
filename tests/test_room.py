"""The running days have a bound in memory: a part closes early, no event is lost, and the process lives."""

from pathlib import Path

import msgspec
import pytest

from collector import room
from collector.model import Site
from collector.room import Room
from tests.clock import ManualClock
from tests.house import TallyHouse


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, school: Site, monkeypatch: pytest.MonkeyPatch) -> TallyHouse:
    """Open a house with two sites and room for about a hundred events."""
    monkeypatch.setattr(room, "_MEGABYTE", 1024)
    made = TallyHouse(tmp_path, clock=clock)
    made.house.engine.room = Room(100)
    return made.add(school).add(msgspec.structs.replace(school, id="small"))


def kept(house: TallyHouse) -> list[tuple[object, ...]]:
    """Return site, part, pageviews and visitors of what is kept."""
    with house.house.engine.history.read() as cursor:
        return cursor.execute(
            "select site, part, pageviews, visitors from cell where dimension = 'total' and filter_dimension = '' "
            "order by all"
        ).fetchall()


def test_the_largest_part_closes_early(house: TallyHouse, caplog: pytest.LogCaptureFixture) -> None:
    """Above the bound the largest site's part is kept and another follows; the other site goes on; both are exact."""
    house.feed(visitors=12, site="small")
    for page in range(12):
        house.feed(visitors=15, page=f"/{page}")
    for _ in range(4):
        house.tick()
    assert kept(house) == [("school", 1, 180, 15)]
    assert "the part of school on 2026-11-24 closes early" in caplog.text
    assert "turven_parts_closed_early_total 1.0" in house.house.engine.metrics.text().decode()
    house.feed(visitors=11).feed(visitors=12, site="small")
    house.tick()
    house.close()
    assert kept(house) == [("school", 1, 180, 15), ("school", 2, 11, 11), ("small", 1, 24, 12)]


def test_a_site_below_k_is_left(house: TallyHouse, caplog: pytest.LogCaptureFixture) -> None:
    """Where no site has k visitors nothing is closed: what comes waits in the spool and nothing is lost."""
    for page in range(30):
        house.feed(visitors=9, page=f"/{page}")
    house.tick().feed(visitors=1, first=20).tick()
    assert kept(house) == []
    running = next(iter(house.house.engine._days.values()))
    assert (running.day.events("school"), running.reader.unread_bytes() > 0) == (270, True)
    assert "what comes waits in the spool" in caplog.text
    # For somebody to see to, though events are taken in.
    assert not house.house.engine.metrics.is_well
    assert house.send(visitor=21).status_code == 202
    house.house.engine.room = Room(2_000)
    house.tick()
    assert (running.day.events("school"), running.reader.unread_bytes()) == (272, 0)
    house.tick().tick()
    assert house.house.engine.metrics.is_well
