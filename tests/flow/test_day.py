"""The life of a day: from a request to a kept cell, over restarts, reboots, midnights and clock changes."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from collector.model import Identity, Outcome, Site
from tests.clock import ManualClock
from tests.house import TallyHouse


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, school: Site) -> Iterator[TallyHouse]:
    """Open a house with one school."""
    made = TallyHouse(tmp_path, clock=clock).add(school)
    yield made
    made.stop()


def test_small_pages_are_counted_together(house: TallyHouse) -> None:
    """Of pages with 30, 9 and 4 visitors the first is shown; the others are 13 visitors of `(other)`."""
    house.feed(visitors=30, page="/rooster").feed(visitors=9, page="/geheim-b", first=100)
    house.feed(visitors=4, page="/geheim-c", first=200)
    assert house.close() == {"school": Outcome.KEPT}
    assert house.cells("total") == {"": 43}
    assert house.cells("page") == {"/rooster": 30, "(other)": 13}
    assert b"/geheim-b" not in house.bytes_on_disk()
    assert b"/geheim-c" not in house.bytes_on_disk()


def test_a_remainder_below_k_takes_the_last_page_along(house: TallyHouse) -> None:
    """With pages of 30 and 9 visitors no page is shown, only the total of 39."""
    house.feed(visitors=30, page="/rooster").feed(visitors=9, page="/cijfers", first=100).close()
    assert house.cells("total") == {"": 39}
    assert house.cells("page") == {}


def test_a_part_below_k_leaves_only_a_marker(house: TallyHouse) -> None:
    """Nine visitors in a day leave no figure at all."""
    house.feed(visitors=9)
    house.clock.set("2026-11-25T00:01:00+01:00")
    house.tick()
    assert house.rows("select count(*) from cell") == [(0,)]
    assert house.rows("select outcome from closed") == [("below_k",)]


def test_a_site_below_k_runs_on(house: TallyHouse) -> None:
    """A close of fewer than k visitors changes nothing: they are counted with those who follow."""
    house.feed(visitors=9)
    assert house.close() == {"school": None}
    house.feed(visitors=1, first=9).close()
    assert house.cells("total") == {"": 10}


def test_a_restart_changes_no_count(house: TallyHouse) -> None:
    """After a restart the same visitors are known: nobody counts twice, nothing is lost."""
    house.feed(visitors=12, page="/rooster").tick().restart()
    house.feed(visitors=14, page="/rooster").restart().close()
    assert house.cells("total") == {"": 14}
    assert house.cells("total", measure="pageviews") == {"": 26}


def test_midnight_closes_the_day(house: TallyHouse) -> None:
    """At local midnight the day is closed and the next begins; each event is in its own day, once."""
    house.clock.set("2026-11-24T23:59:59+01:00")
    house.feed(visitors=11, page="/a")
    house.clock.set("2026-11-25T00:00:00+01:00")
    house.feed(visitors=13, page="/b").tick().tick()
    house.clock.set("2026-11-26T00:00:30+01:00")
    house.tick().tick()
    days = house.rows("select day, visitors from cell where dimension = 'total' order by day")
    assert days == [(date(2026, 11, 24), 11), (date(2026, 11, 25), 13)]


def test_after_midnight_nothing_of_the_day_is_left(house: TallyHouse) -> None:
    """Once a day is closed its spool files, its seal key and its salts are gone."""
    house.feed(visitors=12).tick()
    house.clock.set("2026-11-25T00:01:00+01:00")
    house.tick().tick()
    left = [path for path in house.folder.rglob("*") if "2026-11-24" in str(path)]
    # An empty file says that the epoch is over, so that no process begins it again.
    assert [path.parent.name for path in left] == ["destroyed"]
    assert left[0].read_bytes() == b""
    assert house.cells("total") == {"": 12}


def test_two_time_zones_close_each_at_their_own_midnight(house: TallyHouse, school: Site) -> None:
    """A site on Curaçao closes five hours after one in Amsterdam."""
    island = msgspec.structs.replace(school, id="eiland", timezone="America/Curacao")
    house.add(island)
    house.clock.set("2026-11-24T23:30:00+01:00")
    house.feed(visitors=12).feed(visitors=15, site="eiland").tick()
    house.clock.set("2026-11-25T00:10:00+01:00")
    house.feed(visitors=15, first=100, site="eiland").tick().tick()
    assert house.rows("select site from closed") == [("school",)]
    house.clock.set("2026-11-25T05:10:00+01:00")
    house.tick().tick()
    assert house.cells("total", site="eiland") == {"": 30}
    assert house.rows("select site, day from closed order by site") == [
        ("eiland", date(2026, 11, 24)),
        ("school", date(2026, 11, 24)),
    ]


@pytest.mark.parametrize(
    ("day", "steps"),
    [
        ("2026-10-25", ["00:30+02:00", "02:30+02:00", "02:30+01:00", "23:30+01:00"]),
        ("2026-03-29", ["00:30+01:00", "01:59+01:00", "03:00+02:00", "23:30+02:00"]),
    ],
)
def test_a_day_with_a_clock_change_is_one_day(tmp_path: Path, school: Site, day: str, steps: list[str]) -> None:
    """A day of 25 or 23 hours holds each of its events once."""
    clock = ManualClock(f"{day}T{steps[0]}")
    house = TallyHouse(tmp_path, clock=clock).add(school)
    for number, step in enumerate(steps):
        clock.set(f"{day}T{step}")
        house.feed(visitors=10, first=10 * number).tick()
    clock.forward(hours=1)
    house.tick().tick()
    assert house.rows("select day, visitors from cell where dimension = 'total'") == [(date.fromisoformat(day), 40)]
    house.stop()


def test_parts_of_a_day_obey_k_alone(house: TallyHouse) -> None:
    """A close in the middle of a day begins a new part, in which the same visitor is somebody else."""
    house.feed(visitors=12).close()
    house.feed(visitors=15).close()
    parts = house.rows("select part, visitors from cell where dimension = 'total' order by part")
    assert parts == [(1, 12), (2, 15)]


def test_closing_again_counts_nothing_twice(house: TallyHouse) -> None:
    """What a close has counted is not counted by the next, nor by a restart, nor at midnight."""
    house.feed(visitors=12).close()
    assert house.close() == {"school": None}
    house.restart().tick()
    house.clock.set("2026-11-25T00:01:00+01:00")
    house.tick().tick()
    assert house.rows("select sum(visitors) from cell where dimension = 'total'") == [(12,)]


def test_a_reboot_keeps_the_committed_hours(house: TallyHouse) -> None:
    """When the machine loses its memory, the committed hours stay and the loss is said; the rest is gone."""
    house.feed(visitors=12)
    house.clock.set("2026-11-24T10:30:00+01:00")
    house.feed(visitors=14, first=50)
    house.clock.set("2026-11-24T11:30:00+01:00")
    house.tick()
    assert house.rows("select first_hour, last_hour, visitors from committed_hour") == [(9, 9, 10)]
    house.stop()
    shutil.rmtree(house.settings.runtime_path())
    house._start()
    assert house.rows("select outcome, part from closed") == [("lost", 1)]
    assert house.rows("select reason, day from gap") == [("keys_lost", date(2026, 11, 24))]
    assert house.rows("select pageviews from committed_hour") == [(12,)]
    house.feed(visitors=11, first=90).close()
    assert house.cells("total") == {"": 11}
    assert house.rows("select part, outcome from closed order by part") == [(1, "lost"), (2, "kept")]


def test_the_running_day_is_shown_as_of_the_hour(house: TallyHouse) -> None:
    """Of today one sees, once an hour, what has k visitors, in multiples of k."""
    house.feed(visitors=27, page="/rooster").feed(visitors=9, page="/cijfers", first=100).tick()
    assert house.rows("select * from today.cell") == []
    house.clock.set("2026-11-24T10:00:05+01:00")
    house.feed(visitors=20, page="/later", first=300).tick()
    shown = house.rows("select dimension, value, visitors, pageviews from today.cell order by all")
    assert shown == [
        ("page", "/rooster", 20, None),
        ("source", "(direct)", 30, None),
        ("total", "", 30, None),
    ]


def test_browser_identity_counts_behind_one_address(house: TallyHouse, school: Site) -> None:
    """Behind one address with one kind of device, a number that dies at midnight tells visitors apart."""
    house.add(msgspec.structs.replace(school, id="leerlingen", identity=Identity.BROWSER))
    for number in range(25):
        answer = house.send(visitor=1, site="leerlingen", i=f"{number:032x}")
        assert answer.status_code == 202
    house.close("leerlingen")
    assert house.cells("total", site="leerlingen") == {"": 25}


def test_drops_are_kept_per_closed_day(house: TallyHouse) -> None:
    """What was not counted is kept by reason, in tens, for the closed day."""
    for visitor in range(25):
        assert house.send(visitor=visitor, headers={"User-Agent": "Googlebot/2.1"}).headers["X-Dropped"] == "bot"
    for visitor in range(250):
        assert house.send(visitor=visitor, headers={"Sec-GPC": "1"}).headers["X-Dropped"] == "opt_out"
    house.feed(visitors=12).tick()
    house.clock.set("2026-11-25T00:01:00+01:00")
    house.tick().tick()
    assert house.rows("select site, reason, count from dropped order by all") == [
        ("", "opt_out", 200),
        ("school", "bot", 20),
    ]
