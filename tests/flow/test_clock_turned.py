"""A clock that is turned: each event is in one day, once, and no day is opened again."""

from datetime import date
from pathlib import Path

import pytest

from collector.model import Site
from tests.clock import ManualClock
from tests.house import TallyHouse


def test_a_clock_that_jumps_a_day_and_back(
    tmp_path: Path, clock: ManualClock, school: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A jump forward closes the day early and is said; after the way back nothing is counted twice nor lost."""
    house = TallyHouse(tmp_path, clock=clock).add(school).feed(visitors=12).tick()
    clock.forward(days=1)
    house.feed(visitors=13).tick().tick()
    assert "days that ended are closed now" in caplog.text
    assert house.rows("select day, outcome from closed") == [(date(2026, 11, 24), "kept")]
    clock.forward(days=-1)
    caplog.clear()
    for _ in range(3):
        house.feed(visitors=14).tick()
    # The client of the tests logs too, where another test turned its lines on.
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("turven")]
    assert [message[:25] for message in ours] == ["The clock was set back fr", "The clock is behind: even"]
    files = len(list((tmp_path / "data" / "spool").rglob("*.spool")))
    assert files <= 2, "no new file for each look"
    house.restart()
    clock.forward(days=1)
    house.tick().feed(visitors=15).tick()
    clock.forward(days=1)
    house.tick().tick()
    days = house.rows("select day, visitors, pageviews from cell where dimension = 'total' order by day")
    assert days == [(date(2026, 11, 24), 12, 12), (date(2026, 11, 25), 15, 13 + 3 * 14 + 15)]
    house.stop()


def test_a_clock_that_is_set_back_an_hour(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """Set back an hour and forward again, a day has each event once, and hours once committed stay."""
    house = TallyHouse(tmp_path, clock=clock).add(school)
    for hours in (1, 1, 1, -1, -1, 1, 1, 1):
        house.feed(visitors=12).tick()
        clock.forward(hours=hours)
    house.tick()
    hours_kept = house.rows("select first_hour, count(*) from committed_hour group by 1 having count(*) > 1")
    assert hours_kept == []
    clock.forward(days=1)
    house.tick().tick()
    assert house.rows("select visitors, pageviews from cell where dimension = 'total'") == [(12, 96)]
    house.stop()
